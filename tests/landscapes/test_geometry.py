"""Geometry of landscapes: window, spread, Newton's method and kinds of stationary points, against stated facts."""

from dataclasses import replace

import numpy as np
import pytest

from steepest import landscapes
from steepest.landscapes import LANDSCAPES, geometry
from steepest.landscapes.geometry import KINDS, MINIMUM, diagonal, kinds, nearest_stationary, newton, outside

SMOOTH = [name for name in LANDSCAPES if name not in ("ackley",)]  # it has no gradient at its minimum


@pytest.mark.parametrize("name", LANDSCAPES)
def test_stated_points_are_of_their_kinds(name):
    on = LANDSCAPES[name]
    for points, kind in ((on.minima + on.local_minima, "minimum"), (on.saddles, "saddle")):
        codes = kinds(on, np.array(points).reshape(-1, on.dims).T)
        assert [KINDS[code] for code in codes] == [kind] * len(points)


@pytest.mark.parametrize("name", SMOOTH)
def test_newtons_method_leads_to_the_stated_minima(name):
    on = LANDSCAPES[name]
    stated = np.array(on.minima + on.local_minima).reshape(-1, on.dims).T
    if stated.shape[1]:
        ends = stated + 1e-4 * diagonal(on)
        found = newton(on, ends, 0.05 * diagonal(on))
        np.testing.assert_allclose(found, stated, atol=2e-6 * diagonal(on))


def test_newtons_method_gives_nothing_where_there_is_nothing():
    slope, well = landscapes.find("2*x + 3"), landscapes.find("log(x)")
    assert np.isnan(newton(slope, np.array([[1.0, 2.0]]), 0.5)).all()
    assert np.isnan(newton(well, np.array([[-1.0, 2.0]]), 0.5)).all()
    bowl = landscapes.find("bowl")
    ends = np.array([[0.1, 4.0, np.nan], [0.1, 4.0, 0.0]])
    found = newton(bowl, ends, 1.0)
    assert found[:, 0] == pytest.approx([0, 0], abs=1e-12) and np.isnan(found[:, 1:]).all()


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("x**4", "minimum"),
        ("-x**2", "maximum"),
        ("x**3", "saddle"),
        ("0*x + 3", "flat point"),
        ("x**2 - y**2", "saddle"),
    ],
)
def test_kinds_are_told_without_curvature_too(text, kind):
    on = landscapes.find(text)
    assert KINDS[kinds(on, np.zeros((on.dims, 1)))[0]] == kind


def test_many_ends_are_each_given_their_own_point():
    on = landscapes.find("himmelblau")
    minima = np.array(on.minima)
    random = np.random.default_rng(0)
    which = random.integers(len(minima), size=500)
    ends = minima[which].T + random.uniform(-0.1, 0.1, (2, 500))
    ends[:, ::10] = np.nan
    found = nearest_stationary(on, ends, 1e-3 * diagonal(on), 0.05 * diagonal(on))
    known = np.isfinite(ends[0])
    np.testing.assert_allclose(found.point[:, known], minima[which[known]].T, atol=1e-6)
    assert (found.kind[known] == MINIMUM).all() and (found.kind[~known] == -1).all()


def test_a_minimum_goes_before_a_nearer_saddle_that_is_not_reached():
    on = replace(landscapes.find("x**4/4 - x**2/2*0.01 + y**2"), minima=((0.1, 0.0), (-0.1, 0.0)))  # a saddle at 0
    near, reach = 1e-3 * diagonal(on), 0.05 * diagonal(on)
    end = np.array([[0.03], [0.0]])
    before = nearest_stationary(on, end, near, reach)  # Newton's method leads to the saddle, which is nearer
    assert KINDS[before.kind[0]] == "minimum" and before.point[0, 0] == pytest.approx(0.1)
    there = nearest_stationary(on, np.array([[0.001], [0.0]]), near, reach)
    assert KINDS[there.kind[0]] == "saddle" and np.abs(there.point).max() < 1e-9


def test_distances_to_the_window_and_the_spread_of_values():
    on = landscapes.find("bowl")
    (low, high), (bottom, top) = on.window
    points = np.array([[low, high + 3, high + 3], [bottom, top, top + 4]])
    np.testing.assert_allclose(outside(on, points), [0, 3, 5])
    assert outside(on, points[:, 1]) == 3
    corners = [float(on(x, y)) for x in (low, high) for y in (bottom, top)]
    assert 0.8 * max(corners) < geometry.spread(on) <= max(corners)
    assert geometry.spread(landscapes.find("0*x + 3")) == 0


def test_quadratics_are_known():
    assert {name for name in LANDSCAPES if geometry.is_quadratic(LANDSCAPES[name])} >= {"bowl", "ravine", "saddle"}
    assert not geometry.is_quadratic(LANDSCAPES["rosenbrock"])
