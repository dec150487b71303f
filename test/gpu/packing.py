"""Plans and the CPU's results, made where LLVM is and carried to where a GPU is.

A pack is a folder: `index.json`, and for every case the plan for the GPU, and the losses and parameters of the plan for the CPU. What could not be
compiled is in the index with the reason.
"""

import importlib.util
import json
import os
import sys

from process import ROOT, Failure, run, tool

sys.path.insert(0, str(ROOT / "test" / "bench"))
from fabric_bench.models import feedforward  # noqa: E402

MESHES = ["1x1", "2x2", "4x1", "1x4"]
# DESIGN.md: at eps 1e-3, losses and parameters within 1e-5.
TRAIN = ["--train=adamw", "--lr=3e-3", "--eps=1e-3"]
# Of bf16, products round to the other neighbour where sums differ in their last bits.
MIXED = ["--param-dtype=bf16"]
TOLERANCE, TOLERANCE_MIXED = 1e-5, 1e-4
IMPORTED = ["feedforward.py:build", "gelu_mlp.py:build", "linears.py:build_chain", "mlp.py:build", "op_families.py:build", "towers.py:build"]


def models(folder):
    """Names to the text of every shipped model; what is imported here needs PyTorch."""
    texts = {name: ROOT / "test" / "models" / f"{name}.mlir" for name in ["feedforward", "gelu_mlp"]}
    missing = {}
    for spec in IMPORTED:
        name = spec.removesuffix(":build").replace(".py", "").replace(":build", "") + "-imported"
        if importlib.util.find_spec("torch") is None:
            missing[name] = "fabric-import needs PyTorch, which is not here"
            continue
        text = folder / f"{name}.mlir"
        try:
            run(tool("fabric-import"), ROOT / "test" / "models" / spec, "-o", text, env=os.environ | {"FABRIC_PYTHON": sys.executable})
            texts[name] = text
        except Failure as failure:
            missing[name] = str(failure)
    return texts, missing


def reference(plan, folder, name, steps):
    """What the CPU makes of it."""
    metrics, saved = folder / f"{name}.jsonl", folder / f"{name}.safetensors"
    run(tool("fabric-run"), plan, "--data=random", f"--steps={steps}", f"--metrics={metrics}", f"--save={saved}", "--quiet")


def pack(folder, target, steps):
    """Fills `folder`; `target` is as fabric-compile has it."""
    folder.mkdir(parents=True, exist_ok=True)
    index = {"target": target, "steps": steps, "parity": {}, "speed": {}, "missing": {}}

    def compile_to(plan, model, mesh, *flags):
        dp, tp = mesh.split("x")
        run(tool("fabric-compile"), model, "-o", folder / plan, f"--dp={dp}", f"--tp={tp}", *flags)

    texts, missing = models(folder)
    index["missing"].update(missing)
    cases = [(model, text, [], TOLERANCE) for model, text in texts.items()]
    cases += [(f"{model}-mixed", texts[model], MIXED, TOLERANCE_MIXED) for model in ["feedforward", "gelu_mlp"]]
    for model, text, flags, tolerance in cases:
        for mesh in MESHES:
            name = f"{model}.{mesh}"
            try:
                compile_to(f"{name}.bin", text, mesh, *TRAIN, *flags, f"--target={target}")
                compile_to(f"{name}.cpu.bin", text, mesh, *TRAIN, *flags)
                reference(folder / f"{name}.cpu.bin", folder, name, steps)
                index["parity"][name] = tolerance
            except Failure as failure:
                index["missing"][name] = str(failure)
    for name, (dim, batch), flags in [
        ("feedforward-8192.f32", (8192, 16), []),
        ("feedforward-8192.bf16", (8192, 16), ["--param-dtype=bf16", "--reduce-dtype=f32"]),
        ("joined-8192.f32", (8192, 16), ["--join-products"]),
        ("joined-8192.bf16", (8192, 16), ["--param-dtype=bf16", "--reduce-dtype=f32", "--join-products"]),
        ("tiny", (8, 8), []),
    ]:
        text = folder / f"{name}.mlir"
        text.write_text(feedforward(dim, dim, batch))
        try:
            report = folder / f"{name}.report.json"
            compile_to(f"{name}.bin", text, "1x1", "--train=adamw", *flags, f"--target={target}", f"--report={report}")
            index["speed"][name] = {"dim": dim, "batch": batch, "scratch": json.loads(report.read_text())["memory"]["scratch"]}
        except Failure as failure:
            index["missing"][name] = str(failure)
    (folder / "index.json").write_text(json.dumps(index, indent=2) + "\n")
    return index
