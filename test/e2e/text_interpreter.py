"""A few lines of numpy that evaluate `fabric` text as the importer writes it.

Independent of the compiler on purpose: it reads the text, so that the importer
can be tested by value with nothing but PyTorch beside it.
"""

import math
import re
import string

import numpy as np

DTYPES = {
    "f32": np.float32,
    "f64": np.float64,
    "f16": np.float16,
    "bf16": np.float32,  # rounded after every op
    "i8": np.int8,
    "i32": np.int32,
    "i64": np.int64,
    "i1": np.bool_,
}
ARGUMENT = re.compile(r'^\s+%(\S+): (tensor<\S*?>) \{fabric\.(input|param) = #fabric\.\w+<"((?:[^"\\]|\\.)*)"(.*)$')
RESULT = re.compile(r'(tensor<\S*?>) \{fabric\.result = "([^"]*)"\}')
OP = re.compile(r"^\s+%(\S+) = fabric\.(\w+) (.*?) : (.*) loc\((.*)\)$")


class Module:
    """What a test asks of the text: arguments, ops, results."""

    def __init__(self, text):
        self.text = text
        lines = text.splitlines()
        self.function = re.search(r"func\.func @(\w+)\(", text)[1]
        self.inputs, self.parameters, self.arguments, self.ops = {}, {}, [], []
        for line in lines:
            if match := ARGUMENT.match(line):
                ssa, type_, kind, name, rest = match.groups()
                self.arguments.append((ssa, kind, name))
                (self.inputs if kind == "input" else self.parameters)[name] = (type_, rest)
            elif match := OP.match(line):
                self.ops.append(match.groups())
        header = next(line for line in lines if line.lstrip().startswith("-> ("))
        self.results = [name for _, name in RESULT.findall(header)]
        self.returned = re.findall(r"%(\S+?)[, ]", next(line for line in lines if line.lstrip().startswith("return ")))

    def kinds(self):
        return [op[1] for op in self.ops]

    def locations(self):
        return [op[4] for op in self.ops]

    def evaluate(self, inputs, parameters):
        """Name -> array of the results, from name -> array of the arguments."""
        values = {}
        for ssa, kind, name in self.arguments:
            type_ = (self.inputs if kind == "input" else self.parameters)[name][0]
            array = np.asarray((inputs if kind == "input" else parameters)[name])
            values[ssa] = _checked(array, type_, name)
        for result, kind, body, signature, _ in self.ops:
            operands = [values[name] for name in re.findall(r"%([\w.$-]+)", body)]
            result_type = signature.rpartition("-> ")[2]
            shape, dtype, element = parse_type(result_type)
            value = EVALUATE[kind](body, operands, shape, dtype)
            values[result] = _checked(_rounded(np.asarray(value), element), result_type, result)
        return {name: values[ssa] for name, ssa in zip(self.results, self.returned, strict=True)}


def parse_type(text):
    *dims, element = re.fullmatch(r"tensor<(.*)>", text)[1].split("x")
    return tuple(map(int, dims)), DTYPES[element], element


def _checked(array, type_, name):
    shape, dtype, _ = parse_type(type_)
    assert array.shape == shape and array.dtype == dtype, f"%{name}: {array.shape} {array.dtype} is no {type_}"
    return array


def _rounded(array, element):
    if element != "bf16":
        return array
    bits = np.ascontiguousarray(array, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) & np.uint32(0xFFFF0000)).view(np.float32).reshape(array.shape)


def _lists(body):
    return [[int(n) for n in text.replace(",", " ").split()] for text in re.findall(r"\[([\d, ]*)\]", body)]


def _constant(body, operands, shape, dtype):
    text = re.fullmatch(r"dense<(.*)>", body)[1]
    if text.startswith('"0x'):
        return np.frombuffer(bytes.fromhex(text[3:-1]), dtype).reshape(shape)
    if text.startswith("0x"):
        return np.full(shape, np.frombuffer(bytes.fromhex(text[2:])[::-1], dtype)[0])
    numbers = re.findall(r"[-+.\w]+", text)
    array = np.array([n == "true" if n in ("true", "false") else float(n) for n in numbers], dtype)
    return np.broadcast_to(array[0], shape) if len(numbers) == 1 and text[0] != "[" else array.reshape(shape)


def _contract(body, operands, shape, dtype):
    batch_a, batch_b, contract_a, contract_b = _lists(body)
    a, b = operands
    letters = iter(string.ascii_letters)
    names_a = [next(letters) for _ in a.shape]
    names_b = [next(letters) for _ in b.shape]
    for i, j in zip(batch_a + contract_a, batch_b + contract_b, strict=True):
        names_b[j] = names_a[i]
    batch = [names_a[i] for i in batch_a]
    result = batch + [n for n in names_a if n not in names_b] + [n for n in names_b if n not in names_a]
    return np.einsum(f"{''.join(names_a)},{''.join(names_b)}->{''.join(result)}", a, b)


def _broadcast(body, operands, shape, dtype):
    (dims,) = _lists(body)
    assert dims == sorted(dims)
    assert all(operands[0].shape[i] == shape[d] for i, d in enumerate(dims))
    spread = [1] * len(shape)
    for i, d in enumerate(dims):
        spread[d] = operands[0].shape[i]
    return np.broadcast_to(operands[0].reshape(spread), shape)


def _same(operands):
    assert len({(x.shape, x.dtype) for x in operands}) == 1
    return operands


def _binary(function):
    return lambda body, operands, shape, dtype: function(*_same(operands))


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


def _softmax(body, operands, shape, dtype):
    axis = int(re.search(r"dim = (\d+)", body)[1])
    exp = np.exp(operands[0] - operands[0].max(axis=axis, keepdims=True))
    return exp / exp.sum(axis=axis, keepdims=True)


def _layer_norm(body, operands, shape, dtype):
    axes = tuple(_lists(body)[0])
    centred = operands[0] - operands[0].mean(axis=axes, keepdims=True)
    variance = (centred * centred).mean(axis=axes, keepdims=True)
    return centred / np.sqrt(variance + dtype(_attribute(body, "eps")))


def _attribute(body, name):
    return float(re.search(rf"{name} = ([-+.\w]+)", body)[1])


def _gelu(body, operands, shape, dtype):
    x = operands[0].astype(np.float64)
    if body.startswith("tanh"):
        return (x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))) / 2).astype(dtype)
    return (x * (1 + _erf(x / np.sqrt(2))) / 2).astype(dtype)


def _compare(body, operands, shape, dtype):
    functions = {"eq": np.equal, "ne": np.not_equal, "lt": np.less}
    functions |= {"le": np.less_equal, "gt": np.greater, "ge": np.greater_equal}
    return functions[body.split()[0]](*_same(operands))


def _part(body, part):
    """The indices that a part of this shape has in the whole."""
    dims, offsets, strides = _lists(body)
    index = [slice(None)] * len(part)
    for dim, offset, stride in zip(dims, offsets, strides, strict=True):
        index[dim] = slice(offset, offset + (part[dim] - 1) * stride + 1, stride)
    return tuple(index)


def _pad(body, operands, shape, dtype):
    result = np.full(shape, _attribute(body, "value"), dtype)
    result[_part(body, operands[0].shape)] = operands[0]
    return result


_erf = np.vectorize(math.erf, otypes=[np.float64])


def _unary(function):
    return lambda body, operands, shape, dtype: function(operands[0])


EVALUATE = {
    "div": _binary(np.divide),
    "maximum": _binary(np.maximum),
    "minimum": _binary(np.minimum),
    "exp": _unary(np.exp),
    "log": _unary(np.log),
    "sqrt": _unary(np.sqrt),
    "rsqrt": _unary(lambda x: 1 / np.sqrt(x)),
    "abs": _unary(np.abs),
    "erf": lambda body, operands, shape, dtype: _erf(operands[0]).astype(dtype),
    "tanh": _unary(np.tanh),
    "relu": _unary(lambda x: np.maximum(x, 0)),
    "gelu": _gelu,
    "pow": lambda body, operands, shape, dtype: np.power(operands[0], dtype(_attribute(body, "exponent"))),
    "stop_gradient": _unary(lambda x: x),
    "compare": _compare,
    "select": lambda body, operands, shape, dtype: np.where(operands[0], *_same(operands[1:])),
    "max": lambda body, operands, shape, dtype: operands[0].max(axis=tuple(_lists(body)[0])),
    "min": lambda body, operands, shape, dtype: operands[0].min(axis=tuple(_lists(body)[0])),
    "softmax": _softmax,
    "layer_norm": _layer_norm,
    "slice": lambda body, operands, shape, dtype: operands[0][_part(body, shape)],
    "concat": lambda body, operands, shape, dtype: np.concatenate(
        operands, axis=int(re.search(r"dim = (\d+)", body)[1])
    ),
    "pad": _pad,
    "constant": _constant,
    "linear": lambda body, operands, shape, dtype: operands[0] @ operands[1].T,
    "contract": _contract,
    "add": _binary(np.add),
    "sub": _binary(np.subtract),
    "mul": _binary(np.multiply),
    "neg": lambda body, operands, shape, dtype: -operands[0],
    "silu": lambda body, operands, shape, dtype: operands[0] * _sigmoid(operands[0]),
    "sigmoid": lambda body, operands, shape, dtype: _sigmoid(operands[0]),
    "sum": lambda body, operands, shape, dtype: operands[0].sum(axis=tuple(_lists(body)[0]), dtype=dtype),
    "broadcast": _broadcast,
    "reshape": lambda body, operands, shape, dtype: operands[0].reshape(shape),
    "transpose": lambda body, operands, shape, dtype: operands[0].transpose(_lists(body)[0]),
    "cast": lambda body, operands, shape, dtype: operands[0].astype(dtype),
}
