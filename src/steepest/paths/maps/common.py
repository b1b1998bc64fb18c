"""Shared by both kinds of maps: the choice of rules, and the search for minima that a landscape does not state."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ... import rules
from ...base import spec
from ...base.errors import InvalidValue
from ...base.status import Status
from ...findings.outcome import arrival_radius
from ...landscapes import Landscape
from ...rules import Rule
from ..trajectories import Trajectories

__all__ = ["Optimizers", "Progress", "check_work", "choose", "escaped", "minima_of", "rested"]

Floats = NDArray[np.float64]

Optimizers = str | Rule | type[Rule] | Sequence[str | Rule | type[Rule]]

Progress = Callable[[int, int], None]
"""Called with the amount that is done and the total, such as `(3, 10)`."""

POLISHING = 20
"""Steps of Newton's method, which doubles the digits at each."""


MOST_WORK = 10**11
"""Steps of all runs together, for some minutes."""


def check_work(runs: int, steps: int) -> None:
    """Raise `InvalidValue` where a map would take hours: runs times steps are limited."""
    if runs * steps > MOST_WORK:
        raise InvalidValue(f"size, steps: {runs:,} runs of {steps:,} steps are too many; choose fewer of one")


def choose(optimizers: Optimizers, settings: Mapping[str, object]) -> list[Rule]:
    """The rules; `settings` hold for each rule whose own spec does not set them.

    >>> [rule.lr for rule in choose(["sgd", "adam(lr=0.5)"], {"lr": 0.1})]
    [0.1, 0.5]
    """
    given = [optimizers] if isinstance(optimizers, str | Rule | type) else list(optimizers)
    if not given:
        raise InvalidValue("optimizers: name at least one")
    chosen = []
    for optimizer in given:
        own = dict(spec.parse(optimizer).kwargs) if isinstance(optimizer, str) else {}
        common = {name: value for name, value in settings.items() if name not in own}
        rule = rules.find(optimizer, **common)
        rules.check_numbers(type(rule), common)
        chosen.append(rule)
    return chosen


def rested(ends: Trajectories) -> Floats:
    """The last positions of the trajectories that reached a minimum, shape (n, dims)."""
    reached: Floats = ends.x[ends.status == Status.REACHED]
    return reached


def escaped(ends: Trajectories) -> NDArray[np.bool_]:
    """Whether each trajectory ended outside the window and diverged or ran down there, overflowed, or has no value.

    Shape (n,).
    """
    low, high = np.array(ends.landscape.window).T
    with np.errstate(all="ignore"):
        inside = ((low <= ends.x) & (ends.x <= high)).all(axis=1)
    for_good: NDArray[np.bool_] = (ends.status == Status.DIVERGED) & ~inside | (ends.status == Status.NON_FINITE)
    return for_good


def minima_of(landscape: Landscape, ends: Floats, most: int) -> Floats:
    """Minima near these ends (n, dims), refined by Newton's method; at most `most`, the most frequent first."""
    radius, points, counts = arrival_radius(landscape), np.empty((0, landscape.dims)), []
    while len(ends) and len(points) < most:
        point = _polished(landscape, ends[0])
        near = np.linalg.norm(ends - point, axis=1) <= 2 * radius
        if near.any() and _is_minimum(landscape, point):
            points = np.vstack([points, point])
            counts.append(int(near.sum()))
        near[0] = True
        ends = ends[~near]
    return points[np.argsort(counts)[::-1]] if counts else points


def _polished(landscape: Landscape, point: Floats) -> Floats:
    for _ in range(POLISHING):
        gradient, hessian = landscape.gradient(point), landscape.hessian(point)
        if not (np.isfinite(gradient).all() and np.isfinite(hessian).all()):
            break
        point = point - np.linalg.lstsq(hessian, gradient, rcond=None)[0]
    return point


def _is_minimum(landscape: Landscape, point: Floats) -> bool:
    hessian = landscape.hessian(point)
    return bool(np.isfinite(hessian).all() and np.linalg.eigvalsh(hessian).min() > 0)
