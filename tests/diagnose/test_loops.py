"""Loops other than forward, backward and step of one optimizer: seen, or said to be unseen."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import steepest

from .loops import INPUTS, LABELS, steps, unseen


def test_the_parameter_that_shows_whether_gradients_are_zeroed_may_be_frozen():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    doctor = steepest.watch(model, optimizer, budget=1.0)
    for step in range(40):
        if step == 10:
            model[2].bias.requires_grad_(False)  # the smallest
        if step < 20:
            optimizer.zero_grad()
        loss = functional.cross_entropy(model(INPUTS), LABELS)
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    assert unseen(doctor) == []
    assert [(finding.code, finding.first_step > 19) for finding in doctor.findings] == [("zero_grad", True)]


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_settings_that_are_numbers_of_numpy(kind):
    model = nn.Linear(4, 2)
    optimizer = torch.optim.SGD(model.parameters(), kind(0.25), momentum=kind(0.5))
    doctor = steepest.watch(model, optimizer)
    steps(doctor, model, optimizer)
    assert doctor.record.rates == [(0.25, 0.25, 0.25)] and doctor.record.edges
    assert doctor.record.ticks[1].update.momentum == 0.5 and "lr=" in doctor.origin.optimizers[0]


@pytest.mark.parametrize(("sign", "found"), [(-1, []), (1, ["ascent"])])
def test_what_is_maximized_may_be_the_negative_of_a_loss(sign, found):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    optimizer = torch.optim.SGD(model.parameters(), 0.1, maximize=True)
    doctor = steepest.watch(model, optimizer)
    steps(doctor, model, optimizer, count=60, loss=lambda *given: sign * functional.cross_entropy(*given))
    assert [finding.code for finding in doctor.findings] == found
    assert ("unseen_maximize" in unseen(doctor)) == (sign < 0)


def test_several_steps_of_the_optimizer_before_the_doctor_is_told_are_no_accumulation():
    torch.manual_seed(0)
    model = nn.Linear(4, 2)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    doctor = steepest.watch(model, optimizer)
    for _ in range(12):
        for _ in range(5):  # as a critic is trained
            optimizer.zero_grad()
            loss = functional.cross_entropy(model(INPUTS), LABELS)
            loss.backward()
            optimizer.step()
        doctor.step(loss)
    assert doctor.findings == [] and {tick.backwards for tick in doctor.record.ticks} == {1}
    assert all(len(tick.update.layers) == 2 and 0 < tick.gain < 2 for tick in doctor.record.ticks)


def test_a_closure_is_said_to_hide_the_step():
    torch.manual_seed(0)
    model = nn.Linear(4, 2)
    optimizer = torch.optim.LBFGS(model.parameters(), max_iter=3)
    doctor = steepest.watch(model, optimizer)

    def closure():
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(INPUTS), LABELS)
        loss.backward()
        return loss

    for _ in range(6):
        doctor.step(optimizer.step(closure))
    assert unseen(doctor) == ["unseen_closure"] and doctor.findings == []


def test_two_optimizers_of_a_generator_and_its_critic():
    torch.manual_seed(0)
    maker, critic = nn.Linear(4, 4), nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
    makes, judges = torch.optim.Adam(maker.parameters(), 1e-3), torch.optim.Adam(critic.parameters(), 1e-3)
    doctors = steepest.watch(maker, makes), steepest.watch(critic, judges)
    for _ in range(20):
        judges.zero_grad()
        judged = critic(INPUTS).mean() - critic(maker(INPUTS)).mean()  # not detached: the maker gets gradients, too
        judged.backward()
        judges.step()
        doctors[1].step(judged)
        makes.zero_grad()
        made = critic(maker(INPUTS)).mean()
        made.backward()
        makes.step()
        doctors[0].step(made)
    for doctor in doctors:
        assert "unseen_error" not in unseen(doctor)
        assert not any(finding.certain for finding in doctor.findings), doctor.text()


def test_optimizers_that_share_a_model_are_watched_together():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    one, other = torch.optim.SGD(model[0].parameters(), 0.1), torch.optim.Adam(model[2].parameters(), 1e-3)
    for watched in ([one, other], one):  # what another optimizer trains is not missing, known or not
        doctor = steepest.watch(model, watched)
        for _ in range(12):
            one.zero_grad()
            other.zero_grad()
            loss = functional.cross_entropy(model(INPUTS), LABELS)
            loss.backward()
            one.step()
            other.step()
            doctor.step(loss)
        doctor.close()
        assert doctor.findings == [] and unseen(doctor) == []
    assert {layer.name for layer in steepest.watch(model, one).record.ticks or []} == set()


def test_optimizers_in_a_dict_are_watched():
    model = nn.Linear(4, 2)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    doctor = steepest.watch(model, {"main": optimizer})
    steps(doctor, model, optimizer)
    assert unseen(doctor) == [] and doctor.record.optimizer == "SGD"


@pytest.mark.parametrize("averaged", [True, False])
def test_accumulated_gradients(averaged):
    torch.manual_seed(0)
    model = nn.Linear(4, 2)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    doctor = steepest.watch(model, optimizer)
    for _ in range(12):
        optimizer.zero_grad()
        for _ in range(4):
            loss = functional.cross_entropy(model(INPUTS), LABELS)
            (loss / 4 if averaged else loss).backward()
        optimizer.step()
        doctor.step(loss)
    assert [finding.code for finding in doctor.findings] == ([] if averaged else ["accumulation"])
    assert doctor.record.ticks[0].backwards == 4 and 0.8 < doctor.record.ticks[0].gain < 1


def test_a_step_each_fourth_call_is_no_forgotten_zero_grad():
    torch.manual_seed(0)
    model = nn.Linear(4, 2)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    doctor = steepest.watch(model, optimizer)
    for step in range(40):
        loss = functional.cross_entropy(model(INPUTS), LABELS) / 4
        loss.backward()
        if step % 4 == 3:
            optimizer.step()
            optimizer.zero_grad()
        doctor.step(loss)
    assert doctor.findings == [], doctor.text()


@pytest.mark.parametrize(("norm", "found"), [(0.25, []), (1e-3, ["clip"])])
@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16])
def test_what_is_clipped_is_not_what_a_gradient_scaler_takes_out(kind, norm, found):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    optimizer, scaler = torch.optim.SGD(model.parameters(), 0.1), torch.amp.GradScaler("cpu")
    doctor = steepest.watch(model, optimizer)
    for _ in range(40):
        optimizer.zero_grad()
        with torch.autocast("cpu", kind):
            loss = functional.cross_entropy(model(INPUTS), LABELS)
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        whole = float(nn.utils.clip_grad_norm_(model.parameters(), norm))
        scaler.step(optimizer)
        scaler.update()
        doctor.step(loss)
    assert [finding.code for finding in doctor.findings] == found and unseen(doctor) == []
    steps_seen = [tick.update for tick in doctor.record.ticks if tick.update.finite]
    assert len(steps_seen) >= 6 and steps_seen[-1].scaler == scaler.get_scale()
    assert steps_seen[-1].clipped == pytest.approx(max(1.0, steps_seen[-1].raw / norm), rel=1e-2)
    assert steps_seen[-1].raw == pytest.approx(whole, rel=0.2)
    assert all(tick.loss.labels for tick in doctor.record.ticks)


def test_a_gradient_scaler_is_no_clipping():
    torch.manual_seed(0)
    model = nn.Linear(4, 2)
    optimizer, scaler = torch.optim.SGD(model.parameters(), 0.1), torch.amp.GradScaler("cpu")
    doctor = steepest.watch(model, optimizer)
    for _ in range(12):
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            loss = functional.cross_entropy(model(INPUTS), LABELS)
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        doctor.step(loss)
    assert doctor.findings == [] and unseen(doctor) == []
    assert doctor.record.ticks[3].update.scaler == pytest.approx(65536, rel=1e-4)
    assert doctor.record.ticks[3].gain == pytest.approx(1, abs=0.2)
