"""Products: all are `linear` where the weight is [out, in], else `contract`."""

import torch

from ..errors import Unsupported
from .elementwise import _scaled

aten = torch.ops.aten


def linear(context, x, weight, bias=None):
    x, weight = context.value(x), context.value(weight)
    if len(weight.shape) == 1:
        return context.build.contract(x, weight, ([len(x.shape) - 1], [0]))
    result = context.build.linear(x, weight)
    return result if bias is None else context.build.binary("add", result, context.operand(bias))


def matmul(context, a, b):
    """torch.matmul, which mm, bmm, mv and dot are cases of."""
    a, b = context.value(a), context.value(b)
    rank_a, rank_b = len(a.shape), len(b.shape)
    contract = [rank_a - 1], [max(rank_b - 2, 0)]
    if rank_b <= 2:
        return context.build.contract(a, b, contract)
    if all(n == 1 for n in b.shape[:-2]) and rank_b <= rank_a:
        # One matrix for the whole batch.
        b = context.build.reshape(b, b.shape[-2:])
        return context.build.contract(a, b, ([rank_a - 1], [0]))
    if rank_a == 1:
        # The result's dims are b's, without the contracted one.
        return context.build.contract(a, b, contract)
    batch = torch.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    a = context.build.broadcast_to(a, (*batch, *a.shape[-2:]))
    b = context.build.broadcast_to(b, (*batch, *b.shape[-2:]))
    dims = list(range(len(batch)))
    return context.build.contract(a, b, ([len(batch) + 1], [len(batch)]), (dims, dims))


def addmm(context, bias, a, b, beta=1, alpha=1):
    """beta * bias + alpha * (a b); also of batches and of a matrix and a vector."""
    product = _scaled(context, matmul(context, a, b), alpha)
    return product if beta == 0 else context.build.binary("add", product, _scaled(context, bias, beta))


def einsum(context, equation, operands, path=None):
    """Of one or two operands, without an index twice in one of them."""
    inputs, _, output = equation.replace(" ", "").partition("->")
    inputs = inputs.split(",")
    if not output or "." in equation or len(inputs) > 2 or any(len(set(i)) != len(i) for i in (*inputs, output)):
        raise Unsupported(f"equation '{equation}'")
    values = [context.value(x) for x in operands]
    # An index of one operand only that the result has not: a sum.
    for i, indices in enumerate(inputs):
        others = set(output).union(*(inputs[:i] + inputs[i + 1 :]))
        values[i] = context.build.sum(values[i], [d for d, c in enumerate(indices) if c not in others])
        inputs[i] = "".join(c for c in indices if c in others)
    value, indices = values[0], inputs[0]
    if len(values) == 2:
        a, b = inputs
        batch = [c for c in a if c in b and c in output]
        summed = [c for c in a if c in b and c not in output]
        value = context.build.contract(
            values[0],
            values[1],
            ([a.index(c) for c in summed], [b.index(c) for c in summed]),
            ([a.index(c) for c in batch], [b.index(c) for c in batch]),
        )
        indices = batch + [c for c in a if c not in b] + [c for c in b if c not in a]
    return context.build.transpose(value, [indices.index(c) for c in output])


OPS = {
    aten.linear.default: linear,
    aten.matmul.default: matmul,
    aten.mm.default: matmul,
    aten.bmm.default: matmul,
    aten.mv.default: matmul,
    aten.dot.default: matmul,
    aten.addmm.default: addmm,
    aten.addmv.default: addmm,
    aten.baddbmm.default: addmm,
    aten.einsum.default: einsum,
}
