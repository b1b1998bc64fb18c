"""A study of several workloads at a glance: who is first on each, by how much, and how far behind all others are."""

import math
from dataclasses import dataclass

from ..base.numbers import NOTHING, times
from ..base.text import Text
from ..study import Comparison

__all__ = ["Place", "first_names", "lead", "places", "relative", "typical"]

NAMED = 3
"""Contestants that tie are named, up to so many."""


@dataclass(frozen=True)
class Place:
    """The verdict on one workload.

    Attributes:
        workload: its short name.
        first: the winner, or all that tie with it, the leader on top; empty where none reached the target.
        behind: the next one, which is clearly slower; None where there is none.
        ratio, low, high: how many times as much that one needs as the leader, and the 95 % interval.
    """

    workload: str
    first: tuple[str, ...]
    behind: str | None
    ratio: float
    low: float
    high: float


def places(study: Comparison) -> list[Place]:
    """The verdict on each workload, in the order of the plan; empty for one workload, or while runs are missing."""
    if len(study.plan.workloads) == 1 or not study.complete:
        return []
    names = study.plan.short_names
    found = []
    for name, part in study.by_workload().items():
        verdict = part.verdict
        order = [str(label) for label in part.table.index if label in verdict.first]
        behind = verdict.behind if verdict.first else None
        found.append(Place(names[name], tuple(order), behind, verdict.ratio, verdict.low, verdict.high))
    return found


def first_names(place: Place) -> Text:
    """Those that are first, in a cell of a table.

    >>> nan = float("nan")
    >>> first_names(Place("digits", ("Adam", "Lion", "Muon", "SGD", "SOAP"), None, nan, nan, nan)).en
    'Adam, Lion, Muon and 2 more tie'
    """
    if not place.first:
        return Text("none", "无")
    shown, more = place.first[:NAMED], len(place.first) - NAMED
    others, others_zh = (f" and {more} more", f" 等 {len(place.first)} 个") if more > 0 else ("", "")
    tie, tie_zh = (" tie", " 打平") if len(place.first) > 1 else ("", "")
    names, last = ", ".join(shown), len(shown) - 1
    if not others and last:
        names = f"{', '.join(shown[:last])} and {shown[last]}"
    return Text(f"{names}{others}{tie}", f"{'、'.join(shown)}{others_zh}{tie_zh}")


def lead(place: Place) -> str:
    """By how much the next one is behind: the ratio with its interval; of one that never reached the target, the least.

    >>> lead(Place("digits", ("Adam",), "SGD", 1.91, 1.26, 2.874)), lead(Place("digits", ("Adam",), None, 1, 1, 1))
    ('1.91 (1.26 – 2.87)', '—')
    """
    if place.behind is None:
        return NOTHING
    return f"{times(place.ratio)} ({times(place.low)} – {times(place.high)})"


def relative(study: Comparison) -> dict[str, list[tuple[float, bool]]]:
    """By label, for each workload, how many times as much it needs as the leader, and whether it is among the first.

    The ratio is over paired seeds, 1 for the leader, infinite for one that missed the target on most seeds; NaN where
    there is none: no run can be compared, or nobody reached the target. The best are on top, by the median over the
    workloads.
    """
    if len(study.plan.workloads) == 1 or not study.complete:
        return {}
    labels = dict.fromkeys(contestant.label for contestant in study.plan.contestants)
    rows: dict[str, list[tuple[float, bool]]] = {label: [] for label in labels}
    for part in study.by_workload().values():
        first, ratios = part.verdict.first, part.ratios["ratio"].to_dict() if len(part.table) > 1 else {}
        leader = str(part.table.index[0]) if len(part.table) and first else None
        for label, row in rows.items():
            ratio = 1.0 if label == leader else float(ratios.get(label, math.nan)) if leader else math.nan
            row.append((ratio, label in first))
    return dict(sorted(rows.items(), key=lambda item: typical([ratio for ratio, _ in item[1]])))


def typical(ratios: list[float]) -> float:
    """The median of ratios, with what is missing as worst."""
    ordered = sorted(math.inf if math.isnan(ratio) else ratio for ratio in ratios)
    return ordered[(len(ordered) - 1) // 2]
