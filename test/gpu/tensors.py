"""Parameters as fabric-run saves them, compared norm by norm."""

import array
import json
import math
import struct

CODES = {"F32": "f", "F64": "d"}


def read(path):
    """Names to lists of numbers, of a safetensors file in f32 or f64."""
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        body = file.read()
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        tensors[name] = array.array(CODES[entry["dtype"]], body[begin:end])
    return tensors


def difference(found, expected):
    """The largest norm of a difference, relative to the expected norm."""
    if found.keys() != expected.keys():
        raise ValueError("other parameters")
    worst = 0.0
    for name, values in expected.items():
        norm = math.sqrt(math.fsum(v * v for v in values))
        error = math.sqrt(math.fsum((a - b) ** 2 for a, b in zip(found[name], values, strict=True)))
        worst = max(worst, error / norm if norm > 0 else error)
        if math.isnan(error):
            return math.nan
    return worst
