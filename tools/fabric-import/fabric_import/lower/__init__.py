"""From aten ops to fabric ops, by table: an op is one entry in one of the files beside this one.

An entry takes the context, then the op's own arguments as PyTorch calls them:
a tensor is a `Value` where it varies and a `torch.Tensor` where it is a
constant. It returns the op's result. The result's shape and dtype, as PyTorch
computed them, are `context.shape` and `context.dtype`.
"""

from . import contraction, elementwise, identity, reduction, shape
from .context import Context

TABLE = {}
for _module in (elementwise, contraction, reduction, shape, identity):
    TABLE |= _module.OPS

__all__ = ["TABLE", "Context"]
