"""What the document's program on 2 x 2 may cost, as --report counts it: bytes that one rank sends."""

import json
import time

import pytest
from harness import FEEDFORWARD, adamw, run_tool
from importing import BUILD, MODELS, NEEDS_TOOLS

pytestmark = NEEDS_TOOLS

WEIGHT = 256 * 128 * 4  # bytes of one of the three
ON_ONE_TP_RANK = WEIGHT // 2


TP_PLAN = {"w1": "colwise", "w2": "rowwise", "w3": "colwise"}


@pytest.fixture(scope="module", params=["styles given", "styles found"])
def report(request, tmp_path_factory):
    """The same costs whether a plan file says the styles, or nobody does."""
    folder = tmp_path_factory.mktemp("report")
    flags = []
    if request.param == "styles given":
        (folder / "plan.json").write_text(json.dumps(TP_PLAN))
        flags.append(f"--tp-plan={folder / 'plan.json'}")
    command = [BUILD / "bin" / "fabric-compile", MODELS / "feedforward.mlir", "-o", folder / "compiled.bin"]
    start = time.monotonic()
    run_tool([*command, "--dp=2", "--tp=2", *flags, *adamw(1e-8), f"--report={folder / 'report.json'}"])
    return json.loads((folder / "report.json").read_text()) | {"compile_seconds": time.monotonic() - start}


def test_dp_carries_each_weight_at_most_twice_there_and_once_back(report):
    """Two gathers and one reduce-scatter a weight; a rank of two sends half of what its TP rank holds."""
    gathers = [c for c in report["collectives"] if c["kind"] == "all_gather"]
    scatters = [c for c in report["collectives"] if c["kind"] == "reduce_scatter"]
    assert all(c["axes"] == ["dp"] for c in gathers + scatters)
    assert 3 <= len(gathers) <= 6 and all(c["bytes"] == ON_ONE_TP_RANK // 2 for c in gathers)
    assert len(scatters) == 3 and all(c["bytes"] == ON_ONE_TP_RANK // 2 for c in scatters)


def test_tp_carries_scalars_only(report):
    """The loss is a sum, so no activation crosses the TP axis: one all-reduce of one f32 over all four ranks, twice 3/4
    of four bytes."""
    rest = [c for c in report["collectives"] if c["kind"] not in ("all_gather", "reduce_scatter")]
    assert [(c["kind"], sorted(c["axes"]), c["bytes"]) for c in rest] == [("all_reduce", ["dp", "tp"], 6)], rest


def test_collectives_lead_back_to_the_model(report):
    for collective in report["collectives"]:
        assert "feedforward.mlir" in collective["loc"] and collective["why"]


def test_styles(report):
    assert report["tp_plan"] == {f"{name}.weight": style for name, style in TP_PLAN.items()}


def test_batch_and_mesh(report):
    assert report["mesh"] == {"dp": 2, "tp": 2} and report["batch"] == {"global": FEEDFORWARD.batch, "per_rank": 8}


def test_memory_adds_up(report):
    """The peak holds at least the parameters and the two moments of a quarter of the model."""
    memory = report["memory"]
    assert memory["parameters"] == 3 * WEIGHT // 4 and memory["optimizer"] == 2 * memory["parameters"]
    assert memory["parameters"] + memory["optimizer"] < memory["peak_bytes"] < 3 * WEIGHT * 4


def test_compile_time(report):
    assert report["compile_seconds"] < 1.0


def _wide(folder, size, batch):
    """The shipped program with other sizes."""
    text = (MODELS / "feedforward.mlir").read_text()
    for old, new in [("16x256", f"{batch}x{size}"), ("16x128", f"{batch}x{size}"), ("256x128", f"{size}x{size}"),
                     ("128x256", f"{size}x{size}")]:  # fmt: skip
        text = text.replace(old, new)
    (folder / "wide.mlir").write_text(text)
    return folder / "wide.mlir"


def _report(folder, model, *flags):
    run_tool([BUILD / "bin" / "fabric-compile", model, "--dp=2", "--tp=2", *flags, f"--report={folder / 'report.json'}"])
    return json.loads((folder / "report.json").read_text())


def _bytes(report):
    return sum(collective["bytes"] for collective in report["collectives"])


@pytest.mark.parametrize("memory", ["fast", "min"])
def test_kept_parameters_send_a_hundredth(tmp_path, memory):
    """FeedForward(8192, 8192), 16 samples, 2 x 2. Gathered: what TP leaves of each weight, 2**27 bytes, half of it there
    and half back. Kept: half of x, 2**18 bytes, and the loss. Less memory, too."""
    model = _wide(tmp_path, 8192, 16)
    gather = _report(tmp_path, model, f"--memory={memory}")
    auto = _report(tmp_path, model, f"--memory={memory}", "--fsdp=auto")
    assert _bytes(gather) >= 3 * 2**27 + 6
    assert _bytes(auto) == 2**18 + 6
    assert _bytes(gather) >= 100 * _bytes(auto)
    assert auto["memory"]["peak_bytes"] < gather["memory"]["peak_bytes"]
    assert auto["fsdp_plan"] == {f"{name}.weight": "keep" for name in TP_PLAN} and gather["fsdp_plan"] == {}


def test_many_samples_are_not_moved(tmp_path):
    """64 features and 65536 samples: gathers are what sends least, and the plan is the same but for what it says."""
    model = _wide(tmp_path, 64, 65536)
    gather, auto = _report(tmp_path, model), _report(tmp_path, model, "--fsdp=auto")
    assert auto["collectives"] == gather["collectives"] and auto["memory"] == gather["memory"]
    assert auto["fsdp_plan"] == {f"{name}.weight": "gather" for name in TP_PLAN}


MIXED = "--param-dtype=bf16"


@pytest.mark.parametrize("reduce_dtype, factor", [(None, 1), ("f32", 1), ("bf16", 2)])
def test_mixed_precision_halves_gathers(tmp_path, reduce_dtype, factor):
    """Gathers carry bf16 always, reduce-scatters what --reduce-dtype says; parameters and states are as large as in f32."""
    flags = [f"--reduce-dtype={reduce_dtype}"] if reduce_dtype else []
    report = _report(tmp_path, MODELS / "feedforward.mlir", *adamw(1e-8), MIXED, *flags)
    gathers = [c for c in report["collectives"] if c["kind"] == "all_gather"]
    assert len(gathers) == 3 and all(
        (c["axes"], c["dtype"], c["bytes"]) == (["dp"], "bf16", ON_ONE_TP_RANK // 4) for c in gathers
    )
    scatters = [c for c in report["collectives"] if c["kind"] == "reduce_scatter"]
    assert len(scatters) == 3 and all(
        (c["dtype"], c["bytes"]) == (reduce_dtype or "f32", ON_ONE_TP_RANK // 2 // factor) for c in scatters
    )
    assert all("gradient of" in c["why"] for c in scatters)
    rest = [c for c in report["collectives"] if c not in gathers + scatters]
    assert [(c["kind"], c["dtype"], c["bytes"]) for c in rest] == [("all_reduce", "f32", 6)]
    assert report["memory"]["parameters"] == 3 * WEIGHT // 4 and report["memory"]["optimizer"] == 6 * WEIGHT // 4


def test_mixed_precision_holds_one_gathered_weight(tmp_path):
    """Inference, FeedForward(8192, 8192), --memory=min: beside the parameters a gathered weight in bf16, and the shard it
    is gathered from."""
    model = _wide(tmp_path, 8192, 16)
    text = model.read_text().replace(" attributes {fabric.train = #fabric.train<adamw, lr = 3.0e-3>}", "")
    model.write_text(text)
    memory = _report(tmp_path, model, MIXED, "--memory=min")["memory"]
    gathered, shard, activations = 2**26, 2**25, 2**20
    assert gathered + shard <= memory["peak_bytes"] - memory["parameters"] <= gathered + shard + activations


def test_mixed_precision_gathers_samples_in_bf16(tmp_path):
    """--fsdp=auto, 16 samples: half of what moving them in f32 sends, and no weight is sent at all."""
    report = _report(tmp_path, _wide(tmp_path, 8192, 16), MIXED, "--fsdp=auto")
    assert _bytes(report) == 2**17 + 6 and set(report["fsdp_plan"].values()) == {"keep"}
