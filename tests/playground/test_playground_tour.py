"""The tour's sentences are true: every number and every claim in them, of the paths that the page shows."""

import numpy as np
import pytest

import steepest
from steepest import datasets, landscapes
from steepest.landscapes import LANDSCAPES
from steepest.playground.tour import AIRFOIL, TOUR

from ..web.web_node import ask, call

STATIONS = {each.id: each for each in TOUR}
STATIONARY = 20_000
"""Steps from which the spread about a minimum is measured."""


def paths(name, noise=None, steps=None, **how):
    """The paths of a station by `steepest.trace`, one a rule."""
    state = STATIONS[name].state
    on = state["landscape"] if isinstance(state["landscape"], str) else state["landscape"]["formula"]
    schedule = dict(state.get("schedule") or {"id": "constant"})
    spec = f"{schedule.pop('id')}({', '.join(f'{key}={value}' for key, value in schedule.items())})"
    shared = {"start": state.get("start"), "seed": state.get("seed", 0), "schedule": spec} | how
    noise = state.get("noise", 0.0) if noise is None else noise
    found = []
    for rule in state["rules"]:
        settings = {key: tuple(value) if isinstance(value, list) else value for key, value in rule["settings"].items()}
        found.append(steepest.trace(rule["id"], on, steps=steps or state["steps"], noise=noise, **shared, **settings))
    return found


def ends(name, **how):
    return [path.x[-1] for path in paths(name, **how)]


def near(value, expected, digits):
    """As far as the sentence gives it."""
    return np.allclose(value, expected, rtol=0, atol=0.5 * 10.0**-digits)


def local_minimum():
    (end,), (other,) = ends("local-minimum"), ends("local-minimum", start=0.35)
    values = [landscapes.find("two_minima")(*point) for point in (end, other)]
    assert near(end, -0.274, 3) and near(other, 1.09, 2) and near(values[0] - values[1], 0.868, 3)


def noise_escapes():
    (path,) = paths("noise-escapes")
    assert abs(path.x[-1, 0] - 1.09) < 0.05 and path.x[0, 0] < -0.27
    assert any(abs(ends("noise-escapes", seed=seed)[0][0] - 1.09) > 0.5 for seed in range(5))


def saddle():
    (path,) = paths("saddle")
    np.testing.assert_allclose(path.x[1:, 1] / path.x[:-1, 1], 1.2)
    assert abs(path.x[-1, 0]) < 0.01 and path.x[-1, 1] > 1


def inflection():
    assert near(ends("inflection"), 0.05, 2)


def vanishing():
    slow, fast = paths("vanishing")
    assert near(landscapes.find("tanh").gradient([4.0]), 0.0013, 4) and near(4 - slow.x[-1, 0], 0.014, 3)
    assert near(fast.x[0] - fast.x[1], 0.1, 3) and fast.x[-1, 0] < -2


def descent():
    assert near(ends("descent"), 0.06, 2) and near(ends("descent"), 10 * 0.6**10, 12)


def learning_rate():
    small, right, large = paths("learning-rate")
    assert near(small.x[-1], 3.49, 2) and abs(right.x[-1, 0]) < 0.1 and "diverged" in str(large.outcome)
    np.testing.assert_allclose(large.x[1:] / large.x[:-1], -1.2)
    assert steepest.stability_limit("sgd", 2.0) == 1


def leap():
    (path,) = paths("leap")
    assert near(path.x[-1], -1.528166, 6) and path.x[1, 0] < 7.27 < path.x[0, 0]
    assert near(landscapes.find("wavy").minima, 7.27, 2)


def two_variables():
    (path,) = paths("two-variables")
    assert near(path.x[-1], (-0.057646, -0.000073), 6)
    steps, gradients = np.diff(path.x, axis=0), path.grad
    np.testing.assert_allclose(steps[:, 0] * gradients[:, 1], steps[:, 1] * gradients[:, 0], atol=1e-12)


def stochastic():
    (path,) = paths("stochastic", steps=STATIONARY)
    exact = [(0.1 / (curvature * (2 - 0.1 * curvature))) ** 0.5 for curvature in (2, 4)]
    assert near(exact, (0.167, 0.125), 3) and near(path.x[100:].mean(axis=0), 0, 1)
    np.testing.assert_allclose(path.x[100:].std(axis=0), exact, rtol=0.04)


def exponential():
    (path,) = paths("exponential", noise=0.0)
    assert near(path.x[-1, 0], -0.54, 2) and near(path.lr.sum(), 1.05, 2) and path.lr[0] == 0.1


def inverse_root():
    (end,), (path,) = ends("inverse-root", noise=0.0), paths("inverse-root")
    assert np.abs(end).max() < 0.001 and near(path.lr[30], 0.05, 12)
    assert np.linalg.norm(path.x[-20:], axis=1).mean() < np.linalg.norm(path.x[20:40], axis=1).mean()


def full_batch():
    wild, calm = paths("full-batch")
    assert "diverged" in str(wild.outcome) and "converged" in str(calm.outcome)
    assert near(np.diag(landscapes.formula(AIRFOIL).hessian([0.0, 0.0])), (2.0985, 0.1737), 4)
    assert near(steepest.stability_limit("sgd", 2.0985), 0.953, 3)


def mini_batch():
    spreads = [paths("mini-batch", noise=noise, steps=STATIONARY)[0].x[500:].std(axis=0) for noise in (1.0, 0.1)]
    np.testing.assert_allclose(spreads[0] / spreads[1], 10, rtol=0.05)  # a batch of 100 instead of 1


def momentum():
    plain, heavy = paths("momentum")
    assert near(np.log(0.5) / np.log(0.9), 6.6, 1)
    assert plain.rule.lr == heavy.rule.lr == 0.4 and heavy.rule.momentum == 0.5
    assert near([plain.x[-1, 0], heavy.x[-1, 0]], (-0.94, -0.06), 2)
    assert (np.abs(heavy.x[2:, 0]) < np.abs(plain.x[2:, 0])).all()


def ill_conditioned():
    slow, wild, mended = paths("ill-conditioned")
    assert abs(slow.x[-1, 0]) > 0.9 and "diverged" in str(wild.outcome)
    assert near(mended.x[-1], (-0.126340, -0.186632), 6)
    assert [steepest.stability_limit(rule, 4.0) for rule in ("sgd", "sgd(momentum=0.25)")] == [0.5, 0.625]


def sparse():
    plain, own = ends("sparse")
    assert near(plain[1], -2.47, 2) and abs(plain[0]) < 1e-9
    np.testing.assert_allclose(own[0], own[1], rtol=1e-6)


def adagrad():
    (slow, fast), outside = ends("adagrad"), steepest.trace("adagrad", "ravine", lr=0.4, eps=1e-6, steps=20).x[-1]
    assert near(slow[0], -2.38, 2) and np.abs(fast).max() < 0.01
    assert (slow != outside).all()


def rmsprop():
    quick, slow = ends("rmsprop")
    assert np.abs(quick).max() < 0.05 < 2 < np.abs(slow).max()


def rmsprop_cycle():
    (path,) = paths("rmsprop-cycle")
    assert near(np.abs(path.x[-10:]), 0.2, 1) and (path.x[-10:-1] * path.x[-9:] < 0).all()


def adam():
    one, other = paths("adam")
    assert near(np.abs(one.x[1] - one.x[0]), 0.4, 5) and np.abs(one.x[-1] - other.x[-1]).max() > 0.01


CLAIMS = (
    local_minimum, noise_escapes, saddle, inflection, vanishing, descent, learning_rate, leap, two_variables,
    stochastic, exponential, inverse_root, full_batch, mini_batch, momentum, ill_conditioned, sparse, adagrad, rmsprop,
    rmsprop_cycle, adam,
)  # fmt: skip


@pytest.mark.parametrize("name", STATIONS)
def test_a_station_says_what_is_true(name):
    (claim,) = (each for each in CLAIMS if each.__name__ == name.replace("-", "_"))
    claim()


def test_the_tour_has_the_letters_of_the_page():
    """A setting that a sentence names by a letter is labelled with that letter in a rule of its state."""
    facts = call("rules")
    for station in TOUR:
        labels = "".join(setting["symbol"] for rule in station.rules for setting in facts[rule[0]]["settings"])
        for letter in "αγρ":
            assert (letter in station.sentence.en) <= (letter in labels), (station.id, letter)
            assert (letter in station.sentence.en) == (letter in station.sentence.zh)


def test_the_tour_visits_every_row_of_the_lecture_in_order():
    rows = [each.row for each in TOUR]
    assert rows == sorted(rows) and set(rows) == set(range(2, 17)) and len(STATIONS) == len(TOUR)
    assert [(each["id"], each["sentence"]["zh"]) for each in call("tour")] == [
        (each.id, each.sentence.zh) for each in TOUR
    ]


def test_the_airfoil_data_have_these_curvatures(airfoil):
    table = datasets.load("airfoil")
    features = ((table - table.mean(axis=0)) / table.std(axis=0))[:1500, :-1]
    features = np.column_stack([features, np.ones(1500)])  # of the bias
    curvatures = np.linalg.eigvalsh(features.T @ features / 1500)
    assert near(curvatures[[-1, 0]], (2.0985, 0.1737), 4)


def test_states_to_begin_with_do_not_diverge():
    states = ask("calls", [["defaultState", name] for name in LANDSCAPES])
    specs = [state | {"rule": each["id"], "settings": each["settings"], "told": True}
             for state in states for each in state["rules"]]  # fmt: skip
    told = ask("paths", specs)
    lost = [spec["landscape"] for spec, end in zip(specs, told, strict=True) if end["status"] == "diverged"]
    assert set(lost) <= {"saddle", "monkey_saddle", "cubic", "mccormick", "tanh"}  # which have no bottom
