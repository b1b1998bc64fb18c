"""What became of many trajectories, told from their last positions with the measures of `outcome`."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..base.status import Status
from ..landscapes import Landscape
from .outcome import AROUND, IN_REACH, NEAR

__all__ = ["arrival_radius", "classify", "nearest"]

Floats = NDArray[Any]
Flags = NDArray[np.bool_]

CODES = {status: code for code, status in enumerate(Status)}


def arrival_radius(landscape: Landscape) -> float:
    """How near a minimum counts as there: a thousandth of the window's diagonal."""
    return NEAR * _diagonal(landscape)


def nearest(landscape: Landscape, x: Floats) -> NDArray[np.int64]:
    """Which of the landscape's minima, the global ones first, each end (dims, n) is at; -1 for none."""
    points = landscape.minima + landscape.local_minima
    if not points:
        return np.full(x.shape[1], -1)
    with np.errstate(all="ignore"):
        distances = np.array([_length(x - np.array(point)[:, None]) for point in points])
        distances[np.isnan(distances)] = np.inf
    return np.where(distances.min(axis=0) <= arrival_radius(landscape), distances.argmin(axis=0), -1)


def classify(
    landscape: Landscape, start: Floats, tail: Floats, lost: Flags, last: Floats, steps: int, noisy: bool
) -> NDArray[np.int64]:
    """Codes, places in `Status`.

    Args:
        landscape: where.
        start: first positions, (dims, n).
        tail: the last positions, (positions, dims, n).
        lost: whether a position stopped being finite, (n,).
        last: the last finite positions, (dims, n).
        steps: number of updates.
        noisy: whether the gradients had noise.
    """
    with np.errstate(all="ignore"):
        ends = _Tails(landscape, start, tail.astype(np.float64), steps, noisy)
        found = np.full(start.shape[1], CODES[Status.FINISHED])
        # the later overrules the earlier
        found[ends.plateau] = CODES[Status.STUCK]
        found[ends.at_rest_elsewhere] = CODES[Status.STUCK]
        found[ends.at_minimum] = CODES[Status.REACHED]
        found[ends.cycle] = CODES[Status.FINISHED]
        found[ends.diverged | ends.ran_down] = CODES[Status.DIVERGED]
        found[ends.without_value] = CODES[Status.NON_FINITE]
        found[lost] = CODES[Status.DIVERGED]
        beside = np.flatnonzero(lost)[_at_the_edge_of_the_domain(landscape, last[:, lost].astype(np.float64))]
        found[beside] = CODES[Status.NON_FINITE]
        found[~np.isfinite(ends.first_value)] = CODES[Status.NON_FINITE]
    return found


def _at_the_edge_of_the_domain(landscape: Landscape, x: Floats) -> Flags:
    """Whether these last finite positions have no finite value or gradient though they are near the window."""
    defined = np.isfinite(_values(landscape, x)) & np.isfinite(landscape.gradient(x)).all(axis=0)
    near: Flags = ~defined & (_outside(landscape, x) < _diagonal(landscape))
    return near


@dataclass(frozen=True)
class _Tails:
    """The last positions of many trajectories, and what they show; see `outcome` for each."""

    landscape: Landscape
    start: Floats
    tail: Floats
    steps: int
    noisy: bool

    @cached_property
    def diagonal(self) -> float:
        return _diagonal(self.landscape)

    @cached_property
    def end(self) -> Floats:
        return np.asarray(self.tail[-1])

    @cached_property
    def first_value(self) -> Floats:
        return _values(self.landscape, self.start)

    @cached_property
    def values(self) -> Floats:
        return np.array([_values(self.landscape, each) for each in self.tail])

    @cached_property
    def hops(self) -> Floats:
        return np.array([_length(hop) for hop in np.diff(self.tail, axis=0)])

    @cached_property
    def outside(self) -> Floats:
        return _outside(self.landscape, self.end)

    @cached_property
    def gradient(self) -> Floats:
        return self.landscape.gradient(self.end)

    @cached_property
    def without_value(self) -> Flags:
        found: Flags = ~np.isfinite(self.values[-1]) & (self.hops[-1] < self.diagonal)
        return found

    @cached_property
    def ran_down(self) -> Flags:
        low, high = np.array(self.landscape.window).T
        edge = np.clip(self.end, low[:, None], high[:, None])
        steeper = _length(self.gradient) >= _length(self.landscape.gradient(edge))
        falls = (np.diff(self.values, axis=0) <= 0).all(axis=0) & (self.values[-1] < self.first_value)
        found: Flags = falls & steeper & (self.outside >= self.diagonal)
        return found

    @cached_property
    def diverged(self) -> Flags:
        climbed = self.values[-1] > self.first_value
        leaps = self.growing & (np.diff(self.values, axis=0) > 0).all(axis=0) & (not self.noisy) & (self.steps >= 4)
        found: Flags = climbed & ((self.outside > self.diagonal) | leaps) | (self.outside > 100 * self.diagonal)
        found |= ~np.isfinite(self.values[-1])
        return found

    @cached_property
    def growing(self) -> Flags:
        return np.asarray((np.diff(self.hops, axis=0) > 0).all(axis=0) & (len(self.hops) > 1))

    @cached_property
    def cycle(self) -> Flags:
        if self.noisy or self.steps < 21:
            return np.zeros(self.end.shape[1], dtype=bool)
        returns = np.array([_length(each) for each in self.tail[2:] - self.tail[:-2]])
        lasts = (self.hops[-1] > 0.99 * self.hops[0]) & (self.hops.min(axis=0) > 1e-6 * self.diagonal)
        found: Flags = lasts & (returns.max(axis=0) <= 0.05 * self.hops.min(axis=0))
        return found

    # --- stationary points

    @cached_property
    def newton(self) -> tuple[Floats, Floats]:
        """Where Newton's method leads from the end, NaN where out of reach; and how far that is."""
        points = np.where(np.isfinite(self.gradient).all(axis=0), self.end, np.nan)
        moving = np.flatnonzero(np.isfinite(points).all(axis=0))
        for _ in range(40):  # a third of the way each time where the curvature vanishes, as for x**4
            step = _newton_step(self.landscape, points[:, moving])
            points[:, moving] += step
            lost = ~(_length(points[:, moving] - self.end[:, moving]) <= IN_REACH * self.diagonal)
            points[:, moving[lost]] = np.nan
            moving = moving[~lost & (_length(step) > 1e-6 * self.diagonal)]
        points[:, moving] = np.nan
        return points, _length(points - self.end)

    @cached_property
    def kind(self) -> Floats:
        """Of the point that Newton's method finds: 1 for a minimum, -1 for another stationary point, 0 for none."""
        points, distance = self.newton
        found = np.zeros(len(distance))
        rows = np.flatnonzero(distance <= IN_REACH * self.diagonal)
        here = _values(self.landscape, points[:, rows])
        rises = np.array([
            _values(self.landscape, points[:, rows] + AROUND * self.diagonal * each[:, None]) - here
            for each in _directions(len(points))
        ])  # fmt: skip
        tiny = 1e-12 * np.maximum(1.0, np.abs(here))
        up, down = (rises > tiny).any(axis=0), (rises < -tiny).any(axis=0)
        found[rows] = np.where(up & ~down, 1, np.where(down, -1, 0))
        return found

    @cached_property
    def at_minimum(self) -> Flags:
        stated = self.landscape.minima + self.landscape.local_minima
        found: Flags = self._rests_at(self.newton[0], self.kind == 1) | self._rests_at_any(stated)
        return found

    @cached_property
    def at_rest_elsewhere(self) -> Flags:
        found: Flags = self._rests_at(self.newton[0], self.kind == -1) | self._rests_at_any(self.landscape.saddles)
        return found

    def _rests_at_any(self, points: tuple[tuple[float, ...], ...]) -> Flags:
        found = np.zeros(self.end.shape[1], dtype=bool)
        for point in points:
            found |= self._rests_at(np.array(point)[:, None], ~found)
        return found

    def _rests_at(self, point: Floats, which: Flags) -> Flags:
        latest = self.tail[1:] if self.noisy else self.tail[1:][-3:]
        near = np.array([_length(each - point) for each in latest]).max(axis=0) <= NEAR * self.diagonal
        found: Flags = which & near & ~(self.growing & (self.hops[-1] > 0.1 * NEAR * self.diagonal))
        return found

    @cached_property
    def plateau(self) -> Flags:
        slope, gentle = _length(self.gradient), min(0.05, 0.05 * _spread(self.landscape) / self.diagonal)
        drifts = self.hops.mean(axis=0) * max(3, self.steps // 4) > IN_REACH * self.diagonal
        in_reach = self.kind == 1
        for point in self.landscape.minima + self.landscape.local_minima:
            in_reach |= _length(self.end - np.array(point)[:, None]) <= IN_REACH * self.diagonal
        found: Flags = (slope <= np.where(drifts, 0.01 * gentle, gentle)) & ~in_reach
        return found


# --- measures ---------------------------------------------------------------------------------------------------------


def _newton_step(landscape: Landscape, x: Floats) -> Floats:
    """The step that makes the gradient vanish if it is linear; NaN where it has no slope or no finite value."""
    gradient, hessian = landscape.gradient(x).T, np.moveaxis(landscape.hessian(x), -1, 0)
    good = np.isfinite(hessian).all(axis=(1, 2)) & np.isfinite(gradient).all(axis=1)
    step = np.full(x.shape, np.nan)
    curvature, axes = np.linalg.eigh(hessian[good])
    slopes = np.einsum("nij,ni->nj", axes, gradient[good])
    step[:, good] = -np.einsum("nij,nj->in", axes, np.where(slopes == 0, 0.0, slopes / curvature))
    return step


def _length(vectors: Floats) -> Floats:
    return np.asarray(np.linalg.norm(vectors, axis=0))


def _diagonal(landscape: Landscape) -> float:
    return float(np.linalg.norm([high - low for low, high in landscape.window]))


def _outside(landscape: Landscape, x: Floats) -> Floats:
    low, high = np.array(landscape.window).T[:, :, None]
    return _length(np.maximum(np.maximum(low - x, x - high), 0.0))


def _values(landscape: Landscape, x: Floats) -> Floats:
    return np.broadcast_to(landscape(*x), x.shape[1:]).astype(np.float64)


def _spread(landscape: Landscape) -> float:
    low, high = np.array(landscape.window).T
    values = _values(landscape, np.random.default_rng(0).uniform(low, high, (500, len(low))).T)
    values = values[np.isfinite(values)]
    return float(np.ptp(values)) if len(values) else 0.0


def _directions(dims: int) -> Floats:
    if dims == 2:
        angles = np.arange(8) * np.pi / 4 + 0.1
        return np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return np.concatenate([np.eye(dims), -np.eye(dims)])
