"""Running the tools: what they print, how long they take and what they hold."""

import os
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
BUILD = Path(os.environ.get("FABRIC_BUILD_DIR", ROOT / "build-release"))
FABRIC_COMPILE = BUILD / "bin" / "fabric-compile"
FABRIC_RUN = BUILD / "bin" / "fabric-run"
HANDWRITTEN = BUILD / "test" / "bench" / "bench-handwritten"
KERNEL_BENCH = BUILD / "test" / "bench" / "kernel-bench"


class BenchError(Exception):
    """What the user is told in one line."""


@dataclass
class Finished:
    output: str
    seconds: float
    cpu_seconds: float
    resident_bytes: int


def need(path, target):
    if not path.exists():
        raise BenchError(f"{path} is not there: cmake --preset release && cmake --build {BUILD} --target {target}")
    return path


def refuse_assertions(build):
    """They cost time that is nobody's who uses a release."""
    lines = need(build / "CMakeCache.txt", "bench-depends").read_text().splitlines()
    cache = dict(line.split("=", 1) for line in lines if line.startswith("CMAKE_"))
    kind = cache["CMAKE_BUILD_TYPE:STRING"].upper()
    flags = cache["CMAKE_CXX_FLAGS:STRING"] + " " + cache.get(f"CMAKE_CXX_FLAGS_{kind}:STRING", "")
    if "-DNDEBUG" not in flags.split():
        raise BenchError(f"{build} has assertions: cmake --preset release, or --quick")


def run(command, timeout=300):
    """Runs to the end, which must be a success. Standard output goes to a file: a full pipe would stop the clock."""
    command = [str(part) for part in command]
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        begin = time.perf_counter()
        process = subprocess.Popen(command, stdout=output, stderr=errors)
        timer = threading.Timer(timeout, process.kill)
        timer.start()
        _, status, usage = os.wait4(process.pid, 0)  # subprocess has no way to the resources of one child
        seconds = time.perf_counter() - begin
        timer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        if process.returncode != 0:
            raise BenchError(f"{' '.join(command)}: {errors.read().strip() or f'status {process.returncode}'}")
        return Finished(output.read(), seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)
