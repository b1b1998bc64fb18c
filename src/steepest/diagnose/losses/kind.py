"""Which loss is minimized, by the nodes of its graph."""

from collections.abc import Sequence
from typing import Any

from ..autograd import LAYERS, name_of
from ..by_hand import combined, takes_logarithm
from ..last import LAST
from ..record import Kind

__all__ = ["ABSOLUTE", "BENDS", "kind_of"]

ABSOLUTE = ("HuberLoss", "SmoothL1Loss", "Abs")
"""Nodes of losses that far from 0 grow with the size of a difference."""

BENDS = frozenset(LAST) | {"LogBackward0", "Log1PBackward0", "Expm1Backward0", "SqrtBackward0", "AbsBackward0"}
"""Functions of the outputs after which targets do not follow from the gradient of a squared error any more."""

BY_HAND = ("LogSigmoidBackward0", "SigmoidBackward0", "SoftmaxBackward0")
"""Functions of outputs whose logarithm is a cross-entropy that is written by hand."""


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
        return "other" if combined(path, "BinaryCrossEntropyWithLogitsBackward0") else "binary"
    if "BinaryCrossEntropyBackward0" in names:
        return "probability"
    by_hand = next((name for name in names if name in BY_HAND), None)
    if by_hand is not None and (by_hand in BY_HAND[:1] or takes_logarithm(path)) and not combined(path, by_hand):
        return "cross_entropy" if by_hand == "SoftmaxBackward0" else "binary"
    squares = [
        place
        for place, name in enumerate(names)
        if name == "MseLossBackward0" or (name == "PowBackward0" and path[place]._saved_exponent == 2)
    ]
    if not squares or BENDS & set(names[squares[-1] + 1 :]) or "WhereBackward0" in names:
        return "other"
    return "squared_error" if "MseLossBackward0" in names or "SubBackward0" in names else "other"
