"""What learning curves say of a target: which rate is best, when each run reaches it, which number separates.

A curve is the metric of one run at the steps of `steepest.training.grid.grid`, after step 0; None where it was no
number. It may be shorter than the grid: the run diverged.
"""

import math
from collections.abc import Sequence

import numpy as np

from steepest.training.grid import grid

__all__ = ["EARLIEST", "LATEST", "final", "propose", "shares"]

EARLIEST, LATEST = 0.5, 0.8
"""Shares of a run between which the middle seed of a good setting shall reach the target."""

SURELY = 0.1
"""The share of seeds of a good setting that may miss the target at its end."""

END = 0.1
"""The share of a run, its last measurements, whose mean is what it came to: one alone is noisy."""

Curve = Sequence[float | None]


def final(curve: Curve, steps: int, higher_is_better: bool) -> float:
    """What a run came to; the worst number there is where it diverged.

    >>> final([0.1, 0.5, 0.7], 3, True), final([0.1, None], 3, False)
    (0.7, inf)
    """
    points = grid(steps)
    last = curve[len(points) - sum(point > (1 - END) * steps for point in points) :]
    if len(curve) < len(points) or any(value is None for value in last):
        return -math.inf if higher_is_better else math.inf
    return float(np.mean([value for value in last if value is not None]))


def shares(curves: Sequence[Curve], steps: int, target: float, higher_is_better: bool) -> list[float]:
    """For each run, the share of its steps at which it first reached the target; infinite where it never did.

    >>> shares([[0.1, 0.6, 0.7], [0.1, 0.2, None]], 3, 0.6, True)
    [0.6666666666666666, inf]
    """
    found = []
    for curve in curves:
        there = [
            point / steps for point, value in zip(grid(steps), curve, strict=False)
            if value is not None and (value >= target if higher_is_better else value <= target)
        ]  # fmt: skip
        found.append(there[0] if there else math.inf)
    return found


def propose(curves: Sequence[Curve], steps: int, higher_is_better: bool) -> float:
    """A round target that the middle run reaches between `EARLIEST` and `LATEST`, and nearly all in the end.

    Where the two contradict each other, because seeds differ by more than runs gain in their second half, nearly all
    reach it.

    >>> rising = [[step / 100 for step in grid(100)] for _ in range(3)]
    >>> propose(rising, 100, higher_is_better=True)
    0.7
    """
    sign = 1.0 if higher_is_better else -1.0
    points, best = grid(steps), np.full((len(curves), len(grid(steps))), -math.inf)
    for row, curve in zip(best, curves, strict=True):
        row[: len(curve)] = [-math.inf if value is None else sign * value for value in curve]
    best = np.maximum.accumulate(best, axis=1)
    middle = np.median(best, axis=0)
    low, wanted, high = (
        float(middle[np.searchsorted(points, share * steps)]) for share in (EARLIEST, (EARLIEST + LATEST) / 2, LATEST)
    )
    reached = float(np.sort(best[:, -1])[math.floor(SURELY * len(curves))])  # by all but so many
    return sign * _round(min(low, reached), min(wanted, reached), min(high, reached))


def _round(low: float, wanted: float, high: float) -> float:
    """The number with the fewest digits from low to high, of these the nearest to what is wanted.

    >>> _round(0.5531, 0.5674, 0.5812), _round(-2.4731, -2.4621, -2.4412), _round(0.3, 0.3, 0.3)
    (0.57, -2.46, 0.3)
    """
    for digits in range(-6, 12):
        near = round(wanted, digits)
        candidates = [number for number in (near, near - 10.0**-digits, near + 10.0**-digits) if low <= number <= high]
        if candidates:
            return round(min(candidates, key=lambda number: abs(number - wanted)), max(0, digits))
    return wanted
