"""The learning rates of a training, as far as signs need them: first, largest, last, and how they change."""

import math
from collections.abc import Sequence
from numbers import Real
from typing import Any

from .record import Record

__all__ = ["Rates"]

LOW = 1.001e-3
"""The part of its largest value, three divisions by 10 among them, at which a rate has vanished."""

DIM = 1 / 30
"""The part at which little is left of it."""


class Rates:
    """Keeps in a record what the learning rates of optimizers are.

    Args:
        record: where it goes.
        optimizers: whose groups have the rates.
    """

    def __init__(self, record: Record, optimizers: Sequence[Any]) -> None:
        self._record, self._optimizers, self._falls = record, optimizers, False
        self._settled: list[float] = []  # the rates of the last step, where they had not changed in it
        record.rates = [(math.nan, 0.0, math.nan) for each in optimizers for _ in each.param_groups]

    def read(self, made: int, steps: int = 1) -> None:
        """Read the rate of each group.

        Args:
            made: number of steps so far.
            steps: of these, the last ones, which are taken to have been made at these rates.
        """
        groups = [group for optimizer in self._optimizers for group in optimizer.param_groups]
        if self._settled and self._settled == [group.get("lr") for group in groups]:
            return
        self._settled = []
        rates, low, dim, changed = self._record.rates, True, True, False
        for place, group in enumerate(groups):
            rate = group.get("lr")
            if type(rate) is not float:
                if not isinstance(rate, Real) or isinstance(rate, bool):  # NumPy's numbers are real ones
                    return  # a tensor, which would have to be fetched, or none
                rate = float(rate)
            if place == len(rates):
                rates.append((math.nan, 0.0, math.nan))
            first, high, last = rates[place]
            if rate != last:
                changed = changed or last == last
                if place == 0:
                    self._record.turns += self._falls and rate > last
                    self._falls = rate < last
            rates[place] = (rate if first != first else first, max(rate, high), rate)
            low = low and rate <= rates[place][1] * LOW
            dim = dim and rate <= rates[place][1] * DIM
        if changed:
            self._record.changes += steps
        if dim and groups:
            if not self._record.dimmed:
                self._record.dimmed_from = made - steps
            self._record.dimmed += steps
        if low and groups:
            if not self._record.vanished:
                self._record.vanished_from = made - steps
            self._record.vanished += steps
        if not (dim or changed):
            self._settled = [rate for _, _, rate in rates[: len(groups)]]
