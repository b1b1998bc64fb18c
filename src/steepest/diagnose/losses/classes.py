r"""Which loss is minimized, and its targets, recovered from the gradient with respect to the model's output.

No loss function is patched, so it does not matter how a script imports one. The loss is recognized by its graph, and
its targets follow from outputs $z$ and their gradient $d$:

- cross-entropy: $d_i = w_i (\mathrm{softmax}(z_i) - e_{y_i})$, so that the class $y_i$ is the only negative entry and
  $w_i = -d_{i y_i} / (1 - p_{i y_i})$;
- squared error: $d = 2 w (z - t)$;
- binary cross-entropy of logits: $d = w (\sigma(z) - t)$; of probabilities: $d = w (z - t) / z (1 - z)$.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .autograd import name_of, shape_of
from .last import LAST, reach
from .record import Kind, LossFacts

__all__ = ["Recovered", "kind_of", "recover"]

LARGEST = 2**24
"""The most entries of an output that are looked at together: 64 MiB in float32."""

MOST = 2**28
"""The most entries of an output that are looked at in parts, as of models of language with large vocabularies."""

UNSURE = 0.3
"""How far the loss recovered for two classes may be off: beyond, it is not known which of them was meant."""

SURE = 1e-2
"""The same where the weights of examples that are learnt are not known."""

PULLED = 1.5
"""Classes of an example that a step makes likelier, up to which one of them is taken for its label."""

ABSOLUTE = ("HuberLoss", "SmoothL1Loss", "Abs")
"""Nodes of losses that far from 0 grow with the size of a difference."""

BENDS = frozenset(LAST) | {"LogBackward0", "Log1PBackward0", "Expm1Backward0", "SqrtBackward0", "AbsBackward0"}
"""Functions of the outputs after which targets do not follow from the gradient of a squared error any more."""


LAYERS = frozenset({"AddmmBackward0", "MmBackward0", "BmmBackward0", "BaddbmmBackward0", "ConvolutionBackward0"})
"""Products with weights, or with other outputs: what comes out has other entries than what goes in."""


def kind_of(path: Sequence[Any]) -> Kind:
    """The loss, by the nodes from it to the model's output, the output's own last."""
    names = [name_of(node) for node in path[:-1]]
    if LAYERS & set(names):  # what was watched is a part of a model: the loss is one of what other layers make of it
        return "other"
    if any(name.startswith("NllLoss") for name in names):
        return "cross_entropy" if "LogSoftmaxBackward0" in names else "log_likelihood"
    if "LogSoftmaxBackward0" in names and not any(name.startswith("KlDiv") for name in names):
        return "cross_entropy"
    if "BinaryCrossEntropyWithLogitsBackward0" in names:
        return "binary"
    if "BinaryCrossEntropyBackward0" in names:
        return "probability"
    squares = [
        place
        for place, name in enumerate(names)
        if name == "MseLossBackward0" or (name == "PowBackward0" and path[place]._saved_exponent == 2)
    ]
    if not squares or BENDS & set(names[squares[-1] + 1 :]):
        return "other"
    return "squared_error" if "MseLossBackward0" in names or "SubBackward0" in names else "other"


@dataclass
class Recovered:
    """A loss that can be computed again from new outputs.

    Attributes:
        facts: what was recovered, as numbers.
        again: what was differentiated, of new outputs: a scalar with a graph where they have one. It holds the targets.
    """

    facts: LossFacts
    again: Callable[[Tensor], Tensor] | None = None


def recover(path: Sequence[Any], output: Tensor, gradient: Tensor, loss: float) -> Recovered:
    """The loss of a step from the nodes between it and the output, the output, its gradient, and the loss's value."""
    kind = kind_of(path) if path else "other"
    if output.numel() > MOST or output.numel() == 0 or not bool(gradient.isfinite().all()):
        return Recovered(LossFacts(kind))
    if output.numel() > LARGEST:
        large = kind == "cross_entropy" and output.shape[-1] <= LARGEST and output.shape[-1] > 2
        return _in_parts(path, output.detach(), gradient.detach(), loss) if large else Recovered(LossFacts(kind))
    z, d = _numbers(output.detach()), _numbers(gradient.detach())
    if kind == "cross_entropy":
        return _classes(path, z, d, loss)
    if kind == "log_likelihood":
        return _picked(z, d, loss)
    if kind == "probability":
        return _odds(z, d, loss)
    if kind == "squared_error":
        return _squares(path, z, d, loss)
    if kind == "binary":
        targets = (d < 0).to(z.dtype)
        weight = float((d.abs() / (z.sigmoid() - targets).abs().clamp_min(1e-6)).median())

        def again(new: Tensor) -> Tensor:
            entropy = torch.nn.functional.binary_cross_entropy_with_logits(_numbers(new), targets, reduction="sum")
            return _times(weight, entropy)

        labels = _counted(targets.long().flatten()) if min(d.shape[1:], default=1) == 1 else None
        mean = float(again(z)) / (weight * z.numel()) if weight > 0 else math.nan
        return Recovered(LossFacts(kind, mean, weight * z.numel(), labels), again)
    if any(name_of(node).startswith(ABSOLUTE) for node in path[:-1]):
        facts = _one_side(z, d, loss)
        facts.outside = _pushed_out(path, z, d)
        return Recovered(facts)
    return Recovered(LossFacts(kind))


def _numbers(tensor: Tensor) -> Tensor:
    """The values in float32, or in float64 where they are."""
    return tensor if tensor.dtype == torch.float64 else tensor.float()


def _times(weight: float, total: Tensor) -> Tensor:
    """In float64 where the device has it: steps are told from small differences of losses."""
    return weight * (total if total.device.type == "mps" else total.double())


def _counted(labels: Tensor) -> dict[int, int]:
    values, counts = torch.unique(labels, return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))


def _axis_of_classes(path: Sequence[Any], output: Tensor) -> int | None:
    """The dimension of an output that a softmax behind it goes over; None where that is not known."""
    softmax = next(node for node in path if name_of(node) == "LogSoftmaxBackward0")
    shape = shape_of(softmax)
    if not shape:
        return None
    dim = softmax._saved_dim
    dim = (dim - 2**64 if dim >= 2**63 else dim) % len(shape)
    axis: int = dim if shape == tuple(output.shape) else -1
    return axis if output.shape[axis] == shape[dim] and output.shape[axis] >= 2 else None


def _classes(path: Sequence[Any], z: Tensor, d: Tensor, loss: float) -> Recovered:
    axis = _axis_of_classes(path, z)
    if axis is None:
        return Recovered(LossFacts("cross_entropy"))
    classes = z.shape[axis]
    rows, slopes = (tensor.movedim(axis, -1).reshape(-1, classes) for tensor in (z, d))
    sizes = slopes.abs().amax(-1)
    used = sizes > 1e-6 * sizes.amax()  # of what is learnt only rounding is left
    if not bool(used.any()):
        return Recovered(LossFacts("cross_entropy"))
    even = _even(rows, slopes, used, loss)
    if even is not None and classes == 2 and _weighed(rows[used], slopes[used], loss):
        even = None
    if even is not None:
        wanted, weight, mean = even

        def uniform(new: Tensor) -> Tensor:
            logs = _numbers(new).movedim(axis, -1).reshape(-1, classes)[used].log_softmax(-1)
            return _times(-weight, (wanted[used] * logs).sum())

        shown = used | (rows.softmax(-1).amax(-1) > 1 - 1e-5)  # what is ignored has no gradient either
        scale = weight * int(shown.sum())
        return Recovered(LossFacts("cross_entropy", mean, scale, _counted(wanted[shown].argmax(-1))), uniform)
    surest, likeliest = rows[~used].softmax(-1).max(-1)
    learnt = likeliest[surest > 1 - 1e-5]  # p - e is 0 where the label was predicted for sure
    rows, slopes = rows[used], slopes[used]
    logs = rows.log_softmax(-1)
    best: tuple[float, Tensor, Tensor, float, float] | None = None
    known = alike = False
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
            best, known, alike = (wrong, labels.squeeze(-1), sign * weights, mean, sign * total), bool(sure.all()), same
    if best is None:
        return Recovered(LossFacts("cross_entropy"))
    wrong, labels, weights, mean, scale = best
    if classes == 2 and not alike and wrong > (UNSURE if known else SURE):
        return Recovered(LossFacts("cross_entropy"))
    pulled = float(((slopes if scale > 0 else -slopes) < 0).sum(-1).float().mean())
    climbs = scale < 0 and not alike and wrong > UNSURE  # the value of the loss does not say so
    if classes > 2 and (pulled > PULLED or climbs):
        return Recovered(LossFacts("cross_entropy"))  # soft targets, in a loss that is not known: either sign may be it

    def again(new: Tensor) -> Tensor:
        logs = _numbers(new).movedim(axis, -1).reshape(-1, classes)[used].log_softmax(-1)
        return -(weights * logs.gather(-1, labels.unsqueeze(-1)).squeeze(-1)).sum()

    return Recovered(LossFacts("cross_entropy", mean, scale, _counted(torch.cat([labels, learnt]))), again)


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
    own = [weights[labels.squeeze(-1) == label] for label in (0, 1)]
    return all(not len(each) or float(each.amax() - each.amin()) <= 1e-2 * float(each.amax()) for each in own)


def _in_parts(path: Sequence[Any], output: Tensor, gradient: Tensor, loss: float) -> Recovered:
    """Cross-entropy of many classes, a part of the rows at a time; unknown where targets are no classes."""
    classes = output.shape[-1]
    if _axis_of_classes(path, output) not in (-1, output.dim() - 1):
        return Recovered(LossFacts("cross_entropy"))
    count = max(1, LARGEST // classes)

    def logs_of(z: Tensor, labels: Tensor) -> Tensor:
        return z.gather(-1, labels.unsqueeze(-1)).squeeze(-1) - z.logsumexp(-1)

    found = []
    rows, slopes = (torch.split(each.reshape(-1, classes), count) for each in (output, gradient))
    for part, slope in zip(rows, slopes, strict=True):
        least, labels = _numbers(slope).min(-1)
        logs = logs_of(_numbers(part), labels)
        found.append((labels, logs, -least, (slope < 0).sum(-1)))
    labels, logs, pulls, negative = (torch.cat(each) for each in zip(*found, strict=True))
    used = pulls > 1e-6 * pulls.amax()
    rest = 1 - logs.exp()
    sure = used & (rest > 1e-4)
    if not bool(sure.any()) or float(negative[used].float().mean()) > 1.5:
        return Recovered(LossFacts("cross_entropy"))
    weights = torch.where(sure, pulls / rest.clamp_min(1e-12), (pulls / rest.clamp_min(1e-12))[sure].median()) * used
    scale, value = float(weights.sum()), -float((weights * logs).sum())
    if not any(math.isclose(each, loss, rel_tol=2e-2) for each in (value, value / scale)):
        return Recovered(LossFacts("cross_entropy"))

    def again(new: Tensor) -> Tensor:
        split = (torch.split(each, count) for each in (new.reshape(-1, classes), labels, weights))
        parts = zip(*split, strict=True)
        losses = [_times(-1.0, (own * logs_of(_numbers(part), wanted)).sum()) for part, wanted, own in parts]
        return torch.stack(losses).sum()

    return Recovered(LossFacts("cross_entropy", value / scale, scale, _counted(labels[used])), again)


def _picked(z: Tensor, d: Tensor, loss: float) -> Recovered:
    """A loss that is linear in the outputs: each example's class is the only entry with a gradient."""
    axis = 1 if d.dim() > 2 else -1
    rows = d.movedim(axis, -1).reshape(-1, d.shape[axis])
    slopes, labels = rows.min(-1)

    def again(new: Tensor) -> Tensor:
        picked = _numbers(new).movedim(axis, -1).reshape(-1, new.shape[axis]).gather(-1, labels.unsqueeze(-1))
        return (slopes * picked.squeeze(-1)).sum()

    total = -float(slopes.sum())
    mean = float(again(z)) / total if total > 0 else math.nan
    scale = total if math.isclose(mean, loss, rel_tol=1e-2) else 1.0
    return Recovered(LossFacts("log_likelihood", loss, scale, _counted(labels[slopes < 0])), again)


def _odds(z: Tensor, d: Tensor, loss: float) -> Recovered:
    """Mean binary cross-entropy of probabilities, whose gradient is (z - t) / z (1 - z) over the number of entries."""
    targets = (z - d * z * (1 - z) * z.numel()).clamp(0, 1)

    def again(new: Tensor) -> Tensor:
        return torch.nn.functional.binary_cross_entropy(_numbers(new), targets)

    if not (bool((z >= 0).all()) and bool((z <= 1).all()) and math.isclose(float(again(z)), loss, rel_tol=1e-2)):
        return Recovered(LossFacts("probability"))
    return Recovered(LossFacts("probability", loss, 1.0), again)


def _squares(path: Sequence[Any], z: Tensor, d: Tensor, loss: float) -> Recovered:
    size = z.numel()
    targets, weight = z - d * size / 2, 1 / size  # a mean over all entries
    if not math.isclose(float((z - targets).square().mean()), loss, rel_tol=1e-2):
        squares = float(d.square().sum())
        if not (loss > 0 and squares > 0):
            return Recovered(LossFacts("squared_error"))
        weight = squares / (4 * loss)
        targets = z - d / (2 * weight)

    def again(new: Tensor) -> Tensor:
        return _times(weight, (_numbers(new) - targets).square().sum())

    low, high = reach(path)
    slack = 1e-3 * float(targets.abs().amax())
    within = low <= float(z.amin()) and float(z.amax()) <= high
    outside = float(((targets < low - slack) | (targets > high + slack)).float().mean()) if within else 0.0
    moments = size, float(targets.mean()), float(targets.var(correction=0))
    mean = float((z - targets).square().mean())
    facts = LossFacts("squared_error", mean, weight * size, None, moments, outside)
    if targets.dim() > 1 and len(targets) > 1 and targets[0].numel() > 1:
        facts.component = float(targets.var(0, correction=1).mean())
    return Recovered(facts, again)


def _pushed_out(path: Sequence[Any], z: Tensor, d: Tensor) -> float:
    """Share of the outputs at an end of what the last activation can give, and whose targets lie beyond it.

    The gradient of a loss that grows with the difference has the sign of the difference, whatever else it is.
    """
    names = [name_of(node) for node in path[:-1]]
    place = next(place for place, name in enumerate(names) if name.startswith(ABSOLUTE))
    if BENDS & set(names[place + 1 :]):
        return 0.0
    low, high = reach(path)
    return float((((z <= low) & (d > 0)) | ((z >= high) & (d < 0))).float().mean())


def _one_side(z: Tensor, d: Tensor, loss: float) -> LossFacts:
    """Of a loss that grows with the size of differences: where all targets lie, if all on one side of the outputs."""
    slopes = d.abs()
    alike = float(slopes.amax() - slopes.amin()) <= 1e-3 * float(slopes.amax())
    side = float(d.sign().mean())
    if not alike or abs(side) < 1 or not loss > 0:
        return LossFacts("other")
    return LossFacts("other", far=float(z.mean()) - side * loss / (float(slopes.mean()) * z.numel()))
