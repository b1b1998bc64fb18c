"""Signs in a record: each is a function that gives the numbers of its finding, or None.

A sign reads the record and the thresholds of `findings/training.toml`, nothing else. Which finding explains another one
stands in that catalogue, too.
"""

import math
from collections.abc import Callable, Iterator
from statistics import fmean, median, stdev
from typing import Any

from ..findings.catalogue import TRAINING
from .record import LayerFacts, Record, StepFacts, Tick

__all__ = ["SIGNS", "guessing", "guessing_level", "signs_of"]

Numbers = dict[str, Any]
WINDOWS = (40, 80, 160)
"""Numbers of first steps over which it is looked whether losses rise."""

EARLY = 12
"""The last of the first steps, in which the initial state still shows."""


# --- what guessing reaches --------------------------------------------------------------------------------------------


def guessing(record: Record) -> float:
    """The loss of the best constant output: the entropy of the labels, the variance of the targets; NaN if unknown."""
    counts = _labels(record)
    if counts:
        total = sum(counts.values())
        return -math.fsum(count / total * math.log(count / total) for count in counts.values())
    moments = _targets(record)
    return moments[2] if moments is not None and _mean_squares(record) else math.nan


def _labels(record: Record) -> dict[int, int]:
    counts: dict[int, int] = {}
    for tick in record.ticks:
        for label, count in ((tick.loss and tick.loss.labels) or {}).items():
            counts[label] = counts.get(label, 0) + count
    return counts


def _targets(record: Record) -> tuple[int, float, float] | None:
    """Number, mean and variance of all targets seen."""
    seen = [tick.loss.targets for tick in record.ticks if tick.loss is not None and tick.loss.targets is not None]
    if not seen:
        return None
    total = sum(count for count, _, _ in seen)
    mean = math.fsum(count * mean for count, mean, _ in seen) / total
    variance = math.fsum(count * (spread + (own - mean) ** 2) for count, own, spread in seen) / total
    return total, mean, variance


def _mean_squares(record: Record) -> bool:
    """Whether the losses are means of squares, so that they compare with a variance."""
    pairs = [
        (tick.loss.mean, record.losses[tick.step])
        for tick in record.ticks
        if tick.loss is not None and tick.loss.targets is not None and tick.step < record.steps
    ]
    return bool(pairs) and all(math.isclose(one, other, rel_tol=0.1, abs_tol=1e-9) for one, other in pairs[:3])


def _per_example(record: Record) -> float:
    """The factor between the losses that were handed over and means over examples; NaN if unknown."""
    ratios = [
        record.losses[tick.step] / tick.loss.mean
        for tick in record.ticks[:6]
        if tick.loss is not None and tick.loss.mean > 0 and tick.step < record.steps
    ]
    ratios = [ratio for ratio in ratios if math.isfinite(ratio)]
    return median(ratios) if ratios else math.nan


def guessing_level(record: Record) -> float:
    """What guessing reaches, in the unit of the losses that were handed over; NaN if unknown."""
    guess, factor = guessing(record), _per_example(record)
    return guess * factor if guess > 0 and factor > 0 else math.nan


def _level(record: Record) -> float:
    """What guessing reaches, as `guessing_level`; the first losses where it is unknown."""
    level = guessing_level(record)
    if not math.isnan(level):
        return level
    first = [loss for loss in record.losses[:3] if math.isfinite(loss)]
    if first and max(first) > 3 * min(first):
        return first[0]  # they have leapt already
    return fmean(first) if first else math.nan


def _recent(record: Record, count: int = 20) -> float:
    """The median of the last losses."""
    last = [loss for loss in record.losses[-count:] if math.isfinite(loss)]
    return median(last) if last else math.nan


def _updates(record: Record, until: float = math.inf) -> Iterator[tuple[Tick, StepFacts]]:
    for tick in record.ticks:
        if tick.update is not None and tick.step <= until:
            yield tick, tick.update


# --- data -------------------------------------------------------------------------------------------------------------


def labels(record: Record) -> Numbers | None:
    """Targets that are all the same."""
    ticks = [tick for tick in record.ticks if tick.loss is not None and (tick.loss.labels or tick.loss.targets)]
    if len(ticks) < TRAINING.labels_ticks:
        return None
    counts = _labels(record)
    if len(counts) == 1 and sum(counts.values()) >= TRAINING.labels_least:
        return {"kind": "class", "value": next(iter(counts)), "count": sum(counts.values())}
    moments = _targets(record)
    if moments is not None and moments[0] >= TRAINING.labels_least:
        count, mean, variance = moments
        if variance <= 1e-8 * max(1.0, mean * mean):
            return {"kind": "value", "value": mean, "count": count}
    return None


def not_shuffled(record: Record) -> Numbers | None:
    """Batches whose labels differ more than those of a random draw: chi-squared of batches by classes."""
    tables = [tick.loss.labels for tick in record.ticks if tick.loss is not None and tick.loss.labels]
    counts = _labels(record)
    if len(tables) < TRAINING.shuffled_ticks or len(counts) < 2:
        return None
    total = sum(counts.values())
    squares = freedom = 0.0
    for table in tables:
        size = sum(table.values())
        if size < 8:
            continue
        squares += sum(
            (table.get(label, 0) - size * count / total) ** 2 / (size * count / total)
            for label, count in counts.items()
        )
        freedom += len(counts) - 1
    freedom -= len(counts) - 1
    ratio = squares / freedom if freedom > 0 else 0.0
    return {"ratio": ratio} if ratio > TRAINING.shuffled else None


def input_scale(record: Record) -> Numbers | None:
    """Inputs of another scale than networks are made for."""
    seen = [tick.inputs[0] for tick in record.ticks if tick.inputs and tick.inputs[0].size > 8 and tick.batch > 1]
    if len(seen) < 2 or record.normalized_input:
        return None
    deviation, mean = median(facts.deviation for facts in seen), median(facts.mean for facts in seen)
    low, high = TRAINING.input_deviation
    if not low <= deviation <= high or abs(mean) > TRAINING.input_offset * deviation:
        return {"mean": mean, "deviation": deviation}
    return None


def target_scale(record: Record) -> Numbers | None:
    """Targets of regression of another scale than outputs start with."""
    moments = _targets(record)
    if moments is None or moments[0] < 16:
        return None
    _, mean, variance = moments
    deviation, (low, high) = math.sqrt(variance), TRAINING.target_deviation
    if deviation > high or 0 < deviation < low or abs(mean) > TRAINING.target_offset * deviation > 0:
        return {"mean": mean, "deviation": deviation}
    return None


def output_range(record: Record) -> Numbers | None:
    """Targets of regression that the last activation cannot reach."""
    seen = [tick.loss.outside for tick in record.ticks if tick.loss is not None and tick.loss.targets is not None]
    if len(seen) >= 2 and median(seen) > TRAINING.range_share:
        return {"kind": record.last or "an activation", "share": median(seen), "loss": "squared_error"}
    return None


# --- arithmetic -------------------------------------------------------------------------------------------------------


def rounding(record: Record) -> Numbers | None:
    """Steps in half precision that rounding takes back."""
    shares = [(tick.step, update.unmoved) for tick, update in _updates(record) if not math.isnan(update.unmoved)]
    if len(shares) >= 3 and median(share for _, share in shares) > TRAINING.unmoved:
        return {"step": shares[0][0], "share": median(share for _, share in shares)}
    return None


def eps_large(record: Record) -> Numbers | None:
    """An eps that outweighs the root of the second moment."""
    seen = [update for tick, update in _updates(record) if tick.step > 0 and not math.isnan(update.small_root)]
    if len(seen) >= 2 and median(update.small_root for update in seen) > TRAINING.small_root:
        return {"share": median(update.small_root for update in seen), "eps": seen[0].eps}
    return None


# --- size of the steps ------------------------------------------------------------------------------------------------


def ascent(record: Record) -> Numbers | None:
    """Steps along the gradient, or down the negative of the loss."""
    early = [tick for tick in record.ticks if tick.step <= EARLY]
    scales = [tick.loss.scale for tick in early if tick.loss is not None and not math.isnan(tick.loss.scale)]
    if len(scales) >= 3 and all(scale < 0 for scale in scales):
        return {"by": "loss"}
    descents = [update.descent for tick, update in _updates(record, EARLY) if not math.isnan(update.descent)]
    if len(descents) >= 3 and all(descent < 0 for descent in descents):
        return {"by": "optimizer"}
    return _rises(record)


def _rises(record: Record) -> Numbers | None:
    """Losses that rise by what the steps promise to take off, where batches are alike."""
    gains = [tick.gain for tick in record.ticks if tick.step <= EARLY and not math.isnan(tick.gain)]
    if len(gains) < 3 or min(gains) < 0.5 or not_shuffled(record) is not None:
        return None
    for window in WINDOWS:
        losses, part = record.losses[:window], window // 4
        if len(losses) < window or not all(map(math.isfinite, losses)):
            return None
        descents = [update.descent for _, update in _updates(record, window) if not math.isnan(update.descent)]
        promised = (window - part) * median(descents)
        rise = fmean(losses[-part:]) - fmean(losses[:part])
        noise = (stdev(losses[:part]) + stdev(losses[-part:])) / part**0.5
        if rise > 3 * noise and rise > TRAINING.climbs * promised > 0:
            return {"by": "trend"}
    return None


def clip(record: Record) -> Numbers | None:
    """Gradients that reach the optimizer much shorter than they were."""
    seen = [(update.clipped, update.raw) for _, update in _updates(record) if update.raw > 0]
    clipped = [(ratio, raw) for ratio, raw in seen if ratio > TRAINING.clip]
    if len(seen) < 4 or len(clipped) < TRAINING.clip_share * len(seen) or record.scale_free:
        return None
    return {
        "ratio": median(ratio for ratio, _ in clipped),
        "share": len(clipped) / len(seen),
        "norm": median(raw for _, raw in clipped),
    }


def accumulation(record: Record) -> Numbers | None:
    """Several backward passes a step, each of a whole mean."""
    seen = [
        tick.backwards
        for tick in record.ticks
        if tick.update is not None
        and tick.loss is not None
        and tick.backwards >= TRAINING.accumulated
        and 0.9 < tick.loss.scale < 1.1
    ]
    if len(seen) >= 3 and not record.scale_free:
        return {"count": round(median(seen))}
    return None


def group_lr(record: Record) -> Numbers | None:
    """A group of parameters whose learning rate is nothing beside another one's."""
    highest = [high for _, high, _ in record.rates if math.isfinite(high)]
    if len(highest) > 1 and record.steps >= 3 and max(highest) > TRAINING.group_rates * min(highest):
        return {"low": min(highest), "high": max(highest)}
    return None


def lr_vanished(record: Record) -> Numbers | None:
    """A schedule that ends long before the training."""
    if record.steps >= 50 and record.vanished > TRAINING.rate_vanished * record.steps:
        return {"share": record.vanished / record.steps, "high": max(high for _, high, _ in record.rates)}
    return None


def weight_decay(record: Record) -> Numbers | None:
    """Weight decay that outweighs the loss."""
    seen = [(tick, update) for tick, update in _updates(record) if update.decay > 0 and update.gradient > 0]
    level = _level(record)
    if len(seen) < 4 or record.steps < 40 or not _recent(record) > TRAINING.decay_stuck * level:
        return None
    pull = median(update.decay * update.weight / update.gradient for _, update in seen)
    shrunk = seen[-1][1].weight / seen[0][1].weight if seen[0][1].weight > 0 else 1.0
    if pull > TRAINING.decay_pull and shrunk < TRAINING.decay_shrunk:
        return {"decay": seen[-1][1].decay, "pull": pull, "shrunk": shrunk}
    return None


def lr_high(record: Record) -> Numbers | None:
    """Steps beyond what the loss allows."""
    leap = _leap(record)
    if _learns(record, leap["ratio"] if leap is not None else 0.0):
        return None
    heavy = {"heavy": any(update.momentum > 0.98 for _, update in _updates(record, EARLY)) and not record.scale_free}
    probed = [tick for tick in record.ticks if not math.isnan(tick.gain)][:3]
    over = [tick for tick in probed if tick.gain < TRAINING.overshoot]
    if len(over) >= 2:
        return {"sign": "overshoot", "step": over[0].step, "gain": -min(tick.gain for tick in over)} | heavy
    if leap is not None:
        return leap | heavy
    updates = list(_updates(record))
    if updates and updates[0][1].weight > 0:
        for tick, update in updates:
            ratio = update.weight / updates[0][1].weight
            if ratio > TRAINING.grown:
                return {"sign": "grown", "step": tick.step, "ratio": ratio} | heavy
    return _died(record, heavy) or _stuck(record, heavy)


def _stuck(record: Record, heavy: Numbers) -> Numbers | None:
    """Nothing learnt after first steps that threw the initial weights about."""
    if no_signal(record) is None:
        return None
    early = [(tick, update) for tick, update in _updates(record, EARLY) if update.weight > 0]
    gains = [tick.gain for tick, _ in early if not math.isnan(tick.gain)]
    shares = [update.update / update.weight for _, update in early]
    if len(gains) >= 3 and median(gains) < TRAINING.stuck_gain and median(shares) > TRAINING.stuck_change:
        return {"sign": "stuck", "share": median(shares), "steps": record.steps} | heavy
    return None


def _learns(record: Record, leap: float) -> bool:
    """Whether the last losses are well below those of guessing: large steps that come through harm nothing."""
    below = TRAINING.learns if leap < TRAINING.leap_far else TRAINING.learns_far
    return bool(_recent(record) < below * _level(record))


def _leap(record: Record) -> Numbers | None:
    """A loss that is above its start for several steps."""
    start = max(_level(record), fmean(record.losses[:1]) if record.losses else math.nan)
    losses = record.losses
    if not any(loss > TRAINING.leap * start for loss in losses):  # a million medians take a second
        return None
    for step in range(1, len(losses) - 2):
        if start > 0 and median(losses[step : step + 3]) > TRAINING.leap * start:
            peak = max((loss for loss in losses[step : step + 3] if math.isfinite(loss)), default=math.inf)
            return {"sign": "leap", "step": step, "loss": peak, "ratio": peak / start}
    return None


def _died(record: Record, heavy: Numbers) -> Numbers | None:
    first: dict[str, float] = {}
    for tick, update in _updates(record):
        for layer in update.layers:
            if math.isnan(layer.zero_rows):
                continue
            before = first.setdefault(layer.name, layer.zero_rows)
            if before <= TRAINING.died_before and layer.zero_rows > TRAINING.died and tick.step > 2:
                later = [_layer(update, layer.name) for _, update in _updates(record)][-3:]
                if all(each is not None and each.zero_rows > TRAINING.died for each in later):
                    return {"sign": "died", "step": tick.step, "name": layer.name, "share": layer.zero_rows} | heavy
    return None


def _layer(update: StepFacts, name: str) -> LayerFacts | None:
    return next((layer for layer in update.layers if layer.name == name), None)


def lr_low(record: Record) -> Numbers | None:
    """Steps that take off just what their gradients promise, and little of it."""
    gains = [tick.gain for tick in record.ticks if not math.isnan(tick.gain)]
    warming = any(first < high / 2 and last == high for first, high, last in record.rates)
    if record.steps < TRAINING.slow_steps or len(gains) < 4 or record.vanished or warming:
        return None
    first, last = fmean(record.losses[:10]), fmean(record.losses[-20:])
    promised = record.steps * median(update.descent for _, update in _updates(record) if update.descent > 0)
    exact = abs(1 - median(gains)) < 1 - TRAINING.slow or promised < TRAINING.slow_promise / 10 * first
    slow = exact and promised < TRAINING.slow_promise * first
    stuck = last > (1 - TRAINING.slow_progress) * first and not last < TRAINING.stuck * _level(record)
    return {"steps": record.steps, "first": first, "last": last} if slow and stuck and first > 0 else None


# --- initial state ----------------------------------------------------------------------------------------------------


def init_large(record: Record) -> Numbers | None:
    """A first loss far above that of guessing."""
    if not record.ticks or record.ticks[0].step != 0 or record.ticks[0].loss is None:
        return None
    facts, guess = record.ticks[0].loss, guessing(record)
    if facts.labels is None or not guess > 0.1 or not facts.mean > TRAINING.start * guess:
        return None
    return {"loss": facts.mean, "guess": guess, "ratio": facts.mean / guess}


def dead_units(record: Record) -> Numbers | None:
    """Units that no example reaches, from the start."""
    early = [update for _, update in _updates(record, 3)]
    if len(early) < 2:
        return None
    shares: dict[str, list[float]] = {}
    for update in early:
        for layer in update.layers:
            if not math.isnan(layer.zero_rows):
                shares.setdefault(layer.name, []).append(layer.zero_rows)
    worst = max(shares, key=lambda name: min(shares[name]), default=None)
    if worst is not None and min(shares[worst]) >= TRAINING.dead:
        return {"name": worst, "share": min(shares[worst])}
    return None


def vanishing(record: Record) -> Numbers | None:
    """First layers whose gradient is nothing beside the last ones'."""
    early = [update for _, update in _updates(record, 3)]
    ratios = []
    for update in early:
        matrices = [layer for layer in update.layers if layer.name.endswith("weight") and layer.size > 1]
        if len(matrices) < 3:
            return None
        first, last = matrices[0], matrices[-1]
        if last.gradient > 0 and first.gradient > 0:
            ratios.append((first.gradient / first.size**0.5) / (last.gradient / last.size**0.5))
    if len(ratios) >= 2 and max(ratios) < TRAINING.vanishing:
        matrices = [layer for layer in early[0].layers if layer.name.endswith("weight")]
        return {"ratio": median(ratios), "first": matrices[0].name, "last": matrices[-1].name}
    return None


# --- how it goes ------------------------------------------------------------------------------------------------------


def spike(record: Record) -> Numbers | None:
    """A loss above that of guessing after it was well below it."""
    level, losses = _level(record), record.losses
    below = 0
    for step, loss in enumerate(losses):
        if below >= TRAINING.spike_after and loss > level:
            return {"step": step, "low": median(losses[max(0, step - 20) : step]), "high": loss}
        below = below + 1 if loss < TRAINING.spike_below * level else 0
    return None


def no_signal(record: Record) -> Numbers | None:
    """Nothing learnt in many steps."""
    guess, factor = guessing(record), _per_example(record)
    if record.steps < TRAINING.stuck_steps or not guess > 0 or not factor > 0:
        return None
    now = _recent(record, 40) / factor
    return {"steps": record.steps, "loss": now, "guess": guess} if now > TRAINING.stuck * guess else None


def overfitting(record: Record) -> Numbers | None:
    """A loss on held-out data that rises while the training loss falls."""
    if len(record.validation) < 4:
        return None
    step, least = min(record.validation, key=lambda pair: pair[1])
    now = fmean(loss for _, loss in record.validation[-2:])
    before = [loss for loss in record.losses[max(0, step - 10) : step + 10] if math.isfinite(loss)]
    falls = bool(before) and _recent(record) < fmean(before)
    if step < record.validation[-2][0] and least > 0 and now > TRAINING.overfit * least and falls:
        return {"step": step, "least": least, "now": now}
    return None


SIGNS: dict[str, Callable[[Record], Numbers | None]] = {
    sign.__name__: sign
    for sign in (
        labels, not_shuffled, input_scale, target_scale, output_range, rounding, eps_large, ascent, clip, accumulation,
        group_lr, lr_vanished, weight_decay, lr_high, lr_low, init_large, dead_units, vanishing, spike, no_signal,
        overfitting,
    )
}  # fmt: skip
"""Each sign by the code of its finding."""

LOOKS = 64
"""The most places of a record at which it is looked whether a sign held already."""


def signs_of(record: Record, since: dict[str, int]) -> dict[str, Numbers]:
    """The numbers of each sign that a record shows, with the `step` at which it was first so.

    Args:
        record: all that was seen.
        since: these steps by code, as far as they are known; new ones are added.
    """
    found = {code: numbers for code, sign in SIGNS.items() if (numbers := sign(record)) is not None}
    for code, numbers in found.items():
        if "step" not in numbers:
            if code not in since:
                since[code] = _first_step(SIGNS[code], record)
            numbers["step"] = since[code]
    return found


def _first_step(sign: Callable[[Record], Numbers | None], record: Record) -> int:
    """The first observed step after which the record showed a sign; in a long one every so many are tried."""
    steps = [tick.step for tick in record.ticks]
    tried = sorted(
        {
            *steps[:: max(1, len(steps) // LOOKS)],
            *(window - 1 for window in WINDOWS),
            TRAINING.slow_steps - 1,
            TRAINING.stuck_steps - 1,
        }
    )
    for step in tried:
        if step < record.steps and sign(record.until(step)) is not None:
            return int(step)
    return record.steps - 1
