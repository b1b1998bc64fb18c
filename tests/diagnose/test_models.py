"""Models in parts, compiled, or with unusual parameters: seen, or said to be unseen."""

import pytest
import torch
from torch import nn
from torch.nn import functional

import steepest

from .loops import INPUTS, LABELS, steps, unseen


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
