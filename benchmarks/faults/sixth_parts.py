"""What the programs of `sixth` share."""

import math

import torch
from torch import Tensor, nn

from .fifth_parts import right
from .parts import explained


@torch.no_grad()
def accuracy(model: nn.Module, inputs: Tensor, targets: Tensor) -> float:
    """The share of examples that the trained model puts into the right class."""
    return right(model.eval()(inputs), targets)


@torch.no_grad()
def fit(model: nn.Module, inputs: Tensor, targets: Tensor) -> float:
    """The share of the targets' variance that the trained model explains, and -1 where it is less or not a number."""
    share = explained(model.eval()(inputs), targets.flatten())
    return max(-1.0, share) if math.isfinite(share) else -1.0
