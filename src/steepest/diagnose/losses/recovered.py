"""A loss that was recovered: its facts, and how it is computed again."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..record import LossFacts

__all__ = ["Recovered", "counted", "numbers", "times"]


@dataclass
class Recovered:
    """A loss that can be computed again from new outputs.

    Attributes:
        facts: what was recovered, as numbers.
        again: what was differentiated, of new outputs: a scalar with a graph where they have one. It holds the targets.
    """

    facts: LossFacts
    again: Callable[[Tensor], Tensor] | None = None

    def times(self, factor: float) -> "Recovered":
        """The same where so many times this loss was differentiated."""
        if factor == 1:
            return self
        again, facts = self.again, replace(self.facts, scale=factor * self.facts.scale)
        return Recovered(facts, None if again is None else lambda new: factor * again(new))


def numbers(tensor: Tensor) -> Tensor:
    """The values in float32, or in float64 where they are."""
    return tensor if tensor.dtype == torch.float64 else tensor.float()


def times(weight: float, total: Tensor) -> Tensor:
    """In float64 where the device has it: steps are told from small differences of losses."""
    return weight * (total if total.device.type == "mps" else total.double())


def counted(labels: Tensor) -> dict[int, int]:
    """How often each label is there.

    >>> counted(torch.tensor([2, 0, 2]))
    {0: 1, 2: 2}
    """
    values, counts = torch.unique(labels, return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))
