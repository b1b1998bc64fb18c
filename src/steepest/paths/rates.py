"""Learning rates to begin with on a landscape: with them a rule moves, and does not diverge."""

from collections.abc import Sequence

import numpy as np

from ..base.errors import InvalidValue
from ..base.status import Status
from ..landscapes import Landscape
from ..landscapes.geometry import diagonal
from ..program.linear_step import Step
from ..rules import Rule, find
from .tracing import starting_point, trace

__all__ = ["CONSTANTS", "proposed_rate"]

Start = Sequence[float] | float | None

CONSTANTS = {
    "share": 0.4,  # of the stability limit at the start's curvature; of gradient descent it leaves 0.2 of the error
    "across": 60,  # steps that a rule with steps of fixed length takes across the window
    "largest": 1.0,
    "factor": 0.5,  # from this default on a rate is a factor of the method's own steps, as of Prodigy, and tried first
    "tried": 100,  # steps for which a proposal is followed
    "tries": 20,  # proposals at most
    "smaller": 0.4,  # the factor to the next one where a path diverges
}
"""Numbers of the algorithm below; the page's copy of it reads the same table."""


def proposed_rate(rule: Rule, landscape: Landscape, start: Start = None) -> float:
    """A learning rate of one digit that suits a landscape, from a start (default: the landscape's own).

    A rule whose steps shrink with the gradient gets a share of the stability limit at the start and at the minima; one
    whose steps are about as long as the learning rate crosses the window in 60 steps. Where the path then diverges or
    ends higher than it began, a smaller one is proposed.

    >>> from steepest.landscapes import find as landscape
    >>> from steepest.rules import Adam, SGD
    >>> proposed_rate(SGD(), landscape("ravine")), proposed_rate(Adam(), landscape("ravine"))
    (0.2, 0.4)
    """
    rate = float(rule.lr) if rule.lr >= CONSTANTS["factor"] else _rough(_first(rule, landscape, start))
    for _ in range(int(CONSTANTS["tries"])):
        path = trace(find(rule, lr=rate), landscape, start, steps=int(CONSTANTS["tried"]))
        if path.outcome.status not in (Status.DIVERGED, Status.NON_FINITE) and not path.f[-1] > path.f[0]:
            return rate
        rate = _rough(CONSTANTS["smaller"] * rate)
    return float(rule.lr)  # nothing works: it runs down without end, or the start has no value


def _first(rule: Rule, landscape: Landscape, start: Start) -> float:
    across = min(diagonal(landscape) / CONSTANTS["across"], CONSTANTS["largest"])
    hessians = [landscape.hessian(starting_point(start, landscape))]
    hessians += [landscape.hessian(point) for point in landscape.minima + landscape.local_minima]
    curvatures = [np.abs(np.linalg.eigvalsh(hessian)).max() for hessian in hessians if np.isfinite(hessian).all()]
    steepest = max(curvatures, default=0.0)
    if not steepest > 0:
        return across
    try:
        step = Step(rule)
        step.check(1.0)
    except InvalidValue:  # steps of fixed length, or others that have no limit
        return across
    return across if step.scales else min(2 * CONSTANTS["share"] / steepest, CONSTANTS["largest"])


def _rough(rate: float) -> float:
    return float(f"{rate:.0e}")
