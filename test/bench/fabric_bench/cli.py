"""The command line."""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from . import compiling, kernels, machine, memory, overhead, start, step
from .figures import picture, table
from .process import BUILD, BenchError, refuse_assertions

BENCHES = {
    "step": step,
    "overhead": overhead,
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
    summaries = "; ".join(f"{name}: {_summary(bench)}" for name, bench in BENCHES.items())
    parser.add_argument("bench", choices=["all", *BENCHES], help=summaries)
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="how often each is measured (3)")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, one round: that it runs, not how fast")
    parser.add_argument(
        "--without",
        action="append",
        default=[],
        choices=["pytorch", "handwritten"],
        help="leaves a contestant out; may be repeated",
    )
    parser.add_argument("--python", metavar="PATH", help="a Python with torch ($FABRIC_PYTHON, the tests' own, or this one)")
    parser.add_argument(
        "--output-dir", type=Path, default=BUILD / "bench", metavar="DIR", help="for bench.json and bench.svg (build-release/bench)"
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
    quiet, facts = machine.Quiet(), machine.describe()
    names = list(BENCHES) if options.bench == "all" else [options.bench]
    figures, failed = [], False
    try:
        if not options.quick:
            refuse_assertions(BUILD)
        options.output_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="fabric-bench-", dir=options.output_dir) as folder:
            for name in names:
                try:
                    figures += BENCHES[name].measure(options, Path(folder), quiet)
                except BenchError as error:  # what the other benches find is still worth having
                    _print_error(f"{name}: {error}")
                    failed = True
        print(table(figures))
        print(f"\n{facts['cpu']}, {facts['cores']} cores; median and spread of {options.rounds} rounds")
        if options.quick:
            print("warning: --quick: these figures prove nothing")
        elif not quiet.held:
            print(quiet.warning())
        _write(options, quiet, facts, figures)
    except (BenchError, OSError) as error:
        _print_error(error)
        failed = True
    return 1 if failed else 0


def _print_error(error):
    print(f"bench.py: error: {error}", file=sys.stderr, flush=True)


def _write(options, quiet, facts, figures):
    json_path, svg_path = options.output_dir / "bench.json", options.output_dir / "bench.svg"
    result = {
        "machine": facts,
        "quiet": quiet.held,
        "busy_cores": quiet.most,
        "rounds": options.rounds,
        "quick": options.quick,
        "figures": [figure.as_json() for figure in figures],
    }
    json_path.write_text(json.dumps(result, indent=1) + "\n")
    provisional = options.quick or not quiet.held
    title = f"Fabric on {facts['cpu']}, {facts['cores']} cores" + (" (provisional)" if provisional else "")
    svg_path.write_text(picture(figures, title))
    print(f"written: {json_path}, {svg_path}")
