"""Explanations against independent computation: eigenvalues by NumPy of matrices written out here, and closed forms."""

import itertools
import math

import numpy as np
import pytest

from steepest import landscapes, trace
from steepest.findings.catalogue import CATALOGUE
from steepest.findings.outcome import MINIMA
from steepest.rules import RULES

BOWL = "0.1*x**2 + 2*y**2"
CURVATURES = {"x": 0.2, "y": 4.0}


def heavy_ball(lr, momentum, curvature):
    """Position and velocity after a step of x -= lr v, v = momentum v + curvature x."""
    return np.array([[1 - lr * curvature, -lr * momentum], [curvature, momentum]])


def nesterov(lr, momentum, curvature):
    """The same with the step lr (g + momentum v), of the new velocity."""
    v = np.array([curvature, momentum])
    x = np.array([1.0, 0.0]) - lr * (np.array([curvature, 0.0]) + momentum * v)
    return np.array([x, v])


def only(path):
    (finding,) = path.why
    return finding


MATRICES = {"momentum": heavy_ball, "nesterov": nesterov}


@pytest.mark.quick
@pytest.mark.parametrize("rule", MATRICES)
@pytest.mark.parametrize("momentum", [0.3, 0.9])
@pytest.mark.parametrize("lr", [0.01, 0.3, 0.9, 2.0])
def test_pace_and_limit_are_those_of_the_eigenvalues(rule, momentum, lr):
    path = trace(rule, BOWL, start=(-5, -2), lr=lr, momentum=momentum, steps=300)
    modes = {axis: np.linalg.eigvals(MATRICES[rule](lr, momentum, each)) for axis, each in CURVATURES.items()}
    sizes = {axis: np.abs(each).max() for axis, each in modes.items()}
    finding = only(path)
    if max(sizes.values()) < 1:
        assert finding.code == "slowest"
        assert finding.numbers["share"] == pytest.approx(max(sizes.values()), rel=1e-7)
        axis = finding.numbers["direction"]
        assert sizes[axis] == pytest.approx(max(sizes.values()), rel=1e-7)
        assert finding.numbers["curvature"] == pytest.approx(CURVATURES[axis])
        largest = max(modes[axis], key=abs)
        assert finding.numbers["turns"] == (abs(largest.imag) > 0 or largest.real < 0)
    else:
        assert (finding.code, finding.numbers["direction"], finding.numbers["everywhere"]) == ("above_limit", "y", True)
        limit = finding.numbers["limit"]
        inside, beyond = (
            np.abs(np.linalg.eigvals(MATRICES[rule](limit * (1 + off), momentum, 4.0))).max() for off in (-1e-6, 1e-6)
        )
        assert inside < 1 < beyond
        if rule == "momentum":
            assert limit == pytest.approx(2 * (1 + momentum) / 4.0) and finding.numbers["formula"] == "momentum"
        assert abs(finding.numbers["factor"]) == pytest.approx(sizes["y"], rel=1e-7)


def test_gradient_descent_above_its_limit_of_two_over_the_curvature():
    finding = only(trace("sgd", BOWL, lr=0.6, steps=20))
    assert finding.text() == (
        "The learning rate 0.6 is above the stability limit 2/λ = 0.5 along y (curvature λ = 4): "
        "there each step multiplies the error by -1.4."
    )
    assert only(trace("sgd", BOWL, lr=0.5, steps=40)).numbers["exactly"]
    assert only(trace("sgd", BOWL, start=(-5, 1e-9), lr=0.6, steps=5)).numbers["factor"] == pytest.approx(1 - 0.6 * 4)


def test_on_curved_surfaces_the_limit_is_named_with_the_step_at_which_it_is_passed():
    path = trace("sgd", "himmelblau", lr=0.03, steps=50)
    finding = next(each for each in path.why if each.code == "above_limit")
    step = finding.numbers["step"]
    largest = [np.linalg.eigvalsh(path.landscape.hessian(point)).max() for point in path.x]
    assert 0.03 * largest[step] >= 2 and all(0.03 * each < 2 for each in largest[:step])
    assert finding.numbers["limit"] == pytest.approx(2 / largest[step])
    assert not finding.numbers["everywhere"] and finding.text().startswith(f"At step {step}, the learning rate 0.03")


@pytest.mark.parametrize("lr", [0.05, 0.2])
def test_noise_spreads_as_the_stationary_law_says(lr):
    finding = only(trace("sgd", BOWL, lr=lr, noise=0.5, steps=200))
    assert finding.code == "noise_spreads"
    for entry in finding.numbers["spreads"]:
        shrink = 1 - lr * CURVATURES[entry["direction"]]
        assert entry["size"] == pytest.approx(lr * 0.5 / math.sqrt(1 - shrink**2))
    assert only(trace("adam", BOWL, lr=lr, noise=0.5, steps=200)).code == "noise_shakes"


def test_adam_at_its_edge_bears_what_its_scale_leaves_of_the_curvature():
    path = trace("rmsprop", BOWL, start=(-5, -2), lr=0.4, alpha=0.9, steps=100)
    finding = next(each for each in path.why if each.code == "at_edge")
    axis = "xy".index(finding.numbers["axis"])
    scale = math.sqrt(path.state["square_avg"][-1, axis]) + path.rule.eps
    assert finding.numbers["limit"] == pytest.approx(2 * scale / CURVATURES[finding.numbers["axis"]], rel=1e-9)


def test_rates_are_steps_over_gradients():
    path = trace("adam", "rosenbrock", lr=0.05, steps=30)
    finding = next(each for each in path.why if each.code == "own_rates")
    rates = np.abs((path.x[-1] - path.x[-2]) / path.grad[-1])
    np.testing.assert_allclose([entry["rate"] for entry in finding.numbers["rates"]], rates)
    path = trace("adagrad", "parabola", lr=1e-3, steps=200)
    fallen = next(each for each in path.why if each.code == "rate_fell")
    rates = 1e-3 / np.sqrt(np.cumsum(path.grad[:, 0] ** 2))
    assert (fallen.numbers["first"], fallen.numbers["last"]) == pytest.approx((rates[0], rates[-1]))


def test_a_saddle_says_how_far_off_the_ridge_the_path_was():
    on = trace("sgd", "saddle", start=(-0.9, 0.0), lr=0.2)
    assert only(on).code == "on_ridge"
    near = trace("sgd", "x**2 - y**2", start=(3, 1e-8), lr=0.1, steps=60)
    assert near.finding.code in ("stuck_at", "slows_down")
    assert only(near).numbers["distance"] == pytest.approx(abs(near.x[-1, 1]))
    assert only(near).numbers["curvature"] == -2.0
    assert only(trace("rmsprop", "cubic", lr=0.1)).code == "flat_point"


def test_a_local_minimum_names_the_step_that_leapt_over_the_global_one():
    path = trace("sgd", "two_minima", start=1.6, lr=0.15, steps=100)
    leaps = [each for each in path.why if each.code == "leapt_over"]
    (minimum,) = path.landscape.minima[0]
    crossings = np.flatnonzero((path.x[:-1, 0] - minimum) * (path.x[1:, 0] - minimum) < 0)
    assert [each.numbers["step"] for each in leaps] == (
        [int(crossings[0]) + 1] if len(crossings) and path.finding.numbers.get("kind") == "local" else []
    )
    calm = trace("sgd", "two_minima", lr=0.05)
    assert calm.finding.numbers["kind"] == "local" and calm.why[-1].code in ("in_its_valley", "leapt_over")


@pytest.mark.parametrize("rule", [name for name, rule in RULES.items() if rule.least_axes < 2])
def test_every_rule_is_explained_without_a_warning_and_in_both_languages(rule):
    for on, lr in itertools.product(("bowl", "rosenbrock", "tanh", "himmelblau"), (1e-3, 0.1, 3.0)):
        path = trace(rule, on, lr=lr, steps=40)
        assert path.why is path.why and len(path.why) <= 2
        for finding in path.why:
            assert "status" not in CATALOGUE["findings"][finding.code]
            assert finding.text().endswith(".") and finding.text("zh").endswith("。") and "nan" not in finding.text()
        at_local = path.finding.numbers.get("kind") == "local"
        assert at_local == any(each.code in ("leapt_over", "in_its_valley") for each in path.why)


def test_minima_are_variants_of_the_place():
    assert set(MINIMA) < set(CATALOGUE["phrases"]["place"])
    assert landscapes.find("two_minima").local_minima
