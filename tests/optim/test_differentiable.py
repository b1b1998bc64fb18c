"""`differentiable=True`: derivatives through the steps of every rule, by its start and its settings, are right."""

from functools import partial

import pytest
import torch

import steepest
from steepest.base.errors import InvalidValue
from steepest.rules import RULES

STEPS = 4
WAVES = torch.arange(6.0, dtype=torch.float64).reshape(2, 3)

SETTINGS = {
    "lr": 0.05,
    "betas": (0.7, 0.8),
    "momentum": 0.8,
    "weight_decay": 0.1,
    "eps": 1e-3,
    "alpha": 0.7,
    "rho": 0.7,
}
"""By name, for the rules that have them; all are varied."""

OWN = {
    "Prodigy": {"lr": 1.0, "d0": 0.1},
    "NAdam": {"momentum_decay": 0.3},
    "Adan": {"betas": (0.7, 0.8, 0.9)},
    "AdEMAMix": {"betas": (0.7, 0.8, 0.9), "alpha": 2.0},
    "Adafactor": {"eps": (None, 1e-3)},
    "ScheduleFreeSGD": {"r": 0.5, "warmup_steps": 3},
    "ScheduleFreeAdamW": {"r": 0.5, "warmup_steps": 3},
    "SOAP": {"precondition_frequency": 1},
    "Muon": {"eps": 1e-2},
}


def settings_of(name):
    known = RULES[name].hyperparameters()
    settings = {key: value for key, value in SETTINGS.items() if key in known}
    return settings | OWN.get(RULES[name].__name__, {})


def end_of(name, settings, start, lr_and_more):
    """Where some steps lead, as a function of the start and of each setting that is a number.

    Every step has a loss of its own: SOAP's first two would otherwise meet a gradient of which all but the diagonal is
    exactly 0 in its coordinates, where the root of the squares has no derivative.
    """
    param = start * 1.0
    optimizer = getattr(steepest, RULES[name].__name__)([param], differentiable=True, **settings | lr_and_more)
    for step in range(STEPS):
        at = param.clone()
        loss = (0.1 * at**4 + at.cos() + 0.3 * at * at.flip(0) + at * torch.sin(WAVES * (step + 1))).sum()
        (param.grad,) = torch.autograd.grad(loss, param, create_graph=True)
        optimizer.step()
    return param, optimizer


def varied(settings):
    """The settings as tensors, by name and by place, and how to put them back together."""
    flat = {
        (name, place): torch.tensor(number, dtype=torch.float64, requires_grad=True)
        for name, value in settings.items()
        if name not in ("warmup_steps", "precondition_frequency") and name != "d0"
        for place, number in enumerate(value if isinstance(value, tuple) else (value,))
        if number is not None
    }

    def together(*numbers):
        values = dict(zip(flat, numbers, strict=True))
        return {
            name: tuple(values.get((name, place), number) for place, number in enumerate(value))
            if isinstance(value, tuple)
            else values.get((name, 0), value)
            for name, value in settings.items()
        }

    return flat, together


@pytest.mark.parametrize("name", RULES)
def test_derivatives_of_every_rule_are_those_of_differences(name):
    settings = settings_of(name)
    flat, together = varied(settings)
    start = torch.linspace(-1.0, 2.5, 6, dtype=torch.float64).reshape(2, 3).requires_grad_()

    def end(start, *numbers):
        return end_of(name, settings, start, together(*numbers))[0]

    assert torch.autograd.gradcheck(end, (start, *flat.values()), eps=1e-6, atol=1e-6, rtol=1e-4)
    if name == "prodigy":
        assert end_of(name, settings, start, {})[1].param_groups[0]["d"] > 1.2 * settings["d0"]


def test_groups_of_prodigy_are_coupled_by_their_distance():
    def end(first, second):
        params = [first * 1.0, second * 1.0]
        optimizer = steepest.Prodigy([{"params": [param]} for param in params], d0=0.1, differentiable=True)
        for _ in range(3):
            for param in params:
                at = param.clone()
                (param.grad,) = torch.autograd.grad((at**2 + at.cos()).sum(), param, create_graph=True)
            optimizer.step()
        return tuple(params)

    starts = [torch.linspace(low, 2.0, 3, dtype=torch.float64).requires_grad_() for low in (0.5, 1.0)]
    assert torch.autograd.gradcheck(end, starts, eps=1e-6, atol=1e-6, rtol=1e-4)
    (across,) = torch.autograd.grad(end(*starts)[0].sum(), starts[1])
    assert across.abs().min() > 1e-4


def stepped(param, grad, **settings):
    param.grad = grad
    steepest.Adam([param], differentiable=True, **settings).step()


@pytest.mark.parametrize("setting", ["master_weights", "stochastic_rounding"])
def test_float32_copies_of_half_precision_are_refused(setting):
    param = torch.ones(3, dtype=torch.bfloat16, requires_grad=True)
    step = partial(stepped, param, torch.ones_like(param), **{setting: True})
    with pytest.raises(InvalidValue, match=f"Adam: differentiable=True is not possible with {setting}=True"):
        step()
    assert torch.equal(param, torch.ones_like(param))


def test_sparse_gradients_are_refused():
    param = torch.ones(3, 2, requires_grad=True)
    grad = torch.sparse_coo_tensor([[1]], torch.ones(1, 2), (3, 2), check_invariants=True)
    with pytest.raises(InvalidValue, match="Adam: differentiable=True is not possible with sparse gradients"):
        stepped(param, grad)
    assert torch.equal(param, torch.ones_like(param))
