"""Ops that move elements or repeat them.

Views are row-major reshapes of the logical tensor: strides mean nothing here.
"""

import math

import torch

from ..errors import Unsupported

aten = torch.ops.aten


def reshape(context, x, *_, **__):
    """Whatever keeps the elements in row-major order: the result's shape says all."""
    return context.build.reshape(context.value(x), context.shape)


def permute(context, x, dims):
    return context.build.transpose(context.value(x), [d % len(x.shape) for d in dims])


def swap(context, x, a=0, b=1):
    rank = len(x.shape)
    permutation = list(range(rank))
    if rank > 1:
        permutation[a % rank], permutation[b % rank] = b % rank, a % rank
    return context.build.transpose(context.value(x), permutation)


def swap_last(context, x):
    return swap(context, x, -2, -1)


def expand(context, x, *_, **__):
    return context.operand(x)


def repeat(context, x, repeats):
    """The tensor tiled: each dim n becomes [times, n], then merged."""
    x = context.value(x)
    sizes = (1,) * (len(repeats) - len(x.shape)) + x.shape
    tiled = [n for pair in zip(repeats, sizes, strict=True) for n in pair]
    split = context.build.broadcast(x, [2 * i + 1 for i in range(len(repeats) - len(x.shape), len(repeats))], tiled)
    return context.build.reshape(split, context.shape)


def repeat_interleave(context, x, repeats, dim=None, output_size=None):
    """Each element repeated in place: dim n becomes [n, times], then merged."""
    x = context.value(x)
    if dim is None:
        x, dim = context.build.reshape(x, (math.prod(x.shape),)), 0
    dim %= len(x.shape)
    shape = (*x.shape[: dim + 1], repeats, *x.shape[dim + 1 :])
    split = context.build.broadcast(x, [i if i <= dim else i + 1 for i in range(len(x.shape))], shape)
    return context.build.reshape(split, context.shape)


def part(context, x, dim=0, *_, **__):
    """slice and select, where they take all that there is."""
    if math.prod(x.shape) != math.prod(context.shape):
        raise Unsupported(f"a part of dim {dim % len(x.shape)}")
    return reshape(context, x)


def broadcast_tensors(context, tensors):
    shape = torch.broadcast_shapes(*(tuple(t.shape) for t in tensors))
    return [context.operand(t, shape, t.dtype) for t in tensors]


OPS = {
    aten.view.default: reshape,
    aten._unsafe_view.default: reshape,
    aten.reshape.default: reshape,
    aten.flatten.using_ints: reshape,
    aten.unflatten.int: reshape,
    aten.ravel.default: reshape,
    aten.unsqueeze.default: reshape,
    aten.squeeze.default: reshape,
    aten.squeeze.dim: reshape,
    aten.squeeze.dims: reshape,
    aten.t.default: swap,
    aten.transpose.int: swap,
    aten.swapaxes.default: swap,
    aten.swapdims.default: swap,
    aten.numpy_T.default: lambda context, x: permute(context, x, range(len(x.shape))[::-1]),
    aten.mT.default: swap_last,
    aten.adjoint.default: swap_last,
    aten.permute.default: permute,
    aten.expand.default: expand,
    aten.expand_as.default: expand,
    aten.broadcast_to.default: expand,
    aten.broadcast_tensors.default: broadcast_tensors,
    aten.repeat.default: repeat,
    aten.repeat_interleave.self_int: repeat_interleave,
    aten.slice.Tensor: part,
    aten.select.int: part,
    aten.narrow.default: part,
}
