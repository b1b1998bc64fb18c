"""What happened on a path, in a sentence with the cause and the remedy.

A few diagnoses are asked in turn; the first that applies speaks. What counts as near or far is measured against the
diagonal of the landscape's window, what counts as recent is the last quarter of the path. The end of a path is compared
with the nearest stationary point: a stated one, or where Newton's method leads on the exact gradient and Hessian.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..base.status import Outcome, Status
from ..landscapes import Landscape

__all__ = ["explain"]

Floats = NDArray[np.float64]
Kind = Literal["minimum", "saddle", "maximum", "flat point"]

NEAR = 1e-3
"""Share of the window's diagonal within which a path has arrived."""

IN_REACH = 0.05
"""Share of the window's diagonal within which a path approaches."""

AROUND = 5e-3
"""Share of the window's diagonal at which the values around a stationary point tell its kind."""


def explain(landscape: Landscape, x: Floats, f: Floats, noisy: bool = False) -> Outcome:
    """Say how the path `x` with values `f` ended; `noisy` if its gradients were."""
    path = _Course(landscape, x, f, noisy)
    with np.errstate(all="ignore"):  # a path that overflows is a result, not an error
        return (
            _left_the_domain(path)
            or _ran_down(path)
            or _diverged(path)
            or _cycle(path)
            or _arrival(path)
            or _plateau(path)
            or _at_rest(path)
            or _under_way(path)
        )


# --- what the diagnoses look at ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Course:
    """A path with what several diagnoses ask of it."""

    landscape: Landscape
    x: Floats
    f: Floats
    noisy: bool

    @cached_property
    def diagonal(self) -> float:
        return float(np.linalg.norm([high - low for low, high in self.landscape.window]))

    @cached_property
    def finite(self) -> int:
        """The number of points before the first without a finite position and value."""
        good = np.isfinite(self.x).all(axis=1) & np.isfinite(self.f)
        return len(good) if good.all() else int(np.argmin(good))

    @cached_property
    def outside(self) -> Floats:
        """How far each finite point lies outside the window."""
        low, high = np.array(self.landscape.window).T
        x = self.x[: self.finite]
        return _lengths(np.maximum(np.maximum(low - x, x - high), 0.0))

    @cached_property
    def exit(self) -> int:
        """The step from which on the path stays outside the window."""
        inside = np.flatnonzero(self.outside == 0)
        return int(inside[-1]) + 1 if len(inside) else 0

    @cached_property
    def hops(self) -> Floats:
        return _lengths(np.diff(self.x[: self.finite], axis=0))

    @cached_property
    def recent(self) -> int:
        """How many of the last steps count as recent."""
        return min(max(3, len(self.x) // 4), len(self.x) - 1)

    def slope(self, step: int) -> float:
        return float(np.linalg.norm(self.landscape.gradient(self.x[step])))

    def end(self, digits: int = 4) -> str:
        place = self.show(self.x[-1], digits)
        return f"{place}, outside the window" if self.outside[-1] > 0 else place

    def show(self, point: Floats, digits: int = 4) -> str:
        """A point as people write it: `(1, -0.5)`, or `1` in one dimension."""
        rounded = [f"{value:.{digits}g}" if abs(value) > 1e-8 * self.diagonal else "0" for value in point]
        return rounded[0] if len(rounded) == 1 else f"({', '.join(rounded)})"


def _lengths(vectors: Floats) -> Floats:
    return np.asarray(np.linalg.norm(vectors, axis=1))


# --- paths that have no end -------------------------------------------------------------------------------------------


def _left_the_domain(path: _Course) -> Outcome | None:
    """A path that came where the landscape has no value or no gradient, such as log(x) below 0."""
    step = path.finite
    if step == 0:
        message = f"the start {path.show(path.x[0])} has no finite value; choose another start"
        return Outcome(Status.NON_FINITE, message, 0)
    if step == len(path.x):
        return None
    if np.isfinite(path.x[step]).all() and np.linalg.norm(path.x[step] - path.x[step - 1]) < path.diagonal:
        place, lacks, remedy = path.x[step], "value", "try a smaller learning rate or another start"
    elif not np.isfinite(path.slope(step - 1)) and path.outside[-1] < path.diagonal:
        place, lacks, remedy = path.x[step - 1], "gradient", "choose another start"
    else:
        return None
    return Outcome(Status.NON_FINITE, f"no finite {lacks} at {path.show(place)}, step {step}; {remedy}", step)


def _ran_down(path: _Course) -> Outcome | None:
    """A path that left the window downhill and found the slope no gentler outside."""
    last, edge = path.finite - 1, max(path.exit - 1, 0)
    if path.outside[last] < path.diagonal or (np.diff(path.f[edge : last + 1]) > 0).any():
        return None
    if path.f[last] >= path.f[0] or path.slope(last) < path.slope(edge):
        return None
    message = f"ran down without end, out of the window at step {path.exit}: no minimum stops it there"
    return Outcome(Status.DIVERGED, message, path.exit)


def _diverged(path: _Course) -> Outcome | None:
    """A path that climbed away, or leaped so far that where it is means nothing."""
    last, remedy = path.finite - 1, "try a smaller learning rate"
    if last < len(path.x) - 1:
        message = f"diverged: overflows at step {path.finite}; {remedy}"
        return Outcome(Status.DIVERGED, message, path.finite)
    if path.f[last] > path.f[0] and (path.outside[last] > path.diagonal or _climbs_in_growing_leaps(path)):
        step = int(np.flatnonzero(path.f <= path.f[0])[-1]) + 1
        message = f"diverged: the value rises from step {step} on, to {path.f[last]:.3g}; {remedy}"
        return Outcome(Status.DIVERGED, message, step)
    if path.outside[last] > 100 * path.diagonal:
        message = f"diverged: leaped out of the window at step {path.exit} and never came back; {remedy}"
        return Outcome(Status.DIVERGED, message, path.exit)
    return None


def _climbs_in_growing_leaps(path: _Course) -> bool:
    if path.noisy or len(path.f) < 4:
        return False
    return bool((np.diff(path.f[-5:]) > 0).all() and (np.diff(path.hops[-4:]) > 0).all())


# --- paths that have one ----------------------------------------------------------------------------------------------


def _cycle(path: _Course) -> Outcome | None:
    """A path that leaps to and fro between the same two points."""
    if path.noisy or len(path.x) < 22:
        return None
    tail, hops = path.x[-21:], path.hops[-20:]
    returns = _lengths(tail[2:] - tail[:-2])
    lasts = hops[-1] > 0.95 * hops[0] and hops.min() > 1e-6 * path.diagonal
    if not lasts or returns.max() > 0.05 * hops.min():
        return None
    middle = (path.x[-1] + path.x[-2]) / 2
    found = _nearest_stationary(path, middle)
    place = _describe(path, found) if found and found.kind == "minimum" else path.show(middle, 3)
    return Outcome(Status.FINISHED, f"cycles around {place}, {hops[-1] / 2:.3g} to each side; {_calmer(path)}")


def _arrival(path: _Course) -> Outcome | None:
    """A path that reached a stationary point, or is within its reach."""
    found = _nearest_stationary(path, path.x[-1])
    if found is None or found.kind == "flat point":
        return None
    distance = _lengths(path.x - found.point)
    latest = distance[1:][-(path.recent if path.noisy else 3) :]
    if latest.max() <= NEAR * path.diagonal and not _swings_grow(path):
        return _arrived(path, found)
    return _in_reach(path, found, distance)


def _swings_grow(path: _Course) -> bool:
    hops = path.hops[-5:]
    return len(hops) == 5 and bool((np.diff(hops) > 0).all()) and hops[-1] > 0.1 * NEAR * path.diagonal


def _arrived(path: _Course, found: "_Stationary") -> Outcome:
    name = _describe(path, found)
    if found.kind == "minimum":
        return Outcome(Status.REACHED, f"converged to {name}")
    return Outcome(Status.STUCK, f"stuck on {name}, where the gradient vanishes; a little noise would free it")


def _in_reach(path: _Course, found: "_Stationary", distance: Floats) -> Outcome | None:
    name, now, recent = _describe(path, found), distance[-1], distance[-path.recent :]
    comes_closer = _comes_closer(distance[-2 * path.recent :], path.noisy)
    if found.kind != "minimum":
        slows = (np.diff(recent) < 0).all() and path.slope(-1) < 0.75 * path.slope(-path.recent - 1)
        message = f"slows down at {name}, {now:.3g} away, where the gradient vanishes"
        return Outcome(Status.FINISHED, message) if comes_closer and slows else None
    if comes_closer:
        return Outcome(Status.FINISHED, f"approaches {name}, {now:.3g} away; more steps would get there")
    if path.hops[-path.recent :].sum() < 0.05 * now:
        cause = "weight decay, or a learning rate too small, holds it there"
        return Outcome(Status.FINISHED, f"rests {now:.3g} from {name}: {cause}")
    return Outcome(Status.FINISHED, f"swings around {name}, up to {recent.max():.2g} away; {_calmer(path)}")


def _comes_closer(distance: Floats, noisy: bool) -> bool:
    if noisy and len(distance) >= 8:  # block by block: chance makes four of them fall in 1 of 24 cases
        levels = np.array([np.sqrt(np.mean(block**2)) for block in np.array_split(distance, 4)])
        return bool((np.diff(levels) < 0).all() and levels[-1] < 0.6 * levels[0])
    earlier, recent = np.array_split(distance, 2)
    return bool(recent.max() < 0.95 * earlier.max())


def _calmer(path: _Course) -> str:
    cause = "the noise keeps it moving: " if path.noisy else ""
    return f"{cause}lower the learning rate or let it decay"


def _plateau(path: _Course) -> Outcome | None:
    slope, gentle = path.slope(-1), min(0.05, 0.05 * _spread(path) / path.diagonal)
    drifts = path.hops[-path.recent :].sum() > IN_REACH * path.diagonal
    if slope > (0.01 * gentle if drifts else gentle):
        return None
    remedy = "a larger learning rate or an adaptive rule would move it"
    facts = f"a plateau at {path.end()}: the gradient is only {slope:.2g}"
    return Outcome(Status.STUCK, f"drifts over {facts}" if drifts else f"stuck on {facts}; {remedy}")


def _spread(path: _Course) -> float:
    """The range of values in the window, from some points of it."""
    low, high = np.array(path.landscape.window).T
    points = np.random.default_rng(0).uniform(low, high, (500, len(low)))
    values = np.broadcast_to(path.landscape(*points.T), len(points))
    values = values[np.isfinite(values)]
    return float(np.ptp(values)) if len(values) else 0.0


def _at_rest(path: _Course) -> Outcome | None:
    moved = path.hops[-path.recent :].sum()
    if moved > NEAR * path.diagonal:
        return None
    message = f"hardly moves at {path.end()} though the gradient is {path.slope(-1):.2g}; try a larger learning rate"
    return Outcome(Status.FINISHED, message)


def _under_way(path: _Course) -> Outcome:
    recent, earlier = path.f[-path.recent - 1 :], path.f[-2 * path.recent - 1 : -path.recent]
    facts = f"value {path.f[-1]:.4g}, gradient {path.slope(-1):.2g}"
    falls = np.mean(np.diff(recent) < 0)
    if falls > 0.75 and recent[-1] < recent[0]:
        message = f"still falling at {path.end()}: {facts}; more steps or a larger learning rate would help"
    elif falls == 0 and recent[-1] > recent[0]:
        message = f"climbing at {path.end()}: {facts}; more steps would show whether it turns"
    elif recent.max() - path.f.min() < 0.8 * (earlier.max() - path.f.min()):
        message = f"falling in swings, now at {path.end()}: {facts}; more steps or a smaller learning rate would help"
    else:
        swing = f"between the values {recent.min():.4g} and {recent.max():.4g}"
        message = f"leaps to and fro {swing}, now at {path.end()}; {_calmer(path)}"
    return Outcome(Status.FINISHED, message)


# --- stationary points ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Stationary:
    """A point where the gradient vanishes."""

    point: Floats
    kind: Kind


def _nearest_stationary(path: _Course, end: Floats) -> _Stationary | None:
    """The stationary point within reach of `end`; a minimum goes before others unless one of these is reached."""
    near = NEAR * path.diagonal
    points = [np.array(point, dtype=np.float64) for point in _stated(path.landscape)]
    if (newton := _newton(path, end)) is not None:
        points.append(newton)
    in_reach = [point for point in points if np.linalg.norm(point - end) <= IN_REACH * path.diagonal]
    found = [_Stationary(point, _kind(path, point)) for point in in_reach]

    def preference(each: _Stationary) -> tuple[bool, float]:
        distance = float(np.linalg.norm(each.point - end))
        return distance > near and each.kind != "minimum", distance

    return min(found, key=preference, default=None)


def _stated(landscape: Landscape) -> tuple[tuple[float, ...], ...]:
    # needed beside Newton's method: some have no gradient at the point itself, or no curvature
    return landscape.minima + landscape.local_minima + landscape.saddles


def _newton(path: _Course, end: Floats) -> Floats | None:
    """Where Newton's method leads from `end`, if that is in reach and the gradient vanishes there."""
    landscape, point = path.landscape, end
    steepness = float(np.linalg.norm(landscape.gradient(end)))
    for _ in range(100):
        gradient, hessian = landscape.gradient(point), landscape.hessian(point)
        if not (np.isfinite(gradient).all() and np.isfinite(hessian).all()):
            return None
        step = np.linalg.lstsq(hessian, -gradient, rcond=None)[0]
        point = point + step
        if np.linalg.norm(point - end) > IN_REACH * path.diagonal:
            return None
        if np.linalg.norm(step) <= 1e-9 * path.diagonal:  # where a slope has no curvature the step is 0, too
            return point if np.linalg.norm(landscape.gradient(point)) <= 1e-6 * max(1.0, steepness) else None
    return None


def _kind(path: _Course, point: Floats) -> Kind:
    """Told by the values around the point, which also holds where the curvature vanishes, as for x**4."""
    around = point + AROUND * path.diagonal * _directions(len(point))
    rise = path.landscape(*around.T) - path.landscape(*point)
    tiny = 1e-12 * _spread(path)
    up, down = bool((rise > tiny).any()), bool((rise < -tiny).any())
    if up and down:
        return "saddle"
    return "minimum" if up else "maximum" if down else "flat point"


def _directions(dims: int) -> Floats:
    if dims == 1:
        return np.array([[-1.0], [1.0]])
    directions = np.random.default_rng(0).standard_normal((50 * dims, dims))
    return np.concatenate([directions / _lengths(directions)[:, None], np.eye(dims)])


def _describe(path: _Course, found: _Stationary) -> str:
    landscape, place = path.landscape, path.show(found.point)
    if found.kind != "minimum":
        return f"the {found.kind} at {place}"
    low, high = np.array(landscape.window).T
    if not ((low <= found.point) & (found.point <= high)).all():
        return f"a minimum outside the window, at {place}"
    if landscape.minimum is None:
        return f"a minimum at {place}"
    value = float(landscape(*found.point))
    if value <= landscape.minimum + 1e-6 * max(1.0, abs(landscape.minimum)):
        return f"{'the' if len(landscape.minima) == 1 else 'a'} global minimum at {place}"
    return f"the local minimum at {place} (value {value:.4g}, the global one {landscape.minimum:.4g})"
