"""Spelling of types and numbers in MLIR text."""

import math
import re

import torch

from .errors import ImportFailure

ELEMENT_TYPES = {
    torch.float32: "f32",
    torch.bfloat16: "bf16",
    torch.float16: "f16",
    torch.float64: "f64",
    torch.int8: "i8",
    torch.int32: "i32",
    torch.int64: "i64",
    torch.bool: "i1",
}

# Up to here the elements of a constant are written out, beyond as a string of bytes.
MAX_WRITTEN_ELEMENTS = 16


def element_type(dtype: torch.dtype) -> str:
    if dtype not in ELEMENT_TYPES:
        raise ImportFailure(f"tensors of type {str(dtype).removeprefix('torch.')} cannot be imported")
    return ELEMENT_TYPES[dtype]


def tensor_type(shape, dtype: torch.dtype) -> str:
    return f"tensor<{''.join(f'{n}x' for n in shape)}{element_type(dtype)}>"


def ints(values) -> str:
    return "[" + ", ".join(str(v) for v in values) + "]"


def string(text: str) -> str:
    """A quoted string; control characters and quotes as MLIR escapes them."""
    return '"' + re.sub(r"[^ -!#-\[\]-~]", lambda m: "".join(f"\\{b:02X}" for b in m[0].encode()), text) + '"'


def ssa_name(text: str) -> str:
    """`text` as the name of a value, without the %."""
    name = re.sub(r"[^A-Za-z0-9_$.-]", "_", text)
    return name if re.match(r"[A-Za-z_$.-]", name) else f"_{name}"


def number(value, dtype: torch.dtype) -> str:
    """One element: as few digits as bring back the same value of `dtype`."""
    if dtype is torch.bool:
        return "true" if value else "false"
    if not dtype.is_floating_point:
        return str(int(value))
    value = float(value)
    if not math.isfinite(value):
        bits = torch.tensor([value], dtype=dtype).view({2: torch.int16, 4: torch.int32, 8: torch.int64}[dtype.itemsize])
        return f"0x{bits.item() & (2 ** (8 * dtype.itemsize) - 1):0{2 * dtype.itemsize}X}"
    for digits in range(1, 18):
        text = f"{value:.{digits}g}"
        if torch.tensor(float(text), dtype=dtype).item() == value:
            break
    mantissa, e, exponent = text.partition("e")
    if "." not in mantissa:
        mantissa += ".0"
    return mantissa + e + exponent


def dense(tensor: torch.Tensor) -> str:
    """`dense<...>` of a tensor whose elements are not all alike."""
    tensor = tensor.detach().contiguous()
    if tensor.numel() <= MAX_WRITTEN_ELEMENTS or tensor.dtype is torch.bool:
        return f"dense<{_nested(tensor)}>"
    data = tensor.flatten().view(torch.uint8).numpy().tobytes()
    return f'dense<"0x{data.hex().upper()}">'


def _nested(tensor) -> str:
    if tensor.dim() == 0:
        return number(tensor.item(), tensor.dtype)
    return "[" + ", ".join(_nested(t) for t in tensor) + "]"
