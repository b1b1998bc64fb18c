"""Edges of searched ranges: best values that lie near the end of their range, and the wider range to try next."""

import json
import math
from collections.abc import Hashable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

import pandas as pd

from .trials import best_trials, trial_table

__all__ = [
    "OUTER", "Range", "Scale", "Span", "edges", "from_scale", "position", "settings_of", "side_of", "wider_range",
]  # fmt: skip

Range = tuple[float, float]
Scale = Literal["", "log", "linear", "near one"]


class Span(NamedTuple):
    """A range with its scale: "" is log where the range is above 0, else linear; "near one" is log of 1 - value."""

    low: float
    high: float
    scale: Scale = ""


Ranges = Mapping[str, Mapping[str, "Range | Span | None"]]
Side = Literal["low", "high"]

OUTER = 0.1
"""Share of a range, at either end, in which a best trial is at the edge."""

UNLIMITED = (-math.inf, math.inf)

COLUMNS = ["label", "name", "value", "side", "low", "high", "next_low", "next_high"]


def edges(runs: pd.DataFrame, ranges: Ranges | None = None, limits: Ranges | None = None) -> pd.DataFrame:
    """The hyperparameters whose best value lies in the outer tenth of its range, where a wider one may do better.

    The best value may lie outside of the range, where it is the rule's default; the range to try next goes on beyond.

    Args:
        runs: a table of runs; the column `settings` holds the searched values; without it only `lr` was searched.
        ranges: the searched ranges, by label and name; None for a setting that has no edges, such as one of a few
            values. Default: from the smallest to the largest value tried, where there are at least three.
        limits: open intervals that a value must stay in, by label and name, where there is such a limit.

    Returns:
        One row for each such hyperparameter: `label`, its `name`, `value` of the best trial, `side` ("low" or "high"),
        the range `low` to `high`, and the one to try next, `next_low` to `next_high`. Contestants all of whose trials
        broke have none.

    Raises:
        ValueError: a column is missing, or runs of several workloads.

    >>> runs = pd.DataFrame({
    ...     "label": "a", "phase": "search", "trial": [0, 1, 2], "lr": [0.01, 0.1, 1.0], "status": "finished",
    ...     "steps_to_target": [50.0, 30.0, 20.0], "final_loss": 0.1})
    >>> edges(runs)[["name", "side", "next_low", "next_high"]].values.tolist()
    [['lr', 'high', 0.01, 10.0]]
    """
    best = best_trials(runs)
    sound = best[best["broken"] < 1]
    rows = []
    for label, trials in trial_table(runs).groupby("label", sort=False):
        if label in sound.index:
            own_ranges, own_limits = (by_label.get(str(label), {}) for by_label in (ranges or {}, limits or {}))
            winner = settings_of(sound.loc[[label]]).iloc[0].to_dict()
            own_edges = _edges_of(settings_of(trials), winner, own_ranges, own_limits)
            rows += [(label, *edge) for edge in own_edges]
    return pd.DataFrame(rows, columns=COLUMNS)


def _edges_of(
    tried: pd.DataFrame, winner: Mapping[Hashable, Any], ranges: Mapping[str, Any], limits: Mapping[str, Any]
) -> Iterator[tuple[object, ...]]:
    """The edges of one contestant, as rows of `COLUMNS` without the label."""
    for name in map(str, tried.select_dtypes(float).columns):
        if (ends := ranges.get(name, _ends(tried[name]))) is None:
            continue
        span = Span(*ends)
        side = side_of(winner[name], *span)
        if side is None:
            continue
        wider = wider_range(*_reaching(winner[name], span), side, limits.get(name, UNLIMITED), span.scale)
        if wider != span[:2]:
            yield name, winner[name], side, *span[:2], *wider


def _reaching(value: float, span: Span) -> Range:
    """The range up to a value outside of it; on a log scale nothing reaches 0, on that of 1 - value nothing 1."""
    low, high, scale = span
    out_of_reach = value >= 1 if scale == "near one" else value <= 0 < low and scale != "linear"
    return (low, high) if out_of_reach else (min(value, low), max(value, high))


def settings_of(trials: pd.DataFrame) -> pd.DataFrame:
    """The hyperparameters of each trial, one a column: of floats, or where one is no number, of JSON."""
    if "settings" not in trials:
        return trials[["lr"]].astype(float)
    by_trial = [json.loads(text) for text in trials["settings"]]
    names = dict.fromkeys(name for settings in by_trial for name in settings)
    columns = {name: _column([settings.get(name, math.nan) for settings in by_trial]) for name in names}
    return pd.DataFrame(columns, index=trials.index)


def _column(values: list[Any]) -> list[Any]:
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return list(map(float, values))
    return list(map(json.dumps, values))


def _ends(values: "pd.Series[float]") -> Range:
    """From the smallest to the largest of three or more values; of fewer, a range without width, which has no edge."""
    low, high = float(values.min()), float(values.max())
    return (low, high) if values.nunique() > 2 else (low, low)


def position(value: float, ends: Range | Span) -> float:
    """Position of a value in a range: 0 at the low end, 1 at the high end, on the scale of the range (see `Span`).

    A value outside lies below 0 or above 1.

    >>> position(0.01, (1e-4, 1.0)), position(3, (0, 4)), round(position(0.99, Span(0.9, 0.999, "near one")), 9)
    (0.5, 0.75, 0.5)
    """
    low, high, scale = Span(*ends)
    if scale == "near one":
        return 1 - position(1 - value, (1 - high, 1 - low))
    if scale == "linear" or low <= 0:
        return (value - low) / (high - low)
    return math.log(value / low) / math.log(high / low) if value > 0 else -math.inf


def from_scale(share: float, ends: Range | Span) -> float:
    """The value at a position, from 0 to 1, in a range: the inverse of `position`.

    >>> from_scale(0.5, (1e-4, 1.0)), round(from_scale(0.5, Span(0.9, 0.999, "near one")), 9)
    (0.01, 0.99)
    """
    low, high, scale = Span(*ends)
    if scale == "near one":
        return 1 - from_scale(1 - share, (1 - high, 1 - low))
    if scale == "linear" or low <= 0:
        return low + (high - low) * share
    return float(low * (high / low) ** share)


def side_of(value: float, low: float, high: float, scale: Scale = "") -> Side | None:
    """The end of a range that a value lies at, within the outer tenth (see `position`); None if at neither.

    >>> side_of(0.0019, 0.001, 1.0), side_of(0.1, 0.0, 1.0), side_of(0.1, 0.001, 1.0)
    ('low', 'low', None)
    """
    if not low < high:
        return None
    share = position(value, Span(low, high, scale))
    tolerance = 1e-9  # a tenth is a tenth, whatever the logarithms round to
    return "low" if share <= OUTER + tolerance else "high" if share >= 1 - OUTER - tolerance else None


def wider_range(low: float, high: float, edge: Side, limits: Range = UNLIMITED, scale: Scale = "") -> Range:
    """The range to try next: half as wide again on the side where the best trial lay.

    Args:
        low: lower end of the range that was searched.
        high: upper end.
        edge: the side of the best trial.
        limits: the open interval that a value must stay in. Where the wider range would pass a limit, its end goes half
            of the way there.
        scale: of the range, on which it is extended; see `Span`.

    Returns:
        The new `(low, high)`.

    >>> wider_range(1e-4, 1.0, "low"), wider_range(0.0, 4.0, "high"), wider_range(0.5, 0.98, "high", (0.0, 1.0))
    ((1e-06, 1.0), (0.0, 6.0), (0.5, 0.99))
    >>> wider_range(0.9, 0.99, "high", (0.0, 1.0), "near one")
    (0.9, 0.99683772)
    """
    if scale == "near one":  # the same for the distance to 1
        mirrored = wider_range(1 - high, 1 - low, "high" if edge == "low" else "low", (1 - limits[1], 1 - limits[0]))
        return (round(1 - mirrored[1], 9), high) if edge == "low" else (low, round(1 - mirrored[0], 9))
    end, limit = (low, limits[0]) if edge == "low" else (high, limits[1])
    outwards = -1 if edge == "low" else 1
    is_log = low > 0 and scale != "linear"
    moved = end * math.sqrt(high / low) ** outwards if is_log else end + outwards * (high - low) / 2
    if outwards * moved >= outwards * limit:
        moved = (end + limit) / 2
    typed = float(f"{moved:.6g}")  # as it will be typed
    if outwards * typed < outwards * limit:
        moved = typed
    if not (math.isfinite(moved) and outwards * moved < outwards * limit):  # no room is left
        moved = end
    return (moved, high) if edge == "low" else (low, moved)
