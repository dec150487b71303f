"""Bad input to the compiled tools: one line that names what is wrong, a non-zero exit, and nothing left behind."""

import json
import os
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from harness import run_tool
from importing import BUILD, MODELS, NEEDS_TOOLS
from safetensors.numpy import load_file, save_file

pytestmark = NEEDS_TOOLS

MODEL = MODELS / "feedforward.mlir"
COMPILE, RUN, OPT = (BUILD / "bin" / name for name in ("fabric-compile", "fabric-run", "fabric-opt"))
# What a launcher would set, and the test's own launcher may have set.
LAUNCH = re.compile(r"^(OMPI|PMIX|PMI|SLURM)_|^(RANK|WORLD_SIZE|LOCAL_RANK|MASTER_ADDR|MASTER_PORT)$")


def fails(command, *patterns, env=None, cwd=None):
    """The tool's one line, which must match every pattern."""
    clean = {name: value for name, value in os.environ.items() if not LAUNCH.match(name)}
    result = subprocess.run(
        [str(c) for c in command],
        capture_output=True,
        text=True,
        env=clean | {"OMP_NUM_THREADS": "1"} | (env or {}),
        cwd=cwd,
        timeout=120,
    )
    assert result.returncode not in (0, -6, -11), result.stderr
    errors = [line for line in result.stderr.splitlines() if not re.search(r": (remark|info): ", line)]
    assert len(errors) == 1, result.stderr
    for pattern in patterns:
        assert re.search(pattern, errors[0]), f"{pattern!r} not in: {errors[0]}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A plan for 2 x 2 with weights and data that fit it."""
    folder = tmp_path_factory.mktemp("bad")
    run_tool([COMPILE, MODEL, "-o", folder / "compiled.bin", "--dp=2", "--tp=2", "--train=adamw"])
    rng = np.random.default_rng(0)
    shapes = {"w1.weight": (256, 128), "w2.weight": (128, 256), "w3.weight": (256, 128)}
    weights = {name: rng.standard_normal(shape, np.float32) / 16 for name, shape in shapes.items()}
    save_file(weights, folder / "weights.safetensors")
    np.save(folder / "x.npy", rng.standard_normal((2, 16, 128), np.float32))
    run_tool(run(folder))
    return folder


def run(folder, plan="compiled.bin", weights="weights.safetensors", data="x.npy", *flags):
    at = lambda name: Path(folder / name)  # noqa: E731
    return [RUN, at(plan), f"--weights={at(weights)}", f"--data=x={at(data)}", "--steps=1", *flags]


# fabric-compile


@pytest.mark.parametrize(
    "flags, patterns",
    [
        (["--dp=1", "--tp=many"], [r"tp"]),
        (["--dp=0"], [r"dp"]),
        (["--dp=two"], [r"dp"]),
        (["--train=sgd"], [r"--train|train"]),
        (["--target=tpu"], [r"tpu"]),
        (["--nonsense"], [r"--nonsense"]),
    ],
)
def test_compile_flags(tmp_path, flags, patterns):
    fails([COMPILE, MODEL, "-o", tmp_path / "compiled.bin", *flags], *patterns)
    assert os.listdir(tmp_path) == []


def test_compile_missing_and_broken_files(tmp_path):
    fails([COMPILE, tmp_path / "none.mlir", "-o", tmp_path / "compiled.bin"], r"none\.mlir")
    (tmp_path / "model.mlir").write_text("module { func.func @f( }")
    fails([COMPILE, tmp_path / "model.mlir", "-o", tmp_path / "compiled.bin"], r"model\.mlir")
    (tmp_path / "model.mlir").write_text(MODEL.read_text().replace("fabric.silu", "fabric.frobnicate"))
    fails([COMPILE, tmp_path / "model.mlir", "-o", tmp_path / "compiled.bin"], r"model\.mlir:\d+:\d+", r"frobnicate")
    assert os.listdir(tmp_path) == ["model.mlir"]
    fails([COMPILE, MODEL, "-o", tmp_path / "missing" / "compiled.bin"], r"missing/compiled\.bin")


@pytest.mark.parametrize(
    "plan, patterns",
    [
        ({"w9": "colwise"}, [r"plan\.json", r"w9"]),
        ({"w1": "diagonal"}, [r"plan\.json", r"diagonal"]),
        ("[", [r"plan\.json"]),
        ([1], [r"plan\.json"]),
        ({"w1": 3}, [r"plan\.json", r"w1"]),
    ],
    ids=["unknown parameter", "unknown style", "no JSON", "no object", "no string"],
)
def test_compile_tp_plan(tmp_path, plan, patterns):
    (tmp_path / "plan.json").write_text(plan if isinstance(plan, str) else json.dumps(plan))
    fails([COMPILE, MODEL, "-o", tmp_path / "compiled.bin", f"--tp-plan={tmp_path / 'plan.json'}"], *patterns)
    assert os.listdir(tmp_path) == ["plan.json"]


def test_compile_style_that_fits_no_dim(tmp_path):
    """Dim 0 of w, colwise over a tp that does not divide it, where a reshape mixes it with another dim."""
    (tmp_path / "model.mlir").write_text(
        """module {
  func.func @f(%w: tensor<3x4xf32> {fabric.param = #fabric.param<"w">, dist.tp = #dist.tp<colwise>})
      -> (tensor<4x3xf32> {fabric.result = "y"}) {
    %0 = fabric.reshape %w : tensor<3x4xf32> -> tensor<4x3xf32>
    return %0 : tensor<4x3xf32>
  }
}
"""
    )
    command = [COMPILE, tmp_path / "model.mlir", "-o", tmp_path / "compiled.bin", "--dp=1", "--tp=2"]
    fails(command, r"model\.mlir:2:\d+", r'"w"', r"dim 0 of size 3", r'axis "tp" of size 2', r"model\.mlir:4:\d+.*reshape")


def test_opt_unknown_axis_and_partitioned_twice(tmp_path):
    fails([OPT, MODEL, "--shard-2d=dp=2 pp=2"], r"no such option pp")
    (tmp_path / "once.mlir").write_text(run_tool([OPT, MODEL, "--shard-2d=dp=2 tp=2"]))
    fails([OPT, tmp_path / "once.mlir", "--shard-2d=dp=2 tp=2"], r"error: \S+once\.mlir:2:1: .*partitioned")


# fabric-run


def test_run_damaged_plans(folder, tmp_path):
    plan = (folder / "compiled.bin").read_bytes()
    damaged = {
        "no magic": (b"NOTAPLAN" + plan[8:], r"not a plan|magic"),
        "other version": (plan[:8] + (99).to_bytes(4, "little") + plan[12:], r"version 99|version"),
        "a bit of the code": (
            plan[: len(plan) // 2] + bytes([plan[len(plan) // 2] ^ 1]) + plan[len(plan) // 2 + 1 :],
            r"checksum|SHA",
        ),
        "cut": (plan[:-100], r"checksum|SHA|truncated|short"),
        "empty": (b"", r"not a compiled plan"),
    }
    for data, pattern in damaged.values():
        (tmp_path / "damaged.bin").write_bytes(data)
        fails(run(folder, tmp_path / "damaged.bin"), r"damaged\.bin", f"(?i){pattern}")
    fails(run(folder, "none.bin"), r"none\.bin")


def test_run_weights_that_do_not_fit(folder, tmp_path):
    weights = load_file(folder / "weights.safetensors")
    cases = {
        "missing": ({n: w for n, w in weights.items() if n != "w2.weight"}, r"w2\.weight"),
        "extra": (weights | {"w4.weight": weights["w1.weight"]}, r"w4\.weight"),
        "misshapen": (weights | {"w1.weight": weights["w1.weight"].T.copy()}, r"w1\.weight.*(128.*256|256.*128)"),
        "mistyped": (weights | {"w3.weight": weights["w3.weight"].astype(np.float64)}, r"w3\.weight.*(?i:f64)"),
    }
    for tensors, pattern in cases.values():
        save_file(tensors, tmp_path / "bad.safetensors")
        fails(run(folder, weights=tmp_path / "bad.safetensors"), r"bad\.safetensors", pattern)
    (tmp_path / "bad.safetensors").write_bytes((10**15).to_bytes(8, "little") + b"{}")
    fails(run(folder, weights=tmp_path / "bad.safetensors"), r"bad\.safetensors")
    fails(run(folder, weights="none.safetensors"), r"none\.safetensors")


def test_run_data_that_does_not_fit(folder, tmp_path):
    x = np.load(folder / "x.npy")
    cases = {
        "misshapen": (x[:, :, :100], r"100"),
        "too few samples": (x[0, :10], r"10"),
        "mistyped": (x.astype(np.int32), r"(?i)i32|int32"),
    }
    for array, pattern in cases.values():
        np.save(tmp_path / "bad.npy", array)
        fails(run(folder, data=tmp_path / "bad.npy"), r"bad\.npy", pattern)
    (tmp_path / "bad.npy").write_bytes(b"no array")
    fails(run(folder, data=tmp_path / "bad.npy"), r"bad\.npy")
    fails(run(folder, data="none.npy"), r"none\.npy")
    fails([*run(folder), f"--data=y={folder / 'x.npy'}"], r"\by\b")
    fails(
        [RUN, folder / "compiled.bin", f"--weights={folder / 'weights.safetensors'}", "--steps=1"], r"\bx\b", r"--data"
    )


def test_run_unwritable_outputs(folder, tmp_path):
    for flag in ("--save", "--metrics"):
        fails([*run(folder), f"{flag}={tmp_path / 'missing' / 'file'}"], r"missing/file")
    assert os.listdir(tmp_path) == []


def test_run_world_size_unlike_the_mesh(folder):
    """Says what is needed, and how to recompile."""
    from harness import MPIRUN

    result = subprocess.run([*MPIRUN, "-n", "3", *map(str, run(folder))], capture_output=True, text=True, timeout=120)
    ours = [line for line in result.stderr.splitlines() if line.startswith("fabric-run: ")]
    assert result.returncode != 0 and len(ours) == 1, result.stderr
    assert re.search(r"\b4\b", ours[0]) and re.search(r"\b3\b", ours[0]) and "--dp" in ours[0], ours[0]


def test_run_launch_variables(folder):
    """torchrun's ranks that do not come, or cannot be found. Two sources that disagree are an error."""
    torchrun = {"RANK": "0", "WORLD_SIZE": "4", "LOCAL_RANK": "0", "MASTER_ADDR": "localhost", "MASTER_PORT": "29531"}
    fails([*run(folder), "--timeout=0.3"], r"ranks 1, 2, 3", r"localhost:29531", env=torchrun)
    fails([*run(folder), "--timeout=0.3"], r"rank 1", r"localhost:29531", r"Connection refused", env=torchrun | {"RANK": "1"})
    fails(run(folder), r"MASTER_ADDR", env=torchrun | {"MASTER_ADDR": ""})
    fails([*run(folder), "--comm=mpi"], r"--comm=mpi", r"WORLD_SIZE=4", env=torchrun)
    fails(run(folder), r"\b4\b", r"\b2\b", env=torchrun | {"OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_RANK": "0"})
