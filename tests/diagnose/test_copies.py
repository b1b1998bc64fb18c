"""Copies, pickles and dropped doctors: what was found goes along, hooks do not, and nothing stays behind."""

import copy
import io
import os
import pickle
import weakref

import pytest
import torch
from torch import nn
from torch.nn import functional

import steepest

INPUTS = torch.randn(16, 4, generator=torch.Generator().manual_seed(0))
LABELS = (INPUTS[:, 0] > 0).long()


def network():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2), nn.Softmax(-1))  # something to find
    return model, torch.optim.Adam(model.parameters(), 0.01)


def train(model, optimizer, doctor=None, steps=6, between=lambda: None):
    """`between` is called where a step is observed: hooks are on, and a graph is alive."""
    for _ in range(steps):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(INPUTS), LABELS)
        between()
        loss.backward()
        between()
        optimizer.step()
        if doctor is not None:
            doctor.step(loss)


def hooks_of(model, optimizer):
    modules = [hook for module in model.modules() for hook in (*module._forward_hooks, *module._forward_pre_hooks)]
    params = [hook for param in model.parameters() for hook in param._backward_hooks or {}]
    return [*modules, *params, *optimizer._optimizer_step_pre_hooks, *optimizer._optimizer_step_post_hooks]


COPIES = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda doctor: pickle.loads(pickle.dumps(doctor)),
}


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
def test_a_copy_of_a_doctor_has_what_was_found_and_watches_nothing(copied, tmp_path):
    model, optimizer = network()
    told = []
    doctor = steepest.watch(model, optimizer, tell=lambda finding: told.append(finding), validation=lambda: 1.0)
    train(model, optimizer, doctor)
    before = hooks_of(model, optimizer)
    other = copied(doctor)
    assert other.findings == doctor.findings and other.text("zh") == doctor.text("zh")
    assert other.origin == doctor.origin and other.record.steps == 6 and other.unseen == []
    assert other.report(tmp_path / "run.html", "en").exists() and other.seconds > 0
    assert str(other.prove("softmax_twice")).startswith("not tried: a copy of a doctor has no model")
    for _ in range(2):
        other.step(1.0)
    assert [finding.code for finding in other.unseen] == ["unseen_copy"] and doctor.unseen == []
    assert "ends with the first 6 steps" in other.text() and "前 6 步" in other.text("zh")
    assert hooks_of(model, optimizer) == before
    with other:
        pass
    train(model, optimizer, doctor)
    assert doctor.record.steps == 12 and other.record.steps == 6 and len(told) == 1


def saved(value):
    file = io.BytesIO()
    torch.save(value, file)
    file.seek(0)
    return torch.load(file, weights_only=False)


def test_model_and_optimizer_can_be_copied_and_saved_while_they_are_observed():
    plain = network()
    train(*plain)
    model, optimizer = network()
    doctor = steepest.watch(model, optimizer)
    copies = []

    def between():
        copies.append(copy.deepcopy((model, optimizer)))
        copies.append(pickle.loads(pickle.dumps((model, optimizer))))
        copies.append((saved(model), saved(optimizer)))

    train(model, optimizer, doctor, between=between)
    assert all(torch.equal(one, other) for one, other in zip(plain[0].parameters(), model.parameters(), strict=True))
    observed = doctor.record.observed
    for other, stepping in copies:
        assert all(hook.__self__.silent for hook in other._forward_pre_hooks.values())
        stepping.zero_grad()
        functional.cross_entropy(other(INPUTS), LABELS).backward()
        stepping.step()
    assert doctor.record.observed == observed and doctor.unseen == []


@pytest.mark.parametrize("observed", [False, True])
def test_hooks_leave_with_a_doctor_that_is_dropped(observed):
    plain = network()
    train(*plain)
    model, optimizer = network()
    doctors = [steepest.watch(model, optimizer, again=lambda: 1.0, tell=lambda finding: None)]
    if not observed:
        train(model, optimizer, doctors[0], steps=1)
    gone = weakref.ref(doctors[0])
    train(model, optimizer, steps=6 - (not observed), between=doctors.clear)
    assert gone() is None and hooks_of(model, optimizer) == []
    assert all(torch.equal(one, other) for one, other in zip(plain[0].parameters(), model.parameters(), strict=True))


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # of fork, where threads run
def test_a_forked_process_goes_on_with_a_doctor_of_its_own():
    model, optimizer = network()
    doctor = steepest.watch(model, optimizer)
    train(model, optimizer, doctor)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            train(model, optimizer, doctor)
            doctor.close()
            status = 0 if doctor.record.steps == 12 and not hooks_of(model, optimizer) else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert doctor.record.steps == 6
