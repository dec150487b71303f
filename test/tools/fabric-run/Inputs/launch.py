"""Starts a command as ranks 0 to N - 1 with torchrun's variables, and prints
what each says, in rank order, and its exit status.

    launch.py N [NAME=VALUE | RANK:NAME=VALUE]... -- COMMAND...
"""

import os
import socket
import subprocess
import sys

split = sys.argv.index("--")
size, settings, command = int(sys.argv[1]), sys.argv[2:split], sys.argv[split + 1:]
with socket.socket() as probe:
    probe.bind(("localhost", 0))
    port = probe.getsockname()[1]
processes = []
for rank in range(size):
    variables = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": size, "MASTER_ADDR": "localhost", "MASTER_PORT": port}
    for setting in settings:
        name, value = setting.split("=", 1)
        owner, _, name = name.rpartition(":")
        if owner in ("", str(rank)):
            variables[name] = value
    environment = os.environ | {name: str(value) for name, value in variables.items()}
    processes.append(subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))
for rank, process in enumerate(processes):
    for line in process.communicate(timeout=60)[0].splitlines():
        print(f"{rank}| {line}")
    print(f"{rank}| exit {process.returncode}")
