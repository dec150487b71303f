"""Everything that only a machine with a GPU can show; test/gpu.sh calls it.

    gpu.py pack FOLDER [--target=cuda:sm_90]    plans and the CPU's results, on a machine with LLVM
    gpu.py run FOLDER [--gpus=TEXT]             writes build/gpu.json and prints a table

With --target=cpu a pack runs on the CPU, with --runner=build/test/gpu/fabric-run-emulated on the emulated GPU: that is how the tests run this without one.
"""

import argparse
import json
import shutil
import sys
from pathlib import Path

import packing
import parity
import speed
import suites
from process import BUILD, PROGRAMS, Failure, tool
from table import Table


def run(folder, gpus, output):
    index = json.loads((folder / "index.json").read_text())
    results = output.with_suffix("")
    shutil.rmtree(results / "runs", ignore_errors=True)
    (results / "runs").mkdir(parents=True)
    runs = results / "runs"
    table = Table()
    if gpus:
        suites.check(table, runs)
    parity.check(table, folder, index, runs)
    if gpus:
        parity.check_nccl(table, folder, index, runs)
        suites.check_sanitizer(table, folder, index, tool)
        python = speed.find_python()
        if "feedforward-8192.f32" in index["speed"]:
            speed.check_kernels(table, folder / "feedforward-8192.f32.bin", runs)
        else:
            table.skip("kernels' bytes/s against a device copy", index["missing"].get("feedforward-8192.f32", "no plan"))
        if python:
            speed.check_steps(table, folder, index, runs, python)
        else:
            table.skip("a step against PyTorch", "no Python here has a PyTorch that finds the GPU")
        speed.check_joined(table, folder, index, runs)
        speed.check_overhead(table, folder, index, runs)
    table.write(output, gpus=gpus, target=index["target"])
    table.show()
    return 1 if table.failed else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["pack", "run"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--target", default="cuda:sm_90")
    parser.add_argument("--steps", type=int, default=10, help="that models are trained")
    parser.add_argument("--gpus", default="")
    parser.add_argument("--output", type=Path, default=BUILD / "gpu.json")
    parser.add_argument("--runner", type=Path, help="what runs plans, in place of fabric-run")
    options = parser.parse_args()
    try:
        if options.command == "pack":
            packing.pack(options.folder, options.target, options.steps)
            return 0
        if options.runner:
            PROGRAMS["fabric-run"] = options.runner
        return run(options.folder, options.gpus.splitlines(), options.output)
    except (Failure, OSError) as error:
        print(f"gpu.py: error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
