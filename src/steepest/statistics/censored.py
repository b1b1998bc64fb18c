"""Paired comparison of times of which some are censored: runs that ended before they reached the target."""

import math
from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import combinations, product

import numpy as np

from .intervals import Interval, standard_error_of

__all__ = ["FEW_PAIRS", "censored_interval", "fewest_pairs", "rank_differences"]

FEW_PAIRS = 8
"""Pairs from which on they are exchanged within themselves; of fewer, the values of all pairs change places freely."""

RESAMPLES = 9_999
"""Number of random exchanges where there are more than that."""


def censored_interval(
    logs: np.ndarray, confidence: float = 0.95, groups: Iterable[object] | None = None, margin: float = 0.0
) -> Interval:
    r"""By how much the second of two paired times is longer, where some are only known to be longer than a run.

    All times of both are ranked together, the misses tied in the last place; the statistic is the mean difference of
    the ranks within the pairs. If both are equally fast, the two of a pair might as well have changed places: p is the
    share of all such exchanges (of 9,999 random ones, if there are more) whose statistic is as far from 0. With seven
    pairs or fewer these are so few that almost no result would be clear; then all values change places freely, as in
    Wilcoxon's rank-sum test, which is cautious where the times within a pair go together. Where nothing is missed this
    is a signed-rank test. The interval holds every factor for which the second times, divided by it, are not told from
    the first (Hodges and Lehmann 1963); the estimate is the factor that leaves no difference of ranks. Dividing the
    times shortens the runs as well: what neither of the two could have reached by then counts as missed by both.

    Why so: a log-rank test stratified by pairs sees only who of each pair was first, which ten pairs can hardly tell;
    a bootstrap of times with a number in place of each miss depends on that number, and with few pairs and many misses
    calls twins different in up to 20 % of studies.

    Args:
        logs: logarithms of the times, shape (pairs, 2), inf where missed; pairs that both missed say nothing.
        confidence: of the interval, between 0 and 1.
        groups: the group of each pair, as for `bootstrap_interval`: where the groups' means differ by more than chance,
            the statistic counts as so much smaller.
        margin: half the interval of something that has been added to all second times; the interval is wider by it.

    Returns:
        An `Interval` of the logarithm of the factor; an end is infinite where misses hide it, and so is the mean where
        one of the two never arrived.

    >>> logs = np.log([[10, 30], [12, 25], [9, np.inf], [11, 28], [10, np.inf], [13, 35], [9, 22], [12, np.inf]])
    >>> interval = censored_interval(logs)
    >>> interval.p < 0.01, bool(2 < np.exp(interval.low) < np.exp(interval.mean) < 4)
    (True, True)
    """
    logs = np.asarray(logs, dtype=float).reshape(-1, 2)
    informative = np.isfinite(logs).any(axis=1)
    chosen = None if groups is None else [group for group, kept in zip(groups, informative, strict=True) if kept]
    first, second = logs[informative].T
    if len(first) == 0:
        return Interval(math.nan, -math.inf, math.inf, 1.0)

    arrived, arrived_second = first[np.isfinite(first)], second[np.isfinite(second)]
    last = max(arrived.max(initial=-math.inf), arrived_second.max(initial=-math.inf))  # of a run, as far as is known
    last = math.inf if len(arrived) + len(arrived_second) == 2 * len(first) else last  # no run was too short

    def test(shift: float) -> tuple[float, float]:
        """Sum of the differences of ranks, and p, with the second times divided by a factor."""
        end = min(last, last - shift)
        return _exchange_test(_cut(first, end), _cut(second - shift, end), chosen)

    _, p = test(0.0)
    if margin:
        p = max(p, test(-margin)[1], test(margin)[1])
    if len(arrived) and len(arrived_second):
        within = np.subtract.outer(arrived_second, arrived).ravel()
        candidates = np.concatenate([within, last - arrived, arrived_second - last])
        mean, low, high = _inverted(np.unique(candidates[np.isfinite(candidates)]), test, 1 - confidence)
    else:  # one of the two never arrived: the ranks are the same for any factor
        mean, low, high = (math.inf if len(arrived) else -math.inf), -math.inf, math.inf
    low, high = low - margin, high + margin
    if p <= 1 - confidence:  # the same decision, where p is not monotone or the test sees no factor at all
        low, high = (max(low, 0.0), high) if mean > 0 else (low, min(high, 0.0))
    return Interval(mean, low, high, p)


def fewest_pairs(level: float) -> int:
    """The least number of pairs from which on the clearest result is significant at a level."""
    clear = [2 / _exchanges(pairs) <= level for pairs in range(64)]
    return len(clear) - clear[::-1].index(False)


def _exchanges(pairs: int) -> int:
    return math.comb(2 * pairs, pairs) if pairs < FEW_PAIRS else 2**pairs


def rank_differences(logs: np.ndarray) -> np.ndarray:
    """By how many ranks the second time of each pair is behind the first, of all times together; misses tie last."""
    ranks = _ranks(*logs.T)
    differences: np.ndarray = ranks[len(logs) :] - ranks[: len(logs)]
    return differences


def _ranks(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    from scipy import stats

    ranks: np.ndarray = stats.rankdata(np.concatenate([first, second]))
    return ranks


def _cut(logs: np.ndarray, end: float) -> np.ndarray:
    return np.where(logs > end + 1e-12, math.inf, logs)


def _exchange_test(first: np.ndarray, second: np.ndarray, groups: list[object] | None) -> tuple[float, float]:
    ranks = _ranks(first, second)
    differences = ranks[len(first) :] - ranks[: len(first)]
    total, spread = float(differences.sum()), float(np.ptp(differences))
    if not differences.any():
        return 0.0, 1.0
    deflation = 1.0
    if groups is not None and spread > 0:
        deflation = standard_error_of(differences, None) / standard_error_of(differences, groups)
    few = len(first) < FEW_PAIRS
    sums = _splits(len(first)) @ ranks if few else _flips(len(first)) @ differences
    as_far = np.count_nonzero(np.abs(sums) >= abs(total) * deflation - 1e-9)
    random = len(sums) == RESAMPLES  # then the result itself counts as one more exchange, so that p is never 0
    return total, float(as_far + random) / (len(sums) + random)


@lru_cache(maxsize=8)
def _flips(pairs: int) -> np.ndarray:
    """Signs of the pairs' differences in each exchange; shape (exchanges, pairs)."""
    if 2**pairs <= RESAMPLES:
        return np.array(list(product((-1.0, 1.0), repeat=pairs)))
    return np.random.default_rng(0).choice((-1.0, 1.0), size=(RESAMPLES, pairs))


@lru_cache(maxsize=8)
def _splits(pairs: int) -> np.ndarray:
    """Signs of all values in each way to split them into two halves; shape (exchanges, 2 * pairs)."""
    halves = list(combinations(range(2 * pairs), pairs))
    signs = np.full((len(halves), 2 * pairs), -1.0)
    np.put_along_axis(signs, np.array(halves), 1.0, axis=1)
    return signs


def _inverted(
    candidates: np.ndarray, test: Callable[[float], tuple[float, float]], level: float
) -> tuple[float, float, float]:
    """Estimate and ends of the shifts that are not rejected.

    The ranks change only where a shift passes one of the `candidates`, so one test between each two of them is enough;
    the ends are found by bisection.
    """
    ends = np.concatenate([[-math.inf], candidates, [math.inf]])
    points = np.concatenate([[candidates[0] - 1], (candidates[1:] + candidates[:-1]) / 2, [candidates[-1] + 1]])
    middle = _first(len(points), lambda index: test(points[index])[0] <= 0)  # the sum falls as the shift grows
    start = min(middle, len(points) - 1)
    level_cell = middle < len(points) and test(points[middle])[0] == 0  # then any shift in it is an estimate
    if middle == len(points) or (level_cell and middle == len(points) - 1):
        mean = math.inf
    else:
        mean = float(points[middle] if level_cell and middle else ends[middle])
    below = _first(start, lambda index: test(points[index])[1] > level)
    above = start + _first(len(points) - start, lambda index: test(points[start + index])[1] <= level)
    low = -math.inf if mean == -math.inf else float(ends[below])
    high = math.inf if mean == math.inf else float(ends[above])
    return mean, low, high


def _first(count: int, holds: Callable[[int], bool]) -> int:
    """The first index that a condition holds for, which then holds for all later ones; `count` if for none."""
    low, high = 0, count
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low
