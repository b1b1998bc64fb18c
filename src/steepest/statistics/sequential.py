"""Sequential tests: the level of each of several looks at a growing table, so that all together err as often as one."""

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

__all__ = ["nominal_level"]

NODES = 96
"""Points of the quadrature over the sums that go on: the levels are then exact to six digits."""


def nominal_level(looks: Sequence[int], level: float = 0.05) -> float:
    """The level of each look, the same for all, with which they together tell a difference of 0 from 0 at `level`.

    Pocock's (1977) rule, for looks that need not be evenly spaced: the means at the looks are those of a sum of
    independent normal terms, and the sum is followed from look to look by numerical integration (Armitage, McPherson
    and Rowe 1969). Who looks only once has the whole level.

    Args:
        looks: numbers of pairs (seeds) at which is looked, increasing.
        level: of all looks together, two-sided.

    Returns:
        The level of one.

    >>> [round(nominal_level(range(1, count + 1)), 4) for count in (1, 2, 3, 4, 5)]  # Pocock's table
    [0.05, 0.0294, 0.0221, 0.0182, 0.0158]
    """
    from scipy import optimize, stats

    shares = np.asarray(looks, dtype=float) / looks[-1]
    if len(shares) == 1:
        return level
    least, most = stats.norm.isf(level / 2), stats.norm.isf(level / len(shares) / 2)  # one look's, and Bonferroni's
    bound = optimize.brentq(lambda z: _crossing(z, shares) - level, least, most, xtol=1e-9)
    return float(2 * stats.norm.sf(bound))


def _crossing(bound: float, shares: np.ndarray) -> float:
    """The probability that a sum, standardized at each look, ever exceeds the bound in size."""
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    here = bound * math.sqrt(shares[0]) * nodes
    density = _normal(here, shares[0])
    for before, after in pairwise(shares):
        there = bound * math.sqrt(after) * nodes
        moves = _normal(there[:, None] - here[None, :], after - before)
        density = moves @ (density * weights) * bound * math.sqrt(before)
        here = there
    return float(1 - density @ weights * bound * math.sqrt(shares[-1]))


def _normal(values: np.ndarray, variance: float) -> np.ndarray:
    density: np.ndarray = np.exp(-(values**2) / (2 * variance)) / math.sqrt(2 * math.pi * variance)
    return density
