"""torch.export, and what must be done to its graph before it can be read.

The empty decomposition table keeps every composite (linear, attention, norms)
and functionalises; the default one would lose stop-gradients. It also inlines
no_grad regions without a trace of what they mean, so they are inlined here
first, with a `detach` on every result.
"""

import contextlib
import logging
import warnings
from dataclasses import dataclass

import torch
from torch.export.graph_signature import InputKind, OutputKind

from .errors import ImportFailure, user_failure
from .locations import location_of, precise_stack_traces
from .precision import traced_as
from .program import Program

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
        _inline_grad_regions(exported.graph_module)
        try:
            exported = exported.run_decompositions({})
        except Exception as error:
            raise user_failure(f"functionalising {name}", error) from None
    return _read_signature(program, exported)


@contextlib.contextmanager
def _quiet():
    """What PyTorch logs about a failure is in the exception too, on one line."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _inline_grad_regions(graph_module: torch.fx.GraphModule) -> None:
    """Replaces torch.no_grad() and torch.enable_grad() regions by their bodies; no_grad's results are detached."""
    graph = graph_module.graph
    while region := next((n for n in graph.nodes if n.op == "call_function" and n.target is SET_GRAD), None):
        enabled, body_ref, *operands = region.args
        body = getattr(graph_module, body_ref.target).graph
        placeholders = [n for n in body.nodes if n.op == "placeholder"]
        values = dict(zip(placeholders, operands, strict=True))
        with graph.inserting_before(region):
            for node in body.nodes:
                if node.op == "get_attr":
                    # A nested region's body belongs to the region's own module.
                    name = f"{body_ref.target}_{node.target}".replace(".", "_")
                    setattr(graph_module, name, getattr(getattr(graph_module, body_ref.target), node.target))
                    values[node] = graph.get_attr(name)
                elif node.op == "call_function":
                    values[node] = graph.node_copy(node, lambda n: values[n])
            outputs = torch.fx.node.map_arg(body.output_node().args[0], lambda n: values[n])
            if not isinstance(outputs, (tuple, list)):
                outputs = (outputs,)
            if not enabled:
                outputs = tuple(_detached(graph, value) for value in outputs)
        for user in list(region.users):
            user.replace_all_uses_with(outputs[user.args[1]])
            graph.erase_node(user)
        graph.erase_node(region)
    graph_module.recompile()


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
            result.parameters[node] = canonical[spec.target.removeprefix("model.")]
        elif spec.kind in (InputKind.BUFFER, InputKind.CONSTANT_TENSOR):
            result.constants[node] = _constant(program, exported, spec)
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
                f"{where}: forward changes the buffer '{spec.target.removeprefix('model.')}'; "
                "buffers are constants of the model: call .eval() on the module that owns it, or make it an input"
            )
        else:
            raise ImportFailure(f"forward has a side effect on '{spec.target}' ({spec.kind.name.lower()})")
    return result


def _constant(program, exported, spec) -> torch.Tensor:
    if spec.target in exported.state_dict:
        value = exported.state_dict[spec.target]
    else:
        value = exported.constants[spec.target]
    return value.detach()
