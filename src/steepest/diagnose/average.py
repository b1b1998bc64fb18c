"""A moving average of a model's weights: whether it was ever updated."""

from torch import Tensor, nn

from .examine import number

__all__ = ["Average"]


class Average:
    """Looks at a moving average from now on.

    Args:
        averaged: such as `torch.optim.swa_utils.AveragedModel`.

    >>> import torch
    >>> model = nn.Linear(2, 1)
    >>> averaged = torch.optim.swa_utils.AveragedModel(model)
    >>> average = Average(averaged)
    >>> averaged.update_parameters(model)
    >>> average.is_unchanged
    False
    """

    def __init__(self, averaged: nn.Module) -> None:
        self._averaged, self._before = averaged, _marks(averaged)

    @property
    def is_unchanged(self) -> bool:
        """Whether it was never updated: by its own count, or else by its parameters."""
        count = getattr(self._averaged, "n_averaged", None)
        return int(count) == 0 if isinstance(count, Tensor) else self._before == _marks(self._averaged)


def _marks(module: nn.Module) -> list[tuple[int, float]]:
    """Version and sum of each parameter: both stay while nothing writes to it."""
    return [(param._version, number(param.detach().sum())) for param in module.parameters()]
