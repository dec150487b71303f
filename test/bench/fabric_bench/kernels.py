"""Compiled kernels against a copy of as many bytes: kernel-bench, as figures."""

import json

from .figures import Figure
from .process import KERNEL_BENCH, need, run


def measure(options, folder, quiet):
    need(KERNEL_BENCH, "kernel-bench")
    quiet.sample()
    repetitions = 1 if options.quick else options.rounds
    output = folder / "kernels.json"
    run(
        [
            *(KERNEL_BENCH, f"--benchmark_out={output}", "--benchmark_out_format=json"),
            f"--benchmark_min_time={0.001 if options.quick else 0.05}",
            f"--benchmark_repetitions={repetitions}",
            *(["--benchmark_filter=copy/|siluForward/256"] if options.quick else []),
        ]
    )
    runs = {}
    for entry in json.loads(output.read_text())["benchmarks"]:
        if entry["run_type"] == "iteration":
            runs.setdefault(entry["run_name"], []).append(entry)
    copies = {int(name.split("/")[1]): entries for name, entries in runs.items() if name.startswith("copy/")}
    figures = []
    for name, entries in runs.items():
        if name.startswith("copy/"):
            continue
        if "bytes_per_second" not in entries[0]:
            figures.append(Figure("kernels", name, "time", "ms", [e["real_time"] for e in entries]))
            continue
        seconds = [e["real_time"] / 1e6 for e in entries]
        moved = entries[0]["bytes_per_second"] * seconds[0]
        nearest = copies[min(copies, key=lambda size: abs(size - moved))]
        ratios = [a["bytes_per_second"] / b["bytes_per_second"] for a, b in zip(entries, nearest, strict=True)]
        figures.append(Figure("kernels", name, "bytes a second / a copy's", "", ratios))
    return figures
