"""What a picture of a map shows, as plain data: colours of the starts, which ends are in the legend."""

import numpy as np
from matplotlib import colors
from numpy.typing import NDArray

from ..paths.maps import Axis, BasinMap, End, SweepMap
from .looks import PALETTE, mix
from .scales import Scale
from .style import Theme

__all__ = [
    "basin_image", "by_value", "ends_present", "legend_image", "nearest_cells", "swatch", "swept",
]  # fmt: skip

Floats = NDArray[np.float64]
Image = NDArray[np.uint8]

COLOURS = (*PALETTE[:5], "#785AE6", PALETTE[5], "#8C5A3C")
"""Of the minima, in their order: mostly the rules' first colours, without black, which here means divergence."""

MANY = 0.25
"""The share of starts at minima without a colour of their own from which on a map is coloured by value."""

SEEN = 1e-4
"""The share of starts from which on a way to end is in the legend."""

SHADES = 64
STRIPES = 60
"""Of the pattern for starts that arrive nowhere, across a picture."""


def by_value(basins: BasinMap) -> bool:
    """Whether there are more minima than colours, so that the depth of a minimum says more than its name."""
    return float((basins.end == End.OTHER).mean()) > MANY


def ends_present(basins: BasinMap) -> list[End]:
    """The ways to end at no minimum with a name that occur often enough to be seen."""
    return [end for end in End if (basins.end == end).mean() > SEEN]


def _ramps(count: int) -> Image:
    """Colours of each minimum, from few steps to many, shape (count, shades, 3): light, full, dark."""
    found = np.empty((count, SHADES, 3))
    for place, full in enumerate(COLOURS[:count]):
        parts = [(0.0, mix(full, "white", 0.78)), (0.7, full), (1.0, mix(full, "black", 0.42))]
        found[place] = colors.LinearSegmentedColormap.from_list("ramp", parts)(np.linspace(0, 1, SHADES))[:, :3]
    return (255 * found).round().astype(np.uint8)


def basin_image(basins: BasinMap, rule: int, scale: Scale, theme: Theme) -> Image:
    """The starts' colours, shape (size of y, size of x, 3)."""
    end = basins.end[rule]
    image = np.zeros((*end.shape, 3), dtype=np.uint8)
    for code in End:
        image[end == code] = swatch(code, end.shape, theme)[end == code]
    ramps = _ramps(len(basins.minima))
    shade = (scale.place(basins.arrived[rule].astype(np.float64)) * (SHADES - 1)).astype(np.intp)
    named = end >= 0
    image[named] = ramps[end[named], shade[named]]
    return image


def legend_image(basins: BasinMap, theme: Theme, height: int = 12, width: int = 8 * SHADES) -> Image:
    """A strip for each minimum, its shades from left to right, then one for each other way to end."""
    ramps = _ramps(len(basins.minima)).repeat(width // SHADES, axis=1)
    strips = [np.repeat(ramp[None], height, axis=0) for ramp in ramps]
    strips += [swatch(end, (height, width), theme) for end in ends_present(basins)]
    return np.concatenate(strips)


def swatch(end: End, shape: tuple[int, int], theme: Theme) -> Image:
    """The colour or pattern of an `End` over a picture of this shape."""
    rows, columns = np.indices(shape)
    period = max(3, round(max(shape) / STRIPES))
    light, dark = ("#4a525a", "#353c43") if theme.dark else ("#e9ecef", "#cfd5da")
    if end is End.OTHER:
        light = dark = "#8d969e"
    if end is End.DIVERGED:
        light = dark = "#000000" if theme.dark else "#23282d"
    striped = (rows + columns) // period % 2 == 0
    both = (255 * np.array([colors.to_rgb(dark), colors.to_rgb(light)])).round().astype(np.uint8)
    image: Image = both[striped.astype(np.intp)]
    return image


def nearest_cells(axis: Axis, count: int = 600) -> NDArray[np.intp]:
    """Which of an axis' values lies nearest to each of so many places, which are even on the axis as it is drawn."""
    values = np.log(axis.values) if axis.log else axis.values
    edges = (values[1:] + values[:-1]) / 2
    places = np.linspace(values[0], values[-1], 2 * count + 1)[1::2]
    return np.searchsorted(edges, places)


def swept(sweep: SweepMap) -> bool:
    """Whether there is anything to be shown of arrivals."""
    return sweep.arrived is not None and bool((sweep.arrived <= sweep.steps).any())
