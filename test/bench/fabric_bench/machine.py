"""The machine, and how quiet it is."""

import os
import platform
import time
from pathlib import Path

BUSY_CORES = 0.15
SAMPLE_SECONDS = 0.2


def cores():
    return len(os.sched_getaffinity(0))


def describe():
    model = platform.processor()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    return {"cpu": model, "cores": cores(), "load_average": list(os.getloadavg())}


def _busy_ticks():
    user, nice, system, idle, iowait, irq, softirq, steal = map(
        int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    )
    del idle, iowait
    return user + nice + system + irq + softirq + steal


def _own_ticks():
    """Of this process, and of those that it has started, ended ones too: contestants that wait for their turn."""
    parents, ticks = {}, {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rsplit(")", 1)[1].split()
        except (OSError, IndexError):  # it has just ended
            continue
        process = int(path.parent.name)
        parents[process], ticks[process] = int(fields[1]), sum(map(int, fields[11:15]))

    def is_own(process):
        while process not in (0, os.getpid()):
            process = parents.get(process, 0)
        return process != 0

    return sum(spent for process, spent in ticks.items() if is_own(process))


class Quiet:
    """Samples what others use of the machine, while no contestant runs."""

    def __init__(self):
        self.most = 0.0

    def sample(self):
        before, start = _busy_ticks() - _own_ticks(), time.monotonic()
        time.sleep(SAMPLE_SECONDS)
        ticks = _busy_ticks() - _own_ticks() - before
        self.most = max(self.most, ticks / os.sysconf("SC_CLK_TCK") / (time.monotonic() - start))

    @property
    def held(self):
        return self.most <= BUSY_CORES

    def warning(self):
        return (
            f"warning: others used up to {self.most:.1f} of {cores()} cores between the runs: "
            "these figures are provisional and prove nothing"
        )
