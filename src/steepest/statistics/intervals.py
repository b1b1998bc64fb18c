"""Confidence intervals of a mean from few values (Student's t, bootstrap), and Holm's correction for several tests."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

__all__ = [
    "Interval", "bootstrap_interval", "chance_of_the_same", "holm", "mean_interval", "standard_error_of",
    "step_time_interval",
]  # fmt: skip

RESAMPLES = 9_999
"""Number of resamples of a bootstrap; the resolution of p is 1 / (RESAMPLES + 1), a ten-thousandth."""

SAME_STEPS = 0.01
"""Standard deviation, from process to process, of the logarithm of the ratio of two equal step times.

Measured in 25 processes of many rounds each: 0.009 for the smallest steps (airfoil), 0.014 with the noise of the
rounds in it (digits). `benchmarks/clocks.py` shows how often twins tie with it.
"""

LEAST_SPREAD = 1 / 3
"""In a bootstrap, a resample's standard deviation counts as at least this share of the sample's."""


def mean_interval(values: Iterable[float], confidence: float = 0.95) -> tuple[float, float]:
    """Student's t interval of the mean.

    With the five to ten seeds of a usual comparison a percentile bootstrap covers far less than it says; t does not.

    Args:
        values: any numbers; NaN and infinite ones are left out.
        confidence: of the interval, between 0 and 1.

    Returns:
        The ends `(low, high)`; NaN where fewer than two finite values are left.

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


def step_time_interval(logs: Iterable[float], confidence: float = 0.95) -> tuple[float, float]:
    """Interval of the logarithm of a ratio of two step times, from rounds in which both were timed in turns.

    Student's t over the rounds, widened by `SAME_STEPS`: where a process puts a model into memory makes its steps
    faster or slower in all of its rounds.

    Args:
        logs: the logarithm of the ratio in each round.
        confidence: of the interval.

    Returns:
        The ends `(low, high)`; NaN where fewer than two finite values are left.

    >>> low, high = step_time_interval([0.0, 0.0, 0.0])
    >>> round(low, 3), round(high, 3)
    (-0.02, 0.02)
    """
    from scipy import stats

    low, high = mean_interval(logs, confidence)
    mean, half = (low + high) / 2, (high - low) / 2
    half = math.hypot(half, SAME_STEPS * float(stats.norm.ppf((1 + confidence) / 2)))
    return mean - half, mean + half


@dataclass(frozen=True)
class Interval:
    """A mean, an interval that covers the true one, and the p value of its being 0.

    The interval leaves 0 out exactly where p is at most 1 minus the confidence.
    """

    mean: float
    low: float
    high: float
    p: float


def bootstrap_interval(
    values: Iterable[float], confidence: float = 0.95, groups: Iterable[object] | None = None, error: float = 0.0
) -> Interval:
    """Mean of differences with its bootstrap interval, and the p value of the mean being 0.

    The symmetric studentized bootstrap (Hall 1988; Efron and Tibshirani 1993, 12.5): the values are drawn again with
    replacement, and each resample's distance from the sample's mean, in its own standard errors, shows what distances
    come about by chance. Three cares make it honest for few values and for values on a grid:

    - Its interval is never narrower, and its p never smaller, than those of Student's t: two or three values have too
      few different resamples to judge by.
    - A resample of (almost) equal values would divide by (almost) nothing, so its standard deviation counts as at least
      a third of the sample's.
    - Where all values are the same there is no spread to judge by, so p is an upper bound on the probability of that,
      see `chance_of_the_same`; where the bound exceeds 1 - confidence, the interval has no ends.

    Values may share more than the rest of them do: all runs at the settings of one search share the luck of that
    search. Given their `groups`, the standard error is that of the groups' means where this is the larger one.

    A local random generator with a fixed seed makes the result depend on the values alone.

    Args:
        values: finite numbers; their order is irrelevant.
        confidence: of the interval, between 0 and 1.
        groups: the group of each value. Default: no groups.
        error: standard error of something that has been added to all values alike, such as the logarithm of a ratio of
            step times.

    Returns:
        An `Interval`, without ends (-inf, inf) where the values are too few to tell.

    Raises:
        ValueError: a value that is not finite, or a confidence outside (0, 1).

    >>> interval = bootstrap_interval([0.1, 0.2, 0.15, 0.22, 0.13])
    >>> round(interval.mean, 2), 0 < interval.low < interval.mean < interval.high < 0.32, interval.p < 0.05
    (0.16, True, True)
    """
    sample = np.asarray(list(values), dtype=float)
    count = len(sample)
    if not 0 < confidence < 1:
        raise ValueError(f"confidence: must lie between 0 and 1, got {confidence!r}")
    if not np.isfinite(sample).all():
        raise ValueError("values: must be finite numbers")
    if count == 0:
        return Interval(math.nan, -math.inf, math.inf, 1.0)
    mean = float(np.sort(sample).mean())  # sorted: the same values in another order have the same interval
    if np.ptp(sample) < 1e-9:  # logarithms of ratios: a difference of a billionth is rounding
        return _of_the_same(mean, count, error, confidence)
    standard_error = math.hypot(standard_error_of(sample, groups), error)
    quantile, p = _studentized(np.sort(sample), abs(mean) / standard_error, confidence)
    return Interval(mean, mean - quantile * standard_error, mean + quantile * standard_error, p)


def _of_the_same(mean: float, count: int, error: float, confidence: float) -> Interval:
    """The interval of equal values: their own spread is no guide, so what is known of them is an upper bound of p."""
    from scipy import stats

    bound = chance_of_the_same(count)
    half = error * float(stats.norm.ppf((1 + confidence) / 2)) if bound <= 1 - confidence else math.inf
    by_error = 2 * float(stats.norm.sf(abs(mean) / error)) if error else float(abs(mean) <= 1e-9)
    return Interval(mean, mean - half, mean + half, max(bound, by_error))


def standard_error_of(sample: np.ndarray, groups: Iterable[object] | None) -> float:
    """The standard error of the mean: that of independent values, or of the means of their groups if that is larger."""
    own = float(np.sort(sample).std(ddof=1)) / math.sqrt(len(sample))
    if groups is None:
        return own
    _, codes = np.unique(np.asarray(list(groups)), return_inverse=True)
    sizes = np.bincount(codes)
    if len(sizes) < 2:
        return own
    means = np.bincount(codes, sample) / sizes
    return max(own, float(means.std(ddof=1)) / math.sqrt(len(means)))


def chance_of_the_same(seeds: int) -> float:
    """An upper bound on the probability that two equally distributed contestants differ by one amount on all seeds.

    No amount but 0 has a probability above 1/4 (of values that are one amount apart, no three are so in pairs; Motzkin
    and Straus 1965), so each seed beyond the second divides by at least 4. The sum of squares over all amounts, for two
    seeds, is at most 0.1341: with three neighbouring values of probabilities 0.27, 0.46 and 0.27, found by search.

    >>> [round(chance_of_the_same(seeds), 4) for seeds in (1, 2, 3, 4)]
    [1.0, 0.1341, 0.0335, 0.0084]
    """
    return 1.0 if seeds < 2 else 0.1341 * 4.0 ** (2 - seeds)


def _studentized(sample: np.ndarray, t: float, confidence: float) -> tuple[float, float]:
    """Half the width of the interval in standard errors of the sample, and the p value of the statistic t."""
    from scipy import stats

    distances = _distances(sample)
    # the sample itself counts as one more resample (hence + 1 here and in p), so that p is never 0 and the interval
    # leaves 0 out exactly where p is at most 1 - confidence
    beyond = math.floor((1 - confidence) * (RESAMPLES + 1) + 1e-9)  # resamples at or above the quantile
    quantile = np.partition(distances, -beyond)[-beyond] if beyond else math.inf
    quantile = max(quantile, stats.t.ppf((1 + confidence) / 2, len(sample) - 1))
    share = (1 + np.count_nonzero(distances >= t * (1 - 1e-9))) / (RESAMPLES + 1)  # 1e-9: ties on a grid stay ties
    return float(quantile), float(max(share, 2 * stats.t.sf(t, len(sample) - 1)))


def _distances(sample: np.ndarray) -> np.ndarray:
    """Distance of each resample's mean from the sample's, in standard errors of that resample; shape (RESAMPLES,)."""
    count, weights = len(sample), _weights(len(sample))
    centred = sample - sample.mean()
    means = weights @ centred / count
    variances = (weights @ centred**2 / count - means**2) * (count / (count - 1))
    least = (LEAST_SPREAD * sample.std(ddof=1)) ** 2
    distances: np.ndarray = np.abs(means) / np.sqrt(np.maximum(variances, least) / count)
    return distances


@lru_cache(maxsize=4)  # a comparison asks for many intervals, nearly all of the same number of seeds
def _weights(count: int) -> np.ndarray:
    """How often each of `count` values is in each resample; shape (RESAMPLES, count)."""
    drawn = np.random.default_rng(0).integers(count, size=(RESAMPLES, count)) + count * np.arange(RESAMPLES)[:, None]
    return np.bincount(drawn.ravel(), minlength=RESAMPLES * count).reshape(RESAMPLES, count).astype(float)


def holm(p_values: list[float], level: float = 0.05) -> list[bool]:
    """Which of several tests are significant together, at a family-wise error level (Holm 1979, step down).

    Args:
        p_values: one a test.
        level: probability of any false rejection among all of them.

    Returns:
        For each test, in the order of `p_values`, whether its hypothesis is rejected.

    >>> holm([0.01, 0.04, 0.03])
    [True, False, False]
    """
    rejected = [False] * len(p_values)
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        if p_values[index] > level / (len(p_values) - rank):
            break
        rejected[index] = True
    return rejected
