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


def slice_(context, x, dim=0, start=None, end=None, step=1):
    """Of the bounds, PyTorch has worked out the size already."""
    x, dim = context.value(x), dim % len(x.shape)
    start = range(x.shape[dim])[start or 0 : end : step].start
    return context.build.slice(x, dim, start, context.shape[dim], step)


def select(context, x, dim, index):
    x, dim = context.value(x), dim % len(x.shape)
    return reshape(context, context.build.slice(x, dim, index % x.shape[dim], 1))


def narrow(context, x, dim, start, length):
    x, dim = context.value(x), dim % len(x.shape)
    return context.build.slice(x, dim, start % max(x.shape[dim], 1), length)


def split(context, x, sizes, dim=0):
    """Into parts of a size, or of the given sizes."""
    x, dim = context.value(x), dim % len(x.shape)
    if isinstance(sizes, int):
        size = max(sizes, 1)
        sizes = [min(size, x.shape[dim] - i) for i in range(0, x.shape[dim], size)]
    offsets = [sum(sizes[:i]) for i in range(len(sizes))]
    return [context.build.slice(x, dim, offset, size) for offset, size in zip(offsets, sizes, strict=True)]


def chunk(context, x, chunks, dim=0):
    return split(context, x, -(-x.shape[dim % len(x.shape)] // chunks), dim)


def unbind(context, x, dim=0):
    x, dim = context.value(x), dim % len(x.shape)
    shape = (*x.shape[:dim], *x.shape[dim + 1 :])
    return [context.build.reshape(context.build.slice(x, dim, i, 1), shape) for i in range(x.shape[dim])]


def cat(context, tensors, dim=0):
    # PyTorch ignores empty vectors among tensors of any rank.
    values = [context.build.cast(context.value(t), context.dtype) for t in tensors if tuple(t.shape) != (0,)]
    return context.build.concat(values, dim % len(context.shape))


def stack(context, tensors, dim=0):
    dim %= len(context.shape)
    values = [context.build.cast(context.value(t), context.dtype) for t in tensors]
    values = [context.build.reshape(v, (*v.shape[:dim], 1, *v.shape[dim:])) for v in values]
    return context.build.concat(values, dim)


def pad(context, x, widths, mode="constant", value=None):
    """`widths` are pairs of before and after, the last dim first; negative ones cut off."""
    if mode != "constant":
        raise Unsupported(f"padding mode '{mode}'")
    x = context.value(x)
    pairs = [(0, 0)] * (len(x.shape) - len(widths) // 2)
    pairs += [(widths[i], widths[i + 1]) for i in range(len(widths) - 2, -1, -2)]
    for dim, (low, high) in enumerate(pairs):
        cut = max(-low, 0), max(-high, 0)
        x = context.build.slice(x, dim, cut[0], x.shape[dim] - sum(cut))
    low, high = ([max(pair[side], 0) for pair in pairs] for side in (0, 1))
    return context.build.pad(x, low, high, value or 0.0)


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
    aten.slice.Tensor: slice_,
    aten.select.int: select,
    aten.narrow.default: narrow,
    aten.split.Tensor: split,
    aten.split.sizes: split,
    aten.split_with_sizes.default: split,
    aten.chunk.default: chunk,
    aten.unbind.int: unbind,
    aten.cat.default: cat,
    aten.concat.default: cat,
    aten.stack.default: stack,
    aten.pad.default: pad,
    aten.constant_pad_nd.default: lambda context, x, widths, value=0: pad(context, x, widths, "constant", value),
}
