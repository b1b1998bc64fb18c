"""The losses of long trainings are thinned; what signs and pictures read of them is what the whole list tells."""

import math
import random
from itertools import pairwise
from statistics import fmean

import pytest

from steepest.diagnose import curve as module
from steepest.diagnose.curve import FIRST, LAST, Curve
from steepest.diagnose.record import LossFacts, Record, StepFacts, Tick
from steepest.diagnose.signs import SIGNS, settle


def thinned(losses):
    """The curve of a training in which they came one by one."""
    curve = Curve()
    for loss in losses:
        curve.append(loss)
        if curve.is_full:
            curve.fold()
    return curve


@pytest.fixture
def small(monkeypatch):
    """Curves that keep little."""
    for name, value in {"FIRST": 16, "LAST": 16, "MOST_BLOCKS": 8}.items():
        monkeypatch.setattr(module, name, value)


@pytest.mark.quick
def test_short_trainings_are_kept_to_the_last_loss():
    losses = [random.Random(0).random() for _ in range(FIRST + 2 * LAST - 1)]
    curve = thinned(losses)
    assert (
        list(curve) == losses
        and curve[-1] == losses[-1]
        and curve[FIRST - 3 : FIRST + 3 : 2] == losses[FIRST - 3 : FIRST + 3 : 2]
    )
    assert curve.untold == (0, losses)


@pytest.mark.parametrize("count", [0, 1, 15, 16, 17, 47, 48, 49, 80, 81, 1000, 4097])
def test_first_and_last_losses_are_exact_and_means_lie_between_them(small, count):
    losses = [random.Random(count).gauss(2.0, 1.0) for _ in range(count)]
    curve = thinned(losses)
    assert len(curve) == count == len(list(curve)) == curve.pieces().counts.sum()
    assert curve[:16] == losses[:16] and curve[max(0, count - 16) :] == losses[max(0, count - 16) :]
    begin, untold = curve.untold
    assert untold == losses[begin:] and (begin == 0 or 16 <= len(untold) < 32)
    pieces = curve.pieces()
    for start, size, mean, low, high in zip(
        pieces.starts, pieces.counts, pieces.means, pieces.low, pieces.high, strict=True
    ):
        own = losses[start : start + size]
        assert (min(own), max(own)) == (low, high) and mean == pytest.approx(fmean(own))
        assert curve[int(start)] == curve[int(start + size - 1)] == mean
    assert len(pieces.counts) <= 16 + 8 + 31
    with pytest.raises(IndexError):
        curve[count]


def test_means_of_stretches_are_those_of_the_losses(small):
    losses = [float(step) for step in range(1000)]  # linear, so that a share of a stretch has about its mean
    curve, bounds = thinned(losses), [0, 7, 16, 400, 700, 999, 1000]
    expected = [fmean(losses[start:stop]) for start, stop in pairwise(bounds)]
    assert curve.means(bounds) == pytest.approx(expected, abs=64)
    assert curve.means(bounds)[:2] == expected[:2] and curve.means([984, 1000]) == [fmean(losses[984:])]
    whole = curve.pieces().starts.tolist()[::5]
    assert curve.means(whole) == pytest.approx([fmean(losses[start:stop]) for start, stop in pairwise(whole)])
    losses[500] = math.nan
    held = thinned(losses)
    assert [math.isnan(mean) for mean in held.means(bounds)] == [False, False, False, True, False, False]
    assert held.pieces().finite.sum() == 999 and math.isfinite(held[500])  # the mean of its finite neighbours


def test_what_is_not_finite_in_a_whole_stretch_has_no_mean(small):
    losses = [1.0] * 200 + [math.inf] * 500 + [1.0] * 300
    curve = thinned(losses)
    assert math.isnan(curve[400]) and curve[900] == 1.0 and curve.pieces().last_finite == 999
    assert thinned([math.nan] * 300).pieces().last_finite == -1


@pytest.mark.parametrize("count", [0, 5, 16, 20, 333, 980, 999, 1000])
def test_a_curve_until_a_step_is_as_long_and_has_the_same_values(small, count):
    curve = thinned([float(step) for step in range(1000)])
    cut = curve.until(count)
    assert len(cut) == count and list(cut) == curve[:count]
    cut.append(-1.0)
    assert cut[-1] == -1.0 and len(curve) == 1000


def test_a_loss_that_comes_late_is_set(small):
    for count in (3, 40, 500):
        curve = thinned([1.0] * count)
        curve.correct(count - 1, 7.0)
        assert curve[-1] == 7.0 and curve[-2] == 1.0


def test_ten_million_steps_take_less_than_a_megabyte():
    curve = Curve([1.0] * 10_000_000)
    curve.fold()
    for _ in range(LAST):
        curve.append(1.0)
    assert curve.is_full and len(curve) == 10_000_000 + LAST and curve.nbytes <= 0.7 * 2**20
    assert curve.means([5_000_000, 10_000_000]) == [1.0]


# --- signs ------------------------------------------------------------------------------------------------------------


def trained(losses):
    """A record of a classification of four classes, whose losses came one by one."""
    labels = dict.fromkeys(range(4), 8)
    record = Record(rates=[(0.1, 0.1, 0.1)])
    for step, loss in enumerate(losses):
        record.losses.append(loss)
        if step in (0, 1, 2, 3, 5, 8, 12, 18, 30) or step % 50 == 0:
            facts = StepFacts([], descent=0.5)
            record.observe(Tick(step, 32, 1, [], LossFacts("cross_entropy", loss, 1.0, labels), facts, 0.9))
        if record.losses.is_full:
            settle(record)
    return record


def falling(count, noise=0.05):
    drawn = random.Random(1)
    return [0.2 + 1.2 * math.exp(-step / 40) + noise * drawn.random() for step in range(count)]


def spiked(count=2000):
    losses = falling(count)
    losses[700:705] = [9.0, 6.0, 4.0, 2.0, 1.0]
    return losses


def slowly_risen(count=2000):
    return [loss + 3 * math.exp(-(((step - 900) / 150) ** 2)) for step, loss in enumerate(falling(count))]


def leapt(count=2000):
    return falling(300) + [20.0] * 20 + [1.4] * (count - 320)


def stuck(count=2000):
    return [1.39 + 0.01 * (step % 3) for step in range(count)]


@pytest.mark.parametrize("made", [falling, spiked, slowly_risen, leapt, stuck])
def test_findings_of_a_thinned_record_are_those_of_the_whole_one(made, monkeypatch):
    losses = made(2000)
    whole = trained(losses)
    for name, value in {"FIRST": 256, "LAST": 128, "MOST_BLOCKS": 32}.items():
        monkeypatch.setattr(module, name, value)
    short = trained(losses)
    assert short.losses.nbytes < whole.losses.nbytes / 2 and short.steps == whole.steps
    for code, sign in SIGNS.items():
        one, other = sign(whole), sign(short)
        assert (one is None) == (other is None), code
        for name, value in (one or {}).items():
            assert other[name] == (pytest.approx(value, rel=0.02) if isinstance(value, float) else value), code
    told = {
        "falling": {"noise_floor"}, "spiked": {"spike", "noise_floor"}, "slowly_risen": {"noise_floor"},
        "leapt": {"spike", "lr_high", "no_signal"}, "stuck": {"no_signal"},
    }  # fmt: skip
    assert {code for code, sign in SIGNS.items() if sign(short)} >= told[made.__name__] - {"noise_floor"}
    assert (SIGNS["spike"](short) is not None) == ("spike" in told[made.__name__])


def test_a_spike_is_told_of_a_step_that_has_long_been_thinned(small, monkeypatch):
    monkeypatch.setattr(module, "FIRST", 64)
    record = trained(spiked(3000))
    assert SIGNS["spike"](record)["step"] == 700 and record.losses.untold[0] > 700
    assert SIGNS["spike"](record.until(600)) is None
