"""What is kept of the steps of a run that are not observed: their losses, many at a time, and the learning rates."""

import math
from typing import Any

from ..rates import Rates
from ..record import Record
from ..signs import settle

__all__ = ["Notes"]


class Notes:
    """Keeps in the record of a run what is known of all of its steps.

    Args:
        record: where it goes.
        optimizer: of the run.

    >>> record = Record()
    >>> Notes(record, None).add([1.0, 9.0, math.inf])
    >>> record.proved
    {'nan': {'step': 2, 'cause': 'growth', 'ratio': 9.0}}
    """

    def __init__(self, record: Record, optimizer: Any) -> None:
        self.record = record
        self._rates = Rates(record, [optimizer] if optimizer is not None else [])
        self._read = 0

    def add(self, losses: list[float]) -> None:
        """Keep the losses of the next steps, up to the first that is not finite."""
        record = self.record
        if "nan" in record.proved:
            return
        broken = next((place for place, loss in enumerate(losses) if not math.isfinite(loss)), None)
        record.losses.extend(losses if broken is None else losses[: broken + 1])
        if record.losses.is_full:
            settle(record)
        if broken is not None:
            step = record.steps - 1
            ratio = record.growth(step)
            record.prove("nan", step=step, cause="growth" if ratio > 3 else "unknown", ratio=ratio)

    def read_rates(self, made: int) -> None:
        """Keep the learning rates after so many steps."""
        if made > self._read:
            self._rates.read(made, made - self._read)
            self._read = made
