"""What a comparison is made of where nothing is said: of any workload, of a named set, and for a first look."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..workloads import SETS
from .plan import LECTURE_FIVE

__all__ = ["QUICK", "STANDARD", "with_defaults"]

STANDARD: Mapping[str, Any] = {
    "optimizers": LECTURE_FIVE, "trials": 32, "seeds": 12, "searches": None, "search_seeds": 3, "schedule": None,
}  # fmt: skip
"""Of any comparison."""

QUICK: Mapping[str, Any] = {"trials": 5, "seeds": 5, "searches": 1, "search_seeds": 1}
"""Of a first look."""


def with_defaults(workloads: str | Sequence[str], given: Mapping[str, Any], quick: bool = False) -> dict[str, Any]:
    """The options of a comparison: those given (not None), else those of a first look, of a set, of any comparison.

    >>> with_defaults(["digits"], {"trials": 4, "seeds": None})["trials"], with_defaults("applications", {})["trials"]
    (4, 8)
    """
    names = [workloads] if isinstance(workloads, str) else workloads
    of_set = next((SETS[name].study for name in names if name in SETS), {})
    chosen = {**STANDARD, **of_set, **(QUICK if quick else {})}
    return chosen | {name: value for name, value in given.items() if value is not None}
