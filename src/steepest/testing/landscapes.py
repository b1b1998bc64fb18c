"""The promises of a landscape, as checks: its facts are true and complete, its derivatives right on every library."""

import math
from collections.abc import Callable, Iterable, Sequence
from functools import cache, partial
from typing import Any

import numpy as np
import scipy.optimize
import torch

from ..landscapes import Landscape

__all__ = ["assert_same_points", "grid", "inside", "landscape_checks", "random_points", "ring", "width"]

Check = Callable[[], None]


def landscape_checks(
    on: Landscape, *, many: bool = False, kinked: bool = False, flat_saddles: bool = False
) -> dict[str, Check]:
    """The checks of a landscape, by name.

    Args:
        on: the landscape, of one or two dimensions.
        many: it has too many local minima to state them, and states none.
        kinked: it has no gradient at its minima.
        flat_saddles: the Hessian vanishes at its saddles.

    >>> from steepest.landscapes import LANDSCAPES
    >>> for check in landscape_checks(LANDSCAPES["bowl"]).values():
    ...     check()
    """
    checks: list[Callable[[Landscape], None]] = [
        plain_facts_are_there, stated_local_minima_are_minima, derivatives_agree_with_differences,
        formula_and_gradient_are_the_same_in_torch, many_points_equal_one_by_one,
        *([] if many else [no_stationary_point_is_missing]),
    ]  # fmt: skip
    found: dict[str, Check] = {check.__name__: partial(check, on) for check in checks}
    return found | {
        "stated_minima_are_minima": partial(stated_minima_are_minima, on, kinked),
        "no_global_minimum_is_missing": partial(no_global_minimum_is_missing, on, kinked),
        "no_local_minimum_is_missing": partial(no_local_minimum_is_missing, on, many),
        "stated_saddles_are_saddles": partial(stated_saddles_are_saddles, on, flat_saddles),
    }


# --- tools ------------------------------------------------------------------------------------------------------------


def window(on: Landscape) -> tuple[Any, Any]:
    """The low and the high corner."""
    low, high = np.array(on.window).T
    return low, high


def width(on: Landscape) -> float:
    """The longest side of the window."""
    low, high = window(on)
    return float(np.max(high - low))


def inside(on: Landscape, points: Any, margin: float = 0.0) -> Any:
    """Which of the points, of shape (dims, n), lie in the window and at least `margin` from its edge."""
    (low, high), points = window(on), points.T
    return np.all((low + margin <= points) & (points <= high - margin), axis=1)


def grid(on: Landscape, count: int) -> Any:
    """Points of a grid over the window, of shape (dims, count, ...)."""
    return np.array(np.meshgrid(*[np.linspace(*side, count) for side in on.window], indexing="ij"))


def random_points(on: Landscape, count: int) -> Any:
    """Points in the window, of shape (dims, count)."""
    low, high = window(on)
    return np.random.default_rng(7).uniform(low, high, (count, on.dims)).T


def ring(point: Sequence[float], radius: float) -> Any:
    """Points around one point, of shape (dims, 64); in one dimension two."""
    if len(point) == 1:
        return np.array([[point[0] - radius, point[0] + radius]])
    angle = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    return np.array(point)[:, None] + radius * np.array([np.cos(angle), np.sin(angle)])


def distinct(points: Iterable[Any], tolerance: float) -> list[Any]:
    """The points without those that lie near an earlier one."""
    kept: list[Any] = []
    for point in points:
        if not any(np.max(np.abs(point - other)) < tolerance for other in kept):
            kept.append(point)
    return kept


def assert_same_points(found: Sequence[Any], stated: Sequence[Any], tolerance: float) -> None:
    """Each point of one list is near one of the other."""
    lost = [p for p in stated if not any(np.allclose(p, q, rtol=0, atol=tolerance) for q in found)]
    extra = [q for q in found if not any(np.allclose(p, q, rtol=0, atol=tolerance) for p in stated)]
    assert not lost and not extra, f"stated but not found: {lost}; found but not stated: {extra}"


def newton(on: Landscape, points: Any, steps: int = 60) -> tuple[Any, Any]:
    """Newton's method on many points of shape (dims, n) at once; the last steps' sizes come along."""
    with np.errstate(all="ignore"):
        for _ in range(steps):
            slope, curve = on.gradient(points), on.hessian(points)
            if on.dims == 1:
                step = slope / curve[0]
            else:
                (a, b), (_, d) = curve
                step = np.array([d * slope[0] - b * slope[1], a * slope[1] - b * slope[0]]) / (a * d - b * b)
            step = np.where(np.isfinite(step), step, 0.0)
            points = points - step
    return points, np.max(np.abs(step), axis=0)


@cache
def stationary_points(on: Landscape) -> list[Any]:
    """Every stationary point inside the window, by Newton's method from a grid."""
    points, step = newton(on, grid(on, 61 if on.dims == 2 else 2001).reshape(on.dims, -1))
    with np.errstate(all="ignore"):
        flat = np.max(np.abs(on.gradient(points)), axis=0) < 1e-6
    good = flat & (step < 1e-9 * width(on)) & inside(on, points, margin=1e-6)
    return distinct(points[:, good].T, 1e-6 * width(on))


@cache
def minimizers(on: Landscape) -> list[tuple[Any, float, bool]]:
    """Minimizers in the window, from the lowest points of a dense grid: (point, value, on the edge?) of on."""
    count = 240 if on.dims == 2 else 5000  # even, so that no point of the grid is at the centre
    points = grid(on, count)
    values = on(*points)
    padded = np.pad(values, 1, constant_values=np.inf)
    shifts = np.ndindex(*[3] * on.dims)
    neighbours = [padded[tuple(slice(s, s + count) for s in shift)] for shift in shifts]
    cells = map(tuple, np.argwhere(values <= np.min(neighbours, axis=0)))
    lowest = sorted(cells, key=lambda index: float(values[index]))[:80]
    ends = distinct([polish(on, points[(slice(None), *index)]) for index in lowest], 1e-6 * width(on))
    return [(end, float(on(*end)), not inside(on, end[:, None], 1e-6)[0]) for end in ends]


def polish(on: Landscape, start: Any) -> Any:
    """The minimizer near a point, to the last digits."""

    def value(x: Any) -> Any:
        return on(*x)

    end = scipy.optimize.minimize(
        value, start, jac=on.gradient, method="L-BFGS-B", bounds=on.window, options={"ftol": 1e-15, "gtol": 1e-10}
    ).x
    if not inside(on, end[:, None], 1e-6)[0]:
        return end
    exact, step = newton(on, end[:, None], steps=4)
    if step[0] < 1e-9 and np.max(np.abs(exact[:, 0] - end)) < 1e-3 * width(on):
        return exact[:, 0]
    options = {"xatol": 1e-11, "fatol": 1e-15, "maxfev": 2000}
    return scipy.optimize.minimize(value, end, method="Nelder-Mead", bounds=on.window, options=options).x


# --- facts ------------------------------------------------------------------------------------------------------------


def plain_facts_are_there(on: Landscape) -> None:
    assert on.dims == len(on.start) == len(on.window)
    assert all(low < high for low, high in on.window)
    for text, end in ((on.about.en, "."), (on.about.zh, "。")):
        assert text.endswith(end) and text.count(end + " ") == 0 and "\n" not in text and len(text) <= 160
    assert any("\u4e00" <= character <= "\u9fff" for character in on.about.zh)
    assert on.source
    assert (on.minimum is None) == (not on.minima)
    for point in (on.start, *on.minima, *on.local_minima, *on.saddles):
        assert len(point) == on.dims
        assert inside(on, np.array(point)[:, None])[0], point


# --- minima -----------------------------------------------------------------------------------------------------------


def stated_minima_are_minima(on: Landscape, kinked: bool) -> None:
    for point in on.minima:
        assert on.minimum is not None and math.isclose(on(*point), on.minimum, rel_tol=1e-9, abs_tol=1e-9)
        assert np.all(on(*ring(point, 1e-3 * width(on))) > on.minimum)
        if kinked:
            assert np.all(np.isnan(on.gradient(point)))
            assert all(np.all(on(*ring(point, radius)) > on.minimum) for radius in (1e-8, 1e-6, 1e-4))
        else:
            assert np.max(np.abs(on.gradient(point))) < 1e-6
            assert np.linalg.eigvalsh(on.hessian(point))[0] > -1e-9


def no_global_minimum_is_missing(on: Landscape, kinked: bool) -> None:
    if on.minimum is None:
        end, value, on_edge = min(minimizers(on), key=lambda found: found[1])
        assert on_edge
        assert on(*(10 * end)) < value  # and it falls on outside
        return
    tolerance = 1e-9 * max(1.0, abs(on.minimum))
    assert on(*grid(on, 401)).min() >= on.minimum - tolerance
    assert min(value for _, value, _ in minimizers(on)) >= on.minimum - tolerance
    found = [end for end, value, _ in minimizers(on) if value <= on.minimum + tolerance]
    assert_same_points(found, on.minima, 1e-6 if kinked else 1e-8)


def stated_local_minima_are_minima(on: Landscape) -> None:
    for point in on.local_minima:
        assert np.max(np.abs(on.gradient(point))) < 1e-6
        assert np.linalg.eigvalsh(on.hessian(point))[0] > 1e-3
        assert on.minimum is not None and on(*point) > on.minimum + 1e-3


def no_local_minimum_is_missing(on: Landscape, many: bool) -> None:
    found = [end for end, value, on_edge in minimizers(on) if not on_edge]
    if many:
        assert not on.local_minima and len(found) > 8
    else:
        assert_same_points(found, [*on.minima, *on.local_minima], 1e-8)


# --- saddles ----------------------------------------------------------------------------------------------------------


def stated_saddles_are_saddles(on: Landscape, flat_saddles: bool) -> None:
    for point in on.saddles:
        assert np.max(np.abs(on.gradient(point))) < 1e-6
        for radius in (1e-3, 1e-4):
            around = on(*ring(point, radius)) - on(*point)
            assert around.min() < 0 < around.max()
        curvatures = np.linalg.eigvalsh(on.hessian(point))
        if flat_saddles:
            assert not curvatures.any()
        else:
            assert curvatures[0] < 0 < curvatures[-1]


def no_stationary_point_is_missing(on: Landscape) -> None:
    """Newton's method, which knows no downhill, finds the stated minima and saddles and otherwise maxima only."""
    curvatures = {tuple(point): np.linalg.eigvalsh(on.hessian(point)) for point in stationary_points(on)}
    found = [point for point, bends in curvatures.items() if not np.all(bends < -1e-6)]
    assert_same_points(found, [*on.minima, *on.local_minima, *on.saddles], 1e-8)


# --- derivatives ------------------------------------------------------------------------------------------------------


def derivatives_agree_with_differences(on: Landscape) -> None:
    points = random_points(on, 50)
    slope, curve, h = on.gradient(points), on.hessian(points), 1e-6 * width(on)
    for i, unit in enumerate(np.eye(on.dims)[:, :, None]):
        ahead, behind = points + h * unit, points - h * unit
        by_value = (on(*ahead) - on(*behind)) / (2 * h)
        by_slope = (on.gradient(ahead) - on.gradient(behind)) / (2 * h)
        np.testing.assert_allclose(slope[i], by_value, rtol=1e-6, atol=1e-7 * np.max(np.abs(slope)))
        np.testing.assert_allclose(curve[i], by_slope, rtol=1e-6, atol=1e-7 * np.max(np.abs(curve)))


def formula_and_gradient_are_the_same_in_torch(on: Landscape) -> None:
    points = random_points(on, 20)
    coordinates = [torch.tensor(p, requires_grad=True) for p in points]
    values = on(*coordinates)
    slope = torch.autograd.grad(values.sum(), coordinates)
    scale = np.max(np.abs(on.gradient(points)))
    np.testing.assert_allclose(values.detach().numpy(), on(*points), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(np.array([s.numpy() for s in slope]), on.gradient(points), 1e-9, 1e-12 * scale)


def many_points_equal_one_by_one(on: Landscape) -> None:
    points = random_points(on, 6).reshape(on.dims, 2, 3)
    assert on.gradient(points).shape == (on.dims, 2, 3)
    assert on.hessian(points).shape == (on.dims, on.dims, 2, 3)
    for i in np.ndindex(2, 3):
        one = points[(slice(None), *i)]
        assert math.isclose(on(*points)[i], on(*map(float, one)), rel_tol=1e-12, abs_tol=1e-12)
        np.testing.assert_allclose(on.gradient(points)[(..., *i)], on.gradient(one), rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(on.hessian(points)[(..., *i)], on.hessian(one), rtol=1e-9, atol=1e-12)
