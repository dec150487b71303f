"""A residual MLP: LayerNorm, two linear layers with biases and GELU between them, twice; a mean loss."""

import torch
import torch.nn as nn
import torch.nn.functional as F


class Block(nn.Module):
    def __init__(self, dim, hidden_dim, approximate):
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.up = nn.Linear(dim, hidden_dim)
        self.down = nn.Linear(hidden_dim, dim)
        self.approximate = approximate

    def forward(self, x):
        return x + self.down(F.gelu(self.up(self.norm(x)), approximate=self.approximate))


class GeluMLP(nn.Module):
    def __init__(self, dim, hidden_dim):
        super().__init__()
        self.first = Block(dim, hidden_dim, "none")
        self.second = Block(dim, hidden_dim, "tanh")
        self.norm = nn.LayerNorm(dim)
        # Else their gradients are hidden by ones and zeros.
        for module in self.modules():
            if isinstance(module, nn.LayerNorm):
                nn.init.normal_(module.weight, 1.0, 0.1)
                nn.init.normal_(module.bias, 0.0, 0.1)

    def forward(self, x, target):
        return F.mse_loss(self.norm(self.second(self.first(x))), target)


def build(dim=48, hidden_dim=96, batch=16):
    torch.manual_seed(0)
    return GeluMLP(dim, hidden_dim), (torch.randn(batch, dim), torch.randn(batch, dim))


def build_odd():
    """Sizes that 3, 5, 6 and 7 ranks divide."""
    return build(105, 210, 210)


def build_uneven():
    """Sizes that next to no mesh divides."""
    return build(97, 176, 6)
