"""A picture of corrections: mistakes, what a network wrote, and what is right."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .lettering import font_for

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["picture"]

POINTS, LINE, SCALE = 15, 26, 2  # pixels; drawn larger by the scale, so that letters are sharp on any screen
INK, GREY, GREEN, RED = (60, 66, 76), (140, 146, 156), (26, 127, 55), (207, 34, 46)


def picture(corrections: Sequence[tuple[str, str, str]], columns: int) -> "Image":
    """A list in so many columns: each mistake in grey, then what was written, green where it is right.

    Where it is wrong, it is red, and the right word stands behind it.

    Args:
        corrections: what was wrong, what was written, what is right.
        columns: of the list, which goes on from the foot of one at the head of the next.
    """
    from PIL import Image, ImageDraw

    font = font_for("".join(map("".join, corrections)), POINTS * SCALE)
    widest = [max(font.getlength(text) for text in texts) + POINTS * SCALE for texts in zip(*corrections, strict=True)]
    starts = [sum(widest[:place]) for place in range(len(widest) + 1)]
    width, rows = round(starts[-1]) + LINE * SCALE, -(-len(corrections) // columns)
    sheet = Image.new("RGB", (columns * width, (rows + 1) * LINE * SCALE), "white")
    draw = ImageDraw.Draw(sheet)
    for index, (wrong, written, right) in enumerate(corrections):
        left, middle = index // rows * width + LINE * SCALE // 2, (index % rows + 1) * LINE * SCALE
        colours = (GREY, GREEN, INK) if written == right else (GREY, RED, INK)
        for text, start, colour in zip(
            (wrong, written, "" if written == right else right), starts, colours, strict=False
        ):
            draw.text((left + start, middle), text, colour, font, anchor="lm")
    return sheet
