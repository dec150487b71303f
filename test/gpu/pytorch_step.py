"""The gated feed-forward's training step as PyTorch runs it on a GPU: eager, compiled, and with a fused AdamW.

    pytorch_step.py DIM BATCH f32|bf16      prints {"eager": {"step_ms": ..., "peak_bytes": ...}, ...}

Default AdamW with the learning rate 3e-3; in f32 products are in f32, as the plan's are.
"""

import json
import statistics
import sys

import torch
import torch.nn as nn
import torch.nn.functional as F

WARMUP, STEPS = 10, 30


class FeedForward(nn.Module):
    def __init__(self, dim, hidden_dim):
        super().__init__()
        self.w1 = nn.Linear(dim, hidden_dim, bias=False)
        self.w2 = nn.Linear(hidden_dim, dim, bias=False)
        self.w3 = nn.Linear(dim, hidden_dim, bias=False)

    def forward(self, x):
        return self.w2(F.silu(self.w1(x)) * self.w3(x))


def measure(dim, batch, dtype, compiled=False, fused=None):
    torch.manual_seed(0)
    torch.cuda.reset_peak_memory_stats()
    with torch.device("cuda"):
        model = FeedForward(dim, dim).to(dtype)
        x = torch.randn(batch, dim, dtype=dtype)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, fused=fused)
    forward = torch.compile(model) if compiled else model

    def step():
        optimizer.zero_grad()
        forward(x).sum().backward()
        optimizer.step()

    times = []
    for i in range(WARMUP + STEPS):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        step()
        end.record()
        end.synchronize()
        if i >= WARMUP:
            times.append(begin.elapsed_time(end))
    return {"step_ms": statistics.median(times), "peak_bytes": torch.cuda.max_memory_allocated()}


def main():
    dim, batch, name = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    torch.backends.cuda.matmul.allow_tf32 = False
    dtype = {"f32": torch.float32, "bf16": torch.bfloat16}[name]
    print(json.dumps({
        "eager": measure(dim, batch, dtype),
        "compiled": measure(dim, batch, dtype, compiled=True),
        "fused": measure(dim, batch, dtype, fused=True),
    }))


if __name__ == "__main__":
    main()
