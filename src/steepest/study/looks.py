"""Studies that add seeds until the first is told apart: the numbers of seeds at which is looked, and the levels.

The looks are planned beforehand and share the error of one: see `steepest.statistics.sequential`.
"""

from typing import TYPE_CHECKING

from ..base.checks import check_whole
from ..statistics import nominal_level

if TYPE_CHECKING:
    from .plan import Plan

__all__ = ["LOOKS", "level_of", "looks_of", "next_look"]

MOST_SEEDS = 999
"""Of reports, which are numbered below those of trials."""

LEVEL = 0.047
"""Of all looks of a pair, as if the spread were known: Student's t of a dozen seeds makes 4.95 % of it, not 4.7."""

LOOKS = 4
"""The most looks: each further one makes all of them stricter, and spares few seeds."""


def looks_of(first: int, last: int) -> tuple[int, ...]:
    """The numbers of seeds at which is looked, from the first to the last, evenly spaced.

    Raises:
        InvalidValue: the last is no whole number above the first.

    >>> looks_of(12, 40), looks_of(12, 13)
    ((12, 21, 31, 40), (12, 13))
    """
    check_whole("until", last, first + 1, MOST_SEEDS)
    count = min(LOOKS, last - first + 1)
    return tuple(round(first + (last - first) * index / (count - 1)) for index in range(count))


def next_look(plan: "Plan") -> int | None:
    """The number of seeds of the next look; None after the last."""
    return next((seeds for seeds in plan.looks if seeds > plan.seeds), None)


def level_of(plan: "Plan", contestants: int) -> float | None:
    """The level of a verdict at a look about so many contestants; None where no looks are planned.

    Every contestant is compared with the first at a share of 5 %, which its looks share again.
    """
    if plan.seeds not in plan.looks:
        return None
    pairs = max(1, contestants - 1)
    return pairs * nominal_level(plan.looks, LEVEL / pairs)
