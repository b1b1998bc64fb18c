"""Connect four solved: the result of every position under perfect play of both sides, from the last move backwards."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .connect_four import ConnectFour, Integers, Positions

__all__ = ["ILLEGAL", "Solution", "solution"]

ILLEGAL = -2
"""In place of the result of a move that the rules forbid."""

UNREACHED = -3


@dataclass(frozen=True, eq=False)
class Solution:
    """What perfect play leads to.

    Attributes:
        game: the game that is solved.
        values: by the key of a position, the result for the mover: 1 win, 0 draw, -1 loss; other keys have `UNREACHED`.
    """

    game: ConnectFour
    values: NDArray[np.int8]

    def keys(self) -> Integers:
        """Those of all positions that can come about, ascending; those where the game is over are among them."""
        return np.flatnonzero(self.values != UNREACHED).astype(np.int32)

    def results(self, positions: Positions) -> NDArray[np.int8]:
        """What each move leads to for the mover: 1, 0, -1, or `ILLEGAL`; shape (n, columns)."""
        results = np.full((len(positions), self.game.columns), ILLEGAL, np.int8)
        for column, legal in enumerate(self.game.legal(positions).T):
            results[legal, column] = -self.values[self.game.key(self.game.play(positions[legal], column))]
        return results

    def beats(self, choose: Callable[[Positions], NDArray[Any]]) -> bool:
        """Whether somebody who moves first and chooses columns so can lose to a perfect player.

        A perfect player may choose any of the best moves, so all of them are followed.
        """
        game, positions = self.game, self.game.empty(1)
        while len(positions):
            answered = game.play(positions, choose(positions))
            if (self.values[game.key(answered)] == 1).any():
                return True
            answered = answered[~game.has_four(answered.other) & (answered.taken != game.full)]
            results = self.results(answered)
            rows, columns = np.nonzero(results == results.max(axis=1, keepdims=True))
            after = game.play(answered[rows], columns)
            positions = game.position(np.unique(game.key(after[after.taken != game.full])))
        return False


@cache
def solution(game: ConnectFour) -> Solution:
    """Every position that can come about, found by the number of stones, then judged in the opposite order.

    The table has 2^(columns (rows + 1)) bytes, 32 MiB on 4 x 5.

    >>> solved = solution(ConnectFour(4, 4))
    >>> len(solved.keys()), solved.results(solved.game.empty(1)).tolist()  # positions; every first move draws
    (161029, [[0, 0, 0, 0]])
    """
    solved = Solution(game, np.full(game.keys, UNREACHED, np.int8))
    solved.values[0] = 0
    levels = [game.empty(1)]
    while len(levels[-1]):  # those in which the game goes on, all with the same number of stones
        legal = game.legal(levels[-1]).T
        reached = [_first_reached(solved, game.play(levels[-1][free], column)) for column, free in enumerate(legal)]
        levels.append(Positions.joined(reached))
    for positions in reversed(levels[:-1]):
        solved.values[game.key(positions)] = solved.results(positions).max(axis=1)
    return solved


def _first_reached(solved: Solution, after: Positions) -> Positions:
    """Those that the table does not have yet, of positions behind moves in one column; then the table has them.

    No two are the same: from a position and the column of the last stone follows the position before.
    """
    game = solved.game
    after = after[solved.values[game.key(after)] == UNREACHED]
    lost = game.has_four(after.other)
    solved.values[game.key(after)] = np.where(lost, -1, 0)
    return after[~lost & (after.taken != game.full)]
