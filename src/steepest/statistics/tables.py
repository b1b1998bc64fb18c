"""Tables of runs: validation, the statuses that count as broken, and the ranking of contestants by their median."""

from typing import Literal

import numpy as np
import pandas as pd

__all__ = ["BROKEN", "STOPPED", "Measure", "check_runs", "is_broken", "ranking"]

Measure = Literal["steps_to_target", "seconds_to_target"]
"""The column that decides the ranking: steps, or seconds where the contestants' steps cost differently."""

BROKEN = ("diverged", "became non-finite", "failed", "timed out")
"""The statuses of a run that went wrong; `steepest.base.status` names all of them (this package imports nothing)."""

STOPPED = "stopped early"
"""The status of a trial that was stopped early: not broken, a miss unless it had reached the target, and no winner."""


def check_runs(runs: pd.DataFrame, *columns: str) -> None:
    """Check that the columns exist and that all rows are of one workload.

    Raises:
        ValueError: a column is missing, or there are several workloads.
    """
    for name in columns:
        if name not in runs:
            raise ValueError(f"runs: lack the column {name!r}; there are {', '.join(map(str, runs.columns))}")
    if "workload" in runs and len(names := runs["workload"].unique()) > 1:
        raise ValueError(f"runs: are of several workloads ({', '.join(map(str, names))}); give those of one")


def is_broken(runs: pd.DataFrame) -> "pd.Series[bool]":
    """For each run, whether it went wrong: its status is one of `BROKEN`."""
    return runs["status"].isin(BROKEN)


def ranking(runs: pd.DataFrame, by: Measure) -> "pd.Series[float]":
    """Median of the measure over the report seeds (misses infinite), the first to the target on top.

    Equal medians go by mean final loss; contestants without report runs come last, with NaN.
    """
    check_runs(runs, "label", "phase", by, "final_loss")
    reports = runs[runs["phase"] == "report"].groupby("label", sort=False)
    table = pd.DataFrame({by: reports[by].median(), "final_loss": reports["final_loss"].mean()}, dtype=float)
    table = table.reindex(pd.Index(runs["label"].unique(), name="label"))
    return table.sort_values([by, "final_loss"], kind="stable")[by].astype(np.float64)
