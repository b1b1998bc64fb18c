"""How long steps are: groups whose rates do not fit, updates that rounding loses, slow falls, leaps and spikes."""

import pytest
import torch
from torch import nn

import steepest
from steepest.diagnose.curve import Curve
from steepest.diagnose.finding import ranked
from steepest.diagnose.rates import Rates
from steepest.diagnose.record import LayerFacts, LossFacts, Record, StepFacts, Tick
from steepest.diagnose.signs import SIGNS

STEPS = (0, 1, 2, 3, 5, 8, 12, 18, 30)


def record(losses, layers=None, gain=0.9, rates=((0.1, 0.1, 0.1),), descent=0.01):
    """A classification of four classes, whose guessing is log 4."""
    facts = LossFacts("cross_entropy", 1.4, 1.0, dict.fromkeys(range(4), 8))
    layers = layers or [LayerFacts("0.weight", 100, 1.0, 1.0, 0.01)]
    ticks = [Tick(step, 32, 1, loss=facts, update=StepFacts(layers, descent=descent), gain=gain) for step in STEPS]
    for tick in ticks:
        tick.loss = LossFacts("cross_entropy", losses[tick.step], 1.0, dict.fromkeys(range(4), 8))
    return Record(losses=Curve(losses), ticks=ticks, rates=list(rates))


def two_groups(ratio, thrown, others=0.01):
    fast = LayerFacts("head.weight", 100, 1.0, 1.0, thrown, rate=0.01 * ratio)
    return [LayerFacts("body.weight", 100, 1.0, 1.0, others, rate=0.01), fast]


@pytest.mark.parametrize(
    ("ratio", "thrown", "others", "peak", "codes"),
    [
        (100, 0.5, 0.01, 20.0, ["group_lr"]), (100, 0.5, 0.01, 2.5, ["group_lr"]),
        (3, 0.5, 0.01, 2.5, ["lr_high"]), (100, 0.05, 0.01, 2.5, ["lr_high"]), (100, 0.5, 0.5, 2.5, ["lr_high"]),
        (100, 0.5, 0.01, 1.4, []),
    ],
)  # fmt: skip
def test_too_large_steps_are_those_of_the_group_whose_weights_they_throw_about(ratio, thrown, others, peak, codes):
    rates = [(0.01, 0.01, 0.01), (0.01 * ratio,) * 3]
    losses = [1.4, 1.4] + [peak] * 8 + [1.2] * 200
    seen = record(losses, two_groups(ratio, thrown, others), gain=0.1, rates=rates)
    found = {code: numbers for code in ("group_lr", "lr_high") if (numbers := SIGNS[code](seen)) is not None}
    assert [finding.code for finding in ranked(found)] == codes


def test_a_group_that_throws_its_weights_about_is_told_although_the_rest_comes_through():
    losses = [1.4] + [20.0] * 8 + [0.05] * 200
    seen = record(losses, two_groups(100, 0.5), gain=0.1, rates=[(0.01,) * 3, (1.0,) * 3])
    assert SIGNS["lr_high"](seen) is None
    [finding] = ranked({"group_lr": SIGNS["group_lr"](seen) | {"step": 0}})
    assert "by 50" in finding.text("en") and "50" in finding.text("zh")


class Place(nn.Module):
    """Where something is, found from distances to points around an origin."""

    def __init__(self, origin, start):
        super().__init__()
        self.origin, self.at = origin, nn.Parameter(torch.full((2,), float(start)))

    def forward(self, points):
        return (points - (self.at - self.origin)).norm(dim=1)


@pytest.mark.parametrize(("origin", "rate", "told"), [(5e6, 0.01, True), (5e6, 2.0, False), (0.0, 0.01, False)])
def test_steps_that_a_large_coordinate_does_not_take_are_lost_to_rounding(origin, rate, told):
    points = torch.randn(64, 2, generator=torch.Generator().manual_seed(0))
    distances = (points - torch.tensor([1.0, -0.5])).norm(dim=1)
    model = Place(origin, origin)
    optimizer = torch.optim.Adam(model.parameters(), rate)
    doctor = steepest.watch(model, optimizer, budget=1.0)
    for _ in range(60):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(points), distances)
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    found = [finding for finding in doctor.findings if finding.code == "rounding"]
    assert bool(found) == told
    if told:
        assert found[0].numbers["name"] == "at" and "at" in found[0].text("zh") and "5" in found[0].text("en")


@pytest.mark.parametrize(("end", "fit"), [(0.98, False), (0.7, True)])
def test_large_weights_that_come_to_rest_or_need_not_move_lose_nothing(end, fit):
    losses = [1.4 * end ** (step / 300) for step in range(300)] if not fit else [1.4] * 10 + [0.1] * 290
    still = [LayerFacts("offset", 10, 1e6, 1.0, 0.0, rate=0.1, unmoved=1.0)]
    moves = [LayerFacts("offset", 10, 1e6, 1.0, 1.0, rate=0.1, unmoved=0.0)]
    seen = record(losses, still)
    assert (SIGNS["rounding"](seen) is None) == fit
    for tick in seen.ticks[:5]:
        tick.update = StepFacts(moves)
    assert SIGNS["rounding"](seen) is None


@pytest.mark.parametrize(
    ("start", "end", "told"), [(1.38, 1.2, True), (1.38, 1.05, False), (1.0, 0.95, False), (1.3, 1.2, True)]
)
def test_a_fall_of_less_than_a_fifth_is_slow_unless_it_starts_well_below_guessing(start, end, told):
    seen = record([start] * 20 + [end] * 280, gain=1.0, descent=1e-4)
    assert (SIGNS["lr_low"](seen) is not None) == told


@pytest.mark.parametrize(
    ("end", "gain", "descent", "told"),
    [
        (1.2, 0.995, 2e-3, True), (1.39, 0.995, 2e-3, False), (1.2, 0.98, 2e-3, False),
        (1.2, 0.98, 5e-4, True), (1.39, float("nan"), 5e-5, True), (1.39, float("nan"), 5e-4, False),
    ],
)  # fmt: skip
def test_steps_are_too_short_where_the_loss_falls_as_they_promise_or_weights_hardly_move(end, gain, descent, told):
    still = [LayerFacts("0.weight", 100, 1.0, 1.0, 1e-4)]
    seen = record([1.4 - (1.4 - end) * step / 300 for step in range(300)], still, gain=gain, descent=descent)
    assert (SIGNS["lr_low"](seen) is not None) == told


def test_what_moves_its_weights_far_is_not_slow_for_losses_that_cannot_be_computed_again():
    seen = record([1.4] * 300, gain=float("nan"), descent=5e-5)
    assert SIGNS["lr_low"](seen) is None


@pytest.mark.parametrize(("end", "rate", "told"), [(1.3, 0.002, True), (0.4, 0.002, False), (1.3, 0.02, False)])
def test_a_rate_of_a_thirtieth_has_vanished_where_nothing_more_is_learnt(end, rate, told):
    model = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    seen = record([1.4] * 20 + [end] * 80)
    rates = Rates(seen, [optimizer])
    for step in range(100):
        optimizer.param_groups[0]["lr"] = 0.1 if step < 20 else rate
        rates.read(step + 1)
    found = SIGNS["lr_vanished"](seen)
    assert found == ({"share": 0.8, "high": 0.1, "part": 30} if told else None)
    if told:
        shown = ranked({"lr_vanished": found | {"step": 50}})[0]
        assert "1/30 " in shown.text("en") and "1/30" in shown.text("zh")
        assert SIGNS["lr_vanished"](seen.until(60)) == {"share": 41 / 61, "high": 0.1, "part": 30}
        assert SIGNS["lr_vanished"](seen.until(30)) is None


def test_a_warm_up_has_not_vanished():
    optimizer = torch.optim.SGD(nn.Linear(2, 1).parameters(), 0.1)
    seen = record([1.4] * 100)
    rates = Rates(seen, [optimizer])
    for step in range(100):
        optimizer.param_groups[0]["lr"] = 1e-4 * (step + 1)
        rates.read(step + 1)
    assert seen.dimmed == 0 and SIGNS["lr_vanished"](seen) is None


def test_a_leap_is_of_the_batches_where_all_steps_together_hardly_move_the_weights():
    losses, still = [0.9, 1.2, 1.3, *[2.4] * 4, *[1.3] * 200], [LayerFacts("0.weight", 100, 1.0, 1.0, 1e-5)]
    assert SIGNS["lr_high"](record(losses, gain=float("nan")))["sign"] == "leap"
    assert SIGNS["lr_high"](record(losses, still, gain=float("nan"))) is None
    warming = record(losses, still, gain=float("nan"), rates=[(1e-6, 0.1, 0.1)])  # steps may have grown since
    assert SIGNS["lr_high"](warming)["sign"] == "leap"


def test_a_leap_among_steps_that_take_off_what_they_promise_is_of_the_batches():
    losses = [0.9, 1.2, 1.3, *[2.4] * 4, *[1.3] * 200]
    assert SIGNS["lr_high"](record(losses, gain=0.1))["sign"] == "leap"
    assert SIGNS["lr_high"](record(losses, gain=0.99)) is None


def test_what_does_not_get_beyond_a_constant_does_not_learn_however_the_first_loss_was():
    wild = [LayerFacts("0.weight", 100, 1.0, 1.0, 0.5)]
    seen = record([1.4] * 300, wild, gain=0.2)
    for tick in seen.ticks:  # entries of an output that have means of their own: one constant for all is far worse
        tick.loss = LossFacts("squared_error", 1.4, 1.0, None, (320, 0.0, 10.0), component=1.45)
    assert SIGNS["lr_high"](seen)["sign"] == "stuck"


@pytest.mark.parametrize(("rise", "told"), [([500.0, 9e4], ["spike"]), ([2.0, 8.0, 40.0, 300.0], ["nan"])])
def test_a_spike_from_one_step_to_the_next_is_why_what_follows_is_not_finite(rise, told):
    seen = record([1.4] * 10 + [0.4] * 60 + rise + [float("nan")] * 30)
    seen.prove("nan", step=70 + len(rise), cause="growth", ratio=100.0)
    found = seen.proved | ({"spike": numbers} if (numbers := SIGNS["spike"](seen)) is not None else {})
    assert [finding.code for finding in ranked(found)] == told
    if told == ["spike"]:
        assert numbers["step"] == 70 and numbers["high"] == 500.0  # where it began


@pytest.mark.parametrize(("share", "told"), [(0.25, True), (0.75, False)])
def test_a_spike_is_told_by_the_usual_loss_before_it(share, told):
    low = [0.9 if step % 4 < 4 * share else 0.4 for step in range(100)]
    assert (SIGNS["spike"](record([1.4] * 10 + low + [9.0, 30.0] + [1.4] * 60)) is not None) == told


@pytest.mark.parametrize(("eps", "told"), [(1.0, True), (1e-8, False), (1e-4, False)])
def test_eps_of_adamax_is_compared_with_the_largest_gradients(eps, told):
    torch.manual_seed(0)
    inputs, classes = torch.randn(64, 6), torch.arange(64) % 3
    model = nn.Linear(6, 3)
    optimizer = torch.optim.Adamax(model.parameters(), 1e-2, eps=eps)
    doctor = steepest.watch(model, optimizer, budget=1.0)
    for _ in range(20):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(inputs), classes)
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    assert ([finding.code for finding in doctor.findings] == ["eps_large"]) == told


@pytest.mark.parametrize(("noise", "told"), [(0.05, False), (0.8, True)])
def test_targets_that_noise_carries_over_the_end_of_the_outputs_are_reached_well_enough(noise, told):
    torch.manual_seed(0)
    inputs = torch.randn(256, 1)
    targets = (3 * inputs).tanh() + noise * torch.randn(256, 1)
    model = nn.Sequential(nn.Linear(1, 16), nn.Tanh(), nn.Linear(16, 1), nn.Tanh())
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    doctor = steepest.watch(model, optimizer, budget=1.0)
    for _ in range(40):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(inputs), targets)
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    assert ("output_range" in [finding.code for finding in doctor.findings]) == told
