"""Pictures of basins of attraction. What is shown stands in `map_data`."""

from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..paths.maps import BasinMap, End
from .landscapes import EQUAL, mark_facts, shape_of
from .map_data import basin_image, by_value, ends_present, legend_image, swatch
from .paths import draw_heading
from .scales import GOOD_IS_BRIGHT, PANEL, Scale, final_scale, name_of_final, step_scale, wrapped
from .style import clean, house_style, say, theme

__all__ = ["draw_basin"]

ROW = 0.22
"""Height of a line of the legend in inches."""

FINEST = 300
"""Pixels an inch, at most."""

COLUMNS = 3

TOP, BESIDE, BETWEEN = 0.7, 0.62, 0.95
"""Inches above the panels, beside each for its numbers, and between one and that below it."""


def draw_basin(basins: BasinMap, *, title: str | None = None, lang: str = "en", dark: bool = False) -> Figure:
    """Draw which minimum each start reaches, all rules side by side.

    Each minimum has a colour, the darker the more steps it took. Where there are more minima than can be told apart,
    the colour is the last value instead.

    Args:
        basins: what `map_basin` returned.
        title: default: the landscape's name.
        lang: language of the words, `"en"` or `"zh"`.
        dark: light on dark paper.
    """
    frame = tuple((float(each[0]), float(each[-1])) for each in (basins.x, basins.y))
    shape = min(max(shape_of(frame), 1 / EQUAL), EQUAL)
    lines = 1 if by_value(basins) else len(basins.minima) + len(ends_present(basins))
    with house_style(lang, dark):
        figure, panels, below = _side_by_side(len(basins.rules), shape, lines)
        figure.set_dpi(min(max(150, len(basins.x) / PANEL), FINEST))
        draw_heading(figure, title or basins.landscape.name)
        (_draw_depths if by_value(basins) else _draw_minima)(basins, panels, below)
        for axes, rule in zip(panels, basins.rules, strict=True):
            mark_facts(axes, basins.landscape, size=0.6)
            if 1 / EQUAL <= shape_of(frame) <= EQUAL:
                axes.set_aspect("equal")
            axes.set(xlim=frame[0], ylim=frame[1])
            axes.locator_params(nbins=6)
            axes.grid(False)
            clean(axes, "x", "y", wrapped(rule.label())).title.set_parse_math(False)
    return figure


def _side_by_side(count: int, shape: float, lines: int) -> tuple[Figure, list[Axes], Axes]:
    """The figure, a panel for each rule, and the axes of a legend of so many lines below them; all placed in inches."""
    columns = min(count, COLUMNS) if count != 4 else 2
    rows = -(-count // columns)
    width = PANEL if columns > 1 else 1.6 * PANEL
    height, legend = width / shape, ROW * lines
    size = columns * (width + BESIDE) + 0.25, TOP + rows * (height + BETWEEN) + legend + 0.4
    figure = Figure(figsize=size)

    def place(left: float, top: float, width: float, height: float) -> Axes:
        return figure.add_axes((left / size[0], 1 - (top + height) / size[1], width / size[0], height / size[1]))

    panels = []
    for each in range(count):
        row, column = divmod(each, columns)
        panels.append(place(BESIDE + column * (width + BESIDE), TOP + row * (height + BETWEEN), width, height))
    below = place(BESIDE, size[1] - legend - 0.5, 0.8 * PANEL, legend)
    below.grid(False)
    below.spines[:].set_visible(False)
    below.tick_params(axis="y", left=False, labelleft=False, labelright=True, pad=6)
    return figure, panels, below


def _draw_minima(basins: BasinMap, panels: Sequence[Axes], below: Axes) -> None:
    scale = step_scale(basins.arrived, basins.steps)
    for place, axes in enumerate(panels):
        _draw_starts(axes, basins, basin_image(basins, place, scale, theme()))
    told = zip(basins.minima, basins.values, strict=True)
    names = [say("{}, value {}", _point(at), f"{round(value, 9) + 0.0:.4g}") for at, value in told]
    names += [say(ENDS[end]) for end in ends_present(basins)]
    below.imshow(legend_image(basins, theme()), extent=(0, 1, len(names), 0), aspect="auto", interpolation="nearest")
    for line in range(1, len(names)):
        below.axhline(line, color=theme().paper, linewidth=3)
    below.set_yticks(np.arange(len(names)) + 0.5, names)
    _label_scale(below, scale, say("steps to the minimum"))


def _draw_depths(basins: BasinMap, panels: Sequence[Axes], below: Axes) -> None:
    lowest = basins.landscape.minimum
    final = basins.final - (lowest or 0.0)
    scale = final_scale(final, above=False)
    colours = matplotlib.colormaps[GOOD_IS_BRIGHT]
    for place, axes in enumerate(panels):
        image = (255 * colours(scale.place(np.nan_to_num(final[place], nan=scale.high)))[..., :3]).astype(np.uint8)
        gone = basins.end[place] == End.DIVERGED
        image[gone] = swatch(End.DIVERGED, gone.shape, theme())[gone]
        _draw_starts(axes, basins, image)
    below.imshow(np.linspace(0, 1, 256)[None], extent=(0, 1, 1, 0), aspect="auto", cmap=colours)
    below.set_yticks([])
    _label_scale(below, scale, name_of_final(lowest is not None))


def _draw_starts(axes: Axes, basins: BasinMap, image: Any) -> None:
    half = [(each[1] - each[0]) / 2 for each in (basins.x, basins.y)]
    extent = (basins.x[0] - half[0], basins.x[-1] + half[0], basins.y[0] - half[1], basins.y[-1] + half[1])
    axes.imshow(image, extent=extent, origin="lower", aspect="auto")


ENDS = {End.OTHER: "another minimum", End.UNDER_WAY: "on its way, or stuck", End.DIVERGED: "diverged"}


def _label_scale(axes: Axes, scale: Scale, name: str) -> None:
    """Ticks of a strip that goes from 0 to 1."""
    ticks = scale.ticks()
    axes.set_xticks(scale.place(ticks), [f"{tick:g}" for tick in ticks])
    axes.set(xlabel=name, xlim=(0, 1))


def _point(at: Sequence[float]) -> str:
    return f"({', '.join(f'{round(value, 9) + 0.0:.4g}' for value in at)})"
