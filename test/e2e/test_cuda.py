"""Plans for GPUs, of every model: NVIDIA's assembler takes their kernels for three generations, and spills nothing.

They train as the CPU's on an emulated GPU; that they run on one of NVIDIA's is tested by nothing yet.
"""

import shutil

import pytest
from harness import MODELS_UNDER_TEST, adamw, run_tool
from importing import BUILD, MODELS, NEEDS_TOOLS, REPOSITORY, run_importer


def find_ptxas():
    """As CMake has found it."""
    cache = BUILD / "CMakeCache.txt"
    for line in cache.read_text().splitlines() if cache.exists() else []:
        if line.startswith("FABRIC_PTXAS:") and not line.endswith("NOTFOUND"):
            return line.split("=", 1)[1]
    return shutil.which("ptxas")


PTXAS = find_ptxas()
pytestmark = [
    NEEDS_TOOLS,
    pytest.mark.skipif(PTXAS is None, reason="ptxas is not there: tools/fetch-cuda.sh gets it"),
]


@pytest.mark.parametrize("dtype", ["f32", "bf16"])
@pytest.mark.parametrize("model", MODELS_UNDER_TEST, ids=lambda model: model.name)
def test_kernels_assemble_without_spills(model, dtype, tmp_path):
    program = tmp_path / "model.mlir"
    status, _, err = run_importer(f"{MODELS / model.file}:{model.function}", "-o", program, f"--dtype={dtype}")
    assert status == 0, err
    mesh = next((dp, tp) for dp, tp in [(2, 2), (1, 2), (1, 1)] if (dp, tp) in model.meshes())
    for name, flags in [("trained", adamw(1e-8)), ("gradients", ["--train=gradients"])]:
        compile_code = [BUILD / "bin" / "fabric-compile", program, f"--dp={mesh[0]}", f"--tp={mesh[1]}", *flags]
        run_tool([*compile_code, "--target=cuda", "--emit=code", "-o", tmp_path / f"{name}.ptx"])
    said = run_tool([REPOSITORY / "test" / "ptxas.sh", PTXAS, tmp_path / "trained.ptx", tmp_path / "gradients.ptx"])
    assert said.count("sm_80: ") == said.count("sm_90: ") == said.count("sm_100: ") == 2
