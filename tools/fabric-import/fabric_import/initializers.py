"""How each parameter was initialised, seen while the user's build() runs.

A dispatch mode notes the distribution of every tensor that is drawn or filled,
by storage, so that views, `.data`, and meta tensors need no special case. It
carries a note through what commonly follows: scaling and shifting by numbers,
copies, changes of dtype. The last write to a parameter counts. What is not
understood (an orthogonal matrix, values from a file) leaves no note, and the
parameter no initialiser: then its values must come from a weights file.
"""

import contextlib
import math
from dataclasses import dataclass

import torch
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode

aten = torch.ops.aten

# A normal distribution cut off this many standard deviations from its mean is
# a normal distribution: one value in 1.7 million would be drawn again.
FAR = 5.0


@dataclass(frozen=True)
class Uniform:
    low: float
    high: float

    def scaled(self, factor, shift):
        ends = sorted((self.low * factor + shift, self.high * factor + shift))
        return Uniform(*ends)

    def mlir(self):
        return f"uniform({_literal(self.low)}, {_literal(self.high)})"


@dataclass(frozen=True)
class Normal:
    mean: float
    std: float

    def scaled(self, factor, shift):
        return Normal(self.mean * factor + shift, self.std * abs(factor))

    def mlir(self):
        return f"normal({_literal(self.mean)}, {_literal(self.std)})"


@dataclass(frozen=True)
class Constant:
    value: float

    def scaled(self, factor, shift):
        return Constant(self.value * factor + shift)

    def mlir(self):
        return f"constant({_literal(self.value)})"


def _literal(value: float) -> str:
    text = repr(float(value))
    if "." not in text:
        mantissa, e, exponent = text.partition("e")
        text = f"{mantissa}.0{e}{exponent}"
    return text


# Each entry: the arguments after the tensor (or the shape) -> the distribution.
FILLS = {
    aten.uniform_: lambda low=0.0, high=1.0: Uniform(low, high),
    aten.normal_: lambda mean=0.0, std=1.0: Normal(mean, std),
    aten.fill_: lambda value: Constant(value),
    aten.zero_: lambda: Constant(0.0),
}
FACTORIES = {
    aten.rand: lambda size: Uniform(0.0, 1.0),
    aten.randn: lambda size: Normal(0.0, 1.0),
    aten.zeros: lambda size: Constant(0.0),
    aten.ones: lambda size: Constant(1.0),
    aten.full: lambda size, value: Constant(value),
    aten.rand_like: lambda like: Uniform(0.0, 1.0),
    aten.randn_like: lambda like: Normal(0.0, 1.0),
    aten.zeros_like: lambda like: Constant(0.0),
    aten.ones_like: lambda like: Constant(1.0),
    aten.full_like: lambda like, value: Constant(value),
    aten.new_zeros: lambda like, size: Constant(0.0),
    aten.new_ones: lambda like, size: Constant(1.0),
    aten.new_full: lambda like, size, value: Constant(value),
}
# x -> factor * x + shift, for numbers.
AFFINE = {
    aten.mul: lambda number, alpha: (number, 0.0),
    aten.div: lambda number, alpha: (1.0 / number, 0.0),
    aten.add: lambda number, alpha: (1.0, alpha * number),
    aten.sub: lambda number, alpha: (1.0, -alpha * number),
    aten.neg: lambda number, alpha: (-1.0, 0.0),
}
AFFINE |= {getattr(aten, packet.__name__ + "_"): rule for packet, rule in AFFINE.items()}
COPIES = {aten.clone, aten._to_copy, aten.contiguous}


class Recorder(TorchDispatchMode):
    """While active, notes distributions; afterwards `of(parameter)` gives them."""

    def __init__(self):
        super().__init__()
        self._notes = {}

    def of(self, tensor: torch.Tensor):
        return self._note(tensor)

    # A key is a weak reference, which keeps a storage's address from being
    # used again: a note cannot pass to another tensor.

    def _note(self, tensor):
        return self._notes.get(StorageWeakRef(tensor.untyped_storage()))

    def set(self, tensor, note):
        """`tensor` was overwritten as `note` says; a part of a storage makes the whole unknown, unless it is alike."""
        key = StorageWeakRef(tensor.untyped_storage())
        size = tensor.untyped_storage().nbytes() // tensor.element_size()
        if note is not None and tensor.numel() != size and self._notes.get(key) != note:
            note = None
        self._notes[key] = note

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        packet = function.overloadpacket
        note, known = None, False
        written = _written(function, args, kwargs)
        if packet in FILLS and written:
            note, known = _call(FILLS[packet], args[1:]), True
        elif packet in FACTORIES:
            note, known = _call(FACTORIES[packet], args), True
        elif packet in AFFINE:
            note, known = self._affine(packet, args, kwargs), True
        elif packet in COPIES:
            note, known = self._note(args[0]), True
        elif packet is aten.copy_:
            source = self._note(args[1])
            alike = args[1].shape == args[0].shape or isinstance(source, Constant)
            note, known = source if alike else None, True
        elif packet is aten.clamp_:
            note, known = self._clamped(args[0], *args[1:], **kwargs), True

        result = function(*args, **kwargs)

        if written:
            for tensor in written:
                self.set(tensor, note)
        else:
            operands = {StorageWeakRef(t.untyped_storage()) for t in _tensors((args, kwargs))}
            for tensor in _tensors(result):
                key = StorageWeakRef(tensor.untyped_storage())
                if packet is aten.lift_fresh:
                    self._notes[key] = _number(tensor)
                elif key not in operands:  # not a view
                    self._notes[key] = note if known else None
        return result

    def _affine(self, packet, args, kwargs):
        note = self._note(args[0]) if isinstance(args[0], torch.Tensor) else None
        number = args[1] if len(args) > 1 else 0.0
        if isinstance(number, torch.Tensor):
            # PyTorch hands a Python number over as a 0-d tensor now and then.
            held = self._note(number) if number.dim() == 0 else None
            number = held.value if isinstance(held, Constant) else None
        if note is None or not isinstance(number, (int, float)) or "rounding_mode" in kwargs:
            return None
        if number == 0 and packet in (aten.div, aten.div_):
            return None
        return note.scaled(*AFFINE[packet](number, kwargs.get("alpha", 1)))

    def _clamped(self, tensor, low=None, high=None, min=None, max=None):
        note = self._note(tensor)
        low = low if low is not None else min
        high = high if high is not None else max
        if isinstance(note, Normal) and _is_far(
            note, -math.inf if low is None else low, math.inf if high is None else high
        ):
            return note
        return None


def _is_far(normal: Normal, low: float, high: float) -> bool:
    return low <= normal.mean - FAR * normal.std and high >= normal.mean + FAR * normal.std


def _call(rule, args):
    """The distribution, or None where the arguments are not the plain numbers that the rule takes."""
    try:
        note = rule(*args)
    except TypeError:
        return None
    values = vars(note).values()
    return note if all(isinstance(v, (int, float)) and math.isfinite(v) for v in values) else None


def _number(tensor):
    """torch.tensor(0.5) and the like: data that happen to be one number."""
    if tensor.is_meta or tensor.numel() == 0 or tensor.is_complex():
        return None
    with torch.utils._python_dispatch._disable_current_modes():
        first = tensor.flatten()[0]
        return Constant(float(first)) if bool((tensor == first).all()) else None


def _tensors(tree):
    return [x for x in torch.utils._pytree.tree_leaves(tree) if isinstance(x, torch.Tensor)]


def _written(function, args, kwargs):
    written = []
    for i, argument in enumerate(function._schema.arguments):
        if argument.alias_info is not None and argument.alias_info.is_write:
            written += _tensors(args[i] if i < len(args) else kwargs.get(argument.name))
    return written


@contextlib.contextmanager
def recording():
    """Records what runs inside, the loading of the user's file included."""
    recorder = Recorder()
    # The function that all spellings of trunc_normal_ look up when they are called.
    name = next(n for n in ("_no_grad_trunc_normal_", "trunc_normal_") if hasattr(torch.nn.init, n))
    original = getattr(torch.nn.init, name)

    def trunc_normal_(tensor, mean=0.0, std=1.0, a=-2.0, b=2.0, generator=None):
        # On meta tensors PyTorch does nothing at all, and elsewhere draws again
        # until all values are inside: neither can be seen from the ops.
        result = original(tensor, mean, std, a, b, generator=generator)
        note = Normal(float(mean), float(std))
        recorder.set(tensor, note if _is_far(note, a, b) else None)
        return result

    setattr(torch.nn.init, name, trunc_normal_)
    try:
        with recorder:
            yield recorder
    finally:
        setattr(torch.nn.init, name, original)
