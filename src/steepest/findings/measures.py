"""Measures of paths: the numbers that causes are told from, for many paths at once."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..landscapes import Landscape, geometry
from ..landscapes.geometry import Stationary, lengths, values
from ..rules import Rule
from .catalogue import LIMITS

__all__ = ["Flags", "Floats", "Measures"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Measures:
    """Paths of one rule on one landscape, and what is measured on them; lazily, each measure once.

    Of whole paths, `x` holds all points; of many trajectories it may hold the last ones only, and measures of what went
    before are then taken from those, or from the start.

    Attributes:
        landscape: where.
        x: the known points, finite and the last ones of the path, shape (known, dims, n).
        start: first points, shape (dims, n).
        steps: number of updates of the whole path.
        noisy: whether the gradients had noise.
        lost: whether the next point is not finite, shape (n,).
        decays: whether the learning rate fell on the way.
        rule: what they are paths of; None where only statuses are told.
    """

    landscape: Landscape
    x: Floats
    start: Floats
    steps: int
    noisy: bool
    lost: Flags
    decays: bool = False
    rule: Rule | None = None

    @cached_property
    def diagonal(self) -> float:
        return geometry.diagonal(self.landscape)

    @cached_property
    def recent(self) -> int:
        """How many of the last steps count as recent."""
        return min(max(int(LIMITS.recent_least), (self.steps + 1) // int(LIMITS.recent)), self.steps)

    @cached_property
    def end(self) -> Floats:
        return np.asarray(self.x[-1])

    @cached_property
    def f(self) -> Floats:
        """Values at the known points, shape (known, n)."""
        return np.array([values(self.landscape, x) for x in self.x])

    @cached_property
    def f_start(self) -> Floats:
        return values(self.landscape, self.start)

    @cached_property
    def hops(self) -> Floats:
        """Lengths of the known steps, shape (known - 1, n)."""
        return np.asarray(np.linalg.norm(np.diff(self.x, axis=0), axis=1))

    @cached_property
    def moved(self) -> Floats:
        """Sum of the recent steps, taken as a multiple of the known ones where not all are known."""
        known = self.hops[-self.recent :]
        return np.asarray(known.sum(axis=0) * (self.recent / max(1, len(known))))

    @cached_property
    def outside(self) -> Floats:
        """Distance of the known points to the window, shape (known, n)."""
        return geometry.outside(self.landscape, self.x.swapaxes(0, 1))

    @cached_property
    def exit(self) -> NDArray[np.int64]:
        """Index of the first known point from which on the path stays outside the window; 0 if all are outside."""
        inside = self.outside == 0
        return np.where(inside.any(axis=0), len(inside) - np.argmax(inside[::-1], axis=0), 0)

    @cached_property
    def edge(self) -> Floats:
        """The last point inside the window, or as near as is known, shape (dims, n)."""
        points = self.x[np.maximum(self.exit - 1, 0), :, np.arange(len(self.exit))].T
        if len(self.x) > self.steps or self.lost.any():  # whole paths
            return points
        low, high = np.array(self.landscape.window).T
        return np.where(self.exit > 0, points, np.clip(self.end, low[:, None], high[:, None]))

    @cached_property
    def slope(self) -> Floats:
        """Length of the gradient at the end."""
        return lengths(self.landscape.gradient(self.end))

    @cached_property
    def found(self) -> Stationary:
        """The nearest stationary point of the end; a flat point does not count."""
        return self.nearest(self.end)

    def nearest(self, ends: Floats) -> Stationary:
        near, reach = LIMITS.near * self.diagonal, LIMITS.in_reach * self.diagonal
        return geometry.nearest_stationary(self.landscape, ends, near, reach)

    @cached_property
    def distance(self) -> Floats:
        """Distances of the known points to the stationary point in reach, shape (known, n)."""
        return np.asarray(np.linalg.norm(self.x - self.found.point, axis=1))
