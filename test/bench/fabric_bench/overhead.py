"""What the executor adds to an instruction: a plan of thousands of instructions that do next to nothing.

On one rank the time an instruction is an upper bound of the executor's own, for the products and kernels run in it. On 2 x 2
nearly all of it is ranks that wait for each other: the time a collective, with more ranks than cores where there are fewer.
"""

import json
import re
import statistics

from . import models
from .figures import Figure
from .process import FABRIC_COMPILE, FABRIC_RUN, need, run

LAYERS, WIDTH = 500, 8
WARM_UP = 2
LIMIT = 5  # microseconds


def count_instructions(plan):
    """All of them, and the collectives."""
    lines = run([FABRIC_RUN, plan, "--describe"]).output.splitlines()
    kinds = [match[1] for line in lines if (match := re.match(r"\d+: (\w+)", line))]
    return len(kinds), sum(kind not in ("gemm", "launch", "copy") for kind in kinds)


def measure(options, folder, quiet):
    need(FABRIC_COMPILE, "fabric-compile")
    need(FABRIC_RUN, "fabric-run")
    layers, steps = (20, 5) if options.quick else (LAYERS, 50)
    model, metrics = folder / "overhead.mlir", folder / "overhead.jsonl"
    model.write_text(models.chain(layers, batch=WIDTH, width=WIDTH))
    figures = []
    for dp, tp in ((1, 1), (2, 2)):
        plan = folder / f"overhead-{dp}x{tp}.bin"
        run([FABRIC_COMPILE, model, "-o", plan, f"--dp={dp}", f"--tp={tp}"])
        instructions, collectives = count_instructions(plan)
        rounds = []
        for _ in range(options.rounds):
            quiet.sample()
            run([FABRIC_RUN, plan, "--data=random", f"--steps={steps}", f"--metrics={metrics}", "--quiet", "--threads=1"])
            times = [json.loads(line)["step_ms"] for line in metrics.read_text().splitlines()]
            rounds.append(statistics.median(times[WARM_UP:]) * 1e3)
        case = f"{layers} linears of {WIDTH} on {dp} x {tp}"
        if collectives:
            values = [time / collectives for time in rounds]
            figures.append(Figure("overhead", case, f"a collective, of {collectives}", "us", values))
        else:
            values = [time / instructions for time in rounds]
            limit = None if options.quick else LIMIT
            figures.append(Figure("overhead", case, f"an instruction, of {instructions}", "us", values, limit))
    return figures
