"""What training FeedForward(8192, 8192) in f32 holds: planned, allocated and resident. Batch 8 a DP rank, --memory=min."""

import json

from . import models
from .figures import Figure
from .process import FABRIC_COMPILE, FABRIC_RUN, need, run

# (dp, tp) -> 10^9 bytes a rank at most
LIMITS = {(1, 1): 2.69, (1, 2): 1.35, (1, 4): 0.68, (1, 8): 0.34, (2, 2): 0.82}
# What a process holds beside its ranks' memory: its own code, the libraries' and their data.
BASE_BYTES = 24e6


def measure(options, folder, quiet):
    need(FABRIC_COMPILE, "fabric-compile")
    need(FABRIC_RUN, "fabric-run")
    features = 256 if options.quick else 8192
    limits = {(2, 2): None} if options.quick else LIMITS
    figures = []
    for (dp, tp), limit in limits.items():
        model = folder / f"memory-{features}-{8 * dp}.mlir"
        model.write_text(models.feedforward(features, features, 8 * dp))
        plan, report, metrics = (folder / f"memory-{dp}x{tp}{end}" for end in (".bin", ".json", ".jsonl"))
        run([FABRIC_COMPILE, model, "-o", plan, f"--dp={dp}", f"--tp={tp}", "--memory=min", f"--report={report}"])
        planned = json.loads(report.read_text())["memory"]["peak_bytes"]
        quiet.sample()
        finished = run([FABRIC_RUN, plan, "--data=random", "--steps=2", f"--metrics={metrics}", "--quiet"])
        allocated = json.loads(metrics.read_text().splitlines()[-1])["peak_bytes"]
        case = f"{features}/{features}/{8 * dp} on {dp} x {tp}"
        beyond = (finished.resident_bytes - BASE_BYTES) / (dp * tp * planned)
        figures += [
            Figure("memory", case, "planned, a rank", "GB", [planned / 1e9], limit),
            Figure("memory", case, "allocated / planned", "", [allocated / planned], 1),
            Figure("memory", case, "resident", "GB", [finished.resident_bytes / 1e9]),
        ]
        if not options.quick:  # there the base is all
            what = f"(resident - {BASE_BYTES / 1e6:.0f} MB) / (ranks x planned)"
            figures.append(Figure("memory", case, what, "", [beyond], 1.05))
    return figures
