"""Loops that are unusual or wrong: the doctor works, or says in one line what it cannot see, and never raises."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import steepest
from steepest.base.errors import InvalidValue

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
    ("differentiate", "advised"),
    [
        (lambda loss, optimizer: None, "call loss.backward() before optimizer.step()"),
        (lambda loss, optimizer: (loss.backward(), optimizer.zero_grad()), "call zero_grad() before backward()"),
        (lambda loss, optimizer: torch.ones((), requires_grad=True).backward(), "call loss.backward() before"),
    ],
)
def test_a_loop_without_gradients_at_its_steps(differentiate, advised):
    model = nn.Linear(4, 2)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    doctor = steepest.watch(model, optimizer)
    for _ in range(12):
        loss = functional.cross_entropy(model(INPUTS), LABELS)
        differentiate(loss, optimizer)
        optimizer.step()
        doctor.step(loss)
    assert [finding.code for finding in doctor.findings] == ["no_grad"]
    assert doctor.findings[0].numbers["count"] == 2 and doctor.findings[0].advice().startswith(advised)
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


def test_optimizers_in_a_dict_are_watched():
    model = nn.Linear(4, 2)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    doctor = steepest.watch(model, {"main": optimizer})
    steps(doctor, model, optimizer)
    assert unseen(doctor) == [] and doctor.record.optimizer == "SGD"


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


def test_lazy_modules_are_watched_once_they_have_parameters():
    torch.manual_seed(0)
    model = nn.Sequential(nn.LazyLinear(8), nn.LazyBatchNorm1d(), nn.ReLU(), nn.LazyLinear(2), nn.Softmax(-1))
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with steepest.watch(model, optimizer) as doctor:
        steps(doctor, model, optimizer)
    assert [finding.code for finding in doctor.findings] == ["softmax_twice"] and unseen(doctor) == []
    assert doctor.record.steps == 12 and doctor.origin.parameters == 4 * 8 + 8 + 16 + 18


def test_parameters_without_an_entry():
    torch.manual_seed(0)
    empty = nn.Linear(4, 1, bias=False)
    empty.weight = nn.Parameter(torch.zeros(0, 4))
    model = nn.ModuleList([empty, nn.Linear(4, 8), nn.Linear(8, 2)])
    optimizer = torch.optim.Adam(model.parameters(), 0.1)
    doctor = steepest.watch(model, optimizer)
    steps(doctor, lambda inputs: model[2](model[1](inputs)) + empty(inputs).sum(), optimizer)
    assert unseen(doctor) == ["unseen_model"] and len(doctor.record.ticks[0].update.layers) == 4


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


def test_no_finding_is_said_to_be_none():
    doctor = steepest.watch(nn.Linear(4, 2), torch.optim.SGD([torch.ones(1)]))
    assert str(doctor) == "nothing was found in 0 steps, 0 of them observed"
    assert doctor.text("zh") == "共 0 步，其中观察了 0 步：没有发现问题"
    with pytest.raises(InvalidValue, match="lang: must be en or zh"):
        doctor.text("fr")


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


@pytest.mark.parametrize("last", [nn.Softmax(-1), nn.Sigmoid(), nn.ReLU()], ids=lambda last: type(last).__name__)
def test_a_hidden_layer_that_is_watched_is_not_taken_for_the_output(last):
    torch.manual_seed(0)
    encoder, head = nn.Sequential(nn.Linear(4, 8), last), nn.Linear(8, 2)
    optimizer = torch.optim.Adam([*encoder.parameters(), *head.parameters()], 0.01)
    doctor = steepest.watch(encoder, optimizer)
    steps(doctor, lambda inputs: head(encoder(inputs)), optimizer, count=20)
    assert doctor.findings == [] and unseen(doctor) == ["unseen_loss"]

    encoder, head = nn.Sequential(nn.Linear(4, 8), last), nn.Linear(8, 1)
    optimizer = torch.optim.Adam([*encoder.parameters(), *head.parameters()], 0.01)
    doctor = steepest.watch(encoder, optimizer)
    targets = 100 + INPUTS[:, :1]
    steps(
        doctor, lambda inputs: head(encoder(inputs)), optimizer, loss=lambda made, _: (made - targets).square().mean()
    )
    assert doctor.findings == [] and {tick.loss.kind for tick in doctor.record.ticks} == {"other"}


def test_the_gain_of_a_part_whose_inputs_are_trained_is_not_that_of_the_model():
    torch.manual_seed(0)
    encoder, head = nn.Sequential(nn.Linear(4, 8), nn.ReLU()), nn.Linear(8, 2)
    optimizer = torch.optim.SGD([*encoder.parameters(), *head.parameters()], 0.1)
    doctor = steepest.watch(head, optimizer)
    steps(doctor, lambda inputs: head(encoder(inputs)), optimizer)
    assert unseen(doctor) == ["unseen_repeat"] and "watch the whole model" in doctor.unseen[0].text()
    assert all(tick.gain != tick.gain for tick in doctor.record.ticks)
    assert doctor.record.ticks[0].loss.kind == "cross_entropy" and doctor.findings == []


def test_logits_that_are_made_logarithms_of_probabilities_by_hand_are_what_the_loss_expects():
    torch.manual_seed(0)
    model = nn.Linear(4, 2)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    doctor = steepest.watch(model, optimizer)
    normalized = lambda z, labels: functional.nll_loss(z - z.logsumexp(-1, keepdim=True), labels)  # noqa: E731
    steps(doctor, model, optimizer, loss=normalized)
    assert doctor.findings == []


def test_targets_that_were_broadcast_are_not_judged():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    doctor = steepest.watch(model, optimizer)
    for _ in range(30):
        inputs = torch.randn(32, 4)
        optimizer.zero_grad()
        loss = (model(inputs) - 1000 * inputs.sum(1)).square().mean()
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    assert [finding.code for finding in doctor.findings] == ["shape"]


@pytest.mark.parametrize("classes", [3, 5, 10])
@pytest.mark.parametrize("share", [0.0, 0.3])
def test_soft_targets_of_a_teacher_at_a_temperature_tell_no_sign(share, classes):
    torch.manual_seed(0)
    teacher, model = nn.Linear(4, classes), nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, classes))
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    doctor = steepest.watch(model, optimizer)
    for _ in range(14):
        inputs = torch.randn(32, 4)
        taught, made = (teacher(inputs) / 2).softmax(-1).detach(), model(inputs)
        soft = functional.kl_div((made / 2).log_softmax(-1), taught, reduction="batchmean") * 4
        loss = share * functional.cross_entropy(made, taught.argmax(-1)) + (1 - share) * soft
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    assert doctor.findings == [] and not any(tick.loss.scale < 0 for tick in doctor.record.ticks)
