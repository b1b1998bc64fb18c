"""Signs of how a training starts, and of how it goes."""

import math
from itertools import pairwise
from statistics import fmean, median, stdev

from ...findings.catalogue import TRAINING
from ..record import Record
from .levels import Numbers, constant_inputs, guessing, level_of, per_example, recent, target_moments, updates_in

__all__ = ["dead_units", "init_large", "no_signal", "noise_floor", "overfitting", "spike", "vanishing"]


def init_large(record: Record) -> Numbers | None:
    """A first loss far above that of guessing; outputs far larger than all targets, or a function that is rough."""
    if not record.data or record.data[0].step != 0 or record.data[0].loss is None:
        return None
    facts, guess = record.data[0].loss, guessing(record)
    moments = target_moments(record)
    if facts.labels is not None:
        large = guess > 0.1 and facts.mean > TRAINING.start * guess
    elif facts.guess > 0 and moments is not None:
        large = facts.mean > TRAINING.start * max(1.0, math.hypot(moments[1], moments[2] ** 0.5))
    elif facts.kind == "squared_error" and moments is not None and guess > 0:
        large = facts.mean > TRAINING.start_squared * max(1.0, moments[1] ** 2 + moments[2])
    else:
        large = False
    if large:
        return {"kind": "loss", "loss": facts.mean, "guess": guess, "ratio": facts.mean / guess}
    return _rough(record)


def _rough(record: Record) -> Numbers | None:
    """Outputs of sines that change much more at the start, where inputs change a little, than those of a line."""
    seen = [tick.rough for tick in record.data if not math.isnan(tick.rough)]
    first = next((update for _, update in updates_in(record, 0)), None)
    if len(seen) < 2 or first is None or not median(seen) > TRAINING.rough:
        return None
    if not first.update < TRAINING.rough_change * first.weight:  # it may be the first step that made it so
        return None
    if _dead(record) is not None or vanishing(record) is not None:  # what is nearly constant has few places to change
        return None
    return {"kind": "rough", "rough": median(seen)}


def dead_units(record: Record) -> Numbers | None:
    """Units that no example reaches, from the start."""
    found = _dead(record)
    if found is None or recent(record) < TRAINING.learns_far * level_of(record):  # enough others do the work
        return None
    return found


def _dead(record: Record) -> Numbers | None:
    early = [update for _, update in updates_in(record, 3)]
    if len(early) < 2:
        return None
    shares: dict[str, list[float]] = {}
    for update in early:
        for layer in update.layers:
            if not math.isnan(layer.zero_rows):
                shares.setdefault(layer.name, []).append(layer.zero_rows)
    worst = max(shares, key=lambda name: min(shares[name]), default=None)
    if worst is None or (share := min(shares[worst])) < TRAINING.dead:
        return None
    if share < TRAINING.dead_cut and vanishing(record) is not None:  # deep in a net all examples look alike to a unit
        return None
    return {"name": worst, "share": share}


def vanishing(record: Record) -> Numbers | None:
    """First layers whose gradient is nothing beside the last ones', or all weights' beside that of the last bias.

    Where there is no bias, what the outputs have as a gradient stands for it. Where nothing is learnt, first layers are
    compared with any other one, and a hundredth of its gradient is too little.
    """
    late, found = no_signal(record), []
    stuck = late is not None and late["kind"] == "late"
    for tick, update in updates_in(record, 3):
        matrices = [layer for layer in update.layers if layer.is_matrix and layer.size > 1]
        if len(matrices) < 3:
            return None
        first, last = matrices[0], matrices[-1]
        if stuck:
            last = max(matrices, key=lambda layer: layer.root_mean_square)
        if first.root_mean_square > 0 and last.root_mean_square > 0:
            biases = [layer for layer in update.layers if not layer.is_matrix]
            bias = max(biases, key=lambda layer: layer.root_mean_square, default=last)
            shortened = update.clipped * update.scaler / update.scale  # by clipping, or a scale of one's own
            size, name = max((bias.root_mean_square, bias.name), (tick.slope / shortened, "output"))
            if not max(layer.root_mean_square for layer in matrices) < TRAINING.vanishing_all * size:
                size, name = last.root_mean_square, last.name  # else no signal comes forward: no weight has a gradient
            found.append((first.root_mean_square / size, first.name, name))
    limit = TRAINING.vanishing_stuck if stuck else TRAINING.vanishing
    if len(found) >= 2 and max(found)[0] < limit:
        return {"ratio": median(ratio for ratio, _, _ in found), "first": found[0][1], "last": found[0][2]}
    return None


def spike(record: Record) -> Numbers | None:
    """A loss above that of guessing after it was well below it; one that is soon where it was must be far above."""
    known, found = record.events.get("spike"), worst_spike(record)
    worst = max((each for each in (known, found) if each is not None), key=lambda each: each["high"], default=None)
    if worst is None or ("nan" in record.proved and not worst["high"] > TRAINING.spike_alone * worst["low"]):
        return None  # losses that grow until they are not finite grow step by step
    far = worst["high"] > TRAINING.leap_far * level_of(record)
    recovered = record.steps > worst["step"] + RECOVERED and recent(record) < TRAINING.spike_recovered * worst["low"]
    return worst if far or not recovered else None


def worst_spike(record: Record) -> Numbers | None:
    """The highest one among the losses that nothing has looked at yet; of several in a row the first."""
    level, (start, losses) = level_of(record), record.losses.untold
    if not level > 0 or not any(loss > level for loss in losses):  # a loss below 0 has no such level
        return None
    worst = None
    for step, loss in enumerate(losses):
        if loss > level and start + step >= TRAINING.spike_after:
            before, after = losses[max(0, step - NEAR) : step], losses[step + 1 : step + 4]
            if not loss > TRAINING.spike_over * max(before, default=math.inf):
                continue
            last = before[-int(TRAINING.spike_after) :]
            low = len(last) >= TRAINING.spike_after and sorted(last)[-1 - len(last) // 4] < TRAINING.spike_below * level
            over = TRAINING.spike_over if low else TRAINING.spike_alone
            alone = (
                len(before) >= TRAINING.spike_after
                and len(after) == 3
                and median(after) < TRAINING.spike_over * max(before)
            )
            is_spike = loss > over * max(before, default=math.inf) and (low or (loss > over * level and alone))
            follows = worst is not None and start + step <= worst["step"] + NEAR
            if is_spike and not follows and (worst is None or loss > worst["high"]):
                worst = {"step": start + step, "low": median(before[-20:]), "high": loss}
    return worst


NEAR = 50
"""Losses before a spike that it is compared with."""

RECOVERED = 30
"""Steps after a spike before which the last losses do not tell whether it was overcome."""


FEW = 100
"""Targets of which the variance is not known to a quarter."""


def no_signal(record: Record) -> Numbers | None:
    """Nothing learnt in many steps, or nothing to learn from."""
    if constant_inputs(record):
        return {"kind": "alike", "count": sum(tick.batch for tick in record.data)}
    guess, factor = guessing(record), per_example(record)
    if record.steps < TRAINING.stuck_steps or not guess > 0 or not factor > 0:
        return None
    moments = target_moments(record)
    if moments is not None and moments[0] < FEW:  # twice the standard deviation of a variance of so few targets
        guess *= 1 + 2 * math.sqrt(2 / moments[0])
    now = recent(record, 40) / factor
    learnt = not now > TRAINING.stuck * guess
    return None if learnt else {"kind": "late", "steps": record.steps, "loss": now, "guess": guess}


def noise_floor(record: Record) -> Numbers | None:
    r"""A loss that no longer falls, and lies well above where a smaller learning rate would take it.

    Where steps of a constant learning rate fall back as much as they gain, the loss lies about $D / (4 (1 - \beta))$
    above its floor: $D$ is what a step promises on its own batch, which is noise then, and $\beta$ is the memory of
    the gradients (a quadratic loss with gradients whose covariance is in proportion to its curvature).
    """
    if record.steps < TRAINING.plateau_steps or not all(first == high == last for first, high, last in record.rates):
        return None
    begin = record.steps // 2
    late_updates = [(tick, update) for tick, update in updates_in(record) if tick.step >= begin]
    if len(late_updates) < 4:
        return None
    means = record.losses.means([begin + place * (record.steps - begin) // 8 for place in range(9)])
    if not all(map(math.isfinite, means)):
        return None
    early, late, half = means[:4], means[4:], fmean(means)
    noise = stdev(means) / 2
    if fmean(early) - fmean(late) > max(noise, TRAINING.plateau_trend * fmean(late)):
        return None
    excess = median(update.descent / (4 * max(1 - update.momentum, 0.01)) for _, update in late_updates)
    if excess > TRAINING.plateau * half > 0:
        return {"loss": half, "excess": excess / half, "steps": begin}
    return None


def overfitting(record: Record) -> Numbers | None:
    """A loss on held-out data that rises while the training loss falls."""
    if len(record.validation) < 4:
        return None
    step, least = min(record.validation, key=lambda pair: pair[1])
    now = fmean(loss for _, loss in record.validation[-2:])
    before = [loss for loss in record.losses[max(0, step - 10) : step + 10] if math.isfinite(loss)]
    falls = bool(before) and recent(record) < fmean(before)
    since = [loss for when, loss in record.validation if when >= step]
    looks = [since[place * (len(since) - 1) // LOOKS] for place in range(LOOKS + 1)] if len(since) > LOOKS else []
    if looks and all(one < two for one, two in pairwise(looks)) and looks[-1] > TRAINING.overfit_steadily * least:
        now, rises = looks[-1], True  # each later look finds more
    else:
        rises = now > TRAINING.overfit * least
    if step < record.validation[-2][0] and least > 0 and rises and falls:
        return {"step": step, "least": least, "now": now}
    return None


LOOKS = 4
"""Looks at held-out data, evenly spread since the least loss, over which it is seen whether that rises steadily."""
