"""What a model draws at random in training: whether it does, and what its outputs are without."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from .losses import Recovered
from .observation import Forward
from .record import DropoutFacts
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


def without_dropout(
    model: nn.Module, repeat: Callable[[], Tensor | None], after: Tensor, recovered: Recovered
) -> DropoutFacts | None:
    """Loss and outputs in evaluation mode, but for normalization, beside those in training; None where they are alike.

    Args:
        model: what runs.
        repeat: gives its outputs on the batch once more, and leaves no trace.
        after: these outputs in training.
        recovered: the loss.
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
    if asleep is None or recovered.again is None or torch.equal(asleep, after):
        return None
    middle = asleep.double().mean(0)
    apart = float((asleep.double() - middle).square().sum())
    noise = float((after.double() - asleep.double()).square().sum()) / apart if apart > 0 else float("inf")
    return DropoutFacts(float(recovered.again(after)), float(recovered.again(asleep)), noise)
