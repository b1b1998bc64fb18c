"""Loops that are unusual or wrong: the doctor works, or says in one line what it cannot see, and never raises."""

import pytest
import torch
from torch import nn
from torch.nn import functional

import steepest

INPUTS = torch.randn(16, 4, generator=torch.Generator().manual_seed(0))
LABELS = (INPUTS[:, 0] > 0).long()


def unseen(doctor):
    return [finding.code for finding in doctor.unseen]


def steps(doctor, model, optimizer, count=12, loss=functional.cross_entropy, say=lambda loss: loss, inputs=INPUTS):
    for _ in range(count):
        optimizer.zero_grad()
        value = loss(model(inputs), LABELS)
        value.backward()
        optimizer.step()
        doctor.step(say(value))


@pytest.mark.quick
@pytest.mark.parametrize("said", [None, "high", 3, float("nan"), torch.ones(2), torch.tensor(1 + 2j), object()])
def test_a_loss_that_is_no_number_is_taken_as_it_is(said):
    torch.manual_seed(0)
    model = nn.Linear(4, 2)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    doctor = steepest.watch(model, optimizer)
    steps(doctor, model, optimizer, say=lambda loss: said)
    assert doctor.record.steps == 12 and "unseen_error" not in unseen(doctor)
    assert isinstance(doctor.findings, list) and doctor.text("zh") is not None


def test_a_loop_without_backward():
    model = nn.Linear(4, 2)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    doctor = steepest.watch(model, optimizer)
    for _ in range(12):
        loss = functional.cross_entropy(model(INPUTS), LABELS)
        optimizer.step()
        doctor.step(loss)
    assert [finding.code for finding in doctor.findings] == ["no_grad"]
    assert doctor.findings[0].numbers["count"] == 2 and "unseen_error" not in unseen(doctor)


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


def test_complex_and_sparse_parameters():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.table = nn.Embedding(10, 4, sparse=True)
            self.turn = nn.Parameter(torch.randn(4, dtype=torch.complex64))
            self.head = nn.Linear(4, 2)

        def forward(self, places):
            return self.head((self.table(places) * self.turn).real)

    torch.manual_seed(0)
    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    doctor = steepest.watch(model, optimizer)
    steps(doctor, model, optimizer, inputs=torch.arange(16) % 10)
    assert doctor.findings == [] and unseen(doctor) == ["unseen_sparse"]
    assert {layer.name for layer in doctor.record.ticks[0].update.layers} == {"turn", "head.weight", "head.bias"}


def test_a_model_without_parameters_and_an_optimizer_that_is_none():
    model = nn.ReLU()
    doctor = steepest.watch(model, None)
    doctor.step(model(INPUTS).mean())
    assert unseen(doctor) == ["unseen_optimizer", "unseen_parameters"] and doctor.findings == []


def test_a_compiled_model_is_watched_from_outside():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    compiled = torch.compile(model, backend="eager")
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    doctor = steepest.watch(compiled, optimizer)
    steps(doctor, compiled, optimizer)
    assert doctor.findings == [] and unseen(doctor) == []
    assert doctor.record.ticks[0].loss is not None
    assert not any(child._forward_pre_hooks for child in model.modules())


def test_an_error_of_its_own_ends_the_doctor_and_not_the_training(monkeypatch):
    model = nn.Linear(4, 2)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)

    def broken(*arguments):
        raise RuntimeError("a reduction failed\nat length")

    monkeypatch.setattr("steepest.diagnose.sensors.Before", broken)
    doctor = steepest.watch(model, optimizer)
    steps(doctor, model, optimizer)
    assert "the training goes on without it: RuntimeError: a reduction failed" in doctor.text()
    assert not model._forward_pre_hooks


def test_a_model_that_is_called_in_parts_is_said_to_be_unseen():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    doctor = steepest.watch(model, optimizer)
    steps(doctor, lambda inputs: model[2](model[1](model[0](inputs))), optimizer)
    assert unseen(doctor) == ["unseen_model"] and doctor.findings == []


def test_inputs_with_a_name_and_outputs_in_a_dictionary():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.head = nn.Linear(4, 2)

        def forward(self, *, inputs, labels):
            logits = self.head(inputs)
            return {"loss": functional.cross_entropy(logits, labels), "logits": logits}

    torch.manual_seed(0)
    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), 1.0)
    doctor = steepest.watch(model, optimizer)
    for _ in range(6):
        optimizer.zero_grad()
        loss = model(inputs=INPUTS, labels=LABELS)["loss"]
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    tick = doctor.record.ticks[0]
    assert tick.loss.kind == "cross_entropy" and sum(tick.loss.labels.values()) == 16
    assert tick.loss.labels[1] == int(LABELS.sum()) and 0.5 < tick.gain < 1.1
