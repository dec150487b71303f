"""Ops that compute nothing, and those that do only in some settings."""

import operator

import torch

from ..errors import Unsupported

aten = torch.ops.aten


def same(context, x, *_, **__):
    return context.value(x)


def dropout(context, x, p, train):
    if train and p > 0:
        raise Unsupported(f"dropout with p = {p} in training: call .eval() on it, or set p to 0")
    return context.value(x)


def native_dropout(context, x, p, train):
    """The result, and the mask of what was kept, which nothing uses."""
    return [dropout(context, x, p, train), None]


def detach(context, x):
    """Also every result of a torch.no_grad() region."""
    x = context.value(x)
    return context.build.unary("stop_gradient", x) if context.carries_gradient() else x


OPS = {
    aten.alias.default: same,
    aten.clone.default: same,
    aten.contiguous.default: same,
    aten.lift_fresh_copy.default: same,
    aten.lift_fresh.default: same,
    aten.resolve_conj.default: same,
    aten.resolve_neg.default: same,
    aten.positive.default: same,
    aten.dropout.default: dropout,
    aten.native_dropout.default: native_dropout,
    aten.detach.default: detach,
    operator.getitem: lambda context, values, index: context.value(values[index]),
}
