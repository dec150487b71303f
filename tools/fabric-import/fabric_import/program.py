"""What the user's build() returned, as one module to export.

The example args are bound to forward's signature, which gives every tensor in
them a name; the module to export takes exactly these tensors, in order, and
returns a tuple of the tensors that become results.
"""

import contextlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch.utils import _pytree as pytree

from .errors import ImportFailure, user_failure


@dataclass
class Input:
    name: str
    example: torch.Tensor


@dataclass
class Program:
    name: str
    module: torch.nn.Module
    wrapper: torch.nn.Module
    inputs: "list[Input]"
    has_loss: bool
    # Names of the results, filled while forward is traced.
    results: "list[str]" = field(default_factory=list)
    # A context for the user's forward and loss, and not for what export does around them.
    traced_under: Callable = contextlib.nullcontext

    def parameters(self) -> "dict[str, torch.nn.Parameter]":
        """By name; a tied parameter once, under its first name."""
        return dict(self.module.named_parameters())

    def canonical_names(self) -> "dict[str, str]":
        """From every name of a parameter to its first one."""
        first, names = {}, {}
        for name, parameter in self.module.named_parameters(remove_duplicate=False):
            names[name] = first.setdefault(id(parameter), name)
        return names


def normalise(built, where: str) -> Program:
    """Checks the shape of build()'s result and wraps it. `where` names build in messages."""
    if not isinstance(built, tuple) or len(built) not in (2, 3):
        raise ImportFailure(
            f"{where}: expected (module, example args) or (module, example args, loss), got {_describe(built)}"
        )
    module, args, *rest = built
    loss = rest[0] if rest else None
    if not isinstance(module, torch.nn.Module):
        raise ImportFailure(f"{where}: expected a torch.nn.Module first, got {_describe(module)}")
    if loss is not None and not callable(loss):
        raise ImportFailure(f"{where}: expected a function as the loss, got {_describe(loss)}")
    if isinstance(loss, torch.nn.Module) and any(True for _ in loss.parameters()):
        raise ImportFailure(f"{where}: the loss has parameters of its own; make it part of the module")
    if isinstance(args, torch.Tensor):
        args = (args,)
    if not isinstance(args, (tuple, list, dict)):
        raise ImportFailure(f"{where}: expected a tuple of example args (or a dict of keywords), got {_describe(args)}")

    bound = _bind(module, args, where)
    leaves, spec = pytree.tree_flatten_with_path((bound.args, bound.kwargs))
    names = _names_of_leaves(bound)
    inputs = []
    for (_, leaf), name in zip(leaves, names, strict=True):
        if isinstance(leaf, torch.Tensor):
            inputs.append(Input(name, leaf))
    if not inputs:
        raise ImportFailure(f"{where}: the example args hold no tensor")

    program = Program(_function_name(module), module, None, inputs, loss is not None)
    program.wrapper = _Wrapper(program, loss, [leaf for _, leaf in leaves], spec)
    program.wrapper.training = module.training
    return program


class _Wrapper(torch.nn.Module):
    """The user's module under `model`, and then the loss, on flat tensors."""

    def __init__(self, program, loss, leaves, spec):
        super().__init__()
        self.model = program.module
        self.loss = loss
        # Kept out of the module's own state, which export watches.
        object.__setattr__(self, "_program", program)
        object.__setattr__(self, "_leaves", [None if isinstance(x, torch.Tensor) else x for x in leaves])
        object.__setattr__(self, "_is_tensor", [isinstance(x, torch.Tensor) for x in leaves])
        object.__setattr__(self, "_spec", spec)

    def forward(self, *tensors):
        tensors = iter(tensors)
        leaves = [
            next(tensors) if is_tensor else leaf for leaf, is_tensor in zip(self._leaves, self._is_tensor, strict=True)
        ]
        args, kwargs = pytree.tree_unflatten(leaves, self._spec)
        with self._program.traced_under():
            result = self.model(*args, **kwargs)
            if self.loss is not None:
                result = self.loss(*result) if type(result) in (tuple, list) else self.loss(result)
        if self.loss is None:
            names, values = _results(result)
        else:
            names, values = ["loss"], [result]
            if not isinstance(values[0], torch.Tensor) or values[0].dim() != 0 or not values[0].is_floating_point():
                raise ImportFailure(
                    f"expected the loss to be a scalar floating-point tensor, got {_describe(values[0])}"
                )
        self._program.results[:] = names
        return tuple(values)


def _results(result):
    """Names and tensors of forward's result; keys and fields keep their names."""
    names, values = [], []
    for path, value in pytree.tree_leaves_with_path(result):
        if value is None:
            continue
        if not isinstance(value, torch.Tensor):
            raise ImportFailure(f"forward returns {_describe(value)}; only tensors can be results")
        names.append(".".join(_key(k) for k in path))
        values.append(value)
    if not values:
        raise ImportFailure("forward returns no tensor")
    if len(names) == 1 and names[0] in ("", "0"):
        names = ["output"]
    names = [f"output_{n}" if n[:1].isdigit() else n for n in names]
    # The first scalar result is the loss; say so, unless it has a name of its own.
    if "loss" not in names:
        for i, value in enumerate(values):
            if value.dim() == 0 and value.is_floating_point():
                names[i] = "loss" if names[i].startswith("output") else names[i]
                break
    return names, values


def _key(key) -> str:
    for attribute in ("key", "name", "idx"):
        if hasattr(key, attribute):
            return str(getattr(key, attribute))
    return str(key)


def _bind(module, args, where) -> inspect.BoundArguments:
    signature = inspect.signature(module.forward)
    try:
        return signature.bind(**args) if isinstance(args, dict) else signature.bind(*args)
    except TypeError as error:
        raise ImportFailure(f"{where}: the example args do not fit {type(module).__name__}.forward: {error}") from None


def _names_of_leaves(bound) -> "list[str]":
    """The argument's name for each leaf of (bound.args, bound.kwargs), in order; parts of a container after a dot."""
    kinds = bound.signature.parameters
    names = {"args": [], "kwargs": []}
    for name, value in bound.arguments.items():
        kind = kinds[name].kind
        if kind is inspect.Parameter.VAR_KEYWORD:
            names["kwargs"] += [((key,), item) for key, item in value.items()]
        elif kind is inspect.Parameter.VAR_POSITIONAL:
            names["args"] += [((name, str(i)), item) for i, item in enumerate(value)]
        elif kind is inspect.Parameter.KEYWORD_ONLY:
            names["kwargs"].append(((name,), value))
        else:
            names["args"].append(((name,), value))
    result = []
    for prefix, value in names["args"] + names["kwargs"]:
        result += [".".join((*prefix, *map(_key, path))) for path, _ in pytree.tree_leaves_with_path(value)]
    return result


def _function_name(module) -> str:
    name = type(module).__name__.lower()
    return name if name.isidentifier() and not name.startswith("_") else "forward"


def _describe(value) -> str:
    if isinstance(value, torch.Tensor):
        return f"a tensor of shape {list(value.shape)} and type {str(value.dtype).removeprefix('torch.')}"
    if isinstance(value, tuple):
        return f"a tuple of {len(value)}"
    return f"a value of type {type(value).__name__}"


def call_build(build, where: str):
    try:
        return build()
    except ImportFailure:
        raise
    except Exception as error:
        raise user_failure(f"{where}()", error) from None
