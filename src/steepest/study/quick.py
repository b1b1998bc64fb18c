"""The target of a first look: at its quick size a workload hardly reaches its own."""

import math

from ..rules import Adam
from ..training import train
from ..training.forecast import one_thread
from ..workloads import Problem

__all__ = ["RATE", "REACHED", "with_quick_target"]

RATE, REACHED = 0.003, 0.75
"""Adam's learning rate in the run that sets the target, and the share of its steps after which it reached it."""

SEED = 999
"""Of that run: none that a trial or a report has."""


def with_quick_target(problem: Problem, device: str) -> Problem:
    """The problem with the target that Adam reaches at `RATE` in `REACHED` of a run; its own, if that is reached.

    To three digits, and never better than reached. It is its own, too, where Adam gets nowhere.
    """
    with one_thread():
        curve = train(problem, Adam(lr=RATE), SEED, device=device).curve
    values = [point.metric for point in curve if point.step <= REACHED * problem.steps and math.isfinite(point.metric)]
    best = (max if problem.higher_is_better else min)(values, default=math.nan)
    if not values or problem.reached(best) or best == values[0]:
        return problem
    return problem.replace(target=_rounded(best, problem.higher_is_better))


def _rounded(value: float, down: bool) -> float:
    """To three digits.

    >>> _rounded(0.87654, True), _rounded(0.87654, False), _rounded(-1234.0, True), _rounded(0.0, True)
    (0.876, 0.877, -1240.0, 0.0)
    """
    if value == 0.0:
        return value
    digits = 2 - math.floor(math.log10(abs(value)))
    scaled = value * 10.0**digits
    return round((math.floor(scaled) if down else math.ceil(scaled)) / 10.0**digits, max(0, digits))
