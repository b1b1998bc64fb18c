"""The protocol tried on the noisy quadratic, where the right answer is known: the best learning rate, ties, winners.

Made-up studies follow the quadratic's recursion in NumPy, many runs at once, and give the statistics what a real study
would: steps to the target on its grid of measurements.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import steepest
from steepest.statistics import paired_ratios, verdict
from steepest.statistics.intervals import Interval, bootstrap_interval
from steepest.workloads import find
from steepest.workloads.expected import best_learning_rate, expected_losses

PROBLEM = find("quadratic(condition=10)")
STEPS, BATCH, EVERY = 300, 10, 6
STUDIES = 200


# --- a real study -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_a_real_study_finds_the_best_learning_rate_as_closely_as_its_trials_lie(schedule):
    """No run reaches the target, so the final loss decides. No other trial has an expected loss that is much lower."""
    workload, steps, rules = "quadratic(condition=30, dims=20, noise=0.3)", 80, ["sgd", "momentum"]
    study = steepest.compare(
        workload, rules, trials=16, seeds=2, searches=1, search_seeds=3, steps=steps, target=0.0, schedule=schedule,
        jobs=1,
    )  # fmt: skip
    assert np.isinf(study.runs["steps_to_target"]).all()
    for rule, label in zip(rules, ["SGD", "Momentum"], strict=True):
        search = study.runs[(study.runs["label"] == label) & (study.runs["phase"] == "search")]
        trials = np.sort(search["lr"].unique())
        chosen = study.table.loc[label, "lr"]
        exact = best_learning_rate(workload, rule, steps, schedule=schedule)
        place = int(np.searchsorted(trials, chosen))
        assert trials[place - 1] < exact < trials[place + 1]
        expected = expected_losses(workload, rule, steps, schedule=schedule, lr=trials)[:, -1]
        assert expected[place] < 1.1 * expected.min()


def test_a_real_study_calls_the_same_optimizer_twice_a_tie():
    study = steepest.compare("quadratic", ["sgd", "sgd(momentum=0.0)"], trials=8, seeds=5, steps=200, jobs=1)
    assert set(study.verdict.first) == {"SGD", "SGD momentum=0.0"}
    assert study.verdict.behind is None


# --- made-up studies --------------------------------------------------------------------------------------------------


def runs_of_sgd(lr, seeds: int, rng: np.random.Generator) -> np.ndarray:
    """Losses `(studies, seeds, measurements)` of descent on the quadratic, each run with noise of its own."""
    curvatures = np.array(PROBLEM.curvatures)
    x = np.broadcast_to(PROBLEM.start, (STUDIES, seeds, len(curvatures))).copy()
    spread = PROBLEM.noise / np.sqrt(curvatures * BATCH)
    losses = []
    for step in range(1, STEPS + 1):
        x -= lr * curvatures * (x - spread * rng.standard_normal(x.shape))
        if step % EVERY == 0:
            losses.append(0.5 * (curvatures * x**2).sum(axis=-1))
    return np.stack(losses, axis=-1)


def steps_to_target(losses: np.ndarray) -> np.ndarray:
    reached = losses <= PROBLEM.target
    return np.where(reached.any(axis=-1), (reached.argmax(axis=-1) + 1.0) * EVERY, np.inf)


def tables(**steps: np.ndarray):
    """A table of report runs for every tenth study, of the contestants' steps `(studies, seeds)`."""
    for study in range(0, STUDIES, 10):
        own = {label: each[study] for label, each in steps.items()}
        frames = [pd.DataFrame({"label": label, "seed": range(len(each)), "steps_to_target": each})
                  for label, each in own.items()]  # fmt: skip
        yield pd.concat(frames).assign(phase="report", final_loss=0.1)


def log_ratios(first: np.ndarray, second: np.ndarray) -> list[Interval]:
    """Mean logarithm of how many times as many steps the second takes, with its interval: one for each study.

    This is what `paired_ratios` does where all runs reach the target, without the tables, which take ten times as long.
    """
    assert np.isfinite(first).all() and np.isfinite(second).all()
    return [bootstrap_interval(values) for values in np.log(second / first)]


def expected_steps(lr: float) -> float:
    """Where the expected loss crosses the target, between two steps by the logarithm of the loss."""
    logs = np.log(expected_losses(replace(PROBLEM, rows=10**9), "sgd", STEPS, BATCH, lr=lr) / PROBLEM.target)
    after = int(np.argmax(logs <= 0))
    return after - 1 + logs[after - 1] / (logs[after - 1] - logs[after])


def test_made_up_runs_have_the_expected_losses():
    losses = runs_of_sgd(0.01, seeds=10, rng=np.random.default_rng(0))
    exact = expected_losses(replace(PROBLEM, rows=10**9), "sgd", STEPS, BATCH, lr=0.01)[EVERY::EVERY]
    errors = losses.std(axis=(0, 1)) / np.sqrt(STUDIES * 10)
    assert np.all(np.abs(losses.mean(axis=(0, 1)) - exact) < 4 * errors)
    assert np.all(errors < 0.02 * exact)


@pytest.mark.parametrize("lr", [0.006, 0.01, 0.02])
def test_two_equal_optimizers_are_a_tie_in_95_of_100_studies(lr):
    """With 10 seeds. In 3,000 such studies ties were 96.2, 96.4 and 96.1 % (one standard error is 0.35 %)."""
    rng = np.random.default_rng(0)
    first, second = (steps_to_target(runs_of_sgd(lr, 10, rng)) for _ in range(2))
    swapped = np.median(second, axis=1) < np.median(first, axis=1)
    leader, other = np.where(swapped[:, None], (second, first), (first, second))
    is_tie = [interval.p > 0.05 or interval.mean < 0 for interval in log_ratios(leader, other)]
    assert np.mean(is_tie) >= 0.95
    verdicts = [verdict(table) for table in tables(first=first, second=second)]
    assert [len(each.first) == 2 for each in verdicts] == is_tie[::10]


@pytest.mark.parametrize(("seeds", "power"), [(10, 0.7), (20, 0.95)])
def test_an_optimizer_that_is_a_tenth_faster_is_found(seeds, power):
    """One optimizer's steps differ by 7 % from seed to seed. Found: 79 % of the studies with 10 seeds, 98 % with 20."""
    rng = np.random.default_rng(0)
    slow, fast = 0.006, 0.00664
    assert expected_steps(slow) / expected_steps(fast) == pytest.approx(1.1, abs=0.002)
    slow, fast = (steps_to_target(runs_of_sgd(lr, seeds, rng)) for lr in (slow, fast))
    intervals = log_ratios(fast, slow)
    told = [interval.p <= 0.05 and interval.mean > 0 for interval in intervals]
    assert sum(told) >= power * STUDIES
    assert not any(interval.p <= 0.05 and interval.mean < 0 for interval in intervals)
    truth = (np.log(slow) - np.log(fast)).mean()
    assert np.mean([interval.low <= truth <= interval.high for interval in intervals]) >= 0.93
    for table, is_told, interval in zip(tables(slow=slow, fast=fast), told[::10], intervals[::10], strict=True):
        assert (verdict(table).first == ("fast",)) == is_told
        row = paired_ratios(table, against="fast").loc["slow"]
        assert [row["low"], row["high"], row["p"]] == pytest.approx(
            [np.exp(interval.low), np.exp(interval.high), interval.p]
        )


def test_the_table_prints_all_of_its_columns(comparison):
    assert all(column in str(comparison.table) for column in comparison.table.columns)
    assert "..." not in str(comparison.table)
