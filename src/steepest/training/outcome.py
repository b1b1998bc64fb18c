"""How a run ended, from its curve."""

import math
from collections.abc import Sequence

from ..findings.catalogue import Finding
from .curve import Point

__all__ = ["outcome_of"]


def outcome_of(curve: Sequence[Point], steps_to_target: float) -> Finding:
    """The outcome of a run that made all its steps, or ended early at a loss that is not finite.

    Args:
        curve: the run's measurements.
        steps_to_target: the step of the first measurement at or beyond the target, infinite where there is none.
    """
    first, last = curve[0], curve[-1]
    if not (math.isfinite(last.loss) and math.isfinite(last.train_loss)):
        return Finding("loss_non_finite", {"step": last.step})
    losses = {"first": first.loss, "last": last.loss}
    if last.loss > first.loss:
        return Finding("loss_above_start", losses | {"step": last.step})
    if math.isfinite(steps_to_target):
        return Finding("target_reached", {"step": int(steps_to_target)})
    return Finding("target_missed", losses)
