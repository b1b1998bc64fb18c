"""One rule on one landscape: the path it takes, and what happened on it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from numbers import Integral, Real
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import landscapes, rules, schedules
from ..base.checks import check_whole
from ..base.display import Displayed
from ..base.errors import InvalidValue
from ..findings.catalogue import Finding
from ..findings.outcome import explain
from ..findings.why import explanations
from ..landscapes import Landscape
from ..rules import External, Rule, Wrapped
from ..rules.validation import on_arrays
from ..schedules import Schedule
from .classes import steps_of_class
from .trajectories import Trajectories, many, run

__all__ = ["Path", "starting_point", "trace"]

Floats = NDArray[np.float64]

MOST_STEPS, MOST_STEPS_OF_MANY = 10**6, 10**7
"""Of one path, which keeps everything, for a minute or so; and of many, which keep their ends only."""


@dataclass(frozen=True)
class Path(Displayed):
    """The path of a rule over a landscape.

    Attributes:
        rule: the rule with its hyperparameters.
        landscape: where it ran.
        x: positions, shape (steps + 1, dims); `x[0]` is the start.
        f: values, shape (steps + 1,).
        grad: gradients as the rule saw them, noise included, shape (steps, dims).
        lr: learning rate of each step, shape (steps,).
        state: each state of the rule by name, shape (steps + 1, dims); `[0]` is the state before the first step.
        evaluated: gradients evaluated before each position was there, shape (steps + 1,): as many as updates, twice as
            many (SAM), or whatever a line search took (L-BFGS).
        noise: standard deviation of the noise in each coordinate of each gradient.
        finding: what happened, as a code with numbers and as text in English and Chinese.
        schedule: of the learning rate, as it was named; empty where it was not.
        seed: of the noise.
    """

    rule: Rule
    landscape: Landscape
    x: Floats
    f: Floats
    grad: Floats
    lr: Floats
    state: dict[str, Floats]
    evaluated: NDArray[np.int64]
    noise: float
    finding: Finding
    schedule: str = ""
    seed: int = 0

    def __repr__(self) -> str:
        values = f"f {self.f[0]:.3g} to {self.f[-1]:.3g}"
        count = "" if self.evaluations == self.steps else f" of {self.evaluations:,} gradient evaluations"
        return f"<path of {self.rule.label()} on {self.landscape.name}: {self.steps:,} steps{count}, {values}>"

    @property
    def steps(self) -> int:
        """Number of updates."""
        return len(self.x) - 1

    @property
    def evaluations(self) -> int:
        """Number of gradients that were evaluated."""
        return int(self.evaluated[-1])

    @property
    def outcome(self) -> Finding:
        """What happened; `print(path.outcome)` prints it in English."""
        return self.finding

    @cached_property
    def why(self) -> tuple[Finding, ...]:
        """Why it happened, in findings of their own; `" ".join(finding.text() for finding in path.why)`."""
        return explanations(self.finding, self.rule, self.landscape, self.x, self.grad, self.lr, self.state, self.noise)


@overload
def trace(  # type: ignore[overload-overlap]
    rule: str | Rule | type[Rule],
    on: str | Landscape,
    start: None = None,
    steps: int = 100,
    noise: float = 0.0,
    seed: int = 0,
    schedule: str | Schedule | None = None,
    *,
    starts: ArrayLike,
    paths: bool = False,
    dtype: str = "float64",
    **hyperparameters: object,
) -> Trajectories: ...


@overload
def trace(
    rule: str | Rule | type[Rule],
    on: str | Landscape,
    start: float | Sequence[float] | ArrayLike | None = None,
    steps: int = 100,
    noise: float = 0.0,
    seed: int = 0,
    schedule: str | Schedule | None = None,
    **hyperparameters: object,
) -> Path: ...


def trace(
    rule: str | Rule | type[Rule],
    on: str | Landscape,
    start: float | Sequence[float] | ArrayLike | None = None,
    steps: int = 100,
    noise: float = 0.0,
    seed: int = 0,
    schedule: str | Schedule | None = None,
    *,
    starts: Any = None,
    paths: Any = False,
    dtype: Any = "float64",
    **hyperparameters: object,
) -> Path | Trajectories:
    """Run one rule on one landscape and return its path; or run it from many starts, or with many settings, at once.

    Args:
        rule: a name such as `"adam"`, with settings if you like, `"sgd(momentum=0.9)"`, or a rule.
        on: a landscape, its name, or a formula such as `"0.1*x**2 + 2*y**2"`.
        start: the first position, one number a coordinate; default: the landscape's own.
        steps: number of gradient evaluations, which is that of updates, but for rules such as SAM that evaluate the
            gradient twice for an update, and so make half as many, and for L-BFGS, whose line search takes several: an
            update that needs more than are left is not made.
        noise: standard deviation of the normal noise added to each coordinate of each gradient; of an update that
            evaluates several, to all the same.
        seed: of the noise, and of what a class draws; each path has its own generator.
        schedule: learning rate over the steps: `"cosine"`, `"exponential(0.1)"`, or a function
            `(step, steps) -> factor`.
        starts: many first positions, shape (n, dims): each gives a trajectory.
        paths: of many trajectories, keep all positions and not only the ends.
        dtype: what many trajectories are computed in, `"float64"` or `"float32"`.
        **hyperparameters: of the rule, under torch's names: `lr=0.1`, `betas=(0.9, 0.99)`. An array of shape (n,) gives
            each trajectory its own value, `lr=np.geomspace(0.01, 1, n)`, also in a tuple, `betas=(0.9, values)`. Arrays
            and starts go together one by one, as in NumPy; for all pairs of two, use `np.meshgrid` and `ravel`.

    Returns:
        A `Path`. One that diverges is a result, not an error: `path.outcome` says so. With `starts`, or an array for a
        hyperparameter, `Trajectories`: the ends `x`, their values `f`, the `status` of each. The noise of trajectory i
        is drawn from `np.random.default_rng([seed, i])`, whatever the number of trajectories or threads.

    Raises:
        InvalidValue: an unknown name, a formula that is not one, a start of the wrong dimension, a value out of range.
        UnknownSetting: a hyperparameter that the rule does not have.

    >>> path = trace("sgd", "x**2 + 2*y**2", start=(-5, -2), lr=0.1, steps=20)
    >>> path.x[-1]
    array([-5.76460752e-02, -7.31231688e-05])
    >>> path.f.shape, print(path.outcome)
    approaches a minimum at (0, 0), 0.0576 away; more steps would get there
    ((21,), None)
    >>> ends = trace("momentum", "himmelblau", starts=[(3, 1), (-3, 3), (-3, -3)], lr=0.01)
    >>> ends.nearest_minimum, ends.status[0]
    (array([0, 1, 2]), <Status.REACHED: 'reached the target'>)
    >>> trace("sgd", "bowl", lr=[0.1, 0.4, 0.6]).f
    array([...])
    """
    chosen = rules.find(rule, **hyperparameters)
    landscape = landscapes.find(on)
    _check(steps, noise, seed, MOST_STEPS if starts is None and not many(chosen) else MOST_STEPS_OF_MANY)
    factor = schedules.find(schedule)
    if starts is not None or many(chosen):
        if starts is None:
            starts = [starting_point(start, landscape)]
        elif start is not None:
            raise InvalidValue("start, starts: give one of them")
        return run(chosen, landscape, starts, steps, factor, noise, seed, dtype, paths)
    if paths or dtype != "float64":
        raise InvalidValue("paths, dtype: for many trajectories only; give starts, or an array for a hyperparameter")
    path = _follow(chosen, landscape, starting_point(start, landscape), steps, factor, noise, seed)
    return replace(path, schedule=schedules.label_of(schedule))


def _follow(
    rule: Rule, landscape: Landscape, position: Floats, steps: int, factor: Schedule, noise: float, seed: int
) -> Path:
    """The path from a position, step by step, with everything that the rule saw and kept on it."""
    if isinstance(rule, External):
        own = steps_of_class(rule, landscape, position, steps, factor, noise, seed)
        return _path(rule, landscape, own.x, own.grad, own.lr, {}, own.evaluated, noise, seed)
    random, each = np.random.default_rng(seed), rule.evaluations
    assert each is not None  # of classes only
    budget, steps = steps, steps // each
    x, grads, rates = [position], [], []

    def gradient_at(point: Floats) -> Floats:
        exact = landscape.gradient(point)
        return exact + drawn if noise else exact

    state = _initial_state(rule, position)
    states = [state]
    with on_arrays(rule), np.errstate(all="ignore"):  # a path that overflows is a result, not an error
        for step in range(1, steps + 1):
            lr = rule.lr * factor((step - 1) * each, budget)
            if noise:  # the same in all gradients of an update, as they have the same batch when a network is trained
                drawn = noise * random.standard_normal(landscape.dims)
            grad = gradient_at(position)
            if isinstance(rule, Wrapped) and rule.ascending is not None:
                square = rule.ascending.square(grad, position)
                grad = gradient_at(position + rule.ascending.ascent(grad, position, square))
            delta, *new = replace(rule, lr=lr).update(grad, position, step, *state.values())
            position = position + delta
            state = dict(zip(state, new, strict=True))
            x.append(position)
            grads.append(grad)
            rates.append(lr)
            states.append(state)
    history = {  # a rule may return a constant in the place of an array
        name: np.array([np.broadcast_to(np.asarray(state[name]), np.shape(start)) for state in states])
        for name, start in states[0].items()
        if start is not None
    }
    return _path(rule, landscape, x, grads, rates, history, range(0, each * steps + 1, each), noise, seed)


def _path(
    rule: Rule, landscape: Landscape, x: Sequence[Floats], grads: Sequence[Floats], rates: Sequence[float],
    history: dict[str, Floats], evaluated: Sequence[int], noise: float, seed: int,
) -> Path:  # fmt: skip
    """The path with its values, and with what happened on it."""
    if len(x) == 1:
        raise InvalidValue(f"steps: too few gradient evaluations for an update of {rule.title}; give more")
    positions = np.array(x)
    with np.errstate(all="ignore"):
        values = np.broadcast_to(landscape(*positions.T), (len(x),)).astype(np.float64)
    decays = max(rates, default=0.0) > (rates[-1] if rates else 0.0)
    finding = explain(landscape, positions, values, noise > 0, decays, rule)
    return Path(
        rule, landscape, positions, values, np.reshape(grads, (len(x) - 1, landscape.dims)),
        np.array(rates, dtype=np.float64), history, np.array(evaluated, dtype=np.int64), float(noise), finding,
        seed=int(seed),
    )  # fmt: skip


def starting_point(start: float | Sequence[float] | ArrayLike | None, landscape: Landscape) -> Floats:
    """The first position as an array, shape (dims,), after validation; None stands for the landscape's own."""
    try:
        point = np.atleast_1d(np.array(landscape.start if start is None else start, dtype=np.float64))
    except (TypeError, ValueError):
        raise InvalidValue(f"start: must be numbers, one a coordinate, got {start!r}") from None
    if point.shape != (landscape.dims,):
        raise InvalidValue(
            f"start: {landscape.name} has {landscape.dims} coordinate{'s' * (landscape.dims > 1)}, "
            f"got {'×'.join(map(str, point.shape))} number{'s' * (point.size != 1)}"
        )
    if not np.isfinite(point).all():
        raise InvalidValue(f"start: must be finite numbers, got {start!r}")
    return point


def _check(steps: int, noise: float, seed: int, most: int) -> None:
    check_whole("steps", steps, kind=Integral)
    if steps > most:
        raise InvalidValue(f"steps: must be at most {most:,}, got {steps:,}")
    if not (isinstance(noise, Real) and math.isfinite(noise) and noise >= 0):
        raise InvalidValue(f"noise: must be a finite number from 0, got {noise!r}")
    check_whole("seed", seed, least=0, kind=Integral)


def _initial_state(rule: Rule, position: Floats) -> dict[str, Floats | None]:
    return {
        name: None if value is None else np.zeros_like(position) + value for name, value in rule.init(position).items()
    }
