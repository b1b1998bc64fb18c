"""What happened on a path, in a sentence with the cause and the remedy.

The end of the path is compared with the nearest stationary point, which Newton's method finds on the exact gradient and
Hessian, and whose kind the eigenvalues of the Hessian tell.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .landscapes import Landscape
from .status import Outcome, Status

__all__ = ["explain"]

Floats = NDArray[np.float64]

NEAR = 1e-3
"""Share of the window's diagonal within which a path has arrived."""

IN_REACH = 0.05
"""Share of the window's diagonal within which a path approaches."""


@dataclass(frozen=True)
class Stationary:
    """A point where the gradient vanishes."""

    point: Floats
    kind: Literal["minimum", "saddle", "maximum", "flat point"]


def explain(landscape: Landscape, x: Floats, f: Floats, noisy: bool = False) -> Outcome:
    """Say how the path `x` with values `f` ended."""
    return (
        _non_finite(landscape, x, f)
        or _ran_away(landscape, x, f)
        or (None if noisy else _cycle(landscape, x))
        or _arrival(landscape, x, f)
        or _stall(landscape, x)
        or _on_its_way(landscape, x, f)
    )


def _non_finite(landscape: Landscape, x: Floats, f: Floats) -> Outcome | None:
    finite = np.isfinite(x).all(axis=1) & np.isfinite(f)
    if finite.all():
        return None
    step = int(np.argmin(finite))
    if step == 0:
        return Outcome(Status.NON_FINITE, f"the start {_show(x[0])} has no finite value; choose another start", 0)
    if not np.isfinite(landscape.gradient(x[step - 1])).all() and _diagonal(landscape) > np.linalg.norm(x[step - 1]):
        message = (
            f"became non-finite at step {step}: there is no gradient at {_show(x[step - 1])}; choose another start"
        )
        return Outcome(Status.NON_FINITE, message, step)
    return Outcome(Status.DIVERGED, f"diverged at step {step}: left every bound; try a smaller learning rate", step)


def _ran_away(landscape: Landscape, x: Floats, f: Floats) -> Outcome | None:
    low, high = np.array(landscape.window).T
    outside = np.linalg.norm(np.maximum(np.maximum(low - x, x - high), 0.0), axis=1)
    growing = len(f) > 5 and bool((np.diff(f[-5:]) > 0).all()) and f[-1] > f[0]
    if outside[-1] < _diagonal(landscape) and not growing:
        return None
    if f[-1] > f[0]:
        step = int(np.flatnonzero(f <= f[0])[-1]) + 1
        message = f"diverged: the value rises from step {step} on, to {f[-1]:.3g}; try a smaller learning rate"
        return Outcome(Status.DIVERGED, message, step)
    if landscape.minimum is None and f[-1] < f[0]:
        step = int(np.argmax(outside > 0))
        message = f"ran down without end, out of the window at step {step}: the landscape has no minimum there"
        return Outcome(Status.DIVERGED, message, step)
    return None


def _cycle(landscape: Landscape, x: Floats) -> Outcome | None:
    if len(x) < 22:
        return None
    tail = x[-21:]
    hops = np.linalg.norm(np.diff(tail, axis=0), axis=1)
    returns = np.linalg.norm(tail[2:] - tail[:-2], axis=1)
    lasting = hops[-1] > 0.95 * hops[0] and hops.min() > 1e-6 * _diagonal(landscape)
    if not (lasting and returns.max() < 0.05 * hops.min()):
        return None
    middle = (x[-1] + x[-2]) / 2
    message = (
        f"cycles around {_show(middle, 3)}, {hops[-1] / 2:.3g} to each side; lower the learning rate or let it decay"
    )
    return Outcome(Status.FINISHED, message)


def _arrival(landscape: Landscape, x: Floats, f: Floats) -> Outcome | None:
    found = _nearest_stationary(landscape, x[-1])
    if found is None:
        return None
    distance = float(np.linalg.norm(x[-1] - found.point))
    name = _describe(landscape, found)
    if distance <= NEAR * _diagonal(landscape):
        if found.kind == "minimum":
            return Outcome(Status.REACHED, f"converged to {name}")
        remedy = "a little noise would free it" if found.kind == "saddle" else "start elsewhere"
        return Outcome(Status.STUCK, f"stuck on {name}; {remedy}")
    before = float(np.linalg.norm(x[-1 - min(5, len(x) - 1)] - found.point))
    if distance < before and found.kind == "minimum":
        return Outcome(Status.FINISHED, f"approaches {name}, {distance:.3g} away; more steps would get there")
    return None


def _stall(landscape: Landscape, x: Floats) -> Outcome | None:
    moved = float(np.linalg.norm(x[-1] - x[0]))
    slope = float(np.linalg.norm(landscape.gradient(x[-1])))
    if moved > 0.05 * _diagonal(landscape) or slope > 0.05 or not moved < np.inf:
        return None
    message = f"stuck on a plateau at {_show(x[-1])}: the gradient is only {slope:.2g}; try an adaptive rule"
    return Outcome(Status.STUCK, message)


def _on_its_way(landscape: Landscape, x: Floats, f: Floats) -> Outcome:
    slope = float(np.linalg.norm(landscape.gradient(x[-1])))
    trend = "still falling" if f[-1] < f[-1 - min(5, len(f) - 1)] else "not falling"
    return Outcome(Status.FINISHED, f"finished at {_show(x[-1])}, {trend}: value {f[-1]:.4g}, gradient {slope:.2g}")


def _nearest_stationary(landscape: Landscape, end: Floats) -> Stationary | None:
    """The stationary point within reach of `end`: a stated minimum, or where Newton's method leads."""
    reach = IN_REACH * _diagonal(landscape)
    for minimum in landscape.minima:  # stated ones first: some have no gradient at the point itself
        if np.linalg.norm(end - minimum) <= NEAR * _diagonal(landscape):
            return Stationary(np.array(minimum, dtype=np.float64), "minimum")
    point = end
    for _ in range(50):
        gradient, hessian = landscape.gradient(point), landscape.hessian(point)
        if not (np.isfinite(gradient).all() and np.isfinite(hessian).all()):
            return None
        newton = np.linalg.lstsq(hessian, -gradient, rcond=None)[0]
        point = point + newton
        if np.linalg.norm(point - end) > reach:
            return None
        if np.linalg.norm(newton) <= 1e-9 * _diagonal(landscape):
            return Stationary(point, _kind(landscape.hessian(point)))
    return None


def _kind(hessian: Floats) -> Literal["minimum", "saddle", "maximum", "flat point"]:
    curvatures = np.linalg.eigvalsh(hessian)
    tiny = 1e-6 * max(1.0, float(np.abs(curvatures).max()))
    if (curvatures > tiny).all():
        return "minimum"
    if curvatures.min() < -tiny and curvatures.max() > tiny:
        return "saddle"
    return "maximum" if (curvatures < -tiny).all() else "flat point"


def _describe(landscape: Landscape, found: Stationary) -> str:
    where = _show(found.point)
    if found.kind != "minimum":
        return f"the {found.kind} {where}"
    if landscape.minimum is None:
        return f"a minimum {where}"
    is_global = float(landscape(*found.point)) <= landscape.minimum + 1e-6 * max(1.0, abs(landscape.minimum))
    if is_global:
        return f"the {'minimum' if len(landscape.minima) < 2 else 'global minimum'} {where}"
    return f"the local minimum {where} (the global one has value {landscape.minimum:.4g})"


def _diagonal(landscape: Landscape) -> float:
    return float(np.linalg.norm([high - low for low, high in landscape.window]))


def _show(point: Floats, digits: int = 4) -> str:
    rounded = [f"{value:.{digits}g}" if abs(value) > 1e-9 else "0" for value in point]
    return f"({', '.join(rounded)})"
