"""The summary of a comparison against independent oracles, and what the package of statistics needs."""

import json
import math

import numpy as np
import pandas as pd
import pytest

from steepest.statistics import mean_interval, summarize
from steepest.statistics.trials import range_width

from .run_tables import contest, reports, run, table, trials

pytestmark = pytest.mark.quick

INF = math.inf

# --- report seeds -----------------------------------------------------------------------------------------------------


def test_misses_count_as_infinite_in_the_median():
    summary = summarize(contest(most=[10, 20, INF], half=[10, INF], few=[10, INF, INF]))
    assert summary["steps_to_target"].to_dict() == {"most": 20.0, "half": INF, "few": INF}
    assert summary["reached"].to_dict() == pytest.approx({"most": 2 / 3, "half": 1 / 2, "few": 1 / 3})


def test_the_first_to_the_target_stands_on_top():
    runs = table(
        reports("never", [INF] * 3, final_loss=0.1), reports("slow", [30] * 3), reports("worse", [9] * 3),
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
    runs = table(reports("a", [10, 20]), [run("a", "report", 3, final_metric=0.1, best_metric=0.2, status="diverged")])
    runs.loc[runs["seed"] == 2, ["final_metric", "best_metric"]] = 0.7, 0.75
    row = summarize(runs).loc["a"]
    assert row[["final_metric", "best_metric"]].tolist() == pytest.approx([0.8, 0.85])
    assert (row["low"], row["high"]) == pytest.approx(mean_interval([0.9, 0.7]))


def test_final_and_best_loss_are_means_over_the_report_runs():
    runs = table([run("a", "search", 0, final_loss=9.0, best_loss=9.0)], reports("a", [10, 20])[1:])
    runs.loc[runs["seed"] == 2, ["final_loss", "best_loss"]] = 0.7, 0.2
    assert summarize(runs).loc["a", ["final_loss", "best_loss"]].tolist() == pytest.approx([0.6, 0.3])


def test_a_contestant_without_reports_has_blanks_and_comes_last():
    summary = summarize(table(trials("a", lr=[0.1]), reports("b", [INF, INF])))
    assert list(summary.index) == ["b", "a"]
    blank = ("steps_to_target", "seconds_to_target", "reached", "final_metric", "best_metric", "optimism")
    assert all(math.isnan(summary.loc["a", name]) for name in blank)


def test_a_contestant_without_trials_has_its_reports():
    row = summarize(table([run("a", "report", seed, steps=10, lr=0.3) for seed in (1, 2)])).loc["a"]
    assert (row["steps_to_target"], row["lr"], row["at_edge"], row["edge"]) == (10, 0.3, False, None)
    assert all(math.isnan(row[name]) for name in ("broken", "range_width", "optimism"))


def test_columns_that_are_not_known_are_blank_and_those_needed_are_named():
    runs = contest(a=[10, 20])
    blank = summarize(runs.drop(columns=["best_metric", "best_loss"])).loc["a", ["best_metric", "best_loss"]]
    assert blank.isna().all()
    with pytest.raises(ValueError, match="runs: lack the column 'final_metric'"):
        summarize(runs.drop(columns="final_metric"))


def test_no_runs_make_an_empty_table():
    runs = contest(a=[10])
    assert list(summarize(runs.iloc[:0]).columns) == list(summarize(runs).columns)
    assert len(summarize(runs.iloc[:0])) == 0


# --- the search -------------------------------------------------------------------------------------------------------


def test_broken_is_the_share_of_the_trials_not_of_the_reports():
    status = ["finished", "diverged", "failed", "became non-finite", "reached the target", "timed out"]
    runs = table(trials("a", status=status), [run("a", "report", 1, status="diverged")])
    assert summarize(runs).loc["a", "broken"] == pytest.approx(4 / 6)


@pytest.mark.parametrize(
    ("lr", "steps", "expected"),
    [([0.1, 0.2, 0.3], [9, 5, 8], False), ([0.1, 0.2, 0.3], [5, 9, 8], True), ([0.3, 0.1, 0.2], [5, 9, 8], True),
     ([0.1, 0.2], [5, 9], False), ([0.1], [5], False)],
)  # fmt: skip
def test_a_winner_at_the_end_of_its_range_is_marked_if_there_is_a_range(lr, steps, expected):
    assert summarize(table(trials("a", lr=lr, steps=steps))).loc["a", "at_edge"] == expected


def test_where_every_trial_broke_no_winner_is_at_an_edge():
    row = summarize(table(trials("a", lr=[0.1, 0.2, 0.3], status=["diverged"] * 3))).loc["a"]
    assert (row["at_edge"], row["edge"]) == (False, None)


def test_the_edge_is_that_of_the_searched_range():
    runs = table(trials("a", lr=[0.011, 0.02, 0.03], steps=[1, 5, 5]), trials("b", lr=[0.1, 0.2, 0.3], steps=[5, 1, 5]))
    found = summarize(runs, ranges={"a": {"lr": (0.01, 1.0)}, "b": {"lr": (1e-4, 0.21)}})
    assert found["edge"].to_dict() == {"a": "low", "b": "high"}
    assert found["at_edge"].to_dict() == {"a": True, "b": False}
    found = summarize(runs, ranges={"a": {"lr": (0.01, 1.0)}})  # b: in the middle of what was tried
    assert found["edge"].to_dict() == {"a": "low", "b": None}


def test_the_width_of_the_good_range_is_that_of_the_sound_trials_final_losses():
    lr, loss = [0.1, 0.001, 0.01, 1.0], [1.2, 1.5, 1.0, 0.5]
    runs = table(trials("a", lr=lr, final_loss=loss, status=["finished"] * 3 + ["diverged"]))
    assert summarize(runs).loc["a", "range_width"] == pytest.approx(range_width(pd.Series(lr[:3]), pd.Series(loss[:3])))


@pytest.mark.parametrize(("momenta", "known"), [([0.9, 0.9, 0.9], True), ([0.5, 0.9, 0.7], False)])
def test_with_something_else_searched_too_the_width_is_not_known(momenta, known):
    lr = [0.1, 0.2, 0.3]
    settings = [json.dumps({"lr": each, "momentum": momentum}) for each, momentum in zip(lr, momenta, strict=True)]
    runs = table(trials("a", lr=lr)).assign(settings=settings)
    assert np.isfinite(summarize(runs).loc["a", "range_width"]) == known


# --- search against reports -------------------------------------------------------------------------------------------


def test_the_optimism_is_what_the_search_promised_minus_what_fresh_seeds_gave():
    runs = table(trials("a", lr=[0.1, 0.2], steps=[50, 20]), reports("a", [26, 24, 31])[1:])
    assert summarize(runs).loc["a", "optimism"] == 20 - 26
    assert summarize(runs, "seconds_to_target").loc["a", "optimism"] == pytest.approx((20 - 26) * 0.001)


def test_with_several_search_seeds_the_optimism_is_that_of_the_winners_median():
    search = trials("a", trial=[0, 0, 0, 1, 1, 1], lr=[0.1] * 3 + [0.2] * 3, steps=[50, 60, 70, 10, 20, 90])
    assert summarize(table(search, reports("a", [30])[1:])).loc["a", "optimism"] == 20 - 30


@pytest.mark.parametrize(("steps", "reported", "expected"), [(20, INF, -INF), (INF, 20, INF), (INF, INF, math.nan)])
def test_a_miss_on_either_side_makes_the_optimism_infinite(steps, reported, expected):
    runs = table(trials("a", steps=[steps]), reports("a", [reported])[1:])
    assert summarize(runs).loc["a", "optimism"] == pytest.approx(expected, nan_ok=True)


# --- the module -------------------------------------------------------------------------------------------------------


def test_it_needs_nothing_else_of_the_package_and_no_torch(python):
    printed = python(
        "import sys, pandas as pd, steepest;"
        "before = {*sys.modules};"
        "import steepest.statistics as s;"
        "row = dict(label='a', phase='search', trial=0, seed=0, lr=1.0, status='finished', steps_to_target=5.0,"
        " seconds_to_target=1.0, seconds_a_step=0.2, final_loss=1.0, final_metric=1.0);"
        "runs = pd.DataFrame([row, row | dict(phase='report', seed=1), row | dict(phase='report', seed=2)]);"
        "s.verdict(runs), s.summarize(runs), s.budget_curve(runs);"
        "names = [name for name in {*sys.modules} - before if name.split('.')[0] in ('steepest', 'torch', 'sympy')];"
        "print(sorted(name for name in names if not name.startswith('steepest.statistics.')))"
    )
    assert printed.strip() == "['steepest.statistics']"


def test_it_is_there_with_the_package(python):
    printed = python(
        "import sys, steepest; print('steepest.statistics' in sys.modules);"
        "print(steepest.statistics.performance_profiles.__name__, 'torch' in sys.modules)"
    )
    assert printed.split() == ["False", "performance_profiles", "False"]
