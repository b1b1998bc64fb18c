"""What is no loss, function or optimizer, and errors of anyone: one line says so, and nothing is raised."""

import pytest
import torch
from torch import nn
from torch.nn import functional

import steepest
from steepest.base.errors import InvalidValue

from .loops import INPUTS, LABELS, steps, unseen


@pytest.mark.quick
@pytest.mark.parametrize(
    "said",
    [
        None,
        "high",
        3,
        float("nan"),
        10**400,
        torch.ones(2),
        torch.tensor(1 + 2j),
        torch.ones((), device="meta"),
        object(),
    ],
)
def test_a_loss_that_is_no_number_is_taken_as_it_is(said):
    torch.manual_seed(0)
    model = nn.Linear(4, 2)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    doctor = steepest.watch(model, optimizer)
    steps(doctor, model, optimizer, say=lambda loss: said)
    assert doctor.record.steps == 12 and "unseen_error" not in unseen(doctor)
    assert isinstance(doctor.findings, list) and doctor.text("zh") is not None


@pytest.mark.parametrize(
    ("differentiate", "code", "advised"),
    [
        (lambda loss, optimizer: None, "no_grad", "call loss.backward() before optimizer.step()"),
        (lambda loss, optimizer: (loss.backward(), optimizer.zero_grad()), "zero_grad", "call zero_grad() before back"),
        (lambda loss, optimizer: torch.ones((), requires_grad=True).backward(), "no_grad", "call loss.backward() bef"),
    ],
)
def test_a_loop_without_gradients_at_its_steps(differentiate, code, advised):
    model = nn.Linear(4, 2)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    doctor = steepest.watch(model, optimizer)
    for _ in range(12):
        loss = functional.cross_entropy(model(INPUTS), LABELS)
        differentiate(loss, optimizer)
        optimizer.step()
        doctor.step(loss)
    assert [finding.code for finding in doctor.findings] == [code]
    assert doctor.findings[0].advice().startswith(advised)
    assert "unseen_error" not in unseen(doctor)


def failing(*given):
    raise KeyError("the user's own")


@pytest.mark.parametrize("name", ["again", "validation", "tell"])
def test_a_function_of_the_users_that_raises_is_not_called_again_and_the_doctor_goes_on(name):
    torch.manual_seed(0)
    calls = []
    model = nn.Sequential(nn.Linear(4, 2), nn.Softmax(-1))  # something to tell
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    doctor = steepest.watch(model, optimizer, **{name: lambda *given: calls.append(given) or failing()})
    steps(doctor, model, optimizer)
    assert [finding.code for finding in doctor.findings] == ["softmax_twice"] and len(calls) == 1
    assert unseen(doctor) == ["unseen_function"] and doctor.record.observed > 3
    assert doctor.unseen[0].text() == f'{name}= raised an error and is not called any more: KeyError: "the user\'s own"'


def test_held_out_data_that_steps_the_doctor_does_not_call_itself():
    doctors = []
    model = nn.Linear(4, 2)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    doctors.append(steepest.watch(model, optimizer, validation=lambda: doctors[0].step(1.0)))
    steps(doctors[0], model, optimizer)
    assert doctors[0].record.steps == 12 and unseen(doctors[0]) == []


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"again": 5}, "again: must be a function, got 5"),
        ({"validation": torch.ones(2, 4)}, "validation: must be a function, got tensor"),
        ({"tell": "print"}, "tell: must be a function, got 'print'"),
        ({"averaged": {}}, "averaged: must be a torch.nn.Module, got dict"),
        ({"keep": -1}, "keep: must be a whole number from 0, got -1"),
        ({"keep": "1 GB"}, "keep: must be a whole number from 0, got '1 GB'"),
        ({"optimizer": []}, "optimizer: there is none in what was passed"),
        ({"optimizer": {}}, "optimizer: there is none in what was passed"),
    ],
)
def test_what_is_no_function_or_no_optimizer_is_refused(given, told):
    model = nn.Linear(4, 2)
    with pytest.raises(InvalidValue) as refused:
        steepest.watch(**{"model": model, "optimizer": torch.optim.SGD(model.parameters())} | given)
    assert told in str(refused.value) and not model._forward_pre_hooks


def test_a_forward_pass_that_fails_when_it_is_repeated_is_the_models_error():
    model = nn.Linear(4, 2)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    doctor = steepest.watch(model, optimizer)
    for step in range(12):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(INPUTS.to(model.weight.dtype)).float(), LABELS)
        loss.backward()
        optimizer.step()
        model.to((torch.float64, torch.float32)[step % 2])
        doctor.step(loss)
    assert unseen(doctor) == ["unseen_repeat"] and doctor.record.observed > 3
    assert "when it ran on the same batch once more (RuntimeError: mat1 and mat2" in doctor.unseen[0].text()


def test_a_state_that_cannot_be_copied_is_the_models_error():
    class Stubborn(dict):
        def copy(self):
            raise TypeError("no copies")

    model = nn.BatchNorm1d(4)
    model.kept = Stubborn()
    before = model.running_mean
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    doctor = steepest.watch(model, optimizer)
    steps(doctor, model, optimizer)
    assert unseen(doctor) == ["unseen_repeat"] and model.running_mean is before
    assert "what the model keeps cannot be copied (TypeError: no copies)" in doctor.unseen[0].text()


def test_no_finding_is_said_to_be_none():
    doctor = steepest.watch(nn.Linear(4, 2), torch.optim.SGD([torch.ones(1)]))
    assert str(doctor) == "nothing was found in 0 steps, 0 of them observed"
    assert doctor.text("zh") == "共 0 步，其中观察了 0 步：没有发现问题"
    with pytest.raises(InvalidValue, match="lang: must be en or zh"):
        doctor.text("fr")


def test_a_model_without_parameters_and_an_optimizer_that_is_none():
    model = nn.ReLU()
    doctor = steepest.watch(model, None)
    doctor.step(model(INPUTS).mean())
    assert unseen(doctor) == ["unseen_optimizer", "unseen_parameters"] and doctor.findings == []


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
