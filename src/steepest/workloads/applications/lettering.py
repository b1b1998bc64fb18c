"""Fonts for the pictures of workloads."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont, ImageFont

__all__ = ["chinese_font", "font_for"]

FONTS = (
    ("NotoSansCJK-Regular.ttc", 2), ("NotoSansCJKsc-Regular.otf", 0), ("NotoSansSC-Regular.otf", 0),
    ("PingFang.ttc", 0), ("Hiragino Sans GB.ttc", 0), ("msyh.ttc", 0), ("simhei.ttf", 0), ("wqy-microhei.ttc", 0),
)  # fmt: skip
"""Those that have Latin and Chinese characters, on Linux, macOS and Windows, and which of a collection's."""

LATIN = "\u024f"
"""The last of the Latin letters, which Pillow's own font has."""


def chinese_font(size: int) -> "FreeTypeFont | None":
    """An installed font with Chinese characters, or None."""
    from PIL import ImageFont

    for file, index in FONTS:
        try:
            return ImageFont.truetype(file, size, index)
        except OSError:
            continue
    return None


def font_for(text: str, size: int) -> "FreeTypeFont | ImageFont":
    """Pillow's own font for Latin letters; for others one with Chinese characters, where there is one."""
    from PIL import ImageFont

    return (chinese_font(size) if max(text, default="") > LATIN else None) or ImageFont.load_default(size)
