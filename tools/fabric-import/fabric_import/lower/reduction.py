"""Reductions. A mean is a sum and a product with a constant: over ranks it would divide by the local count."""

import math

import torch

aten = torch.ops.aten


def _sum(context, x, dims, dtype=None):
    """Over `dims` (all, where None or empty), to the result's shape: keepdim is a reshape."""
    x = context.build.cast(context.value(x), dtype or context.dtype)
    dims = [dims] if isinstance(dims, int) else dims
    dims = list(dims) if dims else list(range(len(x.shape)))
    return context.build.reshape(context.build.sum(x, dims), context.shape)


def _mean(context, x, dims, dtype=None):
    count = math.prod(x.shape) // max(math.prod(context.shape), 1)
    total = _sum(context, x, dims, dtype)
    return total if count == 1 else context.build.binary("mul", total, context.operand(1.0 / count))


# at::Reduction
NONE, MEAN, SUM = 0, 1, 2


def mse_loss(context, x, target, reduction=MEAN):
    shape = torch.broadcast_shapes(tuple(x.shape), tuple(target.shape))
    difference = context.build.binary("sub", context.operand(x, shape), context.operand(target, shape))
    squares = context.build.binary("mul", difference, difference)
    if reduction == NONE:
        return squares
    return (_mean if reduction == MEAN else _sum)(context, squares, None)


OPS = {
    aten.sum.default: lambda context, x, dtype=None: _sum(context, x, None, dtype),
    aten.sum.dim_IntList: lambda context, x, dims, keepdim=False, dtype=None: _sum(context, x, dims, dtype),
    aten.mean.default: lambda context, x, dtype=None: _mean(context, x, None, dtype),
    aten.mean.dim: lambda context, x, dims, keepdim=False, dtype=None: _mean(context, x, dims, dtype),
    aten.mse_loss.default: mse_loss,
}
