"""torch.export, and what must be done to its graph before it can be read.

The empty decomposition table keeps every composite (linear, attention, norms)
and functionalises; the default one would lose stop-gradients. It also inlines
no_grad regions without a trace of what they mean, so they are inlined here
first, with a `detach` on every result.
"""

import contextlib
import io
import logging
import sys
import warnings
from dataclasses import dataclass

import torch
from torch.export.graph_signature import InputKind, OutputKind

from .errors import ImportFailure, user_failure
from .locations import location_of, precise_stack_traces
from .precision import traced_as
from .program import Program

AUTOCAST = torch.ops.higher_order.wrap_with_autocast
SET_GRAD = torch.ops.higher_order.wrap_with_set_grad_enabled


@dataclass
class Exported:
    """A functional graph of aten ops; every placeholder is exactly one of the three."""

    graph: torch.fx.Graph
    parameters: "dict[torch.fx.Node, str]"  # under the canonical name
    inputs: "dict[torch.fx.Node, int]"  # position in program.inputs
    constants: "dict[torch.fx.Node, torch.Tensor]"  # buffers and lifted tensors
    results: "list[tuple[str, torch.fx.Node]]"


def export(program: Program, dtype: "str | None") -> Exported:
    examples = tuple(item.example for item in program.inputs)
    if any(p.is_meta for p in program.module.parameters()):
        examples = tuple(e.to("meta") for e in examples)
    name = type(program.module).__name__
    with _quiet(), precise_stack_traces():
        try:
            program.traced_under = lambda: traced_as(dtype)
            exported = torch.export.export(program.wrapper, examples, strict=False)
        except ImportFailure:
            raise
        except Exception as error:
            raise user_failure(f"tracing {name}", error) from None
        _refuse_autocast(exported.graph_module)
        _inline_grad_regions(exported.graph_module)
        try:
            exported = exported.run_decompositions({})
        except Exception as error:
            raise user_failure(f"functionalising {name}", error) from None
    return _read_signature(program, exported)


@contextlib.contextmanager
def _quiet():
    """What PyTorch logs or prints about a failure is in the exception too, on one line. The user's prints go to
    standard error, for standard output may be the text."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    printed = io.StringIO()
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            warnings.simplefilter("ignore")
            yield
        sys.stderr.write(printed.getvalue())
    finally:
        logging.disable(before)


def _refuse_autocast(graph_module: torch.fx.GraphModule) -> None:
    """Its inlining would forget the casts."""
    for module in graph_module.modules():
        for node in module.graph.nodes if isinstance(module, torch.fx.GraphModule) else ():
            if node.op == "call_function" and node.target is AUTOCAST:
                body = getattr(module, next(a for a in node.args if getattr(a, "op", None) == "get_attr").target)
                where = location_of(next(n for n in body.graph.nodes if n.op == "call_function"))
                raise ImportFailure(
                    f"{where}: a torch.autocast region cannot be imported: write the casts out, or use --dtype=bf16"
                )


def _inline_grad_regions(graph_module: torch.fx.GraphModule) -> None:
    """Replaces torch.no_grad() and torch.enable_grad() regions by their bodies; no_grad's results are detached."""
    graph = graph_module.graph
    while region := next((n for n in graph.nodes if n.op == "call_function" and n.target is SET_GRAD), None):
        _inline(graph_module, region)
    graph_module.recompile()


def _inline(graph_module: torch.fx.GraphModule, region: torch.fx.Node) -> None:
    graph = graph_module.graph
    enabled, body_reference, *operands = region.args
    body_module = getattr(graph_module, body_reference.target)
    body = body_module.graph
    values = dict(zip((n for n in body.nodes if n.op == "placeholder"), operands, strict=True))
    with graph.inserting_before(region):
        for node in body.nodes:
            if node.op == "get_attr":
                # A nested region's body belongs to the region's own module.
                name = f"{body_reference.target}_{node.target}".replace(".", "_")
                setattr(graph_module, name, getattr(body_module, node.target))
                values[node] = graph.get_attr(name)
            elif node.op == "call_function":
                values[node] = graph.node_copy(node, values.__getitem__)
        outputs = torch.fx.node.map_arg(body.output_node().args[0], values.__getitem__)
        if not isinstance(outputs, (tuple, list)):
            outputs = (outputs,)
        if not enabled:
            outputs = tuple(_detached(graph, value) for value in outputs)
    for user in list(region.users):
        user.replace_all_uses_with(outputs[user.args[1]])
        graph.erase_node(user)
    graph.erase_node(region)


def _detached(graph, value):
    if not isinstance(value, torch.fx.Node):
        return value
    result = graph.call_function(torch.ops.aten.detach.default, (value,))
    result.meta = dict(value.meta)
    return result


def _read_signature(program: Program, exported) -> Exported:
    signature, graph = exported.graph_signature, exported.graph
    by_name = {n.name: n for n in graph.nodes if n.op == "placeholder"}
    canonical = program.canonical_names()
    result = Exported(graph, {}, {}, {}, [])
    for spec in signature.input_specs:
        node = by_name.get(getattr(spec.arg, "name", None))
        if spec.kind is InputKind.USER_INPUT:
            if node is None:
                raise ImportFailure(f"input {len(result.inputs)} is not a tensor after export")
            result.inputs[node] = len(result.inputs)
        elif spec.kind is InputKind.PARAMETER:
            result.parameters[node] = canonical[_own_name(spec)]
        elif spec.kind in (InputKind.BUFFER, InputKind.CONSTANT_TENSOR):
            value = exported.state_dict.get(spec.target)
            result.constants[node] = (exported.constants[spec.target] if value is None else value).detach()
            if node.users and result.constants[node].is_meta:
                raise ImportFailure(
                    f"'{_own_name(spec)}' is on the meta device and has no values, "
                    "but buffers are constants of the model: make it on the CPU"
                )
        else:
            raise ImportFailure(f"'{spec.target}': an argument of kind {spec.kind.name.lower()} cannot be imported")

    names = iter(program.results)
    nodes = {n.name: n for n in graph.nodes}
    for spec in signature.output_specs:
        if spec.kind is OutputKind.USER_OUTPUT:
            result.results.append((next(names), nodes[spec.arg.name]))
        elif spec.kind is OutputKind.BUFFER_MUTATION:
            where = location_of(nodes[spec.arg.name])
            raise ImportFailure(
                f"{where}: forward changes the buffer '{_own_name(spec)}'; "
                "buffers are constants of the model: call .eval() on the module that owns it, or make it an input"
            )
        elif spec.kind is OutputKind.USER_INPUT_MUTATION:
            name = program.inputs[result.inputs[by_name[spec.target]]].name
            raise ImportFailure(
                f"{location_of(nodes[spec.arg.name])}: forward changes its input '{name}' in place: clone it first"
            )
        else:
            raise ImportFailure(f"forward has a side effect on '{spec.target}' ({spec.kind.name.lower()})")
    return result


def _own_name(spec) -> str:
    """What the user calls the parameter or buffer; the wrapper holds the module as `model`."""
    return spec.target.removeprefix("model.")
