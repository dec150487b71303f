"""What the compiler chooses for a model that says nothing about tensor parallelism, and why it did not split."""

import json

import numpy as np
import pytest
from harness import Model, adamw, compile_plan, distance, module_and_loss, run_plan, run_tool
from importing import BUILD, NEEDS_TOOLS, to_numpy

pytestmark = NEEDS_TOOLS

CHAIN = Model("chain", "linears.py", "build_chain", batch=16, hidden=96)
PAIR = Model("pair", "linears.py", "build_pair", batch=16, hidden=96)
TOWERS = Model("towers", "towers.py", "build", batch=16, hidden=96)

# Alternating, and Megatron's: no activation crosses "tp" between a colwise and a rowwise layer, and the bias behind
# a sum of terms is added once.
STYLES = {
    CHAIN: {f"layers.{i}.weight": ("colwise", "rowwise")[i % 2] for i in range(6)},
    PAIR: {
        "layers.0.weight": "colwise",
        "layers.0.bias": "colwise",
        "layers.1.weight": "rowwise",
        "layers.1.bias": "replicate",
    },
}


@pytest.mark.parametrize("tp", [2, 3, 4, 6, 8])
@pytest.mark.parametrize("model", STYLES, ids=lambda model: model.name)
def test_styles_found(workspace, tmp_path, model, tp):
    report = tmp_path / "report.json"
    compile_plan(workspace.imported(model, "f32"), (1, tp), *adamw(1e-8), f"--report={report}")
    assert json.loads(report.read_text())["tp_plan"] == STYLES[model]


@pytest.mark.parametrize("tp", [2, 3])
def test_a_product_too_small_to_split_says_so(workspace, tmp_path, tp):
    folder = workspace.imported(TOWERS, "f32")
    command = [BUILD / "bin" / "fabric-compile", folder / "model.mlir", "-o", tmp_path / "compiled.bin", "--remarks"]
    report = tmp_path / "report.json"
    remarks = run_tool([*command, "--dp=1", f"--tp={tp}", *adamw(1e-8), f"--report={report}"], stream="stderr")
    assert json.loads(report.read_text())["tp_plan"]["scale.weight"] == "replicate"
    assert (
        f'parameter "scale.weight": replicate over axis "tp" of size {tp}, '
        "which divides no dim that a style splits of 'tensor<1x1xf32>'"
    ) in remarks


@pytest.mark.parametrize("mesh", [(1, 1), (2, 2), (1, 4), (2, 3)], ids=lambda m: f"{m[0]}x{m[1]}")
def test_every_result_of_several(workspace, tmp_path, mesh):
    model = Model("towers_forward", "towers.py", "build_forward", batch=16, hidden=96)
    folder = workspace.imported(model, "f64")
    run_plan(compile_plan(folder, mesh), model, folder, f"--output-dir={tmp_path}")
    _, evaluate = module_and_loss(model, "f64")
    for i, result in enumerate(evaluate(0)):
        assert distance(np.load(tmp_path / f"output_{i}.npy"), to_numpy(result)) <= 1e-13


def test_a_frozen_parameter_has_no_gradient(workspace, tmp_path):
    folder = workspace.imported(TOWERS, "f64")
    run_plan(compile_plan(folder, (2, 2), "--train=gradients"), TOWERS, folder, "--steps=1", f"--output-dir={tmp_path}")
    gradients = {path.name for path in tmp_path.glob("grad.*.npy")}
    trained = ["left.weight", "left.bias", "right.bias", "down.weight", "scale.weight", "scale.bias"]
    assert gradients == {f"grad.{name}.npy" for name in trained}
