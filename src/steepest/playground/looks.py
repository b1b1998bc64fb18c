"""The colours of the rules on a dark page: the same hue, light enough to be read there."""

import colorsys

from matplotlib.colors import to_hex, to_rgb

from ..figures.looks import luminance

__all__ = ["DARK_PAPER", "contrast", "dark"]

DARK_PAPER = "#16181c"
ENOUGH = 4.5
"""Contrast of the Web Content Accessibility Guidelines for text."""


def dark(colour: str) -> str:
    """The colour for dark paper: as it is if it stands out, else lighter; a grey turned into its opposite.

    >>> dark("#0072b2"), dark("#e69f00"), dark("#000000")
    ('#0086d1', '#e69f00', '#ffffff')
    """
    hue, lightness, saturation = colorsys.rgb_to_hls(*to_rgb(colour))
    if saturation < 0.1 and lightness < 0.5:
        lightness = 1 - lightness
    while contrast(shown := to_hex(colorsys.hls_to_rgb(hue, lightness, saturation)), DARK_PAPER) < ENOUGH:
        lightness += 0.01
    return shown


def contrast(one: str, other: str) -> float:
    """The contrast of two colours, from 1 to 21, as the WCAG defines it."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)
