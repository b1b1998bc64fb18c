"""Paths over their landscape, with the value at each step beside it. What is shown stands in `path_data`."""

import textwrap
from collections.abc import Sequence
from typing import Any

import matplotlib.patheffects as effects
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.contour import QuadContourSet
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from ..errors import InvalidValue
from ..landscapes import Landscape
from ..tracing import Path
from .path_data import (
    Frame,
    Heights,
    Track,
    contour_levels,
    even_levels,
    frame_of,
    heights_of,
    tracks_of,
    way_of,
    widened,
)  # fmt: skip
from .style import GREY, INK, clean, house_style, new_figure, whole_steps

__all__ = ["draw_paths"]

Floats = NDArray[np.float64]

WIDTH = 10.5
"""Inches."""

# --- drawing ----------------------------------------------------------------------------------------------------------


def draw_paths(paths: Sequence[Path], *, surface: bool = False, title: str | None = None) -> Figure:
    """Draw paths of rules on one landscape, with the value at each step beside it.

    Two coordinates give contour lines, or a surface; one gives the curve; with more there are only the values.

    Args:
        paths: what `trace` returned, one or more, all on the same landscape.
        surface: draw a surface instead of contour lines.
        title: default: the landscape's name.

    Raises:
        InvalidValue: no paths, different landscapes, or a surface where there are not two coordinates.
    """
    _check(paths, surface)
    landscape, frame = paths[0].landscape, frame_of(paths)
    tracks = tracks_of(paths, frame)
    with house_style():
        figure, picture, values = _panels(frame, tracks, surface)
        heading = figure.suptitle(title or landscape.name, x=0.015, ha="left", weight="bold", fontsize=12)
        heading.set_parse_math(False)  # a dollar is a dollar
        if surface:
            _draw_surface(picture, landscape, tracks, frame)
        elif landscape.dims == 2:
            _draw_contours(picture, landscape, tracks, frame)
        elif landscape.dims == 1:
            _draw_curve(picture, landscape, tracks, frame)
        _draw_values(values, tracks, heights_of(tracks, frame))
        _draw_legend(figure, tracks)
    return figure


def _check(paths: Sequence[Path], surface: bool) -> None:
    if not paths:
        raise InvalidValue("paths: nothing to draw; give at least one")
    names = list(dict.fromkeys(path.landscape.name for path in paths))
    if len(names) > 1:
        raise InvalidValue(f"paths: on different landscapes ({', '.join(names)}); draw one figure for each")
    if surface and paths[0].landscape.dims != 2:
        raise InvalidValue(f"surface: needs two coordinates, {names[0]} has {paths[0].landscape.dims}")


def _panels(frame: Frame, tracks: Sequence[Track], surface: bool) -> tuple[Figure, Any, Axes]:
    """The figure, the axes of the landscape (none where it has more than two coordinates) and those of the values."""
    legend = 0.2 * sum(_wrapped(track.story).count("\n") + 1 for track in tracks)
    if len(frame) > 2:
        figure = new_figure(WIDTH, 4.4 + legend)
        return figure, None, figure.add_subplot()
    shape = 1.0 if surface else _shape(frame)
    figure = new_figure(WIDTH, 0.9 + min(max(5.6 / shape, 3.1), 4.0) + legend)
    grid = figure.add_gridspec(1, 2, width_ratios=(min(max(shape, 0.7), 1.5), 1.0))
    picture = figure.add_subplot(grid[0], projection="3d" if surface else None)
    return figure, picture, figure.add_subplot(grid[1])


def _shape(frame: Frame) -> float:
    """Width over height of the landscape's panel."""
    if len(frame) == 1:
        return 1.2
    (left, right), (bottom, top) = frame
    return (right - left) / (top - bottom)


# --- drawing: the landscape -------------------------------------------------------------------------------------------

PALE = LinearSegmentedColormap.from_list("pale", ["#c9d3dc", "#e9edf1", "#ffffff"])
"""Deep is greyish, high is white: light enough for every path's colour to stand out."""

HALO: list[effects.AbstractPathEffect] = [effects.withStroke(linewidth=3.2, foreground="white", alpha=0.9)]


def _grid(landscape: Landscape, frame: Frame, count: int) -> tuple[Floats, Floats, Floats]:
    x, y = np.meshgrid(*[np.linspace(*side, count) for side in frame])
    return x, y, _drawable(landscape(x, y), x.shape)


def _drawable(values: Any, shape: tuple[int, ...]) -> Floats:
    """Values as an array, a gap where there are none or ones too large to find ticks for."""
    values = np.broadcast_to(values, shape).astype(np.float64)
    return np.where(np.abs(values) < 1e300, values, np.nan)


def _lowest(landscape: Landscape, z: Floats) -> float:
    values = z[np.isfinite(z)]
    lowest = float(values.min()) if len(values) else 0.0
    return lowest if landscape.minimum is None else min(lowest, landscape.minimum)


def _draw_contours(axes: Axes, landscape: Landscape, tracks: Sequence[Track], frame: Frame) -> None:
    x, y, z = _grid(landscape, frame, 301)
    lowest = _lowest(landscape, z)
    levels = even_levels(z) if _falls_on(landscape, z) else lowest + contour_levels(z - lowest)
    if len(levels):
        shades = PALE(np.linspace(0, 1, len(levels) + 1))
        axes.contourf(x, y, z, [-np.inf, *levels, np.inf], colors=shades, zorder=0)
        lines = axes.contour(x, y, z, levels, colors="#a3adb6", linewidths=0.6, linestyles="solid", zorder=1)
        _label_contours(axes, lines, levels, frame)
    if 1 / 3 <= _shape(frame) <= 3:
        axes.set_aspect("equal")  # only then does the gradient look perpendicular to the lines
    for track in tracks:
        _draw_way(axes, track, way_of(track, frame))
    _draw_facts(axes, landscape)
    axes.grid(False)
    axes.set(xlim=frame[0], ylim=frame[1])
    axes.locator_params(nbins=6)
    clean(axes, "x", "y", _key(landscape))


def _falls_on(landscape: Landscape, z: Floats) -> bool:
    """Whether the landscape has no known minimum and is lowest at the frame, as a saddle is."""
    edge = np.concatenate([z[0], z[-1], z[:, 0], z[:, -1]])
    return landscape.minimum is None and bool(np.isfinite(edge).any()) and np.nanmin(edge) <= np.nanmin(z)


def _label_contours(axes: Axes, lines: QuadContourSet, levels: Floats, frame: Frame) -> None:
    """Write the values on the lines, but only where there is room: a field of pits has hundreds of lines."""
    names = dict(zip(levels, _names_of_levels(levels), strict=True))
    size, kept = np.ptp(frame, axis=1), np.empty((0, 2))
    for text in axes.clabel(lines, fmt=names, fontsize=7, colors="#5d6770", inline=False):
        place = np.array(text.get_position()) / size
        if len(kept) and np.linalg.norm(kept - place, axis=1).min() < 0.06:
            text.remove()
            continue
        text.set_bbox({"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 0.4})
        kept = np.vstack([kept, place])


def _names_of_levels(values: Floats) -> list[str]:
    """The values as short as they stay different."""
    for digits in range(2, 10):
        rounded = [float(f"{value:.{digits}g}") for value in values]
        names = [f"{value:.10g}" if abs(value) < 1e5 else f"{value:.{digits}g}" for value in rounded]
        if len(set(names)) == len(names):
            break
    return [name.replace("e+0", "e") for name in names]


def _draw_curve(axes: Axes, landscape: Landscape, tracks: Sequence[Track], frame: Frame) -> None:
    x = np.linspace(*frame[0], 801)
    f = _drawable(landscape(x), x.shape)
    seen = f[np.isfinite(f)] if np.isfinite(f).any() else np.zeros(1)
    axes.plot(x, f, color="#a3adb6", linewidth=2.5, zorder=1)
    for track in tracks:
        way = way_of(track, frame)
        _draw_way(axes, track, np.column_stack([way, landscape(way[:, 0]) + np.zeros(len(way))]))
    _draw_facts(axes, landscape)
    axes.set(xlim=frame[0], ylim=widened(float(seen.min()), float(seen.max())))
    clean(axes, "x", "f(x)", _key(landscape))


def _draw_way(axes: Axes, track: Track, way: Floats) -> None:
    """A path with its start, a mark every few steps and its end, or an arrow where it leaves."""
    look, colour = track.look, track.look.colour
    axes.plot(*way.T, color=colour, linestyle=look.dash, linewidth=1.5, path_effects=HALO, zorder=4)
    steps = way if track.leaves is None else way[: track.leaves]
    axes.plot(*steps[:: track.every].T, look.marker, color=colour, markersize=4, zorder=5)
    if track.leaves is None:
        axes.plot(*way[-1:].T, look.marker, color=colour, markersize=8, mec="white", mew=1.2, zorder=7)
    elif len(way) > track.leaves:
        arrow = {"arrowstyle": "-|>", "color": colour, "linewidth": 0, "mutation_scale": 18, "shrinkA": 0, "shrinkB": 0}
        axes.annotate("", way[-1], way[-2], arrowprops=arrow, annotation_clip=False, zorder=7)
    axes.plot(*way[:1].T, "o", color="none", markersize=11, mec=INK, mew=1.5, clip_on=False, zorder=8)


MARKS: dict[str, tuple[str, dict[str, Any]]] = {
    "minima": ("★ minimum", {"marker": "*", "color": "#f0e442", "markersize": 17, "mec": INK, "mew": 1.0}),
    "local_minima": ("☆ local minimum", {"marker": "*", "color": "white", "markersize": 16, "mec": INK, "mew": 1.0}),
    "saddles": ("✕ saddle", {"marker": "x", "color": INK, "markersize": 8, "mew": 1.8}),
}


def _draw_facts(axes: Axes, landscape: Landscape) -> None:
    for fact, (_, look) in MARKS.items():
        points = np.array(getattr(landscape, fact)).reshape(-1, landscape.dims)
        if landscape.dims == 1:
            points = np.column_stack([points, landscape(points[:, 0])])
        axes.plot(*points.T, linestyle="none", zorder=6 if fact == "saddles" else 3, **look)


def _key(landscape: Landscape) -> str:
    present = [name for fact, (name, _) in MARKS.items() if getattr(landscape, fact)]
    return "    ".join(["○ start", *present])


# --- drawing: the surface ---------------------------------------------------------------------------------------------


def _draw_surface(axes: Any, landscape: Landscape, tracks: Sequence[Track], frame: Frame) -> None:
    x, y, z = _grid(landscape, frame, 121)
    lowest = _lowest(landscape, z)
    above = z[np.isfinite(z)] - lowest
    steep = len(above) > 0 and bool(above.max() > 100 * np.median(above))

    def height(x: Floats, y: Floats) -> Floats:
        values = _drawable(landscape(x, y), np.shape(x))
        return np.log10(1 + np.maximum(values - lowest, 0.0)) if steep else values

    axes.computed_zorder = False  # the paths lie on the surface: draw them after it
    pale = {"cmap": PALE, "edgecolor": "#8b969f", "linewidth": 0.25, "rcount": 40, "ccount": 40}
    axes.plot_surface(x, y, height(x, y), zorder=1, **pale)
    for track in tracks:
        way = way_of(track, frame).T
        _draw_way_in_space(axes, track, np.array([*way, height(*way)]))
    for fact, (_, mark) in MARKS.items():
        points = np.array(getattr(landscape, fact)).reshape(-1, 2).T
        axes.plot(*points, height(*points), linestyle="none", zorder=6 if fact == "saddles" else 3, **mark)
    axes.set_title(_key(landscape), loc="left", color=GREY, fontsize=9)
    axes.set(xlabel="x", ylabel="y", zlabel="log₁₀(1 + f − lowest)" if steep else "f(x, y)")
    axes.locator_params(nbins=5)
    axes.view_init(elev=35, azim=-60)


def _draw_way_in_space(axes: Any, track: Track, way: Floats) -> None:
    colour, marker = track.look.colour, track.look.marker
    axes.plot(*way, color=colour, linestyle=track.look.dash, linewidth=1.8, zorder=4)
    axes.plot(*way[:, :: track.every], marker, color=colour, markersize=3.5, zorder=5)
    axes.plot(*way[:, :1], "o", color="none", markersize=9, mec=INK, mew=1.5, zorder=7)


# --- drawing: values and legend ---------------------------------------------------------------------------------------


def _draw_values(axes: Axes, tracks: Sequence[Track], heights: Heights) -> None:
    if heights.log:
        axes.set_yscale("log")
    for track, curve in zip(tracks, heights.curves, strict=True):
        look = track.look
        axes.plot(
            curve, color=look.colour, linestyle=look.dash, marker=look.marker, markersize=4,
            markevery=track.every,
        )  # fmt: skip
    axes.set_ylim(heights.limits)
    whole_steps(axes)
    clean(axes, "step", heights.label, _name_of_marks({track.every for track in tracks}))


def _name_of_marks(every: set[int]) -> str:
    if every == {1}:
        return "a mark at every step"
    return f"a mark every {' or '.join(map(str, sorted(every)))} steps"


def _draw_legend(figure: Figure, tracks: Sequence[Track]) -> None:
    handles = [
        Line2D([], [], color=track.look.colour, linestyle=track.look.dash, marker=track.look.marker) for track in tracks
    ]
    stories = [_wrapped(track.story) for track in tracks]
    legend = figure.legend(handles, stories, loc="outside lower left", handlelength=3, labelspacing=0.4)
    for text in legend.get_texts():
        text.set_parse_math(False)


def _wrapped(story: str) -> str:
    return "\n    ".join(textwrap.wrap(story, 145))  # what fits into the figure's width
