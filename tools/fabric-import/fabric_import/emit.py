"""The function being written: values, ops of the `fabric` dialect, and their text.

An op that would do nothing (a reshape to the same shape) gives its operand
back. Names are made unique when the text is printed, so a lowering can call
its last op by the name of the node that it lowers.
"""

from dataclasses import dataclass

import torch

from . import mlir
from .errors import Unsupported
from .locations import Location

# Ops that also take integers; all others compute on floats.
ANY_TYPE = {
    "constant",
    "broadcast",
    "reshape",
    "transpose",
    "compare",
    "select",
    "stop_gradient",
    "slice",
    "concat",
}


@dataclass(eq=False)
class Value:
    shape: "tuple[int, ...]"
    dtype: torch.dtype
    hint: str

    @property
    def type(self) -> str:
        return mlir.tensor_type(self.shape, self.dtype)


@dataclass
class Op:
    name: str
    operands: "list[Value]"
    attributes: str  # as spelt between the operands and the type
    signature: str  # as spelt after the colon
    result: Value
    location: Location
    keyword: str = ""  # as spelt before the operands


class Builder:
    """Appends ops at `location`, with results called after `hint`."""

    def __init__(self):
        self.ops = []
        self.location = Location()
        self.hint = "v"
        self._constants = {}

    def _append(self, name, operands, attributes, signature, shape, dtype, keyword="") -> Value:
        if name not in ANY_TYPE and not dtype.is_floating_point:
            raise Unsupported(f"arithmetic on {mlir.element_type(dtype)} tensors")
        result = Value(tuple(shape), dtype, f"{self.hint}_{name}")
        self.ops.append(Op(name, operands, attributes, signature or result.type, result, self.location, keyword))
        return result

    def constant(self, tensor: torch.Tensor) -> Value:
        """A tensor of values; dims that it only repeats (stride 0) are a broadcast."""
        first = tensor.flatten()[:1]
        repeated = [i for i, stride in enumerate(tensor.stride()) if stride == 0]
        compact = tensor
        for dim in repeated:
            compact = compact.narrow(dim, 0, 1)
        if bool((compact == first).all()):
            return self.splat(first.item(), tensor.shape, tensor.dtype)
        kept = [i for i in range(tensor.dim()) if i not in repeated]
        compact = compact.reshape([tensor.shape[i] for i in kept])
        value = self._constant(mlir.dense(compact), compact.shape, tensor.dtype)
        return self.broadcast(value, kept, tensor.shape)

    def splat(self, number, shape, dtype) -> Value:
        """A constant of one number everywhere."""
        number = torch.tensor(number, dtype=dtype).item()
        return self._constant(f"dense<{mlir.number(number, dtype)}>", tuple(shape), dtype)

    def _constant(self, literal, shape, dtype) -> Value:
        key = (literal, tuple(shape), dtype)
        if key not in self._constants:
            value = self._append("constant", [], literal, None, shape, dtype)
            value.hint = "cst"
            self._constants[key] = value
        return self._constants[key]

    def unary(self, name: str, x: Value, attributes: str = "", keyword: str = "") -> Value:
        """`keyword` stands before the operand, `attributes` after it."""
        return self._append(name, [x], attributes, None, x.shape, x.dtype, keyword)

    def binary(self, name: str, a: Value, b: Value) -> Value:
        return self._append(name, [a, b], "", None, a.shape, a.dtype)

    def compare(self, predicate: str, a: Value, b: Value) -> Value:
        signature = f"({a.type}, {b.type}) -> {mlir.tensor_type(a.shape, torch.bool)}"
        return self._append("compare", [a, b], "", signature, a.shape, torch.bool, predicate)

    def select(self, condition: Value, a: Value, b: Value) -> Value:
        """a where the condition holds, else b."""
        signature = f"({condition.type}, {a.type}, {b.type}) -> {a.type}"
        return self._append("select", [condition, a, b], "", signature, a.shape, a.dtype)

    def linear(self, x: Value, weight: Value) -> Value:
        shape = (*x.shape[:-1], weight.shape[0])
        signature = f"({x.type}, {weight.type}) -> {mlir.tensor_type(shape, x.dtype)}"
        return self._append("linear", [x, weight], "", signature, shape, x.dtype)

    def contract(self, a: Value, b: Value, contract, batch=((), ())) -> Value:
        """Sums over the dims in `contract`; the result's dims are those in `batch`, a's others, b's others."""
        free_a = [n for i, n in enumerate(a.shape) if i not in contract[0] and i not in batch[0]]
        free_b = [n for i, n in enumerate(b.shape) if i not in contract[1] and i not in batch[1]]
        shape = (*(a.shape[i] for i in batch[0]), *free_a, *free_b)
        pairs = [f"{mlir.ints(first)} x {mlir.ints(second)}" for first, second in (batch, contract)]
        attributes = f"batch = {pairs[0]} contract = {pairs[1]}"
        signature = f"({a.type}, {b.type}) -> {mlir.tensor_type(shape, a.dtype)}"
        return self._append("contract", [a, b], attributes, signature, shape, a.dtype)

    def sum(self, x: Value, dims) -> Value:
        return self.reduce("sum", x, dims)

    def reduce(self, name: str, x: Value, dims) -> Value:
        """sum, max or min; the dims are dropped."""
        dims = sorted(d % len(x.shape) for d in dims) if x.shape else []
        if not dims:
            return x
        shape = [n for i, n in enumerate(x.shape) if i not in dims]
        return self._shaping(name, x, f"dims = {mlir.ints(dims)}", shape, x.dtype)

    def softmax(self, x: Value, dim: int) -> Value:
        return self.unary("softmax", x, f"dim = {dim % len(x.shape)}")

    def layer_norm(self, x: Value, dims, eps: float) -> Value:
        return self.unary("layer_norm", x, f"dims = {mlir.ints(dims)} {{eps = {mlir.number(eps, torch.float64)}}}")

    def slice(self, x: Value, dim: int, offset: int, size: int, stride: int = 1) -> Value:
        shape = (*x.shape[:dim], size, *x.shape[dim + 1 :])
        if shape == x.shape and stride == 1:
            return x
        return self._shaping("slice", x, f"dims = [{dim}] offsets = [{offset}] strides = [{stride}]", shape, x.dtype)

    def concat(self, values: "list[Value]", dim: int) -> Value:
        if len(values) == 1:
            return values[0]
        first = values[0]
        shape = (*first.shape[:dim], sum(v.shape[dim] for v in values), *first.shape[dim + 1 :])
        signature = f"({', '.join(v.type for v in values)}) -> {mlir.tensor_type(shape, first.dtype)}"
        return self._append("concat", values, f"dim = {dim}", signature, shape, first.dtype)

    def pad(self, x: Value, low, high, value: float) -> Value:
        """`low[i]` elements before, and `high[i]` after those of dim i."""
        dims = [i for i in range(len(x.shape)) if low[i] or high[i]]
        if not dims:
            return x
        shape = [before + n + after for before, n, after in zip(low, x.shape, high, strict=True)]
        offsets = mlir.ints(low[i] for i in dims)
        attributes = f"dims = {mlir.ints(dims)} offsets = {offsets} strides = {mlir.ints([1] * len(dims))}"
        value = mlir.number(value, torch.float64)
        return self._shaping("pad", x, f"{attributes} value = {value}", shape, x.dtype)

    def broadcast(self, x: Value, dims, shape) -> Value:
        """Dim i of x is dim dims[i] of the result."""
        if tuple(shape) == x.shape and list(dims) == list(range(len(shape))):
            return x
        return self._shaping("broadcast", x, f"dims = {mlir.ints(dims)}", shape, x.dtype)

    def reshape(self, x: Value, shape) -> Value:
        return x if tuple(shape) == x.shape else self._shaping("reshape", x, "", shape, x.dtype)

    def transpose(self, x: Value, permutation) -> Value:
        """Dim i of the result is dim permutation[i] of x."""
        if list(permutation) == list(range(len(x.shape))):
            return x
        shape = [x.shape[p] for p in permutation]
        return self._shaping("transpose", x, f"permutation = {mlir.ints(permutation)}", shape, x.dtype)

    def cast(self, x: Value, dtype) -> Value:
        """To a float type."""
        return x if dtype is x.dtype else self._shaping("cast", x, "", x.shape, dtype)

    def _shaping(self, name, x, attributes, shape, dtype):
        return self._append(name, [x], attributes, f"{x.type} -> {mlir.tensor_type(shape, dtype)}", shape, dtype)

    def broadcast_to(self, x: Value, shape) -> Value:
        """PyTorch's broadcasting: dims aligned at the end, those of size one repeated."""
        shape = tuple(shape)
        offset = len(shape) - len(x.shape)
        kept = [i for i, n in enumerate(x.shape) if n == shape[offset + i]]
        x = self.reshape(x, [x.shape[i] for i in kept])
        return self.broadcast(x, [offset + i for i in kept], shape)


@dataclass
class Argument:
    value: Value
    attributes: "list[str]"


@dataclass
class Result:
    name: str
    value: Value


def print_module(function: str, arguments, builder: Builder, results, mesh: "dict[str, int] | None") -> str:
    names, taken = {}, set()

    def name_of(value: Value) -> str:
        if value not in names:
            base = name = mlir.ssa_name(value.hint)
            count = 0
            while name in taken:
                count += 1
                name = f"{base}_{count}"
            taken.add(name)
            names[value] = f"%{name}"
        return names[value]

    parameters = ",\n".join(
        f"      {name_of(a.value)}: {a.value.type} {{{', '.join(a.attributes)}}}" for a in arguments
    )
    results_text = ", ".join(f"{r.value.type} {{fabric.result = {mlir.string(r.name)}}}" for r in results)
    computed = {op.result for op in builder.ops}
    for result in results:
        if result.value in computed:
            result.value.hint = result.name

    attributes = ""
    if mesh:
        axes = ", ".join(f"{mlir.string(name)}={size}" for name, size in mesh.items())
        attributes = f" attributes {{dist.mesh = #dist.mesh<[{axes}]>}}"
    lines = [f"module{attributes} {{", f"  func.func @{function}(", f"{parameters})", f"      -> ({results_text}) {{"]
    for op in builder.ops:
        operands = ", ".join(name_of(v) for v in op.operands)
        words = " ".join(w for w in (f"fabric.{op.name}", op.keyword, operands, op.attributes) if w)
        lines.append(f"    {name_of(op.result)} = {words} : {op.signature} {op.location.mlir()}")
    values = ", ".join(name_of(r.value) for r in results)
    types = ", ".join(r.value.type for r in results)
    lines += [f"    return {values} : {types}", "  }", "}", ""]
    return "\n".join(lines)
