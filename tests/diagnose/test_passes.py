"""Backward passes of a step: those that add to gradients are counted, through however many calls of the model."""

import pytest
import torch
from torch import nn
from torch.nn import functional

import steepest
from steepest.diagnose.engine import adds_gradients

INPUTS = torch.randn(64, 8, generator=torch.Generator().manual_seed(0))
LABELS = (INPUTS[:, 0] > 0).long()


def seen_in(loss_of, last=3, count=40, optimizer=lambda params: torch.optim.SGD(params, 0.1)):
    """What a doctor sees of a training; `loss_of` differentiates, and gives the loss."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, last))
    stepping = optimizer(model.parameters())
    with steepest.watch(model, stepping) as doctor:
        for _ in range(count):
            stepping.zero_grad()
            loss = loss_of(model)
            stepping.step()
            doctor.step(loss)
    return doctor


def differentiated(loss):
    loss.backward()
    return loss


def adversarial(model):
    """Inputs are moved against the model first, by a gradient that no parameter gets."""
    inputs = INPUTS.clone().requires_grad_()
    (slope,) = torch.autograd.grad(functional.cross_entropy(model(inputs), LABELS), inputs)
    return differentiated(functional.cross_entropy(model(INPUTS + 0.01 * slope.sign()), LABELS))


def penalized(model):
    """The size of the gradient with respect to the inputs is part of the loss."""
    inputs = INPUTS.clone().requires_grad_()
    outputs = model(inputs)
    (slope,) = torch.autograd.grad(outputs.sum(), inputs, create_graph=True)
    return differentiated(functional.cross_entropy(outputs, LABELS) + 0.01 * slope.square().sum(1).mean())


def in_two_passes(model):
    """Two losses of the same outputs, each differentiated by itself."""
    outputs = model(INPUTS)
    losses = functional.cross_entropy(outputs, LABELS), 0.01 * outputs.square().mean()
    losses[0].backward(retain_graph=True)
    losses[1].backward()
    return sum(losses)


@pytest.mark.quick
@pytest.mark.parametrize("way", [adversarial, penalized, in_two_passes], ids=lambda way: way.__name__)
def test_a_pass_is_one_through_new_outputs_that_adds_to_gradients(way):
    doctor = seen_in(way)
    assert doctor.findings == [] and doctor.unseen == []
    for tick in doctor.record.ticks:
        assert tick.backwards == 1 and 0.85 < tick.gain < 1.05, tick
        assert tick.update.clipped == pytest.approx(1, rel=1e-4)
        assert tick.loss.labels == {0: int((LABELS == 0).sum()), 1: int(LABELS.sum())}


def test_a_batch_that_is_skipped_after_its_backward_pass_does_not_count():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with steepest.watch(model, optimizer, budget=1.0) as doctor:
        for step in range(40):
            optimizer.zero_grad(set_to_none=step % 2 == 0)
            loss = functional.cross_entropy(model(INPUTS), LABELS)
            loss.backward()
            if step % 3 == 2:  # such as one whose gradient is too large
                continue
            optimizer.step()
            doctor.step(loss)
    assert doctor.findings == [] and {tick.backwards for tick in doctor.record.ticks} == {1}
    assert all(0.85 < tick.gain < 1.05 for tick in doctor.record.ticks)


def test_a_loss_of_several_calls_is_no_accumulation_and_is_not_repeated():
    """As of the views of a contrastive loss."""

    def views(model):
        calls = [model(INPUTS + 0.1 * torch.randn_like(INPUTS)) for _ in range(3)]
        return differentiated(sum(functional.cross_entropy(outputs, LABELS) for outputs in calls))

    doctor = seen_in(views)
    assert doctor.findings == [] and {tick.backwards for tick in doctor.record.ticks} == {1}
    assert [finding.code for finding in doctor.unseen] == ["unseen_repeat"]
    assert "since the model is called several times in a step" in doctor.unseen[0].text()
    assert "因为模型在一步中被多次调用" in doctor.unseen[0].text("zh")


def test_a_gradient_by_parameters_is_no_pass_of_the_step():
    """As in the inner loop of meta-learning."""

    def learnt(model):
        params = dict(model.named_parameters())
        inner = functional.cross_entropy(model(INPUTS[:32]), LABELS[:32])
        slopes = torch.autograd.grad(inner, params.values(), create_graph=True)
        fast = {name: param - 0.1 * slope for (name, param), slope in zip(params.items(), slopes, strict=True)}
        outputs = torch.func.functional_call(model, fast, (INPUTS[32:],))
        return differentiated(functional.cross_entropy(outputs, LABELS[32:]))

    doctor = seen_in(learnt)
    assert doctor.findings == [] and {tick.backwards for tick in doctor.record.ticks} == {1}


def test_a_critic_with_a_gradient_penalty_accumulates_nothing():
    def judged(model):
        fake = INPUTS.roll(1, 0) + 1
        mixed = torch.lerp(INPUTS, fake, torch.rand(64, 1)).requires_grad_()
        (slope,) = torch.autograd.grad(model(mixed).sum(), mixed, create_graph=True)
        penalty = 10 * (slope.norm(dim=1) - 1).square().mean()
        return differentiated(model(fake).mean() - model(INPUTS).mean() + penalty)

    doctor = seen_in(judged, last=1, optimizer=lambda params: torch.optim.Adam(params, 1e-3))
    assert doctor.findings == [] and {tick.backwards for tick in doctor.record.ticks} == {1}
    assert all(tick.update.clipped == pytest.approx(1, rel=1e-4) for tick in doctor.record.ticks)


def test_the_loss_of_several_calls_is_computed_again_by_a_function_for_it():
    views = [INPUTS, INPUTS.roll(1, 1)]
    models = []

    def loss_of(model):
        models[:] = [model]
        return sum(functional.cross_entropy(model(view), LABELS) for view in views)

    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with steepest.watch(model, optimizer, again=lambda: loss_of(models[0])) as doctor:
        for _ in range(12):
            optimizer.zero_grad()
            loss = differentiated(loss_of(model))
            optimizer.step()
            doctor.step(loss)
    assert doctor.unseen == [] and all(0.85 < tick.gain < 1.05 for tick in doctor.record.ticks)


def test_parameters_that_cannot_be_viewed_are_taken_to_get_gradients():
    class Stored:
        def view_as(self, other):
            raise NotImplementedError("aten::view")

    seen = []
    weight = torch.ones(2, requires_grad=True)
    weight.register_hook(lambda gradient: seen.append([adds_gradients([Stored()]), adds_gradients([Stored(), weight])]))
    weight.sum().backward()
    torch.autograd.grad(weight.sum(), weight)
    assert seen == [[True, True], [True, False]]
