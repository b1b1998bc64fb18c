"""Trainings of other kinds than one model, one optimizer, one backward pass: the same to the bit with the doctor."""

import pytest
import torch
from torch import nn
from torch.nn import functional

import steepest

INPUTS = torch.randn(32, 4, generator=torch.Generator().manual_seed(0))
LABELS = (INPUTS[:, 0] > 0).long()
STEPS = 14


class Nobody:
    """In place of a doctor."""

    def step(self, loss):
        pass


def network(last=2):
    return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, last))


def scaled(watch, kind):
    """Automatic mixed precision, with a scaler of gradients that are clipped before the step."""
    model = network()
    optimizer, scaler = torch.optim.SGD(model.parameters(), 0.1), torch.amp.GradScaler("cpu", init_scale=2.0**12)
    doctor = watch(model, optimizer)
    for _ in range(STEPS):
        optimizer.zero_grad()
        with torch.autocast("cpu", kind):
            loss = functional.cross_entropy(model(INPUTS), LABELS)
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(model.parameters(), 10.0)
        scaler.step(optimizer)
        scaler.update()
        doctor.step(loss)
    return model, [doctor]


def brain_float(watch):
    return scaled(watch, torch.bfloat16)


def half(watch):
    return scaled(watch, torch.float16)


def adversaries(watch):
    """A generator and its critic, which see each other's gradients."""
    maker, critic = network(4), network(1)
    makes, judges = torch.optim.Adam(maker.parameters(), 1e-3), torch.optim.Adam(critic.parameters(), 1e-3)
    doctors = [watch(maker, makes), watch(critic, judges)]
    loss = functional.binary_cross_entropy_with_logits
    for _ in range(STEPS):
        judges.zero_grad()
        made = maker(torch.randn(32, 4))
        judged = loss(critic(INPUTS), torch.ones(32, 1)) + loss(critic(made), torch.zeros(32, 1))
        judged.backward()
        judges.step()
        doctors[1].step(judged)
        makes.zero_grad()
        fooled = loss(critic(maker(torch.randn(32, 4))), torch.ones(32, 1))
        fooled.backward()
        makes.step()
        doctors[0].step(fooled)
    return nn.ModuleList([maker, critic]), doctors


def adversaries_of_one_doctor(watch):
    """The same, of one module and two optimizers that step in turn."""
    both = nn.ModuleDict({"maker": network(4), "critic": network(1)})
    optimizers = [torch.optim.Adam(part.parameters(), 1e-3) for part in both.values()]
    doctor = watch(both, optimizers)
    for _ in range(STEPS):
        for optimizer, sign in zip(optimizers, (-1, 1), strict=True):
            both.zero_grad()
            loss = sign * both["critic"](both["maker"](torch.randn(32, 4))).sigmoid().mean()
            loss.backward()
            optimizer.step()
        doctor.step(loss)
    return both, [doctor]


def accumulated(watch):
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    doctor = watch(model, optimizer)
    for _ in range(STEPS):
        optimizer.zero_grad()
        for part, labels in zip(INPUTS.chunk(4), LABELS.chunk(4), strict=True):
            loss = functional.cross_entropy(model(part), labels) / 4
            loss.backward()
        optimizer.step()
        doctor.step(loss)
    return model, [doctor]


def closure(watch, line_search=None):
    model = network()
    optimizer = torch.optim.LBFGS(model.parameters(), lr=0.1, max_iter=4, line_search_fn=line_search)
    doctor = watch(model, optimizer)

    def evaluate():
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(INPUTS), LABELS)
        loss.backward()
        return loss

    for _ in range(STEPS):
        doctor.step(optimizer.step(evaluate))
    return model, [doctor]


def line_search(watch):
    return closure(watch, "strong_wolfe")


def compiled(watch, model=None):
    """Graph and gradient are compiled as for any backend, but run by torch: no compiler of C++ is needed."""
    model = model or torch.compile(network(), backend="aot_eager")
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    doctor = watch(model, optimizer)
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(INPUTS), LABELS)
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return model, [doctor]


def compiled_in_part(watch):
    model = network()
    model[0] = torch.compile(model[0], backend="eager")
    return compiled(watch, model)


def compiled_by_itself(watch):
    model = network()
    model.compile(backend="eager")
    return compiled(watch, model)


class Turning(nn.Module):
    """A table with sparse gradients, and a complex parameter."""

    def __init__(self):
        super().__init__()
        self.table, self.head = nn.Embedding(32, 4, sparse=True), nn.Linear(4, 2)
        self.turn = nn.Parameter(torch.randn(4, dtype=torch.complex64))

    def forward(self, places):
        return self.head((self.table(places) * self.turn).real)


def complex_and_sparse(watch):
    model = Turning()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    doctor = watch(model, optimizer)
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(torch.arange(32)), LABELS)
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return model, [doctor]


def without_parameters(watch):
    """What is trained is no part of the model."""
    model, point = nn.Sequential(nn.ReLU(), nn.Dropout(0.2)), nn.Parameter(torch.randn(4))
    optimizer = torch.optim.SGD([point], 0.1)
    doctor = watch(model, optimizer)
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = model(INPUTS * point).square().mean()
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return nn.ParameterList([point]), [doctor]


def called_in_parts(watch):
    """The model itself is never called, only its layers."""
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    doctor = watch(model, optimizer)
    for _ in range(STEPS):
        optimizer.zero_grad()
        hidden = INPUTS
        for layer in model:
            hidden = layer(hidden)
        loss = functional.cross_entropy(hidden, LABELS)
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return model, [doctor]


def told_a_number(watch):
    """The loss that is told has no graph; that of what was differentiated is seen all the same."""
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    doctor = watch(model, optimizer)
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(INPUTS), LABELS)
        loss.backward()
        optimizer.step()
        doctor.step(loss.item())
    return model, [doctor]


UNSEEN = {
    brain_float: [[]], half: [[]], adversaries: [["unseen_loss"], ["unseen_loss"]],
    adversaries_of_one_doctor: [["unseen_model"]],
    accumulated: [[]], closure: [["unseen_closure"]], line_search: [["unseen_closure"]], compiled: [[]],
    compiled_in_part: [[]], compiled_by_itself: [["unseen_compiled", "unseen_model"]],
    complex_and_sparse: [["unseen_sparse"]], without_parameters: [["unseen_parameters", "unseen_loss"]],
    called_in_parts: [["unseen_model"]],
    told_a_number: [[]],
}  # fmt: skip
"""What each doctor says that it cannot see in each of these."""


def state(run, watch):
    torch.manual_seed(3)
    model, doctors = run(watch)
    return {name: value.clone() for name, value in model.state_dict().items()} | {"drawn": torch.rand(1)}, doctors


@pytest.mark.parametrize("run", UNSEEN, ids=lambda run: run.__name__)
def test_a_training_of_any_kind_is_the_same_and_what_cannot_be_seen_in_it_is_said(run):
    plain, _ = state(run, lambda model, optimizer: Nobody())
    seen, doctors = state(run, lambda model, optimizer: steepest.watch(model, optimizer, budget=1.0))
    assert plain.keys() == seen.keys() and all(torch.equal(plain[name], seen[name]) for name in plain)
    assert [[finding.code for finding in doctor.unseen] for doctor in doctors] == UNSEEN[run], doctors[0].text()
    for doctor in doctors:
        assert doctor.record.steps == STEPS and len(doctor.record.ticks) >= 7
        assert not any(finding.certain for finding in doctor.findings), doctor.text()
