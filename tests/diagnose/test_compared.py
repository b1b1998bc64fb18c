"""Losses of differences, whose targets are read from the graph before a backward pass frees it."""

import gc
import threading

import pytest
import torch
from torch import nn
from torch.nn import functional

import steepest
from steepest.diagnose import roots
from steepest.diagnose.autograd import path_between
from steepest.diagnose.losses import read, recover

WAYS = {
    "mse_loss": functional.mse_loss,
    "turned": lambda z, t: functional.mse_loss(t, z),
    "sum": lambda z, t: functional.mse_loss(z, t, reduction="sum"),
    "squares": lambda z, t: ((t - z) ** 2).mean(),
    "half of a sum": lambda z, t: 0.5 * (z - t).pow(2).sum() / len(z),
    "negative": lambda z, t: -functional.mse_loss(z, t),
    "root": lambda z, t: functional.mse_loss(z, t).sqrt(),
    "l1_loss": functional.l1_loss,
    "absolute": lambda z, t: (t - z).abs().sum(-1).mean(),
    "huber": lambda z, t: functional.huber_loss(z, t, delta=0.7),
    "smooth": lambda z, t: functional.smooth_l1_loss(z, t, beta=0.3),
    "weighted": lambda z, t: ((z - t) ** 2 * torch.linspace(0.5, 2, t.numel()).reshape(t.shape)).mean(),
}
BENDS = {
    "": lambda z: z,
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "softplus": functional.softplus,
    "exp": torch.exp,
}


@pytest.mark.parametrize("bend", BENDS)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("shape", [(16,), (16, 1), (16, 3)])
def test_targets_are_read_however_the_loss_is_written(way, bend, shape):
    generator = torch.Generator().manual_seed(3)
    z = torch.randn(shape, generator=generator).requires_grad_() * 1.0
    targets = 2 * torch.randn(shape, generator=generator)
    given, wanted = (z.squeeze(-1), targets.squeeze(-1)) if shape[-1] == 1 else (z, targets)
    loss = WAYS[way](BENDS[bend](given), wanted)
    seen = read(path_between(loss, [z]), [z])
    assert seen is not None and seen.bend == bend
    assert torch.allclose(seen.targets, targets, atol=1e-5)
    (slope,) = torch.autograd.grad(loss, z, retain_graph=True)
    found = recover(path_between(loss, [z]), z, slope, loss.item(), seen)
    assert found.facts.targets[1] == pytest.approx(targets.mean().item(), abs=1e-5)
    assert found.facts.scale < 0 if way == "negative" else found.facts.scale > 0
    if way == "weighted" and bend == "relu":  # weights of entries without a gradient are not known
        return
    near = z.detach() + 0.05 * torch.randn(shape, generator=generator)
    sure = near.abs() > 0.1 if bend == "relu" else torch.ones_like(near, dtype=torch.bool)
    new = torch.where(sure, near, z.detach())
    exact = WAYS[way](BENDS[bend](new.reshape(given.shape)), wanted) - loss.detach()
    told = found.again(new) - found.again(z.detach())
    assert float(told) == pytest.approx(float(exact), rel=2e-2, abs=1e-4)


@pytest.mark.parametrize("way", ["l1_loss", "huber", "smooth", "root"])
def test_the_level_of_guessing_is_that_of_the_best_constant(way):
    targets = torch.randn(400, generator=torch.Generator().manual_seed(0)).exp()
    z = torch.zeros(400).requires_grad_() * 1.0
    loss = WAYS[way](z, targets)
    (slope,) = torch.autograd.grad(loss, z, retain_graph=True)
    found = recover(path_between(loss, [z]), z, slope, loss.item(), read(path_between(loss, [z]), [z])).facts
    best = min(float(WAYS[way](torch.full_like(targets, each), targets)) for each in torch.linspace(0, 4, 401).tolist())
    assert found.guess == pytest.approx(best, rel=0.03) and found.mean == pytest.approx(loss.item(), rel=1e-5)


@pytest.mark.parametrize(
    "loss",
    [
        lambda z, t: functional.mse_loss(
            z.mT, t.mT.clone()
        ),  # read as it was compared, in another order than the output
        lambda z, t: functional.l1_loss(z[:5], t[:5]),
        lambda z, t: functional.l1_loss(3 * z + 1, t),
        lambda z, t: functional.mse_loss(z.softmax(-1), t),
        lambda z, t: (z.mT - t.mT).abs().mean(),
        lambda z, t: functional.l1_loss(z, t * float("nan")),
        lambda z, t: functional.cross_entropy(z, t.softmax(-1)),
    ],
)
def test_what_is_compared_otherwise_is_not_claimed(loss):
    z = torch.randn(16, 3, generator=torch.Generator().manual_seed(0)).requires_grad_() * 1.0
    assert read(path_between(loss(z, torch.randn(16, 3)), [z]), [z]) is None


def _train(loss, steps=40, targets=lambda y: y, size=0.4):
    model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 1))
    generator = torch.Generator().manual_seed(1)
    for param in model.parameters():  # threads have one global generator
        nn.init.uniform_(param, -size, size, generator=generator)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    doctor = steepest.watch(model, optimizer)
    for _ in range(steps):
        x = torch.randn(32, 4, generator=generator)
        optimizer.zero_grad()
        value = loss(model(x).squeeze(-1), targets(x.sum(1)))
        value.backward()
        optimizer.step()
        doctor.step(value)
    return doctor


@pytest.mark.quick
@pytest.mark.parametrize("loss", [functional.l1_loss, functional.huber_loss, functional.smooth_l1_loss])
def test_a_training_by_absolute_differences_is_understood_as_one_by_squares_is(loss):
    doctor = _train(loss)
    doctor.close()
    assert doctor.findings == [] and doctor.unseen == []
    assert len(doctor.record.ticks) == 9
    assert all(tick.gain == pytest.approx(1, abs=0.1) for tick in doctor.record.ticks if tick.update.descent > 0)
    assert [f.code for f in _train(loss, targets=lambda y: 1000 * y).findings] == ["target_scale"]
    assert [f.code for f in _train(loss, targets=lambda y: 0 * y + 3).findings] == ["labels"]
    assert [f.code for f in _train(lambda z, t: -loss(z, t)).findings][:1] == ["ascent"]
    assert [f.code for f in _train(lambda z, t: loss(z.sigmoid(), t)).findings] == ["output_range"]
    assert [f.code for f in _train(lambda z, t: loss(60 * z, t)).findings] == []  # outputs that are scaled are not read
    assert [f.code for f in _train(loss, size=20.0).findings][:1] == ["init_large"]


def test_backward_is_listened_to_in_observed_steps_only_and_not_longer_than_the_doctor_lives():
    before = set(roots._listeners)
    doctor = _train(functional.l1_loss, steps=36)
    assert set(roots._listeners) == before  # step 36 is none of those that are observed
    doctor.close()
    doctor = _train(functional.l1_loss, steps=5)  # the next step is observed
    assert len(set(roots._listeners) - before) == 1
    del doctor
    gc.collect()
    assert set(roots._listeners) == before


def test_another_wrapper_around_backward_is_left_where_it_is():
    before = torch.autograd.backward
    calls = []

    def counted(*args, **kwargs):
        calls.append(args)
        return inner(*args, **kwargs)

    try:
        doctor = _train(functional.l1_loss, steps=1)  # within an observed step another one puts itself around
        inner, torch.autograd.backward = torch.autograd.backward, counted
        other = _train(functional.l1_loss)
        assert torch.autograd.backward is counted and len(calls) == 40 and other.unseen == []
        doctor.close()
        other.close()
        assert [f.code for f in _train(functional.l1_loss).unseen] == []
        assert len(calls) == 80
        torch.autograd.backward = before
        assert [f.code for f in _train(functional.l1_loss, targets=lambda y: 1000 * y).findings] == ["target_scale"]
    finally:
        torch.autograd.backward = before


def test_trainings_in_threads_do_not_see_each_other():
    found = {}

    def train(name, factor):
        found[name] = _train(functional.l1_loss, targets=lambda y: factor * y)

    threads = [threading.Thread(target=train, args=(factor, factor)) for factor in (1.0, 1000.0, 2.0)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {name: [f.code for f in doctor.findings] for name, doctor in found.items()} == {
        1.0: [],
        1000.0: ["target_scale"],
        2.0: [],
    }


def test_the_logarithm_of_cosh():
    outputs, targets = torch.randn(9, 2, requires_grad=True) * 3, torch.randn(9, 2)
    loss = torch.log(torch.cosh(outputs - targets)).mean()
    seen = read(path_between(loss, [outputs]), [outputs])
    assert torch.allclose(seen.targets, targets, atol=1e-5) and torch.allclose(seen.of(outputs).mean(), loss)
