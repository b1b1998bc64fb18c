"""What a model draws at random in training: whether it does, and what its outputs are without."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from .observation import Forward
from .replay import put_back

__all__ = ["draws_in", "without_dropout"]

Normalization = nn.modules.batchnorm._NormBase
"""Modules that look at the batch in training, and draw nothing."""


def draws_in(forward: Forward, device: torch.device) -> bool:
    """Whether random numbers were drawn since a forward pass began."""
    if device.type == "cuda":
        return any(
            not torch.equal(torch.cuda.get_rng_state(index), state) for index, state in forward.draws.devices.items()
        )
    return not torch.equal(torch.get_rng_state(), forward.draws.torch_state)


def without_dropout(model: nn.Module, repeat: Callable[[], Tensor | None], after: Tensor) -> float:
    """How far outputs in training lie from those in evaluation mode, but for normalization; NaN where they are alike.

    That is the mean squared change by dropout, over their variance between examples without it.

    Args:
        model: what runs.
        repeat: gives its outputs on the batch once more, and leaves no trace.
        after: these outputs in training.
    """
    modes = [(module, module.training) for module in model.modules()]

    def restore() -> None:
        for module, mode in modes:
            module.training = mode

    try:
        for module, mode in modes:
            module.training = mode and isinstance(module, Normalization)
        asleep = repeat()
    finally:
        put_back(restore)
    if asleep is None or torch.equal(asleep, after):
        return math.nan
    middle = asleep.double().mean(0)
    apart = float((asleep.double() - middle).square().sum())
    return float((after.double() - asleep.double()).square().sum()) / apart if apart > 0 else math.inf
