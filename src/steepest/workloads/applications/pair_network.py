"""A network over pairs of residues: dilated convolutions with residual connections (Senior et al. 2020)."""

from itertools import cycle, islice

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

__all__ = ["PairNetwork"]

DILATIONS = (1, 2, 4)


class PairNetwork(nn.Module):
    """From residues to pairs of residues, as the first AlphaFold, which was also told what evolution says.

    Args:
        codes: how many kinds of residues there are.
        classes: of a pair.
        longest: residues of the longest sequence.
        width: numbers that describe a pair; a residue has three times as many.
        depth: convolutions over pairs.
    """

    def __init__(self, codes: int, classes: int, longest: int, width: int, depth: int) -> None:
        super().__init__()
        self.codes = nn.Embedding(codes, 3 * width)
        self.residues = nn.Sequential(*(Block(nn.Conv1d, 3 * width, 7, dilation) for dilation in DILATIONS))
        self.one, self.both = nn.Conv1d(3 * width, width, 1), nn.Conv1d(3 * width, width, 1)
        self.apart = nn.Embedding(longest, width)
        self.pairs = nn.Sequential(
            *(Block(nn.Conv2d, width, 3, dilation) for dilation in islice(cycle(DILATIONS), depth))
        )
        self.out = nn.Conv2d(width, classes, 1)

    def forward(self, codes: Tensor) -> Tensor:
        """From shape (n, length) to scores, shape (n, classes, length, length)."""
        residues = self.residues(self.codes(codes.long()).transpose(1, 2))
        one, both, place = self.one(residues), self.both(residues), torch.arange(codes.shape[1], device=codes.device)
        pairs = one.unsqueeze(3) + one.unsqueeze(2) + both.unsqueeze(3) * both.unsqueeze(2)
        pairs = pairs + self.apart((place.unsqueeze(1) - place).abs()).permute(2, 0, 1)
        output: Tensor = self.out(self.pairs(pairs))
        return output


class Block(nn.Module):
    """A norm and a dilated convolution, added to what came in."""

    def __init__(self, convolution: type[nn.Conv1d] | type[nn.Conv2d], width: int, size: int, dilation: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(1, width)
        self.convolution = convolution(width, width, size, padding="same", dilation=dilation)

    def forward(self, x: Tensor) -> Tensor:
        """Of the same shape as what it gives."""
        added: Tensor = relu(self.convolution(self.norm(x)))
        return x + added
