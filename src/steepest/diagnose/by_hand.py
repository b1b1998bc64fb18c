"""Losses that take logarithms of probabilities, written by hand or not, by the graph between them and the output."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from .autograd import LAYERS, inputs_of, name_of, through_views, within

__all__ = ["LOGARITHMS", "combined", "cut_off", "squashing", "takes_logarithm"]

CUT = 0.2
"""The share of outputs that are cut off, from which on they are not those of a model that gives positive numbers."""

LOGARITHMS = ("LogBackward0", "Log1PBackward0", "Log2Backward0", "Log10Backward0")
"""Nodes of logarithms."""

LOG_SIGMOIDS = ("LogSigmoidBackward0", "BinaryCrossEntropyWithLogitsBackward0")
"""Nodes of losses that take the logarithm of a sigmoid."""


def takes_logarithm(path: Sequence[Any]) -> bool:
    """Whether a logarithm is taken between the loss and the output at the ends of a path, on this way or another."""
    return any(name_of(node) in LOGARITHMS for node in within(path[0], path[-1]))


def combined(path: Sequence[Any], name: str) -> bool:
    """Whether a node of this name is computed from several outputs at once, as the loss of a pair that is ranked is."""
    place = next(place for place, node in enumerate(path) if name_of(node) == name)
    return any(len(inputs_of(node)) > 1 for node in path[place + 1 : -1])


def squashing(path: Sequence[Any]) -> tuple[Any, Any]:
    """The nodes of the softmax and of the sigmoid of outputs whose logarithm a loss takes; None without."""
    softmax = next((node for node in path[:-1] if name_of(node) == "LogSoftmaxBackward0"), None) or _normalizer(path)
    sigmoid = next((node for node in path[:-1] if name_of(node) in LOG_SIGMOIDS), None)
    if softmax is None and sigmoid is None and takes_logarithm(path):
        softmax = next((node for node in path[:-1] if name_of(node) == "SoftmaxBackward0"), None)
        sigmoid = next((node for node in path[:-1] if name_of(node) == "SigmoidBackward0"), None)
    return softmax, sigmoid


def _normalizer(path: Sequence[Any]) -> Any:
    """The node of the logarithm of a sum of exponentials that is taken off its own argument; None without."""
    for node in path[:-1]:
        given = inputs_of(node) if name_of(node) == "SubBackward0" else []
        sums = [each for each in map(through_views, given[1:]) if name_of(each) == "LogsumexpBackward0"]
        if sums and through_views(inputs_of(sums[0])[0]) is through_views(given[0]):
            return sums[0]
    return None


def cut_off(path: Sequence[Any], output: Tensor) -> str:
    """Whether what a linear layer gives is cut off where a logarithm has no value, instead of made positive.

    Returns:
        `"clamped"` where it is limited to between 0 and 1, as probabilities are; `"cut"` where many numbers are below
        a positive one that they are limited to; empty without.
    """
    parents = {each: name_of(node) for node in within(path[0], path[-1]) for each in inputs_of(node)}
    for node in path:
        if name_of(node) == "ClampBackward1" and _is_linear(through_views(inputs_of(node)[0])):
            low, high = node._saved_min, node._saved_max
            if low is None or not 0 <= float(low) < 1:
                return ""
            if high is not None:
                entropy = any(name_of(each).startswith("BinaryCrossEntropyBackward") for each in path)
                return "clamped" if float(high) <= 1 and (entropy or takes_logarithm(path)) else ""
            logarithm = any(name in LOGARITHMS for each, name in parents.items() if through_views(each) is node)
            share = float((output.detach() < float(low)).float().mean())
            return "cut" if logarithm and float(low) > 0 and share > CUT else ""
    return ""


def _is_linear(node: Any) -> bool:
    """Whether a node is the product of a linear layer, a bias perhaps added to it."""
    if name_of(node) == "AddBackward0":
        return any(name_of(through_views(each)) in LAYERS for each in inputs_of(node))
    return name_of(node) in LAYERS
