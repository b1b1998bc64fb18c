"""Signs of inputs, targets and their order."""

import math
from itertools import pairwise
from statistics import median

from ...findings.catalogue import TRAINING
from ..record import Record
from .levels import Numbers, class_counts, level_of, target_moments

__all__ = ["input_scale", "labels", "leak", "not_shuffled", "output_range", "target_scale"]


LEAST = 8
"""The fewest examples of a batch whose targets are compared with those of others."""


def labels(record: Record) -> Numbers | None:
    """Targets that are all the same."""
    ticks = [tick for tick in record.data if tick.loss is not None and (tick.loss.labels or tick.loss.targets)]
    if len(ticks) < TRAINING.labels_ticks:
        return None
    counts = class_counts(record)
    if len(counts) == 1 and sum(counts.values()) >= TRAINING.labels_least:
        return {"kind": "class", "value": next(iter(counts)), "count": sum(counts.values())}
    moments = target_moments(record)
    if moments is not None and moments[0] >= TRAINING.labels_least:
        count, mean, variance = moments
        if variance <= 1e-12 * max(1.0, mean * mean):
            return {"kind": "value", "value": mean, "count": count}
    return None


def not_shuffled(record: Record) -> Numbers | None:
    """Batches whose targets differ more than those of a random draw: the variance between them over that of all.

    An example counts once, whatever it has of targets: pixels of an image, and tokens of a sentence, are alike.
    """
    return _apart(record) or _rising(record)


def _rising(record: Record) -> Numbers | None:
    """Rows sorted by their target, where only the mean of a batch is known: it rises from batch to batch, or falls."""
    means = [
        tick.loss.targets[1] if tick.loss.targets is not None else tick.loss.far
        for tick in record.data
        if tick.loss is not None
    ]
    means = [mean for mean in means if not math.isnan(mean)]
    if len(means) < TRAINING.shuffled_rising:
        return None
    steps = [two - one for one, two in pairwise(means[: int(TRAINING.shuffled_rising)])]
    rises = all(step > 0 for step in steps) or all(step < 0 for step in steps)
    return {"kind": "rising", "count": len(steps) + 1, "low": min(means), "high": max(means)} if rises else None


def _apart(record: Record) -> Numbers | None:
    seen = [
        (tick.loss.examples, tick.batch)
        for tick in record.data
        if tick.loss is not None and tick.loss.examples is not None and tick.loss.examples.count >= LEAST
    ]
    if len(seen) < TRAINING.shuffled_ticks or len({len(each.middle) for each, _ in seen}) > 1:
        return None
    total = sum(each.count for each, _ in seen)
    columns = zip(*([each.count * entry for entry in each.middle] for each, _ in seen), strict=True)
    middle = [math.fsum(column) / total for column in columns]
    apart = [each.count * math.dist(each.middle, middle) ** 2 for each, _ in seen]
    within = math.fsum(each.count * each.variance for each, _ in seen)
    if math.fsum(apart) < TRAINING.shuffled_share * (within + math.fsum(apart)):
        return None  # targets that move on slowly, as those that a model makes for itself
    variance = (within + math.fsum(apart)) / total
    if not variance > 1e-12 * math.hypot(*middle) ** 2:
        return None
    own = [max(1.0, each.count / batch) if batch else 1.0 for each, batch in seen]  # outputs of the same example
    ratio = math.fsum(far / alike for far, alike in zip(apart, own, strict=True)) / (len(seen) - 1) / variance
    kind = "labels" if class_counts(record) else "targets"
    return {"ratio": ratio, "kind": kind} if ratio > TRAINING.shuffled else None


def input_scale(record: Record) -> Numbers | None:
    """Inputs of another scale than networks are made for."""
    fed = [tick.fed for tick in record.data if tick.fed and tick.batch > 1]
    whole = [tick.inputs[:1] for tick in record.data if tick.inputs and tick.batch > 1]
    by_layer = zip(*(fed or ([] if record.normalized_input else whole)), strict=False)
    low, high = TRAINING.input_deviation
    for seen in by_layer:
        if len(seen) < 2 or seen[0].size <= 8:
            continue
        deviation, mean = median(facts.deviation for facts in seen), median(facts.mean for facts in seen)
        if not low <= deviation <= high or abs(mean) > TRAINING.input_offset * deviation:
            return {"kind": "whole", "mean": mean, "deviation": deviation}
        if (apart := median(facts.apart for facts in seen)) > TRAINING.input_columns:
            return {"kind": "columns", "ratio": apart}
    return None


def leak(record: Record) -> Numbers | None:
    """Held-out inputs that are trained on as well."""
    alike, trained = record.shared
    if alike >= TRAINING.leaked and alike > (TRAINING.leaked_share + TRAINING.leaked_chance * record.chance) * trained:
        return {"count": alike, "of": trained}
    return None


def target_scale(record: Record) -> Numbers | None:
    """Targets of regression of another scale than outputs start with."""
    far = [tick.loss.far for tick in record.data if tick.loss is not None and not math.isnan(tick.loss.far)]
    if len(far) >= 3 and abs(median(far)) > TRAINING.target_offset:
        return {"mean": median(far), "deviation": math.nan, "known": False}
    moments = target_moments(record)
    if moments is None or moments[0] < 16 or record.losses[0] < TRAINING.starts_well * level_of(record):
        return None  # the outputs have the scale of the targets already
    _, mean, variance = moments
    deviation, (low, high) = math.sqrt(variance), TRAINING.target_deviation
    if deviation > high or 0 < deviation < low or abs(mean) > TRAINING.target_offset * deviation > 0:
        return {"mean": mean, "deviation": deviation, "known": True}
    return None


def output_range(record: Record) -> Numbers | None:
    """Targets of regression that the last activation cannot reach."""
    seen = [
        tick.loss.outside
        for tick in record.data
        if tick.loss is not None and (tick.loss.targets is not None or tick.loss.outside > 0)
    ]
    if len(seen) >= 2 and median(seen) > TRAINING.range_share:
        bend = next((tick.loss.bend for tick in record.data if tick.loss is not None and tick.loss.bend), record.last)
        return {"kind": bend or "an activation", "share": median(seen), "loss": "squared_error"}
    return None
