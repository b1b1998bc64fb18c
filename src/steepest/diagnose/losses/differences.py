"""Squared errors with their targets, and what losses by absolute differences tell of theirs."""

import math
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from ..autograd import name_of, penalized
from ..last import reach
from ..record import LossFacts
from .examples import of_targets
from .kind import ABSOLUTE, BENDS
from .recovered import Recovered, numbers, times

__all__ = ["absolute_error", "outside", "squared_error"]

NOISE = 0.01
"""The share of the targets' variance up to which what lies beyond the range of the outputs is taken for noise."""


def squared_error(path: Sequence[Any], z: Tensor, d: Tensor, loss: float) -> Recovered:
    """Squared error, a mean over all entries or with another factor, or the root of the mean."""
    size = z.numel()
    targets, weight = z - d * size / 2, 1 / size  # a mean over all entries
    own = float((z - targets).square().mean())
    root = name_of(path[0]) == "SqrtBackward0" and math.isclose(size * float(d.square().sum()), 1, rel_tol=1e-2)
    if root:  # d = (z - t) / n L
        targets = z - d * size * loss
    elif not (math.isclose(own, loss, rel_tol=1e-2) or (own < loss and penalized(path))):
        squares = float(d.square().sum())
        if not (loss > 0 and squares > 0):
            return Recovered(LossFacts("squared_error"))
        weight = squares / (4 * loss)
        targets = z - d / (2 * weight)

    def again(new: Tensor) -> Tensor:
        total = times(weight, (numbers(new) - targets).square().sum())
        return total.sqrt() if root else total

    moments = size, float(targets.mean()), float(targets.var(correction=0))
    mean = float((z - targets).square().mean())
    facts = LossFacts("squared_error", mean, math.nan if root else weight * size, None, moments)
    facts.outside = outside(targets, z, *reach(path))
    facts.examples = of_targets(targets)
    if targets.dim() > 1 and len(targets) > 1 and targets[0].numel() > 1:
        facts.component = float(targets.var(0, correction=1).mean())
    return Recovered(facts, again)


def outside(targets: Tensor, z: Tensor, low: float, high: float) -> float:
    """Share of the targets that outputs between two ends cannot reach.

    0 where that costs nearly nothing, as of targets that noise has carried over the end.
    """
    if not (low <= float(z.amin()) and float(z.amax()) <= high):
        return 0.0
    slack = 1e-3 * float(targets.abs().amax())
    beyond = (low - targets).clamp_min(0) + (targets - high).clamp_min(0)
    if float(beyond.square().mean()) <= NOISE * float(targets.var(correction=0)):
        return 0.0
    return float((beyond > slack).float().mean())


def absolute_error(path: Sequence[Any], z: Tensor, d: Tensor, loss: float) -> Recovered:
    """What is known of a loss that grows with the size of differences."""
    facts = _one_side(z, d, loss)
    names = [name_of(node) for node in path[:-1]]
    place = next(place for place, name in enumerate(names) if name.startswith(ABSOLUTE))
    if BENDS & set(names[place + 1 :]):
        return Recovered(facts)
    # the gradient of a loss that grows with the difference has the sign of the difference, whatever else it is
    low, high = reach(path)
    facts.outside = float((((z <= low) & (d > 0)) | ((z >= high) & (d < 0))).float().mean())
    return Recovered(facts)


def _one_side(z: Tensor, d: Tensor, loss: float) -> LossFacts:
    """Of a loss that grows with the size of differences: where all targets lie, if all on one side of the outputs."""
    slopes = d.abs()
    alike = float(slopes.amax() - slopes.amin()) <= 1e-3 * float(slopes.amax())
    side = float(d.sign().mean())
    if not alike or abs(side) < 1 or not loss > 0:
        return LossFacts("other")
    return LossFacts("other", far=float(z.mean()) - side * loss / (float(slopes.mean()) * z.numel()))
