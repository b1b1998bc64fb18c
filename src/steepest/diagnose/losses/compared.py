r"""Losses of differences $e = f(z) - t$ of outputs and targets, read from the graph before a backward pass frees it.

The gradient of a squared error tells its targets, that of other losses of differences does not. Where the root of a
backward pass is known before the pass, both sides of the difference are found where the graph has saved them.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from ..autograd import VIEWS, inputs_of, name_of, through_views
from ..last import LAST, REACHES, last_activation, last_of, reach
from ..record import LossFacts
from .differences import outside
from .examples import of_targets
from .recovered import Recovered, numbers, times

__all__ = ["Compared", "compared_error", "read"]

LARGEST = 2**24
"""The most entries of an output that are looked at: 64 MiB in float32."""

Form = Callable[[Tensor, Tensor], Tensor]
"""The loss of each entry, of outputs and targets."""

BENT: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu, "sigmoid": torch.sigmoid, "tanh": torch.tanh, "softplus": functional.softplus, "exp": torch.exp,
}  # fmt: skip
"""Activations that a loop may apply to what a model returns."""

REORDERED = ("Transpose", "Permute", "T", "Movedim", "Index", "AsStrided")
"""Views after which entries stand in another order than those of the output."""

ENOUGH = 8
"""Examples from which on each entry of an output has a constant of its own."""


@dataclass(frozen=True)
class Compared:
    """An output of a model and what a loss compares it with.

    Attributes:
        node: of the graph, the output's.
        targets: in the shape of the output.
        form: the loss of each entry.
        bend: the activation that the output goes through first; empty without one.
        last: the last activation before that, of the model; empty without one.
        ends: the least and the largest number that what is compared can be.
        is_square: whether the form is a square.
    """

    node: Any
    targets: Tensor
    form: Form
    bend: str
    last: str
    ends: tuple[float, float]
    is_square: bool

    def of(self, outputs: Tensor) -> Tensor:
        """The loss of each entry of new outputs."""
        return self.form(self.bent(outputs), self.targets)

    def bent(self, outputs: Tensor) -> Tensor:
        """What is compared with the targets."""
        return BENT[self.bend](outputs) if self.bend else outputs


def read(path: Sequence[Any], outputs: Iterable[Tensor]) -> Compared | None:
    """What the loss that is about to be differentiated compares one of the outputs with; None for other losses.

    Args:
        path: the nodes between the loss and the output.
        outputs: of which the last node is that of one.

    >>> from steepest.diagnose.autograd import path_between
    >>> outputs, targets = torch.zeros(3, requires_grad=True) + 1.0, torch.tensor([0.0, 1.0, 5.0])
    >>> read(path_between(functional.l1_loss(outputs, targets), [outputs]), [outputs]).targets
    tensor([0., 1., 5.])
    """
    output = next((each for each in outputs if each.grad_fn is path[-1]), None)
    if output is None or not 0 < output.numel() <= LARGEST or output.is_complex():
        return None
    for place, node in enumerate(path[:-1]):
        form = _form_of(node)
        if form is not None:
            return _read(path[place:], form, output.detach())
    return None


def _form_of(node: Any) -> Form | None:
    match name_of(node):
        case "MseLossBackward0":
            return _squared
        case "PowBackward0" if node._saved_exponent == 2:
            return _squared
        case "AbsBackward0":
            return _absolute
        case "CoshBackward0":
            return _log_cosh
        case "HuberLossBackward0":
            delta = float(node._saved_delta)
            return lambda z, t: functional.huber_loss(z, t, reduction="none", delta=delta)
        case "SmoothL1LossBackward0":
            beta = float(node._saved_beta)
            return lambda z, t: functional.smooth_l1_loss(z, t, reduction="none", beta=beta)
    return None


def _squared(z: Tensor, t: Tensor) -> Tensor:
    return (z - t).square()


def _absolute(z: Tensor, t: Tensor) -> Tensor:
    return (z - t).abs()


def _log_cosh(z: Tensor, t: Tensor) -> Tensor:
    size = (z - t).abs()
    return size + functional.softplus(-2 * size) - math.log(2)


def _read(path: Sequence[Any], form: Form, output: Tensor) -> Compared | None:
    """The targets of a form at the first of these nodes, of which the output's is the last one."""
    node, between = path[0], list(path[1:-1])
    difference = None
    if not hasattr(node, "_saved_target"):  # of a difference that is made before
        while between and name_of(between[0]) in VIEWS and name_of(between[0]).partition("Back")[0] not in REORDERED:
            between.pop(0)
        if not between or name_of(between[0]) != "SubBackward0" or between[0]._saved_alpha != 1:
            return None
        before = between.pop(0)
        following = between[0] if between else path[-1]
        sign = 1.0 if before.next_functions[0][0] is following else -1.0
        difference = sign * node._saved_self.detach()
    bends = [LAST[name] for each in between if (name := name_of(each)) in LAST]
    others = [name for each in between if (name := name_of(each)) not in LAST and name not in VIEWS]
    if others or len(bends) > 1 or (bends and bends[0] not in BENT):
        return None
    bend = bends[0] if bends else ""
    bent = BENT[bend](numbers(output)) if bend else numbers(output)
    if difference is not None:
        turned = any(name_of(each).partition("Back")[0] in REORDERED for each in between)
        if turned or difference.numel() != output.numel():
            return None
        targets = bent - numbers(difference).reshape(output.shape)
    else:
        sides = [numbers(side.detach()) for side in (node._saved_self, node._saved_target)]
        own, other = sides if node.next_functions[0][0] is (between[0] if between else path[-1]) else sides[::-1]
        if own.numel() != output.numel() or own.shape != other.shape:
            return None
        if not bool(own.isfinite().all()) or not torch.allclose(
            own.reshape(output.shape), bent, rtol=1e-2, atol=1e-3 * float(bent.abs().amax())
        ):
            return None
        targets = other.reshape(output.shape)
    if not bool(targets.isfinite().all()):
        return None
    last, ends = (bend, REACHES[bend]) if bend else _limited(path)
    return Compared(path[-1], targets, form, bend, last, ends, form is _squared)


def _limited(path: Sequence[Any]) -> tuple[str, tuple[float, float]]:
    """The last activation of the output at the end of a path, maybe times a number, and what that can give."""
    node, factor = through_views(path[-1]), 1.0
    while name_of(node) == "MulBackward0" and len(inputs_of(node)) == 1:
        other = node._saved_other if node.next_functions[0][0] is not None else node._saved_self
        if other is None or other.numel() != 1:
            break
        node, factor = through_views(inputs_of(node)[0]), factor * float(other)
    if factor == 1 and node is through_views(path[-1]):
        return last_of(path) or "", reach(path)
    ends = sorted(factor * end for end in reach([node]) if factor) or [-math.inf, math.inf]
    return last_activation(node) or "", (ends[0], ends[1])


def compared_error(seen: Compared, path: Sequence[Any], z: Tensor, d: Tensor, loss: float) -> Recovered:
    """A loss of differences whose targets were read, from an output, its gradient, and the loss's value."""
    with torch.enable_grad():
        free = z.clone().requires_grad_()
        (slopes,) = torch.autograd.grad(seen.of(free).sum(), free)
    known = slopes.abs() > 1e-4 * slopes.abs().amax()
    if not bool(known.any()):
        return Recovered(_facts(seen, z, math.nan, math.nan))
    weights = d / torch.where(known, slopes, torch.ones_like(slopes))
    middle = weights[known].median()
    alike = bool((weights[known] - middle).abs().amax() <= 1e-2 * middle.abs())
    weights = middle if alike else torch.where(known, weights, middle)
    losses = seen.of(z)
    total, mean = float((weights * losses).sum()), float(losses.mean())
    rooted = any(name_of(node) == "SqrtBackward0" for node in path[:-1]) and math.isclose(mean**0.5, loss, rel_tol=1e-2)
    scale = 1.0 if rooted else float(weights.expand_as(z).sum())
    facts = _facts(seen, z, mean**0.5 if rooted else mean, scale, rooted)

    def again(new: Tensor) -> Tensor:
        if rooted:
            return times(1.0, seen.of(numbers(new)).mean()).sqrt()
        return times(1.0, (weights * seen.of(numbers(new))).sum())

    other = abs(loss) - abs(total)  # what else is part of the loss
    is_whole = rooted or -0.01 * abs(loss) <= other <= PARTLY * abs(loss)
    return Recovered(facts, again if is_whole else None)


PARTLY = 0.5
"""The part of a loss that may be something else where steps are told by what differences add to it."""


def _facts(seen: Compared, z: Tensor, mean: float, scale: float, rooted: bool = False) -> LossFacts:
    targets = seen.targets
    moments = targets.numel(), float(targets.mean()), float(targets.var(correction=0))
    low, high = seen.ends
    beyond = outside(targets, seen.bent(z), low, high)
    square = seen.is_square and not rooted
    facts = LossFacts("squared_error" if square else "other", mean, scale, None, moments, beyond, bend=seen.last)
    if targets.dim() > 1 and len(targets) > 1 and targets[0].numel() > 1:
        facts.component = float(targets.var(0, correction=1).mean())
    facts.examples = of_targets(targets)
    if not square:
        guess = _guess(seen)
        facts.guess = guess**0.5 if rooted else guess
    return facts


def _guess(seen: Compared) -> float:
    """The mean loss of the best constant, the mean or the median of targets; each entry has its own where it can."""
    targets = seen.targets
    columns = targets.reshape(len(targets), -1) if targets.dim() and len(targets) >= ENOUGH else targets.reshape(-1, 1)
    constants = columns.mean(0), columns.median(0).values
    return min(float(seen.form(each.expand_as(columns), columns).mean()) for each in constants)
