"""PyTorch's ranks, kept between the rounds: importing it takes longer than what is measured."""

import json
import os
import socket
import subprocess
from pathlib import Path

from .machine import cores
from .process import ROOT, BenchError

PEER = Path(__file__).resolve().parents[1] / "peers" / "pytorch.py"


def find_python(given):
    """A Python that has torch: what was given, the tests' own, or this one."""
    import sys

    candidates = [given] if given else [os.environ.get("FABRIC_PYTHON"), ROOT / "build" / "venv" / "bin" / "python", sys.executable]
    for candidate in candidates:
        if candidate and subprocess.run([candidate, "-c", "import torch"], capture_output=True).returncode == 0:
            return candidate
    raise BenchError(
        f"no Python with torch among {', '.join(str(c) for c in candidates if c)}: give --python=PATH or --without=pytorch"
    )


class Ranks:
    """`size` processes of peers/pytorch.py. Between requests they wait without using the processor."""

    def __init__(self, python, size):
        self.size = size
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.processes = []
        for rank in range(size):
            environment = {
                **os.environ,
                "OMP_NUM_THREADS": str(self.threads),
                "RANK": str(rank),
                "LOCAL_RANK": str(rank),
                "WORLD_SIZE": str(size),
                "MASTER_ADDR": "127.0.0.1",
                "MASTER_PORT": str(port),
                "GLOO_SOCKET_IFNAME": "lo",
            }
            self.processes.append(
                subprocess.Popen(
                    [python, PEER],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE if rank == 0 else subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL if rank else None,
                    text=True,
                    env=environment,
                )
            )

    @property
    def threads(self):
        """The cores shared among the ranks, as Fabric and the step by hand share them."""
        return max(1, cores() // self.size)

    def run(self, request):
        for process in self.processes:
            process.stdin.write(json.dumps({**request, "threads": self.threads}) + "\n")
            process.stdin.flush()
        line = self.processes[0].stdout.readline()
        if not line:
            raise BenchError(f"{PEER.name}: a rank of {self.size} ended before it answered")
        return json.loads(line)

    def close(self):
        for process in self.processes:
            process.stdin.close()
        for process in self.processes:
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
