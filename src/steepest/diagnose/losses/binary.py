"""Binary cross-entropy, of logits and of probabilities."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from ..autograd import name_of, within
from ..record import LossFacts
from .examples import of_targets
from .recovered import Recovered, counted, numbers, times

__all__ = ["binary_cross_entropy", "probability"]


EVEN = 1e-2
"""How far weights of entries may lie apart, as a share of their mean, that are the same but for rounding."""


def binary_cross_entropy(path: Sequence[Any], z: Tensor, d: Tensor, loss: float) -> Recovered:
    r"""Binary cross-entropy of logits: of targets from 0 to 1 with one weight, or of 0 and 1 with any weights.

    Where outputs are sure and wrong, both explain the same gradient and loss: a mean over all entries is meant first,
    then weights of two classes. A focal loss multiplies it by $(1 - p)^\gamma$, with the probability $p$ of the class.
    """
    examples = len(z) if z.dim() else 1
    found = _even(z, d, loss, z.numel()) or _classes(z, d, loss, of_class=True)
    found = found or _even(z, d, loss, examples) or _even(z, d, loss, 1) or _classes(z, d, loss, of_class=False)
    power = 0.0
    if found is None:
        power, found = next(
            ((each, focal) for each in _exponents(path) if (focal := _focal(z, d, loss, each)) is not None), (0.0, None)
        )
    if found is None:
        return Recovered(LossFacts("binary"))
    targets, weights = found

    def again(new: Tensor) -> Tensor:
        return times(1.0, (weights * _entropy(numbers(new), targets, power)).sum())

    scale = float(weights.expand_as(z).sum())
    labels = counted((targets > 0.5).long().flatten()) if min(d.shape[1:], default=1) == 1 else None
    facts = LossFacts("binary", float(again(z)) / scale, scale, labels, examples=of_targets(targets))
    return Recovered(facts, again)


def _entropy(z: Tensor, targets: Tensor, power: float = 0.0) -> Tensor:
    entropy = functional.binary_cross_entropy_with_logits(z, targets, reduction="none")
    return entropy * (-torch.expm1(-entropy)) ** power if power else entropy


def _exponents(path: Sequence[Any]) -> list[float]:
    """The exponents of powers between a loss and the outputs, of which one may be that of a focal loss."""
    powers = [node for node in within(path[0], path[-1]) if name_of(node) == "PowBackward0"]
    return sorted({float(node._saved_exponent) for node in powers if float(node._saved_exponent) > 0})


def _focal(z: Tensor, d: Tensor, loss: float, power: float) -> tuple[Tensor, Tensor] | None:
    """Targets of a focal loss that are 0 or 1, and weights that are the same in each class and give the loss."""
    targets = (d < 0).to(z.dtype)
    with torch.enable_grad():
        free = z.clone().requires_grad_()
        (slopes,) = torch.autograd.grad(_entropy(free, targets, power).sum(), free)
    known = slopes.abs() > 1e-3 * slopes.abs().amax()
    weights = d.abs() / slopes.abs().clamp_min(1e-12)
    for label in (0, 1):
        own = known & (targets == label)
        if bool(own.any()):
            if not _are_alike(weights[own]):
                return None
            weights = torch.where(~known & (targets == label), weights[own].median(), weights)
    total = float((weights * _entropy(z, targets, power)).sum())
    return (targets, weights) if math.isclose(total, loss, rel_tol=1e-2) else None


def _even(z: Tensor, d: Tensor, loss: float, count: int) -> tuple[Tensor, Tensor] | None:
    """Targets from 0 to 1 and the weight of all entries, if the loss is their sum over this count, or its negative."""
    for sign in (1.0, -1.0):
        targets = z.sigmoid() - sign * count * d
        if bool(targets.amin() < -2e-3) or bool(targets.amax() > 1 + 2e-3):
            continue
        targets = targets.clamp(0, 1)
        if math.isclose(sign * float(_entropy(z, targets).sum()) / count, loss, rel_tol=1e-2, abs_tol=1e-4):
            return targets, torch.full((), sign / count, dtype=z.dtype, device=z.device)
    return None


def _classes(z: Tensor, d: Tensor, loss: float, of_class: bool) -> tuple[Tensor, Tensor] | None:
    """Targets that are 0 or 1, and the weight of each entry: the same `of_class`, or any that together give the loss.

    A penalty that is added to the loss moves its value, and leaves the weights of all entries the same.
    """
    odds = z.sigmoid()
    targets = torch.where(d == 0, odds > 0.5, d < 0).to(z.dtype)
    rest = (odds - targets).abs()
    sure = rest > 1e-4
    if not bool(sure.any()):
        return None
    weights = d.abs() / rest.clamp_min(1e-12)
    alike = _are_alike(weights[sure])
    for label in (0, 1):  # what is learnt weighs as the others of its class
        own = sure & (targets == label)
        if of_class and bool(own.any()) and not _are_alike(weights[own]):
            return None
        middle = weights[own if bool(own.any()) else sure].median()
        weights = torch.where(~sure & (targets == label), middle, weights)
    total = float((weights * _entropy(z, targets)).sum())
    return (targets, weights) if alike or math.isclose(total, loss, rel_tol=1e-2) else None


def _are_alike(weights: Tensor) -> bool:
    return float(weights.std(correction=0)) <= EVEN * float(weights.mean())


def probability(z: Tensor, d: Tensor, loss: float) -> Recovered:
    """Mean binary cross-entropy of probabilities, whose gradient is (z - t) / z (1 - z) over the number of entries."""
    targets = (z - d * z * (1 - z) * z.numel()).clamp(0, 1)

    def again(new: Tensor) -> Tensor:
        return functional.binary_cross_entropy(numbers(new), targets)

    if not (bool((z >= 0).all()) and bool((z <= 1).all()) and math.isclose(float(again(z)), loss, rel_tol=1e-2)):
        return Recovered(LossFacts("probability"))
    return Recovered(LossFacts("probability", loss, 1.0, examples=of_targets(targets)), again)
