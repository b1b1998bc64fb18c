"""The data of figures of paths: the frame, each path's look and label, contour levels, and the values at each step."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from ..base.errors import InvalidValue
from ..base.numbers import general, point
from ..base.status import Status
from ..paths.tracing import Path
from .looks import Look, colors_and_marks
from .style import language, translate

__all__ = [
    "Frame", "Heights", "Track", "Window", "contour_levels", "even_levels", "frame_of", "heights_of", "story", "stride",
    "tracks_of", "visible_points", "widened",
]  # fmt: skip

Floats = NDArray[np.float64]
Frame = tuple[tuple[float, float], ...]
Window = Sequence[tuple[float, float]] | None
"""Ends of each coordinate, as a user gives them; None: chosen for the paths."""

GROWTH = 1.5
"""Largest size of a frame, in windows of the landscape, that paths make it grow to."""

MOST_MARKS = 40
"""Marks of steps on a path, at most."""

MOST_LEVELS = 13
"""Contour lines, at most."""

# --- the frame --------------------------------------------------------------------------------------------------------


def frame_of(paths: Sequence[Path], window: Window = None) -> Frame:
    """The part of the landscape that is drawn: the given one, or its window, extended where the paths need it.

    Every start and every point of convergence is inside. Other points of paths that do not diverge extend each side of
    the window by at most half of `GROWTH - 1` of its width; without limit where the landscape states no facts, as its
    window is only a guess then. A path that diverges leaves the frame instead of stretching it.

    Raises:
        InvalidValue: a window without two finite ends of each coordinate, or one that a start lies outside.
    """
    landscape = paths[0].landscape
    if window is not None:
        return _checked(window, paths)
    low, high = np.array(landscape.window).T
    width = high - low
    room = (GROWTH - 1) / 2 * width if landscape.minima or landscape.saddles else np.inf
    inner = [path.x[:1] for path in paths]
    inner += [path.x[-1:] for path in paths if path.outcome.status is Status.REACHED]
    inner += [np.clip(path.x, low - room, high + room) for path in paths if not _diverges(path)]
    points, edge = np.concatenate(inner), 0.03 * width  # a mark on the frame's line would be cut in half
    low, high = np.minimum(low, points.min(axis=0) - edge), np.maximum(high, points.max(axis=0) + edge)
    return tuple(zip(low.tolist(), high.tolist(), strict=True))


def _checked(window: Sequence[tuple[float, float]], paths: Sequence[Path]) -> Frame:
    names = paths[0].landscape.coordinates
    frame = tuple((float(low), float(high)) for low, high in window)
    if len(frame) != len(names) or not all(-math.inf < low < high < math.inf for low, high in frame):
        raise InvalidValue(f"window: write low and high for {', '.join(names)}, such as -5:5 for each, got {window!r}")
    for path in paths:
        if not _inside(path.x[:1], frame).all():
            raise InvalidValue(f"window: must hold the start, {point(path.x[0])}; make it larger, or start inside")
    return frame


def _diverges(path: Path) -> bool:
    return path.outcome.status in (Status.DIVERGED, Status.NON_FINITE)


def _inside(x: Floats, frame: Frame) -> NDArray[np.bool_]:
    low, high = np.array(frame).T
    return np.asarray(((low <= x) & (x <= high)).all(axis=1))  # not NaN


# --- the paths --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Track:
    """One path and its look in a figure.

    Attributes:
        path: the path.
        look: its colour and marks.
        label: the rule's title and settings.
        x, f: positions and values after each evaluation of the gradient, so that paths are drawn side by side: those of
            the updates, each as long as the next one takes.
        leaves: the step at which it leaves the frame for good, or None.
    """

    path: Path
    look: Look
    label: str
    x: Floats
    f: Floats
    leaves: int | None

    @property
    def steps(self) -> int:
        """The number of steps that are drawn: evaluations of the gradient."""
        return len(self.f) - 1

    @property
    def every(self) -> int:
        """The number of steps from one mark to the next, so that there are at most `MOST_MARKS`."""
        return stride(self.steps if self.leaves is None else self.leaves)


def story(track: Track) -> str:
    """The label of a path with what happened on it, for the legend, in the language of the figure."""
    text = f"{track.label}: {track.path.finding.happened(language())}"
    return text if track.leaves is None else f"{text} ({translate('leaves the frame at step {}', track.leaves)})"


def tracks_of(paths: Sequence[Path], frame: Frame, dark: bool = False) -> list[Track]:
    """The paths with their looks and labels; the same rule with other settings gets another variant of its look."""
    seen: Counter[str] = Counter()
    tracks = []
    for path, label in zip(paths, _labels(paths), strict=True):
        name = type(path.rule).__name__
        at = np.repeat(np.arange(len(path.x)), np.diff(path.evaluated, append=path.evaluations + 1))
        inside = _inside(path.x[at], frame)
        leaves = None if inside[-1] else int(np.flatnonzero(inside)[-1]) + 1  # the start is inside
        look = colors_and_marks(name, seen[name], dark, path.rule.look)
        tracks.append(Track(path, look, label, path.x[at], path.f[at], leaves))
        seen[name] += 1
    return tracks


def _labels(paths: Sequence[Path]) -> list[str]:
    """A label of each path, all different: title and settings, then the start and a number where they are needed.

    It has no words of a language, but settings as one writes them, so that it serves figures and pages in any.
    """
    labels = [_label(path) for path in paths]
    if len({tuple(path.x[0]) for path in paths}) > 1:
        starts = [f"({', '.join(map(general, path.x[0]))})" for path in paths]
        labels = [f"{label}, start={start}" for label, start in zip(labels, starts, strict=True)]
    total, seen = Counter(labels), Counter[str]()
    for index, label in enumerate(labels):
        if total[label] > 1:
            seen[label] += 1
            labels[index] = f"{label} #{seen[label]}"
    return labels


def _label(path: Path) -> str:
    label, rates = path.rule.label(), _turns(path.lr)
    if len(rates) > 1:
        label = label.replace(f"lr={path.rule.lr}", "lr=" + "→".join(general(rate, 3) for rate in rates), 1)
    if path.schedule:
        label += f", schedule={path.schedule}"
    return f"{label}, noise={path.noise:g}, seed={path.seed}" if path.noise else label


def _turns(rates: NDArray[np.float64]) -> list[float]:
    """The learning rates at the first and the last step, and the extremes between them; one if they do not change."""
    if (rates == rates[0]).all():
        return [float(rates[0])]
    return [float(rates[step]) for step in sorted({0, int(rates.argmin()), int(rates.argmax()), len(rates) - 1})]


def visible_points(track: Track, frame: Frame) -> Floats:
    """The points of a path, shape (n, dims), up to the point on the frame's edge where it leaves for good."""
    x, last = track.x, track.leaves
    if last is None:
        return x
    return np.concatenate([x[:last], _crossing(x[last - 1], x[last], frame)])


def _crossing(inner: Floats, outer: Floats, frame: Frame) -> Floats:
    """The point where a line from inside to outside meets the frame, shape (1, dims); (0, dims) if `outer` is NaN."""
    if not np.isfinite(outer).all():
        return np.empty((0, len(inner)))
    low, high = np.array(frame).T
    move = outer - inner
    room = np.where(move > 0, high - inner, inner - low)
    shares = [space / abs(step) for space, step in zip(room, move, strict=True) if step]
    return np.array([inner + min([1.0, *shares]) * move])


def stride(steps: int) -> int:
    """The smallest of 1, 2, 5, 10, 20, ... that divides `steps` into at most `MOST_MARKS` strides.

    >>> stride(20), stride(100), stride(1000)
    (1, 5, 50)
    """
    decade = 1
    while True:
        for digit in (1, 2, 5):
            if steps <= MOST_MARKS * digit * decade:
                return digit * decade
        decade *= 10


# --- the values -------------------------------------------------------------------------------------------------------


def contour_levels(above: Floats) -> Floats:
    """Levels of contour lines, as heights above the lowest value: round numbers, evenly spaced on a log scale.

    At most `MOST_LEVELS`; `above` are heights at the points of a grid, whose extreme half percent on either side is
    ignored.

    >>> contour_levels(np.geomspace(1, 1000, 1000))
    array([  2.,   5.,  10.,  20.,  50., 100., 200., 500.])
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
        if len(levels) <= MOST_LEVELS:
            return levels
    return levels[:: -(-len(levels) // MOST_LEVELS)]


def even_levels(z: Floats) -> Floats:
    """Levels of contour lines where there is no lowest value to measure from: round numbers, evenly spaced."""
    z = z[np.isfinite(z)]
    if not np.ptp(z):
        return np.array([])
    return np.asarray(MaxNLocator(MOST_LEVELS).tick_values(float(z.min()), float(z.max())))[1:-1]


@dataclass(frozen=True)
class Heights:
    """The data of the panel of values.

    Attributes:
        curves: the value at each step of each path, clipped to a little beyond the limits.
        label: of the axis, in English.
        log: whether the axis is logarithmic.
        limits: of the axis.
    """

    curves: tuple[Floats, ...]
    label: str
    log: bool
    limits: tuple[float, float]


def heights_of(tracks: Sequence[Track], frame: Frame) -> Heights:
    """Values above the known minimum, or plain ones; logarithmic where they are positive and span a decade.

    The limits fit what happens inside the frame, so one path that diverges does not flatten the others.
    """
    minimum = tracks[0].path.landscape.minimum
    curves = [track.f for track in tracks]
    shown = _shown(tracks, frame)
    label = "value"
    if minimum is not None and shown.min() >= minimum - 1e-9 * max(1.0, abs(minimum)):
        curves, shown = [curve - minimum for curve in curves], np.maximum(shown - minimum, 0.0)
        label = "value above the minimum"
    floor = 1e-16 * max((curve[0] for curve in curves if np.isfinite(curve[0])), default=1.0)  # below: only rounding
    log = bool(shown.min() >= 0 and shown.max() > 10 * shown.min())
    low, high = max(float(shown.min()), float(floor), 1e-300) if log else float(shown.min()), float(shown.max())
    limits = (low / 2, high * 3) if log else widened(low, high)
    # a curve that leaves the panel is drawn to beyond its edge, but not to 1e300, which renderers cannot place
    drawable = (limits[0], limits[1] * 1e3) if log else widened(*limits, share=10.0)
    return Heights(tuple(np.clip(curve, *drawable) for curve in curves), label, log, limits)


def _shown(tracks: Sequence[Track], frame: Frame) -> Floats:
    """The values that the limits must fit: of paths that diverge only those inside the frame; finite ones only."""
    values = np.concatenate(
        [track.path.f[_inside(track.path.x, frame)] if _diverges(track.path) else track.path.f for track in tracks]
    )
    if np.isfinite(values).sum() < 2:  # all paths leave at once: fit the first two values
        values = np.concatenate([track.path.f[:2] for track in tracks])
    values = np.clip(values[np.isfinite(values)], -1e300, 1e300)  # an axis needs room above its highest value
    return values if len(values) else np.zeros(1)


def widened(low: float, high: float, share: float = 0.06) -> tuple[float, float]:
    """An interval extended by a share of its width on both sides; around a single value it gets some width."""
    room = share * (high - low) or 0.05 * abs(high) or 0.5
    return low - room, high + room
