"""Bytes a second of kernels, steps against PyTorch, what a launch costs; every comparison in one run on one GPU."""

import json
import statistics
import subprocess
import sys
from collections import defaultdict

from process import BUILD, ROOT, Failure, run, tool

KERNEL_BYTES = 16 << 20  # Smaller kernels measure the launch.
KERNELS_WANTED = 0.92


def copy_bandwidth():
    """Bytes a second of a device copy, read and written."""
    program = BUILD / "test" / "gpu" / "copy-bandwidth"
    if not program.exists():
        raise Failure("copy-bandwidth is not built here")
    return json.loads(run(program))["bytes_per_second"]


def profile(plan, results, steps=12):
    """Spans of the plan's instructions, by step, and the metrics of the same run."""
    trace, metrics = results / f"{plan.stem}.trace.json", results / f"{plan.stem}.jsonl"
    run(tool("fabric-run"), plan, "--comm=local", "--data=random", f"--steps={steps}", f"--profile={trace}",
        f"--profile-steps={steps // 2}", f"--metrics={metrics}", "--quiet")
    spans = [event for event in json.loads(trace.read_text())["traceEvents"]
             if event["ph"] == "X" and "instruction" in event["args"]]
    return spans, [json.loads(line) for line in open(metrics)]


def check_kernels(table, plan, results):
    """Fused kernels of the large feed-forward against a device copy."""
    try:
        copy = copy_bandwidth()
        spans, _ = profile(plan, results)
    except Failure as failure:
        table.skip("kernels' bytes/s against a device copy", failure)
        return
    times = defaultdict(list)
    for span in spans:
        if span["cat"] == "kernel" and span["args"]["bytes"] >= KERNEL_BYTES:
            times[span["name"]].append(span["args"]["bytes"] / (span["dur"] * 1e-6))
    for name, rates in sorted(times.items()):
        ratio = statistics.median(rates) / copy
        table.add(f"{name}, against a device copy", ratio >= KERNELS_WANTED, f"{ratio:.1%} of {copy / 1e9:.0f} GB/s",
                  "silu 95%, its gradient 92%, AdamW 95%", ratio=ratio, copy_bytes_per_second=copy)


def pytorch(python, dim, batch, dtype):
    """Milliseconds a step and peak bytes of each way in which PyTorch runs it."""
    output = run(python, ROOT / "test" / "gpu" / "pytorch_step.py", dim, batch, dtype, timeout=1800)
    return json.loads(output)


def check_steps(table, pack, index, results, python):
    for dtype in ("f32", "bf16"):
        name, what = f"feedforward-8192.{dtype}", f"FeedForward(8192, 8192), {dtype}, a step against PyTorch"
        wanted = "1.5x of eager, 1.2x of compiled, 1x of fused"
        if name not in index["speed"]:
            table.skip(what, index["missing"].get(name, "no plan"), wanted)
            continue
        sizes = index["speed"][name]
        try:
            _, metrics = profile(pack / f"{name}.bin", results, steps=40)
            mine = statistics.median(entry["step_ms"] for entry in metrics[25:])
            theirs = pytorch(python, sizes["dim"], sizes["batch"], dtype)
        except Failure as failure:
            table.skip(what, failure, wanted)
            continue
        ratios = {way: theirs[way]["step_ms"] / mine for way in theirs}
        ok = ratios["eager"] >= 1.5 and ratios["compiled"] >= 1.2 and ratios["fused"] >= 1
        found = ", ".join(f"{ratio:.2f}x of {way}" for way, ratio in ratios.items())
        table.add(what, ok, f"{mine:.2f} ms: {found}", wanted, step_ms=mine, pytorch=theirs)
        if dtype == "f32":
            peak = metrics[-1]["peak_bytes"]
            table.add(f"{what}: peak", peak - sizes["scratch"] <= 2.69e9,
                      f"{peak / 1e9:.2f} GB against {theirs['eager']['peak_bytes'] / 1e9:.2f}",
                      f"2.69 GB, and {sizes['scratch'] / 1e6:.0f} MB that libraries work in", peak_bytes=peak)


def check_joined(table, pack, index, results):
    """A step with w1 and w3 as one product, and their gradients, against the step without."""
    for dtype in ("f32", "bf16"):
        what, wanted = f"FeedForward(8192, 8192), {dtype}, --join-products against without", "to know whether it wins"
        names = [f"feedforward-8192.{dtype}", f"joined-8192.{dtype}"]
        missing = [index["missing"].get(name, "no plan") for name in names if name not in index["speed"]]
        if missing:
            table.skip(what, missing[0], wanted)
            continue
        try:
            apart, joined = (statistics.median(entry["step_ms"] for entry in profile(pack / f"{name}.bin", results, steps=40)[1][25:])
                             for name in names)
        except Failure as failure:
            table.skip(what, failure, wanted)
            continue
        table.add(what, True, f"{joined:.2f} ms against {apart:.2f}: {apart / joined:.2f}x", wanted, joined_ms=joined, apart_ms=apart)


def check_overhead(table, pack, index, results):
    """A thousand steps of next to nothing: the step's time over its kernels' own."""
    what, wanted = "launch overhead, 1,000 replayed steps", "20 microseconds a step"
    if "tiny" not in index["speed"]:
        table.skip(what, index["missing"].get("tiny", "no plan"), wanted)
        return
    try:
        spans, _ = profile(pack / "tiny.bin", results)
        metrics = results / "tiny.long.jsonl"
        run(tool("fabric-run"), pack / "tiny.bin", "--comm=local", "--data=random", "--steps=1000", f"--metrics={metrics}", "--quiet")
    except Failure as failure:
        table.skip(what, failure, wanted)
        return
    by_step = defaultdict(float)
    for span in spans:
        by_step[span["args"]["step"]] += span["dur"]
    own = statistics.median(by_step.values())
    step = 1e3 * statistics.median(json.loads(line)["step_ms"] for line in list(open(metrics))[10:])
    table.add(what, step - own <= 20, f"{step - own:.1f} us over {own:.1f}", wanted, overhead_us=step - own, kernels_us=own)


def find_python():
    """One with a PyTorch that finds the GPU."""
    for python in (BUILD / "venv" / "bin" / "python", sys.executable):
        probe = [str(python), "-c", "import torch; assert torch.cuda.is_available()"]
        try:
            if subprocess.run(probe, capture_output=True, timeout=120).returncode == 0:
                return python
        except (OSError, subprocess.TimeoutExpired):
            continue
    return None
