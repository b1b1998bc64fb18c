"""Emoji as pictures of 32 x 32 pixels with their names, drawn from the font Noto Color Emoji."""

import io
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["drawn", "make"]

GLYPH = 109
"""The one size of the font's pictures, 136 x 128 pixels."""

WIDTH, HEIGHT, PIXELS = 136, 128, 32
FULLY_QUALIFIED = 2


def make(font: Path, english: Path, chinese: Path) -> bytes:
    """An .npz of pictures `x`, shape (n, 32, 32, 3), uint8, on white, and of their names, `en` and `zh`.

    Left out are those that the font draws as several, since it is older than they are; a single sign that it lacks is
    a white picture.

    Args:
        font: NotoColorEmoji.ttf.
        english: emoji.json of the PyPI package emoji.
        chinese: emoji_zh.json.
    """
    facts = json.loads(english.read_text(encoding="utf-8"))
    translations = json.loads(chinese.read_text(encoding="utf-8"))
    pictures = drawn(font, [sign for sign, fact in facts.items() if fact["status"] == FULLY_QUALIFIED])
    content = io.BytesIO()
    np.savez_compressed(
        content,
        x=np.stack([*pictures.values()]),
        en=np.array([facts[sign]["en"].strip(":") for sign in pictures]),
        zh=np.array([translations[sign].strip(":") for sign in pictures]),
    )
    return content.getvalue()


def drawn(font: Path, signs: Iterable[str]) -> dict[str, NDArray[np.uint8]]:
    """The pictures of those signs that the font draws as one."""
    from PIL import Image, ImageDraw, ImageFont

    loaded, pictures = ImageFont.truetype(str(font), GLYPH), {}
    for sign in signs:
        if loaded.getlength(sign) <= WIDTH:
            picture = Image.new("RGB", (WIDTH, WIDTH), "white")
            ImageDraw.Draw(picture).text((0, (WIDTH - HEIGHT) // 2), sign, font=loaded, embedded_color=True)
            pictures[sign] = np.asarray(picture.resize((PIXELS, PIXELS), Image.Resampling.BOX))
    return pictures
