"""What seldom happens: groups of copies, norms without estimates, late unfreezing, outliers, scales that fit."""

import pytest
import torch
from torch import nn

import steepest
from steepest.diagnose.curve import Curve
from steepest.diagnose.record import Record
from steepest.diagnose.signs import SIGNS
from steepest.diagnose.signs.course import worst_spike


def watched(model, optimizer, steps, batch, before=lambda step: None, loss_of=nn.functional.mse_loss):
    """The codes that are found where a model is trained on batches by number."""
    doctor = steepest.watch(model, optimizer)
    for step in range(steps):
        before(step)
        inputs, targets = batch(step)
        optimizer.zero_grad()
        loss = loss_of(model(inputs), targets)
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    doctor.close()
    return doctor.findings


def plane(step):
    torch.manual_seed(step)
    inputs = torch.randn(24, 5)
    return inputs, inputs[:, :1] - 0.5 * inputs[:, 1:2]


@pytest.mark.parametrize(("copies", "told"), [(1, 0), (2, 8), (4, 8), (8, 8)])
def test_units_that_are_copies_in_groups(copies, told):
    """As a layer that was widened by repeating its units, the weights behind them divided."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 1))
    with torch.no_grad():
        for param in (model[0].weight, model[0].bias):
            param.copy_(param[: 8 // copies].repeat(copies, *[1] * (param.dim() - 1)))
        model[2].weight.copy_(model[2].weight[:, : 8 // copies].repeat(1, copies))
    found = watched(model, torch.optim.SGD(model.parameters(), lr=0.01), 6, plane)
    assert [finding.numbers["units"] for finding in found if finding.code == "symmetry"] == [told] * bool(told)


def test_a_few_copies_among_many_units_are_not_told():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 16), nn.Tanh(), nn.Linear(16, 1))
    with torch.no_grad():
        for param in (model[0].weight, model[0].bias):
            param[1].copy_(param[0])
        model[2].weight[:, 1].copy_(model[2].weight[:, 0])
    assert watched(model, torch.optim.SGD(model.parameters(), lr=0.01), 6, plane) == []


@pytest.mark.parametrize("estimated", [False, True])
def test_a_batch_normalization_in_eval_mode_that_has_never_seen_a_batch(estimated):
    """With statistics of a pretraining that is meant; without any, the layer normalizes nothing."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 1))
    if estimated:
        model(plane(99)[0])
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    found = watched(model, optimizer, 8, plane, before=lambda step: (model.train(), model[1].eval()))
    assert [finding.code for finding in found] == ([] if estimated else ["eval_mode"])


@pytest.mark.parametrize("added", [False, True])
def test_parameters_that_are_unfrozen_later_and_in_no_group(added):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 1))
    model[0].requires_grad_(False)
    optimizer = torch.optim.SGD(model[2].parameters(), lr=0.01)

    def unfreeze(step):
        if step == 40:
            model[0].requires_grad_(True)
            if added:
                optimizer.add_param_group({"params": list(model[0].parameters())})

    found = watched(model, optimizer, 300, plane, before=unfreeze)
    assert [finding.code for finding in found] == ([] if added else ["missing_params"])


@pytest.mark.parametrize(("size", "told"), [(50_000.0, True), (8.0, False)])
def test_a_single_outlier_before_much_is_learnt(size, told):
    """The loss need not have been far below that of guessing, where nothing but one batch explains it."""

    def batch(step):
        inputs, targets = plane(step)
        if step == 60:
            targets[3] = size
        return inputs, targets

    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 1))
    found = watched(model, torch.optim.Adam(model.parameters(), lr=1e-3), 120, batch)
    spikes = [finding.numbers["step"] for finding in found if finding.code == "spike"]
    assert spikes == [60] * told


@pytest.mark.parametrize(("start", "told"), [(0.0, ["target_scale"]), (300.0, [])])
def test_targets_of_a_scale_that_the_outputs_have_already(start, told):
    """As of distances in metres between places that are estimated in metres."""

    def batch(step):
        inputs, targets = plane(step)
        return inputs, 300 + 30 * targets

    torch.manual_seed(0)
    model = nn.Linear(5, 1)
    with torch.no_grad():
        model.bias.fill_(start)
        model.weight.copy_(torch.tensor([[start / 10, 0.0, 0.0, 0.0, 0.0]]))
    found = watched(model, torch.optim.SGD(model.parameters(), lr=1e-3), 20, batch)
    assert [finding.code for finding in found] == told


def test_losses_below_zero_have_no_spikes_by_a_level_of_guessing():
    """As that of a policy's gradient, which goes up and down with the rewards."""
    losses = [-1.0 + 0.3 * (step % 7) for step in range(80)]
    assert worst_spike(Record(losses=Curve(losses))) is None
    falling = [2.0 * 0.9**step for step in range(60)]
    assert worst_spike(Record(losses=Curve([*falling, 9.0, *falling[-20:]])))["step"] == 60


@pytest.mark.parametrize(
    ("deviation", "offset", "told"), [(2.0, 0.0, ["init_large"]), (None, 0.0, []), (None, 8.0, [])]
)
def test_first_outputs_of_a_regression_that_are_far_larger_than_its_targets(deviation, offset, told):
    """Targets with a mean of their own are no such case: there the outputs are small."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 64), nn.ReLU(), nn.Linear(64, 1))
    if deviation is not None:
        nn.init.normal_(model[0].weight, std=deviation)
        nn.init.normal_(model[2].weight, std=deviation)

    def batch(step):
        inputs, targets = plane(step)
        return inputs, targets + offset

    found = watched(model, torch.optim.Adam(model.parameters(), lr=1e-3), 12, batch)
    assert [finding.code for finding in found] == told


def test_held_out_data_is_looked_at_twice_in_each_doubling_however_small_the_budget():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 64), nn.ReLU(), nn.Linear(64, 1))
    few, others = (torch.randn(12, 5), torch.randn(12, 1)), (torch.randn(60, 5), torch.randn(60, 1))
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    held_out = lambda: nn.functional.mse_loss(model(others[0]), others[1])  # noqa: E731
    with steepest.watch(model, optimizer, budget=1e-9, validation=held_out) as doctor:
        for _ in range(300):
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(model(few[0]), few[1])
            loss.backward()
            optimizer.step()
            doctor.step(loss)
    assert {45, 60, 90, 120, 180, 240} <= {step for step, _ in doctor.record.validation}
    assert [finding.code for finding in doctor.findings] == ["overfitting"]


@pytest.mark.parametrize(
    ("looks", "told"),
    [
        ([0.8, 0.84, 0.86, 0.9, 0.95], True),
        ([0.8, 0.84, 0.82, 0.9, 0.95], False),
        ([0.8, 0.81, 0.82, 0.83, 0.84], False),
    ],
)
def test_a_loss_on_held_out_data_that_rises_from_look_to_look(looks, told):
    record = Record(losses=Curve([1.5 * 0.98**step for step in range(300)]))
    for step, loss in zip((18, 30, 60, 90, 120, 180, 240), [1.6, 1.1, *looks], strict=True):
        record.validated(step, loss)
    assert (SIGNS["overfitting"](record) is not None) == told
