"""Two inputs through one weight, a frozen layer, a product too small to split, two results, and a loss of both."""

import torch
import torch.nn as nn
import torch.nn.functional as F


class Towers(nn.Module):
    def __init__(self, dim, hidden_dim):
        super().__init__()
        self.left = nn.Linear(dim, hidden_dim)
        self.right = nn.Linear(dim, hidden_dim)
        self.right.weight = self.left.weight
        self.frozen = nn.Linear(hidden_dim, hidden_dim).requires_grad_(False)
        self.down = nn.Linear(hidden_dim, dim, bias=False)
        self.scale = nn.Linear(1, 1)

    def forward(self, x, y):
        left, right = F.silu(self.left(x)), F.silu(self.frozen(self.right(y)))
        score = self.scale((left * right).mean(-1, keepdim=True))
        return self.down(left + right), score


def loss(output, score):
    return output.square().mean() + (score - 1).square().mean()


def build_forward(dim=48, hidden_dim=96, batch=16):
    torch.manual_seed(0)
    return Towers(dim, hidden_dim), (torch.randn(batch, dim), torch.randn(batch, dim))


def build():
    return *build_forward(), loss


def build_uneven():
    """Sizes that next to no mesh divides."""
    return *build_forward(97, 176, 6), loss
