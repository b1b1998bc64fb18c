"""The colour, mark and dash of each rule: the same in every picture.

They are the fact `look` of the rule. A rule without one gets a look of this palette that follows from its name. The
first seven colours are Okabe and Ito's, which the colour-blind tell apart; the others were found by going, again and
again, to the colour farthest from all before, seen with normal, red-blind and green-blind eyes. Mark and dash tell
rules apart where colours cannot, as on black-and-white paper.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from matplotlib import colors

from ..rules import WRAPPERS, class_named
from ..rules.base import DASHES as NAMES_OF_DASHES

__all__ = ["Look", "colors_and_marks", "lightness", "luminance", "made_look", "mix"]

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

    @property
    def line(self) -> dict[str, Any]:
        """Matplotlib's arguments of a line with marks."""
        return {"color": self.colour, "linestyle": self.dash, "marker": self.marker}

    @property
    def dashes(self) -> tuple[float, ...]:
        """Lengths of dashes and gaps in widths of the line; empty for a solid line."""
        return () if isinstance(self.dash, str) else self.dash[1]


def colors_and_marks(name: str, variant: int = 0, dark: bool = False, look: Sequence[str] | None = None) -> Look:
    """The look of a rule; `variant` counts further settings of the same rule in one picture.

    Args:
        name: of the rule.
        variant: 0 is the rule's own look.
        dark: for dark paper.
        look: the fact of the rule; None looks it up, or makes one of the name.

    >>> colors_and_marks("sgd")
    Look(colour='#0072b2', marker='o', dash='solid')
    >>> colors_and_marks("sgd", 1)
    Look(colour='#80b8d8', marker='P', dash=(0, (4, 1.5)))
    """
    known = class_named(name.lower()) if look is None else None
    colour, marker, dash = look or (known and known.look) or made_look(name)
    tints = _tints(colour, dark)
    if marker in MARKERS:  # a rule may have another, which it keeps
        marker = MARKERS[(MARKERS.index(marker) + 5 * variant) % len(MARKERS)]
    dash_of_variant = DASHES[(NAMES_OF_DASHES.index(dash) + variant) % len(DASHES)]
    return Look(tints[variant % len(tints)], marker, dash_of_variant)


def made_look(name: str) -> tuple[str, str, str]:
    """The look of a rule that has none of its own, which follows from its name; a wrapped rule keeps its colour."""
    outer, bracket, inner = name.partition("(")
    if bracket and outer in WRAPPERS:
        inner = inner.removesuffix(")")
        known = class_named(inner)
        return ((known and known.look) or made_look(inner))[0], WRAPPERS[outer].marker, "dashdot"
    place = len(PALETTE) + zlib.crc32(name.encode()) % 84
    dash = NAMES_OF_DASHES[place // ROUND % len(DASHES)]
    return PALETTE[place % len(PALETTE)], MARKERS[place % len(MARKERS)], dash


@cache
def _tints(colour: str, dark: bool) -> tuple[str, ...]:
    """The colour, then its tints, each the one whose lightness is farthest from those before."""
    low, high = ON_DARK if dark else ON_LIGHT
    taken = [_on_dark(colour) if dark else mix(colour, colour, 0.0)]
    left = [tint for tint in (mix(taken[0], *mixture) for mixture in TINTS) if low <= lightness(tint) <= high]
    while left:
        apart = [min(abs(lightness(tint) - lightness(used)) for used in taken) for tint in left]
        taken.append(left.pop(apart.index(max(apart))))
    return tuple(taken)


def _on_dark(colour: str) -> str:
    """The colour for dark paper: what is dark becomes light, black nearly white; the others stay as they are."""
    own = lightness(colour)
    target = max(own, ON_DARK[0]) if own > 40 else ON_DARK[1] - 0.7 * own
    tints = [mix(colour, "white", share / 50) for share in range(50)]
    return min(tints, key=lambda tint: abs(lightness(tint) - target))


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
    y = luminance(colour)
    return float(116 * y ** (1 / 3) - 16 if y > 216 / 24389 else y * 24389 / 27)


def luminance(colour: str) -> float:
    """Relative luminance, from 0 (black) to 1 (white)."""
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colors.to_rgb(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
