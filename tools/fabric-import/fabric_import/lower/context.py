"""What an entry of the tables works with."""

import torch

from ..emit import Builder, Value


class Context:
    def __init__(self, builder: Builder, trains):
        self.build = builder
        self._trains = trains
        self.node = None
        self.shape = None
        self.dtype = None

    def enter(self, node: torch.fx.Node) -> None:
        self.node = node
        val = node.meta.get("val")
        one_tensor = isinstance(val, torch.Tensor)
        self.shape = tuple(val.shape) if one_tensor else None
        self.dtype = val.dtype if one_tensor else None

    def carries_gradient(self) -> bool:
        """Whether the node depends on a trainable parameter."""
        return self._trains(self.node)

    def value(self, x) -> Value:
        """A constant tensor made an op; a value as it is."""
        return self.build.constant(x) if isinstance(x, torch.Tensor) else x

    def operand(self, x, shape=None, dtype=None) -> Value:
        """x as a value of the given shape and dtype (else the result's): a number as a constant, a tensor cast and
        broadcast."""
        shape = self.shape if shape is None else shape
        dtype = dtype or self.dtype
        if isinstance(x, (bool, int, float)):
            return self.build.splat(x, shape, dtype)
        if isinstance(x, torch.Tensor):
            return self.value(x.to(dtype).expand(shape))
        return self.build.broadcast_to(self.build.cast(x, dtype), shape)
