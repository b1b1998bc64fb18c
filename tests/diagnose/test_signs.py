"""Signs on records made by hand: each threshold is met from both sides."""

import math

import pytest
import torch

from steepest.diagnose.curve import Curve
from steepest.diagnose.finding import Diagnosis, ranked
from steepest.diagnose.losses.examples import of_labels, of_targets
from steepest.diagnose.record import ExampleFacts, LayerFacts, LossFacts, Record, StepFacts, Tick
from steepest.diagnose.schedule import COLDER, FIRST, HIDDEN, Schedule
from steepest.diagnose.signs import SIGNS, guessing, signs_of


def step_facts(**given):
    layers = [LayerFacts(name, 100, 1.0, 1.0, 0.01, 0.0) for name in ("0.weight", "1.weight", "2.weight")]
    return StepFacts(**{"layers": layers, "raw": 3**0.5, "descent": 0.01} | given)


def record(losses, ticks=(0, 1, 2, 3, 5, 8, 12, 18, 30), labels=None, **given):
    """A classification of four classes, whose guessing is log 4."""
    labels = labels or {0: 8, 1: 8, 2: 8, 3: 8}
    made = [
        Tick(step, 32, 1, [], LossFacts("cross_entropy", losses[step], 1.0, labels), step_facts(**given), 0.9)
        for step in ticks
        if step < len(losses)
    ]
    return Record(losses=Curve(losses), ticks=made, rates=[(0.1, 0.1, 0.1)])


def falling(steps=300, start=1.4, end=0.1):
    return [start * (end / start) ** (step / steps) for step in range(steps)]


@pytest.mark.quick
def test_a_training_that_goes_well_has_no_sign():
    assert guessing(record(falling())) == pytest.approx(math.log(4))
    assert {code: sign(record(falling())) for code, sign in SIGNS.items() if sign(record(falling()))} == {}


def test_nothing_learnt_is_told_late_and_only_where_nothing_else_was_found():
    stuck = [1.38] * 300
    assert SIGNS["no_signal"](record(stuck[:150])) is None
    numbers = SIGNS["no_signal"](record(stuck))
    assert numbers["guess"] == pytest.approx(math.log(4)) and numbers["loss"] == 1.38
    assert [found.code for found in ranked({"no_signal": numbers})] == ["no_signal"]
    both = {"no_signal": numbers, "dropout": {"step": 0, "share": 0.9, "keep": 0.1}}
    assert [found.code for found in ranked(both)] == ["dropout"]


@pytest.mark.parametrize(("height", "after", "told"), [(1.6, 60, True), (1.2, 60, False), (1.6, 5, False)])
def test_a_spike_is_a_leap_above_guessing_after_a_while_well_below(height, after, told):
    losses = [1.4] * 10 + [0.4] * after + [height] + [0.4] * 20
    found = SIGNS["spike"](record(losses))
    assert (found is not None) == told and (not told or found["step"] == 10 + after)


@pytest.mark.parametrize(
    ("height", "then", "told"), [(1.6, 0.5, False), (1.6, 1.0, True), (9.0, 0.5, True), (9.0, 1.0, True)]
)
def test_a_spike_that_is_overcome_is_told_only_where_it_was_far_above_guessing(height, then, told):
    losses = [1.4] * 10 + [0.4] * 60 + [height] + [then] * 60
    assert (SIGNS["spike"](record(losses)) is not None) == told
    assert SIGNS["spike"](record(losses[:90]))["step"] == 70  # it is not known yet whether it will be


@pytest.mark.parametrize(
    ("end", "peak", "told"), [(1.4, 3.0, True), (0.1, 3.0, False), (0.6, 20.0, True), (0.1, 20.0, False)]
)
def test_a_leap_that_is_overcome_is_no_sign_of_too_large_steps(end, peak, told):
    losses = [1.4, 1.4] + [peak] * 8 + falling(200, 1.4, end)
    found = SIGNS["lr_high"](record(losses))
    assert (found is not None) == told and (not told or found["sign"] == "leap")


def test_weights_that_grow_and_units_that_die():
    grown, died = record([1.5] * 300), record([1.5] * 300)
    for tick in grown.ticks[4:]:
        tick.update.layers = [LayerFacts("0.weight", 100, 20.0, 1.0, 0.01)]
    assert SIGNS["lr_high"](grown)["sign"] == "grown"
    for tick in died.ticks[4:]:
        tick.update.layers[1].zero_rows = 0.9
    assert SIGNS["lr_high"](died) is None  # steps did what they promised: the loss itself silences the units
    for tick in died.ticks:
        tick.gain = 0.3
    assert SIGNS["lr_high"](died) == {"sign": "died", "step": 5, "name": "1.weight", "share": 0.9, "heavy": False}


def test_clipping_is_told_from_a_gradient_scaler_and_from_adam():
    clipped = record([1.38] * 100, raw=400 * 3**0.5)
    assert SIGNS["clip"](clipped)["ratio"] == pytest.approx(400)
    assert SIGNS["clip"](record([1.38] * 100, raw=4 * 3**0.5)) is None
    assert SIGNS["clip"](record([1.38] * 100, raw=65536 * 3**0.5)) is None
    clipped.scale_free = True
    assert SIGNS["clip"](clipped) is None


def test_a_schedule_that_ends_early():
    early = record(falling())
    early.vanished = 120
    assert SIGNS["lr_vanished"](early) == {"share": 0.4, "high": 0.1, "part": 1000}
    early.vanished = 60
    assert SIGNS["lr_vanished"](early) is None


def test_a_warming_rate_is_not_called_low():
    slow = record([1.38] * 250, descent=1e-6)
    for tick in slow.ticks:
        tick.gain = 1.0
    assert SIGNS["lr_low"](slow) is not None
    for tick in slow.ticks:  # of an unknown loss nobody can say that nothing is learnt
        tick.loss = None
    assert SIGNS["lr_low"](slow) is not None
    slow.rates = [(0.001, 0.1, 0.1)]
    assert SIGNS["lr_low"](slow) is None


def test_batches_of_one_class_each_are_not_shuffled_and_one_class_only_is_constant():
    sorted_ones, same = record(falling()), record(falling(), labels={2: 32})
    for place, tick in enumerate(sorted_ones.ticks):
        tick.loss.labels = {place // 3: 32}
        tick.loss.examples = of_labels(torch.full((32,), place // 3), torch.ones(32, dtype=torch.bool), 32)
    assert SIGNS["not_shuffled"](sorted_ones)["ratio"] > 20 and SIGNS["labels"](sorted_ones) is None
    assert SIGNS["labels"](same) == {"kind": "class", "value": 2, "count": 288}


def test_ascent_by_the_sign_of_the_loss_and_of_the_step():
    up = record(falling())
    for tick in up.ticks:
        tick.loss.scale = -1.0
    assert SIGNS["ascent"](up) == {"by": "loss"}
    assert SIGNS["ascent"](record(falling(), descent=-0.01)) == {"by": "optimizer"}


def test_a_finding_says_when_it_began_and_whether_it_is_certain():
    nan = Diagnosis("nan", {"step": 7, "cause": "input", "ratio": 1.0})
    assert (nan.first_step, nan.certain, nan.step) == (7, True, 7)
    assert nan.text() == "an input is not finite at step 7; look for NaN in the data: torch.isfinite(inputs)"
    assert Diagnosis("shape", {"step": 0}).certain


@pytest.mark.quick
def test_the_share_of_time_is_kept():
    """Steps of 1 s, ticks of 10 s: after the debt of the first ones is paid, 5 % of the time goes to ticks."""
    now = 0.0
    schedule = Schedule(0.05, clock=lambda: now)
    ticks = []
    for step in range(20_000):
        if schedule.due(step):
            now += 10
            schedule.observed(step, 10 / COLDER)
            ticks.append(step)
        now += 1
    assert tuple(ticks[: len(FIRST)]) == FIRST
    assert 0.045 < COLDER * schedule.spent / 20_000 <= 0.0505
    assert 0 < sum(30 < step < 2_000 for step in ticks) <= 8  # while the debt is paid back, half as many


@pytest.mark.parametrize(
    ("code", "made", "step"),
    [
        ("no_signal", lambda: record([1.38] * 300), 199),
        ("init_large", lambda: record([9.0] * 40), 0),
        ("clip", lambda: record(falling(), raw=40.0), 3),
        ("dead_units", lambda: record([1.38] * 40, layers=[LayerFacts("0.weight", 9, 1.0, 1.0, 0.1, 0.7)]), 1),
    ],
)
def test_a_finding_names_the_step_at_which_its_sign_first_held(code, made, step):
    since = {}
    for _ in range(2):  # once found, it is remembered
        assert signs_of(made(), since)[code]["step"] == step and since[code] == step
    assert Diagnosis(code, {"step": step}).first_step == step


def test_a_learning_rate_that_vanished_did_so_when_it_had_been_small_for_a_third_of_the_steps():
    faded = record(falling(200))
    faded.vanished, faded.vanished_from, faded.rates = 150, 50, [(0.1, 0.1, 1e-6)]
    faded.ticks += [Tick(step) for step in range(40, 200, 10)]
    assert signs_of(faded, {})["lr_vanished"]["step"] == 79  # 29 of 79 are more than 0.3, 19 of 69 are less


@pytest.mark.quick
@pytest.mark.parametrize(("step_time", "share"), [(1e-3, 0.05), (3e-4, 0.09)])
def test_what_the_doctor_costs_in_every_step_is_taken_from_observed_ones(step_time, share):
    """23 microseconds in each step, ticks of 2 steps: 5 % at 1 ms, and 9 % at 0.3 ms."""
    now, steps, taken = 0.0, 100_000, 9e-6
    schedule = Schedule(0.05, clock=lambda: now)
    for step in range(steps):
        if schedule.due(step):
            now += 2 * step_time * COLDER
            schedule.observed(step, 2 * step_time)
        now += step_time + taken + HIDDEN
        schedule.passed(taken)
    assert share - 0.002 < now / (steps * step_time) - 1 <= share + 0.001


def test_losses_of_single_examples_lie_far_apart_and_are_no_spikes():
    apart = [1.4] * 10 + [0.2, 0.4, 0.65] * 20
    assert SIGNS["spike"](record([*apart, 1.8, 0.2])) is None
    assert SIGNS["spike"](record([*apart, 5.0, 0.2]))["high"] == 5.0


def test_a_plateau_is_a_constant_rate_whose_steps_promise_much_and_keep_nothing():
    flat = [1.4] * 50 + [0.4, 0.6] * 225
    late = (*range(0, 300, 30), 310, 350, 400, 450, 480)
    noisy = record(flat, late, descent=0.5)
    assert SIGNS["noise_floor"](noisy) == {"loss": 0.5, "excess": pytest.approx(0.25), "steps": 250}
    assert SIGNS["noise_floor"](record(flat, late, descent=0.1)) is None  # little of the loss is noise
    assert SIGNS["noise_floor"](record(falling(500), late, descent=0.5)) is None
    noisy.rates = [(0.1, 0.1, 0.01)]
    assert SIGNS["noise_floor"](noisy) is None


def test_steps_that_a_scaler_skips():
    def skipping(which, steps=120):
        made = record([1.4] * steps, (0, 1, 2, 3, 5, 8, 12, 18, 30, 60, 100))
        for tick in made.ticks:
            if which(tick.step):
                tick.overflow, tick.update = True, None
        return made

    assert SIGNS["loss_scale"](skipping(lambda step: step < 12)) is None  # until the scale is found
    assert SIGNS["loss_scale"](skipping(lambda step: step >= 12))["step"] == 12
    some = skipping(lambda step: step in (0, 2, 8, 18, 60))
    assert SIGNS["loss_scale"](some) is None
    some.still = 60
    assert SIGNS["loss_scale"](some) == {"kind": "many", "step": 0, "steps": 120, "share": 0.5}


def test_schedulers_at_the_wrong_place():
    early = record(falling())
    for tick in early.ticks[:7]:
        tick.moved = True
    assert SIGNS["scheduler"](early) == {"kind": "before"}
    slow = record(falling())
    slow.rates, slow.peak, slow.changes = [(0.004, 0.0042, 0.0042)], 0.1, 5
    assert SIGNS["scheduler"](slow) == {"kind": "epoch", "steps": 300, "now": 0.0042, "peak": 0.1}
    slow.changes = 280  # a long warm-up, step by step
    assert SIGNS["scheduler"](slow) is None


def test_held_out_rows_that_are_trained_on():
    shared = record(falling())
    for rows, told in (((7, 20), False), ((8, 20), True), ((40, 600), False)):
        shared.shared = rows
        assert (SIGNS["leak"](shared) is not None) == told


def regression(means, batch=32, facts=None):
    """A regression whose batches have these mean targets, with variance 1 within them."""
    made = record(falling(), range(len(means)))
    for tick, mean in zip(made.ticks, means, strict=True):
        tick.loss = LossFacts("squared_error", 1.0, 1.0, None, (batch, mean, 1.0), **(facts or {}))
        tick.loss.examples = ExampleFacts(32, (mean,), 1.0)
    return made


def test_batches_of_like_targets_are_not_shuffled():
    assert SIGNS["not_shuffled"](regression([-1.5, -1.0, -0.5, 0.0, 0.5, 1.0]))["kind"] == "targets"
    assert SIGNS["not_shuffled"](regression([0.1, -0.2, 0.15, 0.0, -0.1, 0.05])) is None
    assert SIGNS["not_shuffled"](regression([0.53, -0.53] * 4)) is None  # seven times as much as at random, but little


def test_sorted_rows_of_several_targets_are_not_shuffled():
    generator = torch.Generator().manual_seed(0)
    table = torch.randn(6 * 32, 70, generator=generator)  # more numbers than are kept apart
    mixed, ordered = regression([0.0] * 6), regression([0.0] * 6)
    table[:, 3] *= 9
    for made, rows in ((mixed, table), (ordered, table[table[:, 3].argsort()])):
        for place, tick in enumerate(made.ticks):
            tick.loss.examples = of_targets(rows[32 * place : 32 * place + 32])
    assert SIGNS["not_shuffled"](mixed) is None
    assert SIGNS["not_shuffled"](ordered)["kind"] == "targets"


def test_means_of_batches_that_rise_are_of_sorted_rows():
    rising = record(falling(), range(9))
    for tick in rising.ticks:
        tick.loss = LossFacts("other", far=30.0 + 0.1 * tick.step)
    assert SIGNS["not_shuffled"](rising)["kind"] == "rising"
    rising.ticks[4].loss.far = 0.0
    assert SIGNS["not_shuffled"](rising) is None


def test_targets_of_small_numbers_are_not_all_the_same():
    small = regression([1e-4, -1e-4, 2e-4, 0.0, 1e-4, 2e-4])
    for tick in small.ticks:
        tick.loss.targets = (32, tick.loss.targets[1], 1e-9)
    assert SIGNS["labels"](small) is None
    for tick in small.ticks:
        tick.loss.targets = (32, 3.0, 1e-13)  # what rounding leaves of numbers recovered from gradients
    assert SIGNS["labels"](small)["kind"] == "value"


def test_guessing_gives_each_entry_its_own_mean():
    images = regression([0.0] * 6, facts={"component": 0.4})
    images.losses = Curve([1.0] * 300)
    assert guessing(images) == pytest.approx(0.4)
    for tick in images.ticks:
        tick.loss.component = math.nan
    assert guessing(images) == pytest.approx(1.0)


def test_targets_far_on_one_side():
    assert SIGNS["target_scale"](regression([0.0] * 6, facts={"far": 2005.0}))["mean"] == 2005.0
    assert SIGNS["target_scale"](regression([0.0] * 6, facts={"far": 12.0})) is None


def test_a_period_in_epochs():
    waves = record(falling())
    waves.turns = 25
    assert SIGNS["scheduler"](waves) == {"kind": "period", "period": 12}
    waves.turns = 4
    assert SIGNS["scheduler"](waves) is None


def test_strong_decay_need_not_have_shrunk_all():
    pulled = record([1.38] * 300, decay=20.0)
    assert SIGNS["weight_decay"](pulled) is None
    for tick in pulled.ticks[-1:]:
        tick.update.layers = [LayerFacts("0.weight", 100, 1.3, 3**0.5, 0.01)]
    assert SIGNS["weight_decay"](pulled)["pull"] > 5
    for tick in pulled.ticks:
        tick.update.decay = 2.0
    assert SIGNS["weight_decay"](pulled) is None


@pytest.mark.parametrize(
    ("last", "decay", "least", "told"),
    [(0.6, 0.5, 0.5, True), (0.6, 0.2, 0.5, False), (0.6, 2.0, 0.7, False), (0.3, 2.0, 0.5, False)],
)
def test_a_decay_that_outweighs_the_first_gradients_is_told_of_a_loss_that_falls(last, decay, least, told):
    falls = record(falling(end=last), decay=decay)
    for tick in falls.ticks[-3:]:  # in the end gradient and decay are in balance
        weight = least * 3**0.5 if tick.step < 30 else 1.2
        tick.update.layers = [LayerFacts("0.weight", 100, weight, 20.0, 0.01)]
    assert (SIGNS["weight_decay"](falls) is not None) == told


def test_ascent_is_told_by_the_first_steps_since_what_rises_is_soon_beyond_recovery():
    rising = record([-1.4 * 1.5**step for step in range(40)])
    for tick in rising.ticks:
        tick.loss.scale = -1.0 if tick.step < 8 else 512.0
    assert SIGNS["ascent"](rising) == {"by": "loss"}
    rising.ticks[1].loss.scale = 1.0
    assert SIGNS["ascent"](rising)["by"] == "unbounded"


def test_a_penalty_in_the_loss_that_shrinks_the_weights():
    pulled = record([1.9] + [1.2] * 299)
    for tick in pulled.ticks:
        tick.loss.penalty = 0.8
    assert SIGNS["weight_decay"](pulled) is None
    for tick in pulled.ticks[-1:]:
        tick.update.layers = [LayerFacts("0.weight", 100, 0.5, 3**0.5, 0.01)]
    found = SIGNS["weight_decay"](pulled)
    assert found["kind"] == "penalty" and 0.5 < found["share"] < 0.8
    for tick in pulled.ticks:
        tick.loss.penalty = 0.01
    assert SIGNS["weight_decay"](pulled) is None


def test_a_leap_of_small_batches_lasts_as_many_examples():
    leapt = record([1.4] * 3 + [3.0] * 8 + [1.4] * 200)
    assert SIGNS["lr_high"](leapt)["sign"] == "leap"
    for tick in leapt.ticks:
        tick.batch = 2
    assert SIGNS["lr_high"](leapt) is None


@pytest.mark.parametrize(
    ("steps", "seen"), [(5, (0, 1, 2)), (112, (0, 1, 2)), (400, (0, 1, 2, 3, 5, 8)), (2000, FIRST)]
)
def test_where_the_number_of_steps_is_known_first_steps_cost_no_more_than_all_of_them_pay_for(steps, seen):
    """Steps of 1 ms, the first one of 40; ticks of 3 ms."""
    now, ticks = 0.0, []
    schedule = Schedule(0.05, clock=lambda: now, steps=steps)
    for step in range(steps):
        if schedule.due(step):
            now += 3e-3
            schedule.observed(step, 3e-3 / COLDER)
            ticks.append(step)
        now += 4e-2 if step == 0 else 1e-3
    assert tuple(ticks[: len(seen)]) == seen and all(step > FIRST[-1] for step in ticks[len(seen) :])
    assert COLDER * schedule.spent <= max(9e-3, 0.05 * steps * 1e-3) + 1e-9
