"""What depends on neither parameters nor inputs is a constant: PyTorch evaluates it.

Position ids, masks and rotary tables vanish from the graph this way, and so do
the ops that make them. Factories such as zeros_like depend on a shape only.
"""

import torch

from .errors import ImportFailure
from .export import Exported
from .locations import location_of

aten = torch.ops.aten

# Only the shape, dtype and device of the first operand count.
SHAPE_ONLY = {
    getattr(getattr(aten, name), overload)
    for name in ("zeros_like", "ones_like", "full_like", "new_zeros", "new_ones", "new_full")
    for overload in getattr(aten, name).overloads()
}


class Folding:
    """Which nodes vary, and the values of those that do not."""

    def __init__(self, exported: Exported, trainable: "set[str]"):
        self._values = dict(exported.constants)
        self.varying = set(exported.inputs) | set(exported.parameters)
        # What carries a gradient: a stop-gradient on anything else does nothing.
        self.training = {n for n, name in exported.parameters.items() if name in trainable}
        for node in exported.graph.nodes:
            if node.op != "call_function" or node.target in SHAPE_ONLY:
                continue
            if any(n in self.varying for n in node.all_input_nodes):
                self.varying.add(node)
            if any(n in self.training for n in node.all_input_nodes):
                self.training.add(node)

    def is_constant(self, node: torch.fx.Node) -> bool:
        return node not in self.varying

    def value(self, node: torch.fx.Node):
        """The value of a constant node, on the CPU."""
        if node not in self._values:
            self._values[node] = self._evaluate(node)
        value = self._values[node]
        if isinstance(value, torch.Tensor) and value.is_meta:
            raise ImportFailure(f"{node.target}: a constant on the meta device has no values; build it on the CPU")
        return value

    def _evaluate(self, node):
        if node.op != "call_function":
            raise ImportFailure(f"{location_of(node)}: a reference to '{node.target}' cannot be imported")
        where = location_of(node)
        if isinstance(node.target, torch._ops.OpOverload) and torch.Tag.nondeterministic_seeded in node.target.tags:
            raise ImportFailure(
                f"{where}: {node.target}: random numbers in forward cannot be imported; pass them as an input"
            )

        def operand(n):
            if node.target in SHAPE_ONLY and n in self.varying:
                meta = n.meta["val"]
                return torch.empty(1, dtype=meta.dtype).expand(meta.shape)
            return self.value(n)

        args = torch.fx.node.map_arg(node.args, operand)
        kwargs = torch.fx.node.map_arg(node.kwargs, operand)
        if "device" in kwargs:
            kwargs = {**kwargs, "device": torch.device("cpu")}
        try:
            with torch.no_grad():
                return node.target(*args, **kwargs)
        except Exception as error:
            raise ImportFailure(f"{where}: evaluating the constant {node.target}: {error}") from None
