"""The models that are measured, as text, and the files that they start from."""

import array
import json
import math
import random
import struct

ADAMW = "#fabric.train<adamw, lr = 3.0e-3>"


def feedforward(dim, hidden, batch):
    """test/models/feedforward.mlir in other sizes: the loss is the sum of all outputs."""

    def parameter(name, rows, columns):
        bound = 1 / math.sqrt(columns)
        attribute = f'#fabric.param<"{name}.weight", init = uniform({-bound!r}, {bound!r})>'
        return f"%{name}: tensor<{rows}x{columns}xf32> {{fabric.param = {attribute}}}"

    x, inner = f"tensor<{batch}x{dim}xf32>", f"tensor<{batch}x{hidden}xf32>"
    up, down = f"tensor<{hidden}x{dim}xf32>", f"tensor<{dim}x{hidden}xf32>"
    return f"""\
module attributes {{fabric.train = {ADAMW}}} {{
  func.func @feedforward(%x: {x} {{fabric.input = #fabric.input<"x", batch_dim = 0>}},
      {parameter("w1", hidden, dim)},
      {parameter("w2", dim, hidden)},
      {parameter("w3", hidden, dim)})
      -> (tensor<f32> {{fabric.result = "loss"}}) {{
    %a = fabric.linear %x, %w1 : ({x}, {up}) -> {inner}
    %b = fabric.silu %a : {inner}
    %c = fabric.linear %x, %w3 : ({x}, {up}) -> {inner}
    %d = fabric.mul %b, %c : {inner}
    %y = fabric.linear %d, %w2 : ({inner}, {down}) -> {x}
    %loss = fabric.sum %y dims = [0, 1] : {x} -> tensor<f32>
    return %loss : tensor<f32>
  }}
}}
"""


def chain(layers, batch=4096, width=1024):
    """Linears with activations between them. The sizes divide on every mesh that is asked for."""
    x, w = f"tensor<{batch}x{width}xf32>", f"tensor<{width}x{width}xf32>"
    arguments = [f'%h0: {x} {{fabric.input = #fabric.input<"x", batch_dim = 0>}}']
    body = []
    for i in range(layers):
        attribute = f'#fabric.param<"layers.{i}.weight", init = uniform(-0.03125, 0.03125)>'
        arguments.append(f"%w{i}: {w} {{fabric.param = {attribute}}}")
        body.append(f"    %a{i} = fabric.linear %h{i}, %w{i} : ({x}, {w}) -> {x}")
        body.append(f"    %h{i + 1} = fabric.relu %a{i} : {x}")
    return "\n".join(
        [
            f"module attributes {{fabric.train = {ADAMW}}} {{",
            "  func.func @chain(" + ",\n      ".join(arguments) + ')\n      -> (tensor<f32> {fabric.result = "loss"}) {',
            *body,
            f"    %loss = fabric.sum %h{layers} dims = [0, 1] : {x} -> tensor<f32>",
            "    return %loss : tensor<f32>\n  }\n}\n",
        ]
    )


def layer_norm(size, is_trained):
    """LayerNorm with weight and bias, of a parameter, so that nothing is read in a step; trained, with all gradients."""
    x, w = f"tensor<{size}x{size}xf32>", f"tensor<{size}xf32>"

    def parameter(name, type):
        return f'%{name}: {type} {{fabric.param = #fabric.param<"{name}", init = uniform(-1.0, 1.0)>}}'

    parameters = [parameter("x", x), parameter("weight", w), parameter("bias", w)]
    body = f"""\
    %n = fabric.layer_norm %x dims = [1] {{eps = 1.0e-5 : f64}} : {x}
    %ws = fabric.broadcast %weight dims = [1] : {w} -> {x}
    %bs = fabric.broadcast %bias dims = [1] : {w} -> {x}
    %scaled = fabric.mul %n, %ws : {x}
    %y = fabric.add %scaled, %bs : {x}
"""
    if not is_trained:
        return f"""\
func.func @norm({", ".join(parameters)}) -> ({x} {{fabric.result = "y"}}) {{
{body}    return %y : {x}
}}
"""
    parameters.append(parameter("dy", x))
    return f"""\
module attributes {{fabric.train = #fabric.train<gradients>}} {{
  func.func @norm({", ".join(parameters)}) -> (tensor<f32> {{fabric.result = "loss"}}) {{
{body}    %z = fabric.mul %y, %dy : {x}
    %loss = fabric.sum %z dims = [0, 1] : {x} -> tensor<f32>
    return %loss : tensor<f32>
  }}
}}
"""


def write_npy(path, shape):
    """Normally distributed f32, the same every time; returns the offset of the data."""
    generator = random.Random(7)
    values = array.array("f", (generator.gauss(0, 1) for _ in range(math.prod(shape))))
    dictionary = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {tuple(shape)!r}, }}"
    end = -(-(len(dictionary) + 11) // 64) * 64
    header = dictionary.ljust(end - 11) + "\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + values.tobytes())
    return 10 + len(header)


def safetensors_offsets(path, names):
    """Where the tensors' data begin in the file."""
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
    return [8 + length + header[name]["data_offsets"][0] for name in names]
