"""Expected losses of the noisy quadratic: equal to the mean over every order of a few examples, and to real runs."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from steepest import schedules
from steepest.base.errors import InvalidValue
from steepest.rules import RULES, SGD, Momentum, find
from steepest.training import train
from steepest.workloads import find as workload_named
from steepest.workloads.expected import best_learning_rate, expected_losses

SCHEDULES = [None, "cosine"]

LINEAR = {
    "sgd": {"lr": 0.15},
    "sgd(weight_decay=0.3)": {"lr": 0.15},
    "momentum": {"lr": 0.05, "momentum": 0.8},
    "sgd(momentum=0.7, dampening=0.4)": {"lr": 0.1},
    "nesterov": {"lr": 0.05, "momentum": 0.6},
}
"""Rules with a linear step, and settings with which they are stable on the curvatures below."""


def few_examples(rows: int):
    """The workload on so few examples that all their orders can be tried."""
    return replace(workload_named("quadratic(spectrum=(4, 0.5), noise=2)"), rows=rows)


def mean_over_all_orders(problem, rule, size: int, steps: int, factor) -> np.ndarray:
    """Every order of the examples in every epoch, and both signs of the start, by plain arithmetic in float64."""
    examples = np.linspace(-1, 1, problem.rows)
    examples /= examples.std()
    per_epoch = problem.rows // size
    epochs = math.ceil(steps / per_epoch)
    totals, count = np.zeros(steps + 1), 0
    orders = list(itertools.permutations(examples))
    for chosen in itertools.product(orders, repeat=epochs):
        batches = [np.mean(order[i * size : (i + 1) * size]) for order in chosen for i in range(per_epoch)]
        losses = np.zeros(steps + 1)
        for curvature, start in zip(problem.curvatures, problem.start, strict=True):
            for sign in (-1, 1):
                losses += 0.5 * follow(rule, curvature, sign * start, problem.noise, batches, steps, factor) / 2
        totals, count = totals + losses, count + 1
    return totals / count


def follow(rule, curvature, x, noise, batches, steps, factor) -> np.ndarray:
    """Curvature times x^2 of one direction along one run: torch's SGD written out."""
    velocity, squares = 0.0, [curvature * x**2]
    for step in range(steps):
        gradient = curvature * (x - noise / math.sqrt(curvature) * batches[step]) + rule.weight_decay * x
        if rule.momentum:
            dampening = 0.0 if step == 0 else rule.dampening
            velocity = rule.momentum * velocity + (1 - dampening) * gradient
            gradient = gradient + rule.momentum * velocity if rule.nesterov else velocity
        x = x - rule.lr * factor(step, steps) * gradient
        squares.append(curvature * x**2)
    return np.array(squares)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("text", LINEAR)
@pytest.mark.parametrize(("rows", "size", "steps"), [(4, 1, 7), (5, 2, 4), (3, 3, 4)], ids=["one", "rest", "all"])
def test_the_mean_over_every_order_of_the_examples(text, schedule, rows, size, steps):
    problem, rule = few_examples(rows), find(text, **LINEAR[text])
    exact = mean_over_all_orders(problem, rule, size, steps, schedules.find(schedule))
    losses = expected_losses(problem, rule, steps, size, schedule)
    np.testing.assert_allclose(losses, exact, rtol=1e-12)


def test_without_noise_the_loss_is_that_of_plain_descent():
    problem = workload_named("quadratic(condition=50, dims=4, noise=0)")
    curvatures, steps = np.array(problem.curvatures), np.arange(21)
    shares = (1 - 0.12 * curvatures[:, None]) ** (2 * steps) / 4
    np.testing.assert_allclose(expected_losses(problem, "sgd", 20, lr=0.12), shares.sum(axis=0), rtol=1e-12)


def test_batches_of_all_examples_have_no_noise():
    noisy, quiet = "quadratic(noise=5)", "quadratic(noise=0)"
    losses = expected_losses(noisy, "momentum", 30, batch_size=10_000, lr=0.01)
    np.testing.assert_allclose(losses, expected_losses(quiet, "momentum", 30, lr=0.01), rtol=1e-12)


# --- real runs --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "schedule"), [(SGD(lr=0.06), "constant"), (SGD(lr=0.12), "cosine"), (Momentum(lr=0.02), "warmup_cosine")],
    ids=["sgd", "sgd cosine", "momentum warmup_cosine"],
)  # fmt: skip
def test_real_runs_have_these_losses_on_average(rule, schedule):
    """Two and a half epochs of five batches; the mean of so many runs is known to within its standard error."""
    problem, runs, steps, size = workload_named("quadratic(dims=20, noise=30)"), 250, 12, 1000
    curves = [train(problem, rule, seed, steps, size, schedule).curve for seed in range(runs)]
    losses = np.array([[point.loss for point in curve] for curve in curves])
    expected = expected_losses(problem, rule, steps, size, schedule)
    errors = losses.std(axis=0, ddof=1) / math.sqrt(runs)
    np.testing.assert_allclose(losses[:, 0], 1, rtol=1e-5)  # float32
    assert np.all(np.abs(losses.mean(axis=0) - expected)[1:] < 4 * errors[1:])
    assert np.all(errors < 0.04 * expected), "too few runs to tell anything"
    # noise drawn afresh at every step would end elsewhere, by far
    independent = expected_losses(replace(problem, rows=10**9), rule, steps, size, schedule)
    assert abs(independent[5] - expected[5]) > 8 * errors[5]


def test_the_examples_are_what_the_theory_takes_them_for():
    problem = workload_named("quadratic(spectrum=(8, 2, 0.5), noise=3)")
    _, targets, _, held_out = problem.data()
    assert len(targets) == problem.rows
    np.testing.assert_allclose(targets.double().mean(dim=0), 0, atol=1e-6)
    np.testing.assert_allclose(targets.double().var(dim=0, correction=0), [9 / 8, 9 / 2, 18], rtol=1e-6)
    assert torch.equal(held_out, torch.zeros(1, 3))


# --- the best learning rate -------------------------------------------------------------------------------------------


def test_the_best_learning_rate_of_one_step_is_known():
    """The loss h/2 ((1 - h lr)^2 x^2 + lr^2 h s) is least where lr = x^2 / (h x^2 + s), s the variance of a batch."""
    problem = workload_named("quadratic(spectrum=(3,), noise=2)")
    variance = 4 / 10 * (problem.rows - 10) / (problem.rows - 1)
    square = problem.start[0] ** 2
    best = best_learning_rate(problem, "sgd", steps=1)
    assert best == pytest.approx(square / (3 * square + variance), rel=1e-5)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("rule", ["sgd", "momentum"])
def test_no_other_learning_rate_does_better(rule, schedule):
    best = best_learning_rate("quadratic", rule, 100, schedule=schedule)
    others = np.geomspace(1e-4, 1, 2000)
    losses = expected_losses("quadratic", rule, 100, schedule=schedule, lr=others)[:, -1]
    least = expected_losses("quadratic", rule, 100, schedule=schedule, lr=best)[-1]
    assert least <= losses.min()
    assert best == pytest.approx(others[losses.argmin()], rel=0.01)


def test_many_learning_rates_at_once_are_the_same_as_one_by_one():
    rates = np.array([0.01, 0.1, 5.0])
    together = expected_losses("quadratic", "momentum", 60, schedule="cosine", lr=rates)
    for row, lr in zip(together, rates, strict=True):
        np.testing.assert_allclose(row, expected_losses("quadratic", "momentum", 60, schedule="cosine", lr=lr))


def test_what_diverges_out_of_all_bounds_is_infinite():
    losses = expected_losses("quadratic", "sgd", 2000, lr=np.array([0.01, 100.0]))
    assert np.isfinite(losses[0]).all()
    assert losses[1, -1] == math.inf


# --- what it refuses --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(RULES.keys() - {"sgd", "momentum", "nesterov"}))
def test_a_rule_whose_step_is_not_linear_is_refused(name):
    with pytest.raises(InvalidValue, match=f"^{RULES[name].title}.*: has no exact expected losses"):
        expected_losses("quadratic", name, 5)


@pytest.mark.parametrize("given", [{"steps": 0}, {"steps": 2.0}, {"batch_size": 0}, {"batch_size": True}])
def test_a_number_that_counts_nothing_is_refused(given):
    with pytest.raises(InvalidValue, match=f"^{next(iter(given))}: must be a whole number from 1"):
        expected_losses("quadratic", "sgd", **given)


def test_another_workload_is_refused():
    with pytest.raises(InvalidValue, match="digits: has no exact expected losses; the quadratic workload has them"):
        expected_losses("digits", "sgd")
