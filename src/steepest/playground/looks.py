"""The colours of the rules on a dark page: the same hue, light enough to be read there."""

import colorsys

__all__ = ["DARK_PAPER", "contrast", "dark"]

DARK_PAPER = "#16181c"
ENOUGH = 4.5
"""Contrast of the Web Content Accessibility Guidelines for text."""


def dark(colour: str) -> str:
    """The colour for dark paper: as it is if it stands out, else lighter; a grey turned into its opposite.

    >>> dark("#0072b2"), dark("#e69f00"), dark("#000000")
    ('#0086d1', '#e69f00', '#ffffff')
    """
    hue, lightness, saturation = colorsys.rgb_to_hls(*_channels(colour))
    if saturation < 0.1 and lightness < 0.5:
        lightness = 1 - lightness
    while contrast(shown := _hex(colorsys.hls_to_rgb(hue, lightness, saturation)), DARK_PAPER) < ENOUGH:
        lightness += 0.01
    return shown


def contrast(one: str, other: str) -> float:
    """The contrast of two colours, from 1 to 21, as the WCAG defines it."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    parts = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in _channels(colour)]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def _channels(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue


def _hex(channels: tuple[float, float, float]) -> str:
    return "#" + "".join(f"{round(255 * channel):02x}" for channel in channels)
