"""Statistics of comparisons: tables in, tables out. Needs nothing else of the package and runs nothing.

A table of runs has one run a row, with the columns `label`, `phase` ("search" or "report"), `trial`, `seed`, `lr`,
`status`, `steps_to_target` and `seconds_to_target` (inf where missed), `seconds_a_step`, `final_loss`, `final_metric`.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

__all__ = ["Measure", "Verdict", "best_trials", "holm", "mean_interval", "summarize", "verdict"]

Measure = Literal["steps_to_target", "seconds_to_target"]
"""What decides who is first: steps, or seconds where the steps of the contestants are not alike."""

MISS = 4.0
"""In a paired test, how many times the slowest success a missed target counts."""

BROKEN = ("diverged", "became non-finite", "failed")
"""The statuses of a run that went wrong."""


def best_trials(runs: pd.DataFrame) -> pd.DataFrame:
    """The winner among each contestant's trials: first to the target, then lowest final loss; broken runs come last.

    >>> runs = pd.DataFrame({
    ...     "label": ["a", "a"], "phase": "search", "trial": [0, 1], "lr": [0.1, 1.0], "status": "finished",
    ...     "steps_to_target": [50.0, 20.0], "final_loss": [0.1, 0.2]})
    >>> float(best_trials(runs).loc["a", "lr"])
    1.0
    """
    search = runs[runs["phase"] == "search"]
    broken = search["status"].isin(BROKEN)
    order = search.assign(broken=broken).sort_values(["broken", "steps_to_target", "final_loss"], kind="stable")
    return order.groupby("label", sort=False).head(1).set_index("label").drop(columns="broken")


def mean_interval(values: Iterable[float], confidence: float = 0.95) -> tuple[float, float]:
    """Student's t interval of the mean.

    With the five to ten seeds of a usual comparison a percentile bootstrap covers far less than it says; t does not.

    >>> low, high = mean_interval([1.0, 2.0, 3.0])
    >>> round(low, 3), round(high, 3)
    (-0.484, 4.484)
    """
    from scipy import stats

    sample = np.asarray(list(values), dtype=float)
    sample = sample[np.isfinite(sample)]
    if len(sample) < 2:
        return math.nan, math.nan
    half = stats.t.ppf((1 + confidence) / 2, len(sample) - 1) * sample.std(ddof=1) / math.sqrt(len(sample))
    return float(sample.mean() - half), float(sample.mean() + half)


def summarize(runs: pd.DataFrame, by: Measure = "steps_to_target") -> pd.DataFrame:
    """One row a contestant, the first to the target on top (`by` steps or seconds).

    Columns: `lr` (the winner's), `steps_to_target` and `seconds_to_target` (medians over the report seeds, misses
    infinite), `reached` (share of the report seeds), `seconds_a_step`, `final_metric` with `low` and `high` (95 %
    interval of the mean), `final_loss` (mean), `broken` (share of the trials that diverged, became non-finite or
    failed), `at_edge` (the winner is the smallest or largest learning rate tried, so a wider range may do better).
    """
    best = best_trials(runs)
    rows = [_summary(label, runs[runs["label"] == label], best.loc[label]) for label in best.index]
    table = pd.DataFrame(rows).set_index("label")
    return table.sort_values([by, "final_loss"], kind="stable")


def _summary(label: str, runs: pd.DataFrame, best: pd.Series) -> dict[str, object]:
    search, report = runs[runs["phase"] == "search"], runs[runs["phase"] == "report"]
    metric = report["final_metric"].where(~report["status"].isin(BROKEN))
    low, high = mean_interval(metric)
    return {
        "label": label,
        "lr": best["lr"],
        "steps_to_target": float(report["steps_to_target"].median()) if len(report) else math.nan,
        "seconds_to_target": float(report["seconds_to_target"].median()) if len(report) else math.nan,
        "reached": float(np.isfinite(report["steps_to_target"]).mean()) if len(report) else math.nan,
        "seconds_a_step": float(runs["seconds_a_step"].median()),
        "final_metric": float(metric.mean()),
        "low": low,
        "high": high,
        "final_loss": float(report["final_loss"].mean()),
        "broken": float(search["status"].isin(BROKEN).mean()),
        "at_edge": _is_at_edge(search, best),
    }


def _is_at_edge(search: pd.DataFrame, best: pd.Series) -> bool:
    """Whether the winner is the smallest or largest of several; where every trial broke, none has won."""
    ends = (search["lr"].min(), search["lr"].max())
    return len(search) > 2 and best["status"] not in BROKEN and best["lr"] in ends


@dataclass(frozen=True)
class Verdict:
    """Who got there first.

    Attributes:
        first: labels of the winner, or of all that tie with it; empty if none reached the target.
        behind: the first contestant that is clearly slower, or None.
        ratio: how many times as many steps (or seconds) `behind` needs as the winner, geometric mean over paired seeds.
    """

    first: tuple[str, ...]
    behind: str | None = None
    ratio: float = math.nan


def verdict(runs: pd.DataFrame, by: Measure = "steps_to_target", confidence: float = 0.95) -> Verdict:
    """Compare the leader with every other contestant that reached the target, seed by seed.

    Two contestants differ if a paired t test of the logarithms of their steps (or seconds) to the target says so at
    this confidence after Holm's correction for the number of comparisons; otherwise they tie. In the test a missed
    target counts as `MISS` times the most that a run of either took to reach it.
    """
    table = summarize(runs, by)
    reached = list(table.index[np.isfinite(table[by])])
    missed = [label for label in table.index if label not in reached]
    if not reached:
        return Verdict(())
    leader, *others = reached
    tests = [_paired_test(runs, other, leader, by) for other in others]
    differs = holm([p for _, p in tests], 1 - confidence)
    slower = {label: ratio for label, (ratio, _), yes in zip(others, tests, differs, strict=True) if yes and ratio > 1}
    tied = tuple(label for label in others if label not in slower)
    if slower:
        nearest = min(slower, key=slower.__getitem__)
        return Verdict((leader, *tied), nearest, slower[nearest])
    return Verdict((leader, *tied), missed[0] if missed else None, math.inf if missed else math.nan)


def _paired_test(runs: pd.DataFrame, label: str, other: str, by: Measure) -> tuple[float, float]:
    """Geometric mean over the seeds of the ratio of steps (or seconds), and the p value of its being 1."""
    from scipy import stats

    report = runs[runs["phase"] == "report"]
    spent = {each: report[report["label"] == each].set_index("seed")[by].sort_index() for each in (label, other)}
    finite = pd.concat(spent)[lambda both: np.isfinite(both)]
    a, b = (np.log(spent[each].replace(np.inf, MISS * finite.max())) for each in (label, other))
    difference = (a - b).dropna()
    ratio = float(np.exp(difference.mean()))
    if len(difference) < 2:
        return ratio, 1.0
    if np.ptp(difference) < 1e-12:  # no spread: the t test would divide by zero
        return ratio, 1.0 if abs(difference.mean()) < 1e-12 else 0.0
    return ratio, float(stats.ttest_1samp(difference, 0.0).pvalue)


def holm(p_values: list[float], level: float = 0.05) -> list[bool]:
    """Which of several tests hold together at a level (Holm 1979).

    >>> holm([0.01, 0.04, 0.03])
    [True, False, False]
    """
    holds = [False] * len(p_values)
    for place, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        if p_values[index] > level / (len(p_values) - place):
            break
        holds[index] = True
    return holds
