"""Games of a player against itself, many at once, and a store of the positions of finished ones, to learn from."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .connect_four import ConnectFour
from .tree_search import Floats, Judge, TreeSearch

__all__ = ["Games"]

CONCENTRATION = 1.0
"""Of Dirichlet's distribution, from which the noise at the root of a search is drawn."""


class Games:
    """Games in progress, each move of which is drawn by the visits of a tree search, and a store of finished ones.

    Most games begin with random moves that do not end them, so that positions come about that good players avoid. What
    is learnt from a position are the visits of its moves, as shares, and how its game ended for the mover.

    Args:
        game: the rules.
        games: how many there are at a time.
        simulations: of the search for a move.
        capacity: positions in the store, of which new ones replace the oldest.
        temperature: the chance of a move is its visits to the power of 1 / temperature.
        from_start: the share of games that begin with an empty board. Of the others, the number of random moves is the
            larger of two, each drawn from 0 to two less than there are places.

    Attributes:
        searched: how many moves were searched for.
        finished: how many of them in games that have ended.
    """

    CHANGING = (
        "searched", "finished", "_keys", "_over", "_moves", "_past_keys", "_past_shares", "_stored_keys",
        "_stored_targets",
    )  # fmt: skip

    def __init__(
        self, game: ConnectFour, games: int, simulations: int, capacity: int = 100_000, temperature: float = 1.0,
        from_start: float = 0.1,
    ) -> None:  # fmt: skip
        self._game, self._simulations, self._temperature, self._from_start = game, simulations, temperature, from_start
        places = game.rows * game.columns
        self.searched = self.finished = 0
        self._keys, self._moves = np.zeros(games, np.int32), np.zeros(games, np.int64)
        self._over = np.ones(games, bool)  # such a game begins anew before the next move
        self._past_keys = np.zeros((games, places), np.int32)
        self._past_shares = np.zeros((games, places, game.columns), np.float32)
        self._stored_keys = np.zeros(capacity, np.int32)
        self._stored_targets = np.zeros((capacity, game.columns + 3), np.float32)

    def move(self, judge: Judge, generator: np.random.Generator) -> None:
        """Search for a move in every game, and make it; what has ended is stored."""
        self._begin(np.flatnonzero(self._over), generator)
        game, positions, each = self._game, self._game.position(self._keys), np.arange(len(self._keys))
        noise = generator.standard_gamma(CONCENTRATION, (len(each), game.columns)) * game.legal(positions)
        noise /= noise.sum(axis=1, keepdims=True)
        visits = TreeSearch(game, judge, self._simulations).visits(positions, noise)
        self._past_keys[each, self._moves] = self._keys
        self._past_shares[each, self._moves] = visits / visits.sum(axis=1, keepdims=True)
        self._moves += 1
        self.searched += len(each)
        largest = visits.max(axis=1, keepdims=True)
        positions = game.play(positions, drawn((visits / largest) ** (1 / self._temperature), generator))
        won = game.has_four(positions.other)
        self._keys, self._over = game.key(positions), won | (positions.taken == game.full)
        self._store(np.flatnonzero(self._over), won)

    def _begin(self, games: NDArray[np.int64], generator: np.random.Generator) -> None:
        """Fresh games, after the random moves."""
        game, positions = self._game, self._game.empty(len(games))
        most = game.rows * game.columns - 2
        counts = generator.integers(0, most, (2, len(games)), endpoint=True).max(axis=0)
        counts[generator.random(len(games)) < self._from_start] = 0
        for count in range(counts.max(initial=0)):
            harmless = game.legal(positions) & ~game.wins(positions)
            going_on = np.flatnonzero((count < counts) & harmless.any(axis=1))
            after = game.play(positions[going_on], drawn(harmless[going_on], generator))
            positions.mover[going_on], positions.taken[going_on] = after.mover, after.taken
        self._keys[games], self._moves[games] = game.key(positions), 0

    def _store(self, games: NDArray[np.int64], won: NDArray[np.bool_]) -> None:
        """The positions of games that have ended, with what is to be learnt from them."""
        moves = self._moves[games, None]
        past = np.arange(self._past_keys.shape[1]) < moves
        is_last_mover = (moves - np.arange(past.shape[1])) % 2 == 1
        results = np.where(is_last_mover, 1, -1) * won[games, None]
        places = (self.finished + np.arange(past.sum())) % len(self._stored_keys)
        self._stored_keys[places] = self._past_keys[games][past]
        self._stored_targets[places, :-3] = self._past_shares[games][past]
        self._stored_targets[places, -3:] = results[past][:, None] == (1, 0, -1)
        self.finished += len(places)

    def batch(self, size: int, generator: np.random.Generator) -> tuple[NDArray[np.uint8], Floats]:
        """Positions of the store, about half of them in a mirror, as planes, and what is to be learnt from them."""
        chosen = generator.integers(0, min(self.finished, len(self._stored_keys)), size)
        planes = self._game.planes(self._game.position(self._stored_keys[chosen]))
        targets = self._stored_targets[chosen]
        mirrored = generator.random(size) < 0.5
        planes[mirrored] = planes[mirrored, ..., ::-1]
        targets[mirrored, :-3] = targets[mirrored, -4::-1]
        return planes, targets

    def state_dict(self) -> dict[str, Any]:
        """All that changes."""
        return {name: getattr(self, name) for name in self.CHANGING}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there."""
        for name in self.CHANGING:
            setattr(self, name, np.copy(state[name]) if isinstance(state[name], np.ndarray) else state[name])


def drawn(weights: NDArray[Any], generator: np.random.Generator) -> NDArray[np.int64]:
    """For each row of weights, from 0, an index drawn in proportion to them."""
    ends = weights.cumsum(axis=1)
    indexes: NDArray[np.int64] = (generator.random((len(ends), 1)) * ends[:, -1:] >= ends).sum(axis=1)
    return indexes
