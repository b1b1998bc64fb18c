"""Which steps are observed: the first ones, then as many as a share of the time pays for."""

from collections.abc import Callable
from time import perf_counter

__all__ = ["FIRST", "Schedule", "is_mark"]

FIRST = (0, 1, 2, 3, 5, 8, 12, 18, 30)
"""Steps that are observed although they are not paid for yet: most mistakes show in them."""

NEEDED = 3
"""The first steps that are observed however short a training is known to be: in them who is trained is proved."""

APART = 3
"""Steps from one that is observed to the next, at least, once the first ones are over."""

SPREAD = 32
"""Of a training of known length, the parts of which each has one observed step at most once the first ones are over."""

PATIENCE = 8
"""After a refusal the next look at the clock comes after an eighth of the steps since the last observed one."""

LEAST = 0.25
"""The share of the budget that observed steps get at least."""

HIDDEN = 1.4e-5
"""Seconds of a step that no clock of the doctor's sees: the call of a module with a hook, and colder caches."""


COLDER = 1.3
"""What an observed step costs, over what the clock sees of it: the steps after it find colder caches."""


def is_mark(step: int) -> bool:
    """Whether a step is one of 45, 60, 90, 120, 180, 240 and so on, two in each doubling of a training's length.

    At these it is known how a training stands on held-out data, however few steps a budget pays for.

    >>> [step for step in range(400) if is_mark(step)]
    [45, 60, 90, 120, 180, 240, 360]
    """
    odd = step // (step & -step) if step else 0
    return odd == 45 or (odd == 15 and step >= 60)


class Schedule:
    """Decides whether the next step is observed, by the time that was spent.

    What is left between observed steps costs a little in each, `overhead`; observed steps get what that leaves of the
    budget, and at least `LEAST` of it where steps are so short that it leaves nothing. The first steps are a debt, paid
    back from half of that share, so that observation goes on while it is. Where it is known how many steps there will
    be, the debt is at most what all of them will pay for; the first three are observed in any case.

    Args:
        budget: share of the training's time.
        clock: seconds.
        steps: of the whole training; None where that is not known.

    Attributes:
        spent: seconds of observed steps.
        overhead: seconds of the doctor in all steps besides, as its clock saw them.
        aside: seconds between steps that are no measure of how long a training will take.

    >>> now = iter(range(100))
    >>> schedule = Schedule(0.5, clock=lambda: float(next(now)))
    >>> schedule.due(0), schedule.due(4)
    (True, False)
    """

    def __init__(self, budget: float, clock: Callable[[], float] = perf_counter, steps: int | None = None) -> None:
        self.budget, self.clock, self.steps = budget, clock, steps
        self.spent = self.overhead = self.aside = self.debt = self.dearest = 0.0
        self._begin: float | None = None
        self._warm = 0.0
        self._last = self._steps = self._patience = 0

    def due(self, step: int) -> bool:
        """Whether this step is to be observed."""
        apart = APART if self.steps is None else max(APART, self.steps // SPREAD)
        if step not in FIRST and (step < FIRST[-1] or step < self._patience or step - self._last < apart):
            return False  # without a look at the clock
        self._patience = step + (step - self._last) // PATIENCE
        now = self.clock()
        if self._begin is None:
            self._begin = now
        between = self.overhead + self._steps * HIDDEN
        trained = now - self._begin - COLDER * self.spent - between - self.aside
        if step == 1:
            self._warm = trained  # a first step may load and compile
        after = self.spent + self.dearest
        if self.steps is not None and step >= NEEDED:
            ahead = (self.steps - 1) / (step - 1)
            if after > self._allowed(ahead * (trained - self._warm), ahead * between):
                return False
        allowed = self._allowed(trained, between)
        return step in FIRST or after <= allowed or after - self.debt <= allowed / 2

    def _allowed(self, trained: float, between: float) -> float:
        """Seconds of observed steps, by the clock, that so many seconds of training pay for."""
        return max(self.budget * trained - between, LEAST * self.budget * trained) / COLDER

    def passed(self, seconds: float) -> None:
        """Say that a step was made, and what the doctor took in it without observing it."""
        self.overhead += seconds
        self._steps += 1

    def observed(self, step: int, seconds: float) -> None:
        """Say that a step was observed, and what that took altogether."""
        self._last, self._patience = step, 0
        self.spent += seconds
        if step <= FIRST[-1]:
            self.debt = self.spent
        self.dearest = seconds if self.dearest == 0 else 0.7 * self.dearest + 0.3 * seconds
