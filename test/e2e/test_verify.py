"""fabric-verify on every model and mesh: loss and every gradient to 1e-12, the plan against the interpreter."""

import pytest
from harness import MODELS_UNDER_TEST, run_tool
from importing import BUILD, NEEDS_TOOLS

pytestmark = NEEDS_TOOLS


@pytest.mark.parametrize("comm", ["any", "local"])
@pytest.mark.parametrize("memory", ["fast", "min"])
@pytest.mark.parametrize("model", MODELS_UNDER_TEST, ids=lambda model: model.name)
def test_verify(workspace, model, memory, comm):
    folder = workspace.imported(model, "f32")
    meshes = ",".join(f"{dp}x{tp}" for dp, tp in model.meshes())
    table = run_tool(
        [
            BUILD / "bin" / "fabric-verify",
            folder / "model.mlir",
            f"--meshes={meshes}",
            f"--weights={folder / 'weights.safetensors'}",
            f"--memory={memory}",
            f"--comm={comm}",
        ]
    )
    lines = table.splitlines()
    assert lines[1].startswith("loss") and "grad." in lines[2]
    assert f"agree on all {len(model.meshes())} meshes within 1.0e-12" in lines[-1]


@pytest.mark.parametrize("flag", ["--fsdp=auto", "--overlap=on"])
@pytest.mark.parametrize("model", MODELS_UNDER_TEST, ids=lambda model: model.name)
def test_verify_flag(workspace, model, flag):
    """Activations that move instead of weights; collectives in streams of their own: the same values."""
    folder = workspace.imported(model, "f32")
    meshes = [mesh for mesh in [(2, 2), (4, 1), (2, 4), (1, 4), (2, 3), (5, 1)] if mesh in model.meshes()]
    table = run_tool(
        [
            BUILD / "bin" / "fabric-verify",
            folder / "model.mlir",
            f"--meshes={','.join(f'{dp}x{tp}' for dp, tp in meshes)}",
            f"--weights={folder / 'weights.safetensors'}",
            flag,
        ]
    )
    assert f"agree on all {len(meshes)} meshes within 1.0e-12" in table.splitlines()[-1]
