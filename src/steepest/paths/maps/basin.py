"""Basins of attraction: which minimum each start on a grid reaches, and after how many steps."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from numbers import Integral

import numpy as np
from numpy.typing import NDArray

from ... import landscapes, schedules
from ...base.checks import check_whole
from ...base.display import Displayed
from ...base.errors import InvalidValue
from ...base.status import Status
from ...landscapes import Landscape
from ...rules import Rule
from ...schedules import Schedule
from ..trajectories import Trajectories, run
from .common import Optimizers, Progress, check_work, choose, escaped, minima_of, rested

__all__ = ["BasinMap", "End", "map_basin"]

Floats = NDArray[np.float64]
Window = Sequence[tuple[float, float]]

NAMED = 8
"""The most minima that get a colour of their own: more colours could not be distinguished."""

SCOUTS = 64
"""Starts along each side from which minima are looked for that the landscape does not state."""

AT_ONCE = 1 << 17
"""About so many starts are computed at a time, which bounds the memory."""


class End(IntEnum):
    """The end of a start that reaches none of `BasinMap.minima`.

    What escaped diverged or ran down out of the window, overflowed, or came where the landscape has no value.
    """

    OTHER = -1
    UNDER_WAY = -2
    ESCAPED = -3


@dataclass(frozen=True)
class BasinMap(Displayed):
    """Which minimum each start on a grid reaches, for each rule.

    Attributes:
        landscape: where, of two coordinates.
        rules: which.
        steps: number of updates.
        x, y: coordinates of the starts, shape (size,) each.
        minima: the distinct minima, shape (n, 2): those that the landscape states, the global ones first;
            then others, the most frequent first.
        values: at the minima, shape (n,).
        end: the index in `minima` that each start reaches, or an `End`; shape (rules, size of y, size of x).
        final: the last value, NaN where the run escaped; of the same shape.
        arrived: the step from which on it stays there (within a thousandth of the window's diagonal), `steps + 1` where
            it reaches none of `minima`; of the same shape.
        schedule: of the learning rate, as it was named; empty where it was not.
    """

    landscape: Landscape
    rules: tuple[Rule, ...]
    steps: int
    x: Floats
    y: Floats
    minima: Floats
    values: Floats
    end: NDArray[np.int8]
    final: NDArray[np.float32]
    arrived: NDArray[np.int32]
    schedule: str = ""

    def __repr__(self) -> str:
        rules = ", ".join(rule.label() for rule in self.rules)
        return f"<basins of {rules} on {self.landscape.name}: {len(self.x)} x {len(self.y)} starts>"

    def shares(self, rule: int) -> dict[int, float]:
        """The share of the starts that end in each way: by index in `minima`, then by `End`."""
        codes = [*range(len(self.minima)), *End]
        return {code: float((self.end[rule] == code).mean()) for code in codes}


def map_basin(
    optimizers: Optimizers,
    on: str | Landscape,
    *,
    steps: int = 200,
    size: int = 400,
    window: Window | None = None,
    schedule: str | Schedule | None = None,
    on_progress: Progress | None = None,
    **hyperparameters: object,
) -> BasinMap:
    """Find out which minimum each start on a grid over the landscape reaches, for one rule or several.

    Args:
        optimizers: rules by name or spec, such as `"adam(lr=0.1)"`, or rules.
        on: a landscape of two coordinates, its name, or a formula.
        steps: number of updates.
        size: starts along each side; a million starts (1,000) take about a second a rule.
        window: the starts' `((x low, x high), (y low, y high))`; default: the landscape's.
        schedule: learning rate over the steps, as in `trace`.
        on_progress: called with how many starts are done, and of how many.
        **hyperparameters: of the rules that were not given their own: `lr=0.1`.

    Returns:
        A `BasinMap`; `steepest.figures.basins.draw_basin` draws it.

    Raises:
        InvalidValue: an unknown name, not two coordinates, a rule that is not elementwise, a value out of range.
        UnknownSetting: a hyperparameter that a rule does not have.

    >>> basins = map_basin(["sgd", "adam"], "double_well", lr=0.1, size=50)
    >>> basins.minima, basins.end.shape
    (array([[-1.,  0.], [ 1.,  0.]]), (2, 50, 50))
    >>> basins.shares(0)[0]  # of gradient descent's starts, the left half ends in the left well
    0.5
    """
    chosen, landscape, factor = choose(optimizers, hyperparameters), landscapes.find(on), schedules.find(schedule)
    if landscape.dims != 2:
        raise InvalidValue(f"a basin map needs two coordinates, {landscape.name} has {landscape.dims}")
    check_whole("steps", steps, 1, 10**7, Integral)
    check_whole("size", size, 2, 10_000, Integral)
    check_work(len(chosen) * size**2, steps)
    x, y = (np.linspace(*side, size) for side in _checked(window or landscape.window))
    minima = _distinct_minima(chosen, landscape, x, y, steps, factor)
    end, final, arrived = (np.empty((len(chosen), size, size), dtype=kind) for kind in ("int8", "float32", "int32"))
    total, done, band = end.size, 0, max(1, AT_ONCE // size)
    for index, rule in enumerate(chosen):
        for first in range(0, size, band):
            rows = slice(first, first + band)
            trajectories = run(rule, landscape, _starts(x, y[rows]), steps, factor, minima=minima)
            end[index, rows] = _ends(trajectories, minima).reshape(-1, size)
            final[index, rows] = np.where(end[index, rows] == End.ESCAPED, np.nan, trajectories.f.reshape(-1, size))
            arrived[index, rows] = np.reshape(trajectories.arrived, (-1, size))
            done += len(trajectories)
            if on_progress is not None:
                on_progress(done, total)
    values = np.array([landscape(*point) for point in minima.tolist()])
    return BasinMap(landscape, tuple(chosen), steps, x, y, minima, values, end, final, arrived,
        schedules.label_of(schedule),
    )  # fmt: skip


def _checked(window: Window) -> Window:
    try:
        sides = np.array(window, dtype=np.float64)
    except (TypeError, ValueError):
        sides = np.empty(0)
    if sides.shape != (2, 2) or not np.isfinite(sides).all() or not (sides[:, 0] < sides[:, 1]).all():
        raise InvalidValue(f"window: write low and high for x and y, such as ((-5, 5), (-5, 5)), got {window!r}")
    return [(float(low), float(high)) for low, high in sides]


def _starts(x: Floats, y: Floats) -> Floats:
    return np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)


def _distinct_minima(
    chosen: Sequence[Rule], landscape: Landscape, x: Floats, y: Floats, steps: int, factor: Schedule
) -> Floats:
    """The minima that the landscape states, then others at which some starts end."""
    stated = np.array(landscape.minima + landscape.local_minima).reshape(-1, 2)
    starts = _starts(*(np.linspace(side[0], side[-1], SCOUTS) for side in (x, y)))
    scouts = [run(rule, landscape, starts, steps, factor) for rule in chosen]
    unstated = [rested(scout)[scout.nearest_minimum[scout.status == Status.REACHED] < 0] for scout in scouts]
    return np.vstack([stated, minima_of(landscape, np.concatenate(unstated), NAMED - len(stated))])


def _ends(trajectories: Trajectories, minima: Floats) -> NDArray[np.int8]:
    there = trajectories.arrived <= trajectories.steps
    end = np.full(len(trajectories), End.UNDER_WAY, dtype=np.int8)
    if not there.all():
        end[trajectories.status == Status.REACHED] = End.OTHER
        end[escaped(trajectories)] = End.ESCAPED
    if there.any():
        x, y = trajectories.x[there].T
        end[there] = np.argmin([(x - at) ** 2 + (y - height) ** 2 for at, height in minima], axis=0)
    return end
