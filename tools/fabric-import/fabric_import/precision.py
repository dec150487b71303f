"""--dtype: the module and its inputs in another floating-point type.

In f64 the program itself must not fall back to f32: casts that it writes out
(`.float()`, `dtype=torch.float32`), and defaults of factories, become f64 while
it is traced. In bf16 and f32 the casts are the program's meaning, and stay.
"""

import contextlib

import torch
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree

DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16, "f64": torch.float64}
WIDER = {torch.float32: torch.float64, torch.complex64: torch.complex128}


def convert(program, name: "str | None") -> None:
    """Parameters, buffers and example inputs of floating-point type to `name`, in place."""
    if name is None:
        return
    dtype = DTYPES[name]
    seen = set()
    for module in program.module.modules():
        # By hand, since Module.to would take the real part of complex buffers, and untie nothing here.
        for parameter in module._parameters.values():
            if parameter is not None and id(parameter) not in seen and parameter.is_floating_point():
                seen.add(id(parameter))
                parameter.data = parameter.data.to(dtype)
        for key, buffer in module._buffers.items():
            if buffer is not None:
                module._buffers[key] = _converted(buffer, dtype)
    for item in program.inputs:
        item.example = _converted(item.example, dtype)


def _converted(tensor, dtype):
    if tensor.is_floating_point():
        return tensor.to(dtype)
    if tensor.is_complex() and dtype is torch.float64:
        return tensor.to(torch.complex128)
    return tensor


class _Widen(TorchFunctionMode):
    """f32 in the program's text means f64."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function is torch.Tensor.float:
            function = torch.Tensor.double
        args, kwargs = pytree.tree_map_only(torch.dtype, lambda d: WIDER.get(d, d), (args, kwargs or {}))
        return function(*args, **kwargs)


def traced_as(name: "str | None"):
    """Around the user's code, and nothing else, while it is traced in dtype `name`."""
    return _Widen() if name == "f64" else contextlib.nullcontext()


@contextlib.contextmanager
def default_dtype(name: "str | None"):
    """As long as the traced graph is worked on: its factories name no dtype where the program names none."""
    before = torch.get_default_dtype()
    if name == "f64":
        torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)
