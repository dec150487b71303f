"""Step time of the gated feed-forward: Fabric, the step by hand, PyTorch 2D and PyTorch unsharded, in turn."""

import json
import math
import statistics
from dataclasses import dataclass

from . import models
from .figures import Figure
from .process import FABRIC_COMPILE, FABRIC_RUN, HANDWRITTEN, BenchError, need, run
from .pytorch import Ranks, find_python

RANKS = 4
MESHES = [(2, 2), (4, 1), (1, 4)]
WARM_UP = 2  # steps that touch memory for the first time


@dataclass(frozen=True)
class Size:
    dim: int
    hidden: int
    batch: int
    steps: int
    pytorch_steps: int
    by_hand: float  # at most this many times the step by hand, on 2 x 2
    by_pytorch: float  # at least this many times faster than PyTorch 2D

    @property
    def name(self):
        return f"{self.dim}/{self.hidden}/{self.batch}"


SIZES = [
    Size(128, 256, 8, 100, 22, 1.5, 50),
    Size(1024, 4096, 64, 22, 10, 1.15, 3.5),
    Size(2048, 8192, 256, 8, 6, 1.15, 3.5),
]
QUICK_SIZES = [Size(64, 128, 8, 12, 4, 1.5, 50)]


class Case:
    """One size: its model, and the weights and data that all contestants start from."""

    def __init__(self, size, folder):
        self.size = size
        self.stem = folder / f"feedforward-{size.dim}-{size.hidden}-{size.batch}"
        self.model = self.stem.with_suffix(".mlir")
        self.model.write_text(models.feedforward(size.dim, size.hidden, size.batch))
        self.data = self.stem.with_suffix(".npy")
        self.data_offset = models.write_npy(self.data, (size.batch, size.dim))
        self.weights = self.stem.with_suffix(".safetensors")
        plan = self.compile((2, 2))
        run([FABRIC_RUN, plan, "--data=random", "--steps=0", f"--save={self.weights}", "--quiet"])
        self.offsets = models.safetensors_offsets(self.weights, ["w1.weight", "w2.weight", "w3.weight"])

    def compile(self, mesh, comm="any"):
        dp, tp = mesh
        plan = self.stem.with_name(f"{self.stem.name}-{dp}x{tp}.bin")
        run([FABRIC_COMPILE, self.model, "-o", plan, f"--dp={dp}", f"--tp={tp}", f"--comm={comm}"])
        return plan

    def run_fabric(self, mesh, comm="local"):
        metrics = self.stem.with_suffix(".jsonl")
        run(
            [
                *(FABRIC_RUN, self.compile(mesh, comm), f"--weights={self.weights}", f"--data=x={self.data}"),
                *(f"--steps={self.size.steps}", f"--metrics={metrics}", "--quiet"),
            ]
        )
        lines = [json.loads(line) for line in metrics.read_text().splitlines()]
        return {"step_ms": [line["step_ms"] for line in lines], "losses": [line["loss"] for line in lines]}

    def run_by_hand(self, mesh):
        size = self.size
        sizes = (*mesh, size.dim, size.hidden, size.batch, size.steps)
        return json.loads(
            run([HANDWRITTEN, *sizes, self.weights, *self.offsets, self.data, self.data_offset]).output
        )

    def run_pytorch(self, ranks, mesh):
        dp, tp = mesh
        return ranks.run(
            {
                **{"dp": dp, "tp": tp, "dim": self.size.dim, "hidden": self.size.hidden, "batch": self.size.batch},
                **{"steps": self.size.pytorch_steps, "weights": str(self.weights), "offsets": self.offsets},
                **{"data": str(self.data), "data_offset": self.data_offset},
            }
        )


def check_losses(case, name, answer, expected):
    """A contestant that computes something else has not taken part. The loss is a sum over the whole output."""
    scale = math.sqrt(case.size.batch * case.size.dim)
    for step, (loss, other) in enumerate(zip(answer["losses"], expected["losses"], strict=False), start=1):
        if None in (loss, other) or not abs(loss - other) <= 1e-3 * max(abs(other), scale):
            raise BenchError(
                f"{case.size.name}: {name} has loss {loss} at step {step} and Fabric {other}: they are not the same step"
            )


def measure(options, folder, quiet):
    sizes = QUICK_SIZES if options.quick else SIZES
    meshes = MESHES[:1] if options.quick else MESHES
    need(FABRIC_COMPILE, "fabric-compile")
    need(FABRIC_RUN, "fabric-run")
    with_hand = "handwritten" not in options.without
    if with_hand:
        need(HANDWRITTEN, "bench-handwritten")
    cases = [Case(size, folder) for size in sizes]
    contestants = {
        "Fabric": lambda case, mesh: case.run_fabric(mesh, "local"),
        "Fabric --comm=any": lambda case, mesh: case.run_fabric(mesh, "any"),
    }
    if with_hand:
        contestants["by hand"] = lambda case, mesh: case.run_by_hand(mesh)
    groups = []
    try:
        if "pytorch" not in options.without:
            python = find_python(options.python)
            sharded, unsharded = Ranks(python, RANKS), Ranks(python, 1)
            groups = [sharded, unsharded]
            contestants["PyTorch 2D"] = lambda case, mesh: case.run_pytorch(sharded, mesh)
            # The same on every mesh: there is none.
            contestants["PyTorch unsharded"] = lambda case, mesh: case.run_pytorch(unsharded, (1, 1))
        medians = _measure_rounds(options.rounds, cases, meshes, contestants, quiet)
    finally:
        for group in groups:
            group.close()
    return [figure for key, times in medians.items() for figure in _figures(*key, times)]


def _measure_rounds(rounds, cases, meshes, contestants, quiet):
    """(case, mesh) -> contestant -> the median of each round."""
    medians = {(case, mesh): {name: [] for name in contestants} for mesh in meshes for case in cases}
    for _ in range(rounds):
        for (case, mesh), times in medians.items():
            quiet.sample()
            expected = None
            for name, contestant in contestants.items():
                answer = contestant(case, mesh)
                expected = expected or answer
                check_losses(case, name, answer, expected)
                times[name].append(statistics.median(answer["step_ms"][WARM_UP:]))
    return medians


def _figures(case, mesh, times):
    name = f"{case.size.name} on {mesh[0]} x {mesh[1]}"
    for contestant, values in times.items():
        yield Figure("step", name, contestant, "ms", values)

    def ratio(a, b, **limits):
        if a in times and b in times:
            values = [x / y for x, y in zip(times[a], times[b], strict=True)]
            yield Figure("step", name, f"{a} / {b}", "", values, **limits)

    yield from ratio("Fabric", "by hand", limit=case.size.by_hand if mesh == (2, 2) else None)
    yield from ratio("Fabric --comm=any", "by hand")
    yield from ratio("PyTorch 2D", "Fabric", limit=case.size.by_pytorch, at_least=True)
    yield from ratio("PyTorch unsharded", "Fabric")
