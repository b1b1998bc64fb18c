"""Tree search as in AlphaZero: PUCT, guided by a network, in many games at once.

A simulation goes down the tree of a game to a move that has not been tried, asks the network about the position behind
it, and adds the answer to every move on its way. The games go together: one call of the network judges a position of
each.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .connect_four import ConnectFour, Positions

__all__ = ["Judge", "TreeSearch"]

Floats = NDArray[np.float32]

Judge = Callable[[Positions], tuple[Floats, Floats]]
"""Gives for positions the chance of each move, shape (n, columns), and the expected result for the mover, from -1 to 1,
shape (n,). What it says of moves that the rules forbid is not looked at."""


@dataclass(frozen=True)
class TreeSearch:
    r"""How often each move is tried.

    In each position the move with the largest

    $$Q + c \, P \, \frac{\sqrt{N}}{1 + n}$$

    is followed (Silver et al. 2018): $Q$ is its mean result so far, of a move that has not been tried that of the
    position; $P$ is the network's chance, $n$ how often the move was tried, $N$ how often the position was reached.

    Attributes:
        game: the rules.
        judge: the network.
        simulations: how many each game gets.
        exploration: $c$.

    >>> def knows_nothing(positions):
    ...     return np.ones((len(positions), 4)), np.zeros(len(positions))
    >>> game = ConnectFour(4, 4)
    >>> position = game.empty(1)
    >>> for column in (0, 1, 0, 1, 0, 1):
    ...     position = game.play(position, column)
    >>> int(TreeSearch(game, knows_nothing, 40).visits(position).argmax())  # the fourth stone in column 0 wins
    0
    """

    game: ConnectFour
    judge: Judge
    simulations: int
    exploration: float = 1.0

    def visits(self, positions: Positions, noise: NDArray[Any] | None = None, share: float = 0.25) -> Floats:
        """How often each move was tried, shape (n, columns); in none of the positions may the game be over.

        Args:
            positions: one of each game.
            noise: chances of the moves, such as from Dirichlet's distribution, that are mixed into those at the root.
            share: of the noise in the mixture.
        """
        tree = _Tree(self.game, len(positions) * (self.simulations + 1))
        roots = np.arange(len(positions)) * (self.simulations + 1)
        tree.add(roots, positions, *self.judge(positions))
        if noise is not None:
            tree.prior[roots] = (1 - share) * tree.prior[roots] + share * noise
        for simulation in range(1, self.simulations + 1):
            path = tree.descend(roots, self.exploration)
            self._judge_end(tree, path, roots + simulation)
        return tree.tried[roots]

    def _judge_end(self, tree: "_Tree", path: "list[_Moves]", places: NDArray[np.int64]) -> None:
        """Judge the position at the end of each path, by the rules or by the network, and add that to all its moves."""
        nodes, columns = np.empty_like(places), np.empty_like(places)
        for games, node, column in path:
            nodes[games], columns[games] = node, column
        ends = self.game.play(tree.positions[nodes], columns)
        lost, full = self.game.has_four(ends.other), ends.taken == self.game.full
        values = np.where(lost, np.float32(-1), np.float32(0))
        if len(fresh := np.flatnonzero(~lost & ~full)):
            chances, values[fresh] = self.judge(ends[fresh])
            tree.child[nodes[fresh], columns[fresh]] = places[fresh]
            tree.add(places[fresh], ends[fresh], chances, values[fresh])
        for games, node, column in reversed(path):
            values[games] = -values[games]  # what is good for one side is bad for the other
            tree.tried[node, column] += 1
            tree.total[node, column] += values[games]


_Moves = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]
"""Which games make a move, from which nodes, into which columns."""


class _Tree:
    """The nodes of all games; a move that has not been tried leads to node 0, which is the first game's root."""

    def __init__(self, game: ConnectFour, nodes: int) -> None:
        self._game, shape = game, (nodes, game.columns)
        self.positions = game.empty(nodes)
        self.prior, self.tried, self.total = (np.zeros(shape, np.float32) for _ in range(3))
        self.barred = np.zeros(shape, np.float32)  # minus infinity where the rules forbid a move
        self.value = np.zeros(nodes, np.float32)
        self.child = np.zeros(shape, np.int64)

    def add(self, nodes: NDArray[np.int64], positions: Positions, chances: Floats, values: Floats) -> None:
        """Positions that were judged."""
        self.positions.mover[nodes], self.positions.taken[nodes] = positions.mover, positions.taken
        legal = self._game.legal(positions)
        chances = chances * legal
        self.prior[nodes] = chances / chances.sum(axis=1, keepdims=True)
        self.barred[nodes] = np.where(legal, np.float32(0), np.float32(-np.inf))
        self.value[nodes] = values

    def descend(self, roots: NDArray[np.int64], exploration: float) -> list[_Moves]:
        """In each game, the moves from the root to one that has not been tried or that ends the game."""
        path, games, nodes = list[_Moves](), np.arange(len(roots)), roots
        while len(games):
            tried, total = self.tried[nodes], self.total[nodes]
            reached = 1 + tried.sum(axis=1, keepdims=True)
            mean = (self.value[nodes, None] + total.sum(axis=1, keepdims=True)) / reached
            result = np.where(tried > 0, total / np.maximum(tried, 1), mean)
            score = result + exploration * self.prior[nodes] * np.sqrt(reached) / (1 + tried) + self.barred[nodes]
            columns = score.argmax(axis=1)
            path.append((games, nodes, columns))
            nodes = self.child[nodes, columns]
            games, nodes = games[nodes > 0], nodes[nodes > 0]
        return path
