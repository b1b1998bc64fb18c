"""Board game: connect four on 4 x 5, moves and results learnt from the exact solution, a small network."""

from dataclasses import dataclass
from functools import cache, partial
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, pad

from ...base.checks import check_whole
from ...base.errors import InvalidValue
from ...base.text import Text
from ..families import family
from ..supervised import Data, Supervised, SupervisedSession
from .board_picture import picture
from .connect_four import ConnectFour
from .connect_four_solution import ILLEGAL, solution

if TYPE_CHECKING:
    from PIL.Image import Image

OWN = Text(
    "Board game: connect four on {} x {}, moves and results learnt from the exact solution, a small network.",
    "棋类：{} 行 {} 列的四子棋，小型网络从精确解学习着法与胜负。",
)

about_zh = "棋类：4 行 5 列的四子棋，小型网络从精确解学习着法与胜负。"

DRAWN, HELD_OUT = 400_000, 1000
NEVER = -1e4  # the score of a move into a full column

QUICK = {"rows": 4, "columns": 4, "width": 64, "steps": 300}
"""Settings for a run that takes less than three seconds."""


@family
def board(rows: int = 4, columns: int = 5, width: int = 256, depth: int = 2) -> "Board":
    """A network that looks at a position once, without search, and tells the best move and who wins.

    Args:
        rows: of the board, from 3.
        columns: of the board, from 4; `columns * (rows + 1)` is at most 25, so that it is solved in a second.
        width: numbers in a hidden layer.
        depth: hidden layers.

    Raises:
        InvalidValue: a setting out of its range.
    """
    game = game_of("board", rows, columns)
    check_whole("board: width", width)
    check_whole("board: depth", depth)
    return Board(
        about="" if (rows, columns) == (4, 5) else OWN.en.format(rows, columns),
        about_zh="" if (rows, columns) == (4, 5) else OWN.zh.format(rows, columns),
        data=partial(taught, game),
        model=partial(Network, game, width, depth),
        loss=loss,
        metric=best_moves,
        metric_name="best moves",
        higher_is_better=True,
        target=0.89,
        batch_size=128,
        steps=3000,
        game=game,
    )


def game_of(name: str, rows: int, columns: int) -> ConnectFour:
    """Connect four of this size.

    Raises:
        InvalidValue: nothing is to be decided on it, or it has too many positions.
    """
    check_whole(f"{name}: rows", rows, 3)
    check_whole(f"{name}: columns", columns, 4)
    if (bits := columns * (rows + 1)) > 25:
        raise InvalidValue(f"{name}: columns * (rows + 1) must be at most 25 for a board that is solved, got {bits}")
    return ConnectFour(rows, columns)


@cache
def taught(game: ConnectFour) -> Data:
    """Positions and what the solution says of them: the share of each move among the best ones, and the result.

    Drawn from all in which the game goes on; of a position and its mirror image only one. Where all moves lead to the
    same result, none is to be learnt, and the shares are 0. Held out are positions where the move matters.
    """
    solved, generator = solution(game), np.random.default_rng(0)
    keys = solved.keys()
    positions = game.position(generator.choice(keys, min(DRAWN, len(keys)), replace=False))
    positions = positions[~game.has_four(positions.other) & (positions.taken != game.full)]
    both = np.minimum(game.key(positions), game.key(game.mirrored(positions)))
    positions = positions[generator.permutation(np.unique(both, return_index=True)[1])]

    results = solved.results(positions)
    value = results.max(axis=1)
    best = results == value[:, None]
    matters = best.sum(axis=1) < (results != ILLEGAL).sum(axis=1)
    shares = best * matters[:, None] / best.sum(axis=1, keepdims=True)
    targets = np.concatenate([shares, value[:, None] == (1, 0, -1)], axis=1).astype(np.float32)
    held_out = np.flatnonzero(matters)[: min(HELD_OUT, len(value) // 5)]
    training = np.delete(np.arange(len(value)), held_out)
    inputs, outputs = torch.tensor(game.planes(positions)), torch.tensor(targets)
    return inputs[training], outputs[training], inputs[held_out], outputs[held_out]


class Network(nn.Sequential):
    """Scores of the moves, then of win, draw and loss, from both players' stones.

    Its hidden layers see the whole board at once: on one this small they learn more in a second than convolutions.
    """

    def __init__(self, game: ConnectFour, width: int, depth: int) -> None:
        sizes = [2 * game.rows * game.columns, *[width] * depth]
        hidden = [layer for pair in pairwise(sizes) for layer in (nn.Linear(*pair), nn.ReLU())]
        super().__init__(nn.Flatten(), *hidden, nn.Linear(width, game.columns + 3))

    def forward(self, planes: Tensor) -> Tensor:
        """From shape (n, 2, rows, columns) to (n, columns + 3)."""
        scores: Tensor = super().forward(planes.float())  # type: ignore[no-untyped-call]
        full = planes[:, :, -1].sum(dim=1) > 0
        return scores.masked_fill(pad(full, (0, 3)), NEVER)


def loss(output: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy of the move and of the result, in nats."""
    return cross_entropy(output[:, :-3], targets[:, :-3]) + cross_entropy(output[:, -3:], targets[:, -3:])


def best_moves(output: Tensor, targets: Tensor) -> Tensor:
    """How often the move with the highest score is a best one."""
    return (targets.gather(1, output[:, :-3].argmax(dim=1, keepdim=True)) > 0).float().mean()


@dataclass(frozen=True, kw_only=True)
class Board(Supervised):
    """The problem, whose sessions can show what the network thinks."""

    game: ConnectFour

    def begin(self, seed: int, device: torch.device | str = "cpu") -> "Session":
        """A fresh network."""
        return Session(self, seed, device)


class Session(SupervisedSession):
    """One training."""

    _problem: Board

    def show(self, rows: int = 2, columns: int = 4) -> "Image":
        """Held-out positions, with what the network thinks and what is true."""
        return picture(self._problem.game, self.model, self._data[2][: rows * columns], columns)
