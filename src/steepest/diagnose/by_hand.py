"""Losses that take logarithms of probabilities, written by hand or not, by the graph between them and the output."""

from collections.abc import Sequence
from typing import Any

from .autograd import LAYERS, VIEWS, inputs_of, name_of, through_views, within

__all__ = ["LOGARITHMS", "logs_of_logits", "squashing", "takes_logarithm"]

LOGARITHMS = ("LogBackward0", "Log1PBackward0", "Log2Backward0", "Log10Backward0")
"""Nodes of logarithms."""

LOG_SIGMOIDS = ("LogSigmoidBackward0", "BinaryCrossEntropyWithLogitsBackward0")
"""Nodes of losses that take the logarithm of a sigmoid."""


def takes_logarithm(path: Sequence[Any]) -> bool:
    """Whether a logarithm is taken between the loss and the output at the ends of a path, on this way or another."""
    return any(name_of(node) in LOGARITHMS for node in within(path[0], path[-1]))


def squashing(path: Sequence[Any]) -> tuple[Any, Any]:
    """The nodes of the softmax and of the sigmoid of outputs whose logarithm a loss takes; None without."""
    softmax = next((node for node in path[:-1] if name_of(node) == "LogSoftmaxBackward0"), None)
    sigmoid = next((node for node in path[:-1] if name_of(node) in LOG_SIGMOIDS), None)
    if softmax is None and sigmoid is None and takes_logarithm(path):
        softmax = next((node for node in path[:-1] if name_of(node) == "SoftmaxBackward0"), None)
        sigmoid = next((node for node in path[:-1] if name_of(node) == "SigmoidBackward0"), None)
    return softmax, sigmoid


def logs_of_logits(path: Sequence[Any]) -> bool:
    """Whether outputs of a linear layer are cut off at 0 and 1, as if they were probabilities, for a logarithm."""
    for node in path:
        if name_of(node) == "ClampBackward1" and _is_share(node._saved_min) and _is_share(node._saved_max):
            under = through_views(inputs_of(node)[0])
            if name_of(under) == "AddBackward0":  # of a bias
                under = next((through_views(each) for each in inputs_of(under) if name_of(each) in LAYERS), under)
            logarithm = any(name_of(each).startswith("BinaryCrossEntropyBackward") for each in path)
            return name_of(under) in LAYERS and (logarithm or takes_logarithm(path))
        if node is path[-1] and name_of(node) not in VIEWS:
            break
    return False


def _is_share(limit: Any) -> bool:
    return limit is not None and 0 <= float(limit) <= 1
