"""The losses of all steps of a training within a fixed number of bytes, however long it is."""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, overload

import numpy as np

__all__ = ["FIRST", "LAST", "MOST_BLOCKS", "Curve", "Pieces"]

FIRST = 2**14
"""The first steps, of which every loss is kept: 128 KiB."""

LAST = 2**14
"""The last steps of which every loss is kept, at least; at most twice as many: 256 KiB."""

MOST_BLOCKS = 2**13
"""Stretches of steps between these, of which counts, mean, least and largest loss are kept: 320 KiB."""


class Pieces:
    """Consecutive stretches of steps with what is known of their losses; where every loss is kept, of one step each.

    Attributes:
        starts: the first step of each.
        counts: its number of steps.
        finite: its number of finite losses.
        means, low, high: mean, least and largest of these; NaN, infinity and minus infinity where there are none.
    """

    def __init__(self, rows: Any) -> None:
        self.counts, self.finite = rows[:, 0].astype(int), rows[:, 1].astype(int)
        self.means, self.low, self.high = rows[:, 2], rows[:, 3], rows[:, 4]
        self.starts = np.cumsum(self.counts) - self.counts

    @property
    def last_finite(self) -> int:
        """The last step of the last stretch with a finite loss; -1 without one."""
        places = np.flatnonzero(self.finite)
        return int(self.starts[places[-1]] + self.counts[places[-1]] - 1) if len(places) else -1


class Curve(Sequence[float]):
    """The loss of each step; NaN where it was no number.

    Every loss of the first 16,384 and of the last 16,384 steps or more is kept; those between them are thinned to at
    most 8,192 stretches, whose steps all have the mean of the finite losses there. Together 0.7 MiB at most.

    `append` never thins by itself: whoever appends calls `fold` when `is_full`, after it has looked at what single
    losses tell (`signs.settle`).

    >>> curve = Curve([3.0, 2.0])
    >>> curve.append(1.0)
    >>> len(curve), curve[-1], curve[:2]
    (3, 1.0, [3.0, 2.0])
    """

    def __init__(self, losses: Iterable[float] = ()) -> None:
        self._first, self._last = array("d"), array("d")
        self._rows = np.empty((0, 5))
        self._width, self._thinned = 1, 0
        self.extend(list(losses))

    # --- growing ----------------------------------------------------------------------------------------------------

    def append(self, loss: float) -> None:
        """The loss of the next step."""
        (self._last if len(self._first) == FIRST else self._first).append(loss)

    def extend(self, losses: Sequence[float]) -> None:
        """The losses of the next steps."""
        room = FIRST - len(self._first)
        self._first.extend(losses[:room])
        self._last.extend(losses[room:])

    def correct(self, step: int, loss: float) -> None:
        """Set the loss of one of the last steps, which has come late from a device."""
        kept = step - FIRST - self._thinned
        if kept >= 0:
            self._last[kept] = loss
        elif step < len(self._first):
            self._first[step] = loss

    @property
    def is_full(self) -> bool:
        """Whether it is time to `fold`."""
        return len(self._last) >= 2 * LAST

    @property
    def nbytes(self) -> int:
        """The bytes of all that is kept."""
        return sum(kept.itemsize * len(kept) for kept in (self._first, self._last)) + int(self._rows.nbytes)

    def fold(self) -> None:
        """Thin all losses but the first and the last ones."""
        count = max(len(self._last) - LAST, 0)
        rows = np.concatenate([self._rows, _rows_of(np.array(self._last[:count]))])
        del self._last[:count]
        self._thinned += count
        self._rows = _merged(rows, self._width)
        while len(self._rows) > MOST_BLOCKS:
            self._width *= 2
            self._rows = _merged(self._rows, self._width)

    def until(self, count: int) -> "Curve":
        """The first so many steps; where these end within a stretch, with its mean."""
        cut = Curve()
        ends = FIRST + np.cumsum(self._rows[:, 0])
        whole = int(np.searchsorted(ends, count, side="right"))
        cut._first, cut._rows, cut._width = self._first[:count], self._rows[:whole].copy(), self._width
        cut._thinned = int(cut._rows[:, 0].sum())
        cut._last.extend(self[len(cut) : count])
        return cut

    # --- reading ----------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._first) + self._thinned + len(self._last)

    def __iter__(self) -> Iterator[float]:
        return iter(self[:])

    @overload
    def __getitem__(self, step: int) -> float: ...
    @overload
    def __getitem__(self, step: slice) -> list[float]: ...
    def __getitem__(self, step: int | slice) -> float | list[float]:
        if isinstance(step, slice):
            start, stop, stride = step.indices(len(self))
            if stop <= len(self._first):
                return self._first[start:stop:stride].tolist()
            if stride > 0 and start >= FIRST + self._thinned:
                return self._last[start - FIRST - self._thinned : stop - FIRST - self._thinned : stride].tolist()
            pieces = self.pieces()
            places = np.searchsorted(pieces.starts, np.arange(start, stop, stride), side="right") - 1
            means: list[float] = np.where(pieces.finite > 0, pieces.means, np.nan)[places].tolist()
            return means
        place = step + len(self) if step < 0 else step
        if not 0 <= place < len(self):
            raise IndexError(f"step {step} of {len(self)}")
        if place < len(self._first):
            return self._first[place]
        if place >= FIRST + self._thinned:
            return self._last[place - FIRST - self._thinned]
        ends = FIRST + np.cumsum(self._rows[:, 0])
        return float(self._rows[np.searchsorted(ends, place, side="right"), 2])

    @property
    def untold(self) -> tuple[int, list[float]]:
        """The losses that nothing has looked at before they are thinned: the first step of them, and all from there."""
        if self._thinned:
            return FIRST + self._thinned, self._last.tolist()
        return 0, (self._first + self._last).tolist()

    def pieces(self) -> Pieces:
        """All that is kept, in order."""
        return Pieces(np.concatenate([_rows_of(np.array(self._first)), self._rows, _rows_of(np.array(self._last))]))

    def means(self, bounds: Sequence[int]) -> list[float]:
        """The mean loss of the steps between each two neighbours of `bounds`; NaN where one is not finite."""
        pieces = self.pieces()
        sums = np.where(pieces.finite == pieces.counts, pieces.means, np.nan) * pieces.counts
        edges = np.append(pieces.starts, len(self))
        found = []
        for start, stop in pairwise(bounds):
            first, after = np.searchsorted(edges, start, side="right") - 1, np.searchsorted(edges, stop)
            shares = np.minimum(edges[first + 1 : after + 1], stop) - np.maximum(edges[first:after], start)
            found.append(float((sums[first:after] * shares / pieces.counts[first:after]).sum() / (stop - start)))
        return found


def _rows_of(losses: Any) -> Any:
    """A row for each loss: the number of steps, that of finite losses, their mean, the least, the largest."""
    finite = np.isfinite(losses)
    columns = [
        np.ones(len(losses)), finite, np.where(finite, losses, np.nan), np.where(finite, losses, np.inf),
        np.where(finite, losses, -np.inf),
    ]  # fmt: skip
    return np.stack(columns, 1).astype(float)


def _merged(rows: Any, width: int) -> Any:
    """One row for all that start within the same so many steps."""
    if not len(rows):
        return rows
    groups = (np.cumsum(rows[:, 0]) - rows[:, 0]) // width
    firsts = np.flatnonzero(np.diff(groups, prepend=-1))
    finite = np.add.reduceat(rows[:, 1], firsts)
    sums = np.add.reduceat(np.where(rows[:, 1] > 0, rows[:, 1] * rows[:, 2], 0.0), firsts)
    columns = [
        np.add.reduceat(rows[:, 0], firsts), finite, np.where(finite > 0, sums / np.maximum(finite, 1), np.nan),
        np.minimum.reduceat(rows[:, 3], firsts), np.maximum.reduceat(rows[:, 4], firsts),
    ]  # fmt: skip
    return np.stack(columns, 1)
