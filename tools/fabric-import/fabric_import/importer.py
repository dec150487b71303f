"""The import as a whole: build, export, fold, lower, print, write."""

import contextlib
import os
import sys

import torch

from . import export as exporting
from . import initializers, mlir, parallelize, precision, program, weights
from .compat import provide_moved_modules
from .emit import Argument, Builder, Result, Value, print_module
from .errors import ImportFailure, Unsupported, remark
from .fold import Folding
from .loader import load_function, split_reference
from .locations import location_of, set_root
from .lower import TABLE, Context


def run(options) -> None:
    """One command line, as cli.py has parsed it."""
    # Standard output is for the text alone, whatever the user's code prints.
    with contextlib.redirect_stdout(sys.stderr):
        text, tensors = import_program(options)
    with weights.Outputs() as outputs:
        if options.weights:
            outputs.add(options.weights, lambda path: weights.write(tensors, path))
        if options.output != "-":
            outputs.add(options.output, lambda path: _write_text(path, text))
    if options.output == "-":
        sys.stdout.write(text)


def import_program(options) -> "tuple[str, dict[str, torch.Tensor]]":
    """The module's text, and the values of its parameters."""
    provide_moved_modules()
    path, where = split_reference(options.program, default="build")
    set_root(os.path.dirname(os.path.realpath(path)))
    with initializers.recording() as recorder:
        build = load_function(options.program, default="build")
        model = program.normalise(program.call_build(build, where), f"{where}()")
    parallelize_function = load_function(options.parallelize) if options.parallelize else None
    parameters = model.parameters()
    notes = {name: recorder.of(p) for name, p in parameters.items()}
    if options.weights:
        weights.check(parameters)
    precision.convert(model, options.dtype)

    with precision.default_dtype(options.dtype):
        exported = exporting.export(model, options.dtype)
        builder, values, results = lower(exported, {name for name, p in parameters.items() if p.requires_grad})
    tensors = {name: p.detach() for name, p in parameters.items()}
    mesh, styles = options.mesh, {}
    if parallelize_function:
        mesh = mesh or {"dp": 2, "tp": 2}
        canonical = model.canonical_names()
        # The last use of the module: it goes to the meta device.
        found = parallelize.tp_styles(model.module, parallelize_function, mesh, split_reference(options.parallelize)[1])
        styles = parallelize.merge(found, canonical)

    _check_batch_dims(options.batch_dim, model.inputs)
    arguments = [_input_argument(item, values["input", i], options.batch_dim) for i, item in enumerate(model.inputs)]
    used = _used_parameters(exported)
    for name, parameter in parameters.items():
        trainable = parameter.requires_grad and name in used
        if parameter.requires_grad and not trainable:
            remark(f"parameter '{name}' takes no part in the results: frozen, since PyTorch would not update it either")
        arguments.append(_parameter_argument(name, values["parameter", name], notes[name], trainable, styles.get(name)))
    _remark_on_initialisers(notes)
    return print_module(model.name, arguments, builder, results, mesh), tensors


def lower(exported: exporting.Exported, trainable: "set[str]"):
    """The function's ops, its arguments by ("input", i) and ("parameter", name), and its results."""
    folding = Folding(exported, trainable)
    builder = Builder()
    context = Context(builder, folding.training.__contains__)
    values, arguments = {}, {}
    live = _live(exported)

    def argument(key, node, hint):
        # A tied parameter has a placeholder for each of its names.
        if key not in arguments:
            meta = node.meta["val"]
            arguments[key] = Value(tuple(meta.shape), meta.dtype, hint)
        values[node] = arguments[key]

    for node, i in exported.inputs.items():
        argument(("input", i), node, f"input_{i}")
    for node, name in exported.parameters.items():
        argument(("parameter", name), node, name)

    nodes = [
        n
        for n in exported.graph.nodes
        if n.op not in ("placeholder", "output") and n in live and not folding.is_constant(n)
    ]
    _check_supported(nodes)
    for node in nodes:

        def operand(n):
            return folding.value(n) if folding.is_constant(n) else values[n]

        context.enter(node)
        builder.location, builder.hint = location_of(node), node.name
        args, kwargs = torch.fx.node.map_arg((node.args, node.kwargs), operand)
        first = len(builder.ops)
        try:
            value = TABLE[node.target](context, *args, **kwargs)
        except Unsupported as error:
            raise _unsupported(node, f": {error}") from None
        if isinstance(value, Value) and any(op.result is value for op in builder.ops[first:]):
            value.hint = node.name
        values[node] = value
    results = []
    for name, node in exported.results:
        builder.location, builder.hint = location_of(node), name
        results.append(Result(name, context.value(folding.value(node)) if folding.is_constant(node) else values[node]))
    return builder, arguments, results


def _live(exported) -> "set[torch.fx.Node]":
    """What the results need; asserts and the like are not."""
    live, pending = set(), [node for _, node in exported.results]
    while pending:
        node = pending.pop()
        if node not in live:
            live.add(node)
            pending += node.all_input_nodes
    return live


def _used_parameters(exported) -> "set[str]":
    live = _live(exported)
    return {name for node, name in exported.parameters.items() if node in live}


def _check_supported(nodes) -> None:
    unknown = [n for n in nodes if n.target not in TABLE]
    if unknown:
        others = list(dict.fromkeys(_op_name(n) for n in unknown if _op_name(n) != _op_name(unknown[0])))
        more = f" (also unsupported here: {', '.join(others)})" if others else ""
        raise _unsupported(unknown[0], more)


def _op_name(node) -> str:
    if node.op != "call_function":
        return f"{node.op} {node.target}"
    return (
        str(node.target)
        if isinstance(node.target, torch._ops.OpOverload)
        else getattr(node.target, "__name__", str(node.target))
    )


def _unsupported(node, detail) -> ImportFailure:
    where = location_of(node)
    module = f" in module '{where.module}' ({where.module_class})" if where.module else ""
    return ImportFailure(f"{where}: unsupported op {_op_name(node)}{module}{detail}")


def _input_argument(item, value, batch_dims) -> Argument:
    value.hint = item.name
    batch_dim = batch_dims.get(item.name, 0 if value.shape else None)
    if batch_dim is not None and batch_dim >= len(value.shape):
        raise ImportFailure(f"--batch-dim={item.name}={batch_dim}: the input has {len(value.shape)} dims")
    dim = "" if batch_dim is None else f", batch_dim = {batch_dim}"
    return Argument(value, [f"fabric.input = #fabric.input<{mlir.string(item.name)}{dim}>"])


def _check_batch_dims(batch_dims, inputs) -> None:
    for name in batch_dims:
        if all(item.name != name for item in inputs):
            raise ImportFailure(f"--batch-dim: no input '{name}' (inputs: {', '.join(item.name for item in inputs)})")


def _parameter_argument(name, value, note, trainable, style) -> Argument:
    parts = [mlir.string(name)]
    if note is not None:
        parts.append(f"init = {note.mlir()}")
    if not trainable:
        parts.append("frozen")
    attributes = [f"fabric.param = #fabric.param<{', '.join(parts)}>"]
    if style:
        attributes.append(f"dist.tp = #dist.tp<{style}>")
    return Argument(value, attributes)


def _remark_on_initialisers(notes) -> None:
    without = [name for name, note in notes.items() if note is None]
    if without:
        names = ", ".join(f"'{n}'" for n in without[:5]) + (f" and {len(without) - 5} more" if len(without) > 5 else "")
        remark(f"no uniform, normal or constant initialiser seen for {names}: fabric-run needs --weights")


def _write_text(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
