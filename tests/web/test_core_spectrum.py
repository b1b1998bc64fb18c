"""The spectrum of a rule's step on quadratics, in node, against the theory of momentum and NumPy's eigenvalues."""

import math

import numpy as np
import pytest

from .web_node import ask

LOW, HIGH = 0.2, 4.0
"""Curvatures of the ravine, 0.1 x^2 + 2 y^2."""

START, STEPS = [-5.0, -2.0], 30


def of(rule, **settings):
    return ask("spectrum", {"landscape": "ravine", "rule": rule, "settings": settings, "start": START, "steps": STEPS})


def radius(lr, mu, curvature):
    """Of v = mu v + g, x = x - lr v, as a matrix of (x, v)."""
    matrix = np.array([[1 - lr * curvature, -lr * mu], [curvature, mu]])
    return np.abs(np.linalg.eigvals(matrix)).max()


def test_curves_of_gradient_descent():
    found = of("sgd", lr=0.4)["spectrum"]
    rates = np.array(found["rates"])
    for mode, curvature in zip(found["modes"], (HIGH, LOW), strict=True):
        assert mode["lambda"] == pytest.approx(curvature)
        np.testing.assert_allclose(mode["shares"], np.abs(1 - rates * curvature), atol=1e-12)
    assert found["limit"] == pytest.approx(2 / HIGH)
    assert found["best"] == pytest.approx(2 / (LOW + HIGH), abs=1e-7)
    assert found["share"] == pytest.approx((HIGH - LOW) / (HIGH + LOW), abs=1e-7)
    assert of("adagrad", lr=0.4)["pairs"] is None  # no momentum


def test_curves_and_the_best_rate_of_momentum():
    found = of("momentum", lr=0.6, momentum=0.25)["spectrum"]
    for mode, curvature in zip(found["modes"], (HIGH, LOW), strict=True):
        expected = [radius(lr, 0.25, curvature) for lr in found["rates"]]
        np.testing.assert_allclose(mode["shares"], expected, atol=1e-7)
    grid = np.linspace(0.01, found["limit"], 4001)
    worst = [max(radius(lr, 0.25, LOW), radius(lr, 0.25, HIGH)) for lr in grid]
    assert found["best"] == pytest.approx(grid[np.argmin(worst)], abs=2 * (grid[1] - grid[0]))
    assert found["share"] <= min(worst) + 1e-7


def test_the_best_pair_is_polyaks():
    pairs = of("momentum", lr=0.3, momentum=0.8)["pairs"]
    roots = math.sqrt(LOW), math.sqrt(HIGH)
    mu = ((roots[1] - roots[0]) / (roots[1] + roots[0])) ** 2
    assert pairs["best"]["momentum"] == pytest.approx(mu, abs=1e-5)
    assert pairs["best"]["lr"] == pytest.approx((2 / sum(roots)) ** 2, abs=1e-5)
    assert pairs["best"]["share"] == pytest.approx(math.sqrt(mu), abs=1e-5)
    assert min(pairs["share"]) >= pairs["best"]["share"] - 1e-6


def test_the_map_over_pairs_is_the_radius_in_each_cell():
    pairs = of("momentum", lr=0.3, momentum=0.8)["pairs"]
    rates, momenta = np.linspace(0, pairs["high"], pairs["columns"]), np.linspace(0, pairs["most"], pairs["rows"])
    expected = [[max(radius(lr, mu, LOW), radius(lr, mu, HIGH)) for lr in rates[::9]] for mu in momenta[::7]]
    shares = np.reshape(pairs["share"], (pairs["rows"], pairs["columns"]))
    np.testing.assert_allclose(shares[::7, ::9], expected, atol=1e-6)


def test_a_path_decays_mode_by_mode():
    decay = of("sgd", lr=0.4)["decay"]
    for mode, curvature in zip(decay, (HIGH, LOW), strict=True):
        np.testing.assert_allclose(mode["shares"], np.abs(1 - 0.4 * curvature) ** np.arange(STEPS + 1), rtol=1e-9)
    assert [mode["label"] for mode in decay] == ["y", "x"]
