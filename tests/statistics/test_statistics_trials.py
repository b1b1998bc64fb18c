"""Trials: who won, how wide the good range is, whether it was wide enough; and which runs can be compared at all."""

import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steepest.statistics import best_trials, edges, equal_fingerprints, wider_range
from steepest.statistics.ranges import side_of
from steepest.statistics.trials import MISS, finalists, range_width, trial_table

from .run_tables import run, table, trials

INF = math.inf

# --- the best trial ---------------------------------------------------------------------------------------------------


def best_lr(**columns):
    return best_trials(table(trials("a", **columns))).loc["a", "lr"]


def test_the_first_to_the_target_wins_whatever_its_final_loss():
    assert best_lr(lr=[0.1, 0.2, 0.3], steps=[50, 20, 90], final_loss=[0.1, 0.9, 0.01]) == 0.2


def test_among_those_equally_early_the_lowest_loss_wins():
    assert best_lr(lr=[0.1, 0.2, 0.3], steps=[20, 20, 20], final_loss=[0.3, 0.1, 0.2]) == 0.2


def test_where_none_arrives_the_lowest_loss_wins():
    assert best_lr(lr=[0.1, 0.2, 0.3], steps=[INF] * 3, final_loss=[0.3, 0.2, 0.1]) == 0.3


def test_a_complete_tie_goes_to_the_first_trial():
    assert best_lr(lr=[0.2, 0.1], steps=[20, 20], final_loss=[0.1, 0.1]) == 0.2


@pytest.mark.parametrize("status", ["diverged", "became non-finite", "failed", "timed out"])
def test_a_broken_run_never_wins_over_a_sound_one(status):
    columns = {"steps": [1, INF], "final_loss": [0.0, 9.0], "status": [status, "finished"]}
    assert best_lr(lr=[0.1, 0.2], **columns) == 0.2


def test_where_all_trials_are_broken_there_still_is_a_row():
    losses = [math.nan, 3.0, 4.0]
    assert best_lr(lr=[0.1, 0.2, 0.3], steps=[INF] * 3, final_loss=losses, status=["diverged"] * 3) == 0.2


def test_the_reports_have_no_say_in_it():
    runs = table(trials("a", lr=[0.1, 0.2], steps=[50, 20]), [run("a", "report", 1, lr=0.3, steps=1)])
    assert best_trials(runs).loc["a", "lr"] == 0.2


def test_each_contestant_has_its_own_winner():
    runs = table(trials("a", lr=[0.1, 0.2], steps=[50, 20]), trials("b", lr=[3.0, 4.0], steps=[10, 99]))
    assert best_trials(runs)["lr"].to_dict() == {"a": 0.2, "b": 3.0}


SEEDS = {"trial": [0, 0, 0, 1, 1, 1], "lr": [0.1] * 3 + [0.2] * 3, "seed": [1000, 1001, 1002] * 2}


def test_with_several_search_seeds_the_mean_decides_not_the_luckiest_run():
    runs = table(trials("a", **SEEDS, steps=[10, 60, 70, 30, 40, 30]))
    best = best_trials(runs).loc["a"]
    assert (best["lr"], best["steps_to_target"], best["broken"], best["runs"]) == (0.2, 30, 0, 3)
    assert best["mean_steps"] == pytest.approx((30 * 40 * 30) ** (1 / 3))


def test_a_miss_on_one_seed_counts_four_times_the_contestants_slowest_success():
    assert MISS == 4
    missed = trial_table(table(trials("a", **SEEDS, steps=[5, INF, INF, 80, 90, INF]))).set_index("trial")
    assert missed.loc[0, "mean_steps"] == pytest.approx((5 * 360 * 360) ** (1 / 3))
    assert missed.loc[1, "mean_steps"] == pytest.approx((80 * 90 * 360) ** (1 / 3))
    assert missed["steps_to_target"].tolist() == [INF, 90]
    assert best_trials(table(trials("a", **SEEDS, steps=[5, INF, INF, 80, 90, INF]))).loc["a", "lr"] == 0.1
    assert best_trials(table(trials("a", **SEEDS, steps=[50, INF, INF, 80, 90, INF]))).loc["a", "lr"] == 0.2
    # the slowest success of another contestant has no say
    others = trials("b", lr=[0.1], steps=[1e9])
    both = trial_table(table(trials("a", **SEEDS, steps=[5, INF, INF, 80, 90, INF]), others))
    assert both[both["label"] == "a"]["mean_steps"].tolist() == missed["mean_steps"].tolist()


def test_where_no_run_arrives_the_mean_of_steps_is_infinite_and_the_loss_decides():
    runs = table(trials("a", **SEEDS, steps=[INF] * 6, final_loss=[0.3, 0.4, 0.5, 0.2, 0.3, 0.9]))
    assert trial_table(runs)["mean_steps"].tolist() == [INF, INF]
    assert best_trials(runs).loc["a", "lr"] == 0.2


def test_among_trials_on_more_seeds_is_the_winner_whatever_one_seed_says():
    """The finalists ran on three seeds, all others on one."""
    rows = trials("a", **SEEDS, steps=[30, 90, 90, 40, 30, 40])
    rows += trials("a", trial=[2], lr=[0.3], seed=[1000], steps=[9])
    best = best_trials(table(rows)).loc["a"]
    assert (best["lr"], best["runs"]) == (0.2, 3)
    broken = [row | {"status": "diverged"} for row in rows[:6]] + rows[6:]
    assert best_trials(table(broken)).loc["a", "lr"] == 0.2  # they were sent on, so all others had broken as well


def test_once_there_are_reports_the_winner_is_among_the_trials_that_they_are_of():
    """Of two searches, the better winner; a trial that would win by its runs, but was not sent on, does not."""
    rows = trials("a", lr=[0.1, 0.2, 0.3], steps=[50, 40, 20])
    reported = [run("a", "report", seed, trial=trial) for seed, trial in ((1, 0), (2, 1), (3, 0))]
    assert best_trials(table(rows, reported)).loc["a", "lr"] == 0.2
    assert best_trials(table(rows, reported[::2])).loc["a", "lr"] == 0.1
    assert best_trials(table(rows)).loc["a", "lr"] == 0.3


def test_finalists_are_the_best_on_the_first_seed():
    rows = trials("a", trial=[4, 6, 8, 10], steps=[50, 20, INF, 30], seed=[1003] * 4, final_loss=[0.1, 0.1, 0.0, 0.1])
    assert finalists(table(rows), 3) == [6, 10, 4]
    assert finalists(table(rows), 9) == [6, 10, 4, 8]
    assert finalists(table(rows), 0) == []
    later = trials("a", trial=[4, 6], steps=[1, 900], seed=[1004] * 2)  # what a former finalist did there is no matter
    assert finalists(table(rows, later), 3) == [6, 10, 4]


def test_broken_trials_are_finalists_only_where_there_are_no_others():
    status = ["diverged", "finished", "failed", "finished"]
    rows = trials("a", steps=[1, INF, 2, 60], status=status, seed=[1000] * 4, final_loss=[9.0, 0.2, 8.0, 0.3])
    assert finalists(table(rows), 2) == [3, 1]
    assert finalists(table(rows), 3) == [3, 1, 0]


def test_a_trial_that_broke_on_fewer_seeds_comes_first():
    columns = {"trial": [0, 0, 1, 1], "lr": [0.1, 0.1, 0.2, 0.2], "seed": [1000, 1001] * 2}
    runs = table(trials("a", **columns, steps=[5, 5, 90, 90], status=["diverged", "finished", "finished", "finished"]))
    assert best_trials(runs).loc["a", "lr"] == 0.2


def test_with_one_seed_a_trial_is_its_run():
    runs = table(trials("a", lr=[0.2, 0.1], steps=[30, 20], status=["finished", "failed"]))
    best = best_trials(runs).loc["a"]
    for name in set(runs.columns) - {"label"}:
        assert best[name] == runs.loc[0, name]


def test_a_missing_column_and_several_workloads_are_told():
    runs = table(trials("a", lr=[0.1]), trials("b", lr=[0.1]))
    with pytest.raises(ValueError, match="runs: lack the column 'status'; there are label, "):
        best_trials(runs.drop(columns="status"))
    with pytest.raises(ValueError, match=r"runs: are of several workloads \(x, y\); give those of one"):
        best_trials(runs.assign(workload=["x", "y"]))


# --- the width of the good range --------------------------------------------------------------------------------------

FINE = np.exp(np.arange(-5.0, 5.0, 0.01))


@pytest.mark.parametrize("curvature", [0.2, 1.0, 5.0])
@pytest.mark.parametrize("within", [0.05, 0.5])
def test_the_width_on_a_parabola_is_the_one_on_paper(curvature, within):
    """The loss is 3 (1 + c (log lr - 0.3)^2): within 5 % where |log lr - 0.3| is at most sqrt(0.05 / c)."""
    loss = 3 * (1 + curvature * (np.log(FINE) - 0.3) ** 2)
    half = math.sqrt(within / curvature)
    chord = 0.01**2 / 8 / half  # a straight line between two trials lies above the parabola
    found = math.log(range_width(pd.Series(FINE), pd.Series(loss), within))
    assert 2 * half - 3 * chord <= found <= 2 * half


def test_between_two_trials_the_loss_is_a_straight_line_in_the_logarithm():
    """1 at 0.01, 1.2 a decade above and 1.5 below: 5 % is a quarter of the way up and a tenth of the way down."""
    width = range_width(pd.Series([0.1, 0.001, 0.01]), pd.Series([1.2, 1.5, 1.0]))
    assert width == pytest.approx(10**0.25 * 10**0.1)


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        ([9.0, 1.0, 9.0, 1.0, 9.0], 10 ** (2 * 0.05 / 8)),  # another dip is not part of it
        ([1.0, 1.04, 1.02, 1.0, 1.0], 1e4),  # to the ends of what was tried, not beyond
        ([math.nan, 1.0, INF, 1.0, 1.0], 1.0),  # next to broken trials nothing is known
        ([INF, 1.0, 1.0, math.nan, 1.0], 10.0),
        ([math.nan] * 5, math.nan),
        ([-1.0, -2.0, -1.95, -1.85, 0.0], 10 ** (0.1 + 1 + 0.5)),  # 5 % of a loss below 0: up to -1.9
    ],
)
def test_the_width_by_hand(loss, expected):
    found = range_width(pd.Series([1e-4, 1e-3, 1e-2, 1e-1, 1.0]), pd.Series(loss))
    assert found == pytest.approx(expected, nan_ok=True)


def test_one_trial_is_a_range_without_width_and_none_has_no_width():
    assert range_width(pd.Series([0.1]), pd.Series([1.0])) == 1
    assert math.isnan(range_width(pd.Series([], dtype=float), pd.Series([], dtype=float)))
    assert math.isnan(range_width(pd.Series([0.0, 0.1]), pd.Series([1.0, 1.0])))


# --- edges ------------------------------------------------------------------------------------------------------------


def with_settings(settings, best=0, **facts):
    """The trials of one contestant with these settings, the best of them first to the target."""
    steps = [10 if place == best else 50 for place in range(len(settings))]
    rows = trials("a", lr=[each.get("lr", 0.1) for each in settings], steps=steps)
    return table(rows).assign(settings=[json.dumps(each) for each in settings], **facts)


@pytest.mark.parametrize(
    ("lr", "expected"), [(1.1e-4, "low"), (2e-4, "low"), (3e-4, None), (0.01, None), (0.3, None), (0.5, "high")]
)
def test_the_outer_tenth_of_a_range_is_its_edge_on_a_log_scale(lr, expected):
    """A tenth of four decades: up to 2.5e-4 and from 0.4."""
    found = edges(with_settings([{"lr": lr}, {"lr": 0.02}]), {"a": {"lr": (1e-4, 1.0)}})
    assert list(found["side"]) == ([expected] if expected else [])
    if expected:
        row = found.iloc[0]
        assert (row["label"], row["name"], row["value"], row["low"], row["high"]) == ("a", "lr", lr, 1e-4, 1.0)
        assert (row["next_low"], row["next_high"]) == wider_range(1e-4, 1.0, expected)


def test_every_hyperparameter_that_was_searched_is_looked_at_on_its_own_scale():
    settings = [{"lr": 0.9, "momentum": 0.53, "shift": 9.5}, {"lr": 0.1, "momentum": 0.7, "shift": 5.0}]
    ranges = {"a": {"lr": (1e-3, 1.0), "momentum": (0.5, 0.99), "shift": (0.0, 10.0)}}
    limits = {"a": {"momentum": (0.0, 1.0), "shift": (-INF, 11.0)}}
    found = edges(with_settings(settings), ranges, limits).set_index("name")
    assert found["side"].to_dict() == {"lr": "high", "momentum": "low", "shift": "high"}
    assert found.loc["momentum", ["next_low", "next_high"]].tolist() == pytest.approx(
        [0.5 * math.sqrt(0.5 / 0.99), 0.99], rel=1e-5
    )
    assert found.loc["shift", ["next_low", "next_high"]].tolist() == [0.0, 10.5]


def test_without_declared_ranges_three_different_values_are_one():
    assert list(edges(with_settings([{"lr": lr} for lr in (0.1, 0.2, 0.4)]))["side"]) == ["low"]
    assert list(edges(with_settings([{"lr": lr} for lr in (0.1, 0.2, 0.4)], best=1))["side"]) == []
    assert list(edges(with_settings([{"lr": lr} for lr in (0.1, 0.2, 0.2)]))["side"]) == []
    assert list(edges(with_settings([{"lr": 0.1}]))["side"]) == []


def test_without_settings_the_learning_rate_was_searched():
    runs = table(trials("a", lr=[0.1, 0.2, 0.4], steps=[9, 9, 1]))
    assert edges(runs)[["name", "side"]].to_numpy().tolist() == [["lr", "high"]]


def test_where_every_trial_broke_there_is_no_winner_at_an_edge():
    runs = with_settings([{"lr": 0.1}, {"lr": 0.2}, {"lr": 0.4}], status="diverged")
    assert edges(runs).empty
    assert list(edges(runs).columns) == ["label", "name", "value", "side", "low", "high", "next_low", "next_high"]


@given(st.floats(1e-6, 1.0), st.floats(1.5, 1e6), st.sampled_from(["low", "high"]))
def test_a_wider_range_holds_the_old_one_and_its_edge_lies_inside(low, factor, edge):
    high = low * factor
    new_low, new_high = wider_range(low, high, edge)
    assert (new_low, new_high) == (pytest.approx(low / math.sqrt(factor), rel=1e-5), high) or edge == "high"
    assert (new_low, new_high) == (low, pytest.approx(high * math.sqrt(factor), rel=1e-5)) or edge == "low"
    assert side_of(low if edge == "low" else high, new_low, new_high) is None


@pytest.mark.parametrize(
    ("ends", "edge", "limits", "expected"),
    [
        ((0.0, 4.0), "low", (-INF, INF), (-2.0, 4.0)),  # not above 0: no log scale
        ((0.0, 4.0), "low", (-1.0, INF), (-0.5, 4.0)),
        ((0.5, 0.9), "high", (0.0, 1.0), (0.5, 0.95)),
        ((0.5, 0.99), "high", (0.0, 1.0), (0.5, 0.995)),
        ((1e-4, 1.0), "low", (0.0, INF), (1e-6, 1.0)),  # far from the limit
        ((1e-4, 1.0), "high", (0.0, 2.0), (1e-4, 1.5)),
    ],
)
def test_a_wider_range_stays_within_its_limits(ends, edge, limits, expected):
    assert wider_range(*ends, edge, limits) == expected


# --- fingerprints -----------------------------------------------------------------------------------------------------


def marked(*rows):
    return pd.DataFrame(rows, columns=["workload", "seed", "label", "fingerprint"])


def test_runs_of_another_fingerprint_than_most_of_their_seed_are_set_aside():
    runs = marked(
        ("x", 1, "a", "0f"), ("x", 1, "b", "0f"), ("x", 1, "c", "77"),
        ("x", 2, "a", "1e"), ("x", 2, "b", "1e"),  # another seed may have another
        ("y", 1, "a", "77"), ("y", 1, "b", "77"),  # and so may another workload
        ("y", 2, "a", "5a"), ("y", 2, "b", "5b"), ("y", 2, "c", "5b"),
    )  # fmt: skip
    stay, aside = equal_fingerprints(runs)
    assert list(stay.index) == [0, 1, 3, 4, 5, 6, 8, 9]
    assert [(each.workload, each.seed, each.labels, each.runs, each.kept) for each in aside] == [
        ("x", 1, ("c",), 1, 2), ("y", 2, ("a",), 1, 2),
    ]  # fmt: skip
    assert str(aside[0]).startswith(
        "x, seed 1: 1 run (c) had other data, initial weights or initial loss than the 2 runs"
    )
    assert "\n" not in str(aside[0])


def test_of_equally_many_the_first_stays():
    stay, aside = equal_fingerprints(marked(("x", 1, "a", "0f"), ("x", 1, "b", "77")))
    assert (list(stay["label"]), aside[0].labels) == (["a"], ("b",))


def test_several_trials_of_one_contestant_are_named_once():
    rows = [("x", 1, "a", "0f")] * 3 + [("x", 1, "b", "77")] * 2
    aside = equal_fingerprints(marked(*rows))[1]
    assert (aside[0].labels, aside[0].runs, aside[0].kept) == (("b",), 2, 3)


def test_where_all_is_well_nothing_is_said_and_nothing_changes():
    runs = marked(("x", 1, "a", "0f"), ("x", 1, "b", "0f"))
    stay, aside = equal_fingerprints(runs)
    pd.testing.assert_frame_equal(stay, runs)
    assert aside == []


def test_what_has_no_fingerprint_stays():
    runs = marked(("x", 1, "a", "0f"), ("x", 1, "b", None), ("x", 1, "c", math.nan))
    assert len(equal_fingerprints(runs)[0]) == 3
    assert equal_fingerprints(runs.drop(columns="fingerprint"))[1] == []


def test_rows_are_told_by_their_place_not_by_their_index():
    runs = marked(("x", 1, "a", "0f"), ("x", 1, "b", "0f"), ("x", 1, "c", "77")).set_index(pd.Index([0, 0, 0]))
    stay, aside = equal_fingerprints(runs.drop(columns="workload"))
    assert list(stay["label"]) == ["a", "b"]
    assert str(aside[0]).startswith("seed 1: 1 run (c)")


@pytest.mark.parametrize(
    ("default", "best", "expected"),
    [
        (1e-6, 0, ["low", 1e-4, 1.0, 1e-9, 1.0]),  # half as wide again beyond the default, on the log scale
        (100.0, 0, ["high", 1e-4, 1.0, 1e-4, 1e5]),
        (0.0, 0, ["low", 1e-4, 1.0, 1e-6, 1.0]),  # on a log scale nothing reaches 0
        (100.0, 1, None),
    ],
)
def test_a_default_outside_of_the_range_that_is_best_asks_for_what_lies_beyond_it(default, best, expected):
    runs = with_settings([{"lr": default}, {"lr": 0.01}, {"lr": 0.02}], best=best)
    found = edges(runs, {"a": {"lr": (1e-4, 1.0)}})
    if expected is None:
        assert found.empty
    else:
        assert found[["side", "low", "high", "next_low", "next_high"]].values.tolist() == [pytest.approx(expected)]
