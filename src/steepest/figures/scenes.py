"""Paths as they are at any moment: what an animation shows, as data, and pictures of it, one after the other."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ..paths.tracing import Path
from .path_data import Heights, Track, frame_of, heights_of, tracks_of, way_of
from .paths import check_paths, draw_background, draw_handles, draw_heading, draw_value_axes, halo, panels, points_of
from .style import house_style, say, theme

__all__ = ["Move", "Scene", "at", "clock", "moves_of"]

Floats = NDArray[np.float64]
Image = NDArray[np.uint8]

DOTS = 100
"""Pixels an inch: 1,050 across."""

EARLY, RUSH = 0.1, 0.5
"""Where more than the share RUSH of all movement lies in the first share EARLY of the steps, time follows the way."""

# --- data -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Move:
    """What moves of one path.

    Attributes:
        track: the path, its look and label.
        points: where it is at each step until it leaves the picture, shape (steps + 1 or fewer, 2); None where the
            landscape is not drawn.
        values: at each step, shape (steps + 1,).
    """

    track: Track
    points: Floats | None
    values: Floats


def moves_of(tracks: Sequence[Track], frame: Any, heights: Heights) -> list[Move]:
    """What moves, for each path."""
    landscape = tracks[0].path.landscape
    ways = [points_of(way_of(track, frame), landscape) if landscape.dims <= 2 else None for track in tracks]
    return [Move(track, way, curve) for track, way, curve in zip(tracks, ways, heights.curves, strict=True)]


def clock(moves: Sequence[Move], frames: int) -> Floats:
    """The step that each frame shows, from 0 to the last, with fractions.

    Even in steps; but where most of the way is made in the first few of them, half of the time follows the way instead,
    the same time for all paths.
    """
    steps = max(move.track.path.steps for move in moves)
    whole = np.arange(steps + 1)
    progress = whole / steps
    lengths = [_progress(move.points, steps) for move in moves if move.points is not None]
    if lengths and np.mean(lengths, axis=0)[int(EARLY * steps)] > RUSH:
        progress = (progress + np.mean(lengths, axis=0)) / 2
    return np.interp(np.linspace(0, 1, frames), progress, whole)


def _progress(points: Floats, steps: int) -> Floats:
    """The share of the way that is made after each step."""
    hops = np.linalg.norm(np.diff(points, axis=0), axis=1)
    gone = np.concatenate([[0.0], np.cumsum(hops), np.full(steps + 1 - len(points), hops.sum())])
    return np.asarray(gone / gone[-1]) if gone[-1] > 0 else np.linspace(0, 1, steps + 1)


def at(points: Floats, moment: float, log: bool = False) -> Floats:
    """The points until a moment, the last one between two steps (on a log scale if so wished), shape (n, ...)."""
    step = min(int(moment), len(points) - 1)
    share = moment - step
    if share == 0 or step + 1 == len(points):
        return points[: step + 1]
    here, there = points[step], points[step + 1]
    if log and here > 0 and there > 0:
        between = here ** (1 - share) * there**share
    else:
        between = (1 - share) * here + share * there
    return np.concatenate([points[: step + 1], [between]])


# --- pictures ---------------------------------------------------------------------------------------------------------


class Scene:
    """Paths over their landscape, to be drawn at any moment; what does not move is drawn once.

    Attributes:
        moments: the step that each frame shows, with fractions.
        still: the picture without what moves, shape (height, width, 3).
    """

    def __init__(self, paths: Sequence[Path], frames: int, title: str | None, lang: str, dark: bool) -> None:
        check_paths(paths)
        frame = frame_of(paths)
        tracks = tracks_of(paths, frame, dark)
        heights = heights_of(tracks, frame)
        moves = moves_of(tracks, frame, heights)
        self.moments = clock(moves, frames)
        with house_style(lang, dark):
            columns = _columns([track.label for track in tracks])
            self._figure, picture, values = panels(frame, -(-len(tracks) // columns))
            self._figure.set_dpi(DOTS)
            heading = draw_heading(self._figure, title or paths[0].landscape.name)
            if picture is not None:
                draw_background(picture, paths[0].landscape, frame)
            draw_value_axes(values, heights, tracks)
            steps = max(path.steps for path in paths)
            values.set_xlim(-0.02 * steps, 1.02 * steps)
            draw_handles(self._figure, tracks, [track.label for track in tracks], columns)
            self._draw_still()
            self._words = say("step {} of {}", "{}", steps)
            top = heading.get_position()[1]
            self._counter = self._figure.text(0.985, top, "", ha="right", va="top", color=theme().grey, animated=True)
            self._actors = [_Actor(move, picture, values, heights.log) for move in moves]

    def _draw_still(self) -> None:
        self._canvas = _canvas(self._figure)
        self._canvas.draw()
        self._figure.set_layout_engine("none")  # from here on nothing may move by itself
        self._background = self._canvas.copy_from_bbox(self._figure.bbox)
        self.still = self._pixels()

    def picture(self, moment: float) -> Image:
        """The picture at a moment, shape (height, width, 3), both sides even as videos need them."""
        self._canvas.restore_region(self._background)
        self._counter.set_text(self._words.format(int(moment + 1e-9)))
        self._figure.draw_artist(self._counter)
        for artist in sorted((each for actor in self._actors for each in actor.artists(moment)), key=_depth):
            artist.axes.draw_artist(artist)
        return self._pixels()

    def _pixels(self) -> Image:
        drawn = np.asarray(self._canvas.buffer_rgba())
        height, width = (side // 2 * 2 for side in drawn.shape[:2])
        return drawn[:height, :width, :3].copy()


def _canvas(figure: Figure) -> Any:
    return FigureCanvasAgg(figure)


def _columns(labels: Sequence[str]) -> int:
    """Of the legend."""
    longest = max(map(len, labels))
    return min(len(labels), 3 if longest <= 32 else 2 if longest <= 55 else 1)


def _depth(artist: Any) -> float:
    return float(artist.get_zorder())


class _Actor:
    """One path in the picture: trail, marks and head over the landscape; curve and head beside it."""

    def __init__(self, move: Move, picture: Any, values: Any, log: bool) -> None:
        self.move, self.log, look = move, log, move.track.look
        line = {"color": look.colour, "linestyle": look.dash, "animated": True}
        marks = {"color": look.colour, "linestyle": "none", "marker": look.marker, "animated": True}
        head = marks | {"markersize": 9, "mec": theme().paper, "mew": 1.2, "zorder": 8}
        every = {"marker": look.marker, "markersize": 4, "markevery": move.track.every}
        (self.curve,) = values.plot([], [], linewidth=1.6, zorder=4, **every, **line)
        (self.value,) = values.plot([], [], clip_on=False, **head)
        self.over: list[Any] = []
        if picture is not None and move.points is not None:
            (trail,) = picture.plot([], [], linewidth=1.7, path_effects=halo(), zorder=4, **line)
            (steps,) = picture.plot([], [], markersize=4, zorder=5, **marks)
            (here,) = picture.plot([], [], clip_on=False, **head)
            self.over = [trail, steps, here]
            ring = {"color": "none", "markersize": 11, "mec": theme().ink, "mew": 1.5, "animated": True, "zorder": 7}
            self.start = picture.plot(*move.points[:1].T, "o", clip_on=False, **ring)

    def artists(self, moment: float) -> list[Any]:
        """What is to be drawn at this moment, brought up to date."""
        values = at(self.move.values, moment, self.log)
        self.curve.set_data(_steps(values, moment), values)
        self.value.set_data([_steps(values, moment)[-1]], values[-1:])
        low, high = self.value.axes.get_ylim()
        self.value.set_visible(low <= values[-1] <= high)  # it is not clipped, so that it is whole at the edge
        if not self.over:
            return [self.curve, self.value]
        assert self.move.points is not None
        points, track = at(self.move.points, moment), self.move.track
        whole = points[: int(moment) + 1]
        trail, steps, here = self.over
        trail.set_data(*points.T)
        steps.set_data(*(whole if track.leaves is None else whole[: track.leaves])[:: track.every].T)
        here.set_data(*points[-1:].T)
        return [self.curve, self.value, *self.over, *self.start]


def _steps(values: Floats, moment: float) -> Floats:
    steps = np.arange(len(values), dtype=np.float64)
    steps[-1] = min(moment, steps[-1])
    return steps
