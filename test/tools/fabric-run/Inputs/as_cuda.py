"""Makes a plan for the CPU look as one for a GPU: enough for what is said before anything of it is loaded.

    as_cuda.py CPU.bin CUDA.bin ARCH
"""

import hashlib
import json
import struct
import sys

source, target, arch = sys.argv[1:]
with open(source, "rb") as file:
    plan = file.read()
(length,) = struct.unpack_from("<Q", plan, 16)
manifest = json.loads(plan[24 : 24 + length])
sections = plan[(24 + length + 63) // 64 * 64 : -32]
manifest["target"] = {"kind": "cuda", "arch": arch, "features": []}
for instruction in manifest["instructions"]:
    if instruction["op"] == "launch":
        instruction["grid"] = {"blocks": [1, 1, 1], "threads": [32, 1, 1], "shared_bytes": 0}
text = json.dumps(manifest, separators=(",", ":"), ensure_ascii=False).encode()
sealed = plan[:16] + struct.pack("<Q", len(text)) + text
sealed += bytes(-len(sealed) % 64) + sections
with open(target, "wb") as file:
    file.write(sealed + hashlib.sha256(sealed).digest())
