"""Squared errors with their targets, and what losses by absolute differences tell of theirs."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from ..autograd import inputs_of, name_of, penalized
from ..last import reach
from ..record import LossFacts
from .examples import of_targets
from .kind import ABSOLUTE, BENDS
from .recovered import Recovered, numbers, times

__all__ = ["BOUNDED", "absolute_error", "bounded_error", "squared_error"]

SIDES = 3
"""The fewest outputs on either side of targets that are taken for one number."""

BOUNDED = ("HuberLoss", "SmoothL1Loss")
"""Nodes of losses that are squared errors near 0."""


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
    facts.outside = _outside(path, z, targets)
    facts.examples = of_targets(targets)
    if targets.dim() > 1 and len(targets) > 1 and targets[0].numel() > 1:
        facts.component = float(targets.var(0, correction=1).mean())
    return Recovered(facts, again)


def _outside(path: Sequence[Any], z: Tensor, targets: Tensor, slack: Tensor | float = 0.0) -> float:
    """Share of the targets that the last activation cannot reach, each by more than its slack."""
    low, high = reach(path)
    if not (low <= float(z.amin()) and float(z.amax()) <= high):
        return 0.0
    slack = slack + 1e-3 * float(targets.abs().amax())
    return float(((targets < low - slack) | (targets > high + slack)).float().mean())


def bounded_error(path: Sequence[Any], z: Tensor, d: Tensor, loss: float) -> Recovered:
    r"""Huber's loss, or the smooth absolute one, which are squared errors up to some size of the difference.

    Up to it targets are $t = z - d / w$ with the factor $w$ of half the square; farther ones lie at least as far.
    """
    facts = absolute_error(path, z, d, loss).facts
    place = next(place for place, node in enumerate(path) if name_of(node).startswith(BOUNDED))
    node, before = path[place], [name_of(each) for each in path[:place]]
    means = {1: not before, 0: before == ["MeanBackward0"]}.get(node._saved_reduction, False)
    if BENDS & {name_of(each) for each in path[place + 1 : -1]} or not (means or node._saved_reduction == 2):
        return Recovered(facts)
    smooth = name_of(node).startswith("Smooth")
    size = float(node._saved_beta if smooth else node._saved_delta)
    weight = (1 / z.numel() if means else 1.0) / (size if smooth else 1.0)
    largest = weight * size
    targets = z - d / weight
    if not (size > 0 and float(d.abs().amax()) <= largest * (1 + 1e-3)):
        return Recovered(facts)
    far = d.abs() >= largest * (1 - 1e-3)
    facts.outside = max(facts.outside, _outside(path, z, targets))
    known = float((z - targets)[~far].square().sum()) / 2
    if bool(far.any()):
        beyond = (loss / weight - known) / size + int(far.sum()) * size / 2  # the sum of all farther differences
        side = float(d[far].sign().mean())
        if abs(side) == 1 and beyond > 0:
            facts.far = (float(targets[~far].sum() + z[far].sum()) - side * beyond) / z.numel()
        return Recovered(facts)
    if not math.isclose(weight * known, loss, rel_tol=1e-2):
        return Recovered(facts)
    facts.targets = z.numel(), float(targets.mean()), float(targets.var(correction=0))
    facts.examples = of_targets(targets)
    return Recovered(facts, lambda new: times(weight, _bounded(numbers(new) - targets, size)))


def _bounded(differences: Tensor, size: float) -> Tensor:
    """The sum of half the squares of differences up to a size, and of what goes on straight from there."""
    return functional.huber_loss(differences, torch.zeros_like(differences), reduction="sum", delta=size)


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
    if names[place] == "AbsBackward0" and all(len(inputs_of(node)) == 1 for node in path[:place]):  # no other term
        _by_distance(facts, z, d, loss, low, high)
    return Recovered(facts)


def _by_distance(facts: LossFacts, z: Tensor, d: Tensor, loss: float, low: float, high: float) -> None:
    """What the sum of all distances to the targets tells, of outputs between two limits, beside the side of each."""
    slopes, above, below = d.abs(), z[d > 0], z[d < 0]
    slope = float(slopes.amax())
    if not (slope > 0 and loss > 0 and bool(((slopes == 0) | (slopes > (1 - 1e-3) * slope)).all())):
        return
    total, room = loss / slope, float((above - low).sum() + (high - below).sum())
    facts.beyond = max(0.0, 1 - room / total)
    count, size = len(above) - len(below), z.numel()
    if min(len(above), len(below)) < SIDES or abs(count) < max(size**0.5 / 2, size / 32):  # else rounding is too large
        return
    middle = (float(above.double().sum() - below.double().sum()) - total) / count  # if all targets are the same
    slack = 1e-4 * max(abs(middle), float(z.abs().amax()))
    if float(below.amax()) <= middle + slack and middle - slack <= float(above.amin()):
        facts.targets = size, middle, 0.0


def _one_side(z: Tensor, d: Tensor, loss: float) -> LossFacts:
    """Of a loss that grows with the size of differences: where all targets lie, if all on one side of the outputs."""
    slopes = d.abs()
    alike = float(slopes.amax() - slopes.amin()) <= 1e-3 * float(slopes.amax())
    side = float(d.sign().mean())
    if not alike or abs(side) < 1 or not loss > 0:
        return LossFacts("other")
    return LossFacts("other", far=float(z.mean()) - side * loss / (float(slopes.mean()) * z.numel()))
