"""The frames of an animation of paths: the positions at any moment, as data, and the image of a frame."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from numpy.typing import NDArray

from ..base.text import Text
from ..paths.tracing import Path
from .landscapes import title_of
from .path_data import Heights, Track, Window, frame_of, heights_of, tracks_of, visible_points
from .paths import check_paths, draw_background, draw_heading, draw_legend, draw_value_axes, halo, panels, points_of
from .style import house_style, theme, translate

__all__ = ["Move", "Scene", "at", "clock", "moves_of"]

Floats = NDArray[np.float64]
Image = NDArray[np.uint8]

DPI = 100
"""Pixels an inch: a frame is 1,050 pixels wide."""

EARLY, RUSH = 0.1, 0.5
"""If more than the share RUSH of the distance lies in the first share EARLY of the steps, time follows distance too."""

# --- data -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Move:
    """The moving parts of one path.

    Attributes:
        track: the path, its look and label.
        points: its position at each step until it leaves the frame, shape (steps + 1 or fewer, 2); None where the
            landscape is not drawn.
        values: at each step, shape (steps + 1,).
    """

    track: Track
    points: Floats | None
    values: Floats


def moves_of(tracks: Sequence[Track], frame: Any, heights: Heights) -> list[Move]:
    """The moving parts of each path, within a frame."""
    landscape = tracks[0].path.landscape
    points = [points_of(visible_points(track, frame), landscape) if landscape.dims <= 2 else None for track in tracks]
    return [Move(*parts) for parts in zip(tracks, points, heights.curves, strict=True)]


def clock(moves: Sequence[Move], frames: int) -> Floats:
    """The step that each frame shows, from 0 to the last, with fractions; shape (frames,).

    Evenly spaced in steps; but if most of the distance is covered in the first few of them, the mean of that and of
    evenly spaced in distance, so that the start is not over in a few frames. The same for all paths.
    """
    steps = max(move.track.steps for move in moves)
    whole = np.arange(steps + 1)
    progress = whole / steps
    distances = [_progress(move.points, steps) for move in moves if move.points is not None]
    if distances and np.mean(distances, axis=0)[int(EARLY * steps)] > RUSH:
        progress = (progress + np.mean(distances, axis=0)) / 2
    return np.interp(np.linspace(0, 1, frames), progress, whole)


def _progress(points: Floats, steps: int) -> Floats:
    """The share of the distance that is covered after each step; shape (steps + 1,)."""
    lengths = np.linalg.norm(np.diff(points, axis=0), axis=1)
    covered = np.concatenate([[0.0], np.cumsum(lengths), np.full(steps + 1 - len(points), lengths.sum())])
    return np.asarray(covered / covered[-1]) if covered[-1] > 0 else np.linspace(0, 1, steps + 1)


def at(points: Floats, moment: float, log: bool = False) -> Floats:
    """The points up to a moment, the last one interpolated between two steps, shape (n, ...).

    Args:
        points: one a step, shape (steps + 1, ...).
        moment: a step with a fraction.
        log: whether to interpolate on a log scale, which is straight on a log axis.

    >>> at(np.array([0.0, 1.0, 3.0]), 1.5)
    array([0., 1., 2.])
    """
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
    """Paths over their landscape, to be drawn at any moment; the background is drawn once, which makes frames cheap.

    Args:
        paths: results of `trace`, all on the same landscape.
        frames: number of frames.
        title: of the figure. Default: the landscape's name.
        lang: language of the words.
        dark: light ink on dark paper.
        window: the part that is drawn, as for `draw_paths`.

    Attributes:
        moments: the step that each frame shows, with fractions.
        still: the image without the moving parts, shape (height, width, 3).
    """

    def __init__(
        self,
        paths: Sequence[Path],
        frames: int,
        title: str | Text | None,
        lang: str | None,
        dark: bool,
        window: Window = None,
    ) -> None:
        check_paths(paths)
        frame = frame_of(paths, window)
        tracks = tracks_of(paths, frame, dark)
        heights = heights_of(tracks, frame)
        moves = moves_of(tracks, frame, heights)
        self.moments = clock(moves, frames)
        with house_style(lang, dark):
            columns = _columns([track.label for track in tracks])
            self._figure, picture, values = panels(frame, -(-len(tracks) // columns))
            self._figure.set_dpi(DPI)
            heading = draw_heading(self._figure, title or title_of(paths[0].landscape))
            if picture is not None:
                draw_background(picture, paths[0].landscape, frame)
            draw_value_axes(values, heights, tracks)
            steps = max(track.steps for track in tracks)
            values.set_xlim(-0.02 * steps, 1.02 * steps)
            draw_legend(self._figure, tracks, [track.label for track in tracks], columns)
            self._draw_still()
            self._words = translate("step {} of {}", "{}", steps)
            top = heading.get_position()[1]
            self._counter = self._figure.text(0.985, top, "", ha="right", va="top", color=theme().grey, animated=True)
            self._actors = [_Actor(move, picture, values, heights.log) for move in moves]

    def _draw_still(self) -> None:
        agg: Any = FigureCanvasAgg  # untyped in Matplotlib
        self._canvas = agg(self._figure)
        self._canvas.draw()
        self._figure.set_layout_engine("none")  # a new layout would move the axes off the background
        self._background = self._canvas.copy_from_bbox(self._figure.bbox)
        self.still = self._pixels()

    def picture(self, moment: float) -> Image:
        """The image at a moment, shape (height, width, 3), both sides even as videos need them."""
        self._canvas.restore_region(self._background)
        self._counter.set_text(self._words.format(int(moment + 1e-9)))
        self._figure.draw_artist(self._counter)
        artists = [artist for actor in self._actors for artist in actor.artists(moment)]
        for artist in sorted(artists, key=lambda artist: float(artist.get_zorder())):
            artist.axes.draw_artist(artist)
        return self._pixels()

    def _pixels(self) -> Image:
        drawn = np.asarray(self._canvas.buffer_rgba())
        height, width = (side // 2 * 2 for side in drawn.shape[:2])
        return drawn[:height, :width, :3].copy()


def _columns(labels: Sequence[str]) -> int:
    """Number of columns of the legend."""
    longest = max(map(len, labels))
    return min(len(labels), 3 if longest <= 32 else 2 if longest <= 55 else 1)


class _Actor:
    """Matplotlib's artists of one path: trail, marks and head over the landscape; curve and head beside it."""

    def __init__(self, move: Move, picture: Any, values: Any, log: bool) -> None:
        self.move, self.log, look = move, log, move.track.look
        line = {"color": look.colour, "linestyle": look.dash, "animated": True}
        marks = {"color": look.colour, "linestyle": "none", "marker": look.marker, "animated": True}
        head = marks | {"markersize": 9, "mec": theme().paper, "mew": 1.2, "zorder": 8}
        every = {"marker": look.marker, "markersize": 4, "markevery": move.track.every}
        (self.curve,) = values.plot([], [], linewidth=1.6, zorder=4, **every, **line)
        (self.value,) = values.plot([], [], clip_on=False, **head)
        self.on_landscape: list[Any] = []
        if picture is not None and move.points is not None:
            (trail,) = picture.plot([], [], linewidth=1.7, path_effects=halo(), zorder=4, **line)
            (steps,) = picture.plot([], [], markersize=4, zorder=5, **marks)
            (here,) = picture.plot([], [], clip_on=False, **head)
            self.on_landscape = [trail, steps, here]
            ring = {"color": "none", "markersize": 11, "mec": theme().ink, "mew": 1.5, "animated": True, "zorder": 7}
            self.start = picture.plot(*move.points[:1].T, "o", clip_on=False, **ring)

    def artists(self, moment: float) -> list[Any]:
        """The artists to draw at a moment, with their data set."""
        values = at(self.move.values, moment, self.log)
        self.curve.set_data(_steps(values, moment), values)
        self.value.set_data([_steps(values, moment)[-1]], values[-1:])
        low, high = self.value.axes.get_ylim()
        self.value.set_visible(low <= values[-1] <= high)  # it is not clipped, so that it is whole at the edge
        if not self.on_landscape:
            return [self.curve, self.value]
        assert self.move.points is not None
        points, track = at(self.move.points, moment), self.move.track
        whole = points[: int(moment) + 1]
        trail, steps, here = self.on_landscape
        trail.set_data(*points.T)
        steps.set_data(*(whole if track.leaves is None else whole[: track.leaves])[:: track.every].T)
        here.set_data(*points[-1:].T)
        return [self.curve, self.value, *self.on_landscape, *self.start]


def _steps(values: Floats, moment: float) -> Floats:
    """The steps that values up to a moment belong to; the last one has a fraction."""
    steps = np.arange(len(values), dtype=np.float64)
    steps[-1] = min(moment, steps[-1])
    return steps
