"""What guessing reaches, and other levels that signs compare with."""

import math
from collections.abc import Iterator
from statistics import fmean, median
from typing import Any

from ...findings.catalogue import TRAINING
from ..record import Record, StepFacts, Tick

__all__ = [
    "EARLY",
    "Numbers",
    "class_counts",
    "constant_inputs",
    "guessing",
    "guessing_level",
    "level_of",
    "per_example",
    "recent",
    "target_moments",
    "updates_in",
]


Numbers = dict[str, Any]


EARLY = 12
"""The last of the first steps, in which the initial state still shows."""


def guessing(record: Record, each: bool = True) -> float:
    """The loss of the best constant output: the entropy of the labels, the variance of the targets; NaN if unknown.

    With `each`, every entry of an output has a constant of its own; else there is one for all of them.
    """
    counts = class_counts(record)
    if counts:
        total = sum(counts.values())
        return -math.fsum(count / total * math.log(count / total) for count in counts.values())
    known = [tick.loss.guess for tick in record.data if tick.loss is not None and not math.isnan(tick.loss.guess)]
    if known:
        return fmean(known)
    moments = target_moments(record)
    if moments is None or not _mean_squares(record):
        return math.nan
    inner = [tick.loss.component for tick in record.data if tick.loss is not None] if each else []
    known = [variance for variance in inner if not math.isnan(variance)]
    return min(moments[2], fmean(known)) if known else moments[2]


def constant_inputs(record: Record) -> bool:
    """Whether in all batches that were seen all examples have the same inputs."""
    return len(record.data) >= TRAINING.labels_ticks and all(tick.alike for tick in record.data)


def class_counts(record: Record) -> dict[int, int]:
    """The number of examples of each class, over all that was seen."""
    counts: dict[int, int] = {}
    for tick in record.data:
        for label, count in ((tick.loss and tick.loss.labels) or {}).items():
            counts[label] = counts.get(label, 0) + count
    return counts


def target_moments(record: Record) -> tuple[int, float, float] | None:
    """Number, mean and variance of all targets seen."""
    seen = [tick.loss.targets for tick in record.data if tick.loss is not None and tick.loss.targets is not None]
    if not seen:
        return None
    total = sum(count for count, _, _ in seen)
    mean = math.fsum(count * mean for count, mean, _ in seen) / total
    variance = math.fsum(count * (spread + (own - mean) ** 2) for count, own, spread in seen) / total
    return total, mean, variance


def _mean_squares(record: Record) -> bool:
    """Whether the losses are means of squares, so that they compare with a variance."""
    record = record.look or record
    pairs = [
        (tick.loss.mean, record.losses[tick.step] - tick.loss.penalty)
        for tick in record.ticks
        if tick.loss is not None and tick.loss.targets is not None and tick.step < record.steps
    ]
    return bool(pairs) and all(math.isclose(one, other, rel_tol=0.1, abs_tol=1e-9) for one, other in pairs[:3])


def per_example(record: Record) -> float:
    """The factor between the losses that were handed over and means over examples; NaN if unknown."""
    record = record.look or record
    ratios = [
        record.losses[tick.step] / tick.loss.mean
        for tick in record.ticks[:6]
        if tick.loss is not None and tick.loss.mean > 0 and tick.step < record.steps
    ]
    ratios = [ratio for ratio in ratios if math.isfinite(ratio)]
    return median(ratios) if ratios else math.nan


def guessing_level(record: Record) -> float:
    """What guessing reaches, in the unit of the losses that were handed over; NaN if unknown."""
    guess, factor = guessing(record), per_example(record)
    return guess * factor if guess > 0 and factor > 0 else math.nan


def level_of(record: Record) -> float:
    """What one constant for all entries reaches, in the unit of the losses; the first losses where it is unknown."""
    guess, factor = guessing(record, each=False), per_example(record)
    if guess > 0 and factor > 0:
        return guess * factor
    first = [loss for loss in record.losses[:3] if math.isfinite(loss)]
    if first and max(first) > 3 * min(first):
        return first[0]  # they have leapt already
    return fmean(first) if first else math.nan


def recent(record: Record, count: int = 20) -> float:
    """The median of the last losses."""
    last = [loss for loss in record.losses[-count:] if math.isfinite(loss)]
    return median(last) if last else math.nan


def updates_in(record: Record, until: float = math.inf) -> Iterator[tuple[Tick, StepFacts]]:
    """The observed steps that an optimizer made, up to a step, with what is known of each."""
    for tick in record.ticks:
        if tick.update is not None and tick.step <= until:
            yield tick, tick.update
