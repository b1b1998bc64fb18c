"""Connect four on a board of any size: the rules, on bits, for many positions at once.

Two players drop stones into columns in turns; four in a row, upright, level or slanting, win. The stones of a player
are an integer: each column has `rows + 1` bits, the lowest place first, and the topmost is always 0, so that no row of
four goes on from one column's top to the next one's bottom.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["ConnectFour", "Positions"]

Integers = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Positions:
    """Positions, an element of the arrays each.

    Attributes:
        mover: the stones of the player who is to move.
        taken: the stones of both.
    """

    mover: Integers
    taken: Integers

    def __getitem__(self, index: Any) -> "Positions":
        """Some of them."""
        return Positions(self.mover[index], self.taken[index])

    def __len__(self) -> int:
        return len(self.taken)

    @classmethod
    def joined(cls, parts: "Sequence[Positions]") -> "Positions":
        """All of them, one behind the other."""
        return cls(np.concatenate([part.mover for part in parts]), np.concatenate([part.taken for part in parts]))

    @property
    def other(self) -> Integers:
        """The stones of the player who has just moved."""
        return self.mover ^ self.taken


@dataclass(frozen=True)
class ConnectFour:
    """The game on a board of a size.

    >>> game = ConnectFour(4, 5)
    >>> position = game.empty(1)
    >>> for column in (0, 1, 0, 1, 0, 1, 0):
    ...     position = game.play(position, np.array([column]))
    >>> game.has_four(position.other), game.has_four(position.mover), game.legal(position)
    (array([ True]), array([False]), array([[False,  True,  True,  True,  True]]))
    """

    rows: int
    columns: int

    @cached_property
    def _height(self) -> int:
        return self.rows + 1

    @cached_property
    def _bottom(self) -> Integers:
        """The lowest place of each column."""
        return np.int32(1) << np.arange(self.columns, dtype=np.int32) * self._height

    @cached_property
    def _places(self) -> Integers:
        """All places, in the order of a picture's rows from below, shape (rows, columns)."""
        return self._bottom << np.arange(self.rows, dtype=np.int32)[:, None]

    @cached_property
    def full(self) -> int:
        """A board with a stone in each place."""
        return int(self._places.sum())

    @property
    def keys(self) -> int:
        """A number above all keys."""
        return 1 << self.columns * self._height

    def empty(self, count: int) -> Positions:
        """The position at the start, so many times."""
        return Positions(np.zeros(count, np.int32), np.zeros(count, np.int32))

    def legal(self, positions: Positions) -> NDArray[np.bool_]:
        """Which columns are not full, shape (n, columns)."""
        free: NDArray[np.bool_] = (positions.taken[:, None] & self._places[-1]) == 0
        return free

    def play(self, positions: Positions, columns: NDArray[np.integer[Any]] | int) -> Positions:
        """The positions behind a move in each; the column may not be full."""
        return Positions(positions.other, positions.taken | positions.taken + self._bottom[columns])

    def has_four(self, stones: Integers) -> NDArray[np.bool_]:
        """Whether four of these stones are in a row."""
        found = np.zeros(stones.shape, bool)
        for step in (1, self._height - 1, self._height, self._height + 1):  # upright, falling, level, rising
            pairs = stones & stones >> step
            found |= (pairs & pairs >> 2 * step) != 0
        return found

    def wins(self, positions: Positions) -> NDArray[np.bool_]:
        """Which columns complete four of the mover's stones in a row, shape (n, columns); not asked of full ones."""
        taken = positions.taken[:, None]
        return self.has_four(positions.mover[:, None] | (taken + self._bottom & ~taken))

    def planes(self, positions: Positions) -> NDArray[np.uint8]:
        """The mover's stones and the other's, shape (n, 2, rows, columns), the lowest row first."""
        both = np.stack([positions.mover, positions.other], axis=1)
        seen: NDArray[np.bool_] = (both[:, :, None, None] & self._places) != 0
        return seen.astype(np.uint8)

    def from_planes(self, planes: NDArray[np.uint8]) -> Positions:
        """The positions that look like this."""
        mover, other = (planes * self._places).sum(axis=(2, 3), dtype=np.int32).T
        return Positions(mover, mover | other)

    def key(self, positions: Positions) -> Integers:
        """A number for each position, below `keys`: in a column with h stones it is from 2^h - 1 to 2^(h + 1) - 2."""
        return positions.mover + positions.taken

    def position(self, keys: Integers) -> Positions:
        """The positions of these keys."""
        taken, mover = np.zeros_like(keys), np.zeros_like(keys)
        heights = np.frexp(np.arange(1, 1 << self._height))[1] - 1  # rounded down logarithms, of key + 1
        stones = (np.int32(1) << heights.astype(np.int32)) - 1
        for shift in range(0, self.columns * self._height, self._height):
            part = keys >> shift & (1 << self._height) - 1
            taken |= stones[part] << shift
            mover |= part - stones[part] << shift
        return Positions(mover, taken)

    def mirrored(self, positions: Positions) -> Positions:
        """Left and right exchanged."""
        mover, taken = np.zeros_like(positions.mover), np.zeros_like(positions.taken)
        ends = range(0, self.columns * self._height, self._height)
        for start, end in zip(ends, reversed(ends), strict=True):
            mover |= (positions.mover >> start & (1 << self._height) - 1) << end
            taken |= (positions.taken >> start & (1 << self._height) - 1) << end
        return Positions(mover, taken)
