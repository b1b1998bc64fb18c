"""Which colour and mark belongs to which rule: the same in every picture, whoever draws it.

A rule's look follows from its place in `steepest.rules.RULES`. The first seven colours are Okabe and Ito's, which the
colour-blind tell apart; the others were found by going, again and again, to the colour farthest from all before, seen
with normal, red-blind and green-blind eyes. Mark and dash tell rules apart where colours cannot, as on black-and-white
paper.
"""

import zlib
from dataclasses import dataclass
from functools import cache
from typing import Literal

from matplotlib import colors

from ..rules import RULES

__all__ = ["Look", "colors_and_marks", "lightness", "mix"]

PALETTE = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000",
    "#785AE6", "#782D1E", "#B4B469", "#690F69", "#1E5A5A", "#7896FF", "#784B00",
    "#004BA5", "#E1A5A5", "#3CC3D2", "#780F3C", "#5A874B", "#785A87", "#5A694B",
)  # fmt: skip
"""Okabe and Ito's colours come first, without the yellow that white paper swallows."""

ROUND = 7
"""Rules that share a dash."""

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "p", "<", "h", ">", "d")

Dash = Literal["solid"] | tuple[float, tuple[float, ...]]
DASHES: tuple[Dash, ...] = ("solid", (0, (4, 1.5)), (0, (1, 1.2)), (0, (5, 1.5, 1, 1.5)))

TINTS = [(other, share / 10) for other in ("black", "white") for share in range(1, 8)]
"""What a rule's colour may be mixed with for other settings of the same rule, and how much of it."""

ON_LIGHT, ON_DARK = (18.0, 74.0), (50.0, 93.0)
"""Lightness of a line, so that it vanishes neither in the paper nor in the ink."""


@dataclass(frozen=True)
class Look:
    """How a rule is drawn: colour as `#rrggbb`, Matplotlib's names of marker and dash."""

    colour: str
    marker: str
    dash: Dash


def colors_and_marks(name: str, variant: int = 0, dark: bool = False) -> Look:
    """The look of a rule, by its name; `variant` counts further settings of the same rule in one picture.

    >>> colors_and_marks("sgd")
    Look(colour='#0072b2', marker='o', dash='solid')
    >>> colors_and_marks("sgd", 1)
    Look(colour='#80b8d8', marker='P', dash=(0, (4, 1.5)))
    """
    place = _place(name)
    tints = _tints(PALETTE[place % len(PALETTE)], dark)
    return Look(
        colour=tints[variant % len(tints)],
        marker=MARKERS[(place + 5 * variant) % len(MARKERS)],
        dash=DASHES[(variant + place // ROUND) % len(DASHES)],
    )


def _place(name: str) -> int:
    """The rule's place among all; one of a user's own has a place behind them that only depends on its name."""
    known = list(RULES)
    return known.index(name.lower()) if name.lower() in known else len(known) + zlib.crc32(name.encode()) % 84


@cache
def _tints(colour: str, dark: bool) -> tuple[str, ...]:
    """The colour, then its tints, each the one whose lightness is farthest from those before."""
    low, high = ON_DARK if dark else ON_LIGHT
    taken = [_on_dark(colour) if dark else mix(colour, colour, 0.0)]
    left = [tint for tint in (mix(taken[0], *each) for each in TINTS) if low <= lightness(tint) <= high]
    while left:
        apart = [min(abs(lightness(tint) - lightness(each)) for each in taken) for tint in left]
        taken.append(left.pop(apart.index(max(apart))))
    return tuple(taken)


def _on_dark(colour: str) -> str:
    """The colour for dark paper: what is dark becomes light, black nearly white; the others stay as they are."""
    own = lightness(colour)
    wanted = max(own, ON_DARK[0]) if own > 40 else ON_DARK[1] - 0.7 * own
    tints = [mix(colour, "white", share / 50) for share in range(50)]
    return min(tints, key=lambda tint: abs(lightness(tint) - wanted))


# --- colours ----------------------------------------------------------------------------------------------------------


def mix(colour: str, other: str, share: float) -> str:
    """A colour with a share of another mixed in, as `#rrggbb`.

    >>> mix("#000000", "white", 0.2)
    '#333333'
    """
    pairs = zip(colors.to_rgb(colour), colors.to_rgb(other), strict=True)
    red, green, blue = ((1 - share) * ours + share * theirs for ours, theirs in pairs)
    return colors.to_hex((red, green, blue))


def lightness(colour: str) -> float:
    """CIE lightness, from 0 (black) to 100 (white)."""
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colors.to_rgb(colour))
    y = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return float(116 * y ** (1 / 3) - 16 if y > 216 / 24389 else y * 24389 / 27)
