"""The 2D parallelism document's program, word for word, and what fabric-import needs beside it: build functions.

    fabric-import feedforward.py:build -o model.mlir --weights=model.safetensors --parallelize=feedforward.py:parallelize_feedforward
"""

import torch
import torch.nn as nn
import torch.nn.functional as F


class FeedForward(nn.Module):
    def __init__(self, dim, hidden_dim):
        super().__init__()
        self.w1 = nn.Linear(dim, hidden_dim, bias=False)
        self.w2 = nn.Linear(hidden_dim, dim, bias=False)
        self.w3 = nn.Linear(dim, hidden_dim, bias=False)

    def forward(self, x):
        return self.w2(F.silu(self.w1(x)) * self.w3(x))

from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel
from torch.distributed.tensor.parallel import parallelize_module
from torch.distributed._composable.fsdp.fully_shard import fully_shard

def parallelize_feedforward(model, device_mesh):
    # Lightning will set up a device mesh for you
    # Here, it is 2-dimensional
    tp_mesh = device_mesh["tensor_parallel"]
    dp_mesh = device_mesh["data_parallel"]

    if tp_mesh.size() > 1:
        # Use PyTorch's distributed tensor APIs to parallelize the model
        plan = {
            "w1": ColwiseParallel(),
            "w2": RowwiseParallel(),
            "w3": ColwiseParallel(),
        }
        parallelize_module(model, tp_mesh, plan)

    if dp_mesh.size() > 1:
        # Use PyTorch's FSDP2 APIs to parallelize the model
        fully_shard(model.w1, mesh=dp_mesh)
        fully_shard(model.w2, mesh=dp_mesh)
        fully_shard(model.w3, mesh=dp_mesh)
        fully_shard(model, mesh=dp_mesh)

    return model


# The document ends here.


def build():
    """With the loss that the document's example trains on."""
    torch.manual_seed(0)
    return FeedForward(128, 256), (torch.randn(16, 128),), lambda output: output.sum()


def build_forward():
    """Without a loss: inference, and the all-reduce after w2 in sight."""
    torch.manual_seed(0)
    return FeedForward(128, 256), (torch.randn(16, 128),)


def build_meta():
    """Never in memory: initial values are drawn by fabric-run."""
    with torch.device("meta"):
        return FeedForward(128, 256), (torch.randn(16, 128),), lambda output: output.sum()


def build_odd():
    """Sizes that 3, 5, 6 and 7 ranks divide."""
    torch.manual_seed(0)
    return FeedForward(105, 210), (torch.randn(210, 105),), lambda output: output.sum()


def build_uneven():
    """Sizes that next to no mesh divides."""
    torch.manual_seed(0)
    return FeedForward(97, 176), (torch.randn(6, 97),), lambda output: output.sum()
