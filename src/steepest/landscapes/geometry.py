"""Geometry of a landscape: the size of its window, the spread of its values, its stationary points and their kinds.

Points are arrays of shape (dims, n), as `Landscape.gradient` takes them.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .base import Landscape

__all__ = [
    "CONSTANTS", "KINDS", "MINIMUM", "Stationary", "diagonal", "is_level", "is_quadratic", "kinds", "lengths",
    "nearest_stationary", "newton", "outside", "spread", "values",
]  # fmt: skip

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

KINDS = ("flat point", "minimum", "maximum", "saddle")
"""Kinds of stationary points; a kind's code is its index: 1 where values around it are higher, plus 2 where lower."""

MINIMUM = KINDS.index("minimum")

CONSTANTS: dict[str, Any] = {
    "around": 5e-3,  # share of the diagonal at which the values around a stationary point tell its kind
    "level": 1e-12,  # share of the spread of values below which two values are equal
    "sample": 500,  # points of the window from which the spread of values is taken
    "directions": 50,  # random directions for each coordinate in which the values around a point are compared
    "turns": 100,  # steps of Newton's method, at most
    "settled": 1e-9,  # share of the diagonal: a shorter step ends Newton's method
    "vanished": 1e-6,  # a gradient of this size, or this share of the gradient at the first point, is zero
}
"""Numbers of the algorithms below; the page's copy of them reads the same table."""


def lengths(vectors: Floats) -> Floats:
    """Euclidean lengths of vectors of shape (dims, ...)."""
    return np.asarray(np.linalg.norm(vectors, axis=0))


def values(landscape: Landscape, x: Floats) -> Floats:
    """Values at points, shape (n,), also where the formula is constant."""
    return np.broadcast_to(landscape(*x), x.shape[1:]).astype(np.float64)


@lru_cache(maxsize=256)
def diagonal(landscape: Landscape) -> float:
    """Length of the window's diagonal, the unit in which a landscape's distances are judged."""
    return float(np.linalg.norm([high - low for low, high in landscape.window]))


def outside(landscape: Landscape, x: Floats) -> Floats:
    """Distance of points of shape (dims, ...) to the window; 0 inside."""
    low, high = np.array(landscape.window).T.reshape(2, -1, *[1] * (x.ndim - 1))
    return lengths(np.maximum(np.maximum(low - x, x - high), 0.0))


@lru_cache(maxsize=256)
def spread(landscape: Landscape) -> float:
    """Range of the finite values at random points of the window."""
    low, high = np.array(landscape.window).T
    points = np.random.default_rng(0).uniform(low, high, (CONSTANTS["sample"], len(low)))
    sample = values(landscape, points.T)
    sample = sample[np.isfinite(sample)]
    return float(np.ptp(sample)) if len(sample) else 0.0


@lru_cache(maxsize=256)
def is_quadratic(landscape: Landscape) -> bool:
    """Whether all second derivatives are constant."""
    if landscape.is_long:
        low, high = np.array(landscape.window).T
        points = np.random.default_rng(0).uniform(low, high, (20, landscape.dims))
        hessians = np.moveaxis(landscape.hessian(points.T), -1, 0)
        return bool(np.isfinite(hessians).all() and np.allclose(hessians, hessians[0], rtol=1e-9, atol=0))
    return all(landscape.expression.diff(a, b).is_number for a in landscape.symbols for b in landscape.symbols)


# --- stationary points ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Stationary:
    """The stationary point nearest to each of n ends.

    Attributes:
        point: positions, shape (dims, n); NaN where none is in reach.
        kind: codes, see `KINDS`, shape (n,); -1 where none is in reach.
    """

    point: Floats
    kind: Codes


def nearest_stationary(landscape: Landscape, ends: Floats, near: float, reach: float) -> Stationary:
    """The nearest stationary point within `reach` of each end, of those stated and that which Newton's method finds.

    A minimum goes before other points, unless one of these is within `near`.
    """
    # stated points are needed beside Newton's method: some have no gradient at the point itself, or no curvature
    stated = np.array(landscape.minima + landscape.local_minima + landscape.saddles).reshape(-1, landscape.dims).T
    found = newton(landscape, ends, reach)
    points = np.stack([*(np.broadcast_to(point[:, None], ends.shape) for point in stated.T), found])
    kind = np.stack([*(np.full(ends.shape[1], code) for code in kinds(landscape, stated)), kinds(landscape, found)])
    distance = np.linalg.norm(points - ends, axis=1)
    behind = (distance > near) & (kind != MINIMUM)
    order = np.where(distance <= reach, distance + 2 * reach * behind, np.inf)
    best, rows = order.argmin(axis=0), np.arange(ends.shape[1])
    in_reach = np.isfinite(order[best, rows])
    return Stationary(np.where(in_reach, points[best, :, rows].T, np.nan), np.where(in_reach, kind[best, rows], -1))


def newton(landscape: Landscape, ends: Floats, reach: float) -> Floats:
    """Where Newton's method leads from each end, shape (dims, n).

    NaN where it leaves the ball of radius `reach` around the end, does not settle, or the gradient does not vanish.
    """
    points = np.where(np.isfinite(ends).all(axis=0), ends, np.nan).astype(np.float64)
    moving = np.flatnonzero(np.isfinite(points).all(axis=0))
    for _ in range(CONSTANTS["turns"]):  # a third of the way each time where the curvature vanishes, as for x**4
        step = _newton_step(landscape, points[:, moving])
        points[:, moving] += step
        lost = ~(lengths(points[:, moving] - ends[:, moving]) <= reach)
        points[:, moving[lost]] = np.nan
        moving = moving[~lost & (lengths(step) > CONSTANTS["settled"] * diagonal(landscape))]
        if not len(moving):
            break
    points[:, moving] = np.nan
    # where a slope has no curvature the step is 0, too
    steepness = np.maximum(1.0, lengths(landscape.gradient(ends)))
    points[:, ~(lengths(landscape.gradient(points)) <= CONSTANTS["vanished"] * steepness)] = np.nan
    return points


def _newton_step(landscape: Landscape, x: Floats) -> Floats:
    """The shortest step that makes a linear gradient vanish, or nearly; NaN where there is no finite curvature."""
    gradient, hessian = landscape.gradient(x).T, np.moveaxis(landscape.hessian(x), -1, 0)
    good = np.isfinite(hessian).all(axis=(1, 2)) & np.isfinite(gradient).all(axis=1)
    step = np.full(x.shape, np.nan)
    curvature, axes = np.linalg.eigh(hessian[good])
    slopes = np.einsum("nij,ni->nj", axes, gradient[good])
    cut = np.abs(curvature).max(axis=1, keepdims=True, initial=0.0) * np.finfo(np.float64).eps * len(x)
    flat = np.abs(curvature) <= cut
    along = np.where(flat, 0.0, -slopes / np.where(flat, 1.0, curvature))
    step[:, good] = np.einsum("nij,nj->in", axes, along)
    return step


def kinds(landscape: Landscape, points: Floats) -> Codes:
    """Codes of the kinds of stationary points, see `KINDS`, shape (n,).

    The values around a point tell its kind, which also holds where the curvature vanishes, as for x**4.
    """
    codes = np.zeros(points.shape[1], dtype=np.int64)
    there = np.flatnonzero(np.isfinite(points).all(axis=0))
    cells = np.round(points[:, there] / (1e-6 * diagonal(landscape))).astype(np.int64)
    weights = np.random.default_rng(0).integers(1 << 62, size=len(points))  # products wrap around, as in a hash
    _, first, inverse = np.unique(weights @ cells, return_index=True, return_inverse=True)  # many ends, few points
    some = points[:, there[first]]
    here, level = values(landscape, some), CONSTANTS["level"] * spread(landscape)
    up, down = np.zeros((2, len(first)), dtype=bool)
    for direction in _directions(len(points)):
        rise = values(landscape, some + CONSTANTS["around"] * diagonal(landscape) * direction[:, None]) - here
        up, down = up | (rise > level), down | (rise < -level)
    codes[there] = (up + 2 * down)[inverse]
    return codes


def is_level(landscape: Landscape, point: Floats, direction: Floats, far: float) -> bool:
    """Whether the values at some distance to both sides of a point, shape (dims,), are the same as there."""
    there = values(landscape, point[:, None] + far * direction[:, None] * [-1.0, 0.0, 1.0])
    return bool((np.abs(there - there[1]) <= CONSTANTS["level"] * spread(landscape)).all())


@lru_cache(maxsize=16)
def _directions(dims: int) -> Floats:
    if dims == 1:
        return np.array([[-1.0], [1.0]])
    directions = np.random.default_rng(0).standard_normal((CONSTANTS["directions"] * dims, dims))
    return np.concatenate([directions / np.linalg.norm(directions, axis=1)[:, None], np.eye(dims)])
