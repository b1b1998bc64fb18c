"""The playground's paths: the page's own script against `steepest.trace` and torch, step for step, over 300 steps."""

import functools
import math

import numpy as np
import pytest
import torch

import steepest
from steepest import landscapes
from steepest.base.status import Status
from steepest.rules import RULES

from .web_node import ask

STEPS = 300
CLOSE = 1e-10
EVERY = [name for name, rule in RULES.items() if rule.elementwise]
TWELVE = [
    "parabola", "two_minima", "saddle", "tanh", "bowl", "ravine", "double_well", "rosenbrock", "beale", "himmelblau",
    "ackley", "griewank",
]  # fmt: skip
QUADRATICS = ["parabola", "bowl", "ravine", "booth", "saddle", "quadratic(condition=100, rotation=30)"]
TORCH = {
    "sgd": {"lr": 0.01, "momentum": 0.5, "dampening": 0.1, "weight_decay": 0.01},
    "momentum": {"lr": 0.003, "momentum": 0.9},
    "nesterov": {"lr": 0.003, "momentum": 0.9},
    "adagrad": {"lr": 0.1, "lr_decay": 0.01},
    "rmsprop": {"lr": 0.01, "momentum": 0.5, "centered": True},
    "adam": {"lr": 0.02, "betas": [0.8, 0.99], "amsgrad": True, "weight_decay": 0.01},
    "adamw": {"lr": 0.02},
    "adadelta": {"lr": 1.0, "rho": 0.8},
    "adamax": {"lr": 0.02},
    "radam": {"lr": 0.02},
}
"""Rules that torch has too, with settings that torch has too; but its NAdam keeps the product of momenta in float32."""

MORE = [
    {"landscape": "ravine", "rule": "adagrad", "settings": {"lr": 0.4, "eps": 1e-6, "eps_inside_sqrt": True}},
    {"landscape": "ravine", "rule": "rmsprop", "settings": {"lr": 0.1, "alpha": 0.9, "eps_inside_sqrt": True}},
    {"landscape": "rosenbrock", "rule": "adam", "settings": {"lr": 0.1, "amsgrad": True, "eps_inside_sqrt": True}},
    {"landscape": "bowl", "rule": "schedulefreeadamw", "settings": {"lr": 0.1, "lr_correction": True, "r": 1.0}},
    {"landscape": "beale", "rule": "ademamix", "settings": {"lr": 0.02, "alpha_warmup": 50, "beta3_warmup": 80}},
    {"landscape": "bowl", "rule": "sgd", "settings": {"lr": 0.1, "dampening": 0.5, "weight_decay": 0.1}},
    {"landscape": "bowl", "rule": "momentum", "settings": {"lr": 0.1, "momentum": 0.0, "dampening": 0.5}},
    {"landscape": "bowl", "rule": "sgd", "settings": {"lr": 0.1}, "schedule": {"id": "exponential", "rate": 0.02}},
    {"landscape": "bowl", "rule": "adam", "settings": {"lr": 0.1}, "schedule": {"id": "inverse_sqrt", "rate": 0.3}},
    {"landscape": "ravine", "rule": "momentum", "settings": {"lr": 0.1}, "schedule": {"id": "cosine"}},
    {"landscape": "bowl", "rule": "sgd", "settings": {"lr": 0.3}, "schedule": {"id": "warmup_cosine", "warmup": 0.25}},
    {"landscape": "bowl", "rule": "sgd", "settings": {"lr": 0.1}, "noise": 1.0, "seed": 0},
    {"landscape": "rosenbrock", "rule": "adam", "settings": {"lr": 0.05}, "noise": 3.0, "seed": 123456789012},
    {"landscape": {"formula": "0.1*x**2 + 2*y**2 + sin(x*y)"}, "rule": "adam", "settings": {"lr": 0.1}},
]  # fmt: skip
"""Switches, schedules, noise, formulas."""


@functools.cache
def runs():
    """All runs of this file by what they are for, from one process."""
    specs = {
        "grid": [{"rule": rule, "landscape": on, "settings": {"lr": 0.01}} for rule in EVERY for on in TWELVE],
        "torch": [{"rule": rule, "landscape": on, "settings": given} for rule, given in TORCH.items() for on in TWELVE],
        "more": MORE,
    }
    asked = [{"steps": STEPS, **spec} for group in specs.values() for spec in group]
    answers = iter(ask("paths", asked))
    return {name: [(spec, path_of(next(answers))) for spec in group] for name, group in specs.items()}


def path_of(answer):
    return np.array(answer["x"], dtype=np.float64).reshape(-1, answer["dims"])


def traced(spec, **how):
    """The same by `steepest.trace`."""
    schedule = dict(spec.get("schedule") or {"id": "constant"})
    name = schedule.pop("id")
    on = spec["landscape"] if isinstance(spec["landscape"], str) else spec["landscape"]["formula"]
    settings = {key: tuple(value) if isinstance(value, list) else value for key, value in spec["settings"].items()}
    return steepest.trace(
        spec["rule"], on, steps=spec.get("steps", STEPS), noise=spec.get("noise", 0.0), seed=spec.get("seed", 0),
        schedule=f"{name}({', '.join(f'{key}={value}' for key, value in schedule.items())})", **settings, **how,
    )  # fmt: skip


def relative(path, expected):
    """The difference at each step, as a share of the larger of the position and 1."""
    return np.abs(path - expected).max(axis=1) / np.maximum(np.abs(expected).max(axis=1), 1.0)


def agree(path, expected, nudged):
    """Equal to 1e-10, until a run whose gradients are off by some 1e-14 leaves the path as well: that is its horizon.

    Returns the horizon, None if there is none within these steps.
    """
    finite = np.abs(expected).max(axis=1) < 1e6
    end = len(expected) if finite.all() else int(np.argmin(finite))
    assert len(path) >= end
    far = relative(path[:end], expected[:end])
    if not (far > CLOSE).any():
        return None
    horizon = int(np.argmax(far > CLOSE))
    soon = horizon + 6  # both are kicked by the same few steps, not to the digit at the same one
    assert relative(nudged()[:end], expected[:end])[:soon].max() > CLOSE / 100, f"differs from step {horizon}"
    return horizon


@pytest.mark.quick
@pytest.mark.parametrize("rule", EVERY)
def test_a_rule_takes_the_path_of_trace(rule):
    horizons = []
    for spec, path in runs()["grid"]:
        if spec["rule"] == rule:
            expected = traced(spec).x
            horizons.append(agree(path, expected, lambda spec=spec: traced(spec | {"noise": 1e-14}).x))
    assert len(horizons) == len(TWELVE)
    assert sum(each is not None for each in horizons) <= 1  # two_minima's or griewank's: a kick that grows tenfold


@pytest.mark.parametrize("rule", TORCH)
def test_a_rule_takes_the_path_of_torch(rule):
    for spec, path in runs()["torch"]:
        if spec["rule"] == rule:
            agree(path, by_torch(spec), lambda spec=spec: by_torch(spec, nudge=1e-14))


def by_torch(spec, nudge=0.0):
    """The path of torch's own optimizer, in float64."""
    name = {"momentum": "SGD", "nesterov": "SGD"}.get(spec["rule"], RULES[spec["rule"]].__name__)
    landscape = landscapes.find(spec["landscape"])
    x = torch.tensor(landscape.start, dtype=torch.float64, requires_grad=True)
    settings = dict(spec["settings"]) | ({"nesterov": True} if spec["rule"] == "nesterov" else {})
    optimizer = getattr(torch.optim, name)([x], foreach=False, **settings)
    path = [x.detach().numpy().copy()]
    for step in range(STEPS):
        x.grad = torch.from_numpy(landscape.gradient(path[-1]) + nudge * math.cos(step))
        optimizer.step()
        path.append(x.detach().numpy().copy())
    return np.array(path)


@pytest.mark.parametrize("place", range(len(MORE)))
def test_switches_schedules_noise_and_formulas(place):
    spec, path = runs()["more"][place]
    expected = traced(spec)
    assert agree(path, expected.x, lambda: expected.x) is None


# --- single steps -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", EVERY)
def test_the_numbers_of_a_step_are_those_of_trace(rule):
    spec = {"rule": rule, "landscape": "rosenbrock", "settings": {"lr": 0.001}, "steps": 80, "noise": 0.5, "seed": 3}
    (answer,) = ask("paths", [spec | {"at": [0, 1, 33, 80]}])
    expected = traced(spec)
    assert answer["steps"][0]["gradient"] is None
    for step, seen in zip((1, 33, 80), answer["steps"][1:], strict=True):
        delta = expected.x[step] - expected.x[step - 1]
        np.testing.assert_allclose(seen["delta"], delta, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(seen["noisyGradient"], expected.grad[step - 1], rtol=1e-9)
        np.testing.assert_allclose(seen["gradient"], expected.landscape.gradient(expected.x[step - 1]), rtol=1e-9)
        np.testing.assert_allclose(seen["effectiveStep"], delta / expected.grad[step - 1], rtol=1e-8)
        assert seen["lr"] == expected.lr[step - 1]
        assert set(seen["states"]) == set(expected.state)
        for name, values in seen["states"].items():
            np.testing.assert_allclose(np.broadcast_to(values, 2), expected.state[name][step], rtol=1e-9)


# --- the predicted path -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", ["sgd", "momentum", "nesterov"])
def test_on_quadratics_the_linear_step_predicts_the_path(rule):
    settings = {"lr": 0.01, "momentum": 0.8, "weight_decay": 0.0}
    specs = [
        {"rule": rule, "landscape": on, "settings": settings, "steps": 100, "predict": True, "schedule": schedule}
        for on in QUADRATICS
        for schedule in (None, {"id": "cosine"})
    ]
    for spec, answer in zip(specs, ask("paths", specs), strict=True):
        np.testing.assert_allclose(
            np.reshape(answer["predicted"], (-1, answer["dims"])), traced(spec).x, rtol=1e-9, atol=1e-9
        )


def test_there_is_no_prediction_for_scaled_rules_and_other_landscapes():
    specs = [
        {"rule": "adam", "landscape": "bowl"},
        {"rule": "sgd", "landscape": "rosenbrock"},
        {"rule": "lion", "landscape": "bowl"},
    ]
    assert [
        answer["predicted"] for answer in ask("paths", [each | {"steps": 5, "predict": True} for each in specs])
    ] == [None] * 3


def test_a_path_ends_where_it_stops_being_finite():
    specs = [
        {"rule": "sgd", "landscape": "rosenbrock", "settings": {"lr": 1.0}},
        {"rule": "sgd", "landscape": {"formula": "log(x)"}, "settings": {"lr": 0.5}, "start": [0.3]},
    ]
    answers = ask("paths", [{"steps": 50, "told": True, **spec} for spec in specs])
    for answer in answers:
        assert answer["n"] < 50 and not math.isfinite(float(answer["f"][-1])) and math.isfinite(answer["f"][-2])
    assert [answer["status"] for answer in answers] == [Status.DIVERGED, Status.NON_FINITE]
    assert answers[1]["finding"]["en"] == traced(specs[1] | {"steps": 50}, start=[0.3]).outcome.message
