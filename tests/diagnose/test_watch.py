"""The doctor beside a training: nothing changes, nothing is raised, and what it says is true."""

import copy
import pickle
import re
import weakref
from itertools import islice
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional

import steepest
from steepest.base.errors import InvalidValue
from steepest.diagnose.doctor import Doctor


class Net(nn.Module):
    """Batch normalization, dropout, and an attribute that each forward pass replaces and one that it extends."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.4), nn.Linear(16, 3))
        self.calls, self.sizes = 0, []

    def forward(self, inputs):
        self.calls += 1
        self.sizes.append(len(inputs))
        return self.body(inputs)


def batches(seed=0):
    generator = torch.Generator().manual_seed(seed)
    while True:
        inputs = torch.randn(32, 8, generator=generator)
        yield inputs, (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0.5).long()


def trained(make, watched, steps=60, model=Net, **options):
    """A model after some steps, with the doctor or without."""
    torch.manual_seed(3)
    net = model()
    optimizer = make(net.parameters())
    doctor = steepest.watch(net, optimizer, budget=1.0, **options) if watched else None
    for _, (inputs, labels) in zip(range(steps), batches(), strict=False):
        optimizer.zero_grad()
        loss = functional.cross_entropy(net(inputs), labels)
        loss.backward()
        optimizer.step()
        if doctor is not None:
            doctor.step(loss)
    return net, doctor


OPTIMIZERS = {
    "SGD": lambda params: torch.optim.SGD(params, 0.1, momentum=0.9),
    "Adam": lambda params: torch.optim.AdamW(params, 1e-3),
    "fused": lambda params: torch.optim.Adam(params, 1e-3, fused=True),
    "steepest.Adam": lambda params: steepest.Adam(params, 1e-3),
    "steepest.Lion": lambda params: steepest.Lion(params, 1e-3),
    "steepest.SGD": lambda params: steepest.Momentum(params, 0.1),
}


@pytest.mark.quick
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_weights_buffers_and_random_numbers_are_the_same_to_the_last_bit(name):
    plain, _ = trained(OPTIMIZERS[name], watched=False)
    drawn = torch.rand(1)
    seen, doctor = trained(OPTIMIZERS[name], watched=True)
    assert torch.equal(torch.rand(1), drawn)
    assert len(doctor.record.ticks) >= 9 and not any(finding.code == "unseen_error" for finding in doctor.unseen)
    for (key, value), other in zip(plain.state_dict().items(), seen.state_dict().values(), strict=True):
        assert torch.equal(value, other), key
    assert plain.calls == seen.calls and plain.sizes == seen.sizes


def test_hooks_leave():
    net, doctor = trained(OPTIMIZERS["Adam"], watched=True)
    doctor.close()
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in net.modules())
    assert doctor.findings == []
    doctor.step(torch.tensor(1.0))  # after the end: nothing happens
    assert doctor.record.steps == 60


def test_an_observed_step_is_dropped_before_the_next():
    """Neither batches nor graphs outlive the call of `step`."""
    net = nn.Linear(4, 2)
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    doctor = steepest.watch(net, optimizer)
    inputs = torch.randn(8, 4)
    batch = weakref.ref(inputs)
    loss = net(inputs).square().mean()
    graph = weakref.ref(loss)
    loss.backward()
    optimizer.step()
    doctor.step(loss)
    assert doctor.record.steps == 1
    del inputs, loss
    assert batch() is None and graph() is None


def test_a_gain_is_one_where_the_loss_is_linear_and_less_where_it_curves():
    """On a parabola with curvature 1, plain descent takes off (1 - lr / 2) of what the gradient promises."""
    for rate in (0.5, 1.0, 3.0):
        point = nn.Linear(1, 1, bias=False)
        optimizer = torch.optim.SGD(point.parameters(), rate)
        with steepest.watch(point, optimizer) as doctor:
            for _ in range(4):
                optimizer.zero_grad()
                loss = functional.mse_loss(point(torch.full((2, 1), 0.5**0.5)), torch.zeros(2, 1))
                loss.backward()
                optimizer.step()
                doctor.step(loss)
        assert doctor.record.ticks[0].gain == pytest.approx(1 - rate / 2, abs=1e-5)


def test_the_gain_of_a_closure_is_the_same_as_that_of_a_known_loss():
    torch.manual_seed(0)
    net, inputs, labels = nn.Linear(8, 3), *next(batches())
    twin = copy.deepcopy(net)
    gains = []
    for model, again in ((net, None), (twin, lambda: functional.cross_entropy(twin(inputs), labels))):
        optimizer = torch.optim.SGD(model.parameters(), 1.0)
        doctor = steepest.watch(model, optimizer, again=again)
        for _ in range(3):
            optimizer.zero_grad()
            loss = functional.cross_entropy(model(inputs), labels)
            loss.backward()
            optimizer.step()
            doctor.step(loss)
        gains.append([tick.gain for tick in doctor.record.ticks])
    assert gains[0] == pytest.approx(gains[1], rel=1e-4)


def test_copies_and_pickles_of_a_watched_model_carry_no_doctor():
    net, _ = trained(OPTIMIZERS["SGD"], watched=True, steps=5)
    for copied in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        copied(torch.randn(4, 8))
        assert torch.equal(copied.body[0].weight, net.body[0].weight)
        assert all(getattr(hook, "__self__", None).silent for hook in copied._forward_pre_hooks.values())


@pytest.mark.parametrize("budget", [0, -1, 1.5, "a lot", float("nan")])
def test_a_budget_that_is_no_share_is_refused(budget):
    with pytest.raises(InvalidValue, match=r"^budget: must be a share of the time, above 0 and at most 1, got"):
        steepest.watch(Net(), torch.optim.SGD(Net().parameters(), 0.1), budget=budget)


def test_what_is_no_module_is_refused():
    with pytest.raises(InvalidValue, match=r"^model: must be a torch\.nn\.Module, got int$"):
        steepest.watch(3, None)


def test_no_time_is_counted_twice_where_a_look_at_a_step_calls_hooks():
    """Each call of the clock within `doctor.step` is a second, and nothing else takes time."""
    seconds, inside = 0.0, False

    def clock():
        nonlocal seconds
        seconds += inside
        return seconds

    net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    doctor = Doctor(net, [optimizer], 1.0, None, None, None, clock=clock)
    for _, (inputs, labels) in zip(range(12), batches(), strict=False):
        optimizer.zero_grad()
        loss = functional.cross_entropy(net(inputs), labels)
        loss.backward()
        optimizer.step()
        inside = True
        doctor.step(loss)
        inside = False
        assert doctor.seconds <= seconds


def test_the_first_example_of_the_docs_prints_what_they_say():
    docs = (Path(__file__).parents[2] / "docs" / "diagnose.md").read_text(encoding="utf-8")
    loop, printed = (re.search(rf"```{kind}\n(.*?)```", docs, re.DOTALL)[1] for kind in ("python", "text"))
    torch.manual_seed(0)
    model = nn.Linear(8, 3)
    around = {
        "steepest": steepest, "model": model, "optimizer": torch.optim.SGD(model.parameters(), 0.01),
        "loss_function": functional.cross_entropy, "data": list(islice(batches(), 12)),
    }  # fmt: skip
    without = "\n".join(line for number, line in enumerate(loop.split("\n"), 1) if number != 3)
    exec(without.partition("print(doctor)")[0], around)
    assert "zero_grad" not in without and str(around["doctor"]) == " ".join(printed.split())
    around["doctor"] = None
    exec(loop.partition("print(doctor)")[0], around)
    assert around["doctor"].findings == []
