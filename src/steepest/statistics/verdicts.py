"""The verdict of a comparison: the optimizer that reached the target first, or all that tie, and how sure that is."""

import math
from dataclasses import dataclass

import pandas as pd

from .ratios import paired_ratios
from .tables import Measure, ranking

__all__ = ["Verdict", "verdict"]


@dataclass(frozen=True)
class Verdict:
    """The contestant that reached the target first, or all that tie, and the lead over the next one.

    Attributes:
        first: labels of the winner, or of all that tie with it; empty if none reached the target.
        behind: the first contestant that is clearly slower, or None.
        ratio: how many times as many steps (or seconds) `behind` needs as the winner, geometric mean over paired seeds;
            inf if it missed the target on most seeds.
        low: lower end of the interval of `ratio`.
        high: upper end.
        more_seeds: about how many more seeds would separate the winner from all that tie with it; NaN if none ties, or
            if no number is likely to.
    """

    first: tuple[str, ...]
    behind: str | None = None
    ratio: float = math.nan
    low: float = math.nan
    high: float = math.nan
    more_seeds: float = math.nan


def verdict(runs: pd.DataFrame, by: Measure = "steps_to_target", confidence: float = 0.95) -> Verdict:
    """Compare the leader with every other contestant that reached the target, seed by seed.

    The leader has the smallest median. Another is slower if `paired_ratios` says so, at this confidence after Holm's
    correction; otherwise the two tie. One that missed the target on most seeds is never first.

    Args:
        runs: a table of runs.
        by: steps or seconds.
        confidence: of the interval, and of the claims about all contestants together (family-wise, Holm).

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
    ratios = paired_ratios(runs, by, None, confidence)
    behind = ratios[ratios["word"].isin(["slower", "missed"])].sort_values("ratio", kind="stable")
    tied = ratios[~ratios["word"].isin(["slower", "missed"])]
    first, more = (leader, *tied.index), float(tied["more_seeds"].max(skipna=False))
    if behind.empty:
        return Verdict(first, more_seeds=more)
    nearest = behind.iloc[0]
    ratio, low, high = (float(nearest[name]) for name in ("ratio", "low", "high"))
    return Verdict(first, str(behind.index[0]), ratio, low, high, more)
