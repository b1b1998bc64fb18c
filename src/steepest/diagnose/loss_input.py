"""Losses that get probabilities, logits or rates where they expect logarithms, by their graph and their gradient."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from .autograd import VIEWS, inputs_of, name_of, shape_of, through_views, within
from .by_hand import combined
from .observation import Forward

__all__ = [
    "POSITIVE",
    "divergence_of",
    "is_divergence",
    "left_out",
    "log_normalized",
    "normalized",
    "of_log_rates",
    "targets_beyond",
    "without_sign",
]

LINEAR = ("Mul", "Sub", "Sum", "Mean", "Div", "Neg", "Add", "KlDiv", "Xlogy")


def is_divergence(names: Sequence[str], forward: Forward, output: Tensor) -> bool:
    """Whether a loss is linear in probabilities, with a distribution as coefficients of each row, as KLDivLoss is."""
    place = next(place for place, each in enumerate(forward.outputs) if each is output)
    slopes = forward.gradients.get(place)
    if slopes is None or not all(name.startswith(LINEAR) or name in VIEWS for name in names):
        return False
    sums = -slopes.flatten(0, -2).sum(-1).float()
    return bool((slopes <= 0).all()) and bool((sums - sums.mean()).abs().amax() <= 1e-3 * sums.mean().abs())


def divergence_of(path: Sequence[Any], forward: Forward, output: Tensor, loss: float) -> str | None:
    r"""What a divergence of Kullback and Leibler is computed from, where it is no logarithm: of outputs $z$.

    The loss is linear in what it is given, $c \sum_i t_i (\log t_i - p_i)$. Where $p$ is the softmax of the outputs,
    their gradient is $d_i = p_i (g_i - \sum_j p_j g_j)$ with $g = -c t$; as $t$ sums up to 1, $t$ follows from it.
    With this $t$ the loss has the value that it has, or it is another one.

    Returns:
        `"divergence"` for probabilities, `"divergence_logits"` for logits, None where it is no such loss.
    """
    slopes = forward.gradients.get(next(place for place, each in enumerate(forward.outputs) if each is output))
    names = [name_of(node) for node in path[:-1]]
    softmax = names.count("SoftmaxBackward0")
    if slopes is None or softmax > 1 or "SubBackward0" not in names or output.dim() < 2 or output.numel() > 2**22:
        return None
    axis = -1
    if softmax:
        node = path[names.index("SoftmaxBackward0")]
        axis = node._saved_dim - 2**64 if node._saved_dim >= 2**63 else node._saved_dim
        linear = names[: names.index("SoftmaxBackward0")]
        if shape_of(node) != tuple(output.shape) or any(name not in VIEWS for name in names[len(linear) + 1 :]):
            return None
    else:
        linear = names
    if not all(name.startswith(LINEAR) or name in VIEWS for name in linear) or output.shape[axis] < 2:
        return None
    z, d = (each.detach().double().movedim(axis, -1).flatten(0, -2) for each in (output, slopes))
    if not softmax and log_normalized(z):
        return None
    given = z.softmax(-1) if softmax else z
    for count in {len(z), z.numel(), 1}:
        if softmax:
            ratio = d / given.clamp_min(1e-30)
            targets = -(ratio - (1 / count + ratio.sum(-1, keepdim=True)) / z.shape[1]) * count
        else:
            targets = -d * count
        value = float((torch.xlogy(targets.clamp_min(0), targets.clamp_min(0)) - targets * given).sum()) / count
        alike = float((targets.sum(-1) - 1).abs().amax()) < 1e-2 and float(targets.amin()) > -1e-2
        if alike and math.isclose(value, loss, rel_tol=1e-2, abs_tol=1e-4):
            return "divergence" if softmax else "divergence_logits"
    return None


POSITIVE = ("softplus", "relu", "exp", "sigmoid", "softmax")
"""Last activations of which no logarithm comes: it might be negative."""


def of_log_rates(path: Sequence[Any], forward: Forward, output: Tensor, loss: float) -> bool:
    r"""Whether a loss is the Poisson one of logarithms of rates, $\exp(z) - t z$, summed or averaged.

    Its targets are $t = \exp(z) - d$, with the gradient $d$ of an entry: with these it has the value that it has.
    """
    place = next(place for place, each in enumerate(forward.outputs) if each is output)
    slopes, end = forward.gradients.get(place), through_views(path[-1])
    exponentials = [node for node in within(path[0], path[-1]) if name_of(node) == "ExpBackward0"]
    if slopes is None or not any(through_views(inputs_of(node)[0]) is end for node in exponentials):
        return False
    z = output.detach().double()
    for count in (z.numel(), 1):
        targets = z.exp() - count * slopes.double()
        again = float((z.exp() - targets * z).sum()) / count
        if float(targets.amin()) > -1e-3 and math.isclose(again, loss, rel_tol=1e-3, abs_tol=1e-6):
            return True
    return False


def targets_beyond(
    path: Sequence[Any], sigmoid: Any, forward: Forward, output: Tensor, loss: float
) -> tuple[float, float] | None:
    r"""The ends of targets of a mean binary cross-entropy of logits that lie beyond 0 and 1, as masks of 0 and 255 do.

    They are $t = \sigma(z) - d$, with the gradient $d$ of an entry: with these the loss has the value that it has.
    """
    slopes = forward.gradients.get(next(place for place, each in enumerate(forward.outputs) if each is output))
    if slopes is None or output.numel() > 2**22 or combined(path, name_of(sigmoid)):
        return None
    z = output.detach().double()
    targets = z.sigmoid() - z.numel() * slopes.double()
    low, high = float(targets.amin()), float(targets.amax())
    again = float((torch.nn.functional.softplus(z) - targets * z).mean())
    beyond = (low < -0.5 or high > 1.5) and math.isclose(again, loss, rel_tol=1e-3, abs_tol=1e-6)
    return (round(low, 3) + 0.0, round(high, 3)) if beyond else None  # not -0


def without_sign(path: Sequence[Any], forward: Forward, output: Tensor, loss: float) -> int:
    r"""How many targets of a hinge loss, $\max(0, 1 - t z)$, are 0 instead of -1 or 1.

    These have a loss and no gradient. Others have the gradient $-t$, and lose $1 - t z$, or nothing where they have
    none: the loss tells which it is.
    """
    names = [name_of(node) for node in path[:-1]]
    slopes = forward.gradients.get(next(place for place, each in enumerate(forward.outputs) if each is output))
    hinges = {"ClampMinBackward0", "ClampBackward1", "ReluBackward0"} & set(names) or "SoftMarginLossBackward0" in names
    if slopes is None or not hinges or output.numel() != len(output):
        return 0
    z = output.detach().double()
    for count in (z.numel(), 1):
        pulls = -count * slopes.double()  # the targets, where there is a gradient
        if "SoftMarginLossBackward0" in names:
            zero = pulls == 0
            again = torch.nn.functional.softplus(-pulls.sign() * z).sum()
            none = int(zero.sum()) if bool((z[zero].abs() < 10).all()) else 0
        else:
            zero = pulls.abs() < 0.5
            if float((pulls.abs() - (~zero).double()).abs().amax()) > 1e-3:
                continue
            again = (1 - pulls * z)[~zero].sum()
            none = round(loss * count - float(again))
            again = again + none
        if 0 < none <= int(zero.sum()) and math.isclose(float(again), loss * count, rel_tol=3e-6):
            return none
    return 0


def left_out(path: Sequence[Any]) -> tuple[int, int] | None:
    """Of how many pairs the label is neither 1 nor -1, as `CosineEmbeddingLoss` takes them, and the number of pairs.

    It takes one of two losses where the label is 1 or -1, and else none; where each is taken is known before the
    backward pass. None of other losses.
    """
    for node in path[:-1]:
        taken = [each for each in inputs_of(node) if name_of(each) == "WhereBackward0"]
        made = sorted(name_of(each) for where in taken for each in inputs_of(where))
        if name_of(node) == "AddBackward0" and made == ["ClampMinBackward0", "SubBackward0"]:
            known = taken[0]._saved_condition | taken[1]._saved_condition
            return int((~known).sum()), known.numel()
    return None


def _rows(output: Tensor) -> Tensor:
    return (
        output.detach().movedim(1, -1) if output.dim() > 2 and output.shape[1] < output.shape[-1] else output.detach()
    )


def normalized(output: Tensor) -> bool:
    """Whether the rows of an output are probabilities that sum up to 1."""
    if output.dim() < 2 or output.shape[-1] < 2 or output.numel() > 2**22:
        return False
    rows = _rows(output).float()
    return bool((rows >= 0).all()) and bool((rows.sum(-1) - 1).abs().amax() < 1e-3)


def log_normalized(output: Tensor) -> bool:
    """Whether the rows of an output are logarithms of probabilities, along any dimension."""
    if output.dim() < 1 or output.numel() > 2**22:
        return True
    values = output.detach().float()
    return any(bool(values.logsumexp(dim).abs().amax() < 1e-2) for dim in range(values.dim()))
