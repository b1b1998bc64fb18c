"""Verdicts from paired ratios: who is first, who is clearly behind, and what leaves a verdict as it is."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from steepest.statistics import bootstrap_interval, paired_ratios, verdict

from .run_tables import contest, reports, run, table

INF = math.inf

# --- the verdict ------------------------------------------------------------------------------------------------------


def test_a_clear_winner_names_the_next_and_how_far_behind_it_is():
    runs = contest(slow=[40, 44, 36, 42], slower=[80, 84, 70, 90], fast=[20, 22, 18, 21])
    found, next_one = verdict(runs), paired_ratios(runs).loc["slow"]
    assert (found.first, found.behind) == (("fast",), "slow")
    assert found.ratio == pytest.approx(2.0)
    assert (found.low, found.high) == (next_one["low"], next_one["high"])
    assert math.isnan(found.more_seeds)


def test_what_the_seeds_cannot_tell_apart_is_a_tie():
    found = verdict(contest(a=[20, 30, 40, 25], b=[22, 28, 41, 26]))
    assert (set(found.first), found.behind) == ({"a", "b"}, None)
    assert all(map(math.isnan, (found.ratio, found.low, found.high)))
    assert found.more_seeds >= 1


def test_two_may_tie_before_a_third():
    found = verdict(contest(a=[20, 30, 40, 25, 33], b=[22, 28, 41, 26, 32], c=[90, 120, 160, 110, 131]))
    assert (set(found.first), found.behind) == ({"a", "b"}, "c")


def test_to_tell_the_winner_takes_as_many_seeds_as_the_nearest_needs():
    a = [20.0, 30, 40, 25, 33, 28]
    near, far = [20.2, 30.9, 39.8, 25.2, 33.4, 27.7], [22.0, 45, 38, 28, 34, 40]
    more = paired_ratios(contest(a=a, near=near, far=far), against="a")["more_seeds"]
    assert more["far"] < more["near"]
    assert verdict(contest(a=a, near=near, far=far)).more_seeds == more["near"]
    found = verdict(contest(a=a, same=a, far=far))
    assert (found.more_seeds, found.inseparable) == (more["far"], ("same",))  # nothing would tell a from the same


def test_the_next_is_the_one_with_the_smallest_ratio_whatever_its_median():
    a, b, c = [20, 20, 21, 20, 19], [40, 44, 39, 90, 80], [45, 46, 45, 44, 47]
    assert np.median(b) < np.median(c)
    found = verdict(contest(a=a, b=b, c=c))
    assert (found.first, found.behind) == (("a",), "c")


def test_pairs_of_seeds_tell_apart_what_their_spread_hides():
    """Seeds differ by a factor of 16, b takes a tenth more on each: paired that is clear, unpaired it would not be."""
    a = [10, 20, 40, 80, 160, 25, 35, 55]
    assert stats.ttest_ind(np.log(a), np.log(a) + 0.1).pvalue > 0.5
    found = verdict(contest(b=[1.1 * steps + seed % 2 * 0.1 for seed, steps in enumerate(a)], a=a))
    assert (found.first, found.behind) == (("a",), "b")


def test_where_nobody_arrives_nobody_is_first():
    found = verdict(contest(a=[INF] * 3, b=[10, INF, INF]))
    assert (found.first, found.behind) == ((), None)


def test_a_single_contestant_is_first_alone():
    found = verdict(contest(only=[10, 20, 30]))
    assert (found.first, found.behind) == (("only",), None)


def test_one_who_never_arrives_is_infinitely_behind_where_the_seeds_can_tell():
    few = verdict(contest(a=[10, 20, 30], b=[INF, INF, 5]))
    assert (few.first, few.behind) == (("a", "b"), None)
    found = verdict(contest(a=[10, 12, 11, 13, 9, 12, 14, 10], b=[INF] * 8))
    assert (found.first, found.behind, found.ratio, found.high) == (("a",), "b", INF, INF)
    assert found.low >= 1
    assert found.p <= 0.05


def test_the_verdict_names_all_that_are_slower_the_nearest_first():
    runs = contest(far=[80, 84, 70, 90, 77], near=[40, 44, 36, 42, 39], a=[20, 22, 18, 21, 19], b=[20, 21, 19, 21, 19])
    found, ratios = verdict(runs), paired_ratios(runs)
    assert (set(found.first), found.behind, found.slower) == ({"a", "b"}, "near", ("near", "far"))
    assert (found.ratio, found.p) == (ratios.loc["near", "ratio"], ratios.loc["near", "p"])
    assert verdict(contest(a=[10], b=[1000])).slower == ()


def test_one_that_has_not_run_yet_is_not_behind():
    runs = table(reports("a", [10, 20, 30]), [run("b", "search", 0)])
    assert (verdict(runs).first, verdict(runs).behind) == (("a",), None)
    assert verdict(table([run("a", "search", 0), run("b", "search", 0)])).first == ()


def test_a_leader_in_the_median_that_is_slower_on_most_seeds_has_not_won():
    a, b = [1, 2, 3, 10, 30, 40, 50], [0.8, 1.6, 2.4, 10.5, 24, 32, 40]
    assert np.median(a) < np.median(b)
    runs = contest(a=a, b=b)
    assert paired_ratios(runs).loc["b", "word"] == "faster"
    found = verdict(runs)
    assert (set(found.first), found.behind) == ({"a", "b"}, None)


def test_one_seed_proves_nothing():
    assert set(verdict(contest(a=[10], b=[1000])).first) == {"a", "b"}


def test_equal_on_every_seed_is_a_tie_and_always_twice_as_slow_is_not():
    assert set(verdict(contest(a=[10, 20, 30, 40], b=[10, 20, 30, 40])).first) == {"a", "b"}
    found = verdict(contest(a=[10, 20, 30, 40], b=[20, 40, 60, 80]))
    assert (found.first, found.behind, found.ratio) == (("a",), "b", pytest.approx(2.0))


def test_seconds_can_turn_the_verdict():
    runs = table(reports("a", [10, 11, 12], seconds_a_step=1.0), reports("b", [50, 54, 61], seconds_a_step=0.01))
    assert verdict(runs).first == ("a",)
    assert verdict(runs, "seconds_to_target").first == ("b",)


STEPS = st.lists(st.integers(1, 200), min_size=6, max_size=6)
CONTESTS = st.dictionaries(st.sampled_from("abcde"), STEPS, min_size=2, max_size=5)


def distinct(steps):
    """A table whose contestants differ in final loss, so that equal steps still have an order."""
    return table(*(reports(label, each, final_loss=0.1 * place) for place, (label, each) in enumerate(steps.items())))


def assert_same(found, expected):
    assert (found.first, found.behind) == (expected.first, expected.behind)
    numbers = [(each.ratio, each.low, each.high, each.more_seeds) for each in (found, expected)]
    assert numbers[0] == pytest.approx(numbers[1], rel=1e-9, nan_ok=True)


@settings(max_examples=40)
@given(STEPS, STEPS)
def test_two_contestants_differ_where_the_interval_leaves_out_1(a, b):
    leader, other = sorted((a, b), key=np.median)
    ahead = bootstrap_interval(np.log(other) - np.log(leader))
    assume(np.median(a) != np.median(b) and abs(ahead.p - 0.05) > 1e-6)
    differ = ahead.p < 0.05 and ahead.mean > 0  # a leader in the median that is slower in the mean has won nothing
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
@given(CONTESTS, st.sampled_from([2.0**-20, 0.25, 8.0, 2.0**17]))
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
