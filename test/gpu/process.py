"""Running the tools."""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("FABRIC_BUILD_DIR", ROOT / "build"))


class Failure(Exception):
    """The last line that a command said, or why it could not be started."""


def run(*command, timeout=600, **options):
    """Standard output of a command that must succeed."""
    command = [str(part) for part in command]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, **options)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Failure(str(error)) from None
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip() or f"exit status {done.returncode}").splitlines()
        errors = [line for line in said if "error" in line]
        raise Failure((errors or said)[-1])
    return done.stdout


PROGRAMS = {}  # By name, in place of the build's.


def tool(name):
    """A program of the build; of the runtime's own build, where that is what there is."""
    if name in PROGRAMS:
        return PROGRAMS[name]
    for folder in (BUILD / "bin", BUILD / "gpu" / "runtime" / "bin"):
        if (folder / name).exists():
            return folder / name
    raise Failure(f"{name} is not built")
