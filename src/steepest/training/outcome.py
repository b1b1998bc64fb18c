"""How a run ended, from its curve."""

import math
from typing import TYPE_CHECKING

from ..base.status import Outcome, Status

if TYPE_CHECKING:
    from .loop import Run

__all__ = ["outcome_of"]


def outcome_of(run: "Run") -> Outcome:
    """The outcome of a run that made all its steps, or ended early at a loss that is no number."""
    first, last = run.curve[0], run.curve[-1]
    if not (math.isfinite(last.loss) and math.isfinite(last.train_loss)):
        message = f"the loss became non-finite by step {last.step}; try a smaller learning rate"
        return Outcome(Status.NON_FINITE, message, last.step)
    if last.loss > first.loss:
        message = (
            f"the loss ended above where it began ({last.loss:.3g} > {first.loss:.3g}); try a smaller learning rate"
        )
        return Outcome(Status.DIVERGED, message, last.step)
    if math.isfinite(run.steps_to_target):
        step = int(run.steps_to_target)
        return Outcome(Status.REACHED, f"reached the target at step {step}", step)
    return Outcome(Status.FINISHED, f"did not reach the target; the loss went from {first.loss:.3g} to {last.loss:.3g}")
