"""Which steps are observed: the first ones, then as many as a share of the time pays for."""

from collections.abc import Callable
from time import perf_counter

__all__ = ["FIRST", "Schedule"]

FIRST = (0, 1, 2, 3, 5, 8, 12, 18, 30)
"""Steps that are observed whatever they cost: most mistakes show in them."""


class Schedule:
    """Decides whether the next step is observed, by the time that was spent.

    The first steps are a debt. It is paid back from half of the budget, so that observation goes on while it is; from
    then on all time spent is at most the budget's share of the training's.

    Args:
        budget: share of the training's time.
        clock: seconds.

    >>> now = iter(range(100))
    >>> schedule = Schedule(0.5, clock=lambda: float(next(now)))
    >>> schedule.due(0), schedule.due(4)
    (True, False)
    """

    def __init__(self, budget: float, clock: Callable[[], float] = perf_counter) -> None:
        self.budget, self.clock = budget, clock
        self.spent = self.debt = self.dearest = 0.0
        self._begin: float | None = None
        self._last = 0

    def due(self, step: int) -> bool:
        """Whether this step is to be observed."""
        now = self.clock()
        if self._begin is None:
            self._begin = now
        if step in FIRST:
            return True
        if step < FIRST[-1] or step - self._last < 3:
            return False
        trained = now - self._begin - self.spent
        after = self.spent + self.dearest
        return after <= self.budget * trained or after - self.debt <= self.budget / 2 * trained

    def observed(self, step: int, seconds: float) -> None:
        """Say that a step was observed, and what that took altogether."""
        self._last = step
        self.spent += seconds
        if step <= FIRST[-1]:
            self.debt = self.spent
        self.dearest = seconds if self.dearest == 0 else 0.7 * self.dearest + 0.3 * seconds
