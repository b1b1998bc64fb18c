"""Signs of learning rates: too high, too low, ended, or of one group only."""

import math
from statistics import fmean, median

from ...findings.catalogue import TRAINING
from ..record import LayerFacts, Record, StepFacts
from .course import no_signal, vanishing
from .levels import EARLY, Numbers, level_of, recent, updates_in

__all__ = ["group_lr", "lr_high", "lr_low", "lr_vanished", "scheduler"]


def group_lr(record: Record) -> Numbers | None:
    """A group of parameters whose learning rate is nothing beside another one's, or throws its weights about."""
    highest = [high for _, high, _ in record.rates if math.isfinite(high)]
    if len(highest) < 2 or record.steps < 3:
        return None
    low, high = min(highest), max(highest)
    if high > TRAINING.group_rates * low:
        return {"kind": "low", "low": low, "high": high}
    share = _thrown(record)
    if high >= TRAINING.group_apart * low > 0 and share > TRAINING.group_throws:
        leap = _leap_of_steps(record)
        if lr_high(record) is not None or (leap is not None and leap["ratio"] > TRAINING.leap_far):
            return {"kind": "high", "low": low, "high": high, "share": share}
    return None


def _thrown(record: Record) -> float:
    """By how much first steps change the weights of the group with the largest rate; 0 if those of others, too."""
    fast: list[float] = []
    slow: list[float] = []
    for _, update in updates_in(record, EARLY):
        top = max((layer.rate for layer in update.layers if layer.rate > 0), default=math.nan)
        for shares, is_fast in ((fast, True), (slow, False)):
            layers = [layer for layer in update.layers if (layer.rate * TRAINING.group_apart > top) == is_fast]
            before = math.hypot(*(layer.weight for layer in layers))
            shares.append(math.hypot(*(layer.update for layer in layers)) / before if before > 0 else math.nan)
    known = [pair for pair in zip(fast[:3], slow[:3], strict=True) if all(map(math.isfinite, pair))]
    if len(known) < 3 or median(other for _, other in known) > TRAINING.group_throws:
        return 0.0
    return median(one for one, _ in known)


def lr_vanished(record: Record) -> Numbers | None:
    """A schedule that ends long before the training, or leaves so little of the rate that nothing more is learnt."""
    if record.steps < 50:
        return None
    high = max((high for _, high, _ in record.rates), default=0.0)
    if record.vanished > TRAINING.rate_vanished * record.steps:
        return {"share": record.vanished / record.steps, "high": high, "part": 1000}
    if record.dimmed > TRAINING.rate_dimmed * record.steps and not _learns(record, 0.0):
        return {"share": record.dimmed / record.steps, "high": high, "part": 30}
    return None


def scheduler(record: Record) -> Numbers | None:
    """A scheduler that is stepped between backward pass and step, or once an epoch where once a step was meant."""
    stepped = [tick.moved for tick, _ in updates_in(record)]
    if sum(stepped) >= 3 and fmean(stepped) > TRAINING.moved:
        return {"kind": "before"}
    period = record.steps / max(record.turns, 1)
    if record.turns >= 5 and period < TRAINING.rate_period:
        return {"kind": "period", "period": round(period)}
    rising = [last == high > first for first, high, last in record.rates]
    highest = max((high for _, high, _ in record.rates), default=0.0)
    seldom = 0 < record.changes < TRAINING.rate_changes * record.steps
    low = 0 < highest < TRAINING.rate_reached * record.peak
    if record.steps >= TRAINING.slow_steps and rising and all(rising) and seldom and low:
        return {"kind": "epoch", "steps": record.steps, "now": highest, "peak": record.peak}
    return None


def lr_high(record: Record) -> Numbers | None:
    """Steps beyond what the loss allows."""
    leap = _leap_of_steps(record)
    if no_signal(record) is None and _learns(record, leap["ratio"] if leap is not None else 0.0):
        return None
    heavy = {"heavy": any(update.momentum > 0.98 for _, update in updates_in(record, EARLY)) and not record.scale_free}
    probed = [tick for tick in record.ticks if not math.isnan(tick.gain)][:3]
    over = [tick for tick in probed if tick.gain < TRAINING.overshoot]
    if len(over) >= 2:
        return {"sign": "overshoot", "step": over[0].step, "gain": -min(tick.gain for tick in over)} | heavy
    if leap is not None:
        return leap | heavy
    updates = list(updates_in(record))
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
    early = [(tick, update) for tick, update in updates_in(record, EARLY) if update.weight > 0]
    gains = [tick.gain for tick, _ in early if not math.isnan(tick.gain)]
    shares = [update.update / update.weight for _, update in early]
    if len(gains) >= 3 and median(gains) < TRAINING.stuck_gain and median(shares) > TRAINING.stuck_change:
        return {"sign": "stuck", "share": median(shares), "steps": record.steps} | heavy
    return None


def _learns(record: Record, leap: float) -> bool:
    """Whether the last losses are well below those of guessing: large steps that come through harm nothing."""
    below = TRAINING.learns if leap < TRAINING.leap_far else TRAINING.learns_far
    return bool(recent(record) < below * level_of(record))


def first_leap(record: Record) -> Numbers | None:
    """The first loss, of those that nothing has looked at yet, that is above its start, as the following ones are.

    These are more of them where batches are small, whose losses vary.
    """
    begin, losses = record.losses.untold
    batches = [tick.batch for tick in record.data if tick.batch]
    count = max(3, math.ceil(TRAINING.leap_examples / median(batches))) if batches else 3
    start = max(level_of(record), fmean(record.losses[: count // 3]) if losses else math.nan)
    if count > 3:  # twice the standard deviation of a variance of so few examples
        start *= 1 + 2 * math.sqrt(2 / sum(batches))
    if not any(loss > TRAINING.leap * start for loss in losses):  # a million medians take a second
        return None
    for step in range(1, len(losses) - count + 1):
        if start > 0 and losses[step] > TRAINING.leap * start < median(losses[step : step + count]):
            peak = max((loss for loss in losses[step : step + count] if math.isfinite(loss)), default=math.inf)
            return {"sign": "leap", "step": begin + step, "loss": peak, "ratio": peak / start}
    return None


def _leap_of_steps(record: Record) -> Numbers | None:
    """The first leap, unless the batches were others: steps about it take off what their gradients promise, or hardly
    move the weights, all of them together.
    """
    leap = record.events.get("leap") or first_leap(record)
    if leap is None:
        return None
    near = [tick.gain for tick in record.ticks if abs(tick.step - leap["step"]) <= EARLY and not math.isnan(tick.gain)]
    if len(near) >= 3 and min(near) > TRAINING.leap_gain:
        return None
    rises = any(high > first for first, high, _ in record.rates)
    return None if _creeps(record) and not rises else leap


def _died(record: Record, heavy: Numbers) -> Numbers | None:
    """Units that steps have silenced which did not do what the gradient promised.

    Where they did, the loss itself silences them, as where nothing can be learnt from the inputs.
    """
    if vanishing(record) is not None:  # deep in a net all examples look alike to a unit, which any step turns off
        return None
    first: dict[str, float] = {}
    for tick, update in updates_in(record):
        gains = [each.gain for each in record.ticks if each.step <= tick.step and not math.isnan(each.gain)]
        kept = len(gains) >= 3 and median(gains) > TRAINING.stuck_gain
        for layer in update.layers:
            if math.isnan(layer.zero_rows):
                continue
            before = first.setdefault(layer.name, layer.zero_rows)
            if before <= TRAINING.died_before and layer.zero_rows > TRAINING.died and tick.step > 2 and not kept:
                later = [_layer(update, layer.name) for _, update in updates_in(record)][-3:]
                if all(each is not None and each.zero_rows > TRAINING.died for each in later):
                    return {"sign": "died", "step": tick.step, "name": layer.name, "share": layer.zero_rows} | heavy
    return None


def _layer(update: StepFacts, name: str) -> LayerFacts | None:
    return next((layer for layer in update.layers if layer.name == name), None)


def lr_low(record: Record) -> Numbers | None:
    """Steps that take off just what their gradients promise, and little of it."""
    gains = [tick.gain for tick in record.ticks if not math.isnan(tick.gain)]
    warming = any(first < high / 2 and last == high for first, high, last in record.rates)
    waits = record.vanished or (warming and no_signal(record) is None)  # not until all of it is wasted
    descents = [update.descent for _, update in updates_in(record) if update.descent > 0]
    if record.steps < TRAINING.slow_steps or len(descents) < 4 or waits:
        return None
    first, last = fmean(record.losses[:10]), fmean(record.losses[-20:])
    promised = record.steps * median(descents)
    bend = abs(1 - median(gains)) if len(gains) >= 4 else 1.0
    tiny = promised < TRAINING.slow_promise / 4 * first and _creeps(record)
    falls = bend < 1 - TRAINING.slow_straight and first - last > TRAINING.slow_kept * promised  # as far as promised
    slow = tiny or (bend < 1 - TRAINING.slow and (falls or promised < TRAINING.slow_promise * first))
    stuck = last > (1 - TRAINING.slow_progress) * first and not first < TRAINING.stuck * level_of(record)
    return {"steps": record.steps, "first": first, "last": last} if slow and stuck and first > 0 else None


def _creeps(record: Record) -> bool:
    """Whether all steps together change the weights by a few percent at most."""
    shares = [update.update / update.weight for _, update in updates_in(record) if update.weight > 0]
    return len(shares) >= 4 and record.steps * median(shares) < TRAINING.slow_change
