"""What the document's program on 2 x 2 may cost, as --report counts it: bytes that one rank sends."""

import json
import time

import pytest
from harness import FEEDFORWARD, adamw, run_tool
from importing import BUILD, MODELS, NEEDS_TOOLS

pytestmark = NEEDS_TOOLS

WEIGHT = 256 * 128 * 4  # bytes of one of the three
ON_ONE_TP_RANK = WEIGHT // 2


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    command = [BUILD / "bin" / "fabric-compile", MODELS / "feedforward.mlir", "-o", folder / "compiled.bin"]
    start = time.monotonic()
    run_tool([*command, "--dp=2", "--tp=2", *adamw(1e-8), f"--report={folder / 'report.json'}"])
    return json.loads((folder / "report.json").read_text()) | {"compile_seconds": time.monotonic() - start}


def test_dp_carries_each_weight_at_most_twice_there_and_once_back(report):
    """Two gathers and one reduce-scatter a weight; a rank of two sends half of what its TP rank holds."""
    on_dp = [c for c in report["collectives"] if c["axes"] == ["dp"] and c["kind"] != "all_slice"]
    gathers = [c for c in on_dp if c["kind"] == "all_gather"]
    scatters = [c for c in on_dp if c["kind"] == "reduce_scatter"]
    assert 3 <= len(gathers) <= 6 and all(c["bytes"] == ON_ONE_TP_RANK // 2 for c in gathers)
    assert len(scatters) == 3 and all(c["bytes"] == ON_ONE_TP_RANK // 2 for c in scatters)
    rest = [c for c in on_dp if c not in gathers and c not in scatters]
    assert all(c["kind"] == "all_reduce" and c["bytes"] <= 4 for c in rest), rest


def test_tp_carries_scalars_only(report):
    """The loss is a sum, so no activation crosses the TP axis."""
    on_tp = [c for c in report["collectives"] if "tp" in c["axes"] and c["kind"] != "all_slice"]
    assert on_tp and all(c["kind"] == "all_reduce" and c["bytes"] <= 8 for c in on_tp), on_tp


def test_collectives_lead_back_to_the_model(report):
    for collective in report["collectives"]:
        assert "feedforward.mlir" in collective["loc"] and collective["why"]


def test_styles_are_found_by_cost(report):
    assert report["tp_plan"] == {"w1.weight": "colwise", "w2.weight": "rowwise", "w3.weight": "colwise"}


def test_batch_and_mesh(report):
    assert report["mesh"] == {"dp": 2, "tp": 2} and report["batch"] == {"global": FEEDFORWARD.batch, "per_rank": 8}


def test_memory_adds_up(report):
    """The peak holds at least the parameters and the two moments of a quarter of the model."""
    memory = report["memory"]
    assert memory["parameters"] == 3 * WEIGHT // 4 and memory["optimizer"] == 2 * memory["parameters"]
    assert memory["parameters"] + memory["optimizer"] < memory["peak_bytes"] < 3 * WEIGHT * 4


def test_compile_time(report):
    assert report["compile_seconds"] < 1.0
