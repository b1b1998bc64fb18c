"""Pictures of losses: that of every step of a training, and those of trials of an advice."""

import math
from collections.abc import Sequence
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from ...base.numbers import general
from ...base.text import Text
from ...diagnose.curve import Pieces
from ...diagnose.record import Record
from ...diagnose.signs import guessing_level
from ...findings.catalogue import phrase
from .numbers import Picture, pair, short, shorts

if TYPE_CHECKING:
    from ...diagnose.proof import Trial

__all__ = ["MOST_POINTS", "end_of", "loss", "trial_picture"]

MOST_POINTS = 1000
"""Points of a line: as many as a screen shows."""

MOST_GAPS = 20
"""Stretches without a finite loss that are marked, the longest ones."""


# --- the loss over all steps ------------------------------------------------------------------------------------------


def loss(record: Record) -> Picture | None:
    """The loss of every step, on held-out data too, and what guessing reaches."""
    pieces = record.losses.pieces()
    if not pieces.finite.any():
        return None
    end, low, high = end_of(record.steps, pieces.last_finite), pieces.low.min(), pieces.high.max()
    places = np.searchsorted(pieces.starts, _starts(record.steps), side="right") - 1
    places = np.unique(places[pieces.starts[places] <= end])
    starts = pieces.starts[places]
    shown = int(np.searchsorted(pieces.starts, end, side="right"))
    lines = [{"name": pair(Text("loss", "损失"))} | _grouped(pieces, places, shown), *_held_out(record, starts)]
    level = guessing_level(record)
    return {
        "kind": "lines", "title": pair(Text("Loss at each step", "每一步的损失")), "alt": pair(_told(pieces)),
        "observed": False, "axis": "log" if low > 0 and high > 10 * low else "linear",
        "steps": starts.tolist(), "end": end, "lines": lines, "zones": [], "gaps": _gaps(pieces),
        "levels": [{"value": short(level), "name": pair(Text("guessing", "随机猜测"))}] if math.isfinite(level) else [],
    }  # fmt: skip


def end_of(count: int, last: int) -> int:
    """The last of so many steps that is drawn: not far behind the last finite loss."""
    return min(count - 1, last + max(4, last // 5))


def _starts(count: int) -> Any:
    """First steps of the groups that are drawn as one point each: evenly spread, and finer at the beginning."""
    if count <= MOST_POINTS:
        return np.arange(count)
    places = np.linspace(0, count - 1, MOST_POINTS * 2 // 3), np.geomspace(1, count, MOST_POINTS // 3) - 1
    return np.unique(np.concatenate(places).astype(int))


def _grouped(pieces: Pieces, places: Any, shown: int) -> dict[str, Any]:
    """Mean of the finite losses of each group of pieces, and the least and largest where groups have several steps."""
    finite = pieces.finite[:shown]
    many = np.add.reduceat(finite, places)
    shares = finite / np.repeat(np.maximum(many, 1), np.diff([*places, shown]))
    line = {"values": np.add.reduceat(np.where(finite > 0, pieces.means[:shown], 0.0) * shares, places)}
    if len(places) < pieces.counts[:shown].sum():
        line["low"] = np.minimum.reduceat(pieces.low[:shown], places)
        line["high"] = np.maximum.reduceat(pieces.high[:shown], places)
    return {name: shorts(np.where(many > 0, each, np.nan)) for name, each in line.items()}


def _held_out(record: Record, starts: Any) -> list[dict[str, Any]]:
    """The line of the losses on held-out data, if there are any."""
    held = [(step, value) for step, value in record.validation if math.isfinite(value)]
    if not held:
        return []
    places = np.searchsorted(starts, [step for step, _ in held], side="right") - 1
    values: list[float | None] = [None] * len(starts)
    for place, (_, value) in zip(places.tolist(), held, strict=True):
        values[place] = short(value)
    return [{"name": pair(Text("loss on held-out data", "验证损失")), "values": values, "points": True}]


def _told(pieces: Pieces) -> Text:
    """The picture in words."""
    means = pieces.means[pieces.finite > 0]
    ends = means[0], means[-1], pieces.low.min(), pieces.high.max()
    first, last, low, high = (general(float(value), 3) for value in ends)
    count, lost = f"{pieces.counts.sum():,}", int((pieces.counts - pieces.finite).sum())
    en, zh = (f"; {lost:,} are not finite", f"；其中 {lost:,} 个不是有限数") if lost else ("", "")
    return Text(
        f"The loss of {count} steps: {first} at first, {last} at last, from {low} to {high}{en}",
        f"{count} 步的损失：最初 {first}，最后 {last}，范围 {low} 到 {high}{zh}",
    )


def _gaps(pieces: Pieces) -> list[list[int]]:
    """First and last steps of the stretches without a finite loss."""
    places = np.flatnonzero(np.diff(np.concatenate([[False], pieces.finite == 0, [False]]).astype(int)))
    edges = np.append(pieces.starts, pieces.counts.sum())[places]
    stretches = sorted(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True), key=lambda ends: ends[0] - ends[1])
    return sorted([first, end - 1] for first, end in stretches[:MOST_GAPS])


# --- trials of an advice ----------------------------------------------------------------------------------------------


def trial_picture(trial: "Trial") -> Picture | None:
    """The losses of runs as they are, and with the advice: the median of all pairs at each step, and their range."""
    ways = {"alone": Text("left alone", "不作改动"), "advised": Text("with the advice", "按建议")}
    lines = [
        _range_of(getattr(trial, way)) | {"name": pair(name)} for way, name in ways.items() if any(getattr(trial, way))
    ]
    shown = [value for line in lines for value in (*line["low"], *line["high"]) if value is not None]
    if not shown:
        return None
    steps = max(len(line["values"]) for line in lines)
    ends = {way: [loss for loss in getattr(trial, f"{way}_ends") if math.isfinite(loss)] for way in ways}
    alone, advised = (
        f"{general(min(losses), 3)} – {general(max(losses), 3)}" if losses else "–" for losses in ends.values()
    )
    told = Text(
        f"Losses at the end, left alone: {alone}; with the advice: {advised}",
        f"最终损失，不作改动：{alone}；按建议：{advised}",
    )
    title = Text(f"Tried {phrase('begun', trial.start)}", f"试验：{phrase('begun', trial.start, 'zh')}")
    return {
        "kind": "lines", "title": pair(title), "alt": pair(told), "observed": False, "gaps": [], "zones": [],
        "axis": "log" if min(shown) > 0 and max(shown) > 10 * min(shown) else "linear", "levels": [],
        "steps": list(range(steps)), "lines": lines, "end": steps - 1,
    }  # fmt: skip


def _range_of(runs: Sequence[Sequence[float]]) -> dict[str, Any]:
    """Median, least and largest of the runs at each step."""
    columns = [[loss for loss in losses if math.isfinite(loss)] for losses in zip(*runs, strict=False)]
    return {
        "values": shorts(median(column) if column else math.nan for column in columns),
        "low": shorts(min(column, default=math.nan) for column in columns),
        "high": shorts(max(column, default=math.nan) for column in columns),
    }
