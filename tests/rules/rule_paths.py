"""A rule's path down a small noisy slope, and how close it must be to one computed by hand."""

import numpy as np
import torch

from ..optimizer_cases import STEPS, rounding

random = np.random.default_rng(2)
START = random.normal(size=(4, 3))
NOISE = random.normal(size=(STEPS, *START.shape))

B = {"lr": 0.05, "betas": (0.8, 0.9), "eps": 1e-3}
PRODIGY = {"betas": (0.9, 0.99), "weight_decay": 0.1, "d0": 1e-2}


def slope(x, step):
    """Of a bowl that turns into a cone, with noise."""
    return x / np.sqrt(1 + x * x) + NOISE[step]


def begin(rule, param):
    """The state before the first step."""
    return list(rule.init(param).values())


def walk(rule, start=START, gradient=slope, steps=STEPS):
    """Parameters and states after each step."""
    param, state, path = start, begin(rule, start), []
    for step in range(steps):
        delta, *state = rule.update(gradient(param, step), param, step + 1, *state)
        param = param + delta
        path.append((param, state))
    return path


def points(rule, **how):
    return np.array([param for param, _ in walk(rule, **how)])


def evaluated(rule, **how):
    """The weights to evaluate after each step."""
    return np.array([rule.evaluation(param, *state) for param, state in walk(rule, **how)])


def agree(path, expected, factor=1.0):
    """60 steps of about 10 roundings each, of a slope that does not let them grow."""
    expected = np.asarray(expected)
    np.testing.assert_allclose(
        path, expected, rtol=0, atol=factor * rounding(torch.float64) * max(1.0, np.abs(expected).max())
    )
    assert np.abs(expected[-1] - expected[0]).max() > 1e-3


def bits(path):
    return np.asarray(path).tobytes()
