"""Runs the importer inside the test's process: starting PyTorch takes seconds, so once must do."""

import contextlib
import importlib.util
import io
import os
import subprocess
from pathlib import Path

import pytest
import torch
from fabric_import import cli
from torch.overrides import TorchFunctionMode

REPOSITORY = Path(__file__).resolve().parents[2]
MODELS = REPOSITORY / "test" / "models"
BUILD = Path(os.environ.get("FABRIC_BUILD_DIR", REPOSITORY / "build"))

NEEDS_TOOLS = pytest.mark.skipif(
    not all((BUILD / "bin" / name).exists() for name in ("fabric-compile", "fabric-run")),
    reason="fabric-compile and fabric-run are not built",
)


def run_importer(*arguments):
    """(exit status, standard output, standard error)"""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = cli.main([str(a) for a in arguments])
    return status, out.getvalue(), err.getvalue()


def import_text(*arguments):
    """The text of a program that must import."""
    status, out, err = run_importer(*arguments)
    assert status == 0, err
    check_with_fabric_opt(out)
    return out


def check_with_fabric_opt(text):
    """Where the compiler is built, it must accept the text as it stands."""
    tool = BUILD / "bin" / "fabric-opt"
    if tool.exists():
        result = subprocess.run([tool, "-"], input=text, capture_output=True, text=True)
        assert result.returncode == 0, result.stderr


def load(path, name):
    """A function of a Python file, as the test's own copy of it."""
    spec = importlib.util.spec_from_file_location(f"test_model_{Path(path).stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, name)


def to_numpy(tensor):
    """bf16 as the f32 of the same value."""
    tensor = tensor.detach().cpu()
    return (tensor.float() if tensor.dtype is torch.bfloat16 else tensor).numpy()


class _FloatIsDouble(TorchFunctionMode):
    """What f64 means where a program itself says `.float()`."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        function = torch.Tensor.double if function is torch.Tensor.float else function
        return function(*args, **(kwargs or {}))


@contextlib.contextmanager
def default_dtype(dtype):
    """Around a reference in PyTorch: in f64 nothing may fall back to f32."""
    if dtype is not torch.float64:
        yield
        return
    torch.set_default_dtype(dtype)
    try:
        with _FloatIsDouble():
            yield
    finally:
        torch.set_default_dtype(torch.float32)
