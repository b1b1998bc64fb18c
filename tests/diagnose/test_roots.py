"""What was differentiated, where it is another multiple of the loss than the doctor is told."""

import pytest
import torch
from torch import nn
from torch.nn import functional

import steepest

generator = torch.Generator().manual_seed(0)
INPUTS = torch.randn(64, 6, generator=generator)
TARGETS = INPUTS[:, :2] - INPUTS[:, 2:4]
CLASSES = TARGETS.argmax(1)
LOSSES = {
    "squares": lambda outputs: ((outputs - TARGETS) ** 2).mean(),
    "classes": lambda outputs: functional.cross_entropy(outputs, CLASSES),
}


def train(loss_of, root_of=lambda loss: loss, told=lambda loss: loss, mend=lambda model: None, rate=0.02, passes=1):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 2))
    optimizer = torch.optim.SGD(model.parameters(), rate)
    doctor = steepest.watch(model, optimizer, budget=1.0)
    for _ in range(60):
        optimizer.zero_grad()
        for _ in range(passes):
            loss = loss_of(model(INPUTS))
            root_of(loss).backward()
        mend(model)
        optimizer.step()
        doctor.step(told(loss))
    return doctor


def divided(model):
    for param in model.parameters():
        param.grad /= 1000


def turned(model):
    for param in model.parameters():
        param.grad.neg_()


def codes(doctor):
    return [finding.code for finding in doctor.findings]


@pytest.mark.parametrize("told", [lambda loss: loss, lambda loss: loss.item()], ids=["tensor", "number"])
@pytest.mark.parametrize("name", LOSSES)
def test_losses_that_are_differentiated_with_the_other_sign_climb(name, told):
    assert codes(train(LOSSES[name], lambda loss: -1 * loss, told))[0] == "ascent"
    assert codes(train(LOSSES[name], told=told)) == []


@pytest.mark.parametrize("of", [functional.l1_loss, functional.huber_loss, functional.smooth_l1_loss])
def test_losses_by_absolute_differences_climb_and_add_up_like_others(of):
    by = lambda outputs: of(outputs, 9 * TARGETS)  # noqa: E731
    assert codes(train(by, lambda loss: -loss, told=lambda loss: loss.item()))[0] == "ascent"
    assert codes(train(by, told=lambda loss: loss.item(), passes=4)) == ["accumulation"]
    assert codes(train(by, lambda loss: loss / 4, passes=4)) == []


@pytest.mark.parametrize(("rate", "found"), [(0.2, ["ascent"]), (1e-4, [])])
def test_a_loss_of_ones_own_whose_negative_is_differentiated_climbs_once_it_has_become_large(rate, found):
    by = lambda outputs: torch.log(torch.cosh(outputs - TARGETS)).square().mean()  # noqa: E731
    assert [code for code in codes(train(by, lambda loss: 0 - loss, rate=rate)) if code != "nan"] == found


@pytest.mark.parametrize("name", LOSSES)
def test_a_factor_that_is_taken_out_of_the_gradients_again_is_no_clipping(name):
    doctor = train(LOSSES[name], lambda loss: 1000 * loss, mend=divided)
    assert codes(doctor) == []
    assert all(0.8 < tick.gain < 1.02 and tick.update.scaler == pytest.approx(1000) for tick in doctor.record.ticks)

    def clipped(model):
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)  # while it is there
        divided(model)

    assert codes(train(LOSSES[name], lambda loss: 1000 * loss, mend=clipped)) == ["clip"]


@pytest.mark.parametrize("name", LOSSES)
def test_gradients_whose_sign_is_changed_before_the_step_climb(name):
    doctor = train(LOSSES[name], mend=turned)
    assert codes(doctor)[0] == "ascent" and doctor.findings[0].numbers["by"] == "turned"
    assert "sign" in doctor.text("en") and "符号" in doctor.text("zh")


def test_passes_that_are_summed_are_told_where_the_doctor_gets_a_number():
    of_classes = LOSSES["classes"]
    assert codes(train(of_classes, told=lambda loss: loss.item(), passes=4)) == ["accumulation"]
    assert codes(train(of_classes, lambda loss: loss / 4, lambda loss: loss.item(), passes=4)) == []
    by_hand = lambda model: [param.grad.div_(4) for param in model.parameters()]  # noqa: E731
    assert codes(train(of_classes, told=lambda loss: loss.item(), passes=4, mend=by_hand)) == []
    wild = train(of_classes, told=lambda loss: loss.item(), passes=64, rate=2.0)
    assert codes(wild)[:2] == ["lr_high", "accumulation"]


@pytest.mark.parametrize(("of", "found"), [("sum", ["accumulation"]), ("mean", [])])
def test_losses_of_several_calls_that_are_summed_where_their_mean_is_told(of, found):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 2))
    optimizer = torch.optim.SGD(model.parameters(), 0.02)
    doctor = steepest.watch(model, optimizer, budget=1.0)
    for _ in range(40):
        total = sum(functional.cross_entropy(model(INPUTS[part::8]), CLASSES[part::8]) for part in range(8))
        optimizer.zero_grad()
        (total if of == "sum" else total / 8).backward()
        optimizer.step()
        doctor.step(total / 8)
    assert codes(doctor) == found
