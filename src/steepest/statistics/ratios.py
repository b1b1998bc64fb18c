"""Paired ratios: steps or seconds to the target of each contestant, divided by those of a reference, seed by seed."""

import math
from collections.abc import Iterable

import numpy as np
import pandas as pd

from .censored import censored_interval, fewest_pairs, rank_differences
from .intervals import Interval, bootstrap_interval, chance_of_the_same, holm, standard_error_of, step_time_interval
from .tables import Measure, check_runs, ranking

__all__ = ["LEVEL_LATER", "paired_ratios"]

POWER = 0.8
"""Power of the test that `more_seeds` is planned for: probability of telling a difference as large as the estimate."""

MOST_SEEDS = 1000
"""Upper bound of `more_seeds`; where more would be needed, no affordable number of seeds is likely to tell."""

LEVEL_LATER = 0.01
"""Level of the words once seeds were added, because a second look at 5 % is a second chance to err."""

COLUMNS = ["against", "ratio", "low", "high", "p", "differs", "word", "more_seeds", "pairs"]


def paired_ratios(
    runs: pd.DataFrame,
    by: Measure = "steps_to_target",
    against: str | None = None,
    confidence: float = 0.95,
    level: float | None = None,
    rounds: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """The ratio of each contestant's steps (or seconds) to the target to those of a reference contestant.

    Ratios are taken seed by seed on the report runs, so that what a seed does to everyone cancels. Where both reached
    the target on every seed, their geometric mean and its interval come from the logarithms by `bootstrap_interval`;
    where a run missed, by `censored_interval`. A seed on which both missed says nothing about the two and is left out.

    Two more things vary besides the seeds, and count in the interval where they are known:

    - The search: a column `search` of the runs tells which of several searches the settings of a report run are from.
      What the searches differ by, beyond chance, is luck that a new search would not repeat.
    - The clock: seconds are steps times the seconds of a step, which `rounds` measured for all contestants in turns.

    Args:
        runs: a table of runs.
        by: steps or seconds.
        against: the reference, a label. Default: the first to the target. That one is chosen by the same runs, so among
            many equal contestants some are told from it a little more often than Holm's correction promises: in
            simulations of 3 to 20 of them on 10 to 20 seeds in 3 to 8.4 % of studies, not in 5 %.
        confidence: of the intervals, each by itself.
        level: of all words together, the probability of any that is wrong; `LEVEL_LATER` after seeds were added because
            the first ones could not tell. Default: 1 - confidence.
        rounds: the seconds of a step; rows are rounds, columns labels. Default: those of the runs count as exact.

    Returns:
        One row for each other contestant that has report runs, the first to the target on top, by `label`:

        - `against`: the contestant compared with.
        - `ratio`, `low`, `high`: ratio and its interval; above 1 is slower. An end is 0 or inf where the seeds are too
          few to tell, or misses hide it; the ratio itself is inf (or 0) for one that never reached the target.
        - `p`: of the ratio being 1; `differs`: whether it is not, after Holm's correction.
        - `word`: "faster" or "slower", if it differs; else "tie".
        - `more_seeds`: in a tie, about how many more seeds would tell at `LEVEL_LATER`, were the ratio and its spread
          what they look like now (power 80 %). NaN where it is no tie, or no number of seeds (up to 1000 more) is
          likely to tell.
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
    if against is not None and against not in order.index:
        raise ValueError(f"against: {against!r} has no report runs; there are {', '.join(map(str, order.index))}")
    # a contestant that was added later has not been measured side by side with the others yet
    timed = by == "seconds_to_target" and rounds is not None and set(order.index) <= set(rounds.columns)
    spent = _by_seed(runs, "steps_to_target" if timed else by)
    if order.empty:
        return pd.DataFrame(columns=COLUMNS, index=pd.Index([], name="label"))
    other = order.index[0] if against is None else against
    labels = [label for label in order.index if label != other]
    searches = _searches(runs)
    pairs = [_Pairs(spent, other, label, searches, rounds if timed else None, confidence) for label in labels]
    all_level = 1 - confidence if level is None else level
    differs = holm([pair.interval.p for pair in pairs], all_level)
    # the level of Holm's strictest test, so that `more_seeds` promises rather too many seeds than too few
    strictest = min(all_level, LEVEL_LATER) / len(labels) if labels else math.nan
    rows = [pair.row(rejected, strictest) for pair, rejected in zip(pairs, differs, strict=True)]
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


def _searches(runs: pd.DataFrame) -> "pd.Series[float] | None":
    """By seed, the search that the settings of its report runs are from; None where there is one search only."""
    if "search" not in runs:
        return None
    report = runs[runs["phase"] == "report"]
    searches: pd.Series[float] = report.groupby("seed")["search"].max()  # a contestant without a search has search 0
    return searches if searches.nunique() > 1 else None


class _Pairs:
    """The report runs of two contestants, paired by seed, and the interval of their ratio."""

    def __init__(
        self, spent: pd.DataFrame, other: str, label: str, searches: "pd.Series[float] | None",
        rounds: pd.DataFrame | None, confidence: float,
    ) -> None:  # fmt: skip
        both = spent[[other, label]].dropna()
        both = both.loc[np.isfinite(both.to_numpy()).any(axis=1)]
        groups = None if searches is None else searches.reindex(both.index).tolist()
        time_ratio, error, margin = _time_ratio(rounds, other, label, confidence)
        logs = np.log(both.to_numpy()) + np.array([0.0, time_ratio])
        self.censored = not np.isfinite(logs).all()
        self.groups: Iterable[object] | None = groups
        if self.censored:
            self.interval: Interval = censored_interval(logs, confidence, groups, margin)
            self.differences: np.ndarray = rank_differences(logs)
        else:
            self.differences = logs[:, 1] - logs[:, 0]
            self.interval = bootstrap_interval(self.differences, confidence, groups, error)

    def row(self, differs: bool, level: float) -> dict[str, object]:
        """One row of `paired_ratios`; `level` is that of the test that more seeds should pass."""
        mean = self.interval.mean
        ratio, low, high = map(_exp, (mean, self.interval.low, self.interval.high))
        word = "tie" if not differs else "slower" if mean > 0 else "faster"
        return {
            "ratio": ratio, "low": low, "high": high, "p": self.interval.p, "differs": differs, "word": word,
            "more_seeds": self._more_seeds(level) if word == "tie" else math.nan, "pairs": len(self.differences),
        }  # fmt: skip

    def _more_seeds(self, level: float) -> float:
        """Number of further seeds for a two-sided test at this level to tell the mean from 0, were the estimates exact.

        The normal approximation with Guenther's (1981) correction for Student's t. What the searches differ by does not
        shrink with more seeds. Never fewer than the least with which the test can reject at all.
        """
        from scipy import stats

        count = len(self.differences)
        mean = float(self.differences.mean()) if count else 0.0
        if count == 0 or abs(mean) < 1e-9:
            return math.nan
        spread, of_searches = 0.0, 0.0
        if count > 1:
            own = standard_error_of(self.differences, None)
            spread = own * math.sqrt(count)
            of_searches = standard_error_of(self.differences, self.groups) ** 2 - own**2
        quantile = stats.norm.isf(level / 2)
        room = (mean / (quantile + stats.norm.ppf(POWER))) ** 2 - of_searches
        if room <= 0:
            return math.nan
        needed = spread**2 / room + quantile**2 / 2
        if self.censored:
            least = fewest_pairs(level)
        else:
            least = next(seeds for seeds in range(1, MOST_SEEDS) if chance_of_the_same(seeds) <= level)
        more = max(1, math.ceil(max(needed, least)) - count)
        return float(more) if more <= MOST_SEEDS else math.nan


def _time_ratio(rounds: pd.DataFrame | None, other: str, label: str, confidence: float) -> tuple[float, float, float]:
    """Logarithm of the ratio of two step times, from rounds in pairs: its mean, standard error and half an interval.

    The standard error is that of a normal variable with an interval as wide.
    """
    from scipy import stats

    if rounds is None:
        return 0.0, 0.0, 0.0
    ratios = np.log((rounds[label] / rounds[other]).dropna().to_numpy())
    if len(ratios) < 2:
        return (float(ratios.mean()) if len(ratios) else 0.0), 0.0, 0.0
    low, high = step_time_interval(ratios, confidence)
    half = (high - low) / 2
    return float(ratios.mean()), half / float(stats.norm.ppf((1 + confidence) / 2)), half


def _exp(value: float) -> float:
    return math.inf if value > 700 else math.exp(value)  # math.exp raises beyond about 709
