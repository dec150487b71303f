"""Linear layers and nothing else: a chain of them, and two with biases."""

import torch
import torch.nn as nn
import torch.nn.functional as F


class Chain(nn.Module):
    def __init__(self, dim, hidden_dim, biases, layers):
        super().__init__()
        sizes = [dim if i % 2 == 0 else hidden_dim for i in range(layers + 1)]
        self.layers = nn.ModuleList(nn.Linear(i, o, bias=biases) for i, o in zip(sizes, sizes[1:]))

    def forward(self, x, target):
        for layer in self.layers:
            x = layer(x)
        return F.mse_loss(x, target)


def _build(dim, hidden_dim, batch, biases, layers):
    torch.manual_seed(0)
    return Chain(dim, hidden_dim, biases, layers), (torch.randn(batch, dim), torch.randn(batch, dim))


def build_chain(dim=48, hidden_dim=96, batch=16):
    return _build(dim, hidden_dim, batch, biases=False, layers=6)


def build_pair(dim=48, hidden_dim=96, batch=16):
    return _build(dim, hidden_dim, batch, biases=True, layers=2)


def build_chain_uneven():
    """Sizes that next to no mesh divides."""
    return build_chain(97, 176, 6)


def build_pair_odd():
    """Sizes that 3, 5, 6 and 7 ranks divide."""
    return build_pair(105, 210, 210)
