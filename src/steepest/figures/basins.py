"""Figures of basins of attraction: which minimum each start reaches, one panel a rule. Their data: `map_data`."""

from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..base.numbers import general, point
from ..base.text import Text
from ..findings.catalogue import phrase
from ..paths.maps import BasinMap, End
from .landscapes import EQUAL, key_of, mark_facts, shape_of, title_of
from .map_data import basin_image, by_value, ends_present, legend_image, swatch
from .paths import draw_heading
from .scales import GOOD_IS_BRIGHT, PANEL, Scale, extremes, final_scale, name_of_final, step_scale, wrapped
from .style import clean, house_style, language, theme, translate

__all__ = ["draw_basin"]

ROW = 0.22
"""Height of a line of the legend in inches."""

KEY = 0.36
"""Inches from the top to the line that tells the marks."""

MOST_DPI = 300
"""Pixels an inch, at most, of a map with many starts."""

COLUMNS = 3
"""Panels side by side, at most."""

TOP, BESIDE, BETWEEN = 0.9, 0.62, 0.95
"""Inches above the panels, left of each panel for its numbers, and between two rows."""


def draw_basin(
    basins: BasinMap, *, title: str | Text | None = None, lang: str | None = None, dark: bool = False
) -> Figure:
    """Draw which minimum each start reaches, all rules side by side.

    Each minimum has a colour, the darker the more steps it took. Where there are more minima than can be told apart,
    the colour is the last value instead.

    Args:
        basins: the result of `map_basin`.
        title: of the figure, in one language or both. Default: the landscape's name.
        lang: language of the words, `"en"` or `"zh"`. Default: that of the enclosing `in_language`, or else English.
        dark: light ink on dark paper.
    """
    x_name, y_name = basins.landscape.coordinates
    frame = tuple((float(side[0]), float(side[-1])) for side in (basins.x, basins.y))
    shape = min(max(shape_of(frame), 1 / EQUAL), EQUAL)
    lines = 1 if by_value(basins) else len(basins.minima) + len(ends_present(basins))
    with house_style(lang, dark):
        figure, panels, below = _side_by_side(len(basins.rules), shape, lines)
        figure.set_dpi(min(max(150, len(basins.x) / PANEL), MOST_DPI))
        draw_heading(figure, title or title_of(basins.landscape))
        height = 1 - KEY / figure.get_figheight()
        figure.text(0.015, height, key_of(basins.landscape), color=theme().grey, fontsize=9, va="top")
        (_draw_depths if by_value(basins) else _draw_minima)(basins, panels, below)
        for axes, rule in zip(panels, basins.rules, strict=True):
            mark_facts(axes, basins.landscape, size=0.6)
            if 1 / EQUAL <= shape_of(frame) <= EQUAL:
                axes.set_aspect("equal")
            axes.set(xlim=frame[0], ylim=frame[1])
            axes.locator_params(nbins=6)
            axes.grid(False)
            text = wrapped(rule.label(), basins.schedule)
            clean(axes, x_name, y_name, text).title.set_parse_math(False)
    return figure


def _side_by_side(count: int, shape: float, lines: int) -> tuple[Figure, list[Axes], Axes]:
    """The figure, a panel for each of `count` rules, and the axes of a legend of `lines` lines below them.

    Placed in inches instead of by a layout engine, which would shrink panels with equal axes.
    """
    columns = min(count, COLUMNS) if count != 4 else 2
    rows = -(-count // columns)
    width = PANEL if columns > 1 else 1.6 * PANEL
    height, legend = width / shape, ROW * lines
    size = columns * (width + BESIDE) + 0.25, TOP + rows * (height + BETWEEN) + legend + 0.4
    figure = Figure(figsize=size)

    def add_axes(left: float, top: float, width: float, height: float) -> Axes:
        return figure.add_axes((left / size[0], 1 - (top + height) / size[1], width / size[0], height / size[1]))

    panels = []
    for index in range(count):
        row, column = divmod(index, columns)
        panels.append(add_axes(BESIDE + column * (width + BESIDE), TOP + row * (height + BETWEEN), width, height))
    below = add_axes(BESIDE, size[1] - legend - 0.5, 0.8 * PANEL, legend)
    below.grid(False)
    below.spines[:].set_visible(False)
    below.tick_params(axis="y", left=False, labelleft=False, labelright=True, pad=6)
    return figure, panels, below


def _draw_minima(basins: BasinMap, panels: Sequence[Axes], below: Axes) -> None:
    """Each start in the colour of its minimum, darker by the number of steps."""
    scale = step_scale(basins.arrived, basins.steps)
    for index, axes in enumerate(panels):
        _draw_starts(axes, basins, basin_image(basins, index, scale, theme()))
        if basins.arrived[index].min() > basins.steps:
            box = {"facecolor": theme().paper, "edgecolor": "none", "boxstyle": "round,pad=0.5"}
            axes.text(0.5, 0.5, translate("no start reaches a minimum"), transform=axes.transAxes, ha="center",
                      va="center", bbox=box, zorder=10)  # fmt: skip
    minima = zip(basins.minima.round(9) + 0.0, basins.values.round(9) + 0.0, strict=True)
    names = [translate("{}, value {}", point(at), general(value)) for at, value in minima]
    names += [phrase("basin", end.name, language()) for end in ends_present(basins)]
    below.imshow(legend_image(basins, theme()), extent=(0, 1, len(names), 0), aspect="auto", interpolation="nearest")
    for line in range(1, len(names)):
        below.axhline(line, color=theme().paper, linewidth=3)
    below.set_yticks(np.arange(len(names)) + 0.5, names)
    reached = basins.arrived[basins.arrived <= basins.steps]
    _label_scale(below, scale, translate("steps to the minimum") + extremes(reached))


def _draw_depths(basins: BasinMap, panels: Sequence[Axes], below: Axes) -> None:
    """Each start in the colour of its last value."""
    lowest = basins.landscape.minimum
    final = basins.final - (lowest or 0.0)
    scale = final_scale(final, above=False)
    colours = matplotlib.colormaps[GOOD_IS_BRIGHT]
    for index, axes in enumerate(panels):
        image = (255 * colours(scale.position(np.nan_to_num(final[index], nan=scale.high)))[..., :3]).astype(np.uint8)
        has_escaped = basins.end[index] == End.ESCAPED
        image[has_escaped] = swatch(End.ESCAPED, has_escaped.shape, theme())[has_escaped]
        _draw_starts(axes, basins, image)
    below.imshow(np.linspace(0, 1, 256)[None], extent=(0, 1, 1, 0), aspect="auto", cmap=colours)
    below.set_yticks([])
    _label_scale(below, scale, name_of_final(lowest is not None) + extremes(final))


def _draw_starts(axes: Axes, basins: BasinMap, image: Any) -> None:
    half = [(side[1] - side[0]) / 2 for side in (basins.x, basins.y)]  # a start is the centre of its pixel
    extent = (basins.x[0] - half[0], basins.x[-1] + half[0], basins.y[0] - half[1], basins.y[-1] + half[1])
    axes.imshow(image, extent=extent, origin="lower", aspect="auto")


def _label_scale(axes: Axes, scale: Scale, name: str) -> None:
    """Ticks and name of a colour strip that goes from 0 to 1."""
    ticks = scale.ticks()
    axes.set_xticks(scale.position(ticks), [f"{tick:g}" for tick in ticks])
    axes.set(xlabel=name, xlim=(0, 1))
