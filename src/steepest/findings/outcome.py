"""How paths ended: the first cause in `CAUSES` that applies, for one path with its numbers or for many at once."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..landscapes import Landscape, geometry
from ..landscapes.geometry import KINDS, MINIMUM, lengths, values
from ..rules import Rule
from .catalogue import CATALOGUE, LIMITS, Finding
from .linear import is_adaptive
from .measures import Flags, Floats, Measures

__all__ = ["CAUSES", "MINIMA", "arrival_radius", "explain", "statuses", "tidy"]

MINIMA = ("only_global", "global", "local", "minimum", "minimum_outside")
"""Variants of the phrase `place` that are minima."""


def explain(
    landscape: Landscape, x: Floats, f: Floats, noisy: bool = False, decays: bool = False, rule: Rule | None = None
) -> Finding:
    """How a path ended.

    Args:
        landscape: where.
        x: its points, shape (steps + 1, dims).
        f: their values.
        noisy: whether its gradients had noise.
        decays: whether its learning rate fell on the way.
        rule: what it is a path of; the advice depends on it.
    """
    good = np.isfinite(x).all(axis=1) & np.isfinite(f)
    finite = len(good) if good.all() else int(np.argmin(good))
    with np.errstate(all="ignore"):  # a path that overflows is a result, not an error
        if finite == 0:
            return Finding("no_value_at_start", {"point": tidy(landscape, x[0]), "step": 0})
        measures = Measures(
            landscape, x[:finite, :, None], x[0][:, None], len(x) - 1, noisy, np.array([finite < len(x)]), decays, rule
        )
        found = _left_the_domain(measures, x[finite]) if finite < len(x) else None
        if found is None:
            code = next(code for code, applies, _ in CAUSES if applies(measures)[0])
            numbers = next(numbers for name, _, numbers in CAUSES if name == code)
            found = Finding(code, numbers(measures))
    if rule is not None and not rule.rate_matters:
        found = Finding(found.code, {**found.numbers, "unrated": True})
    return found


def statuses(
    landscape: Landscape, start: Floats, tail: Floats, lost: Flags, last: Floats, steps: int, noisy: bool
) -> NDArray[np.object_]:
    """The `Status` of many trajectories, told from their last points, shape (n,).

    Args:
        landscape: where.
        start: first points, shape (dims, n).
        tail: last points, shape (known, dims, n).
        lost: whether a point stopped being finite, shape (n,).
        last: last finite points, shape (dims, n).
        steps: number of updates.
        noisy: whether the gradients had noise.
    """
    code = np.full(start.shape[1], "", dtype=object)
    with np.errstate(all="ignore"):
        code[lost] = "overflows"
        code[np.flatnonzero(lost)[_lacks_value_or_gradient(landscape, last[:, lost].astype(np.float64))]] = "no_value"
        gone = ~lost & ~np.isfinite(values(landscape, tail[-1].astype(np.float64)))
        near = lengths(tail[-1] - tail[-2]) < geometry.diagonal(landscape)
        code[gone] = np.where(near[gone], "no_value", "overflows")
        code[~np.isfinite(values(landscape, start))] = "no_value_at_start"
        rest = np.flatnonzero(code == "")
        measures = Measures(
            landscape,
            tail[:, :, rest].astype(np.float64),
            start[:, rest],
            steps,
            noisy,
            np.zeros(len(rest), dtype=bool),
        )
        for name, applies, _ in CAUSES:
            undecided = code[rest] == ""
            if not undecided.any():
                break
            code[rest[undecided & applies(measures)]] = name
    by_code = {name: Finding(name).status for name in CATALOGUE["findings"]}
    return np.array([by_code[name] for name in code], dtype=object)


def arrival_radius(landscape: Landscape) -> float:
    """How near a point a path has arrived there: a thousandth of the window's diagonal."""
    return float(LIMITS.near * geometry.diagonal(landscape))


def _lacks_value_or_gradient(landscape: Landscape, x: Floats) -> Flags:
    """Whether these points, the last finite ones, have no finite value or gradient though they are near the window."""
    defined = np.isfinite(values(landscape, x)) & np.isfinite(landscape.gradient(x)).all(axis=0)
    near: Flags = ~defined & (geometry.outside(landscape, x) < geometry.diagonal(landscape))
    return near


def tidy(landscape: Landscape, point: Floats) -> tuple[float, ...]:
    """A point with what is next to nothing, measured by the window, as 0."""
    zero = LIMITS.zero * geometry.diagonal(landscape)
    return tuple(0.0 if abs(value) <= zero else float(value) for value in point)


# --- paths that have no end -------------------------------------------------------------------------------------------


def _left_the_domain(path: Measures, after: Floats) -> Finding | None:
    """A path that came where the landscape has no value or no gradient, such as log(x) below 0; `after` its end."""
    step, end = len(path.x), path.end[:, 0]
    if np.isfinite(after).all() and np.linalg.norm(after - end) < path.diagonal:
        return Finding("no_value", {"point": tidy(path.landscape, after), "step": step})
    if not np.isfinite(path.slope[0]) and path.outside[-1, 0] < path.diagonal:
        return Finding("no_gradient", {"point": tidy(path.landscape, end), "step": step})
    return None


def _ran_down(path: Measures) -> Flags:
    """Left the window downhill and found the slope no gentler outside."""
    rises = np.diff(path.f, axis=0) > 0
    since = np.arange(len(rises))[:, None] >= path.exit - 1
    downhill = ~(rises & since).any(axis=0) & (path.f[-1] < path.f_start)
    steeper = path.slope >= lengths(path.landscape.gradient(path.edge))
    flags: Flags = downhill & steeper & (path.outside[-1] >= path.diagonal)
    return flags


def _rises(path: Measures) -> Flags:
    """Climbed away."""
    left = path.outside[-1] > LIMITS.gone * path.diagonal
    return np.asarray((path.f[-1] > path.f_start) & (left | _climbs_in_growing_leaps(path)))


def _climbs_in_growing_leaps(path: Measures) -> Flags:
    if path.noisy or path.steps < LIMITS.climbing - 2:
        return np.zeros(path.x.shape[2], dtype=bool)
    f, hops = path.f[-LIMITS.climbing :], path.hops[1 - LIMITS.climbing :]
    return _grows(f) & _grows(hops)


def _grows(rows: Floats) -> Flags:
    return np.asarray((np.diff(rows, axis=0) > 0).all(axis=0))


def _rises_from(path: Measures) -> dict[str, Any]:
    low = np.flatnonzero(path.f[:, 0] <= path.f_start[0])
    return {"step": int(low[-1]) + 1, "value": float(path.f[-1, 0])}


def _left_at(path: Measures) -> dict[str, Any]:
    return {"step": int(path.exit[0])}


# --- paths that have one ----------------------------------------------------------------------------------------------


def _cycles(path: Measures) -> Flags:
    """Leaps to and fro between the same two points."""
    if path.noisy or path.steps <= LIMITS.cycle:
        return np.zeros(path.x.shape[2], dtype=bool)
    tail, hops = path.x[-LIMITS.cycle - 1 :], path.hops[-LIMITS.cycle :]
    shortest, returns = hops.min(axis=0), np.linalg.norm(tail[2:] - tail[:-2], axis=1)
    lasting = LIMITS.cycle_lasts ** ((len(hops) - 1) / (LIMITS.cycle - 1))  # over the hops that are known
    lasts = (hops[-1] > lasting * hops[0]) & (shortest > LIMITS.cycle_least * path.diagonal)
    flags: Flags = lasts & (returns.max(axis=0) <= LIMITS.cycle_returns * shortest)
    return flags


def _cycle(path: Measures) -> dict[str, Any]:
    middle = (path.x[-1] + path.x[-2]) / 2
    found = path.nearest(middle)
    place = _place(path, found.point, found.kind) if found.kind[0] == MINIMUM else None
    return (place or {"kind": "point", "point": tidy(path.landscape, middle[:, 0])}) | {
        "swing": float(path.hops[-1, 0] / 2)
    } | _calm(path)  # fmt: skip


def _arrived(path: Measures) -> Flags:
    """The last points are at a stationary point, and swings about it do not grow."""
    latest = path.distance[1:][-(path.recent if path.noisy else LIMITS.recent_least) :]
    hops = path.hops[-LIMITS.swings :]
    swinging = _grows(hops) & (hops[-1] > LIMITS.swings_least * LIMITS.near * path.diagonal)
    flags: Flags = (latest.max(axis=0) <= LIMITS.near * path.diagonal) & ~(swinging & (len(hops) == LIMITS.swings))
    return flags & (path.found.kind > 0)


def _at_minimum(path: Measures) -> Flags:
    return np.asarray(path.found.kind == MINIMUM)


def _comes_closer(path: Measures) -> Flags:
    distance = path.distance[-2 * path.recent :]
    if path.noisy and len(distance) >= 2 * LIMITS.blocks:  # chance makes four blocks fall in 1 of 24 cases
        blocks = np.array_split(distance, LIMITS.blocks)
        levels = np.array([np.sqrt(np.mean(block**2, axis=0)) for block in blocks])
        return np.asarray((np.diff(levels, axis=0) < 0).all(axis=0) & (levels[-1] < LIMITS.closer_noisy * levels[0]))
    earlier, recent = np.array_split(distance, 2)
    closer = LIMITS.closer ** (len(distance) / min(2 * path.recent, path.steps + 1))  # over the points that are known
    return np.asarray(recent.max(axis=0) < closer * earlier.max(axis=0))


def _slows_down(path: Measures) -> Flags:
    """Comes ever closer to a stationary point that is no minimum, and the gradient falls."""
    falls = (np.diff(path.distance[-path.recent :], axis=0) < 0).all(axis=0)
    back = min(path.recent, len(path.x) - 1)
    earlier = lengths(path.landscape.gradient(path.x[-back - 1]))
    slows = falls & (path.slope < LIMITS.slows ** (back / path.recent) * earlier)
    return np.asarray(_comes_closer(path) & (path.found.kind > MINIMUM) & slows)


def _rests(path: Measures) -> Flags:
    return np.asarray(_at_minimum(path) & (path.moved < LIMITS.still * path.distance[-1]))


def _at(path: Measures) -> dict[str, Any]:
    return _place(path, path.found.point, path.found.kind) | {"noisy": path.noisy}


def _away(path: Measures) -> dict[str, Any]:
    place = _place(path, path.found.point, path.found.kind)
    return place | {"distance": float(path.distance[-1, 0]), "decays": path.decays}


def _swinging(path: Measures) -> dict[str, Any]:
    place = _place(path, path.found.point, path.found.kind)
    return place | {"distance": float(path.distance[-path.recent :, 0].max())} | _calm(path)


def _place(path: Measures, points: Floats, kinds: NDArray[np.int64]) -> dict[str, Any]:
    """A stationary point, by the kind that sentences name, and for a local minimum its value and the lowest."""
    landscape, point, kind = path.landscape, points[:, 0], KINDS[kinds[0]]
    lowest = landscape.minimum
    if kind == "minimum" and geometry.outside(landscape, points)[0] > 0:
        kind = "minimum_outside"
    elif kind == "saddle" and landscape.dims == 1:
        kind = "inflection"
    elif kind == "minimum" and lowest is not None:
        value = float(landscape(*point))
        if value > lowest + LIMITS.lowest * max(1.0, abs(lowest)):
            return {"kind": "local", "point": tidy(landscape, point), "value": value, "lowest": lowest}
        kind = "only_global" if len(landscape.minima) == 1 else "global"
    return {"kind": kind, "point": tidy(landscape, point)}


def _calm(path: Measures) -> dict[str, Any]:
    """The variant of the phrase `calmer`: what keeps it moving, and what is done against it already."""
    noisy, decays = path.noisy, path.decays
    return {"calm": "fading_noise" if noisy and decays else "noise" if noisy else "decays" if decays else "constant"}


# --- paths without a stationary point in reach ------------------------------------------------------------------------


def _gentle(path: Measures) -> float:
    return float(min(LIMITS.flat, LIMITS.flat * geometry.spread(path.landscape) / path.diagonal))


def _drifting(path: Measures) -> Flags:
    return np.asarray(path.moved > LIMITS.in_reach * path.diagonal)


def _drifts(path: Measures) -> Flags:
    return np.asarray(_drifting(path) & (path.slope <= LIMITS.flat_drifting * _gentle(path)))


def _plateau(path: Measures) -> Flags:
    return np.asarray(~_drifting(path) & (path.slope <= _gentle(path)))


def _hardly_moves(path: Measures) -> Flags:
    return np.asarray(path.moved <= LIMITS.near * path.diagonal)


def _falling(path: Measures) -> Flags:
    recent = path.f[-path.recent - 1 :]
    return np.asarray(((np.diff(recent, axis=0) < 0).mean(axis=0) > LIMITS.falls) & (recent[-1] < recent[0]))


def _climbing(path: Measures) -> Flags:
    recent = path.f[-path.recent - 1 :]
    return np.asarray(~(np.diff(recent, axis=0) < 0).any(axis=0) & (recent[-1] > recent[0]))


def _falls_in_swings(path: Measures) -> Flags:
    recent, earlier = path.f[-path.recent - 1 :], path.f[-2 * path.recent - 1 : -path.recent]
    if not len(earlier):
        return np.zeros(path.x.shape[2], dtype=bool)
    lowest = path.f.min(axis=0)
    return np.asarray(recent.max(axis=0) - lowest < LIMITS.settles * (earlier.max(axis=0) - lowest))


def _end(path: Measures) -> dict[str, Any]:
    end = tidy(path.landscape, path.end[:, 0])
    slope = float(path.slope[0])
    return {"point": end, "outside": bool(path.outside[-1, 0] > 0), "gradient": slope, "level": slope == 0}


def _pace_and_end(path: Measures) -> dict[str, Any]:
    return _end(path) | {"decays": path.decays}


def _stuck(path: Measures) -> dict[str, Any]:
    """The variant of the phrase `nudged`: what would move it, of what is not done already."""
    numbers = _end(path)
    if numbers["level"]:
        return numbers | {"nudge": "level_noise" if path.noisy else "level"}
    return numbers | {"nudge": "larger" if path.rule is not None and is_adaptive(path.rule) else "adaptive"}


def _end_and_value(path: Measures) -> dict[str, Any]:
    return _end(path) | {"value": float(path.f[-1, 0]), "decays": path.decays}


def _leaping(path: Measures) -> dict[str, Any]:
    recent = path.f[-path.recent - 1 :, 0]
    return _end(path) | {"low": float(recent.min()), "high": float(recent.max())} | _calm(path)


Cause = tuple[str, Callable[[Measures], Flags], Callable[[Measures], dict[str, Any]]]

CAUSES: tuple[Cause, ...] = (
    ("ran_down", _ran_down, _left_at),
    ("overflows", lambda path: path.lost, lambda path: {"step": len(path.x)}),
    ("rises", _rises, _rises_from),
    ("leapt_out", lambda path: path.outside[-1] > LIMITS.leapt * path.diagonal, _left_at),
    ("cycles", _cycles, _cycle),
    ("converged", lambda path: _arrived(path) & _at_minimum(path), _at),
    ("stuck_at", lambda path: _arrived(path) & ~_at_minimum(path), _at),
    ("slows_down", _slows_down, _away),
    ("approaches", lambda path: _at_minimum(path) & _comes_closer(path), _away),
    ("rests", _rests, _away),
    ("swings", _at_minimum, _swinging),
    ("drifts", _drifts, _end),
    ("plateau", _plateau, _stuck),
    ("hardly_moves", _hardly_moves, _pace_and_end),
    ("falling", _falling, _end_and_value),
    ("climbing", _climbing, _end_and_value),
    ("falls_in_swings", _falls_in_swings, _end_and_value),
    ("leaps", lambda path: np.ones(path.x.shape[2], dtype=bool), _leaping),
)  # fmt: skip
"""Codes of the catalogue with the condition of each and its numbers (of the only path), in the order of precedence."""
