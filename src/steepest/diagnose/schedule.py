"""Which steps are observed: the first ones, then as many as a share of the time pays for."""

from collections.abc import Callable
from time import perf_counter

__all__ = ["FIRST", "Schedule"]

FIRST = (0, 1, 2, 3, 5, 8, 12, 18, 30)
"""Steps that are observed whatever they cost: most mistakes show in them."""


LEAST = 0.6
"""The share of the budget that observed steps get at least."""

HIDDEN = 1e-5
"""Seconds of a step that no clock of the doctor's sees: the call of a module with a hook, and colder caches."""


class Schedule:
    """Decides whether the next step is observed, by the time that was spent.

    What is left between observed steps costs a little in each, `overhead`; observed steps get what that leaves of the
    budget, and at least `LEAST` of it where steps are so short that it leaves nothing. The first steps are a debt, paid
    back from half of that share, so that observation goes on while it is.

    Args:
        budget: share of the training's time.
        clock: seconds.

    Attributes:
        spent: seconds of observed steps.
        overhead: seconds of the doctor in all steps besides, as its clock saw them.

    >>> now = iter(range(100))
    >>> schedule = Schedule(0.5, clock=lambda: float(next(now)))
    >>> schedule.due(0), schedule.due(4)
    (True, False)
    """

    def __init__(self, budget: float, clock: Callable[[], float] = perf_counter) -> None:
        self.budget, self.clock = budget, clock
        self.spent = self.overhead = self.debt = self.dearest = 0.0
        self._begin: float | None = None
        self._last = self._steps = 0

    def due(self, step: int) -> bool:
        """Whether this step is to be observed."""
        now = self.clock()
        if self._begin is None:
            self._begin = now
        if step in FIRST:
            return True
        if step < FIRST[-1] or step - self._last < 3:
            return False
        between = self.overhead + self._steps * HIDDEN
        trained = now - self._begin - self.spent - between
        allowed = max(self.budget * trained - between, LEAST * self.budget * trained)
        after = self.spent + self.dearest
        return after <= allowed or after - self.debt <= allowed / 2

    def passed(self, seconds: float) -> None:
        """Say that a step was made, and what the doctor took in it without observing it."""
        self.overhead += seconds
        self._steps += 1

    def observed(self, step: int, seconds: float) -> None:
        """Say that a step was observed, and what that took altogether."""
        self._last = step
        self.spent += seconds
        if step <= FIRST[-1]:
            self.debt = self.spent
        self.dearest = seconds if self.dearest == 0 else 0.7 * self.dearest + 0.3 * seconds
