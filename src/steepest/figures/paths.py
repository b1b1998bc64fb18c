"""Paths over their landscape, with the value at each step beside it.

The first half decides what is shown and is plain data; the second half draws it.
"""

import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib.patheffects as effects
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.contour import QuadContourSet
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from ..errors import InvalidValue
from ..landscapes import Landscape
from ..status import Status
from ..tracing import Path
from .style import GREY, INK, Look, clean, colors_and_marks, house_style, new_figure, whole_steps

__all__ = [
    "Frame",
    "Heights",
    "Track",
    "contour_levels",
    "draw_paths",
    "even_levels",
    "frame_of",
    "heights_of",
    "stride",
    "tracks_of",
]

Floats = NDArray[np.float64]
Frame = tuple[tuple[float, float], ...]

GROWTH = 1.5
"""How far a frame grows beyond the landscape's window to show a path whole."""

MOST_MARKS = 40
MOST_LEVELS = 13

# --- what is shown: the frame -----------------------------------------------------------------------------------------


def frame_of(paths: Sequence[Path]) -> Frame:
    """The part of the landscape that is drawn: its window, grown where the paths need it.

    Every start and every point that was converged to is inside. Other points of paths that do not diverge widen each
    side of the window by at most half of `GROWTH - 1`, or, where the landscape states no facts and the window is only a
    guess, as far as they go. A path that diverges leaves the frame instead of stretching it.
    """
    landscape = paths[0].landscape
    low, high = np.array(landscape.window).T
    width = high - low
    room = (GROWTH - 1) / 2 * width if landscape.minima or landscape.saddles else np.inf
    inner = [path.x[:1] for path in paths]
    inner += [path.x[-1:] for path in paths if path.outcome.status is Status.REACHED]
    inner += [np.clip(path.x, low - room, high + room) for path in paths if not _diverges(path)]
    points, edge = np.concatenate(inner), 0.03 * width  # a mark on the frame's line would be cut in half
    low, high = np.minimum(low, points.min(axis=0) - edge), np.maximum(high, points.max(axis=0) + edge)
    return tuple(zip(low.tolist(), high.tolist(), strict=True))


def _diverges(path: Path) -> bool:
    return path.outcome.status in (Status.DIVERGED, Status.NON_FINITE)


def _inside(x: Floats, frame: Frame) -> NDArray[np.bool_]:
    low, high = np.array(frame).T
    return np.asarray(((low <= x) & (x <= high)).all(axis=1))  # not NaN


# --- what is shown: the paths -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Track:
    """One path as it is drawn.

    Attributes:
        path: the path.
        look: its colour and marks.
        label: the rule's title and settings.
        leaves: the step at which it leaves the frame for good, or None.
    """

    path: Path
    look: Look
    label: str
    leaves: int | None

    @property
    def story(self) -> str:
        """The label with what happened, for the legend."""
        outcome = self.path.outcome.message.partition(";")[0]
        leaves = "" if self.leaves is None else f" (leaves the frame at step {self.leaves})"
        return f"{self.label}: {outcome}{leaves}"


def tracks_of(paths: Sequence[Path], frame: Frame) -> list[Track]:
    """The paths with their looks and labels; the same rule with other settings gets another variant of its look."""
    seen: Counter[str] = Counter()
    tracks = []
    for path, label in zip(paths, _labels(paths), strict=True):
        name = type(path.rule).__name__
        tracks.append(Track(path, colors_and_marks(name, seen[name]), label, _leaving(path, frame)))
        seen[name] += 1
    return tracks


def _labels(paths: Sequence[Path]) -> list[str]:
    labels = [_label(path) for path in paths]
    if len({tuple(path.x[0]) for path in paths}) > 1:
        labels = [f"{label} from ({', '.join(f'{each:.4g}' for each in path.x[0])})"
                  for label, path in zip(labels, paths, strict=True)]  # fmt: skip
    total, seen = Counter(labels), Counter[str]()
    for place, label in enumerate(labels):
        if total[label] > 1:
            seen[label] += 1
            labels[place] = f"{label}, run {seen[label]}"
    return labels


def _label(path: Path) -> str:
    label, first, last = path.rule.label(), path.lr[0], path.lr[-1]
    return label if first == last else label.replace(f"lr={path.rule.lr}", f"lr={first:.3g} to {last:.2g}", 1)


def _leaving(path: Path, frame: Frame) -> int | None:
    inside = _inside(path.x, frame)
    return None if inside[-1] else int(np.flatnonzero(inside)[-1]) + 1


def _way(track: Track, frame: Frame) -> Floats:
    """The points of a path up to where it crosses the frame for good."""
    x, last = track.path.x, track.leaves
    if last is None:
        return x
    return np.concatenate([x[:last], _crossing(x[last - 1], x[last], frame)])


def _crossing(inner: Floats, outer: Floats, frame: Frame) -> Floats:
    """Where the straight line from a point inside to one outside meets the frame, of shape (1, dims); or no point."""
    if not np.isfinite(outer).all():
        return np.empty((0, len(inner)))
    low, high = np.array(frame).T
    move = outer - inner
    room = np.where(move > 0, high - inner, inner - low)
    shares = [space / abs(step) for space, step in zip(room, move, strict=True) if step]
    return np.array([inner + min([1.0, *shares]) * move])


def stride(steps: int, at_most: int = MOST_MARKS) -> int:
    """Every how many steps a mark stands, so that there are not too many: 1, 2, 5, 10, 20, ...

    >>> stride(20), stride(100), stride(1000)
    (1, 5, 50)
    """
    decade = 1
    while True:
        for digit in (1, 2, 5):
            if steps <= at_most * digit * decade:
                return digit * decade
        decade *= 10


# --- what is shown: the values ----------------------------------------------------------------------------------------


def contour_levels(above: Floats, at_most: int = MOST_LEVELS) -> Floats:
    """Heights above the lowest value at which contour lines are drawn: round numbers, even on a log scale.

    >>> contour_levels(np.linspace(0, 100, 1000))
    array([ 1.,  2.,  5., 10., 20., 50.])
    """
    above = above[np.isfinite(above) & (above > 0)]
    if not len(above):
        return np.array([])
    high = 0.98 * float(np.quantile(above, 0.995))
    low = min(float(np.quantile(above, 0.005)), high / 50)
    decades = 10.0 ** np.arange(np.floor(np.log10(low)), np.ceil(np.log10(high)) + 1)
    for digits in ((1, 1.5, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,)):
        levels = np.outer(decades, digits).ravel()
        levels = levels[(low <= levels) & (levels <= high)]
        if len(levels) <= at_most:
            return levels
    return levels[:: -(-len(levels) // at_most)]


def even_levels(z: Floats) -> Floats:
    """Values at which contour lines are drawn where there is no lowest one to measure from: round and even."""
    z = z[np.isfinite(z)]
    if not np.ptp(z):
        return np.array([])
    return np.asarray(MaxNLocator(MOST_LEVELS).tick_values(float(z.min()), float(z.max())))[1:-1]


@dataclass(frozen=True)
class Heights:
    """The value at each step of each path, as the panel beside the landscape shows it."""

    curves: tuple[Floats, ...]
    label: str
    log: bool
    limits: tuple[float, float]


def heights_of(tracks: Sequence[Track], frame: Frame) -> Heights:
    """Values above the known minimum, or plain ones; logarithmic where they are positive and span a decade.

    The limits fit what happens inside the frame, so one path that diverges does not flatten the others.
    """
    minimum = tracks[0].path.landscape.minimum
    curves = [track.path.f for track in tracks]
    shown = _shown(tracks, frame)
    label = "value"
    if minimum is not None and shown.min() >= minimum - 1e-9 * max(1.0, abs(minimum)):
        curves, shown = [curve - minimum for curve in curves], np.maximum(shown - minimum, 0.0)
        label = "value above the minimum"
    floor = 1e-16 * float(shown.max())  # below it there is only rounding
    log = bool(shown.min() >= 0 and shown.max() > 10 * shown.min())
    low, high = max(float(shown.min()), floor) if log else float(shown.min()), float(shown.max())
    limits = (low / 2, high * 3) if log else _widened(low, high)
    reach = (limits[0], limits[1] * 1e3) if log else _widened(*limits, share=10.0)
    return Heights(tuple(np.clip(curve, *reach) for curve in curves), label, log, limits)


def _shown(tracks: Sequence[Track], frame: Frame) -> Floats:
    """The values of the paths that do not diverge, and what is finite and inside the frame of those that do."""
    values = np.concatenate(
        [track.path.f[_inside(track.path.x, frame) | (not _diverges(track.path))] for track in tracks]
    )
    values = values[np.isfinite(values)]
    return values if len(values) else np.zeros(1)


def _widened(low: float, high: float, share: float = 0.06) -> tuple[float, float]:
    room = share * (high - low) or 0.5
    return low - room, high + room


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
    z = np.broadcast_to(landscape(x, y), x.shape).astype(np.float64)
    return x, y, np.where(np.isfinite(z), z, np.nan)


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
        _draw_way(axes, track, _way(track, frame))
    _draw_facts(axes, landscape, frame)
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
        text.set_path_effects(HALO)
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
    f = np.broadcast_to(landscape(x), x.shape)
    f = np.where(np.isfinite(f), f, np.nan)
    axes.plot(x, f, color="#a3adb6", linewidth=2.5, zorder=1)
    for track in tracks:
        way = _way(track, frame)
        _draw_way(axes, track, np.column_stack([way, landscape(way[:, 0]) + np.zeros(len(way))]))
    _draw_facts(axes, landscape, frame)
    axes.set(xlim=frame[0], ylim=_widened(float(np.nanmin(f)), float(np.nanmax(f))))
    clean(axes, "x", "f(x)", _key(landscape))


def _draw_way(axes: Axes, track: Track, way: Floats) -> None:
    """A path with its start, a mark every few steps and its end, or an arrow where it leaves."""
    look, colour = track.look, track.look.colour
    every = stride(track.path.steps)
    axes.plot(*way.T, color=colour, linestyle=look.dash, linewidth=1.5, path_effects=HALO, zorder=4)
    steps = way if track.leaves is None else way[: track.leaves]
    axes.plot(*steps[::every].T, look.marker, color=colour, markersize=4, zorder=5)
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


def _draw_facts(axes: Axes, landscape: Landscape, frame: Frame) -> None:
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
    steep = np.nanmax(z - lowest) > 100 * np.nanmedian(z - lowest)

    def height(values: Any) -> Any:
        return np.log10(1 + np.maximum(values - lowest, 0.0)) if steep else values

    axes.computed_zorder = False  # the paths lie on the surface: draw them after it
    axes.plot_surface(x, y, height(z), cmap=PALE, edgecolor="#8b969f", linewidth=0.25, rcount=40, ccount=40, zorder=1)
    for track in tracks:
        way = _way(track, frame)
        look, on = track.look, (way[:, 0], way[:, 1], height(landscape(*way.T) + np.zeros(len(way))))
        axes.plot(*on, color=look.colour, linestyle=look.dash, linewidth=1.8, zorder=4)
        axes.plot(*[each[:: stride(track.path.steps)] for each in on], look.marker, color=look.colour, ms=3.5, zorder=5)
        axes.plot(*[each[:1] for each in on], "o", color="none", markersize=9, mec=INK, mew=1.5, zorder=6)
    for fact, (_, look) in MARKS.items():
        points = np.array(getattr(landscape, fact)).reshape(-1, 2)
        axes.plot(
            *points.T, height(landscape(*points.T)), linestyle="none", zorder=6 if fact == "saddles" else 3, **look
        )
    axes.set_title(_key(landscape), loc="left", color=GREY, fontsize=9)
    axes.set(xlabel="x", ylabel="y", zlabel="log₁₀(1 + f − lowest)" if steep else "f(x, y)")
    axes.locator_params(nbins=5)
    axes.view_init(elev=35, azim=-60)


# --- drawing: values and legend ---------------------------------------------------------------------------------------


def _draw_values(axes: Axes, tracks: Sequence[Track], heights: Heights) -> None:
    if heights.log:
        axes.set_yscale("log")
    for track, curve in zip(tracks, heights.curves, strict=True):
        look = track.look
        axes.plot(
            curve, color=look.colour, linestyle=look.dash, marker=look.marker, markersize=4,
            markevery=stride(track.path.steps),
        )  # fmt: skip
    axes.set_ylim(heights.limits)
    whole_steps(axes)
    every = max(stride(track.path.steps) for track in tracks)
    clean(axes, "step", heights.label, f"a mark every {every} steps" if every > 1 else "a mark at every step")


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
