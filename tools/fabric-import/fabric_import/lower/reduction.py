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


def _extreme(name):
    def lower(context, x, dims=None, keepdim=False):
        x = context.value(x)
        dims = [dims] if isinstance(dims, int) else dims
        dims = list(dims) if dims else list(range(len(x.shape)))
        return context.build.reshape(context.build.reduce(name, x, dims), context.shape)

    return lower


def softmax(context, x, dim, dtype=None):
    x = context.build.cast(context.value(x), context.dtype)
    return context.build.softmax(x, dim) if x.shape else context.operand(1.0)


def log_softmax(context, x, dim, dtype=None):
    """x - max - log(sum(exp(x - max)))"""
    x = context.build.cast(context.value(x), context.dtype)
    dim %= len(x.shape)
    kept = [i for i in range(len(x.shape)) if i != dim]

    def repeated(value):
        return context.build.broadcast(value, kept, x.shape)

    shifted = context.build.binary("sub", x, repeated(context.build.reduce("max", x, [dim])))
    total = context.build.sum(context.build.unary("exp", shifted), [dim])
    return context.build.binary("sub", shifted, repeated(context.build.unary("log", total)))


def layer_norm(context, x, shape, weight=None, bias=None, eps=1e-5, cudnn_enable=True):
    """Over the last dims; the weight and the bias are broadcast."""
    x = context.operand(x)
    result = context.build.layer_norm(x, range(len(x.shape) - len(shape), len(x.shape)), eps)
    if weight is not None:
        result = context.build.binary("mul", result, context.operand(weight))
    return result if bias is None else context.build.binary("add", result, context.operand(bias))


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
    aten.amax.default: _extreme("max"),
    aten.amin.default: _extreme("min"),
    aten.max.default: _extreme("max"),
    aten.min.default: _extreme("min"),
    aten.softmax.int: softmax,
    aten._softmax.default: softmax,
    aten.log_softmax.int: log_softmax,
    aten.layer_norm.default: layer_norm,
    aten.mse_loss.default: mse_loss,
}
