"""Statistics of comparisons against independent oracles, and the verdicts that they must lead to."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from steepest.statistics import MISS, best_trials, holm, mean_interval, summarize, verdict

# --- tables -----------------------------------------------------------------------------------------------------------


def run(label, phase, number, **facts):
    """One row of a table of runs; `steps` is steps to the target, inf for a miss."""
    steps, pace = facts.pop("steps", 10.0), facts.pop("seconds_a_step", 0.001)
    row = {
        "label": label, "phase": phase, "trial": number if phase == "search" else None,
        "seed": 0 if phase == "search" else number, "lr": 0.1, "status": "finished", "steps_to_target": float(steps),
        "seconds_to_target": steps * pace, "seconds_a_step": pace, "final_loss": 0.5, "final_metric": 0.9,
    }  # fmt: skip
    assert facts.keys() <= row.keys()
    return row | facts


def trials(label, **columns):
    """The search runs of one contestant, column by column."""
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    return [run(label, "search", number, **row) for number, row in enumerate(rows)]


def reports(label, steps, **facts):
    """A trial and the report runs of one contestant: its steps to the target, seed by seed."""
    return [run(label, "search", 0), *(run(label, "report", seed, steps=n, **facts) for seed, n in enumerate(steps, 1))]


def table(*groups):
    return pd.DataFrame([row for group in groups for row in group])


def contest(**steps):
    """A table of contestants by their steps to the target, seed by seed."""
    return table(*(reports(label, each) for label, each in steps.items()))


# --- the best trial ---------------------------------------------------------------------------------------------------


def best_lr(**columns):
    return best_trials(table(trials("a", **columns))).loc["a", "lr"]


def test_the_first_to_the_target_wins_whatever_its_final_loss():
    assert best_lr(lr=[0.1, 0.2, 0.3], steps=[50, 20, 90], final_loss=[0.1, 0.9, 0.01]) == 0.2


def test_among_those_equally_early_the_lowest_loss_wins():
    assert best_lr(lr=[0.1, 0.2, 0.3], steps=[20, 20, 20], final_loss=[0.3, 0.1, 0.2]) == 0.2


def test_where_none_arrives_the_lowest_loss_wins():
    assert best_lr(lr=[0.1, 0.2, 0.3], steps=[math.inf] * 3, final_loss=[0.3, 0.2, 0.1]) == 0.3


def test_a_complete_tie_goes_to_the_first_trial():
    assert best_lr(lr=[0.2, 0.1], steps=[20, 20], final_loss=[0.1, 0.1]) == 0.2


@pytest.mark.parametrize("status", ["diverged", "became non-finite", "failed"])
def test_a_broken_run_never_wins_over_a_sound_one(status):
    columns = {"steps": [1, math.inf], "final_loss": [0.0, 9.0], "status": [status, "finished"]}
    assert best_lr(lr=[0.1, 0.2], **columns) == 0.2


def test_where_all_trials_are_broken_there_still_is_a_row():
    losses = [math.nan, 3.0, 4.0]
    assert best_lr(lr=[0.1, 0.2, 0.3], steps=[math.inf] * 3, final_loss=losses, status=["diverged"] * 3) == 0.2


def test_the_reports_have_no_say_in_it():
    runs = table(trials("a", lr=[0.1, 0.2], steps=[50, 20]), [run("a", "report", 1, lr=0.3, steps=1)])
    assert best_trials(runs).loc["a", "lr"] == 0.2


def test_each_contestant_has_its_own_winner():
    runs = table(trials("a", lr=[0.1, 0.2], steps=[50, 20]), trials("b", lr=[3.0, 4.0], steps=[10, 99]))
    assert best_trials(runs)["lr"].to_dict() == {"a": 0.2, "b": 3.0}


# --- intervals --------------------------------------------------------------------------------------------------------


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=12), st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_the_interval_is_scipys(values, confidence):
    assume(np.std(values) > 1e-3)
    expected = stats.ttest_1samp(values, 0.0).confidence_interval(confidence)
    scale = max(map(abs, values))
    assert mean_interval(values, confidence) == pytest.approx((expected.low, expected.high), rel=1e-9, abs=1e-9 * scale)


def test_the_interval_covers_the_mean_as_often_as_it_says():
    rng = np.random.default_rng(0)
    intervals = [mean_interval(rng.normal(3.0, 2.0, size=5), 0.9) for _ in range(2000)]
    covered = np.mean([low < 3.0 < high for low, high in intervals])
    assert abs(covered - 0.9) < 4 * math.sqrt(0.9 * 0.1 / 2000)


def test_what_is_no_number_does_not_count():
    assert mean_interval([1.0, math.nan, 2.0, math.inf, 3.0]) == mean_interval([1.0, 2.0, 3.0])


@pytest.mark.parametrize("values", [[], [1.0], [1.0, math.nan]])
def test_less_than_two_numbers_have_no_interval(values):
    assert all(map(math.isnan, mean_interval(values)))


# --- Holm -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("p_values", "expected"),
    [
        ([0.01, 0.04, 0.03, 0.005], [True, False, False, True]),  # 0.005 < .05/4, 0.01 < .05/3, 0.03 > .05/2
        ([0.001, 0.02, 0.024], [True, True, True]),
        ([0.02, 0.02, 0.02], [False, False, False]),  # Bonferroni alone would do as well
        ([0.05], [True]),
        ([], []),
    ],
)
def test_holm_by_hand(p_values, expected):
    assert holm(p_values) == expected


@given(st.lists(st.sampled_from([0.001, 0.004, 0.009, 0.012, 0.016, 0.02, 0.026, 0.04, 0.06, 0.5]), max_size=6))
def test_holm_is_the_closed_test_of_bonferroni(p_values):
    """By definition: a hypothesis falls if every group of hypotheses that it is in falls together by Bonferroni."""
    everyone = range(len(p_values))
    groups = [group for size in everyone for group in itertools.combinations(everyone, size + 1)]
    fallen = {group for group in groups if min(p_values[i] for i in group) <= 0.05 / len(group)}
    expected = [all(group in fallen for group in groups if each in group) for each in everyone]
    assert holm(p_values) == expected


# --- the summary ------------------------------------------------------------------------------------------------------


def test_misses_count_as_infinite_in_the_median():
    summary = summarize(contest(most=[10, 20, math.inf], half=[10, math.inf], few=[10, math.inf, math.inf]))
    assert summary["steps_to_target"].to_dict() == {"most": 20.0, "half": math.inf, "few": math.inf}
    assert summary["reached"].to_dict() == pytest.approx({"most": 2 / 3, "half": 1 / 2, "few": 1 / 3})


def test_the_first_to_the_target_stands_on_top():
    runs = table(
        reports("never", [math.inf] * 3, final_loss=0.1), reports("slow", [30] * 3), reports("worse", [9] * 3),
        reports("better", [9] * 3, final_loss=0.2),
    )  # fmt: skip
    assert list(summarize(runs).index) == ["better", "worse", "slow", "never"]


def test_seconds_may_decide_instead_of_steps():
    runs = table(
        reports("few big steps", [10] * 3, seconds_a_step=1.0), reports("many small", [50] * 3, seconds_a_step=0.01)
    )
    assert list(summarize(runs).index) == ["few big steps", "many small"]
    assert list(summarize(runs, "seconds_to_target").index) == ["many small", "few big steps"]


def test_the_metric_and_its_interval_are_those_of_the_sound_report_runs():
    runs = table(reports("a", [10, 20]), [run("a", "report", 3, final_metric=0.1, status="diverged")])
    runs.loc[runs["seed"] == 2, "final_metric"] = 0.7
    row = summarize(runs).loc["a"]
    assert row["final_metric"] == pytest.approx(0.8)
    assert (row["low"], row["high"]) == pytest.approx(mean_interval([0.9, 0.7]))


def test_broken_is_the_share_of_the_trials_not_of_the_reports():
    status = ["finished", "diverged", "failed", "became non-finite", "reached the target"]
    runs = table(trials("a", status=status), [run("a", "report", 1, status="diverged")])
    assert summarize(runs).loc["a", "broken"] == pytest.approx(3 / 5)


@pytest.mark.parametrize(
    ("lr", "steps", "expected"),
    [([0.1, 0.2, 0.3], [9, 5, 8], False), ([0.1, 0.2, 0.3], [5, 9, 8], True), ([0.3, 0.1, 0.2], [5, 9, 8], True),
     ([0.1, 0.2], [5, 9], False), ([0.1], [5], False)],
)  # fmt: skip
def test_a_winner_at_the_end_of_its_range_is_marked_if_there_is_a_range(lr, steps, expected):
    assert summarize(table(trials("a", lr=lr, steps=steps))).loc["a", "at_edge"] == expected


def test_where_every_trial_broke_no_winner_is_at_an_edge():
    runs = table(trials("a", lr=[0.1, 0.2, 0.3], status=["diverged"] * 3))
    assert not summarize(runs).loc["a", "at_edge"]


def test_a_contestant_without_reports_has_blanks():
    row = summarize(table(trials("a", lr=[0.1]))).loc["a"]
    assert all(math.isnan(row[name]) for name in ("steps_to_target", "seconds_to_target", "reached", "final_metric"))


# --- the verdict ------------------------------------------------------------------------------------------------------


def test_a_clear_winner_names_the_next_and_how_far_behind_it_is():
    found = verdict(contest(slow=[40, 44, 36, 42], slower=[80, 84, 70, 90], fast=[20, 22, 18, 21]))
    assert (found.first, found.behind) == (("fast",), "slow")
    assert found.ratio == pytest.approx(2.0)


def test_what_the_seeds_cannot_tell_apart_is_a_tie():
    found = verdict(contest(a=[20, 30, 40, 25], b=[22, 28, 41, 26]))
    assert (set(found.first), found.behind) == ({"a", "b"}, None)
    assert math.isnan(found.ratio)


def test_two_may_tie_before_a_third():
    found = verdict(contest(a=[20, 30, 40, 25], b=[22, 28, 41, 26], c=[90, 120, 160, 110]))
    assert (set(found.first), found.behind) == ({"a", "b"}, "c")


def test_pairs_of_seeds_tell_apart_what_their_spread_hides():
    """Seeds differ by a factor of 16, b takes a tenth more on each: paired that is clear, unpaired it would not be."""
    a = [10, 20, 40, 80, 160, 25, 35, 55]
    assert stats.ttest_ind(np.log(a), np.log(a) + 0.1).pvalue > 0.5
    found = verdict(contest(b=[1.1 * steps + seed % 2 * 0.1 for seed, steps in enumerate(a)], a=a))
    assert (found.first, found.behind) == (("a",), "b")


def test_where_nobody_arrives_nobody_is_first():
    found = verdict(contest(a=[math.inf] * 3, b=[10, math.inf, math.inf]))
    assert (found.first, found.behind) == ((), None)


def test_a_single_contestant_is_first_alone():
    found = verdict(contest(only=[10, 20, 30]))
    assert (found.first, found.behind) == (("only",), None)


def test_one_who_misses_most_of_the_time_is_infinitely_behind():
    found = verdict(contest(a=[10, 20, 30], b=[math.inf, math.inf, 5]))
    assert (found.first, found.behind, found.ratio) == (("a",), "b", math.inf)


def test_a_single_miss_counts_several_times_the_slowest_success():
    steps = {"a": [10.0, 11.0, 12.0, 9.0, 10.0], "b": [40.0, 40.0, math.inf, 44.0, 36.0]}
    filled = np.array([40.0, 40.0, MISS * 44.0, 44.0, 36.0])
    found = verdict(contest(**steps))
    assert (found.first, found.behind) == (("a",), "b")
    assert found.ratio == pytest.approx(float(np.exp(np.log(filled / steps["a"]).mean())))


def test_a_leader_in_the_median_that_is_slower_on_most_seeds_has_not_won():
    a, b = [1, 2, 3, 10, 30, 40, 50], [0.8, 1.6, 2.4, 10.5, 24, 32, 40]
    assert np.median(a) < np.median(b)
    assert stats.ttest_rel(np.log(b), np.log(a)).pvalue < 0.01
    found = verdict(contest(a=a, b=b))
    assert (set(found.first), found.behind) == ({"a", "b"}, None)


def test_one_seed_proves_nothing():
    assert set(verdict(contest(a=[10], b=[1000])).first) == {"a", "b"}


def test_equal_on_every_seed_is_a_tie_and_always_twice_as_slow_is_not():
    assert set(verdict(contest(a=[10, 20], b=[10, 20])).first) == {"a", "b"}
    found = verdict(contest(a=[10, 20], b=[20, 40]))
    assert (found.first, found.behind, found.ratio) == (("a",), "b", pytest.approx(2.0))


def test_seconds_can_turn_the_verdict():
    runs = table(reports("a", [10, 11, 12], seconds_a_step=1.0), reports("b", [50, 54, 61], seconds_a_step=0.01))
    assert verdict(runs).first == ("a",)
    assert verdict(runs, "seconds_to_target").first == ("b",)


def test_many_contestants_need_more_evidence_than_one():
    """The same two contestants: clear alone, but not as one of many tests, by Holm's correction."""
    a, b = [20, 20, 20, 20, 20], [21, 22, 30, 23, 27]
    assert 0.01 < stats.ttest_rel(np.log(a), np.log(b)).pvalue < 0.05
    others = {f"c{number}": [20, 22, 19, 20.5, 19.7] for number in range(8)}
    assert verdict(contest(a=a, b=b)).first == ("a",)
    assert "b" in verdict(contest(a=a, b=b, **others)).first


STEPS = st.lists(st.integers(1, 200), min_size=6, max_size=6)
CONTESTS = st.dictionaries(st.sampled_from("abcde"), STEPS, min_size=2, max_size=5)


def distinct(steps):
    """A table whose contestants differ in final loss, so that equal steps still have an order."""
    return table(*(reports(label, each, final_loss=0.1 * place) for place, (label, each) in enumerate(steps.items())))


def assert_same(found, expected):
    assert (found.first, found.behind) == (expected.first, expected.behind)
    assert found.ratio == pytest.approx(expected.ratio, rel=1e-9, nan_ok=True)


@given(STEPS, STEPS)
def test_two_contestants_differ_as_scipys_paired_test_says(a, b):
    leader, other = sorted((a, b), key=np.median)
    ahead = np.log(other) - np.log(leader)
    assume(np.median(a) != np.median(b) and np.ptp(ahead) > 1e-6)
    p = stats.ttest_rel(np.log(other), np.log(leader)).pvalue
    assume(abs(p - 0.05) > 1e-9)
    differ = p < 0.05 and ahead.mean() > 0  # a leader in the median that is slower in the mean has won nothing
    name = "a" if leader is a else "b"
    assert set(verdict(contest(a=a, b=b)).first) == ({name} if differ else {"a", "b"})


@settings(max_examples=40)
@given(CONTESTS, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_is_irrelevant(steps, random):
    runs = distinct(steps)
    rows = list(range(len(runs)))
    random.shuffle(rows)
    assert_same(verdict(runs.iloc[rows]), verdict(runs))


@settings(max_examples=40)
@given(CONTESTS, st.sampled_from([2.0**-20, 0.25, 8.0, 2.0**17]))  # powers of 2 round nothing, so ties stay ties
def test_a_faster_machine_changes_no_verdict(steps, factor):
    runs = distinct(steps)
    faster = runs.assign(seconds_to_target=runs["seconds_to_target"] * factor)
    assert_same(verdict(faster, "seconds_to_target"), verdict(runs, "seconds_to_target"))


@settings(max_examples=40)
@given(CONTESTS, st.permutations("abcde"))
def test_names_change_no_verdict(steps, names):
    renamed = dict(zip("abcde", names, strict=True))
    found = verdict(distinct({renamed[label]: each for label, each in steps.items()}))
    expected = verdict(distinct(steps))
    assert found.first == tuple(renamed[label] for label in expected.first)
    assert found.behind == (expected.behind and renamed[expected.behind])


# --- the module -------------------------------------------------------------------------------------------------------


def test_it_needs_nothing_else_of_the_package_and_no_torch(python):
    printed = python(
        "import sys, pandas as pd, steepest.statistics as s;"
        "row = dict(label='a', phase='search', trial=0, seed=0, lr=1.0, status='finished', steps_to_target=5.0,"
        " seconds_to_target=1.0, seconds_a_step=0.2, final_loss=1.0, final_metric=1.0);"
        "s.verdict(pd.DataFrame([row, row | dict(phase='report', seed=1), row | dict(phase='report', seed=2)]));"
        "print([name for name in sorted(sys.modules) if name.split('.')[0] in ('steepest', 'torch', 'sympy')])"
    )
    assert printed.strip() == "['steepest', 'steepest.statistics']"
