"""Elementwise ops, with PyTorch's broadcasting and type promotion made explicit."""

import torch

from ..errors import Unsupported

aten = torch.ops.aten


def unary(name):
    return lambda context, x: context.build.unary(name, context.operand(x))


def _scaled(context, x, factor):
    """factor * x, without an op where the factor is one."""
    if factor == 1:
        return context.operand(x)
    return context.build.binary("mul", context.operand(x), context.operand(factor))


def add(context, a, b, alpha=1):
    return context.build.binary("add", context.operand(a), _scaled(context, b, alpha))


def sub(context, a, b, alpha=1):
    return context.build.binary("sub", context.operand(a), _scaled(context, b, alpha))


def rsub(context, a, b, alpha=1):
    return context.build.binary("sub", context.operand(b), _scaled(context, a, alpha))


def mul(context, a, b):
    return context.build.binary("mul", context.operand(a), context.operand(b))


def div(context, a, b, rounding_mode=None):
    """By a constant only: a product with its reciprocal."""
    if rounding_mode is not None or not context.dtype.is_floating_point:
        raise Unsupported("integer division")
    if isinstance(b, torch.Tensor):
        return mul(context, a, 1.0 / b.to(torch.float64))
    if isinstance(b, (int, float)) and b != 0:
        return mul(context, a, 1.0 / b)
    raise Unsupported("the divisor is not a constant")


def pow_number(context, x, exponent):
    if exponent not in (1, 2, 3, 4):
        raise Unsupported(f"exponent {exponent}; only 1 to 4")
    x = context.operand(x)
    square = context.build.binary("mul", x, x) if exponent > 1 else x
    if exponent == 4:
        return context.build.binary("mul", square, square)
    return context.build.binary("mul", square, x) if exponent == 3 else square


def addcmul(context, x, a, b, value=1):
    product = context.build.binary("mul", context.operand(a), context.operand(b))
    return context.build.binary("add", context.operand(x), _scaled(context, product, value))


def cast(context, x, *_, **__):
    """Every overload of `to`: the result's dtype says all."""
    return context.build.cast(context.value(x), context.dtype)


OPS = {
    aten.neg.default: unary("neg"),
    aten.silu.default: unary("silu"),
    aten.sigmoid.default: unary("sigmoid"),
    aten.add.Tensor: add,
    aten.add.Scalar: add,
    aten.sub.Tensor: sub,
    aten.sub.Scalar: sub,
    aten.rsub.Tensor: rsub,
    aten.rsub.Scalar: rsub,
    aten.mul.Tensor: mul,
    aten.mul.Scalar: mul,
    aten.div.Tensor: div,
    aten.div.Scalar: div,
    aten.square.default: lambda context, x: pow_number(context, x, 2),
    aten.pow.Tensor_Scalar: pow_number,
    aten.addcmul.default: addcmul,
    aten.to.dtype: cast,
    aten.to.dtype_layout: cast,
    aten.to.device: cast,
    aten.to.other: cast,
    aten.type_as.default: cast,
    aten._to_copy.default: cast,
}
