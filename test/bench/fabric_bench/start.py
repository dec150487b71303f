"""From the start of fabric-run to its first step, with weights from safetensors, against reading the file.

Reading is one thread's read() of the whole file into a new buffer, with the file in the page cache: what a process must do that
keeps what it reads. Beside it, reading through one warm buffer of 1 MiB, which keeps nothing and makes no page. Start counts
from before the process is made to the first step's first instruction.
"""

import re
import subprocess
import time

from . import models
from .figures import Figure
from .process import FABRIC_COMPILE, FABRIC_RUN, BenchError, need, run

BLOCK = 1 << 20


def read_seconds(path):
    begin = time.perf_counter()
    with path.open("rb", buffering=0) as file:
        data = file.read(path.stat().st_size)
    seconds = time.perf_counter() - begin
    if len(data) != path.stat().st_size:
        raise BenchError(f"{path}: one read() gave {len(data)} bytes")
    return seconds


def skim_seconds(path):
    buffer = bytearray(BLOCK)
    begin = time.perf_counter()
    with path.open("rb", buffering=0) as file:
        while file.readinto(buffer):
            pass
    return time.perf_counter() - begin


def start_seconds(command):
    begin = time.perf_counter()
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    line = process.stdout.readline()
    end = time.perf_counter()
    _, errors = process.communicate()
    step = re.search(r"([\d.]+) ms$", line)
    if process.returncode != 0 or not step:
        raise BenchError(f"fabric-run: {errors.strip() or f'no step in {line!r}'}")
    return end - begin - float(step[1]) / 1e3


def measure(options, folder, quiet):
    need(FABRIC_COMPILE, "fabric-compile")
    need(FABRIC_RUN, "fabric-run")
    features = 256 if options.quick else 8192
    meshes = [(2, 2)] if options.quick else [(2, 2), (1, 1)]
    model, weights = folder / f"start-{features}.mlir", folder / f"start-{features}.safetensors"
    model.write_text(models.feedforward(features, features, 16))
    plans = {}
    for dp, tp in meshes:
        plans[dp, tp] = folder / f"start-{dp}x{tp}.bin"
        run([FABRIC_COMPILE, model, "-o", plans[dp, tp], f"--dp={dp}", f"--tp={tp}"])
    run([FABRIC_RUN, plans[meshes[0]], "--data=random", "--steps=0", f"--save={weights}", "--quiet"])
    read_seconds(weights)  # into the page cache
    reads, skims, starts = [], [], {mesh: [] for mesh in meshes}
    for _ in range(options.rounds):
        quiet.sample()
        reads.append(read_seconds(weights))
        skims.append(skim_seconds(weights))
        for mesh, plan in plans.items():
            starts[mesh].append(
                start_seconds([FABRIC_RUN, plan, f"--weights={weights}", "--data=random", "--steps=1"])
            )
    size = f"{weights.stat().st_size / 1e9:.2f} GB"
    figures = [
        Figure("start", size, "reading the file", "s", reads),
        Figure("start", size, "reading through 1 MiB", "s", skims),
    ]
    for (dp, tp), seconds in starts.items():
        case = f"{size} on {dp} x {tp}"
        figures.append(Figure("start", case, "start to first step", "s", seconds))
        for name, other, limit in (("reading", reads, 1.2), ("reading through 1 MiB", skims, None)):
            ratios = [a / b for a, b in zip(seconds, other, strict=True)]
            figures.append(Figure("start", case, f"start / {name}", "", ratios, None if options.quick else limit))
    weights.unlink()
    return figures
