"""A plain MLP with biases and a mean loss: three linear layers, SiLU between them."""

import torch
import torch.nn as nn
import torch.nn.functional as F


class MLP(nn.Module):
    def __init__(self, dim, hidden_dim):
        super().__init__()
        self.up = nn.Linear(dim, hidden_dim)
        self.middle = nn.Linear(hidden_dim, hidden_dim)
        self.down = nn.Linear(hidden_dim, dim)

    def forward(self, x, target):
        output = self.down(F.silu(self.middle(F.silu(self.up(x)))))
        return F.mse_loss(output, target)


def build(dim=48, hidden_dim=96, batch=16):
    torch.manual_seed(0)
    return MLP(dim, hidden_dim), (torch.randn(batch, dim), torch.randn(batch, dim))


def build_odd():
    """Sizes that 3, 5, 6 and 7 ranks divide."""
    return build(105, 210, 210)


def build_uneven():
    """Sizes that next to no mesh divides."""
    return build(97, 176, 6)
