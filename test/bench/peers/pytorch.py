"""The gated feed-forward's training step as PyTorch runs it on CPUs: tensor parallel x FSDP2 over gloo, or unsharded.

Reads requests from standard input, a JSON object a line, and answers each with one:

    {"dp": 2, "tp": 2, "dim": 128, "hidden": 256, "batch": 8, "steps": 5, "weights": "w.safetensors",
     "offsets": [o1, o2, o3], "data": "x.npy", "data_offset": 128, "threads": 1}

All ranks get the same requests and rank 0 answers: {"step_ms": [...], "losses": [...]}. As one rank of several, the usual
RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT are set. The loss is the sum of all outputs on the global batch, and AdamW has
PyTorch's defaults with the learning rate 3e-3: what Fabric's plan and handwritten.cpp compute.
"""

import json
import os
import sys
import time

import torch
import torch.distributed as dist
import torch.nn as nn
import torch.nn.functional as F
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel, parallelize_module

WORLD = int(os.environ.get("WORLD_SIZE", 1))
RANK = int(os.environ.get("RANK", 0))


class FeedForward(nn.Module):
    def __init__(self, dim, hidden_dim):
        super().__init__()
        self.w1 = nn.Linear(dim, hidden_dim, bias=False)
        self.w2 = nn.Linear(hidden_dim, dim, bias=False)
        self.w3 = nn.Linear(dim, hidden_dim, bias=False)

    def forward(self, x):
        return self.w2(F.silu(self.w1(x)) * self.w3(x))


def read(path, offset, shape):
    count = 1
    for size in shape:
        count *= size
    whole = torch.from_file(path, size=os.path.getsize(path), dtype=torch.uint8)
    return whole[offset : offset + 4 * count].clone().view(torch.float32).view(shape)


def build(request):
    """The module on whole weights, then cut up as a user's parallelize function would."""
    dim, hidden = request["dim"], request["hidden"]
    with torch.device("meta"):
        module = FeedForward(dim, hidden)
    names = ["w1.weight", "w2.weight", "w3.weight"]
    shapes = dict(module.named_parameters())
    weights = {n: read(request["weights"], o, shapes[n].shape) for n, o in zip(names, request["offsets"], strict=True)}
    module.load_state_dict(weights, assign=True)
    for parameter in module.parameters():
        parameter.requires_grad_(True)
    if WORLD > 1:
        mesh = init_device_mesh("cpu", (request["dp"], request["tp"]), mesh_dim_names=("dp", "tp"))
        if request["tp"] > 1:
            plan = {"w1": ColwiseParallel(), "w2": RowwiseParallel(), "w3": ColwiseParallel()}
            parallelize_module(module, mesh["tp"], plan)
        if request["dp"] > 1:
            for layer in (module.w1, module.w2, module.w3):
                fully_shard(layer, mesh=mesh["dp"])
            fully_shard(module, mesh=mesh["dp"])
    return module


def run(request):
    torch.set_num_threads(request["threads"])
    dp, tp = request["dp"], request["tp"]
    module = build(request)
    optimizer = torch.optim.AdamW(module.parameters(), lr=3e-3, fused=True)
    whole = read(request["data"], request["data_offset"], (request["batch"], request["dim"]))
    x = whole.chunk(dp)[RANK // tp].clone()
    milliseconds, losses = [], []
    for _ in range(request["steps"]):
        if WORLD > 1:
            dist.barrier()
        begin = time.perf_counter()
        optimizer.zero_grad()
        loss = module(x).sum()
        (loss * dp).backward()  # FSDP averages gradients over "dp"; the loss is a sum
        optimizer.step()
        milliseconds.append((time.perf_counter() - begin) * 1e3)
        total = loss.detach().clone()  # not timed: the step needs no loss
        if WORLD > 1:
            dist.all_reduce(total)  # over "tp" each rank has the same one
            total /= tp
        losses.append(total.item())
    return {"step_ms": milliseconds, "losses": losses}


def main():
    if WORLD > 1:
        dist.init_process_group("gloo")
    for line in sys.stdin:
        answer = run(json.loads(line))
        if RANK == 0:
            print(json.dumps(answer), flush=True)
    if WORLD > 1:
        dist.destroy_process_group()


if __name__ == "__main__":
    main()
