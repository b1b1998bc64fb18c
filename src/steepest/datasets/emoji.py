"""Emoji as pictures of 32 x 32 pixels with their names, drawn from the font Noto Color Emoji."""

import io
import json
from pathlib import Path

import numpy as np

__all__ = ["make"]

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
    from PIL import Image, ImageDraw, ImageFont

    facts = json.loads(english.read_text(encoding="utf-8"))
    translations = json.loads(chinese.read_text(encoding="utf-8"))
    drawn = ImageFont.truetype(str(font), GLYPH)
    pictures, names, chinese_names = [], [], []
    for sign, fact in facts.items():
        if fact["status"] != FULLY_QUALIFIED or drawn.getlength(sign) > WIDTH:
            continue
        picture = Image.new("RGB", (WIDTH, WIDTH), "white")
        ImageDraw.Draw(picture).text((0, (WIDTH - HEIGHT) // 2), sign, font=drawn, embedded_color=True)
        pictures.append(np.asarray(picture.resize((PIXELS, PIXELS), Image.Resampling.BOX)))
        names.append(fact["en"].strip(":"))
        chinese_names.append(translations[sign].strip(":"))
    content = io.BytesIO()
    np.savez_compressed(content, x=np.stack(pictures), en=np.array(names), zh=np.array(chinese_names))
    return content.getvalue()
