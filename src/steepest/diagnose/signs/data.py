"""Signs of inputs, targets and their order."""

import math
from statistics import median

from ...findings.catalogue import TRAINING
from ..record import Record
from .levels import Numbers, class_counts, level_of, target_moments

__all__ = ["input_scale", "labels", "leak", "not_shuffled", "output_range", "target_scale"]


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
        if variance <= 1e-8 * max(1.0, mean * mean):
            return {"kind": "value", "value": mean, "count": count}
    return None


def not_shuffled(record: Record) -> Numbers | None:
    """Batches whose labels differ more than those of a random draw: chi-squared of batches by classes."""
    if (ratio := _between(record)) > TRAINING.shuffled:
        return {"ratio": ratio, "kind": "targets"}
    tables = [(tick.loss.labels, tick.batch) for tick in record.data if tick.loss is not None and tick.loss.labels]
    counts = class_counts(record)
    if len(tables) < TRAINING.shuffled_ticks or len(counts) < 2:
        return None
    total = sum(counts.values())
    squares = freedom = 0.0
    for table, batch in tables:
        size = sum(table.values())
        if size < 8:
            continue
        alike = max(1.0, size / batch) if batch else 1.0  # labels of an example, as pixels: they may be all the same
        squares += sum(
            (table.get(label, 0) - size * count / total) ** 2 / (size * count / total) / alike
            for label, count in counts.items()
        )
        freedom += len(counts) - 1
    freedom -= len(counts) - 1
    ratio = squares / freedom if freedom > 0 else 0.0
    return {"ratio": ratio, "kind": "labels"} if ratio > TRAINING.shuffled else None


def _between(record: Record) -> float:
    """Variance of the targets' means between batches over what the variance within them leads one to expect."""
    seen = [
        tick.loss.targets
        for tick in record.data
        if tick.loss is not None and tick.loss.targets is not None and tick.loss.targets[0] == tick.batch >= 8
    ]
    if len(seen) < TRAINING.shuffled_ticks:
        return 0.0
    total = sum(count for count, _, _ in seen)
    middle = sum(count * mean for count, mean, _ in seen) / total
    between = sum(count * (mean - middle) ** 2 for count, mean, _ in seen) / (len(seen) - 1)
    within = sum(count * variance for count, _, variance in seen) / (total - len(seen))
    return between / within if within > 1e-12 * middle**2 else 0.0


def input_scale(record: Record) -> Numbers | None:
    """Inputs of another scale than networks are made for."""
    seen = [tick.inputs[0] for tick in record.data if tick.inputs and tick.inputs[0].size > 8 and tick.batch > 1]
    if len(seen) < 2 or record.normalized_input:
        return None
    deviation, mean = median(facts.deviation for facts in seen), median(facts.mean for facts in seen)
    low, high = TRAINING.input_deviation
    if not low <= deviation <= high or abs(mean) > TRAINING.input_offset * deviation:
        return {"mean": mean, "deviation": deviation}
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
        return {"kind": record.last or "an activation", "share": median(seen), "loss": "squared_error"}
    return None
