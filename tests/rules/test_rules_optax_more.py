"""The newer rules against optax, written by others in another framework, in float64.

Where the two do not mean the same by a name, the table says how ours is asked for optax's meaning. Optax's Muon cannot
be compared as it is, only its iteration: it corrects the average for starting at zero, which ours and torch's do not.
Nor can its Rprop, which takes each step one step late (0.2.8), nor its Adan, which weighs differences otherwise.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np
import optax
import pytest
import torch
from optax import contrib
from optax.contrib._muon import orthogonalize_via_newton_schulz

from steepest.optim import as_optimizer
from steepest.rules import Rule
from steepest.rules.adabelief import AdaBelief
from steepest.rules.adadelta import Adadelta
from steepest.rules.adafactor import Adafactor
from steepest.rules.adamax import Adamax
from steepest.rules.ademamix import AdEMAMix
from steepest.rules.adopt import ADOPT
from steepest.rules.lamb import LAMB
from steepest.rules.lars import LARS
from steepest.rules.lion import Lion, Signum
from steepest.rules.muon import Muon
from steepest.rules.nadam import NAdam
from steepest.rules.prodigy import Prodigy
from steepest.rules.radam import RAdam
from steepest.rules.schedule_free import ScheduleFreeAdamW, ScheduleFreeSGD

STEPS = 60
LR = 0.05
START = np.random.default_rng(6).normal(size=(3, 4))
NOISE = np.random.default_rng(5).normal(size=(STEPS, *START.shape))

ROUNDING = STEPS * 10 * np.finfo(float).eps / 2
"""About 10 roundings a step, of half an ulp each, on a slope of order 1: they add up and do not grow."""


def gradient(x, step):
    """Of a bowl that turns into a cone, with noise."""
    return x / np.sqrt(1 + x * x) + NOISE[step]


@dataclass
class Case:
    """One optimizer under both names.

    Attributes:
        growth: how much this rule multiplies rounding errors.
    """

    rule: type[Rule]
    settings: dict[str, Any]
    theirs: Callable[[], Any]
    growth: float = field(default=1.0)

    def __str__(self):
        return f"{self.rule.__name__}-" + "-".join(f"{key}={value}" for key, value in self.settings.items())


def decayed(rate, optimizer):
    """Coupled weight decay, which optax writes as a step of its own."""
    return optax.chain(optax.add_decayed_weights(rate), optimizer)


def rising(peak, steps, first=0):
    """A straight line up to the peak, in float64; optax counts steps from 0 in most schedules, ours from 1."""
    return lambda count: peak * jax.numpy.minimum((count + first).astype(float) / steps, 1.0)


def average_first(decay):
    """The step along the sign of an average."""
    return optax.chain(optax.ema(decay, debias=False), optax.scale_by_sign(), optax.scale(-LR))


def adafactor_in_float64():
    """`optax.adafactor` made of its parts: in itself it raises the step to a power in float32."""
    rate = optax.scale_by_factored_rms(
        min_dim_size_to_factor=1, epsilon=0.0, decay_rate_fn=lambda done, power: 1 - (done.astype(float) + 1) ** -power
    )
    return optax.chain(rate, optax.clip_by_block_rms(1.0), optax.scale_by_param_block_rms(), optax.scale(-LR))


BETAS = {"betas": (0.8, 0.95), "eps": 1e-2}
MIX = {"betas": (0.8, 0.95, 0.99), "alpha": 3.0, "eps": 1e-2, "weight_decay": 0.1}
PRODIGY = {"betas": (0.9, 0.99), "weight_decay": 0.1, "d0": 1e-2, "use_bias_correction": True}

CASES = [
    Case(Adadelta, {"lr": 2.0, "rho": 0.8, "eps": 1e-2}, lambda: optax.adadelta(2.0, rho=0.8, eps=1e-2)),
    Case(Adadelta, {"lr": 2.0, "weight_decay": 0.1}, lambda: decayed(0.1, optax.adadelta(2.0, rho=0.9, eps=1e-6))),
    # optax adds eps to the divisor, ours to each gradient's size
    Case(Adamax, {"betas": (0.8, 0.95), "eps": 0.0}, lambda: optax.adamax(LR, 0.8, 0.95, eps=0.0)),
    # optax has no warm-up of the momentum: ours has none left when its decay is fast
    Case(NAdam, BETAS | {"momentum_decay": 1e9}, lambda: optax.nadam(LR, 0.8, 0.95, eps=1e-2)),
    Case(
        NAdam,
        BETAS | {"momentum_decay": 1e9, "weight_decay": 0.1, "decoupled_weight_decay": True},
        lambda: optax.nadamw(LR, 0.8, 0.95, eps=1e-2, weight_decay=0.1),
    ),
    # optax adds eps after the correction for starting at zero
    Case(RAdam, {"betas": (0.8, 0.98), "eps": 0.0}, lambda: optax.radam(LR, 0.8, 0.98, eps=0.0)),
    Case(Signum, {"momentum": 0.8}, lambda: average_first(0.8)),
    Case(
        Lion,
        {"betas": (0.6, 0.9), "weight_decay": 0.1},
        lambda: optax.lion(LR, 0.6, 0.9, weight_decay=0.1),
    ),
    Case(AdEMAMix, MIX, lambda: contrib.ademamix(LR, 0.8, 0.95, 0.99, 3.0, eps=1e-2, weight_decay=0.1)),
    Case(
        AdEMAMix,
        MIX | {"alpha_warmup": 40},
        lambda: contrib.ademamix(LR, 0.8, 0.95, 0.99, rising(3.0, 40, first=1), 1e-2, weight_decay=0.1),
    ),
    Case(LAMB, BETAS | {"weight_decay": 0.1}, lambda: optax.lamb(LR, 0.8, 0.95, eps=1e-2, weight_decay=0.1)),
    Case(AdaBelief, BETAS, lambda: optax.adabelief(LR, 0.8, 0.95, eps=1e-2, eps_root=1e-2)),
    Case(ADOPT, BETAS, lambda: contrib.adopt(LR, 0.8, 0.95, eps=1e-2)),
    Case(
        ADOPT,
        BETAS | {"clip": False, "weight_decay": 0.1},
        lambda: decayed(0.1, contrib.adopt(LR, 0.8, 0.95, eps=1e-2, use_clipping=False)),
    ),
    *(
        Case(
            LARS,
            {"momentum": 0.8, "trust_coefficient": 0.3, "eps": 1e-2, "weight_decay": 0.1, "nesterov": nesterov},
            lambda nesterov=nesterov: optax.lars(
                LR, 0.1, trust_coefficient=0.3, eps=1e-2, momentum=0.8, nesterov=nesterov
            ),
        )
        for nesterov in (False, True)
    ),
    # optax adds eps to each squared gradient, and the learning rate is not bounded by the root of the step
    Case(Adafactor, {"eps": (0.0, 1e-3)}, adafactor_in_float64),
    # Schedule-Free counts from 1 itself, the rule that it wraps from 0
    Case(
        ScheduleFreeSGD,
        {"lr": 0.3, "momentum": 0.8, "weight_decay": 0.1, "warmup_steps": 20},
        lambda: contrib.schedule_free(decayed(0.1, optax.sgd(rising(0.3, 20, first=1))), rising(0.3, 20), b1=0.8),
    ),
    Case(
        ScheduleFreeAdamW,
        BETAS | {"weight_decay": 0.1},
        lambda: contrib.schedule_free_adamw(LR, None, 0.8, 0.95, 1e-2, weight_decay=0.1),
    ),
    Case(
        ScheduleFreeAdamW,
        BETAS | {"weight_lr_power": 1.0},
        lambda: contrib.schedule_free_adamw(LR, None, 0.8, 0.95, 1e-2, weight_lr_power=1.0),
    ),
    Case(
        Prodigy,
        PRODIGY,
        lambda: contrib.prodigy(LR, (0.9, 0.99), estim_lr0=1e-2, weight_decay=0.1),
    ),
    Case(
        Prodigy,
        PRODIGY | {"safeguard_warmup": True, "d_coef": 2.0},
        lambda: contrib.prodigy(
            LR, (0.9, 0.99), estim_lr0=1e-2, estim_lr_coef=2.0, weight_decay=0.1, safeguard_warmup=True
        ),
    ),
]


@pytest.fixture(autouse=True)
def float64_jax():
    with jax.enable_x64(True):
        yield


def ours(case):
    """The path of steepest's optimizer, and the weights to evaluate in each step."""
    param = torch.tensor(START, requires_grad=True)
    optimizer = as_optimizer(case.rule)([param], **{"lr": LR} | case.settings)
    path, evaluated = [], []
    for step in range(STEPS):
        param.grad = torch.from_numpy(gradient(param.detach().numpy(), step))
        optimizer.step()
        path.append(param.detach().numpy().copy())
        with optimizer.evaluating():
            evaluated.append(param.detach().numpy().copy())
    return np.array(path), np.array(evaluated)


def theirs(case):
    """The same by optax."""
    optimizer, param = case.theirs(), jax.numpy.asarray(START)
    update = jax.jit(optimizer.update)
    state, path, evaluated = optimizer.init(param), [], []
    for step in range(STEPS):
        slope = jax.numpy.asarray(gradient(np.asarray(param), step))
        updates, state = update(slope, state, param)
        param = optax.apply_updates(param, updates)
        path.append(np.asarray(param))
        free = isinstance(state, contrib.ScheduleFreeState)
        evaluated.append(np.asarray(contrib.schedule_free_eval_params(state, param)) if free else path[-1])
    return np.array(path), np.array(evaluated)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_paths_equal_optax(case):
    (path, evaluated), (expected, averages) = ours(case), theirs(case)
    assert expected.dtype == np.float64
    allowed = case.growth * ROUNDING * np.abs(expected).max()
    np.testing.assert_allclose(path, expected, rtol=0, atol=allowed)
    np.testing.assert_allclose(evaluated, averages, rtol=0, atol=allowed)
    assert np.all(np.abs(path[-1] - START) > 1e-3)


@pytest.mark.parametrize("shape", [(4, 3), (3, 4), (5, 5)], ids=str)
def test_the_iteration_of_muon_equals_optax(shape):
    matrix = np.random.default_rng(4).normal(size=shape)
    coefficients = np.array([3.4445, -4.775, 2.0315])
    expected = orthogonalize_via_newton_schulz(jax.numpy.asarray(matrix), jax.numpy.asarray(coefficients), 5, eps=0.0)
    delta, _ = Muon(lr=1.0, momentum=0.0, eps=0.0, weight_decay=0.0).update(matrix, matrix, 1, 0 * matrix)
    np.testing.assert_allclose(delta, -np.sqrt(max(1, shape[0] / shape[1])) * expected, rtol=0, atol=1e-12)
