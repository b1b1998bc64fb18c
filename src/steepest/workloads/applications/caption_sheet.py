"""A sheet of pictures with what a network says that they are, green where it is right."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .lettering import chinese_font
from .named_pictures import joined

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFont import FreeTypeFont, ImageFont

__all__ = ["sheet"]

SCALE, MARGIN, TEXT = 3, 14, 236
"""Of a picture; pixels around it; pixels that a line of words may take beside it."""

POINTS, LINE = 15, 20

RIGHT, WRONG, TRUTH = (26, 127, 55), (207, 34, 46), (101, 109, 118)


def sheet(
    pictures: NDArray[np.uint8], said: list[list[list[str]]], truth: list[list[list[str]]], columns: int
) -> "Image":
    """Pictures, so many side by side, each with its names beside it.

    Where no font with Chinese characters is installed, names that need one are left out.

    Args:
        pictures: shape (n, side, side, 3).
        said: for each language the words that the network says of each picture.
        truth: what it should have said.
        columns: of pictures.
    """
    from PIL import Image, ImageDraw, ImageFont

    chinese = chinese_font(POINTS)
    font = chinese or ImageFont.load_default(POINTS)
    side = SCALE * pictures.shape[1]
    cells = []
    for index in range(len(pictures)):
        names = [(spoken[index], true[index]) for spoken, true in zip(said, truth, strict=True)]
        cells.append([line for pair in names for line in _lines(*pair, font, chinese is not None)])
    height = MARGIN + max(side, LINE * max(map(len, cells)))
    width = side + TEXT + 2 * MARGIN
    drawn = Image.new("RGB", (columns * width + MARGIN, -(-len(cells) // columns) * height + MARGIN), "white")
    pen = ImageDraw.Draw(drawn)
    for index, (picture, lines) in enumerate(zip(pictures, cells, strict=True)):
        left, top = index % columns * width + MARGIN, index // columns * height + MARGIN
        drawn.paste(Image.fromarray(picture).resize((side, side), Image.Resampling.LANCZOS), (left, top))
        for number, (line, colour) in enumerate(lines):
            pen.text((left + side + MARGIN, top + number * LINE), line, colour, font)
    return drawn


def _lines(
    said: list[str], true: list[str], font: "FreeTypeFont | ImageFont", has_chinese: bool
) -> Iterator[tuple[str, tuple[int, int, int]]]:
    """Of one name, with their colours."""
    if not (has_chinese or joined(true).isascii()):
        return
    colour = RIGHT if said == true else WRONG
    yield from ((line, colour) for line in _broken(said, font))
    if said != true:
        yield from ((line, TRUTH) for line in _broken(true, font))


def _broken(words: list[str], font: "FreeTypeFont | ImageFont") -> Iterator[str]:
    """A name in lines that are short enough, where its words allow it."""
    line: list[str] = []
    for word in words:
        if line and font.getlength(joined([*line, word])) > TEXT:
            yield joined(line)
            line = []
        line.append(word)
    yield joined(line) or "–"
