"""Compiled kernels against a copy of as many bytes: kernel-bench, as figures, and what plans make of LayerNorm.

LayerNorm is not one kernel: what is measured is the step of a plan of nothing else, and the bytes are those that any
implementation must move.
"""

import json
import math
import statistics

from . import models
from .figures import Figure
from .process import FABRIC_COMPILE, FABRIC_RUN, KERNEL_BENCH, need, run

NORM_SIZE, NORM_STEPS, WARM_UP = 4096, 22, 2
# What is wanted of a copy's bytes a second, 4096 x 4096.
WANTED = {"siluForward": 0.95, "siluBackward": 0.95, "siluBackwardInPlace": 0.95, "adamw": 0.95}
NORM_WANTED = 0.9


def bench_kernels(output, *flags):
    """The measurements of kernel-bench, by name."""
    run([KERNEL_BENCH, f"--benchmark_out={output}", "--benchmark_out_format=json", *flags])
    runs = {}
    for entry in json.loads(output.read_text())["benchmarks"]:
        if entry["run_type"] == "iteration":
            runs.setdefault(entry["run_name"], []).append(entry)
    return runs


def measure(options, folder, quiet):
    need(KERNEL_BENCH, "kernel-bench")
    quiet.sample()
    repetitions = 1 if options.quick else options.rounds
    runs = bench_kernels(
        folder / "kernels.json",
        f"--benchmark_min_time={0.001 if options.quick else 0.05}",
        f"--benchmark_repetitions={repetitions}",
        *(["--benchmark_filter=copy/|siluForward/256"] if options.quick else []),
    )
    copies = {int(name.split("/")[1]): entries for name, entries in runs.items() if name.startswith("copy/")}

    def nearest(moved):
        # In size and not in bytes: a copy that fits the caches is no copy of what does not.
        return min(copies, key=lambda size: abs(math.log(size / moved)))

    figures = []
    for name, entries in runs.items():
        if name.startswith("copy/"):
            continue
        if "bytes_per_second" not in entries[0]:
            figures.append(Figure("kernels", name, "time", "ms", [e["real_time"] for e in entries]))
            continue
        moved = entries[0]["bytes_per_second"] * entries[0]["real_time"] / 1e6
        ratios = [
            a["bytes_per_second"] / b["bytes_per_second"] for a, b in zip(entries, copies[nearest(moved)], strict=True)
        ]
        _, kernel, size = name.split("/")
        limit = WANTED.get(kernel) if size == "4096" and not options.quick else None
        figures.append(Figure("kernels", name, "bytes a second / a copy's", "", ratios, limit, at_least=True))
    if not options.quick:
        figures += measure_norms(options, folder, quiet, nearest)
    return figures


def measure_norms(options, folder, quiet, nearest):
    need(FABRIC_COMPILE, "fabric-compile")
    need(FABRIC_RUN, "fabric-run")
    metrics = folder / "norm.jsonl"
    # Tensors: x and y; x, the gradient of y, and those of x and of what y is multiplied with.
    for name, is_trained, tensors in (("layerNorm", False, 2), ("layerNormTraining", True, 4)):
        model, plan = folder / f"{name}.mlir", folder / f"{name}.bin"
        model.write_text(models.layer_norm(NORM_SIZE, is_trained))
        run([FABRIC_COMPILE, model, "-o", plan, "--dp=1", "--tp=1"])
        moved = tensors * 4 * NORM_SIZE**2
        ratios = []
        for _ in range(options.rounds):
            # In turn: what memory gives changes with what else the machine does.
            quiet.sample()
            ((copy,),) = bench_kernels(folder / "copy.json", f"--benchmark_filter=copy/{nearest(moved)}$").values()
            run([FABRIC_RUN, plan, f"--steps={NORM_STEPS}", f"--metrics={metrics}", "--quiet", "--threads=1"])
            times = [json.loads(line)["step_ms"] for line in metrics.read_text().splitlines()]
            ratios.append(moved / (statistics.median(times[WARM_UP:]) / 1e3) / copy["bytes_per_second"])
        case = f"plan/{name}/{NORM_SIZE}"
        yield Figure("kernels", case, "bytes a second / a copy's", "", ratios, NORM_WANTED, at_least=True)
