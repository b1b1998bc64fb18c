"""Early stopping: at fixed steps of its runs, only the best trials of a search go on; the others stop there, as misses.

The rule, successive halving, is the same for every optimizer and every search, and is part of the plan. A trial runs to
the step of the first *rung* and pauses. Once all trials of its contestant have, the best of each search are queued
again up to the next rung, and so on. They run again from their start: that is the same run to the last bit, needs no
checkpoint, and costs little, since the steps before the last rung are few.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["EARLY_STOPPING", "Rung", "kept", "pauses", "planned_share"]


@dataclass(frozen=True)
class Rung:
    """A step at which trials stop.

    Attributes:
        share: of a run's steps.
        keep: share of a search's trials that go on.
    """

    share: float
    keep: float


EARLY_STOPPING = (Rung(1 / 16, 1 / 4), Rung(1 / 4, 1 / 8))
"""The rungs of `--stop-early`, chosen by `benchmarks/early.py`."""


def pauses(rungs: Sequence[Rung], steps: int) -> dict[int, float]:
    """The steps at which runs of this length pause, with the share of the trials that go on; of short runs fewer.

    >>> pauses(EARLY_STOPPING, 400), pauses(EARLY_STOPPING, 2)
    ({25: 0.25, 100: 0.125}, {1: 0.125})
    """
    steps_of = {max(1, math.ceil(rung.share * steps - 1e-9)): rung.keep for rung in rungs}
    return {step: keep for step, keep in sorted(steps_of.items()) if step < steps}


def kept(keep: float, trials: int, least: int) -> int:
    """The number of a search's trials that go on: its share, rounded up, and never fewer than its finalists."""
    return max(least, math.ceil(keep * trials - 1e-9))


def planned_share(rungs: Sequence[Rung], trials: int, least: int, steps: int) -> float:
    """The steps of a search with early stopping, all attempts together, as a share of those of whole trials.

    >>> planned_share(EARLY_STOPPING, trials=32, least=4, steps=400)
    0.25
    """
    running, made = trials, 0
    for step, keep in pauses(rungs, steps).items():
        made += running * step
        running = min(running, kept(keep, trials, least))
    return (made + running * steps) / (trials * steps)
