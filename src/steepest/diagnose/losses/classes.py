"""Cross-entropy and losses of log-probabilities: classes of examples, or soft targets, and their weights."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..autograd import name_of, shape_of
from ..record import LossFacts
from .examples import of_labels
from .recovered import Recovered, counted, numbers, times

__all__ = ["cross_entropy", "cross_entropy_in_parts", "log_likelihood"]

UNSURE = 0.3
"""How far the loss recovered for two classes may be off: beyond, it is not known which of them was meant."""

SURE = 1e-2
"""The same where the weights of examples that are learnt are not known."""

FITTED = 0.3
"""The part of a gradient that classes as targets may leave unexplained: more is left by targets between classes."""

EXPLAINED = 1e-3
"""The part left where classes explain all but rounding: the loss depends on the probability of the class alone."""

COUNTED = 0.05
"""How far the loss recovered may be off where labels are counted, unless each class has one weight for all rows."""

PULLED = 1.5
"""Classes of an example that a step makes likelier, up to which one of them is taken for its label."""


def _axis_of_classes(path: Sequence[Any], output: Tensor) -> int | None:
    """The dimension of an output that a softmax behind it goes over; None where that is not known."""
    softmax = next(node for node in path if name_of(node) in ("LogSoftmaxBackward0", "SoftmaxBackward0"))
    shape = shape_of(softmax)
    if not shape:
        return None
    dim = softmax._saved_dim
    dim = (dim - 2**64 if dim >= 2**63 else dim) % len(shape)
    axis: int = dim if shape == tuple(output.shape) else -1
    return axis if output.shape[axis] == shape[dim] and output.shape[axis] >= 2 else None


def cross_entropy(path: Sequence[Any], z: Tensor, d: Tensor, loss: float) -> Recovered:
    """Cross-entropy of logits."""
    axis = _axis_of_classes(path, z)
    if axis is None:
        return _unknown()
    count = z.shape[axis]
    rows, slopes = (tensor.movedim(axis, -1).reshape(-1, count) for tensor in (z, d))
    sizes = slopes.abs().amax(-1)
    used = sizes > 1e-6 * sizes.amax()  # of what is learnt only rounding is left
    if not bool(used.any()):
        return _unknown()

    def logs_of(new: Tensor) -> Tensor:
        return numbers(new).movedim(axis, -1).reshape(-1, count)[used].log_softmax(-1)

    even = _even(rows, slopes, used, loss)
    if even is not None and not (count == 2 and _weighed(rows[used], slopes[used], loss)):
        wanted, weight, mean = even
        shown = used | (rows.softmax(-1).amax(-1) > 1 - 1e-5)  # what is ignored has no gradient either
        chosen = wanted[shown].argmax(-1)
        facts = LossFacts("cross_entropy", mean, weight * int(shown.sum()), counted(chosen))
        facts.examples = of_labels(chosen, shown, len(z))
        return Recovered(facts, lambda new: times(-weight, (wanted[used] * logs_of(new)).sum()))
    found = _classes(rows[used], slopes[used], loss)
    if found is None:
        return _unknown()
    labels, weights, mean, are_sure = found
    surest, likeliest = rows[~used].softmax(-1).max(-1)
    learnt = surest > 1 - 1e-5  # p - e is 0 where the label was predicted for sure
    facts = LossFacts("cross_entropy", mean, float(weights.sum()))
    if are_sure:
        of_rows, shown = torch.zeros(len(rows), dtype=labels.dtype, device=labels.device), used.clone()
        of_rows[used], of_rows[~used], shown[~used] = labels, likeliest, learnt
        facts.labels, facts.examples = counted(of_rows[shown]), of_labels(of_rows[shown], shown, len(z))

    def again(new: Tensor) -> Tensor:
        return -(weights * logs_of(new).gather(-1, labels.unsqueeze(-1)).squeeze(-1)).sum()

    return Recovered(facts, again)


def _unknown() -> Recovered:
    return Recovered(LossFacts("cross_entropy"))


def _classes(rows: Tensor, slopes: Tensor, loss: float) -> tuple[Tensor, Tensor, float, bool] | None:
    """Labels and weights of rows, the mean loss, and whether the labels are sure.

    None where targets are no classes, or either of two may be it.
    """
    logs, count = rows.log_softmax(-1), rows.shape[1]
    best: tuple[float, float, Tensor, Tensor, float, Tensor] | None = None
    alike = False
    for sign in (1.0, -1.0):
        labels = (sign * slopes).argmin(-1, keepdim=True)
        rest = 1 - logs.gather(-1, labels).exp()
        weights = (-sign * slopes.gather(-1, labels) / rest.clamp_min(1e-12)).squeeze(-1)
        sure = rest.squeeze(-1) > 1e-4
        if not bool(sure.any()):
            continue
        weights = torch.where(sure, weights, weights[sure].median())
        total = float(weights.sum())
        mean = float(-(weights * logs.gather(-1, labels).squeeze(-1)).sum()) / total if total else math.nan
        # where rows have two entries, either sign explains the gradient, and only the loss's own value tells which;
        # rows that are learnt have no gradient, so the sum may be the loss while the mean is not
        own = min(abs(mean - loss), abs(mean * total - loss)) / max(abs(loss), 1e-6)
        wrong = float(((sign * slopes) < 0).sum(-1).float().mean()) - 1 + own
        same = bool(sure.all()) and len(weights) > 1 and float(weights.std()) < 1e-3 * abs(float(weights.mean()))
        if best is None or same > alike or (same == alike and wrong < best[0]):
            # a penalty that is added to the loss moves its value, and leaves the weights of all rows the same
            best, alike = (wrong, own, labels, sign * weights, mean, sure), same
    if best is None:
        return None
    wrong, own, labels, weights, mean, sure = best
    climbs = float(weights.sum()) < 0
    if count == 2 and not alike and wrong > (UNSURE if bool(sure.all()) else SURE):
        return None
    pulled = float(((-slopes if climbs else slopes) < 0).sum(-1).float().mean())
    of_classes = alike or _weigh_alike(weights[sure], labels.squeeze(-1)[sure])
    climbs = climbs and not (alike or (of_classes and wrong <= UNSURE))  # the value of the loss does not say so
    left = slopes - weights.unsqueeze(-1) * logs.exp().scatter_add(-1, labels, -torch.ones_like(logs))
    unfit = float(torch.linalg.vector_norm(left)) / float(torch.linalg.vector_norm(slopes))
    if count > 2 and (pulled > PULLED or climbs or unfit > FITTED):
        return None  # soft targets, in a loss that is not known: either sign may be it
    return labels.squeeze(-1), weights, mean, of_classes or own <= COUNTED or (count > 2 and unfit < EXPLAINED)


def _weigh_alike(weights: Tensor, labels: Tensor) -> bool:
    """Whether all rows of a class weigh the same, and there are several of any."""
    own = [weights[labels == label].abs() for label in torch.unique(labels)]
    return len(own) < len(weights) and all(
        float(each.amax() - each.amin()) <= 1e-2 * float(each.amax()) for each in own
    )


def _even(rows: Tensor, slopes: Tensor, used: Tensor, loss: float) -> tuple[Tensor, float, float] | None:
    """Target probabilities, weight of a row and mean loss, if all rows weigh the same and the loss is their mean.

    The targets are then the softmax less the gradient over the weight, be they classes, smoothed or mixed. The loss may
    be their divergence, too, which is less by the entropy of the targets, and a sum or a mean over all entries.
    """
    logs, shown = rows.log_softmax(-1), int(used.sum())
    for count in {len(rows), shown}:
        for sign in (1.0, -1.0):
            wanted = logs.exp() - slopes * (sign * count)
            if bool(wanted.amin() < -2e-3):
                continue
            mean = -float((wanted[used] * logs[used]).sum()) / count
            if math.isclose(mean, loss, rel_tol=1e-2, abs_tol=1e-4):
                return wanted, sign / count, mean
    for sign in (1.0, -1.0):  # of targets near the outputs both fit, and the first one is meant
        for count in (len(rows), 1, rows.numel()):
            wanted = logs.exp() - slopes * (sign * count)
            if bool(wanted.amin() < -2e-3):
                continue
            divergence = float((torch.xlogy(wanted.clamp_min(0), wanted.clamp_min(0)) - wanted * logs)[used].sum())
            if math.isclose(divergence / count, loss, rel_tol=1e-2):
                return wanted, sign / count, divergence / shown
    return None


def _weighed(rows: Tensor, slopes: Tensor, loss: float) -> bool:
    """Whether weights of two classes explain a loss: the same of all rows of a class, and all together the loss.

    Where a model is sure and wrong, targets between the classes explain the same gradient, with the wrong one ahead.
    """
    labels = slopes.argmin(-1, keepdim=True)
    logs = rows.log_softmax(-1).gather(-1, labels).squeeze(-1)
    rest = 1 - logs.exp()
    weights = -slopes.gather(-1, labels).squeeze(-1) / rest.clamp_min(1e-12)
    if not bool((rest > 1e-4).all()) or not math.isclose(-float((weights * logs).sum()), loss, rel_tol=1e-2):
        return False
    return _weigh_alike(weights, labels.squeeze(-1))


def cross_entropy_in_parts(path: Sequence[Any], output: Tensor, gradient: Tensor, loss: float, most: int) -> Recovered:
    """The same of many classes, `most` entries of the output at a time; unknown where targets are no classes."""
    classes = output.shape[-1]
    if _axis_of_classes(path, output) not in (-1, output.dim() - 1):
        return _unknown()
    count = max(1, most // classes)

    def logs_of(z: Tensor, labels: Tensor) -> Tensor:
        return z.gather(-1, labels.unsqueeze(-1)).squeeze(-1) - z.logsumexp(-1)

    found = []
    rows, slopes = (torch.split(each.reshape(-1, classes), count) for each in (output, gradient))
    for part, slope in zip(rows, slopes, strict=True):
        least, labels = numbers(slope).min(-1)
        logs = logs_of(numbers(part), labels)
        found.append((labels, logs, -least, (slope < 0).sum(-1)))
    labels, logs, pulls, negative = (torch.cat(each) for each in zip(*found, strict=True))
    used = pulls > 1e-6 * pulls.amax()
    rest = 1 - logs.exp()
    sure = used & (rest > 1e-4)
    if not bool(sure.any()) or float(negative[used].float().mean()) > 1.5:
        return _unknown()
    weights = torch.where(sure, pulls / rest.clamp_min(1e-12), (pulls / rest.clamp_min(1e-12))[sure].median()) * used
    scale, value = float(weights.sum()), -float((weights * logs).sum())
    if not any(math.isclose(each, loss, rel_tol=2e-2) for each in (value, value / scale)):
        return _unknown()

    def again(new: Tensor) -> Tensor:
        split = (torch.split(each, count) for each in (new.reshape(-1, classes), labels, weights))
        parts = zip(*split, strict=True)
        losses = [times(-1.0, (own * logs_of(numbers(part), wanted)).sum()) for part, wanted, own in parts]
        return torch.stack(losses).sum()

    facts = LossFacts("cross_entropy", value / scale, scale, counted(labels[used]))
    facts.examples = of_labels(labels, used, len(output)) if bool(used.all()) else None  # else what is learnt lacks
    return Recovered(facts, again)


def log_likelihood(z: Tensor, d: Tensor, loss: float) -> Recovered:
    """A loss that is linear in logarithms of probabilities: an example's class is the only entry with a gradient."""
    axis = 1 if d.dim() > 2 else -1
    rows = d.movedim(axis, -1).reshape(-1, d.shape[axis])
    slopes, labels = rows.min(-1)

    def again(new: Tensor) -> Tensor:
        picked = numbers(new).movedim(axis, -1).reshape(-1, new.shape[axis]).gather(-1, labels.unsqueeze(-1))
        return (slopes * picked.squeeze(-1)).sum()

    total = -float(slopes.sum())
    mean = float(again(z)) / total if total > 0 else math.nan
    scale = total if math.isclose(mean, loss, rel_tol=1e-2) else 1.0
    facts = LossFacts("log_likelihood", loss, scale, counted(labels[slopes < 0]))
    facts.examples = of_labels(labels[slopes < 0], slopes < 0, len(z))
    return Recovered(facts, again)
