"""The verdict of a comparison: the optimizer that reached the target first, or all that tie, and how sure that is."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from .intervals import bootstrap_interval
from .ratios import paired_ratios
from .tables import Measure, ranking

__all__ = ["Verdict", "clearly_last", "verdict"]


@dataclass(frozen=True)
class Verdict:
    """The contestant that reached the target first, or all that tie, and the lead over the next one.

    Attributes:
        first: labels of the winner, or of all that tie with it; empty if none reached the target on most seeds.
        behind: the first contestant that is clearly slower, or None.
        ratio: how many times as many steps (or seconds) `behind` needs as the winner, over paired seeds; inf if it
            missed the target on most seeds.
        low: lower end of the interval of `ratio`.
        high: upper end.
        p: of that ratio being 1.
        more_seeds: about how many more seeds would separate the winner from those that tie with it, if any number is
            likely to; NaN if none ties, or for none of them.
        slower: labels of all that are clearly slower, `behind` first.
        inseparable: labels of those that tie and that no number of seeds is likely to tell from the winner.
    """

    first: tuple[str, ...]
    behind: str | None = None
    ratio: float = math.nan
    low: float = math.nan
    high: float = math.nan
    p: float = math.nan
    more_seeds: float = math.nan
    slower: tuple[str, ...] = ()
    inseparable: tuple[str, ...] = ()


def verdict(
    runs: pd.DataFrame,
    by: Measure = "steps_to_target",
    confidence: float = 0.95,
    level: float | None = None,
    rounds: pd.DataFrame | None = None,
) -> Verdict:
    """Compare the leader with every other contestant, seed by seed.

    The leader has the smallest median. Another is slower if `paired_ratios` says so, after Holm's correction; otherwise
    the two tie, also where the other has missed the target on more seeds than the leader.

    Args:
        runs: a table of runs.
        by: steps or seconds.
        confidence: of the interval.
        level: of the claims about all contestants together (family-wise, Holm). Default: 1 - confidence.
        rounds: the seconds of a step, see `paired_ratios`.

    Returns:
        A `Verdict`.

    Raises:
        ValueError: as `paired_ratios`.

    >>> runs = pd.DataFrame({
    ...     "label": ["a"] * 5 + ["b"] * 5, "phase": "report", "seed": [1, 2, 3, 4, 5] * 2, "final_loss": 0.1,
    ...     "steps_to_target": [20.0, 24, 18, 22, 20, 21, 23, 18, 21, 22]})
    >>> verdict(runs).first
    ('a', 'b')
    """
    medians = ranking(runs, by).dropna()
    if medians.empty or math.isinf(medians.iloc[0]):
        return Verdict(())
    leader = medians.index[0]
    ratios = paired_ratios(runs, by, None, confidence, level, rounds)
    behind = ratios[ratios["word"] == "slower"].sort_values("ratio", kind="stable")
    tied = ratios[ratios["word"] != "slower"]
    first, more = (leader, *tied.index), float(tied["more_seeds"].max())
    inseparable = tuple(map(str, tied.index[tied["more_seeds"].isna()]))
    if behind.empty:
        return Verdict(first, more_seeds=more, inseparable=inseparable)
    ratio, low, high, p = (float(behind.iloc[0][name]) for name in ("ratio", "low", "high", "p"))
    slower = tuple(map(str, behind.index))
    return Verdict(first, slower[0], ratio, low, high, p, more, slower, inseparable)


def clearly_last(runs: pd.DataFrame, label: str, higher_is_better: bool, confidence: float = 0.95) -> str | None:
    """The contestant with the best final metric, if that of `label` is the worst of all and clearly worse than it.

    Args:
        runs: a table of runs; the report runs count, means over the sound ones decide.
        label: of one contestant.
        higher_is_better: which way the metric goes.
        confidence: of the paired interval (`bootstrap_interval`) between the two.

    Returns:
        The label of the best, or None.

    >>> runs = pd.DataFrame({
    ...     "label": ["a"] * 5 + ["b"] * 5, "phase": "report", "seed": [1, 2, 3, 4, 5] * 2,
    ...     "final_metric": [0.91, 0.9, 0.92, 0.9, 0.91, 0.95, 0.95, 0.94, 0.96, 0.95]})
    >>> clearly_last(runs, "a", higher_is_better=True), clearly_last(runs, "b", higher_is_better=True)
    ('b', None)
    """
    report = runs[runs["phase"] == "report"]
    metrics = report.pivot(index="seed", columns="label", values="final_metric").astype(float)
    metrics = metrics if higher_is_better else -metrics
    means = metrics.where(np.isfinite(metrics)).mean().dropna()
    if label not in means or len(means) < 2 or means.idxmin() != label:
        return None
    best = str(means.idxmax())
    differences = (metrics[best] - metrics[label]).to_numpy()
    interval = bootstrap_interval(differences[np.isfinite(differences)], confidence)
    return best if interval.low > 0 else None
