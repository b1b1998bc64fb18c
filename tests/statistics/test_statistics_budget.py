"""The best of k trials: equal to going through every way to draw them."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steepest.statistics import budget_curve
from steepest.statistics.budget import longest_budget

from .run_tables import table, trials

INF = math.inf
STEPS = st.lists(st.integers(1, 9).map(float) | st.just(INF), min_size=1, max_size=7)


def searched(steps, label="a", **columns):
    """A table of the trials of one contestant."""
    return table(trials(label, steps=steps, **columns))


def every_draw(values, k):
    """The best of every choice of k values, sorted."""
    return np.sort([min(chosen) for chosen in itertools.combinations(values, k)])


def in_order(bests, share):
    """The smallest value that at least this share of the draws do not exceed."""
    return bests[math.ceil(share * len(bests) - 1e-9) - 1]


@given(STEPS)
def test_it_is_what_every_way_to_draw_the_trials_comes_to(values):
    found = budget_curve(searched(values)).loc["a"]
    for k in range(1, len(values) + 1):
        bests, row = every_draw(values, k), found.loc[k]
        assert row["expected"] == pytest.approx(bests.mean())  # inf as soon as one draw misses
        assert row["reached"] == pytest.approx(np.isfinite(bests).mean())
        assert [row["low"], row["median"], row["high"]] == [in_order(bests, share) for share in (0.25, 0.5, 0.75)]


@given(STEPS, STEPS)
def test_the_default_is_the_first_trial_of_every_draw(defaults, values):
    """Of several searches, the default of one, whichever it is."""
    runs = searched([*defaults, *values]).assign(default=[True] * len(defaults) + [False] * len(values))
    assert longest_budget(runs) == len(values) + 1
    found = budget_curve(runs).loc["a"]
    assert list(found.index) == list(range(1, len(values) + 2))
    assert list(budget_curve(runs, k_max=1).index) == [("a", 1)]
    for k, row in found.iterrows():
        draws = [min(own, *chosen) if chosen else own for own in defaults
                 for chosen in itertools.combinations(values, k - 1)]  # fmt: skip
        bests = np.sort(draws)
        assert row["expected"] == pytest.approx(bests.mean())
        assert row["reached"] == pytest.approx(np.isfinite(bests).mean())
        assert [row["low"], row["median"], row["high"]] == [in_order(bests, share) for share in (0.25, 0.5, 0.75)]


def test_where_nothing_but_the_default_ran_it_is_the_curve():
    found = budget_curve(searched([7, 9]).assign(default=True)).loc["a"]
    assert found[["expected", "low", "high"]].values.tolist() == [[8, 7, 9]]


def test_all_trials_together_find_the_best_and_one_trial_the_middle():
    found = budget_curve(searched([40, 10, 30, 20, 50])).loc["a"]
    assert (found.loc[5, "expected"], found.loc[1, "expected"], found.loc[1, "median"]) == (10, 30, 30)
    assert found["expected"].is_monotonic_decreasing


def test_it_is_unbiased_for_new_trials_as_drawing_with_replacement_is_not():
    """The best of 3 new ones of a known distribution (the smallest of k uniform numbers is 1 / (k + 1) on average)."""
    rng = np.random.default_rng(0)
    samples = rng.random((200, 6))
    without = [budget_curve(searched(each.tolist()), k_max=3).loc[("a", 3), "expected"] for each in samples]
    error = np.std(without) / math.sqrt(len(without))
    assert abs(np.mean(without) - 1 / 4) < 4 * error
    again = np.mean([min(each[list(i)]) for each in samples[:100] for i in itertools.product(range(6), repeat=3)])
    assert again - 1 / 4 > 4 * error


def test_many_trials_are_no_harder_than_few():
    values = np.arange(1.0, 501.0)
    found = budget_curve(searched(values.tolist())).loc["a"]
    assert found["expected"].to_numpy() == pytest.approx(501 / (np.arange(1, 501) + 1))  # known for 1, 2, ..., n


def test_contestants_have_their_own_curves_up_to_their_own_trials():
    runs = table(trials("a", steps=[3, 1, 2]), trials("b", steps=[INF, 5]))
    assert list(budget_curve(runs).index) == [("a", 1), ("a", 2), ("a", 3), ("b", 1), ("b", 2)]
    assert list(budget_curve(runs, k_max=1).index) == [("a", 1), ("b", 1)]
    assert budget_curve(runs).loc[("b", 1), ["expected", "median", "reached"]].tolist() == [INF, 5, 0.5]


def test_a_broken_trial_never_is_the_best():
    found = budget_curve(searched([1, 5], status=["diverged", "finished"])).loc["a"]
    assert found["expected"].tolist() == [INF, 5]


def test_the_final_loss_can_be_what_counts():
    runs = searched([INF, INF, INF], final_loss=[0.3, 0.1, math.nan])
    found = budget_curve(runs, "final_loss").loc["a"]
    assert found.loc[3, ["expected", "reached"]].tolist() == [0.1, 1]
    assert found.loc[1, ["median", "high", "reached"]].tolist() == pytest.approx([0.3, INF, 2 / 3])


def test_a_trial_on_several_seeds_counts_once_with_its_median():
    runs = searched([10, 20, 90, 5, INF, INF], trial=[0, 0, 0, 1, 1, 1])
    assert budget_curve(runs).loc["a", "median"].tolist() == [20, 20]
    assert budget_curve(runs).loc["a", "reached"].tolist() == [0.5, 1]


def test_the_reports_have_no_say_in_it_and_without_trials_there_is_no_curve():
    runs = searched([10, 20])
    reported = pd.concat([runs, runs.assign(phase="report", steps_to_target=1.0)])
    pd.testing.assert_frame_equal(budget_curve(reported), budget_curve(runs))
    assert budget_curve(runs.assign(phase="report")).empty


@pytest.mark.parametrize("k_max", [0, -1, 1.5])
def test_the_budget_is_a_whole_number_from_1(k_max):
    with pytest.raises(ValueError, match=f"k_max: must be a whole number from 1, got {k_max}"):
        budget_curve(searched([1, 2]), k_max=k_max)


def test_what_is_not_measured_cannot_be_what_counts():
    with pytest.raises(ValueError, match="runs: lack the column 'beauty'"):
        budget_curve(searched([1]), "beauty")
