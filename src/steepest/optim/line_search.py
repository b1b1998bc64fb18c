"""The line search of Newton-like methods: a step that fulfils the strong Wolfe conditions.

Algorithms 3.5 and 3.6 of Nocedal and Wright 2006, "Numerical Optimization": steps grow until an interval is known to
hold a good one, which then shrinks around it. Trial steps are minima of cubic interpolations.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["Trial", "strong_wolfe"]

LEAST, MOST = 0.01, 10.0
"""A longer trial step exceeds the last one by at least so much of its growth, and is at most so many times as long."""

MARGIN = 0.1
"""How far from the ends of the interval a trial step stays, as a share of its length."""


@dataclass(frozen=True)
class Trial:
    """What is known of a step.

    Attributes:
        t: its length, in units of the direction.
        loss: there.
        slope: derivative of the loss along the direction.
        gradient: there, whatever the caller needs.
    """

    t: float
    loss: float
    slope: float
    gradient: Any


def strong_wolfe(
    evaluate: Callable[[float], Trial], start: Trial, first: float, decrease: float, curvature: float, most: int
) -> Trial:
    r"""A step $t$ along a direction of descent that fulfils the strong Wolfe conditions.

    $$\phi(t) \le \phi(0) + c_1 t \phi'(0), \qquad |\phi'(t)| \le c_2 |\phi'(0)|$$

    Args:
        evaluate: tries a step.
        start: the step 0, at which the slope is negative.
        first: the first step to try.
        decrease, curvature: $c_1$ and $c_2$.
        most: evaluations at most; if they do not suffice, the best step so far that fulfils the first condition is
            returned, or `start`.
    """

    def decreases(trial: Trial) -> bool:
        return trial.loss <= start.loss + decrease * trial.t * start.slope

    def is_flat(trial: Trial) -> bool:
        return abs(trial.slope) <= -curvature * start.slope

    last, t, done = start, first, 0
    low = high = start
    while done < most:
        now, done = evaluate(t), done + 1
        if not decreases(now) or (done > 1 and now.loss >= last.loss):
            low, high = last, now
            break
        if is_flat(now):
            return now
        if now.slope >= 0:
            low, high = now, last
            break
        t = _cubic(last, now, now.t + LEAST * (now.t - last.t), MOST * now.t)
        low = last = now
    else:
        return low
    while done < most and high.t != low.t:
        left, right = sorted((low.t, high.t))
        margin = MARGIN * (right - left)
        now, done = evaluate(_cubic(low, high, left + margin, right - margin)), done + 1
        if not decreases(now) or now.loss >= low.loss:
            high = now
            continue
        if is_flat(now):
            return now
        if now.slope * (high.t - low.t) >= 0:
            high = low
        low = now
    return low


def _cubic(a: Trial, b: Trial, least: float, most: float) -> float:
    """The minimum of the cubic through both losses and slopes, within bounds; their middle if there is none."""
    if all(map(math.isfinite, (a.loss, b.loss, a.slope, b.slope))) and a.t != b.t:
        bend = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.t - b.t)
        square = bend * bend - a.slope * b.slope
        if square >= 0:
            root = math.copysign(math.sqrt(square), b.t - a.t)
            below = b.slope - a.slope + 2 * root
            if below != 0:
                return min(max(b.t - (b.t - a.t) * (b.slope + root - bend) / below, least), most)
    return (least + most) / 2
