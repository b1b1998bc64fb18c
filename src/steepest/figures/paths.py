"""Figures of paths over their landscape, with the value at each step beside it. Their data: `path_data`."""

import re
from collections.abc import Sequence
from typing import Any

import matplotlib.patheffects as effects
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from ..base.errors import InvalidValue
from ..base.text import Text
from ..landscapes import Landscape
from ..paths.tracing import Path
from .landscapes import draw_contours, draw_curve, draw_surface, shape_of, title_of
from .path_data import Frame, Heights, Track, Window, frame_of, heights_of, story, tracks_of, visible_points
from .style import clean, house_style, new_figure, theme, title_text, translate, whole_steps

__all__ = [
    "check_paths", "draw_background", "draw_heading", "draw_landscape", "draw_legend", "draw_paths", "draw_value_axes",
    "halo", "panels", "points_of",
]  # fmt: skip

Floats = NDArray[np.float64]

WIDTH = 10.5
"""Width of a figure in inches."""

LINE = 0.2
"""Height of a line of the legend in inches."""

CHARACTERS = 145
"""Characters that fit into a line of the legend; a Chinese one counts for two."""

WIDE = "\u2e80-\u9fff\uff00-\uffef"
"""Chinese characters and punctuation, for a regular expression."""

WIDE_MARKS = "，；：。）"
"""Punctuation that begins no line."""


def draw_paths(
    paths: Sequence[Path], *, surface: bool = False, window: Window = None, title: str | Text | None = None,
    lang: str | None = None, dark: bool = False,
) -> Figure:  # fmt: skip
    """Draw paths of rules on one landscape, with the value at each step beside it.

    Two coordinates give contour lines, or a surface; one gives the curve; with more there are only the values.

    Args:
        paths: results of `trace`, one or more, all on the same landscape.
        surface: draw a surface instead of contour lines.
        window: the part that is drawn, low and high of each coordinate. Default: the landscape's own, extended where
            the paths need it.
        title: of the figure, in one language or both. Default: the landscape's name.
        lang: language of the words, `"en"` or `"zh"`. Default: that of the enclosing `in_language`, or else English.
        dark: light ink on dark paper.

    Raises:
        InvalidValue: no paths, different landscapes, a surface where there are not two coordinates, or a window that
            does not hold every start.

    >>> from steepest import trace
    >>> figure = draw_paths([trace("sgd", "bowl", lr=0.1, steps=20)])
    >>> figure.get_suptitle()
    'bowl'
    """
    check_paths(paths, surface)
    landscape, frame = paths[0].landscape, frame_of(paths, window)
    tracks = tracks_of(paths, frame, dark)
    with house_style(lang, dark):
        stories = ["\n    ".join(_lines(story(track))) for track in tracks]
        figure, picture, values = panels(frame, sum(text.count("\n") + 1 for text in stories), surface)
        draw_heading(figure, title or title_of(landscape))
        if surface:
            _draw_surface(picture, landscape, tracks, frame)
        elif picture is not None:
            draw_background(picture, landscape, frame)
            for track in tracks:
                _draw_path(picture, track, points_of(visible_points(track, frame), landscape))
        heights = heights_of(tracks, frame)
        draw_value_axes(values, heights, tracks)
        _draw_values(values, tracks, heights)
        draw_legend(figure, tracks, stories)
    return figure


def draw_landscape(landscape: Landscape, *, lang: str = "en", dark: bool = False) -> Figure:
    """Draw a landscape of one or two coordinates alone, with its start, minima and saddles.

    Args:
        landscape: which.
        lang: language of the words, `"en"` or `"zh"`.
        dark: light ink on dark paper.

    Raises:
        InvalidValue: it has more than two coordinates.
    """
    if landscape.dims > 2:
        raise InvalidValue(f"{landscape.name}: has {landscape.dims} coordinates; only one or two can be drawn")
    with house_style(lang, dark):
        shape = shape_of(landscape.window) if landscape.dims == 2 else 1.2
        figure = new_figure(min(6.0, 5.0 * shape) + 0.6, min(5.0, 6.0 / shape) + 0.9)
        axes = figure.add_subplot()
        draw_heading(figure, title_of(landscape))
        draw_background(axes, landscape, landscape.window)
        start = points_of(np.array([landscape.start], dtype=float), landscape)
        axes.plot(*start.T, "o", color="none", markersize=11, mec=theme().ink, mew=1.5, clip_on=False, zorder=8)
    return figure


def _lines(text: str) -> list[str]:
    """A text in lines that fit into the legend, broken at spaces and between Chinese characters."""
    lines, room = [""], CHARACTERS
    for piece in re.findall(rf"[{WIDE}]|[^{WIDE}\s]+|\s+", text):
        width = 2 * len(piece) if re.match(f"[{WIDE}]", piece) else len(piece)
        if width > room and not re.match(f"[{WIDE_MARKS}]", piece):
            lines, room = [*lines, ""], CHARACTERS
        lines[-1], room = lines[-1] + piece, room - width
    return [line.strip() for line in lines]


def check_paths(paths: Sequence[Path], surface: bool = False) -> None:
    """Raise `InvalidValue` where the paths cannot be drawn in one figure, or not over a surface."""
    if not paths:
        raise InvalidValue("paths: nothing to draw; give at least one")
    names = list(dict.fromkeys(path.landscape.name for path in paths))
    if len(names) > 1:
        raise InvalidValue(f"paths: on different landscapes ({', '.join(names)}); draw one figure for each")
    if surface and paths[0].landscape.dims != 2:
        raise InvalidValue(f"surface: needs two coordinates, {names[0]} has {paths[0].landscape.dims}")


def panels(frame: Frame, lines: int, surface: bool = False) -> tuple[Figure, Any, Axes]:
    """The figure, the axes of the landscape (None with more than two coordinates) and those of the values.

    Args:
        frame: the part of the landscape that is drawn; it decides the proportions.
        lines: of the legend, for which room is left below the axes.
        surface: whether the landscape is drawn in three dimensions.
    """
    legend = LINE * lines
    if len(frame) > 2:
        figure = new_figure(WIDTH, 4.4 + legend)
        return figure, None, figure.add_subplot()
    shape = 1.0 if surface else shape_of(frame) if len(frame) == 2 else 1.2
    figure = new_figure(WIDTH, 0.9 + min(max(5.6 / shape, 3.1), 4.0) + legend)
    grid = figure.add_gridspec(1, 2, width_ratios=(min(max(shape, 0.7), 1.5), 1.0))
    picture = figure.add_subplot(grid[0], projection="3d" if surface else None)
    return figure, picture, figure.add_subplot(grid[1])


def draw_heading(figure: Figure, title: str | Text) -> Any:
    """Write the title of a figure at its upper left; returns Matplotlib's text."""
    heading = figure.suptitle(title_text(title), x=0.015, ha="left", weight="bold", fontsize=12)
    heading.set_parse_math(False)  # a user's "$" does not begin TeX
    return heading


# --- the landscape ----------------------------------------------------------------------------------------------------


def draw_background(axes: Axes, landscape: Landscape, frame: Frame) -> None:
    """Draw a landscape of one or two coordinates, before any path."""
    (draw_contours if landscape.dims == 2 else draw_curve)(axes, landscape, frame)


def points_of(x: Floats, landscape: Landscape) -> Floats:
    """Positions x, shape (n, dims), as points of the figure, shape (n, 2): a single coordinate with its value."""
    return x if x.shape[1] == 2 else np.column_stack([x, landscape(x[:, 0]) + np.zeros(len(x))])


def halo() -> list[effects.AbstractPathEffect]:
    """A path effect: a rim in the paper's colour, which separates a line from the lines below it."""
    return [effects.withStroke(linewidth=3.2, foreground=theme().paper, alpha=0.9)]


def _draw_path(axes: Axes, track: Track, points: Floats) -> None:
    """Draw a path with its start, a mark every few steps and its end, or an arrow where it leaves the frame."""
    look, colour = track.look, track.look.colour
    axes.plot(*points.T, color=colour, linestyle=look.dash, linewidth=1.5, path_effects=halo(), zorder=4)
    steps = points if track.leaves is None else points[: track.leaves]
    axes.plot(*steps[:: track.every].T, look.marker, color=colour, markersize=4, zorder=5)
    if track.leaves is None:
        axes.plot(*points[-1:].T, look.marker, color=colour, markersize=8, mec=theme().paper, mew=1.2, zorder=7)
    elif len(points) > track.leaves:
        arrow = {"arrowstyle": "-|>", "color": colour, "linewidth": 0, "mutation_scale": 18, "shrinkA": 0, "shrinkB": 0}
        axes.annotate("", points[-1], points[-2], arrowprops=arrow, annotation_clip=False, zorder=7)
    axes.plot(*points[:1].T, "o", color="none", markersize=11, mec=theme().ink, mew=1.5, clip_on=False, zorder=8)


def _draw_surface(axes: Any, landscape: Landscape, tracks: Sequence[Track], frame: Frame) -> None:
    height = draw_surface(axes, landscape, frame)
    for track in tracks:
        x, look = visible_points(track, frame).T, track.look
        points = np.array([*x, height(*x)])
        axes.plot(*points, color=look.colour, linestyle=look.dash, linewidth=1.8, zorder=4)
        axes.plot(*points[:, :: track.every], look.marker, color=look.colour, markersize=3.5, zorder=5)
        axes.plot(*points[:, :1], "o", color="none", markersize=9, mec=theme().ink, mew=1.5, zorder=7)


# --- values and legend ------------------------------------------------------------------------------------------------


def draw_value_axes(axes: Axes, heights: Heights, tracks: Sequence[Track]) -> None:
    """Set up the panel of the values, before any curve."""
    if heights.log:
        axes.set_yscale("log")
    axes.set_ylim(heights.limits)
    whole_steps(axes)
    strides = sorted({track.every for track in tracks})
    marks = translate("a mark every {} steps", translate(" or ").join(map(str, strides)))
    title = translate("a mark at every step") if strides == [1] else marks
    step = "step" if all(track.steps == track.path.steps for track in tracks) else "gradient evaluations"
    clean(axes, translate(step), translate(heights.label), title)


def _draw_values(axes: Axes, tracks: Sequence[Track], heights: Heights) -> None:
    for track, curve in zip(tracks, heights.curves, strict=True):
        axes.plot(curve, **track.look.line, markersize=4, markevery=track.every)
    axes.set_ylim(heights.limits)


def draw_legend(figure: Figure, tracks: Sequence[Track], texts: Sequence[str], columns: int = 1) -> None:
    """Draw the legend below the panels: the line of each path, and a text for it."""
    handles = [Line2D([], [], **track.look.line) for track in tracks]
    legend = figure.legend(
        handles, texts, loc="outside lower left", handlelength=3, labelspacing=0.4, ncols=columns, columnspacing=2.5
    )
    for text in legend.get_texts():
        text.set_parse_math(False)
