"""Paired ratios: how many times as long each contestant takes as one of them, seed by seed."""

import math

import numpy as np
import pandas as pd

from .intervals import Interval, bootstrap_interval, chance_of_the_same, holm
from .tables import Measure, check_runs, ranking

__all__ = ["MISS", "paired_ratios"]

MISS = 4.0
"""In a paired ratio, how many times the slowest success a missed target counts."""

POWER = 0.8
"""With how many more seeds a difference would be told with this probability, were it as large as it looks."""

MOST_SEEDS = 1000
"""More than these no one will run: no number of seeds is likely to tell."""

COLUMNS = ["against", "ratio", "low", "high", "p", "differs", "word", "more_seeds", "pairs"]


def paired_ratios(
    runs: pd.DataFrame, by: Measure = "steps_to_target", against: str | None = None, confidence: float = 0.95
) -> pd.DataFrame:
    """How many times as many steps (or seconds) to the target each contestant needs as one of them.

    Ratios are taken seed by seed on the report runs, so that what a seed does to everyone cancels; their geometric mean
    and its interval come from the logarithms by `bootstrap_interval`. A missed target counts as `MISS` times the most
    that a run of either took to reach it; a seed on which both missed says nothing about the two and is left out.

    Args:
        runs: a table of runs.
        by: steps or seconds.
        against: the contestant that the others are compared with. Default: the first to the target. That one is chosen
            by the same runs, so among many equal contestants some are told from it a little more often than Holm's
            correction promises: in simulations of 3 to 20 of them on 10 to 20 seeds in 3 to 8 % of studies, not in 5 %.
        confidence: of the intervals (each by itself), and of all words together.

    Returns:
        One row for each other contestant that has report runs, the first to the target on top, by `label`:

        - `against`: the contestant compared with.
        - `ratio`, `low`, `high`: geometric mean ratio and its interval; above 1 is slower. The interval is (0, inf)
          where the seeds are too few to tell. The ratio is inf for one that missed on most seeds (0 if the other did,
          NaN if both did).
        - `p`: of the ratio being 1; `differs`: whether it is not, after Holm's correction.
        - `word`: "missed" the target on most seeds; else "faster" or "slower", if it differs; else "tie".
        - `more_seeds`: in a tie, about how many more seeds would tell, were the ratio and its spread what they look
          like now (power 80 %). NaN where it is no tie, or no number of seeds (up to 1000 more) is likely to tell.
        - `pairs`: number of seeds that the ratio is from.

    Raises:
        ValueError: a column is missing, runs of several workloads, two report runs of one contestant on one seed, a
            time that is not above 0, or nobody named `against`.

    >>> runs = pd.DataFrame({
    ...     "label": ["a"] * 5 + ["b"] * 5, "phase": "report", "seed": [1, 2, 3, 4, 5] * 2, "final_loss": 0.1,
    ...     "steps_to_target": [20.0, 24, 18, 22, 20, 41, 47, 36, 45, 40]})
    >>> row = paired_ratios(runs).loc["b"]
    >>> row["against"], float(round(row["ratio"], 2)), row["word"]
    ('a', 2.01, 'slower')
    """
    order = ranking(runs, by).dropna()
    spent = _by_seed(runs, by)
    if against is not None and against not in order.index:
        raise ValueError(f"against: {against!r} has no report runs; there are {', '.join(map(str, order.index))}")
    if order.empty:
        return pd.DataFrame(columns=COLUMNS, index=pd.Index([], name="label"))
    other = order.index[0] if against is None else against
    labels = [label for label in order.index if label != other]
    logs = {label: _log_ratios(spent[label], spent[other]) for label in labels}
    found = {label: bootstrap_interval(each, confidence) for label, each in logs.items()}
    differs = holm([each.p for each in found.values()], 1 - confidence)
    rows = [
        _row(found[label], logs[label], yes, (1 - confidence) / len(labels), order[label], order[other])
        for label, yes in zip(labels, differs, strict=True)
    ]
    table = pd.DataFrame(rows, index=pd.Index(labels, name="label"), columns=COLUMNS)
    return table.assign(against=other)


def _by_seed(runs: pd.DataFrame, by: Measure) -> pd.DataFrame:
    """Seeds down, contestants across; inf where missed, NaN where not run."""
    check_runs(runs, "seed")
    report = runs[runs["phase"] == "report"]
    wrong = report[(report[by] <= 0) | report.duplicated(["label", "seed"])]
    if len(wrong):
        row = wrong.iloc[0]
        what = f"{by} must be above 0, got {row[by]:g}" if row[by] <= 0 else "there are two report runs"
        raise ValueError(f"runs: {row['label']!r} on seed {row['seed']}: {what}")
    return report.pivot(index="seed", columns="label", values=by).astype(float)


def _log_ratios(spent: "pd.Series[float]", other: "pd.Series[float]") -> np.ndarray:
    """Logarithms of the ratios on the seeds where at least one arrived."""
    both = pd.concat([spent, other], axis=1).dropna().to_numpy()
    both = both[np.isfinite(both).any(axis=1)]
    reached = both[np.isfinite(both)]
    logs = np.log(np.where(np.isfinite(both), both, MISS * reached.max(initial=0.0)))
    difference: np.ndarray = logs[:, 0] - logs[:, 1]
    return difference


def _row(
    found: Interval, logs: np.ndarray, differs: bool, level: float, median: float, other_median: float
) -> dict[str, object]:
    ratio, low, high = (_exp(each) for each in (found.mean, found.low, found.high))
    missed, other_missed = math.isinf(median), math.isinf(other_median)
    if missed:
        ratio, high = math.nan if other_missed else math.inf, math.inf
    if other_missed:
        ratio, low = math.nan if missed else 0.0, 0.0
    told = "slower" if found.mean > 0 else "faster"
    word = "missed" if missed else told if differs else "tie"
    more = _more_seeds(found.mean, logs, level) if word == "tie" else math.nan
    return {
        "ratio": ratio, "low": low, "high": high, "p": found.p, "differs": differs, "word": word, "more_seeds": more,
        "pairs": len(logs),
    }  # fmt: skip


def _exp(number: float) -> float:
    return math.inf if number > 700 else math.exp(number)  # of two seeds that differ much, the interval is this wide


def _more_seeds(mean: float, logs: np.ndarray, level: float) -> float:
    """How many more seeds would tell a mean that is what it looks like from 0, in a two-sided test at this level.

    By the normal approximation with Guenther's (1981) correction for Student's t; and no fewer than one and the same
    difference on all seeds would need.
    """
    from scipy import stats

    count = len(logs)
    if count == 0 or abs(mean) < 1e-9:
        return math.nan
    spread = logs.std(ddof=1) if count > 1 else 0.0
    quantile = stats.norm.isf(level / 2)
    needed = ((quantile + stats.norm.ppf(POWER)) * spread / mean) ** 2 + quantile**2 / 2
    least = next(seeds for seeds in range(1, MOST_SEEDS) if chance_of_the_same(seeds) <= level)
    more = max(1, math.ceil(max(needed, least)) - count)
    return float(more) if more <= MOST_SEEDS else math.nan
