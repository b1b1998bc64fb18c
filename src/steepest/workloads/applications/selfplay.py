"""Board game without a teacher: connect four on 4 x 5, learnt from games against itself by tree search (AlphaZero)."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ...base.checks import check_whole
from ...base.text import Text
from ..digest import digest
from ..families import family
from ..recipe import Recipe, RecipeSession
from .board import Network, best_moves, game_of, loss, taught
from .board_picture import picture
from .connect_four import ConnectFour, Positions
from .self_play_games import Games
from .tree_search import Floats

if TYPE_CHECKING:
    from PIL.Image import Image

about_zh = "棋类自学：4 行 5 列的四子棋，通过树搜索与自己对弈来学习（AlphaZero）。"

OWN = Text(
    "Board game without a teacher: connect four on {} x {}, learnt from games against itself by tree search.",
    "棋类自学：{} 行 {} 列的四子棋，通过树搜索与自己对弈来学习。",
)

FIRST = 3000  # moves before the first step
REUSED = 2  # how often a position is learnt from

QUICK = {"rows": 4, "columns": 4, "width": 128, "games": 128, "simulations": 8, "steps": 300}
"""Settings for a run that takes less than three seconds."""


@family
def selfplay(
    rows: int = 4, columns: int = 5, width: int = 256, depth: int = 2, games: int = 256, simulations: int = 16
) -> "SelfPlayed":
    """A network as that of `board`, measured likewise, which is told nothing but the rules.

    Its data are games that it plays against itself while it learns: as the move it learns the visits of a tree search,
    as the result the end of the game (Silver et al. 2018).

    Args:
        rows: of the board, from 3.
        columns: of the board, from 4; `columns * (rows + 1)` is at most 25, so that moves can be judged exactly.
        width: numbers in a hidden layer.
        depth: hidden layers.
        games: played at a time.
        simulations: of the tree search for a move.

    Raises:
        InvalidValue: a setting out of its range.
    """
    game = game_of("selfplay", rows, columns)
    for name, value in {"width": width, "depth": depth, "games": games, "simulations": simulations}.items():
        check_whole(f"selfplay: {name}", value)
    is_own = (rows, columns) != (4, 5)
    return SelfPlayed(
        about=OWN.en.format(rows, columns) if is_own else "",
        about_zh=OWN.zh.format(rows, columns) if is_own else "",
        model=partial(Network, game, width, depth),
        game=game,
        games=games,
        simulations=simulations,
    )


@dataclass(frozen=True, kw_only=True)
class SelfPlayed(Recipe):
    """The problem: where its data come from, beside the model."""

    about: str
    about_zh: str
    game: ConnectFour
    games: int
    simulations: int

    metric_name = "best moves"
    target = 0.85
    batch_size = 128
    steps = 4000

    def begin(self, seed: int, device: torch.device | str = "cpu") -> "Session":
        """A fresh network that has played nothing."""
        return Session(self, seed, device)


class Session(RecipeSession):
    """One training, whose batches come from the games of its model."""

    def __init__(self, problem: SelfPlayed, seed: int, device: torch.device | str) -> None:
        super().__init__(problem, seed, device)
        self._problem, self._held_out = problem, [part.to(device) for part in taught(problem.game)[2:]]
        self._played = Games(problem.game, problem.games, problem.simulations)
        self.next_batch, self.period = self._next, max(1, REUSED * problem.games // (problem.batch_size or 1))

    def _next(self) -> tuple[Tensor, Tensor]:
        """A batch, after as many moves as keep learning and playing in step; its number decides the random numbers."""
        generator, size = np.random.default_rng((self._seed % 2**64, self._batch)), self._problem.batch_size or 1
        with self.evaluated():
            while self._played.finished < size or self._played.searched < FIRST + self._batch * size / REUSED:
                self._played.move(self._judge, generator)
        planes, targets = self._played.batch(size, generator)
        return torch.from_numpy(planes).to(self._on), torch.from_numpy(targets).to(self._on)

    def _judge(self, positions: Positions) -> tuple[Floats, Floats]:
        """What the model thinks of the moves, and the chance of a win less that of a loss."""
        output = self.model(torch.from_numpy(self._problem.game.planes(positions)).to(self._on)).float()
        result = output[:, -3:].softmax(dim=1)
        return output[:, :-3].softmax(dim=1).cpu().numpy(), (result[:, 0] - result[:, 2]).cpu().numpy()

    def loss_of(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        """Of the model's output on the batch."""
        return loss(self.model(batch[0]), batch[1])

    def measure(self) -> dict[str, Tensor]:
        """By the exact solution, on the same held-out positions as `board`."""
        with self.evaluated():
            output = self.model(self._held_out[0])
            return {"loss": loss(output, self._held_out[1]), "best moves": best_moves(output, self._held_out[1])}

    def fingerprint(self) -> bytes:
        """Of the held-out positions; what is learnt from follows from the model."""
        return digest(self._held_out)

    def state_dict(self) -> dict[str, Any]:
        """What `RecipeSession` has, and the games."""
        return super().state_dict() | {"played": self._played.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there."""
        super().load_state_dict(state)
        self._played.load_state_dict(state["played"])

    def show(self, rows: int = 2, columns: int = 4) -> "Image":
        """Held-out positions, with what the network thinks and what is true."""
        return picture(self._problem.game, self.model, self._held_out[0][: rows * columns], columns)
