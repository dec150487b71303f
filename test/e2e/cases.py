"""Small programs that together use every entry of the importer's tables; each is (module, args[, loss])."""

import torch
import torch.nn as nn
import torch.nn.functional as F


class Function(nn.Module):
    """A function of tensors, with parameters `p0`, `p1`, ... of the given shapes."""

    def __init__(self, function, *shapes):
        super().__init__()
        self.function = function
        for i, shape in enumerate(shapes):
            self.register_parameter(f"p{i}", nn.Parameter(torch.randn(shape)))
        self.register_buffer("table", torch.arange(12.0).reshape(3, 4) / 7)

    def forward(self, x):
        return self.function(x, *self._parameters.values())


def on(shape, function, *shapes):
    return lambda: (Function(function, *shapes), (torch.randn(shape),))


class Positions(nn.Module):
    """Position ids, a mask and a table, all made in forward: constants."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(5, 4))
        self.scale = torch.tensor(0.5)  # neither a parameter nor a buffer

    def forward(self, x):
        positions = torch.arange(x.shape[1], device=x.device)
        table = torch.outer(positions.float() / 7, torch.ones(4)).cos()
        mask = torch.tril(torch.ones(5, 5)) * self.scale
        return mask @ (x * self.weight + table.expand(x.shape)) + torch.zeros_like(x) + torch.full_like(x, 2.0)


class Tied(nn.Module):
    """One weight under two names; the signature of torch.export uses the last."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(6, 6, bias=False)
        self.frozen = nn.Linear(6, 6)
        self.second = nn.Linear(6, 6)
        self.second.weight = self.first.weight
        self.frozen.requires_grad_(False)
        self.unused = nn.Parameter(torch.ones(3))

    def forward(self, x):
        return self.second(self.frozen(self.first(x)))


class InPlace(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(4, 4))

    def forward(self, x):
        y = F.silu(x @ self.weight)
        y += x
        y.mul_(2).sub_(self.weight)
        return F.silu(y, inplace=True)


class NoGradOnInput(nn.Module):
    """A no_grad region that no parameter flows through changes nothing."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(6, 6)

    def forward(self, x):
        with torch.no_grad():
            z = x * 2
            with torch.enable_grad():
                z = z + 1
        return self.linear(x) + z.detach()


class NoGradOnParameters(nn.Module):
    """Here the region means a stop-gradient, which torch's own inlining would forget."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(6, 6)

    def forward(self, x):
        with torch.no_grad():
            scale = self.linear(x).sum()
        return self.linear(x) * scale


class Autocast(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 4)

    def forward(self, x):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return self.linear(x)


class Branch(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 4)

    def forward(self, x):
        return self.linear(x) if x.sum() > 0 else x


class Chatty(nn.Module):
    def __init__(self):
        super().__init__()
        print("building")
        self.linear = nn.Linear(4, 4)

    def forward(self, x):
        print("tracing")
        return self.linear(x)


def on_meta_with_a_buffer():
    with torch.device("meta"):
        return Function(lambda x, p: x * p + torch.arange(4, device=x.device), (4,)), (torch.randn(3, 4),)


def on_meta_using_a_buffer():
    with torch.device("meta"):
        module = Function(None, (4,))
    module.function = lambda x, p: x * p + module.table
    return module, (torch.randn(3, 4),)


class Block(nn.Module):
    """Modules in modules, in eval: dropout is an identity."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(6, 8), nn.SiLU(), nn.Dropout(0.1), nn.Identity(), nn.Linear(8, 6))

    def forward(self, x):
        return x + self.layers(x)


class Containers(nn.Module):
    """Arguments in containers, keywords, numbers and None; results by key."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(4, 4))

    def forward(self, pair, scale, *, mask=None, extra=None):
        a, b = pair["a"], pair["b"]
        return {"sum": (a + b) @ self.weight * scale * mask, "difference": a - b, "nothing": extra}


PARITY = {
    # elementwise
    "neg": on((3, 4), lambda x, p: -(x * p), (4,)),
    "silu": on((3, 4), lambda x, p: F.silu(x + p), (3, 1)),
    "sigmoid": on((3, 4), lambda x, p: torch.sigmoid(x - p), ()),
    "alpha": on((3, 4), lambda x, p: torch.sub(torch.add(x, p, alpha=2.5), p, alpha=-3), (3, 4)),
    "numbers": on((3, 4), lambda x, p: (1 - x) * 3 + 2 * p - 0.25 + (x - 1) / 7, (1, 4)),
    "rsub": on((3, 4), lambda x, p: torch.rsub(x, p, alpha=2) * torch.rsub(p, 1.5), (3, 4)),
    "broadcasting": on((3, 1, 4), lambda x, p, q: x * p + q, (5, 1), (2, 1, 5, 4)),
    "powers": on((3, 4), lambda x, p: x**2 + p**3 + x**4 + p.square() + x**1, (4,)),
    "addcmul": on((3, 4), lambda x, p: torch.addcmul(p, x, x, value=0.5), (4,)),
    "divide_by_constant": on((3, 4), lambda x, p: x / (torch.arange(4) + 2) + p, (4,)),
    "integers_promote": on((3, 4), lambda x, p: x * torch.arange(4) + p * torch.tensor(3), (4,)),
    "functions": on(
        (3, 4), lambda x, p: torch.exp(x * p) + torch.log(x.abs() + p.exp()) + torch.tanh(x - p) + torch.erf(p), (4,)
    ),
    "roots": on((3, 4), lambda x, p: torch.sqrt(x * x + 1) * torch.rsqrt(p.exp()) + (p * p + 1).reciprocal(), (4,)),
    "relu": on((3, 4), lambda x, p: F.relu(x + p) + F.leaky_relu(x * p, 0.1), (4,)),
    "gelu": on((3, 4), lambda x, p: F.gelu(x + p) - F.gelu(x * p, approximate="tanh"), (4,)),
    "divide": on((3, 4), lambda x, p: x / p.exp() + 2 / (x * x + 1) + torch.div(x, p * p + 1), (4,)),
    "exponents": on((3, 4), lambda x, p: (x * x + p.exp()) ** 0.5 + p.exp() ** -1.5 + x**0 + p**5, (4,)),
    "extremes": on((3, 4), lambda x, p: torch.maximum(x, p) + torch.minimum(x * p, x), (4,)),
    "clamp": on((3, 4), lambda x, p: (x * p).clamp(-0.5, 0.25) + x.clamp(min=0.1) + p.clamp(max=0.2), (4,)),
    "where": on(
        (3, 4),
        lambda x, p: torch.where(x > p, x, 0.5) + torch.where(x <= 0, p, x) + (x * p).masked_fill(p != p, 2.0),
        (4,),
    ),
    "comparisons": on((3, 4), lambda x, p: sum(f(x, p).to(x.dtype) for f in (torch.lt, torch.ge, torch.eq)) * p, (4,)),
    "masks": on(
        (4, 4), lambda x, p: (x * p).masked_fill(torch.ones(4, 4, dtype=torch.bool).tril().logical_not(), -1.0), (4,)
    ),
    "detach": on((3, 4), lambda x, p: x * (p * 2).detach() + p, (4,)),
    # contraction
    "linear": on((2, 3, 4), lambda x, w, b: F.linear(x, w, b), (5, 4), (5,)),
    "linear_of_vector": on((4,), lambda x, w: F.linear(x, w), (5, 4)),
    "matmul_1_1": on((4,), lambda x, p: x @ p, (4,)),
    "matmul_1_2": on((4,), lambda x, p: x @ p, (4, 5)),
    "matmul_1_3": on((4,), lambda x, p: x @ p, (2, 4, 5)),
    "matmul_2_1": on((3, 4), lambda x, p: x @ p, (4,)),
    "matmul_2_3": on((3, 4), lambda x, p: x @ p, (2, 4, 5)),
    "matmul_3_1": on((2, 3, 4), lambda x, p: x @ p, (4,)),
    "matmul_3_2": on((2, 3, 4), lambda x, p: x @ p, (4, 5)),
    "matmul_3_3": on((2, 3, 4), lambda x, p: x @ p, (2, 4, 5)),
    "matmul_batch_of_one": on((2, 3, 4), lambda x, p: x @ p, (1, 4, 5)),
    "matmul_batches_broadcast": on((2, 1, 3, 4), lambda x, p: x @ p, (7, 4, 5)),
    "matmul_4_4": on((2, 3, 4, 5), lambda x, p: x @ p.transpose(-2, -1), (2, 3, 6, 5)),
    "mm_bmm": on(
        (2, 3, 4), lambda x, p: torch.bmm(x, p) + torch.mm(x[:, :, :].reshape(6, 4), p.reshape(4, 10)).sum(), (2, 4, 5)
    ),
    "mv_dot": on((3, 4), lambda x, p: torch.mv(x, p) * torch.dot(p, p), (4,)),
    "addmm": on((3, 4), lambda x, w, b: torch.addmm(b, x, w, beta=0.5, alpha=2), (4, 5), (5,)),
    "baddbmm": on((2, 3, 4), lambda x, w, b: torch.baddbmm(b, x, w), (2, 4, 5), (1, 3, 5)),
    "addmv": on((3, 4), lambda x, w, b: torch.addmv(b, x, w), (4,), (3,)),
    "einsum": on(
        (2, 3, 4), lambda x, p: torch.einsum("bik,bjk->jbi", x, p) + torch.einsum("bik->b", x)[None, :, None], (2, 5, 4)
    ),
    # shape
    "views": on(
        (2, 3, 4), lambda x, p: x.view(2, -1).reshape(3, 8).flatten().unflatten(0, (4, 6)).unsqueeze(1) * p, (6,)
    ),
    "squeezes": on((1, 3, 1, 4), lambda x, p: (x.squeeze(0) + p).squeeze() + x.squeeze((0, 2)), ()),
    "permutations": on(
        (2, 3, 4), lambda x, p: (x.permute(2, 0, 1) * p).transpose(0, -1).mT + x.movedim(1, 0).mT, (2, 3)
    ),
    "t": on((3, 4), lambda x, p: p.t() @ x + (x.T @ p).T, (3, 3)),
    "expand": on((3, 1), lambda x, p: x.expand(2, 3, 4) + p.expand_as(x) + p.broadcast_to(2, 3, 1), (3, 1)),
    "broadcast_tensors": on((3, 1), lambda x, p: sum(torch.broadcast_tensors(x, p)), (4,)),
    "repeat": on((3, 4), lambda x, p: (x * p).repeat(2, 1, 3), (4,)),
    "repeat_interleave": on((2, 3), lambda x, p: (x * p).repeat_interleave(2, dim=1), (3,)),
    "slices": on((4, 6), lambda x, p: (x * p)[1:3, ::2] + x[-2:, 3:] * p[:3] + x[3, 1] + x.narrow(1, 2, 3)[:2], (6,)),
    "splits": on(
        (4, 6),
        lambda x, p: sum(torch.chunk(x * p, 3, dim=1)) + x.split([2, 4], 1)[0] + torch.stack(x.split(4, 1)[0].unbind(0))[:, :2],
        (6,),
    ),
    "concats": on((3, 4), lambda x, p: torch.cat([x, p, x * 2]) + torch.stack([x[0], p[0]], 1).reshape(1, 8)[:, :4], (1, 4)),
    "pads": on(
        (3, 4), lambda x, p: F.pad(x * p, (1, 2, 0, 1)) + F.pad(x, (3, 0, -1, 2), value=0.5) + F.pad(x, (0, 3, 1, 0)), (4,)
    ),
    "whole_slices": on((3, 1, 4), lambda x, p: x[:, 0, :][:, 0:4] * p[...], (4,)),
    # reduction
    "sum": on((2, 3, 4), lambda x, p: (x * p).sum() + x.sum(dtype=torch.float64).to(x.dtype), (4,)),
    "sum_dims": on((2, 3, 4), lambda x, p: (x * p).sum((0, -1)) + x.sum(1).sum(), (4,)),
    "sum_keepdim": on((2, 3, 4), lambda x, p: x - (x * p).sum(-1, keepdim=True), (4,)),
    "mean": on((2, 3, 4), lambda x, p: (x * p).mean(), (4,)),
    "mean_dims": on((2, 3, 4), lambda x, p: (x * p).mean((-1, 0), keepdim=True) + x.mean(1, keepdim=True), (4,)),
    "amax": on((2, 3, 4), lambda x, p: (x * p).amax((0, 2)) + x.amin(1, keepdim=True).amax() + (x * p).max(), (4,)),
    "softmax": on((2, 3, 4), lambda x, p: F.softmax(x * p, -1) + torch.softmax(x, 1) + F.log_softmax(x + p, 2), (4,)),
    "layer_norm": on(
        (2, 3, 4),
        lambda x, w, b: F.layer_norm(x, (4,), w, b) + F.layer_norm(x, (3, 4)) + F.layer_norm(x * b, (4,), bias=b),
        (4,),
        (4,),
    ),
    "mse_mean": on((3, 4), lambda x, p: F.mse_loss(x, p), (3, 4)),
    "mse_sum": on((3, 4), lambda x, p: F.mse_loss(x, p, reduction="sum"), (3, 4)),
    "mse_none": on((3, 4), lambda x, p: F.mse_loss(x, p, reduction="none"), (3, 4)),
    # constants, identities, structure
    "positions": lambda: (Positions(), (torch.randn(2, 5, 4),)),
    "tied": lambda: (Tied(), (torch.randn(3, 6),), lambda y: y.sum()),
    "in_place": lambda: (InPlace(), (torch.randn(4, 4),)),
    "no_grad_on_parameters": lambda: (NoGradOnParameters(), (torch.randn(4, 6),)),
    "no_grad_on_input": lambda: (NoGradOnInput(), (torch.randn(4, 6),)),
    "block": lambda: (Block().eval(), (torch.randn(3, 6),), lambda y: (y * y).mean()),
    "casts": on(
        (3, 4), lambda x, p: (x.double() * p.to(torch.float64)).to(x.dtype).type_as(p).contiguous().clone(), (4,)
    ),
    "result_is_an_argument": on((3, 4), lambda x, p: (x, p, torch.ones(2)), (4,)),
}


def containers():
    pair = {"a": torch.randn(3, 4), "b": torch.randn(3, 4)}
    return Containers(), {"pair": pair, "scale": 3, "mask": torch.randn(4)}


# Each fails to import: what build returns, and what the message must say.
FAILURES = {
    "unsupported": (
        lambda: (nn.Sequential(nn.Linear(4, 4), nn.Hardtanh()), (torch.randn(3, 4),)),
        r"unsupported op aten\.hardtanh\.default in module '1' \(Hardtanh\)",
    ),
    "also_unsupported": (
        on((3, 4), lambda x, p: torch.lgamma(p * x).digamma(), ()),
        r"cases\.py:\d+:\d+: unsupported op aten\.lgamma\.default \(also unsupported here: aten\.digamma\.default\)",
    ),
    "autocast": (lambda: (Autocast(), (torch.randn(3, 4),)), r"cases\.py:\d+:20: a torch\.autocast region"),
    "branch": (lambda: (Branch(), (torch.randn(3, 4),)), r"cases\.py:\d+: tracing Branch: \w+: .*data-dependent"),
    "input_changes": (
        on((3, 4), lambda x, p: x.add_(1) * p, (4,)),
        r"cases\.py:\d+:\d+: forward changes its input 'x' in place",
    ),
    "padding": (on((1, 3, 4), lambda x, p: F.pad(x * p, (1, 1), "reflect"), (4,)), r"aten\.pad\.default: padding mode 'reflect'"),
    "dropout": (
        lambda: (nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.1)), (torch.randn(3, 4),)),
        r"in module '1' \(Dropout\): dropout with p = 0\.1 in training: call \.eval\(\)",
    ),
    "random": (on((3, 4), lambda x, p: x * p + torch.rand(4), (4,)), r"random numbers in forward"),
    "buffer_changes": (
        lambda: (nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4)), (torch.randn(3, 4),)),
        r"changes the buffer '1\.\w+'.*\.eval\(\)",
    ),
    "complex": (
        on((3, 4), lambda x, p: torch.view_as_complex((x * p).reshape(3, 2, 2)).real, (4,)),
        r"view_as_complex|complex64",
    ),
    "integer_arithmetic": (
        lambda: (Function(lambda n: n + 1), (torch.ones(3, dtype=torch.int64),)),
        r"arithmetic on i64 tensors",
    ),
    "not_a_tuple": (lambda: nn.Linear(4, 4), r"expected \(module, example args\).*got a value of type Linear"),
    "not_a_module": (lambda: (torch.nn.functional.silu, (torch.randn(3),)), r"expected a torch\.nn\.Module first"),
    "args_do_not_fit": (
        lambda: (nn.Linear(4, 4), (torch.randn(3, 4), torch.randn(3))),
        r"do not fit Linear\.forward: too many positional",
    ),
    "wrong_shape": (lambda: (nn.Linear(4, 4), (torch.randn(3, 5),)), r"tracing Linear: .*Error"),
    "loss_not_scalar": (
        lambda: (nn.Linear(4, 4), (torch.randn(3, 4),), lambda y: y),
        r"loss to be a scalar floating-point tensor, got a tensor of shape \[3, 4\]",
    ),
    "loss_with_parameters": (
        lambda: (nn.Linear(4, 4), (torch.randn(3, 4),), nn.Linear(4, 1)),
        r"the loss has parameters",
    ),
    "raises": (lambda: [][1], r"cases\.py:\d+: \w+\(\): IndexError: list index out of range"),
}
