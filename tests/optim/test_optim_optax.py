"""Our optimizers against a second library, written by others in another framework: optax, in float64.

Where the two do not mean the same by a name, the table says how ours is asked for optax's meaning. What optax cannot
express is compared with torch alone: eps outside AdaGrad's root, and dampening (optax's `ema` also dampens the first
gradient, which torch's and our momentum take whole).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np
import optax
import pytest
import torch

import steepest

STEPS = 60
LR = 0.05
START = np.array([-2.0, -0.7, 0.1, 0.4, 1.3, 3.0])
NOISE = np.random.default_rng(5).normal(size=(STEPS, START.size))

ROUNDING = STEPS * 10 * np.finfo(float).eps / 2
"""About 10 roundings a step, of half an ulp each, on a slope of order 1: they add up and do not grow."""


def noisy_gradient(x, step):
    """Of the sum of sqrt(1 + x^2), a bowl that turns into a cone, plus the step's noise."""
    return x / np.sqrt(1 + x * x) + NOISE[step]


def growing_gradient(x, step):
    """Ever larger, so that the largest mean square so far is always the latest, corrected for bias or not."""
    return 1.1**step * (1 + x * x / (1 + x * x))


@dataclass
class Case:
    """One optimizer under both names."""

    name: str
    settings: dict[str, Any]
    theirs: Callable[[], optax.GradientTransformation]
    gradient: Callable[..., np.ndarray] = field(default=noisy_gradient)

    def __str__(self):
        return f"{self.name}-" + "-".join(f"{key}={value}".replace(" ", "") for key, value in self.settings.items())


def decayed(rate, optimizer):
    """Coupled weight decay, which optax writes as a step of its own."""
    return optax.chain(optax.add_decayed_weights(rate), optimizer)


def climbing(optimizer):
    return optax.chain(optax.scale(-1.0), optimizer)


NESTEROV = {"momentum": 0.9, "nesterov": True}
CENTRED = {"alpha": 0.9, "centered": True, "eps": 1e-2}
BETAS = {"betas": (0.8, 0.95)}

CASES = [
    Case("SGD", {}, lambda: optax.sgd(LR)),
    Case("SGD", {"weight_decay": 0.1}, lambda: decayed(0.1, optax.sgd(LR))),
    Case("SGD", {"momentum": 0.9}, lambda: optax.sgd(LR, momentum=0.9)),
    Case("SGD", NESTEROV, lambda: optax.sgd(LR, **NESTEROV)),
    Case(
        "SGD",
        NESTEROV | {"weight_decay": 0.1, "maximize": True},
        lambda: climbing(decayed(0.1, optax.sgd(LR, **NESTEROV))),
    ),
    Case("Momentum", {}, lambda: optax.sgd(LR, momentum=0.9)),
    # optax's AdaGrad has eps inside the root only, and starts the sum at 0.1 unless told otherwise
    Case(
        "Adagrad",
        {"eps": 1e-2, "eps_inside_sqrt": True, "initial_accumulator_value": 0.1},
        lambda: optax.adagrad(LR, eps=1e-2),
    ),
    Case(
        "Adagrad",
        {"eps": 1e-7, "eps_inside_sqrt": True, "weight_decay": 0.1},
        lambda: decayed(0.1, optax.adagrad(LR, initial_accumulator_value=0.0)),
    ),
    # a schedule of optax counts from 0, our steps from 1
    Case(
        "Adagrad",
        {"eps": 1e-7, "eps_inside_sqrt": True, "lr_decay": 0.02},
        lambda: optax.adagrad(lambda count: LR / (1 + 0.02 * count), initial_accumulator_value=0.0),
    ),
    # optax's RMSProp has eps inside the root unless told otherwise, and forgets with 0.9, not 0.99
    Case("RMSprop", {"alpha": 0.9, "eps_inside_sqrt": True}, lambda: optax.rmsprop(LR)),
    Case(
        "RMSprop",
        {"alpha": 0.9, "eps": 1e-2, "eps_inside_sqrt": True, "weight_decay": 0.1},
        lambda: decayed(0.1, optax.rmsprop(LR, eps=1e-2)),
    ),
    Case("RMSprop", {"eps": 1e-2}, lambda: optax.rmsprop(LR, decay=0.99, eps=1e-2, eps_in_sqrt=False)),
    Case("RMSprop", CENTRED, lambda: optax.rmsprop(LR, eps=1e-2, eps_in_sqrt=False, centered=True)),
    Case("RMSprop", CENTRED | {"eps_inside_sqrt": True}, lambda: optax.rmsprop(LR, eps=1e-2, centered=True)),
    # optax has the learning rate inside the momentum, torch and ours outside: the same while it is constant
    Case(
        "RMSprop",
        CENTRED | {"momentum": 0.9, "eps_inside_sqrt": True},
        lambda: optax.rmsprop(LR, eps=1e-2, centered=True, momentum=0.9),
    ),
    Case("Adam", {}, lambda: optax.adam(LR)),
    Case("Adam", BETAS | {"eps": 1e-2}, lambda: optax.adam(LR, 0.8, 0.95, eps=1e-2)),
    Case("Adam", BETAS | {"eps": 1e-2, "eps_inside_sqrt": True}, lambda: optax.adam(LR, 0.8, 0.95, 0.0, 1e-2)),
    Case("Adam", {"weight_decay": 0.1}, lambda: decayed(0.1, optax.adam(LR))),
    Case("Adam", {"weight_decay": 0.1, "decoupled_weight_decay": True}, lambda: optax.adamw(LR, weight_decay=0.1)),
    # optax's default is 1e-4, torch's and ours 1e-2
    Case("AdamW", {}, lambda: optax.adamw(LR, weight_decay=1e-2)),
    Case("AdamW", BETAS | {"weight_decay": 0.1}, lambda: optax.adamw(LR, 0.8, 0.95, weight_decay=0.1)),
    Case("AdamW", {"maximize": True}, lambda: climbing(optax.adamw(LR, weight_decay=1e-2))),
    # AMSGrad: optax takes the largest mean square after correcting for bias, torch and ours before (see below)
    Case("Adam", {"amsgrad": True}, lambda: optax.amsgrad(LR), growing_gradient),
    Case("AdamW", {"amsgrad": True, "weight_decay": 0.0}, lambda: optax.amsgrad(LR), growing_gradient),
]


@pytest.fixture(autouse=True)
def float64_jax():
    with jax.enable_x64(True):
        yield


def ours(case):
    """The path of steepest's optimizer, one row a step."""
    param = torch.tensor(START, requires_grad=True)
    optimizer = getattr(steepest, case.name)([param], **{"lr": LR} | case.settings)
    path = []
    for step in range(STEPS):
        param.grad = torch.from_numpy(case.gradient(param.detach().numpy(), step))
        optimizer.step()
        path.append(param.detach().numpy().copy())
    return np.array(path)


def theirs(case):
    """The same by optax."""
    optimizer, param = case.theirs(), jax.numpy.asarray(START)
    state, path = optimizer.init(param), []
    for step in range(STEPS):
        gradient = jax.numpy.asarray(case.gradient(np.asarray(param), step))
        updates, state = optimizer.update(gradient, state, param)
        param = optax.apply_updates(param, updates)
        path.append(np.asarray(param))
    return np.array(path)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_paths_equal_optax(case):
    path, expected = ours(case), theirs(case)
    assert expected.dtype == np.float64
    np.testing.assert_allclose(path, expected, rtol=0, atol=ROUNDING * np.abs(expected).max())
    assert np.all(np.abs(path[-1] - START) > 1e-3)


def one_large_gradient(x, step):
    return np.full(x.shape, float(step == 0))


def test_amsgrad_of_optax_differs_once_gradients_shrink():
    """One large gradient, then none: optax goes on dividing by the first, ours by what is left of it.

    With g_1 = 1, v_1 = 1 - beta2 is the largest. Optax divides by the root of v_1 / (1 - beta2) = 1 for ever; ours
    corrects it by the present step, v_1 / (1 - beta2^t).
    """
    case = Case("Adam", {"amsgrad": True, "eps": 0.0}, lambda: optax.amsgrad(LR, eps=0.0), one_large_gradient)
    steps, expected = np.diff(ours(case), axis=0), np.diff(theirs(case), axis=0)
    t = np.arange(2, STEPS + 1)[:, None]
    ratio = np.sqrt((1 - 0.999**t) / (1 - 0.999))
    assert ratio[-1] > 7
    # the last steps are 1e-5 of the coordinates that they are differences of
    np.testing.assert_allclose(steps, expected * ratio, rtol=1e-9)
