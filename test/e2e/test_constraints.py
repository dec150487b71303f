"""Shardings that the user asks for, in the model and in the plan file: by value, on full arrays in files."""

import json

import numpy as np
import pytest
from harness import run_tool
from importing import BUILD, MODELS, NEEDS_TOOLS, run_importer
from test_bad_input import fails

pytestmark = NEEDS_TOOLS

COMPILE, RUN, VERIFY = (BUILD / "bin" / name for name in ("fabric-compile", "fabric-run", "fabric-verify"))

# Where the compiler would put none of it. The first layer is named, "" ends in a result.
SECTIONS = {
    "parameters": {"up.weight": ["dp", "tp"], "down": "rowwise"},
    "inputs": {"x": ["tp", "dp"], "target": [None, ["dp", "tp"]]},
    "values": {"up": [None, "tp"], "middle": [["tp", "dp"], None]},
}


@pytest.fixture(scope="module", params=["build", "build_uneven"])
def mlp(request, tmp_path_factory):
    """An imported MLP with the plan above."""
    folder = tmp_path_factory.mktemp(request.param)
    status, _, err = run_importer(
        f"{MODELS / 'mlp.py'}:{request.param}",
        *("-o", folder / "model.mlir", f"--weights={folder / 'weights.safetensors'}"),
    )
    assert status == 0, err
    (folder / "plan.json").write_text(json.dumps(SECTIONS))
    return folder


def test_gradients(mlp):
    """Loss and every gradient are those of the unsharded model, also where dims are padded."""
    plan = f"--tp-plan={mlp / 'plan.json'}"
    table = run_tool([VERIFY, mlp / "model.mlir", "--meshes=2x2,4x1,1x3", plan])
    assert "agree on all 3 meshes within 1.0e-12" in table


def test_values_of_modules(mlp):
    """A key of "values" is a module, as the importer names its ops: what leaves it is constrained."""
    text = run_tool([COMPILE, mlp / "model.mlir", f"--tp-plan={mlp / 'plan.json'}", "--emit=train"])
    lines = text.splitlines()
    constraints = [i for i, line in enumerate(lines) if "dist.constraint" in line]
    assert len(constraints) == 2
    for index, axes in zip(constraints, ('[{}, {"tp"}]', '[{"tp", "dp"}, {}]'), strict=True):
        assert axes in lines[index]
        assert "fabric.add" in lines[index - 1]  # A linear module ends with its bias.


MODEL = """module {
  func.func @f(%x: tensor<6x10xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>SHARDING},
               %w: tensor<7x10xf32> {fabric.param = #fabric.param<"w">})
      -> (tensor<6x7xf32> {fabric.result = "y"}, tensor<6x10xf32> {fabric.result = "z"}) {
    %y = fabric.linear %x, %w : (tensor<6x10xf32>, tensor<7x10xf32>) -> tensor<6x7xf32> loc("y")
    %z = fabric.neg %x : tensor<6x10xf32>
    return %y, %z : tensor<6x7xf32>, tensor<6x10xf32>
  }
}
"""
IN_MODEL = ', dist.sharding = #dist.sharding<#dist.mesh<["dp", "tp"]>, [{}, {"tp", "dp"}]>'
ASKED = [
    {"inputs": {"x": [None, "tp"]}, "results": {"y": [["dp", "tp"], None], "z": [None, "dp"]}},
    {"inputs": {"x": [["tp", "dp"], None]}, "results": {"y": [None, ["tp", "dp"]]}, "values": {"y": ["tp", "dp"]}},
    {"results": {"*": ["tp", "dp"]}, "parameters": {"w": [["dp", "tp"], None]}},
]


@pytest.mark.parametrize("in_model", [False, True], ids=["file", "file and model"])
@pytest.mark.parametrize("asked", ASKED, ids=["columns", "rows", "results"])
def test_files_hold_whole_arrays(tmp_path, asked, in_model):
    """On four ranks, which divide neither dim: what is read and written is global, unpadded and the same."""
    (tmp_path / "model.mlir").write_text(MODEL.replace("SHARDING", IN_MODEL if in_model else ""))
    (tmp_path / "plan.json").write_text(json.dumps(asked))
    plan = f"--tp-plan={tmp_path / 'plan.json'}"
    run_tool([COMPILE, tmp_path / "model.mlir", "-o", tmp_path / "compiled.bin", "--dp=2", "--tp=2", plan])
    rng = np.random.default_rng(0)
    x, w = (rng.integers(-3, 4, shape).astype(np.float32) for shape in ((6, 10), (7, 10)))
    np.save(tmp_path / "x.npy", x)
    from safetensors.numpy import save_file

    save_file({"w": w}, tmp_path / "w.safetensors")
    run_tool(
        [
            *(RUN, tmp_path / "compiled.bin", f"--weights={tmp_path / 'w.safetensors'}"),
            *(f"--data=x={tmp_path / 'x.npy'}", f"--output-dir={tmp_path / 'out'}"),
        ]
    )
    np.testing.assert_array_equal(np.load(tmp_path / "out" / "y.npy"), x @ w.T)
    np.testing.assert_array_equal(np.load(tmp_path / "out" / "z.npy"), -x)


@pytest.mark.parametrize(
    "plan, patterns",
    [
        ({"inputs": {"q": ["dp", None]}}, [r"plan\.json: inputs key \"q\" matches no input"]),
        ({"results": {"x": ["dp", None]}}, [r"plan\.json: results key \"x\" matches no named result"]),
        ({"values": {"q": ["dp", None]}}, [r"plan\.json: values key \"q\" matches no value"]),
        ({"inputs": {"x": ["dp"]}}, [r"model\.mlir:2:\d+", r"inputs key \"x\" gives axes for 1 dims", "6x10"]),
        ({"values": {"y": ["dp"]}}, [r"values key \"y\" gives axes for 1 dims", "6x7"]),
        ({"inputs": {"x": ["ep", None]}}, [r"model\.mlir:2:\d+", r"inputs key \"x\" names axis \"ep\""]),
        ({"inputs": {"x": ["dp", "dp"]}}, [r"plan\.json: inputs key \"x\": axis \"dp\" is used twice"]),
        ({"inputs": {"x": "colwise"}}, [r"plan\.json: inputs key \"x\": expected a list"]),
        ({"outputs": {}}, [r"plan\.json: section \"outputs\" is unknown"]),
    ],
    ids=lambda value: json.dumps(value) if isinstance(value, dict) else "",
)
def test_bad_plans(tmp_path, plan, patterns):
    (tmp_path / "model.mlir").write_text(MODEL.replace("SHARDING", ""))
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    flags = ["-o", tmp_path / "compiled.bin", f"--tp-plan={tmp_path / 'plan.json'}"]
    fails([COMPILE, tmp_path / "model.mlir", *flags], *patterns)


@pytest.mark.parametrize(
    "sharding, patterns",
    [
        ('#dist.sharding<#dist.mesh<["dp"=8, "tp"=2]>, [{"dp"}, {}]>', [r":2:\d+", "over the mesh", '"dp"=2']),
        ('#dist.sharding<#dist.mesh<["ep"]>, [{"ep"}, {}]>', [r":2:\d+", 'input "x"', 'names axis "ep"']),
        ('#dist.sharding<#dist.mesh<["dp"]>, [{"dp"}]>', [r":2:\d+", "1 dims does not fit"]),
        ('#dist.sharding<#dist.mesh<["dp"]>, [{"dp"}, {"dp"}]>', [r":2:\d+", 'axis "dp" is used twice']),
        ('#dist.sharding<#dist.mesh<["dp"]>, [{}, {}], partial = sum {"dp"}>', [r":2:\d+", "partial"]),
        ("7", [r":2:\d+", "must be a #dist.sharding"]),
    ],
    ids=["mesh", "axis", "rank", "twice", "partial", "type"],
)
def test_bad_shardings_in_the_model(tmp_path, sharding, patterns):
    (tmp_path / "model.mlir").write_text(MODEL.replace("SHARDING", f", dist.sharding = {sharding}"))
    fails([COMPILE, tmp_path / "model.mlir", "-o", tmp_path / "compiled.bin", "--dp=2", "--tp=2"], *patterns)
