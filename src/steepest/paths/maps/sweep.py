"""Sweeps: what every pair of values of two hyperparameters comes to, from one start."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ... import landscapes, rules, schedules
from ...base.checks import check_whole
from ...base.display import Displayed
from ...base.errors import InvalidValue, UnknownSetting
from ...landscapes import Landscape
from ...program.stability import stability_limit, stability_scales
from ...rules import Rule
from ...schedules import Schedule
from ..trajectories import Trajectories, run
from .common import Optimizers, Progress, check_work, choose, escaped, minima_of, rested

__all__ = ["Axis", "SweepMap", "map_sweep"]

Floats = NDArray[np.float64]
Over = Mapping[str, tuple[float, float] | ArrayLike]

WIDE = 50
"""A range whose ends differ by this factor is spaced evenly on a log scale."""

ROUNDING = 1e-15
"""Share of the first value below which a value is zero."""

ALONG = 21
"""Values of the other hyperparameter for which the stability limit is computed."""


@dataclass(frozen=True)
class Axis:
    """The values of one hyperparameter.

    Attributes:
        name: as it was given: `lr`, `betas.0`, or `momentum/betas.0`.
        names: what it is called by each rule, one a rule.
        values: rising, shape (n,).
        log: whether they are even on a log scale.
    """

    name: str
    names: tuple[str, ...]
    values: Floats
    log: bool


@dataclass(frozen=True)
class SweepMap(Displayed):
    """What every pair of values of two hyperparameters comes to, for each rule.

    Attributes:
        landscape: where.
        rules: which, with the other hyperparameters.
        start: the one start.
        steps: number of updates.
        across, up: the hyperparameters.
        final: the last value, above the minimum where that is known, NaN where the run escaped (see `End`); shape
            (rules, values of up, values of across).
        above: whether `final` is above the minimum.
        arrived: the step from which on it stayed at a global minimum (within a thousandth of the window's diagonal),
            `steps + 1` where it did not; of the same shape. None where no minimum is known or found.
        limits: for each rule the curve (points, 2), in the order `across`, `up`, beyond which it is unstable; None
            where the landscape is no quadratic or the rule has no such limit, see `steepest.stability_limit`.
        schedule: of the learning rate, as it was named; empty where it was not.
    """

    landscape: Landscape
    rules: tuple[Rule, ...]
    start: Floats
    steps: int
    across: Axis
    up: Axis
    final: Floats
    above: bool
    arrived: NDArray[np.int64] | None
    limits: tuple[Floats | None, ...]
    schedule: str = ""

    def __repr__(self) -> str:
        rules = ", ".join(rule.title for rule in self.rules)
        size = f"{self.final.shape[2]} x {self.final.shape[1]} settings"
        return f"<map of {rules} over {self.across.name} and {self.up.name} on {self.landscape.name}: {size}>"

    def best(self, rule: int) -> int | None:
        """The place of the pair with the lowest final value, among equal ones that which arrived first; or None.

        Values that differ from the minimum by rounding only are equal. `pair` gives the pair itself.
        """
        final = self.final[rule].ravel()
        if not np.isfinite(final).any():
            return None
        if self.above:
            first = float(self.landscape(*self.start.tolist())) - (self.landscape.minimum or 0.0)
            final = np.maximum(final, ROUNDING * first)
        arrived = np.zeros(final.size) if self.arrived is None else self.arrived[rule].ravel()
        return int(np.lexsort((arrived, final))[0])  # NaN comes last

    def fastest(self, rule: int) -> int | None:
        """The place of the pair that arrives first; None if none does."""
        if self.arrived is None or self.arrived[rule].min() > self.steps:
            return None
        return int(np.argmin(self.arrived[rule]))

    def pair(self, place: int) -> tuple[float, float]:
        """The values of `across` and `up` at a place of the flattened map."""
        row, column = divmod(place, len(self.across.values))
        return float(self.across.values[column]), float(self.up.values[row])


def map_sweep(
    optimizers: Optimizers,
    on: str | Landscape,
    over: Over,
    *,
    start: Sequence[float] | float | None = None,
    steps: int = 200,
    size: int = 200,
    schedule: str | Schedule | None = None,
    on_progress: Progress | None = None,
    **hyperparameters: object,
) -> SweepMap:
    """Run rules from one start with every pair of values of two hyperparameters.

    Args:
        optimizers: rules by name or spec, such as `"adam(eps=1e-6)"`, or rules.
        on: a landscape, its name, or a formula.
        over: the two hyperparameters, each with its values or its `(low, high)`, spaced evenly, on a log scale where
            that is wide: `{"lr": (1e-4, 1), "betas.0": (0, 0.99)}`. `betas.0` is the first of `betas`; of
            `momentum/betas.0` each rule takes the name that it has.
        start: the first position; default: the landscape's own.
        steps: number of updates.
        size: values of each hyperparameter that is given as `(low, high)`.
        schedule: learning rate over the steps, as in `trace`.
        on_progress: called with how many runs are done, and of how many.
        **hyperparameters: further ones, of the rules that were not given their own.

    Returns:
        A `SweepMap`; `steepest.figures.sweeps.draw_sweep` draws it.

    Raises:
        InvalidValue: an unknown name, not two hyperparameters, a rule that is not elementwise, a value out of range.
        UnknownSetting: a hyperparameter that a rule does not have.

    >>> sweep = map_sweep("momentum", "ravine", {"lr": (0.01, 2), "momentum": (0, 0.9)}, size=30)
    >>> sweep.final.shape, sweep.pair(sweep.fastest(0))
    ((1, 30, 30), (0.556..., 0.496...))
    >>> sweep.limits[0][0].round(3)  # without momentum: 2 over the larger curvature, 4
    array([0.5, 0. ])
    """
    chosen, landscape, factor = choose(optimizers, hyperparameters), landscapes.find(on), schedules.find(schedule)
    check_whole("steps", steps, 1, 10**7, Integral)
    check_whole("size", size, 2, 2000, Integral)
    if len(over) != 2:
        for name, values in over.items():
            _axis(chosen, name, values, size)  # a misspelled one is told first
        raise InvalidValue(f"over: name two hyperparameters, such as lr and betas.0, got {', '.join(over) or 'none'}")
    across, up = (_axis(chosen, name, values, size) for name, values in over.items())
    point = np.atleast_1d(np.asarray(landscape.start if start is None else start, dtype=np.float64))[None]
    check_work(len(chosen) * len(across.values) * len(up.values), steps)
    tried = [_with_pairs(rule, index, across, up) for index, rule in enumerate(chosen)]

    def runs(minima: Floats | None) -> Iterator[Trajectories]:
        for done, rule in enumerate(tried, start=1):
            yield run(rule, landscape, point, steps, factor, minima=minima)
            if on_progress is not None:
                on_progress(done, len(tried))

    minima = np.array(landscape.minima).reshape(-1, landscape.dims)
    swept = list(runs(minima))
    if not len(minima) and len(minima := _lowest(landscape, swept)):
        swept = list(runs(minima))
    shape = (len(chosen), len(up.values), len(across.values))
    lowest = landscape.minimum or 0.0
    return SweepMap(
        landscape, tuple(chosen), point[0], steps, across, up,
        final=np.stack([np.where(escaped(ends), np.nan, ends.f - lowest) for ends in swept]).reshape(shape),
        above=landscape.minimum is not None,
        arrived=np.stack([ends.arrived for ends in swept]).reshape(shape) if len(minima) else None,
        schedule=schedules.label_of(schedule),
        limits=tuple(_limit(rule, index, landscape, across, up) for index, rule in enumerate(chosen)),
    )  # fmt: skip


def _lowest(landscape: Landscape, swept: Sequence[Trajectories]) -> Floats:
    """The lowest minimum that any run reached, shape (1, dims), or none."""
    points = minima_of(landscape, np.concatenate([rested(ends) for ends in swept]), most=10)
    return points[[np.argmin(landscape(*points.T))]] if len(points) else points


# --- the two hyperparameters ------------------------------------------------------------------------------------------


def _axis(chosen: Sequence[Rule], name: str, given: Any, size: int) -> Axis:
    values = np.asarray(given, dtype=np.float64) if np.ndim(given) == 1 else np.empty(0)
    if len(values) < 2 or not np.isfinite(values).all() or not (np.diff(values) > 0).all():
        raise InvalidValue(f"over: {name} needs a low and a high value, or a rising array, got {given!r}")
    log = bool(values[0] > 0 and values[-1] >= WIDE * values[0])
    if len(values) == 2:
        values = (np.geomspace if log else np.linspace)(values[0], values[1], size)
    names = tuple(_name_in(rule, name) for rule in chosen)
    axis = Axis(name, names, values, log)
    for index, rule in enumerate(chosen):
        for extreme in (values[0], values[-1]):  # the rule refuses what lies outside its interval
            _with(rule, axis.names[index], float(extreme))
    return axis


def _name_in(rule: Rule, name: str) -> str:
    """Which of the names, with slashes between, the rule has."""
    known = rule.hyperparameters()
    present = [option for option in name.split("/") if option.partition(".")[0] in known]
    if not present:
        first = name.split("/")[0].partition(".")[0]
        raise UnknownSetting(f"{rule.title} has no hyperparameter {first!r}; it has {', '.join(known)}")
    base, dot, index = present[0].partition(".")
    value = getattr(rule, base)
    several = isinstance(value, tuple | list)
    if several != bool(dot) or (several and not (index.isdecimal() and int(index) < len(value))):
        right = ", ".join(f"{base}.{i}" for i in range(len(value))) if several else base
        raise InvalidValue(f"over: {present[0]}: of {rule.title}, write {right}")
    return present[0]


def _with(rule: Rule, name: str, value: Any) -> Rule:
    base, dot, index = name.partition(".")
    if dot:
        values = list(getattr(rule, base))
        values[int(index)] = value
        value = tuple(values)
    return rules.find(rule, **{base: value})


def _with_pairs(rule: Rule, index: int, across: Axis, up: Axis) -> Rule:
    """The rule with arrays: every value of one axis with every value of the other."""
    columns, rows = np.meshgrid(across.values, up.values)
    return _with(_with(rule, across.names[index], columns.ravel()), up.names[index], rows.ravel())


# --- the stability limit ----------------------------------------------------------------------------------------------


def _limit(rule: Rule, index: int, landscape: Landscape, across: Axis, up: Axis) -> Floats | None:
    """The curve on which the learning rate reaches its limit, where one axis is the learning rate."""
    curvatures = _curvatures(landscape)
    names = [across.names[index], up.names[index]]
    if curvatures is None or "lr" not in names:
        return None
    other = up if names[0] == "lr" else across
    along = np.interp(np.linspace(0, 1, ALONG), np.linspace(0, 1, len(other.values)), other.values)
    try:
        if stability_scales(rule):
            return None  # the limit belongs to the curvature as the rule scales it, which changes on the way
        varied = [_with(rule, other.names[index], float(value)) for value in along]
        limits = [min(stability_limit(variant, curvature) for curvature in curvatures) for variant in varied]
    except InvalidValue:
        return None
    return np.column_stack([limits, along] if names[0] == "lr" else [along, limits])


def _curvatures(landscape: Landscape) -> list[float] | None:
    """The curvatures of a quadratic along its axes; None where the landscape is none, or not convex."""
    low, high = np.array(landscape.window).T
    points = np.random.default_rng(0).uniform(low, high, (20, landscape.dims))
    hessians = np.moveaxis(landscape.hessian(points.T), -1, 0)
    if not np.isfinite(hessians).all() or not np.allclose(hessians, hessians[0], rtol=1e-9, atol=0):
        return None
    curvatures = np.linalg.eigvalsh(hessians[0]).tolist()
    return curvatures if curvatures[0] > 0 else None
