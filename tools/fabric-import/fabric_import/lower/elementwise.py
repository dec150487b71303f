"""Elementwise ops, with PyTorch's broadcasting and type promotion made explicit."""

import torch

from .. import mlir
from ..emit import Value
from ..errors import Unsupported

aten = torch.ops.aten


def unary(name):
    return lambda context, x: context.build.unary(name, context.operand(x))


def binary(name):
    return lambda context, a, b: context.build.binary(name, context.operand(a), context.operand(b))


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
    """By a constant, a product with its reciprocal."""
    if rounding_mode is not None or not context.dtype.is_floating_point:
        raise Unsupported("integer division")
    if isinstance(b, torch.Tensor):
        return mul(context, a, 1.0 / b.to(torch.float64))
    if isinstance(b, (int, float)) and b != 0:
        return mul(context, a, 1.0 / b)
    return context.build.binary("div", context.operand(a), context.operand(b))


def reciprocal(context, x):
    return context.build.binary("div", context.operand(1.0), context.operand(x))


def gelu(context, x, approximate="none"):
    return context.build.unary("gelu", context.operand(x), keyword="tanh" if approximate == "tanh" else "")


def compare(predicate):
    def lower(context, a, b):
        dtype = torch.result_type(_example(a), _example(b))
        return context.build.compare(
            predicate, context.operand(a, dtype=dtype), context.operand(b, dtype=dtype)
        )

    return lower


def _example(x):
    """What torch.result_type needs to know of x."""
    return torch.empty(x.shape, dtype=x.dtype, device="meta") if isinstance(x, Value) else x


def where(context, condition, a, b):
    condition = context.operand(condition, dtype=torch.bool)
    return context.build.select(condition, context.operand(a), context.operand(b))


def masked_fill(context, x, mask, value):
    return where(context, mask, value, x)


def clamp(context, x, low=None, high=None):
    """By choices: the gradient at a bound is x's, and NaN stays."""
    x = context.operand(x)
    if low is not None:
        low = context.operand(low)
        x = context.build.select(context.build.compare("lt", x, low), low, x)
    if high is not None:
        high = context.operand(high)
        x = context.build.select(context.build.compare("gt", x, high), high, x)
    return x


def leaky_relu(context, x, slope=0.01):
    x = context.operand(x)
    positive = context.build.compare("gt", x, context.operand(0.0))
    return context.build.select(positive, x, _scaled(context, x, slope))


def pow_number(context, x, exponent):
    """Small powers are products."""
    if exponent not in (1, 2, 3, 4):
        exponent = mlir.number(exponent, torch.float64)
        return context.build.unary("pow", context.operand(x), f"{{exponent = {exponent}}}")
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
    **{
        getattr(aten, name).default: unary(name)
        for name in ("exp", "log", "sqrt", "rsqrt", "abs", "erf", "tanh", "relu")
    },
    aten.gelu.default: gelu,
    aten.leaky_relu.default: leaky_relu,
    aten.reciprocal.default: reciprocal,
    aten.maximum.default: binary("maximum"),
    aten.minimum.default: binary("minimum"),
    aten.clamp.default: clamp,
    aten.clamp.Tensor: clamp,
    aten.clamp_min.default: clamp,
    aten.clamp_max.default: lambda context, x, high: clamp(context, x, None, high),
    **{
        getattr(getattr(aten, name), overload): compare(name)
        for name in ("eq", "ne", "lt", "le", "gt", "ge")
        for overload in ("Tensor", "Scalar")
    },
    aten.where.self: where,
    aten.where.ScalarSelf: where,
    aten.where.ScalarOther: where,
    aten.where.Scalar: where,
    aten.masked_fill.Scalar: masked_fill,
    aten.masked_fill.Tensor: masked_fill,
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
