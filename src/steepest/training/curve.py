"""A point of a run's learning curve: losses, metric and time at one measured step."""

from dataclasses import dataclass

__all__ = ["Point"]


@dataclass(frozen=True)
class Point:
    """One measurement of a run.

    Attributes:
        step: updates made so far.
        train_loss: mean training loss since the last measurement; at step 0 the measured loss.
        loss: the loss that the session measured, on held-out data where it has any.
        metric: the problem's metric.
        seconds: time spent in training steps so far; the clock stands still while measuring.
    """

    step: int
    train_loss: float
    loss: float
    metric: float
    seconds: float
