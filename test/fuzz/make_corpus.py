#!/usr/bin/env python3
"""Makes the seeds in corpus/ from real files: `python3 test/fuzz/make_corpus.py`.

Plans come from build/bin/fabric-compile on the small model below, with their code and constants cut to a few
bytes (the reader does not look inside); arrays and weights are written here as numpy and safetensors write them; TP
plans are those of the tests.
"""

import hashlib
import json
import shutil
import struct
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
COMPILE = ROOT / "build" / "bin" / "fabric-compile"


def write(target, name, data):
    folder = HERE / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)


def seal(manifest, sections):
    text = json.dumps(manifest, separators=(",", ":"), ensure_ascii=False).encode()
    file = b"FABRPLAN" + struct.pack("<IIQ", 1, 0, len(text)) + text
    file += bytes(-len(file) % 64) + sections
    return file + hashlib.sha256(file).digest()


def shrink(manifest):
    """Sections of 64 bytes, and at most four constants that lie inside."""
    manifest["constants"] = [{"buffer": c["buffer"], "offset": 0} for c in manifest["constants"][:4]]
    manifest["options"] = {"dp": manifest["options"]["dp"]}
    names = [section["name"] for section in manifest["sections"]]
    manifest["sections"] = [{"name": name, "offset": 64 * i, "bytes": 64} for i, name in enumerate(names)]
    return manifest, b"\x01" * (64 * len(names))


# Small, for speed: one weight, one product, a kernel, a loss, a second result.
MODEL = """
module {
  func.func @f(%x: tensor<4x8xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
               %w: tensor<8x8xf32> {fabric.param = #fabric.param<"w", init = uniform(-0.5, 0.5)>})
      -> (tensor<f32> {fabric.result = "loss"}, tensor<4x8xf32> {fabric.result = "y"}) {
    %a = fabric.linear %x, %w : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
    %b = fabric.silu %a : tensor<4x8xf32>
    %s = fabric.sum %b dims = [0, 1] : tensor<4x8xf32> -> tensor<f32>
    return %s, %b : tensor<f32>, tensor<4x8xf32>
  }
}
"""


def compiled(*flags):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "plan"
        model = Path(folder) / "model.mlir"
        model.write_text(MODEL)
        subprocess.run([COMPILE, model, "-o", path, *flags], check=True)
        data = path.read_bytes()
    length = struct.unpack_from("<Q", data, 16)[0]
    return json.loads(data[24 : 24 + length])


def plans():
    runs = {
        "inference": ["--dp=1", "--tp=1"],
        "inference-2x2": ["--dp=2", "--tp=2"],
        "adamw-2x1": ["--dp=2", "--tp=1", "--train=adamw"],
        "local-2x1": ["--dp=2", "--tp=1", "--train=adamw", "--comm=local"],
        "overlap-2x2": ["--dp=2", "--tp=2", "--train=adamw", "--overlap=on"],
        "gradients-1x2": ["--dp=1", "--tp=2", "--train=gradients"],
    }
    for name, flags in runs.items():
        manifest, sections = shrink(compiled(*flags))
        write("plan", name, seal(manifest, sections))
        if name in ("inference", "adamw-2x1", "local-2x1", "overlap-2x2"):
            manifest["sections"] = [{"name": n, "offset": o, "bytes": 64} for n, o in (("code", 0), ("constants", 64))]
            write("manifest", name, json.dumps(manifest, separators=(",", ":")).encode())


def npy(descr, shape, data, version=1, fortran=False):
    sizes = ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "")
    header = f"{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': ({sizes}), }}"
    start = b"\x93NUMPY" + bytes([version, 0])
    width = 2 if version == 1 else 4
    header += " " * (-(len(start) + width + len(header) + 1) % 64) + "\n"
    return start + len(header).to_bytes(width, "little") + header.encode() + data


def arrays():
    write("npy", "f32", npy("<f4", (2, 3), bytes(24)))
    write("npy", "scalar", npy("<f8", (), bytes(8)))
    write("npy", "vector", npy("|i1", (5,), bytes(5)))
    write("npy", "empty", npy("<i8", (0, 4), b""))
    write("npy", "bool-v2", npy("|b1", (1, 2, 2), bytes(4), version=2))
    write("npy", "fortran", npy("<f2", (2, 2), bytes(8), fortran=True))


def safetensors(header, data):
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def weights():
    two = {
        "__metadata__": {"format": "pt"},
        "w1.weight": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
        "w2.weight": {"dtype": "BF16", "shape": [4], "data_offsets": [24, 32]},
    }
    write("safetensors", "two", safetensors(two, bytes(32)))
    dtypes = {"F64": 8, "F16": 2, "I64": 8, "I32": 4, "I8": 1, "BOOL": 1}
    header, offset = {}, 0
    for dtype, width in dtypes.items():
        header[dtype.lower()] = {"dtype": dtype, "shape": [1, 2], "data_offsets": [offset, offset + 2 * width]}
        offset += 2 * width
    write("safetensors", "dtypes", safetensors(header, bytes(offset)))
    write("safetensors", "none", safetensors({}, b""))


def tp_plans():
    folder = HERE / "corpus" / "tp-plan"
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted((ROOT / "test" / "passes" / "Sharding" / "Inputs").glob("*.json")):
        shutil.copyfile(path, folder / path.stem)


def descriptors():
    write("data", "random", b"random")
    write("data", "ranges", b"x=random:-1:1\ntokens=random:0:100\nmask=random:0:2\nsmall=random:-128:128\nhalf=random")
    write("data", "files", b"x=FILE0\ntokens=FILE1\nmask=random:0:2\nsmall=random:0:9\nrandom")


if __name__ == "__main__":
    arrays()
    weights()
    tp_plans()
    descriptors()
    plans()
