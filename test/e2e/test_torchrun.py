"""PyTorch's own launcher: its ranks find each other, beside the store of its agent, and one speaks for all."""

import subprocess
import sys

import pytest
from importing import BUILD, MODELS, NEEDS_TOOLS

pytestmark = NEEDS_TOOLS

COMPILE, RUN = (BUILD / "bin" / name for name in ("fabric-compile", "fabric-run"))
LAUNCHES = {"standalone": ["--standalone"], "agent with a port of its own": ["--master-addr=127.0.0.1", "--master-port=0"]}


@pytest.mark.parametrize("flags", LAUNCHES.values(), ids=LAUNCHES)
def test_ranks_meet(tmp_path, flags):
    plan = tmp_path / "plan.bin"
    subprocess.run([COMPILE, MODELS / "feedforward.mlir", "-o", plan, "--dp=2", "--tp=2"], check=True)
    launch = [sys.executable, "-m", "torch.distributed.run", *flags, "--nproc-per-node=4", "--no-python"]
    result = subprocess.run([*launch, RUN, plan, "--data=random", "--timeout=30"], capture_output=True, text=True, timeout=120)
    assert result.returncode != 0
    # They have met and agreed: only plans for GPUs go on from here.
    said = [line for line in result.stderr.splitlines() if line.startswith("fabric-run:")]
    assert said == [
        "fabric-run: error: ranks of torchrun move data between GPUs and the plan is for the cpu: start it with mpirun -n 4"
    ]


def test_a_rank_alone_runs(tmp_path):
    plan = tmp_path / "plan.bin"
    subprocess.run([COMPILE, MODELS / "feedforward.mlir", "-o", plan, "--dp=1", "--tp=1"], check=True)
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=1", "--no-python"]
    result = subprocess.run([*launch, RUN, plan, "--data=random", "--steps=2"], capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    assert "step 2/2" in result.stdout
