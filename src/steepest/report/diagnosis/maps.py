"""Maps over the observed steps: a number of each layer, and the share of each class."""

import math
from collections.abc import Callable
from typing import Any

from ...base.numbers import general, percent
from ...base.text import Text
from ...diagnose.record import LayerFacts, Record, Tick
from .numbers import Picture, pair, spread

__all__ = ["MOST_COLUMNS", "MOST_ROWS", "PER_DECADE", "ZERO", "batches", "gradient", "silent", "update"]

MOST_COLUMNS, MOST_ROWS, MOST_CLASSES = 160, 400, 30
"""Observed steps, layers and classes of a map; of more, as many evenly spread ones, or the most frequent classes."""

FEW_ROWS = 60
"""Tensors of a model up to which biases have rows of their own."""

PER_DECADE, ZERO = 50, -9999
"""Steps of a cell of a logarithmic map in a factor of ten, and what stands for 0."""


def update(record: Record) -> Picture | None:
    """How much of each tensor a step changes."""
    title = Text("Change of each layer in a step, over its size", "每步中各层的变化与其大小之比")
    return _by_layer(record, title, lambda layer: layer.update / layer.weight if layer.weight > 0 else math.nan)


def gradient(record: Record) -> Picture | None:
    """The root mean square gradient of each tensor."""
    title = Text("Gradient of each layer, root mean square", "各层梯度的均方根")
    return _by_layer(record, title, lambda layer: layer.gradient / layer.size**0.5 if layer.size else math.nan)


def silent(record: Record) -> Picture | None:
    """The share of units of each layer that no example of the batch gives a gradient."""
    title = Text("Units of each layer without a gradient", "各层中没有梯度的单元")
    return _by_layer(record, title, lambda layer: layer.zero_rows, shares=True)


def batches(record: Record) -> Picture | None:
    """The share of each class in each observed batch."""
    ticks = spread([tick for tick in record.ticks if _labels(tick)], MOST_COLUMNS)
    counts: dict[int, int] = {}
    for tick in ticks:
        for label, count in _labels(tick).items():
            counts[label] = counts.get(label, 0) + count
    if not counts:
        return None
    classes = sorted(sorted(counts, key=lambda label: -counts[label])[:MOST_CLASSES])
    shares = [{label: count / sum(_labels(tick).values()) for label, count in _labels(tick).items()} for tick in ticks]
    cells = [[_percents(column.get(label, 0.0)) for column in shares] for label in classes]
    low, high = (choose(share for row in cells for share in row if share is not None) for choose in (min, max))
    told = Text(
        f"The classes of {len(ticks)} observed batches, each of which is from {low} to {high} % of a batch",
        f"{len(ticks)} 个观察批次中的类别，每个类别占批次的 {low}% 到 {high}%",
    )
    return {
        "kind": "map", "title": pair(Text("Classes in each observed batch", "各观察批次中的类别")), "alt": pair(told),
        "rows": [str(label) for label in classes], "steps": [tick.step for tick in ticks], "cells": cells,
        "log": False, "all": len(counts), "rowsAre": pair(Text("classes", "类别")),
    }  # fmt: skip


def _labels(tick: Tick) -> dict[int, int]:
    return (tick.loss.labels or {}) if tick.loss is not None else {}


def _by_layer(record: Record, title: Text, read: Callable[[LayerFacts], float], shares: bool = False) -> Picture | None:
    """A map of a number of each layer; None where no layer has it."""
    ticks = spread([tick for tick in record.ticks if tick.update is not None], MOST_COLUMNS)
    columns = [{layer.name: read(layer) for layer in tick.update.layers} for tick in ticks]
    names = list(dict.fromkeys(name for column in columns for name, value in column.items() if not math.isnan(value)))
    if len(names) > FEW_ROWS:
        names = [name for name in names if name.endswith("weight")] or names
    rows = spread(names, MOST_ROWS)
    values = [value for column in columns for name in rows if math.isfinite(value := column.get(name, math.nan))]
    if not values:
        return None
    cell, show = (_percents, percent) if shares else (_decades, _two_digits)
    ends = f"{show(min(values))} … {show(max(values))}"
    told = Text(
        f"{title.en}: {len(rows)} layers at {len(ticks)} observed steps, {ends}",
        f"{title.zh}：{len(rows)} 层，{len(ticks)} 个观察步，{ends}",
    )
    return {
        "kind": "map", "title": pair(title), "alt": pair(told), "rows": rows, "steps": [tick.step for tick in ticks],
        "cells": [[cell(column.get(name, math.nan)) for column in columns] for name in rows], "log": not shares,
        "all": len(names), "rowsAre": pair(Text("layers", "层")),
    }  # fmt: skip


def _two_digits(value: float) -> str:
    return general(value, 2)


def _percents(value: float) -> int | None:
    return None if math.isnan(value) else round(100 * value)


def _decades(value: float) -> Any:
    if value == 0:
        return ZERO
    return round(PER_DECADE * math.log10(value)) if 0 < value < math.inf else None
