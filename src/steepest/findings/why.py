"""Why a path ended as it did: the curvature where it ran, against the linear step of its rule."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..base.status import Status
from ..landscapes import Landscape, geometry
from ..program.linear_step import Step
from ..program.stability import spectral_radius
from ..rules import Rule
from .catalogue import LIMITS, Finding
from .linear import limit_now, limit_of, linear_of, own_rate, scales_at, unit_of
from .measures import Floats
from .outcome import MINIMA, tidy

__all__ = ["explanations"]


@dataclass(frozen=True)
class Axis:
    """A principal direction of the curvature at a point.

    Attributes:
        curvature: second derivative along it.
        direction: the coordinate that it is, or its unit vector with a positive first component.
        limit: the learning rate from which on the rule does not converge along it: 0 where the curvature is negative.
        formula: how the limit is written: `"plain"`, `"momentum"` or `"number"`, see the phrase `limit`.
    """

    curvature: float
    direction: str | tuple[float, ...]
    limit: float
    formula: str


Explanation = Callable[["_Path"], Finding | None]


def explanations(
    finding: Finding, rule: Rule, landscape: Landscape, x: Floats, grad: Floats, lr: Floats, state: dict[str, Floats],
    noise: float,
) -> tuple[Finding, ...]:  # fmt: skip
    """The explanations of how a path ended, each as a finding: none, one or two; arguments as in `steepest.Path`."""
    path = _Path(finding, rule, landscape, x, grad, lr, state, noise)
    with np.errstate(all="ignore"):
        told = [_first(path, EXPLANATIONS.get(finding.code) or _by_status(path))]
        if path.minimum is not None and _is_local(landscape, path.minimum):
            told.append(_first(path, (_leapt_over, _in_its_valley)))
    return tuple(explanation for explanation in told if explanation is not None)


def _by_status(path: "_Path") -> Sequence[Explanation]:
    if path.finding.status in (Status.DIVERGED, Status.NON_FINITE):
        return (_above_limit,) if path.finding.status is Status.DIVERGED else ()
    if path.noise > 0:
        return (_noise_stays,)
    if path.finding.code in ("swings", "leaps", "falls_in_swings"):
        return _above_limit, _at_edge, _overshoots, _hops_over
    return _pace, _askew, _own_rates, _fixed_steps


def _first(path: "_Path", candidates: Sequence[Explanation]) -> Finding | None:
    return next((finding for explain in candidates if (finding := explain(path)) is not None), None)


@dataclass(frozen=True)
class _Path:
    """A path with how it ended, and the linear step of its rule."""

    finding: Finding
    rule: Rule
    landscape: Landscape
    x: Floats
    grad: Floats
    lr: Floats
    state: dict[str, Floats]
    noise: float

    @cached_property
    def n(self) -> int:
        """The last point, or the first that is not finite."""
        finite = np.isfinite(self.x).all(axis=1)
        return len(self.x) - 1 if finite.all() else int(np.argmin(finite))

    @property
    def dims(self) -> int:
        return int(self.x.shape[1])

    @cached_property
    def unit(self) -> Rule:
        return unit_of(self.rule)

    @cached_property
    def linear(self) -> Step | None:
        return linear_of(self.unit)

    @property
    def scaled(self) -> bool:
        """Whether the rule divides by a scale, such as the root of an average of squares."""
        return self.linear is not None and len(self.linear.scales) > 0

    @cached_property
    def minimum(self) -> Floats | None:
        """The minimum at or near which the path ended."""
        numbers = self.finding.numbers
        return np.array(numbers["point"]) if numbers.get("kind") in MINIMA else None

    def rate(self, step: int) -> float:
        """The learning rate of the update that leaves point `step`."""
        return float(self.lr[min(max(step, 0), len(self.lr) - 1)])

    @property
    def last_rate(self) -> float:
        return self.rate(self.n - 1)

    @property
    def last_step(self) -> float:
        return float(np.linalg.norm(self.x[self.n] - self.x[self.n - 1]))

    def axes(self, point: Floats) -> list[Axis] | None:
        """The principal directions at a point, the steepest first; None where the rule has no limit there."""
        curvatures, vectors = _eigen(self.landscape, point)
        if not curvatures[-1] > 0 or not np.isfinite(curvatures).all():
            return None
        axes = []
        for curvature, vector in zip(curvatures.tolist()[::-1], vectors.T[::-1], strict=True):
            limit = limit_of(self.unit, curvature) if curvature > 0 else 0.0 if curvature < 0 else np.inf
            if limit is None:
                return None
            direction = _direction(vector, self.landscape.coordinates)
            axes.append(Axis(curvature, direction, limit, _formula(self.rule, limit * curvature)))
        # of curvatures that differ by rounding only the last coordinate comes first, in the page too
        return sorted(axes, key=lambda axis: (float(f"{axis.curvature:.9e}"), str(axis.direction)), reverse=True)

    def mode(self, curvature: float, lr: float) -> complex:
        """The largest eigenvalue of the linear step at a curvature."""
        assert self.linear is not None  # where a limit is known
        return complex(max(np.linalg.eigvals(self.linear.matrix(lr, curvature)), key=abs))

    def rates(self, step: int) -> Floats:
        """How far a unit of gradient moves each coordinate at the update that led to point `step`; NaN without one.

        Of a rule whose step is not linear: how far it moved, over the gradient.
        """
        grad = self.grad[step - 1]
        if self.linear is None or limit_of(self.unit, 1.0) is None:
            return np.asarray((self.x[step - 1] - self.x[step]) / grad)
        scales = [scales_at(self.linear, self.state, step, axis, self.dims) for axis in range(self.dims)]
        rates = [own_rate(self.rule, scale, self.rate(step - 1), step) for scale in scales]
        return np.where(grad != 0, rates, np.nan)


# --- the linear step --------------------------------------------------------------------------------------------------


def _formula(rule: Rule, scaled: float) -> str:
    """The formula of a limit; `scaled` is limit times curvature: `plain`: 2/λ, `momentum`: 2(1 + μ)/λ, or `number`."""
    momentum = getattr(rule, "momentum", 0)
    if abs(scaled - 2) < 2e-9:
        return "plain"
    return "momentum" if momentum > 0 and abs(scaled / (2 * (1 + momentum)) - 1) < 1e-9 else "number"


def _eigen(landscape: Landscape, point: Floats) -> tuple[Floats, Floats]:
    """Curvatures, rising, and their directions in columns; NaN where the curvature is not finite."""
    hessian = landscape.hessian(point)
    if not np.isfinite(hessian).all():
        return np.full(len(point), np.nan), np.eye(len(point))
    curvatures, vectors = np.linalg.eigh(hessian)
    return curvatures, vectors


def _direction(vector: Floats, names: Sequence[str]) -> str | tuple[float, ...]:
    """The name of the coordinate along which a direction lies, or its vector."""
    along = int(np.abs(vector).argmax())
    if abs(vector[along]) > 1 - LIMITS.straight:
        return names[along]
    return tuple((vector * np.sign(vector[np.abs(vector) > LIMITS.straight][0])).tolist())


def _tied(sizes: Sequence[float]) -> bool:
    """Whether there are several, all the same."""
    return len(sizes) > 1 and max(sizes) - min(sizes) <= LIMITS.exact * max(map(abs, sizes))


def _downwards(path: _Path, point: Floats) -> dict[str, Any] | None:
    """The direction in which the surface curves downwards most; None if it does in none."""
    curvatures, vectors = _eigen(path.landscape, point)
    if not curvatures[0] < 0:
        return None
    return {
        "direction": _direction(vectors[:, 0], path.landscape.coordinates), "curvature": float(curvatures[0]),
        "tied": _tied(curvatures.tolist()),
    }  # fmt: skip


# --- explanations -----------------------------------------------------------------------------------------------------


def _above_limit(path: _Path) -> Finding | None:
    """The first point of the path where the learning rate is above the stability limit of a curvature."""
    if path.scaled or path.linear is None:
        return None
    last = 0 if geometry.is_quadratic(path.landscape) else min(path.n - 1, int(LIMITS.looked))
    for step in range(last + 1):
        lr = path.rate(step)
        curvatures = _eigen(path.landscape, path.x[step])[0]
        # a limit takes milliseconds, so it is computed only where a slightly larger rate is unstable
        above = [
            spectral_radius(path.linear.matrix(1.000001 * lr, curvature)) >= 1
            for curvature in curvatures
            if curvature > 0
        ]
        axes = path.axes(path.x[step]) if any(above) else None
        for axis in axes or ():
            if axis.curvature > 0 and lr >= axis.limit * (1 - LIMITS.exact):
                return _of_limit(path, axis, lr, step, _tied(curvatures.tolist()))
    return None


def _of_limit(path: _Path, axis: Axis, lr: float, step: int, tied: bool = False) -> Finding:
    mode = path.mode(axis.curvature, lr)
    numbers = {
        "lr": lr, "limit": axis.limit, "formula": axis.formula, "direction": axis.direction,
        "curvature": axis.curvature, "factor": mode.real if mode.imag == 0 else abs(mode), "step": step,
        "everywhere": geometry.is_quadratic(path.landscape), "exactly": lr <= axis.limit * (1 + LIMITS.exact),
        "tied": tied,
    }  # fmt: skip
    return Finding("above_limit", numbers)


def _downhill(path: _Path) -> Finding:
    numbers = _downwards(path, path.x[0])
    return Finding("falls_for_ever") if numbers is None else Finding("leaves_ridge", numbers)


def _at_edge(path: _Path) -> Finding | None:
    """Rules that divide by a scale, which shrinks with the gradient until the learning rate is at its limit."""
    if path.linear is None or not path.scaled or path.minimum is None:
        return None
    curvatures, lr = np.diag(path.landscape.hessian(path.minimum)), path.last_rate
    scales = [scales_at(path.linear, path.state, path.n, axis, path.dims) for axis in range(path.dims)]
    limits = {
        axis: limit_now(path.rule, scales[axis], path.n, float(curvature)) for axis, curvature in enumerate(curvatures)
    }
    edges = {axis: limit for axis, limit in limits.items() if limit and lr > LIMITS.edge * limit}
    if not edges:
        return None
    axis = min(edges, key=lambda axis: edges[axis])
    numbers = {
        "axis": path.landscape.coordinates[axis],
        "limit": edges[axis],
        "lr": lr,
        "beyond": lr > LIMITS.beyond * edges[axis],
    }
    swing = path.finding.numbers.get("swing")
    if swing is None:
        return Finding("at_edge", numbers | {"jumps": "none"})
    jumps = "half" if abs(swing / lr - 0.5) < LIMITS.half else "some"
    return Finding("at_edge", numbers | {"jumps": jumps, "swing": swing})


def _hops_over(path: _Path) -> Finding | None:
    """Steps that stay as long as the learning rate however small the gradient is."""
    if not path.scaled:
        return _fixed_steps(path)
    if not path.last_step > LIMITS.length * path.last_rate:
        return _own_rates(path)
    return Finding("jumps_across", {"lr": path.last_rate})


def _fixed_steps(path: _Path) -> Finding | None:
    if path.scaled or path.linear is None or limit_of(path.unit, 1.0) is not None:
        return None
    return Finding("fixed_steps", {"length": path.last_step})


def _flat_there(path: _Path) -> Finding:
    point = np.array(path.finding.numbers["point"])
    if (numbers := _downwards(path, point)) is None:
        return Finding("flat_point", {"point": tidy(path.landscape, point)})
    away = path.x[path.n] - point
    off = float(np.linalg.norm(away) if numbers["tied"] else abs(_eigen(path.landscape, point)[1][:, 0] @ away))
    return Finding("on_ridge", numbers) if off < LIMITS.ridge else Finding("near_ridge", numbers | {"distance": off})


def _small_steps(path: _Path) -> Finding:
    step = path.last_step
    if not step > 0:
        return Finding("no_steps")
    slope = float(np.linalg.norm(path.landscape.gradient(path.x[path.n])))
    if slope == 0:
        return Finding("coasts", {"length": step})
    across = geometry.diagonal(path.landscape) / step
    return Finding("small_steps", {"gradient": slope, "length": step, "steps": across})


def _rate_fell(path: _Path) -> Finding | None:
    if path.n < 2:
        return None
    first, last = path.rates(1), path.rates(path.n)
    fallen = np.flatnonzero((last > 0) & (first > LIMITS.fell * last))
    if not len(fallen):
        return None
    axis = int(fallen[0])
    numbers = {"axis": path.landscape.coordinates[axis], "first": float(first[axis]), "last": float(last[axis])}
    return Finding("rate_fell", numbers)


def _noise_stays(path: _Path) -> Finding:
    """The spread of the stationary distribution, where the rule is plain gradient descent near a minimum."""
    noise, lr = path.noise, path.last_rate
    plain = Finding("noise_shakes", {"noise": noise})
    if path.minimum is None or path.scaled or path.linear is None or (axes := path.axes(path.minimum)) is None:
        return plain
    simple = len(path.linear.moving) == 0 or getattr(path.rule, "momentum", None) == 0
    stable = all(lr < axis.limit for axis in axes)
    if not simple or not stable or getattr(path.rule, "weight_decay", None) or lr != path.rate(0):
        return plain
    tied = _tied([axis.curvature for axis in axes])
    spreads = [
        {
            "size": float(noise * np.sqrt(lr / (axis.curvature * (2 - lr * axis.curvature)))),
            "direction": axis.direction, "tied": tied,
        }
        for axis in (axes[:1] if tied else axes)
    ]  # fmt: skip
    return Finding("noise_spreads", {"lr": lr, "spreads": spreads})


def _overshoots(path: _Path) -> Finding | None:
    if path.minimum is None or path.scaled or (axes := path.axes(path.minimum)) is None:
        return None
    swinging = [axis for axis in axes if _turns(path.mode(axis.curvature, path.last_rate))]
    if not swinging:
        return None
    (axis, mode), *others = _slowest(path, swinging)
    tied = path.dims > 1 and len(others) + 1 == path.dims
    return Finding("overshoots", {"direction": axis.direction, "share": abs(mode), "tied": tied})


def _turns(mode: complex) -> bool:
    """Whether a mode changes its sign on the way."""
    return mode.imag != 0 or mode.real < 0


def _slowest(path: _Path, axes: Sequence[Axis]) -> list[tuple[Axis, complex]]:
    """The axes of the largest mode, the least curved first, each with its mode."""
    modes = [(axis, path.mode(axis.curvature, path.last_rate)) for axis in axes]
    largest = max(abs(mode) for _, mode in modes)
    return [(axis, mode) for axis, mode in modes if abs(mode) >= largest * (1 - LIMITS.exact)][::-1]


def _pace(path: _Path) -> Finding | None:
    """The share of the distance that the slowest direction keeps at each step."""
    if path.scaled:
        return None
    valley = None if path.minimum is None else _valley(path, path.minimum)
    if path.minimum is not None and valley is None and not _eigen(path.landscape, path.minimum)[0][0] > LIMITS.curved:
        return Finding("flat_bottom")
    point = path.minimum if path.minimum is not None else path.x[0] if geometry.is_quadratic(path.landscape) else None
    axes = None if point is None else path.axes(point)
    if axes is not None and valley is not None:
        axes = [axis for axis in axes if axis.direction != valley]
    if not axes or not all(axis.curvature > 0 for axis in axes):
        return None
    (axis, mode), *others = _slowest(path, axes)
    if abs(mode) >= 1:
        return _above_limit(path)
    numbers = {"curvature": axis.curvature, "share": abs(mode), "turns": _turns(mode)}
    if valley is not None:
        return Finding("valley", numbers | {"direction": valley})
    if path.dims == 1:
        return Finding("pace", numbers)
    if len(others) + 1 == path.dims:
        turns = any(_turns(mode) for _, mode in [(axis, mode), *others])
        return Finding("alike", {"share": abs(mode), "turns": turns})
    return Finding("slowest", numbers | {"direction": axis.direction})


def _valley(path: _Path, point: Floats) -> str | tuple[float, ...] | None:
    """The direction in which a minimum is exactly flat, one of a line of minima; None if it is none of that kind."""
    curvatures, vectors = _eigen(path.landscape, point)
    if not curvatures[0] <= LIMITS.curved:
        return None
    far = LIMITS.in_reach * geometry.diagonal(path.landscape)
    level = geometry.is_level(path.landscape, point, vectors[:, 0], far)
    return _direction(vectors[:, 0], path.landscape.coordinates) if level else None


def _askew(path: _Path) -> Finding | None:
    """A valley that is much steeper across than along it, seen from the last point."""
    if path.scaled or path.dims < 2 or (axes := path.axes(path.x[path.n])) is None:
        return None
    steep, flat = axes[0], axes[-1]
    lowest = min(axis.limit for axis in axes)
    if path.last_rate >= lowest and steep.limit == lowest:
        return _of_limit(path, steep, path.last_rate, path.n)
    if not steep.curvature > LIMITS.askew * abs(flat.curvature):
        return None
    numbers = {
        "steep": steep.curvature, "across": steep.direction, "limit": steep.limit, "flat": flat.curvature,
        "down": flat.direction, "level": flat.curvature == 0,
    }  # fmt: skip
    return Finding("askew", numbers)


def _own_rates(path: _Path) -> Finding | None:
    if path.dims < 2 or path.n < 1 or not path.scaled:
        return None
    rates = np.abs(path.rates(path.n))
    if not (np.isfinite(rates) & (rates > 0)).all() or rates.max() < LIMITS.apart * rates.min():
        return None
    entries = [{"axis": path.landscape.coordinates[axis], "rate": rate} for axis, rate in enumerate(rates.tolist())]
    return Finding("own_rates", {"rates": entries})


# --- a local minimum --------------------------------------------------------------------------------------------------


def _is_local(landscape: Landscape, point: Floats) -> bool:
    lowest = landscape.minimum
    return lowest is not None and landscape(*point.tolist()) > lowest + LIMITS.lowest * max(1.0, abs(lowest))


def _leapt_over(path: _Path) -> Finding | None:
    """In one dimension: the step that leapt over a global minimum, if one did."""
    if path.dims > 1:
        return None
    for step in range(1, path.n + 1):
        before, after = float(path.x[step - 1, 0]), float(path.x[step, 0])
        for (minimum,) in path.landscape.minima:
            if (before - minimum) * (after - minimum) < 0:
                return Finding("leapt_over", {"step": step, "minimum": minimum, "before": before, "after": after})
    return None


def _in_its_valley(path: _Path) -> Finding:
    return Finding("in_its_valley")


EXPLANATIONS: dict[str, Sequence[Explanation]] = {
    "ran_down": (_downhill,),
    "cycles": (_above_limit, _at_edge, _hops_over),
    "stuck_at": (_flat_there,),
    "slows_down": (_flat_there,),
    "plateau": (_small_steps,),
    "drifts": (_small_steps,),
    "rests": (_rate_fell, _small_steps),
    "hardly_moves": (_rate_fell, _small_steps),
}
"""What explains each ending, the first that holds; the others by status and noise."""
