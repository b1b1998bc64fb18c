"""Fonts for the pictures of workloads."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont, ImageFont

__all__ = ["font_for"]

CHINESE = ("NotoSansCJK-Regular.ttc", "NotoSansSC-Regular.otf", "PingFang.ttc", "msyh.ttc", "simhei.ttf")
"""Files of fonts that have most letters and Chinese characters, as Linux, macOS and Windows have them."""

LATIN = "\u024f"


def font_for(text: str, size: int) -> "FreeTypeFont | ImageFont":
    """Pillow's own font for Latin letters, else an installed one with Chinese characters, if there is one."""
    from PIL import ImageFont

    for name in CHINESE if max(text, default="") > LATIN else ():
        try:
            return ImageFont.truetype(name, size)
        except OSError:  # it is not installed
            continue
    return ImageFont.load_default(size)
