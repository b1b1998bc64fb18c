"""A loss with its targets, from outputs and their gradient: which functions know of which kind."""

import math
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from ..autograd import name_of, penalized
from ..record import LossFacts
from .binary import binary_cross_entropy, probability
from .classes import cross_entropy, cross_entropy_in_parts, log_likelihood
from .compared import Compared, compared_error
from .differences import absolute_error, squared_error
from .kind import ABSOLUTE, kind_of
from .recovered import Recovered, numbers

__all__ = ["recover"]

LARGEST = 2**24
"""The most entries of an output that are looked at together: 64 MiB in float32."""

PENALIZED = 0.01
"""The share of a loss above which it is not computed again from outputs where norms of weights are a part of it."""

MOST = 2**28
"""The most entries of an output that are looked at in parts, as of models of language with large vocabularies."""


def recover(
    path: Sequence[Any], output: Tensor, gradient: Tensor, loss: float, seen: Compared | None = None
) -> Recovered:
    """The loss of a step from the nodes between it and the output, the output, its gradient, and the loss's value.

    Where it was read what the output is compared with, nothing needs to be recovered from the gradient.
    """
    if seen is not None and path and seen.node is path[-1] and bool(gradient.isfinite().all()):
        found = compared_error(seen, path, numbers(output.detach()), numbers(gradient.detach()), loss)
    else:
        found = _recover(path, output, gradient, loss)
    facts = found.facts
    if not math.isnan(facts.scale) and penalized(path):
        facts.penalty = max(loss - facts.scale * facts.mean, 0.0)
        if facts.penalty > PENALIZED * abs(loss):
            return Recovered(facts)
    return found


def _recover(path: Sequence[Any], output: Tensor, gradient: Tensor, loss: float) -> Recovered:
    kind = kind_of(path) if path else "other"
    if output.numel() > MOST or output.numel() == 0 or not bool(gradient.isfinite().all()):
        return Recovered(LossFacts(kind))
    if output.numel() > LARGEST:
        if kind != "cross_entropy" or not 2 < output.shape[-1] <= LARGEST:
            return Recovered(LossFacts(kind))
        return cross_entropy_in_parts(path, output.detach(), gradient.detach(), loss, LARGEST)
    z, d = numbers(output.detach()), numbers(gradient.detach())
    match kind:
        case "cross_entropy":
            return cross_entropy(path, z, d, loss)
        case "log_likelihood":
            return log_likelihood(z, d, loss)
        case "binary":
            return binary_cross_entropy(path, z, d, loss)
        case "probability":
            return probability(z, d, loss)
        case "squared_error":
            return squared_error(path, z, d, loss)
    if any(name_of(node).startswith(ABSOLUTE) for node in path[:-1]):
        return absolute_error(path, z, d, loss)
    return Recovered(LossFacts(kind))
