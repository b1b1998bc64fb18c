"""A network for flow matching, and the generation of images by it."""

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

__all__ = ["Velocity", "generate"]

CONDITION = 64
"""Numbers that describe time and kind."""


class Velocity(nn.Module):
    """How fast, and where to, an image of a kind moves on its way from noise (time 0) to data (time 1).

    Residual blocks of whole images, scaled and shifted by time and kind (Peebles and Xie 2023: adaptive layer norm).
    How much of a pixel itself goes into its velocity, which Karras et al. 2022 say by a formula, is learnt.

    Args:
        pixels: of an image.
        kinds: how many there are.
        width: of each layer.
        depth: number of blocks.
    """

    frequencies: Tensor

    def __init__(self, pixels: int, kinds: int, width: int, depth: int) -> None:
        super().__init__()
        self.register_buffer("frequencies", torch.logspace(0, 2, CONDITION // 4))
        self.time = nn.Sequential(nn.Linear(CONDITION // 2, CONDITION), nn.SiLU(), nn.Linear(CONDITION, CONDITION))
        self.kinds = nn.Embedding(kinds, CONDITION)
        self.enter, self.blocks = nn.Linear(pixels, width), nn.ModuleList(Block(width) for _ in range(depth))
        self.norm, self.leave = AdaptiveNorm(width), nn.Linear(width, pixels)
        self.gate = nn.Linear(CONDITION, pixels)
        for layer in (self.leave, self.gate):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor, time: Tensor, kinds: Tensor) -> Tensor:
        """Of images on their way, shape (n, pixels), their times, shape (n, 1), and kinds, shape (n,)."""
        angles = time * self.frequencies
        condition = silu(self.time(torch.cat([angles.sin(), angles.cos()], dim=1)) + self.kinds(kinds))
        hidden = self.enter(x)
        for block in self.blocks:
            hidden = block(hidden, condition)
        velocity: Tensor = self.leave(self.norm(hidden, condition)) + self.gate(condition) * x
        return velocity


class Block(nn.Module):
    """A norm and a hidden layer, whose output, zero at first, is added to what came in."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm, self.hidden = AdaptiveNorm(width), nn.Linear(width, width)
        self.out = nn.Linear(width, width)
        nn.init.zeros_(self.out.weight)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Of shape (n, width), as what it gives."""
        added: Tensor = self.out(silu(self.hidden(self.norm(x, condition))))
        return x + added


class AdaptiveNorm(nn.Module):
    """A layer norm whose scale and shift are linear in the condition, one and zero at first."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm, self.linear = nn.LayerNorm(width, elementwise_affine=False), nn.Linear(CONDITION, 2 * width)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Of shape (n, width), as what it gives."""
        scale, shift = self.linear(condition).chunk(2, dim=1)
        scaled: Tensor = self.norm(x) * (1 + scale) + shift
        return scaled


def generate(model: nn.Module, noise: Tensor, kinds: Tensor, steps: int) -> Tensor:
    """Images of these kinds, pixels from -1 to 1, to which the velocity carries noise; steps of the midpoint rule."""
    x, length = noise, 1 / steps
    for step in range(steps):
        time = torch.full_like(x[:, :1], step * length)
        middle = x + length / 2 * model(x, time, kinds)
        velocity: Tensor = model(middle, time + length / 2, kinds)
        x = x + length * velocity
    return x.clamp(-1, 1)
