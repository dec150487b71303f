"""Finds `model.py:build`: loads the user's file as Python would, once."""

import importlib.util
import os
import sys

from .errors import ImportFailure, user_failure

_loaded = {}


def split_reference(reference: str, default: "str | None" = None) -> "tuple[str, str]":
    """'model.py:build' -> ('model.py', 'build')."""
    path, sep, name = reference.rpartition(":")
    if not sep and default:
        path, name = reference, default
    if not path or not name.isidentifier():
        raise ImportFailure(f"{reference}: expected a Python file and a function in it, as in model.py:build")
    return path, name


def load_function(reference: str, default: "str | None" = None):
    """The function that `reference` names. The file's folder is importable, as when Python runs the file."""
    path, name = split_reference(reference, default)
    real = os.path.realpath(path)
    if real not in _loaded:
        _loaded[real] = _load(path, real)
    function = getattr(_loaded[real], name, None)
    if not callable(function):
        raise ImportFailure(f"{path} has no function '{name}'")
    return function


def _load(path: str, real: str):
    if not os.path.isfile(real):
        raise ImportFailure(f"{path}: no such file")
    folder, base = os.path.split(real)
    name = os.path.splitext(base)[0]
    if name in sys.modules or not name.isidentifier():
        name = f"fabric_program_{len(_loaded)}"
    spec = importlib.util.spec_from_file_location(name, real)
    if spec is None:
        raise ImportFailure(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    sys.path.insert(0, folder)
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        raise ImportFailure(f"{os.path.basename(error.filename or path)}:{error.lineno}: {error.msg}") from None
    except Exception as error:
        raise user_failure(f"loading {path}", error) from None
    return module
