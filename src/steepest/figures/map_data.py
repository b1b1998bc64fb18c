"""The data of figures of maps: the colour of each start, the entries of the legend, and the cells of a sweep."""

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
"""Colours of the minima, in their order: those of the rules without black, which stands for escape here."""

MANY = 0.25
"""Share of starts at minima without a colour of their own, above which a map is coloured by value instead."""

SEEN = 1e-4
"""Share of starts above which a way to end is in the legend."""

SHADES = 64
"""Number of shades of each minimum's colour, from few steps to many."""

STRIPES = 60
"""Number of stripes across an image, in the pattern of starts that reach no minimum."""


def by_value(basins: BasinMap) -> bool:
    """Whether the map is coloured by value, since more than a quarter of the starts end at minima without a colour."""
    return float((basins.end == End.OTHER).mean()) > MANY


def ends_present(basins: BasinMap) -> list[End]:
    """The ways to end elsewhere than at a named minimum that are frequent enough to be seen."""
    return [end for end in End if (basins.end == end).mean() > SEEN]


def _ramps(count: int) -> Image:
    """The shades of each minimum's colour, light to dark, shape (count, SHADES, 3)."""
    ramps = np.empty((count, SHADES, 3))
    for index, full in enumerate(COLOURS[:count]):
        ends = [mix(full, "white", 0.85), mix(full, "black", 0.1)]  # a darker one would look like the black of escape
        ramps[index] = colors.LinearSegmentedColormap.from_list("ramp", ends)(np.linspace(0, 1, SHADES))[:, :3]
    return (255 * ramps).round().astype(np.uint8)


def basin_image(basins: BasinMap, rule: int, scale: Scale, theme: Theme) -> Image:
    """The colours of the starts for one rule, shape (size of y, size of x, 3).

    Args:
        basins: the map.
        rule: index of the rule.
        scale: of the number of steps.
        theme: of the figure.
    """
    end = basins.end[rule]
    image = np.zeros((*end.shape, 3), dtype=np.uint8)
    for code in End:
        image[end == code] = swatch(code, end.shape, theme)[end == code]
    ramps = _ramps(len(basins.minima))
    shade = (scale.position(basins.arrived[rule].astype(np.float64)) * (SHADES - 1)).astype(np.intp)
    named = end >= 0
    image[named] = ramps[end[named], shade[named]]
    return image


def legend_image(basins: BasinMap, theme: Theme, height: int = 12, width: int = 8 * SHADES) -> Image:
    """The legend of `basin_image`, from top to bottom: a strip of shades a minimum, then one for each other end.

    Shape (height times the number of strips, width, 3), in pixels.
    """
    ramps = _ramps(len(basins.minima)).repeat(width // SHADES, axis=1)
    strips = [np.repeat(ramp[None], height, axis=0) for ramp in ramps]
    strips += [swatch(end, (height, width), theme) for end in ends_present(basins)]
    return np.concatenate(strips)


def swatch(end: End, shape: tuple[int, int], theme: Theme) -> Image:
    """An image of a shape, filled with the colour or pattern of an `End`; shape (*shape, 3)."""
    rows, columns = np.indices(shape)
    period = max(3, round(max(shape) / STRIPES))
    light, dark = ("#4a525a", "#353c43") if theme.dark else ("#e9ecef", "#cfd5da")
    if end is End.OTHER:
        light = dark = "#8d969e"
    if end is End.ESCAPED:
        light = dark = "#000000" if theme.dark else "#23282d"
    striped = (rows + columns) // period % 2 == 0
    both = (255 * np.array([colors.to_rgb(dark), colors.to_rgb(light)])).round().astype(np.uint8)
    image: Image = both[striped.astype(np.intp)]
    return image


def nearest_cells(axis: Axis, count: int = 600) -> NDArray[np.intp]:
    """The index of an axis' value nearest to each of `count` positions, evenly spaced on the axis as it is drawn.

    An image needs equal cells, but the values of a sweep (whole numbers, for example) need not be even.
    """
    values = np.log(axis.values) if axis.log else axis.values
    edges = (values[1:] + values[:-1]) / 2
    positions = np.linspace(values[0], values[-1], 2 * count + 1)[1::2]
    return np.searchsorted(edges, positions)


def swept(sweep: SweepMap) -> bool:
    """Whether any pair of settings reached the minimum, so that steps to it can be shown."""
    return sweep.arrived is not None and bool((sweep.arrived <= sweep.steps).any())
