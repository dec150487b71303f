"""The command line."""

import argparse
import json
import tempfile
from pathlib import Path

from . import compiling, kernels, machine, memory, start, step
from .figures import picture, table
from .process import BUILD, BenchError

BENCHES = {
    "step": step,
    "memory": memory,
    "compile": compiling,
    "start": start,
    "kernels": kernels,
}


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="bench.py",
        description="Measures Fabric against limits and peers, in rounds in which the contestants take turns.",
        epilog="Prints a table and writes DIR/bench.json and DIR/bench.svg. Exit status: 0 also where a figure falls short.",
    )
    parser.add_argument("bench", choices=["all", *BENCHES], help="; ".join(f"{n}: {_summary(b)}" for n, b in BENCHES.items()))
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="how often each is measured (3)")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, one round: that it runs, not how fast")
    parser.add_argument(
        *("--without",),
        action="append",
        default=[],
        choices=["pytorch", "handwritten"],
        help="leaves a contestant out; may be repeated",
    )
    parser.add_argument("--python", metavar="PATH", help="a Python with torch ($FABRIC_PYTHON, the tests' own, or this one)")
    parser.add_argument(
        "--output-dir", type=Path, default=BUILD / "bench", metavar="DIR", help="for bench.json and bench.svg (build/bench)"
    )
    options = parser.parse_args(arguments)
    if options.rounds < 1:
        parser.error("--rounds: expected at least 1")
    if options.quick:
        options.rounds = 1
    return options


def _summary(module):
    return module.__doc__.split("\n", 1)[0].rstrip(".")


def main(arguments=None):
    options = parse(arguments)
    quiet = machine.Quiet()
    facts = machine.describe()
    figures = []
    names = list(BENCHES) if options.bench == "all" else [options.bench]
    try:
        options.output_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="fabric-bench-", dir=options.output_dir) as folder:
            for name in names:
                figures += BENCHES[name].measure(options, Path(folder), quiet)
    except (BenchError, OSError) as error:
        print(f"bench.py: error: {error}", flush=True)
        return 1
    print(table(figures))
    print(f"\n{facts['cpu']}, {facts['cores']} cores; median and spread of {options.rounds} rounds")
    if options.quick:
        print("warning: --quick: these figures prove nothing")
    elif not quiet.held:
        print(quiet.warning())
    result = {
        "machine": facts,
        "quiet": quiet.held,
        "busy_cores": quiet.most,
        "rounds": options.rounds,
        "quick": options.quick,
        "figures": [figure.as_json() for figure in figures],
    }
    (options.output_dir / "bench.json").write_text(json.dumps(result, indent=1) + "\n")
    title = f"Fabric on {facts['cpu']}, {facts['cores']} cores" + ("" if quiet.held else " (not quiet: provisional)")
    (options.output_dir / "bench.svg").write_text(picture(figures, title))
    print(f"written: {options.output_dir / 'bench.json'}, {options.output_dir / 'bench.svg'}")
    return 0
