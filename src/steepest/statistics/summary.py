"""The table of results: one row a contestant, with the winning trial of its search and the means of its report runs."""

import math

import numpy as np
import pandas as pd

from .intervals import mean_interval
from .ranges import Ranges, edges, settings_of
from .tables import Measure, check_runs, is_broken, ranking
from .trials import best_trials, range_width, trial_table

__all__ = ["summarize"]

COLUMNS = [
    "label", "lr", "steps_to_target", "seconds_to_target", "reached", "seconds_a_step", "final_metric", "low", "high",
    "best_metric", "final_loss", "best_loss", "optimism", "broken", "range_width", "at_edge", "edge",
]  # fmt: skip


def summarize(runs: pd.DataFrame, by: Measure = "steps_to_target", ranges: Ranges | None = None) -> pd.DataFrame:
    """The table of results: one row a contestant, the first to the target on top.

    Args:
        runs: a table of runs.
        by: the measure that decides the order, steps or seconds.
        ranges: the searched ranges, by label and name of the hyperparameter. Default: see `edges`.

    Returns:
        A table indexed by `label`. Of the winning trial and the search: `lr`; `broken` (share of the search runs that
        went wrong); `range_width` (factor between the ends of the learning rates within 5 % of its own best final loss;
        NaN where another hyperparameter was searched too, since neighbours then differ in more than the learning rate);
        `at_edge` (the winner is the smallest or largest learning rate tried, so a wider range may do better); `edge`
        ("low", "high" or None: it lies in the outer tenth of the range).

        Of the report seeds: `steps_to_target` and `seconds_to_target` (medians, misses infinite), `reached` (share of
        the seeds), `final_metric` with `low` and `high` (95 % interval of the mean) and `best_metric` (means over the
        sound runs), `final_loss` and `best_loss` (means).

        Of both: `optimism` (`by` of the winning trial on the search seeds minus its median on the report seeds, so
        below 0 where the search made it look faster than it is; NaN where it missed on both), `seconds_a_step`
        (median).

    Raises:
        ValueError: a column is missing, or runs of several workloads.

    >>> runs = pd.DataFrame({
    ...     "label": "a", "phase": ["search", "report", "report"], "trial": [0, np.nan, np.nan], "seed": [1000, 1, 2],
    ...     "lr": 0.1, "status": "finished", "steps_to_target": [20.0, 24.0, 26.0], "seconds_to_target": 0.1,
    ...     "seconds_a_step": 0.01, "final_loss": 0.5, "final_metric": 0.9})
    >>> summarize(runs).loc["a", ["steps_to_target", "reached", "optimism"]].tolist()
    [25.0, 1.0, -5.0]
    """
    check_runs(runs, "lr", "status", "seed", "seconds_to_target", "seconds_a_step", "final_metric")
    best, all_edges = best_trials(runs), edges(runs, ranges)
    sides = all_edges[all_edges["name"] == "lr"].set_index("label")["side"]
    trials = dict(list(trial_table(runs).groupby("label")))
    own_runs = dict(list(runs.groupby("label")))
    rows = []
    for label in ranking(runs, by).index:
        row = {"label": label, "edge": sides.get(label)} | _report_columns(own_runs[label])
        if label in best.index:
            row |= _search_columns(own_runs[label], trials[label], best.loc[label])
            row["optimism"] = float(best.loc[label, by]) - row[by]
        rows.append(row)
    table = pd.DataFrame(rows, columns=COLUMNS).set_index("label")
    table["at_edge"] = table["at_edge"].eq(True)  # contestants without a search have none: False, not NaN
    table["edge"] = table["edge"].astype(object).where(table["edge"].notna(), None)
    return table


def _report_columns(runs: pd.DataFrame) -> dict[str, object]:
    report = runs[runs["phase"] == "report"]
    sound = report[~is_broken(report)]
    low, high = mean_interval(sound["final_metric"])
    return {
        "lr": report["lr"].iloc[0] if len(report) else math.nan,
        "steps_to_target": float(report["steps_to_target"].median()),
        "seconds_to_target": float(report["seconds_to_target"].median()),
        "reached": float(np.isfinite(report["steps_to_target"]).mean()) if len(report) else math.nan,
        "seconds_a_step": float(runs["seconds_a_step"].median()),
        "final_metric": _mean(sound, "final_metric"),
        "low": low,
        "high": high,
        "best_metric": _mean(sound, "best_metric"),
        "final_loss": _mean(report, "final_loss"),
        "best_loss": _mean(report, "best_loss"),
    }


def _mean(runs: pd.DataFrame, name: str) -> float:
    return float(runs[name].mean()) if name in runs else math.nan


def _search_columns(runs: pd.DataFrame, trials: pd.DataFrame, best: pd.Series) -> dict[str, object]:
    search = runs[runs["phase"] == "search"]
    losses = trials["final_loss"].mask((trials["broken"] > 0) | trials["stopped"])
    only_lr = not settings_of(trials).drop(columns="lr", errors="ignore").nunique().gt(1).any()
    ends = (trials["lr"].min(), trials["lr"].max())
    return {
        "lr": best["lr"],
        "broken": float(is_broken(search).mean()),
        "range_width": range_width(trials["lr"], losses) if only_lr else math.nan,
        # of two trials each is an end, and where every trial broke none has won
        "at_edge": len(trials) > 2 and best["broken"] < 1 and best["lr"] in ends,
    }
