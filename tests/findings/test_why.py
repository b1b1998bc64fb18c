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
    if max(sizes.values()) < 1 and sizes["x"] == pytest.approx(sizes["y"], rel=1e-9):
        assert finding.code == "alike"  # heavy balls swing as slowly along both
        assert finding.numbers["share"] == pytest.approx(sizes["x"], rel=1e-7)
    elif max(sizes.values()) < 1:
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


def rates_of(path):
    """The rates that a path's explanation tells, one a coordinate."""
    (finding,) = (each for each in path.why if each.code == "own_rates")
    return [entry["rate"] for entry in finding.numbers["rates"]]


def test_a_rate_of_its_own_is_the_learning_rate_over_the_scale():
    path = trace("adam", "ravine", lr=0.4, steps=60)  # as the playground opens
    scale = np.sqrt(path.state["exp_avg_sq"][-1] / (1 - 0.999**60)) + path.rule.eps
    np.testing.assert_allclose(rates_of(path), 0.4 / scale, rtol=1e-9)
    np.testing.assert_allclose(rates_of(path), (1.35, 0.205), rtol=5e-3)
    early = trace("adam", "ravine", lr=0.01, steps=3)  # the averages are corrected for starting at 0
    scale = np.sqrt(early.state["exp_avg_sq"][-1] / (1 - 0.999**3)) + early.rule.eps
    np.testing.assert_allclose(rates_of(early), 0.01 / scale, rtol=1e-9)
    heavy = trace("rmsprop", "ravine", lr=0.01, momentum=0.5, steps=3)
    scale = np.sqrt(heavy.state["square_avg"][-1]) + heavy.rule.eps
    np.testing.assert_allclose(rates_of(heavy), 0.01 * (1 + 0.5 + 0.25) / scale, rtol=1e-9)
    path = trace("adagrad", "parabola", lr=1e-3, steps=200)
    fallen = next(each for each in path.why if each.code == "rate_fell")
    rates = 1e-3 / np.sqrt(np.cumsum(path.grad[:, 0] ** 2))
    assert (fallen.numbers["first"], fallen.numbers["last"]) == pytest.approx((rates[0], rates[-1]))


def test_directions_that_are_alike_are_told_as_one():
    slow = trace("sgd", "x**2 + y**2", lr=0.1, steps=20)
    assert only(slow).text() == "No direction is slower than another: each step leaves 80 % of the distance."
    beyond = trace("sgd", "x**2 + y**2", lr=1.1, steps=20)
    assert "2/λ = 1 in every direction" in only(beyond).text() and "沿每个方向的稳定上限" in only(beyond).text("zh")
    noisy = trace("sgd", "x**2 + y**2", lr=0.1, steps=200, noise=1)
    (spread,) = only(noisy).numbers["spreads"]
    assert spread["tied"] and "0.17 in every direction" in only(noisy).text()
    top = trace("sgd", "-x**2 - y**2", start=(1e-12, 0), lr=0.1, steps=5)
    assert "in every direction" in only(top).text()
    apart = trace("sgd", "x**2 + 2*y**2", lr=0.1, steps=20)
    assert only(apart).code == "slowest" and only(apart).numbers["direction"] == "x"


def test_what_is_exactly_flat_is_said_to_be_flat():
    level = trace("sgd", "max(x, 0)", start=-1, lr=0.1)
    assert str(level.finding).startswith("stuck on level ground at -1: the gradient is exactly 0; no learning rate")
    carried = trace("momentum", "max(x, 0)", start=1, lr=0.1, steps=200)
    assert "level ground" in str(carried.finding) and only(carried).code == "coasts"
    for on, direction in (("y**2 + 0*x", "x"), ("(x - y)**2", pytest.approx((0.5**0.5, 0.5**0.5)))):
        valley = only(trace("sgd", on, lr=0.02, steps=60))
        assert valley.code == "valley" and valley.numbers["direction"] == direction
    assert only(trace("sgd", "x**4 + y**2", lr=0.01, steps=300)).code == "flat_bottom"  # not flat beyond the point
    sloped = trace("sgd", "y**2 + 0.3*x", lr=0.1, steps=60)
    assert only(sloped).code == "askew" and "exactly 0 along x" in only(sloped).text()
    assert "only" in str(trace("sgd", "tanh", lr=0.1).finding)


@pytest.mark.parametrize("case", [
    ("sgd", "bowl", {"noise": 1.0}, "let it decay", ""),
    ("sgd", "bowl", {"noise": 1.0, "schedule": "cosine"}, "dies down", "let it decay"),
    ("sgd", "bowl", {"schedule": "exponential(rate=0.1)"}, "fell too soon", "too small"),
    ("sgd", "rosenbrock", {"lr": 1e-3, "schedule": "exponential(rate=0.1)"}, "decays more slowly", "more steps"),
    ("sgd", "tanh", {}, "adaptive rule", ""),
    ("adam", "tanh", {"lr": 1e-4}, "larger learning rate", "adaptive"),
    ("sgd", "saddle", {"start": (1, 0), "noise": 1e-14, "steps": 60}, "more noise", "a little noise"),
    ("sgd", "max(x, 0)", {"start": -1, "noise": 0.1}, "only the noise", "add noise"),
    ("rmsprop", "parabola", {"lr": 0.4, "alpha": 0.9, "steps": 200}, "lower the learning rate or let it decay", ""),
    ("rmsprop", "parabola", {"lr": 0.4, "alpha": 0.9, "steps": 200, "schedule": "inverse_sqrt(rate=1e-4)"},
     "decay faster", "or let it decay;"),
])  # fmt: skip
def test_no_verdict_advises_what_is_done_already(case):
    rule, on, how, said, unsaid = case
    text = str(trace(rule, on, **{"lr": 0.1, "steps": 100} | how).finding)
    assert said in text and not (unsaid and unsaid in text), text


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
