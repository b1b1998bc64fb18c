"""Signs of what a step is made of: precision, direction, clipping, decay."""

import math
from statistics import fmean, median, stdev

from ...findings.catalogue import TRAINING
from ..record import LayerFacts, Record
from .data import not_shuffled
from .levels import EARLY, Numbers, guessing, level_of, recent, updates_in

__all__ = ["WINDOWS", "accumulation", "ascent", "clip", "eps_large", "loss_scale", "rounding", "weight_decay"]


def rounding(record: Record) -> Numbers | None:
    """Steps that rounding takes back: in half precision, or of large weights."""
    shares = [(tick.step, update.unmoved) for tick, update in updates_in(record) if not math.isnan(update.unmoved)]
    if len(shares) >= 3 and median(share for _, share in shares) > TRAINING.unmoved:
        return {"kind": "half", "step": shares[0][0], "share": median(share for _, share in shares)}
    large: dict[str, list[tuple[int, LayerFacts]]] = {}
    for tick, update in updates_in(record):
        for layer in update.layers:
            if not math.isnan(layer.unmoved) and layer.rate > 0:
                large.setdefault(layer.name, []).append((tick.step, layer))
    if not large or recent(record) < TRAINING.learns_far * fmean(record.losses[:10]):  # they need not move
        return None
    for name, seen in large.items():
        early = [layer.unmoved for step, layer in seen if step <= EARLY]  # later they may have come to rest
        share = median(layer.unmoved for _, layer in seen)
        if len(early) >= 3 and min(share, median(early)) > TRAINING.unmoved:
            step, first = seen[0]
            size = first.weight / math.sqrt(first.size)
            return {"kind": "large", "step": step, "share": share, "name": name, "size": size}
    return None


def eps_large(record: Record) -> Numbers | None:
    """An eps that outweighs the root of the second moment."""
    seen = [update for tick, update in updates_in(record) if tick.step > 0 and not math.isnan(update.small_root)]
    if len(seen) >= 2 and median(update.small_root for update in seen) > TRAINING.small_root:
        return {"share": median(update.small_root for update in seen), "eps": seen[0].eps}
    return None


WINDOWS = (40, 80, 160)
"""Numbers of first steps over which it is looked whether losses rise."""


STILL = 100
"""Steps after which a share of them that were skipped is told: by then a scaler has found its scale."""


def loss_scale(record: Record) -> Numbers | None:
    """Steps that a gradient scaler skips, since the gradients are not finite although the loss is."""
    seen = [tick for tick in record.ticks if tick.backwards and math.isfinite(record.losses[tick.step])]
    skipped = [tick.overflow and (tick.update is None or not tick.update.finite) for tick in seen]
    last = next((count for count, each in enumerate(skipped[::-1]) if not each), len(skipped))
    if last >= TRAINING.skipped_ticks and seen[-1].step - seen[-last].step >= TRAINING.skipped_steps:
        return {"kind": "all", "step": seen[-last].step, "steps": seen[-1].step - seen[-last].step, "share": 1.0}
    share = record.still / max(record.steps, 1)
    if sum(skipped) >= TRAINING.skipped_ticks and record.steps >= STILL and share > TRAINING.skipped_share:
        return {"kind": "many", "step": 0, "steps": record.steps, "share": share}
    return None


def ascent(record: Record) -> Numbers | None:
    """Steps along the gradient, or down the negative of the loss."""
    early = [tick for tick in record.ticks if tick.step <= EARLY]
    scales = [tick.loss.scale for tick in early if tick.loss is not None and not math.isnan(tick.loss.scale)]
    if record.maximizes:
        return {"by": "optimizer"} if len(scales) >= 3 and all(scale > 0 for scale in scales) else None
    if len(scales) >= 3 and all(scale < 0 for scale in scales[:5]):  # a loss that rises is soon beyond recovery
        return {"by": "loss"}
    minus = [tick for tick in early if tick.update is not None and tick.update.factor < 0]
    if len(minus) >= 3 and 2 * len(minus) > len(early) and _rises_far(record):  # no score, of which minus is right
        return {"by": "loss"}
    updates = [update for _, update in updates_in(record, EARLY) if not math.isnan(update.descent)]
    descents = [update.descent for update in updates]
    turned = [update for update in updates if update.turned and update.descent < 0]
    if len(turned) >= max(3, len(updates) - 1):  # in the first step nothing is known of it
        return {"by": "turned"}
    if len(descents) >= 3 and all(descent < 0 for descent in descents):
        return {"by": "optimizer"}
    return _unbounded(record) or _rises(record)


def _unbounded(record: Record) -> Numbers | None:
    """A loss that has fallen to where none has its least value.

    Most losses are never negative. Minus the logarithm of a density falls by the logarithm of how well targets are
    known: in float32 by 16 for each of their entries, which takes some 1 for a start.
    """
    losses, now = record.losses, recent(record)
    first = max((abs(loss) for loss in losses[:10] if math.isfinite(loss)), default=math.nan)
    return {"by": "unbounded", "loss": now} if now < -TRAINING.unbounded * max(first, 1.0) else None


def _rises_far(record: Record) -> bool:
    """Whether losses above 0 have become many times what they were."""
    first = fmean(record.losses[:3])
    return 0 < first < recent(record) / TRAINING.leap_far or not math.isfinite(record.losses[-1])


def _rises(record: Record) -> Numbers | None:
    """Losses that rise by what the steps promise to take off, where batches are alike."""
    gains = [tick.gain for tick in record.ticks if tick.step <= EARLY and not math.isnan(tick.gain)]
    if len(gains) < 3 or min(gains) < 0.5 or not_shuffled(record) is not None:
        return None
    for window in WINDOWS:
        losses, part = record.losses[:window], window // 4
        if len(losses) < window or not all(map(math.isfinite, losses)):
            return None
        descents = [update.descent for _, update in updates_in(record, window) if not math.isnan(update.descent)]
        promised = (window - part) * median(descents)
        rise = fmean(losses[-part:]) - fmean(losses[:part])
        if not rise > TRAINING.climbs * promised > 0:
            continue
        if rise > 3 * (stdev(losses[:part]) + stdev(losses[-part:])) / part**0.5:  # the noise of both means
            return {"by": "trend"}
    return None


def clip(record: Record) -> Numbers | None:
    """Gradients that reach the optimizer much shorter than they were, or with most of their entries at a bound."""
    bounded = [update.bounded for _, update in updates_in(record)]
    held = [share for share in bounded if share > TRAINING.clip_bounded]
    if len(bounded) >= 4 and len(held) >= TRAINING.clip_share * len(bounded) and not record.scale_free:
        return {"kind": "entries", "entries": median(held), "share": len(held) / len(bounded)}
    seen = [
        (update.clipped / max(update.factor, 1.0), update.raw) for _, update in updates_in(record) if update.raw > 0
    ]
    clipped = [(ratio, raw) for ratio, raw in seen if ratio > TRAINING.clip]
    if len(seen) < 4 or len(clipped) < TRAINING.clip_share * len(seen) or record.scale_free:
        return None
    return {
        "kind": "norm",
        "ratio": median(ratio for ratio, _ in clipped),
        "share": len(clipped) / len(seen),
        "norm": median(raw for _, raw in clipped),
    }


def accumulation(record: Record) -> Numbers | None:
    """Several backward passes a step, each of a whole mean: by the first steps, as later little is left of the loss."""
    counts, whole = [], 0
    for tick in record.ticks:
        count = max(tick.backwards, tick.calls)
        if tick.update is None or tick.loss is None or count < TRAINING.accumulated or math.isnan(tick.loss.scale):
            continue
        divided = tick.update.raw > 0.9 * count * tick.update.gradient  # the gradients, once they were summed
        counts.append(count)  # what is learnt already is not in the scale, so that it is nearer to 1 than to 1 / count
        whole += len(counts) <= FIRST_SUMS and count**-0.5 < tick.loss.scale < 1.1 and not divided
    return {"count": round(median(counts))} if 2 * whole > FIRST_SUMS and not record.scale_free else None


FIRST_SUMS = 5
"""Observed steps of several passes, the first ones, most of which must be of whole means."""


def weight_decay(record: Record) -> Numbers | None:
    """Weight decay, or a penalty that is part of the loss, that outweighs what is to be learnt."""
    return _decays(record) or _penalized(record)


def _penalized(record: Record) -> Numbers | None:
    seen = [(tick.loss.penalty, update) for tick, update in updates_in(record) if tick.loss is not None]
    guess = guessing(record)
    if len(seen) < 4 or record.steps < 40 or not recent(record) > TRAINING.learns_far * guess:
        return None
    penalty = median(penalty for penalty, _ in seen[:4])
    shrunk = seen[-1][1].weight / seen[0][1].weight if seen[0][1].weight > 0 else 1.0
    if penalty > TRAINING.penalty * guess and shrunk < TRAINING.decay_shrinks:
        return {"kind": "penalty", "share": penalty / guess, "shrunk": shrunk}
    return None


def _decays(record: Record) -> Numbers | None:
    seen = [(tick, update) for tick, update in updates_in(record) if update.decay > 0 and update.gradient > 0]
    if len(seen) < 4 or record.steps < 40 or not seen[0][1].weight > 0:
        return None
    level, now = level_of(record), recent(record)
    pulls = [(tick.step, update.decay * update.weight / update.gradient) for tick, update in seen]
    pull = median(pull for _, pull in pulls)
    shrunk = [update.weight / seen[0][1].weight for _, update in seen]
    shrinks = shrunk[-1] < (TRAINING.decay_shrinks if pull > TRAINING.decay_strong else TRAINING.decay_shrunk)
    if pull > TRAINING.decay_pull and shrinks and now > TRAINING.decay_stuck * level:
        return {"kind": "decay", "decay": seen[-1][1].decay, "pull": pull, "shrunk": shrunk[-1]}
    # in the end both are in balance, and what the decay took away may have grown again: the first steps tell more
    early = median([pull for step, pull in pulls if step <= EARLY] or [0.0])
    if early > TRAINING.decay_early and min(shrunk) < TRAINING.decay_shrunk and now > TRAINING.learns_far * level:
        return {"kind": "decay", "decay": seen[-1][1].decay, "pull": early, "shrunk": min(shrunk)}
    return None
