"""Many trajectories of one rule on one landscape: the end and the status of each."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..base.errors import InvalidValue
from ..findings.catalogue import LIMITS
from ..findings.outcome import arrival_radius, statuses
from ..landscapes import Landscape
from ..rules import Rule
from ..schedules import Schedule
from .engine import Task, follow

__all__ = ["Trajectories", "many", "run"]

Floats = NDArray[Any]


@dataclass(frozen=True)
class Trajectories:
    """Where many trajectories ended.

    Attributes:
        rule: the rule; hyperparameters of which each trajectory has its own are arrays (n,).
        landscape: where it ran.
        start: first positions, shape (n, dims).
        x: last positions, shape (n, dims).
        steps: number of updates.
        steps_taken: updates until the position stopped being finite, `steps` where it did not; shape (n,).
        path: all positions, shape (n, steps + 1, dims), or None unless `paths` was set.
        arrived: the step from which on the trajectory stayed at one of the minima that `run` was given, `steps + 1`
            where it did not, or where none were given; shape (n,).
        engine: what computed them, `numba` or `numpy`.
    """

    rule: Rule
    landscape: Landscape
    start: Floats
    x: Floats
    steps: int
    steps_taken: NDArray[np.int64]
    path: Floats | None
    arrived: NDArray[np.int64]
    engine: str
    _tail: Floats = field(repr=False)  # the last positions, or all, (positions, dims, n)
    _last: Floats = field(repr=False)  # the last finite positions, (dims, n)
    _noisy: bool = field(repr=False)

    def __len__(self) -> int:
        return len(self.x)

    @cached_property
    def f(self) -> NDArray[np.float64]:
        """Values at the ends, shape (n,)."""
        with np.errstate(all="ignore"):
            values = self.landscape(*self.x.T.astype(np.float64))
        return np.broadcast_to(values, len(self)).astype(np.float64)

    @cached_property
    def status(self) -> NDArray[np.object_]:
        """A `Status` for each trajectory, shape (n,); compare with `==`.

        Told from the start and the last positions alone: reached a minimum; stuck, where the gradient vanishes but no
        minimum is; diverged; became non-finite (left where the landscape has values); finished otherwise. The
        causes are those of a single path's `finding`, which knows the whole path and may decide a close case otherwise.
        """
        return statuses(
            self.landscape, self.start.T, self._tail, self.steps_taken < self.steps, self._last, self.steps, self._noisy
        )

    @cached_property
    def nearest_minimum(self) -> NDArray[np.int64]:
        """Which of `landscape.minima + landscape.local_minima` each trajectory ended at, -1 for none; shape (n,).

        At a minimum means within a thousandth of the window's diagonal.
        """
        points = np.array(self.landscape.minima + self.landscape.local_minima).reshape(-1, self.landscape.dims)
        if not len(points):
            return np.full(len(self), -1)
        with np.errstate(all="ignore"):
            distances = np.array([np.linalg.norm(self.x - point, axis=1) for point in points])
        distances[np.isnan(distances)] = np.inf
        return np.where(distances.min(axis=0) <= arrival_radius(self.landscape), distances.argmin(axis=0), -1)


def run(
    rule: Rule, landscape: Landscape, starts: ArrayLike, steps: int, factor: Schedule,
    noise: float = 0.0, seed: int = 0, dtype: str = "float64", paths: bool = False, minima: ArrayLike | None = None,
) -> Trajectories:  # fmt: skip
    """Compute many trajectories; arguments as of `steepest.trace`, with rule, landscape and schedule as objects.

    With `minima`, shape (points, dims), `arrived` is the step of arrival within a thousandth of the window's diagonal.

    Raises:
        InvalidValue: wrong shapes, a value out of range, a rule that is not elementwise.
    """
    if not rule.elementwise:
        raise InvalidValue(f"{rule.title} is not elementwise, so trace cannot run many of it at once; use one start")
    kind = _dtype(dtype)
    positions, rule = _broadcast(_starts(starts, landscape), _with_arrays(rule))
    factors = np.array([factor(step, steps) for step in range(steps)], dtype=np.float64)
    since = 0 if paths else max(0, steps + 1 - LIMITS.tail)
    targets = np.empty((0, landscape.dims)) if minima is None else np.array(minima, dtype=np.float64)
    radius = arrival_radius(landscape)
    ends = follow(Task(rule, landscape, positions.T, factors, float(noise), seed, since, kind, targets, radius))
    return Trajectories(
        rule=rule, landscape=landscape, start=positions, x=ends.x.T.copy(), steps=steps, steps_taken=ends.finite,
        path=ends.path.transpose(2, 0, 1) if paths else None, arrived=ends.arrived[0], engine=ends.engine,
        _tail=ends.path if paths else ends.path[-LIMITS.tail:], _last=ends.last, _noisy=noise > 0,
    )  # fmt: skip


def many(rule: Rule) -> bool:
    """Whether a hyperparameter is an array: a number for each trajectory."""
    return any(np.ndim(number) for _, value in _settings(rule) for number in value)


# --- arguments --------------------------------------------------------------------------------------------------------


def _dtype(dtype: Any) -> Any:
    try:
        name = np.dtype(dtype).name
    except TypeError:
        name = ""
    if name not in ("float64", "float32"):
        raise InvalidValue(f"dtype: must be float64 or float32, got {dtype!r}")
    return name


def _starts(starts: ArrayLike, landscape: Landscape) -> Floats:
    """As an array (n, dims); in one dimension a list of numbers will do."""
    dims = landscape.dims
    try:
        points = np.array(starts, dtype=np.float64)
    except (TypeError, ValueError):
        raise InvalidValue(f"starts: must be numbers, of shape (n, {dims}), got {starts!r}") from None
    if points.ndim == 1 and dims == 1:
        points = points[:, None]
    if points.ndim != 2 or points.shape[1] != dims or len(points) == 0:
        coordinates = f"{dims} coordinate{'s' * (dims > 1)}"
        raise InvalidValue(f"starts: {landscape.name} needs shape (n, {dims}), {coordinates} each, got {points.shape}")
    if not np.isfinite(points).all():
        raise InvalidValue("starts: must be finite numbers")
    return points


def _settings(rule: Rule) -> list[tuple[str, list[Any]]]:
    """The values of each hyperparameter, several of them where it has several."""
    settings = []
    for name, parameter in rule.hyperparameters().items():
        value = getattr(rule, name)
        several = isinstance(parameter.metadata["facts"].symbol, tuple) and isinstance(value, tuple | list)
        settings.append((name, list(value) if several else [value]))
    return settings


def _with_arrays(rule: Rule) -> Rule:
    """The rule with every list as an array of floats, checked."""
    for name, values in _settings(rule):
        if any(np.ndim(value) for value in values):
            arrays = [_array(rule, name, value) if np.ndim(value) else value for value in values]
            for extreme in (np.min, np.max):  # the rule refuses what lies outside the interval
                _with(rule, name, [float(extreme(value)) if np.ndim(value) else value for value in arrays])
            rule = _with(rule, name, arrays)
    return rule


def _with(rule: Rule, name: str, values: list[Any]) -> Rule:
    changed: dict[str, Any] = {name: tuple(values) if len(values) > 1 else values[0]}
    return replace(rule, **changed)


def _array(rule: Rule, name: str, values: Any) -> Floats:
    owner = f"{rule.title}: {name}"
    if isinstance(rule.hyperparameters()[name].default, bool):
        raise InvalidValue(f"{owner} must be true or false, one for all trajectories")
    try:
        array = np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise InvalidValue(f"{owner} must be numbers, one a trajectory, got {values!r}") from None
    if array.ndim != 1 or array.size == 0:
        raise InvalidValue(f"{owner}: an array must have shape (n,), one number a trajectory, got {array.shape}")
    return array


def _broadcast(starts: Floats, rule: Rule) -> tuple[Floats, Rule]:
    """Starts and arrays of one length."""
    lengths = {"starts": len(starts)}
    lengths |= {name: len(value) for name, values in _settings(rule) for value in values if np.ndim(value)}
    count = max(lengths.values())
    if set(lengths.values()) - {1, count}:
        sizes = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise InvalidValue(f"one number a trajectory: these differ in length: {sizes}")
    for name, values in _settings(rule):
        if any(np.ndim(value) for value in values):
            spread = [np.broadcast_to(value, count).copy() if np.ndim(value) else value for value in values]
            rule = _with(rule, name, spread)
    return np.broadcast_to(starts, (count, starts.shape[1])).copy(), rule
