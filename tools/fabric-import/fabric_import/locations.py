"""Where an op comes from: the user's source line, and the module that ran it.

torch.export keeps a stack trace, as text, on every node, without columns and
(outside of `forward`) without many of the user's frames. So while tracing, the
frames are taken from the interpreter itself, and a line of ours is kept in the
text: `File "model.py", line 12, column 31, in forward`. Without it (another
torch, an older Python) the line number alone is read from torch's text.
"""

import contextlib
import functools
import os
import re
import sys
import traceback
from dataclasses import dataclass

import torch
from torch.fx.proxy import TracerBase

from . import mlir

TORCH = os.path.dirname(os.path.abspath(torch.__file__)) + os.sep
TORCH_MODULES = os.path.join(TORCH, "nn", "")
IMPORTER = os.path.dirname(os.path.abspath(__file__)) + os.sep
_LAUNCHER = os.path.join(os.path.dirname(os.path.dirname(IMPORTER)), "__main__.py")
FRAME = re.compile(r'File "([^"]+)", line (\d+)(?:, column (\d+))?')

# The folder of the user's file: names in the text are relative to it, so that
# the same model gives the same text wherever it lies.
_root = None


def set_root(folder: str) -> None:
    global _root
    _root = os.path.abspath(folder) + os.sep


def short_name(filename: str) -> str:
    """A name without absolute paths: relative to the model's folder or to site-packages, or the base name."""
    filename = os.path.abspath(filename)
    _, found, tail = filename.rpartition(f"site-packages{os.sep}")
    if found:
        return tail
    if _root and filename.startswith(_root):
        return filename[len(_root) :]
    return os.path.basename(filename)


@functools.cache
def is_user_file(filename: str) -> bool:
    if filename.startswith("<"):
        return False
    return not os.path.abspath(filename).startswith(TORCH) and not _is_importer(filename)


@functools.cache
def _is_importer(filename: str) -> bool:
    path = os.path.abspath(filename)
    return path.startswith(IMPORTER) or path == _LAUNCHER


@dataclass(frozen=True)
class Location:
    """A source position (file is None where unknown), and the module's path and class ('' at the root)."""

    file: "str | None" = None
    line: int = 0
    column: int = 0
    module: str = ""
    module_class: str = ""

    def mlir(self) -> str:
        """The trailing `loc(...)` of an op."""
        if self.file is None:
            return f"loc({mlir.string(self.module)})" if self.module else "loc(unknown)"
        position = f"{mlir.string(self.file)}:{self.line}:{self.column}"
        return f"loc({mlir.string(self.module)}({position}))" if self.module else f"loc({position})"

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.file else "unknown line"


def _column(frame) -> int:
    """The 1-based column of the expression that `frame` is evaluating; 1 where Python cannot tell."""
    try:
        positions = list(frame.f_code.co_positions())
        column = positions[frame.f_lasti // 2][2]
    except (AttributeError, IndexError):
        column = None
    return 1 if column is None else column + 1


class _Frame(traceback.FrameSummary):
    def __init__(self, filename, line, name, column):
        super().__init__(filename, line, name, lookup_line=False)
        self.column = column


class _Frames(traceback.StackSummary):
    """What torch stores as a node's stack trace, in our spelling."""

    def format(self, **_):
        return [f'File "{f.filename}", line {f.lineno}, column {f.column}, in {f.name}\n' for f in self]


@contextlib.contextmanager
def precise_stack_traces():
    """While tracing: the frames of the user's files and of PyTorch's modules are kept, with columns."""

    def frames_of_program(_tracer, _summary):
        frames = _Frames()
        frame = sys._getframe(1)
        while frame is not None and not _is_importer(frame.f_code.co_filename):
            code = frame.f_code
            if is_user_file(code.co_filename) or code.co_filename.startswith(TORCH_MODULES):
                frames.append(_Frame(code.co_filename, frame.f_lineno, code.co_name, _column(frame)))
            frame = frame.f_back
        frames.reverse()
        return frames

    original = getattr(TracerBase, "_filter_traceback_frames", None)
    if original is None:
        yield
        return
    TracerBase._filter_traceback_frames = frames_of_program
    try:
        yield
    finally:
        TracerBase._filter_traceback_frames = original


def location_of(node: torch.fx.Node) -> Location:
    """Of the innermost user frame in the node's stack trace, and the innermost module."""
    module, module_class = "", ""
    for path, cls in (node.meta.get("nn_module_stack") or {}).values():
        module, module_class = path, cls if isinstance(cls, str) else cls.__name__
    # The importer's wrapper holds the user's module as `model`.
    module = module.removeprefix("model").removeprefix(".")
    module_class = module_class.rpartition(".")[2]
    frames = FRAME.findall(node.meta.get("stack_trace") or "")[::-1]
    # A module made of PyTorch's own only, such as nn.Sequential, has no line of the user's.
    for filename, line, column in [f for f in frames if is_user_file(f[0])] or frames[:1]:
        return Location(short_name(filename), int(line), int(column or 1), module, module_class)
    return Location(module=module, module_class=module_class)


def innermost_user_frame(tb) -> "str | None":
    """'model.py:12' of the innermost frame in the user's files, or None."""
    for frame in reversed(traceback.extract_tb(tb)):
        if is_user_file(frame.filename):
            return f"{short_name(frame.filename)}:{frame.lineno}"
    return None
