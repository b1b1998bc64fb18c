"""A picture of positions of connect four: what a network thinks of each move, and what the exact solution says."""

from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from .connect_four import ConnectFour
from .connect_four_solution import solution

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["picture"]

CELL, MARGIN, SCALE = 34, 22, 3  # pixels; drawn larger by the scale and reduced, for smooth edges
BLUE, HOLE, RED, YELLOW, INK = (38, 84, 160), (233, 238, 246), (214, 48, 49), (247, 202, 60), (70, 76, 86)
COLOURS = {1: (46, 160, 67), 0: (140, 146, 156), -1: (207, 34, 46)}
SIGNS = {1: ((-7, -1.5, 7, 1.5), (-1.5, -7, 1.5, 7)), 0: ((-7, -5, 7, -2), (-7, 2, 7, 5)), -1: ((-7, -1.5, 7, 1.5),)}
"""Plus, equals and minus as bars around a point; not every font has a minus."""


@torch.no_grad()
def picture(game: ConnectFour, model: nn.Module, planes: Tensor, columns: int) -> "Image":
    """Positions, so many side by side; red is to move.

    Above each column stands the chance that the network gives to the move, with a mark at its choice: green where no
    move is better, else red. Below it stands what the move leads to: + a win, = a draw, - a loss. At the bottom are the
    chances of win, draw and loss (green, grey, red), above the colour of the exact result.
    """
    from PIL import Image

    output, shown = model(planes).cpu(), planes.cpu().numpy()
    chances, predicted = output[:, :-3].softmax(dim=1).numpy(), output[:, -3:].softmax(dim=1).numpy()
    results = solution(game).results(game.from_planes(shown))
    width, height = game.columns * CELL + MARGIN, (game.rows + 2) * CELL + 16 + MARGIN
    size = columns * width + MARGIN, -(-len(shown) // columns) * height + MARGIN
    sheet = Image.new("RGB", (size[0] * SCALE, size[1] * SCALE), "white")
    for index, parts in enumerate(zip(shown, chances, predicted, results, strict=True)):
        _Pen(sheet, index % columns * width + MARGIN, index // columns * height + MARGIN).position(*parts)
    return sheet.resize(size, Image.Resampling.LANCZOS)


class _Pen:
    """Draws at a place of a sheet."""

    def __init__(self, sheet: "Image", left: int, top: int) -> None:
        from PIL import ImageDraw, ImageFont

        self._draw, self._left, self._top = ImageDraw.Draw(sheet), left, top
        self._font = ImageFont.load_default(11 * SCALE)

    def _at(self, *numbers: float) -> list[float]:
        """Of x, y, x, y ... the places on the sheet."""
        return [SCALE * (number + (self._top if odd % 2 else self._left)) for odd, number in enumerate(numbers)]

    def position(
        self, planes: NDArray[np.uint8], chances: NDArray[np.float32], predicted: NDArray[np.float32],
        results: NDArray[np.int8],
    ) -> None:  # fmt: skip
        """One position, as `picture` says."""
        _, rows, columns = planes.shape
        width, foot = columns * CELL, (rows + 1) * CELL
        self._draw.rounded_rectangle(self._at(0, CELL, width, foot), 6 * SCALE, BLUE)
        for row, column in np.ndindex(rows, columns):
            x, y = column * CELL, (rows - row) * CELL
            mine, other = planes[:, row, column]
            colour = RED if mine else YELLOW if other else HOLE
            self._draw.ellipse(self._at(x + 4, y + 4, x + CELL - 4, y + CELL - 4), colour)
        for column, result in enumerate(results.tolist()):
            if result in SIGNS:
                self._move(column * CELL, float(chances[column]))
                self._sign((column + 0.5) * CELL, foot + CELL / 2, result)
        x, best = int(chances.argmax()) * CELL + CELL / 2, int(results.max())
        mark = COLOURS[1 if results[chances.argmax()] == best else -1]
        self._draw.polygon(self._at(x - 6, CELL - 7, x + 6, CELL - 7, x, CELL - 1), mark)
        ends = np.concatenate([[0], predicted.cumsum()]) * width
        for start, end, colour in zip(ends, ends[1:], COLOURS.values(), strict=False):
            self._draw.rectangle(self._at(start, foot + CELL, end, foot + CELL + 8), colour)
        self._draw.rectangle(self._at(0, foot + CELL + 10, width, foot + CELL + 14), COLOURS[best])

    def _move(self, x: float, chance: float) -> None:
        """The chance of a move, the darker the higher."""
        shade = tuple(round(255 - (255 - part) * chance) for part in BLUE)
        self._draw.rounded_rectangle(self._at(x + 2, 4, x + CELL - 2, CELL - 8), 3 * SCALE, shade)
        ink = "white" if chance > 0.5 else INK
        x, y = self._at(x + CELL / 2, CELL / 2 - 2)
        self._draw.text((x, y), f"{100 * chance:.0f}", ink, self._font, anchor="mm")

    def _sign(self, x: float, y: float, result: int) -> None:
        """What a move leads to."""
        for left, top, right, bottom in SIGNS[result]:
            self._draw.rectangle(self._at(x + left, y + top, x + right, y + bottom), COLOURS[result])
