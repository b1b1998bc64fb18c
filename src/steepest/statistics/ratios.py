"""Paired ratios: steps or seconds to the target of each contestant, divided by those of a reference, seed by seed."""

import math

import numpy as np
import pandas as pd

from .intervals import Interval, bootstrap_interval, chance_of_the_same, holm
from .tables import Measure, check_runs, ranking

__all__ = ["MISS", "paired_ratios"]

MISS = 4.0
"""Value of a missed target in a paired ratio, as a multiple of the slowest success of the two contestants."""

POWER = 0.8
"""Power of the test that `more_seeds` is planned for: probability of telling a difference as large as the estimate."""

MOST_SEEDS = 1000
"""Upper bound of `more_seeds`; where more would be needed, no affordable number of seeds is likely to tell."""

COLUMNS = ["against", "ratio", "low", "high", "p", "differs", "word", "more_seeds", "pairs"]


def paired_ratios(
    runs: pd.DataFrame, by: Measure = "steps_to_target", against: str | None = None, confidence: float = 0.95
) -> pd.DataFrame:
    """The ratio of each contestant's steps (or seconds) to the target to those of a reference contestant.

    Ratios are taken seed by seed on the report runs, so that what a seed does to everyone cancels; their geometric mean
    and its interval come from the logarithms by `bootstrap_interval`. A missed target counts as `MISS` times the most
    that a run of either took to reach it; a seed on which both missed says nothing about the two and is left out.

    Args:
        runs: a table of runs.
        by: steps or seconds.
        against: the reference, a label. Default: the first to the target. That one is chosen
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
            time that is not above 0, or no contestant named `against`.

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
    intervals = {label: bootstrap_interval(log_ratios, confidence) for label, log_ratios in logs.items()}
    differs = holm([interval.p for interval in intervals.values()], 1 - confidence)
    # the level of Holm's strictest test, so that `more_seeds` promises rather too many seeds than too few
    level = (1 - confidence) / len(labels) if labels else math.nan
    rows = [
        _row(intervals[label], logs[label], rejected, level, order[label], order[other])
        for label, rejected in zip(labels, differs, strict=True)
    ]
    table = pd.DataFrame(rows, index=pd.Index(labels, name="label"), columns=COLUMNS)
    return table.assign(against=other)


def _by_seed(runs: pd.DataFrame, by: Measure) -> pd.DataFrame:
    """The measure of the report runs: rows are seeds, columns contestants; inf where missed, NaN where not run."""
    check_runs(runs, "seed")
    report = runs[runs["phase"] == "report"]
    wrong = report[(report[by] <= 0) | report.duplicated(["label", "seed"])]
    if len(wrong):
        row = wrong.iloc[0]
        reason = f"{by} must be above 0, got {row[by]:g}" if row[by] <= 0 else "there are two report runs"
        raise ValueError(f"runs: {row['label']!r} on seed {row['seed']}: {reason}")
    return report.pivot(index="seed", columns="label", values=by).astype(float)


def _log_ratios(spent: "pd.Series[float]", other: "pd.Series[float]") -> np.ndarray:
    """Logarithms of the ratios on the seeds where at least one of the two reached the target."""
    both = pd.concat([spent, other], axis=1).dropna().to_numpy()
    both = both[np.isfinite(both).any(axis=1)]
    reached = both[np.isfinite(both)]
    logs = np.log(np.where(np.isfinite(both), both, MISS * reached.max(initial=0.0)))
    difference: np.ndarray = logs[:, 0] - logs[:, 1]
    return difference


def _row(
    interval: Interval, logs: np.ndarray, differs: bool, level: float, median: float, other_median: float
) -> dict[str, object]:
    """One row of `paired_ratios`, from the interval of the log ratios and the medians of both contestants."""
    # math.exp raises beyond about 709, which the interval of two very different seeds can reach
    ratio, low, high = (
        math.inf if bound > 700 else math.exp(bound) for bound in (interval.mean, interval.low, interval.high)
    )
    missed, other_missed = math.isinf(median), math.isinf(other_median)
    if missed:
        ratio, high = math.nan if other_missed else math.inf, math.inf
    if other_missed:
        ratio, low = math.nan if missed else 0.0, 0.0
    direction = "slower" if interval.mean > 0 else "faster"
    word = "missed" if missed else direction if differs else "tie"
    more = _more_seeds(interval.mean, logs, level) if word == "tie" else math.nan
    return {
        "ratio": ratio, "low": low, "high": high, "p": interval.p, "differs": differs, "word": word,
        "more_seeds": more, "pairs": len(logs),
    }  # fmt: skip


def _more_seeds(mean: float, logs: np.ndarray, level: float) -> float:
    """Number of further seeds for a two-sided test at this level to tell the mean from 0, were the estimates exact.

    The normal approximation with Guenther's (1981) correction for Student's t. Never fewer than `chance_of_the_same`
    asks for: the bootstrap cannot reject earlier than that.
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
