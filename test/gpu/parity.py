"""Every shipped model on one device, against the CPU's results, twice."""

import json

from process import Failure, run, tool
from tensors import difference, read


def losses(path):
    return [json.loads(line)["loss"] for line in open(path)]


def train(plan, steps, results, comm="local"):
    results.mkdir(parents=True, exist_ok=True)
    metrics, saved = results / "metrics.jsonl", results / "trained.safetensors"
    run(tool("fabric-run"), plan, f"--comm={comm}", "--data=random", f"--steps={steps}",
        f"--metrics={metrics}", f"--save={saved}", "--quiet")
    return losses(metrics), saved


def relative(found, expected):
    scale = max(abs(value) for value in expected) or 1.0
    return max(abs(a - b) for a, b in zip(found, expected, strict=True)) / scale


def check(table, pack, index, results):
    for name, tolerance in index["parity"].items():
        wanted = f"losses and parameters within {tolerance:g} of the CPU's; the same bits twice"
        what = f"{name}, {index['steps']} steps, --comm=local"
        try:
            first, saved = train(pack / f"{name}.bin", index["steps"], results / name)
            again, saved_again = train(pack / f"{name}.bin", index["steps"], results / f"{name}.again")
        except Failure as failure:
            table.add(what, False, str(failure), wanted)
            continue
        loss = relative(first, losses(pack / f"{name}.jsonl"))
        parameters = difference(read(saved), read(pack / f"{name}.safetensors"))
        same = first == again and saved.read_bytes() == saved_again.read_bytes()
        table.add(what, loss <= tolerance and parameters <= tolerance and same,
                  f"loss {loss:.1e}, parameters {parameters:.1e}, {'the same bits' if same else 'other bits'}",
                  wanted, loss=loss, parameters=parameters, same_bits=same)
    for name, why in index["missing"].items():
        table.skip(name, why)


def check_nccl(table, pack, index, results):
    """NCCL with one rank."""
    name = "feedforward.1x1"
    if name not in index["parity"]:
        table.skip("NCCL with one rank", index["missing"].get(name, "no plan"))
        return
    try:
        over_nccl, _ = train(pack / f"{name}.bin", index["steps"], results / "nccl", comm="nccl")
        alone, _ = train(pack / f"{name}.bin", index["steps"], results / "nccl.local")
        table.add("NCCL with one rank", over_nccl == alone, "losses as --comm=local has them" if over_nccl == alone else "other losses")
    except Failure as failure:
        table.add("NCCL with one rank", False, str(failure))
