"""Budget curves: how good the best of k trials is, to choose an optimizer when only k trials can be afforded."""

import numpy as np
import pandas as pd

from .tables import check_runs
from .trials import trial_table

__all__ = ["budget_curve", "longest_budget"]

QUANTILES = {"low": 0.25, "median": 0.5, "high": 0.75}


def budget_curve(runs: pd.DataFrame, by: str = "steps_to_target", k_max: int | None = None) -> pd.DataFrame:
    """How good the best of k trials is, for k = 1, 2, ..., estimated from the trials that have been run.

    Exact over all ways to draw k of a contestant's n trials without replacement, from the order statistics: the best of
    a draw is at most the i-th smallest value with probability 1 - C(n - i, k) / C(n, k). Drawing without replacement is
    unbiased for the best of k new trials; with replacement (Dodge et al. 2019, "Show Your Work") a draw repeats trials,
    which makes the best look worse than it is (Tang et al. 2020) and never reaches the best trial at k = n.

    Where the first trial of a search has the rule's defaults (the column `default`), it is no draw: the first of k
    trials is the default, and the k - 1 others are drawn. Of several searches, that of one of them, whichever it is.

    Args:
        runs: a table of runs; only the search counts.
        by: the column to minimize: `steps_to_target`, `seconds_to_target` or `final_loss`; medians where a trial ran on
            several seeds. A missed target is infinite, and so is a trial that broke.
        k_max: the largest k. Default: the number of trials.

    Returns:
        A table indexed by `label` and `k` (up to the contestant's number of trials, of whose defaults one counts):

        - `expected`: mean of the best; inf as long as a draw can miss altogether, since some do.
        - `median`, `low`, `high`: the best in the middle draw and in those at the quartiles, inf where these miss.
        - `reached`: share of the draws in which at least one trial arrives.

    Raises:
        ValueError: a column is missing, runs of several workloads, or a `k_max` below 1.

    >>> runs = pd.DataFrame({
    ...     "label": "a", "phase": "search", "trial": [0, 1, 2], "lr": 0.1, "status": "finished",
    ...     "steps_to_target": [30.0, 10.0, np.inf], "final_loss": 0.1})
    >>> budget_curve(runs)
              expected   low  median  high   reached
    label k
    a     1        inf  10.0    30.0   inf  0.666667
          2  16.666667  10.0    10.0  30.0  1.000000
          3  10.000000  10.0    10.0  10.0  1.000000
    """
    if k_max is not None and (k_max < 1 or k_max != int(k_max)):
        raise ValueError(f"k_max: must be a whole number from 1, got {k_max!r}")
    check_runs(runs, by)
    trials = trial_table(runs)
    values = trials[by].astype(float).mask(trials["broken"] > 0, np.inf).fillna(np.inf)
    default = _is_default(trials)
    curves = {
        label: _curve(_sorted(own[default[own.index]]), _sorted(own[~default[own.index]]), k_max)
        for label, own in values.groupby(trials["label"], sort=False)
    }
    if not curves:
        return pd.DataFrame(columns=["expected", *QUANTILES, "reached"])
    table: pd.DataFrame = pd.concat(curves, names=["label", "k"])
    return table


def longest_budget(runs: pd.DataFrame) -> int:
    """The largest k that a contestant's curve has; 0 without a search."""
    search = runs[runs["phase"] == "search"]
    trials = search.drop_duplicates(["label", "trial"])
    own = _is_default(trials).groupby(trials["label"])
    return int((own.size() - (own.sum() - 1).clip(0)).max()) if len(trials) else 0


def _is_default(trials: pd.DataFrame) -> "pd.Series[bool]":
    return trials["default"].astype(bool) if "default" in trials else pd.Series(False, trials.index)


def _sorted(values: "pd.Series[float]") -> np.ndarray:
    return np.sort(values.to_numpy())


def _curve(defaults: np.ndarray, drawn: np.ndarray, k_max: int | None) -> pd.DataFrame:
    """The budget curve of one contestant, from the sorted values of its default trials and of its others."""
    values, first = np.sort(np.concatenate([defaults, drawn])), int(len(defaults) > 0)
    cumulative = _cumulative_chances(len(drawn), min(len(drawn), (k_max or len(values)) - first))
    if first:
        # none is at most a value if neither the default nor any of the others drawn is
        others = np.pad(cumulative, ((1, 0), (1, 0)))[:, np.searchsorted(drawn, values, "right")]
        own = np.searchsorted(defaults, values, "right") / len(defaults)
        cumulative = 1 - (1 - own) * (1 - others)
    chances = np.diff(cumulative, axis=1, prepend=0.0)  # of each value to be the best of its draw
    finite = np.isfinite(values)
    reached = cumulative[:, finite.sum() - 1] if finite.any() else np.zeros(len(cumulative))
    # one draw that misses altogether makes the mean infinite; the product alone would skip it
    expected = np.where(reached == 1.0, chances[:, finite] @ values[finite], np.inf)
    # 1e-12: a quartile that is met exactly must not be passed over by rounding
    quantiles = {name: values[(cumulative < share - 1e-12).sum(axis=1)] for name, share in QUANTILES.items()}
    k = pd.RangeIndex(1, len(cumulative) + 1, name="k")
    return pd.DataFrame({"expected": expected, **quantiles, "reached": reached}, index=k)


def _cumulative_chances(count: int, k_max: int) -> np.ndarray:
    """Probability that the best of k is at most the i-th smallest of `count`; shape (k_max, count), k and i from 1.

    A product of ratios of neighbours, since the binomial coefficients themselves overflow.
    """
    drawn, i = np.arange(k_max)[:, None], np.arange(1, count + 1)[None, :]
    missed_again = np.clip(count - i - drawn, 0, None) / (count - drawn)  # the next trial drawn is none of the first i
    cumulative: np.ndarray = 1 - np.cumprod(missed_again, axis=0)
    return cumulative
