"""The page's findings against Python's: the same code, numbers and texts for a path, and the same steps in maps."""

import functools
import itertools
import math

import numpy as np
import pytest

import steepest
from steepest import landscapes, trace
from steepest.base import numbers
from steepest.base.status import Status
from steepest.findings.catalogue import CATALOGUE
from steepest.findings.outcome import CAUSES

from .web_node import ask, call

FORMULAS = (
    "y**2 + 0.001*x",
    "maximum(x, 0)",
    "-x**2 - y**2",
    "(x - y)**2",
    "x**2",
    "x**4",
    "x**2 - y**2",
    "log(x)",
    "sqrt(abs(x))",
    "2*x + 3",
    "abs(x) + abs(y)",
    "x**2 + x*y + y**2",
    "x**2 + y**2",
)

SPECS = [
    *(
        {"rule": rule, "landscape": on, "settings": {"lr": lr}, "steps": steps, "noise": noise}
        for rule, on, (lr, steps, noise) in itertools.product(
            ("sgd", "momentum", "rmsprop", "adam", "lion"),
            landscapes.LANDSCAPES,
            ((0.003, 60, 0.0), (0.1, 100, 0.0), (0.6, 40, 0.0), (0.1, 80, 0.5)),
        )
    ),
    *(
        {"rule": rule, "landscape": {"formula": text}, "settings": {"lr": lr}, "steps": 100}
        for rule, text, lr in itertools.product(("sgd", "adagrad", "nesterov"), FORMULAS, (0.01, 0.3, 1.0))
    ),
    *(
        {"rule": "sgd", "landscape": on, "settings": {"lr": 0.1, "momentum": momentum, "weight_decay": decay},
         "steps": 150, "noise": noise}
        for on, momentum, decay, noise in itertools.product(
            ("bowl", "ravine", "parabola", "himmelblau"), (0.0, 0.5), (0.0, 0.1), (0.0, 0.3)
        )
    ),
    *(
        {"rule": rule, "landscape": on, "settings": {"lr": lr}, "steps": 80, "noise": noise, "schedule": schedule}
        for rule, on, lr, noise, schedule in itertools.product(
            ("sgd", "adam"), ("bowl", "tanh", "rosenbrock", {"formula": "x**2 + y**2"}), (0.003, 0.3), (0.0, 0.5),
            ({"id": "exponential", "rate": 0.1}, {"id": "inverse_sqrt", "rate": 0.1}, {"id": "cosine"}),
        )
    ),
    *(
        {"rule": rule, "landscape": {"formula": "max(x, 0) + 0*y"}, "settings": {"lr": 0.3}, "start": start,
         "noise": noise}
        for rule, start, noise in itertools.product(
            ("sgd", "adam", "momentum"), ([-1.0, 0.0], [2.0, 0.0]), (0.0, 0.01)
        )
    ),
    {"rule": "adam", "landscape": "ravine", "settings": {"lr": 0.4}, "steps": 60},
    {"rule": "rmsprop", "landscape": "ravine", "settings": {"lr": 0.01, "momentum": 0.5}, "steps": 3},
    {"rule": "nadam", "landscape": "ravine", "settings": {"lr": 0.01}, "steps": 7},
    {"rule": "sgd", "landscape": "saddle", "settings": {"lr": 0.2}, "start": [-0.9, 0.0]},
    {"rule": "sgd", "landscape": "saddle", "settings": {"lr": 0.1}, "start": [-0.9, 1e-9], "steps": 60},
    {"rule": "sgd", "landscape": {"formula": "-x**2"}, "settings": {"lr": 0.1}, "start": [0.0]},
    {"rule": "sgd", "landscape": {"formula": "log(x)"}, "settings": {"lr": 0.1}, "start": [-1.0]},
    {"rule": "sgd", "landscape": {"formula": "(x - 30)**2"}, "settings": {"lr": 0.3}},
    {"rule": "sgd", "landscape": {"formula": "(x - 3)**2"}, "settings": {"lr": 0.2, "weight_decay": 0.1}},
    {"rule": "sgd", "landscape": "bowl", "settings": {"lr": 0.1}, "steps": 20},
    {"rule": "sgd", "landscape": "parabola", "settings": {"lr": 1.1}, "steps": 2},
    {"rule": "sgd", "landscape": "ravine", "settings": {"lr": 0.5}, "steps": 60},
    {"rule": "sgd", "landscape": "two_minima", "settings": {"lr": 1.0}},
    {"rule": "momentum", "landscape": "tanh", "settings": {"lr": 1.0}},
    {"rule": "sgd", "landscape": {"formula": "0.1*x1**2 + 2*x2**2"}, "settings": {"lr": 0.6}},
    {"rule": "sgd", "landscape": {"formula": "0.1*x1**2 + 2*x2**2"}, "settings": {"lr": 0.1}},
    {"rule": "sgd", "landscape": {"formula": "x1**2"}, "settings": {"lr": 1.5}},
    {"rule": "rmsprop", "landscape": {"formula": "0.1*x**2 + 2*y**2"}, "settings": {"lr": 0.4, "alpha": 0.9}},
    {"rule": "adagrad", "landscape": "parabola", "settings": {"lr": 1e-3}, "steps": 200},
    {"rule": "sgd", "landscape": "parabola", "settings": {"lr": 0.0}},
]  # fmt: skip


@functools.cache
def told():
    """Each spec with Python's path and the page's answer, of those whose paths are the same to 1e-8."""
    answers = ask("paths", [{"steps": 100, "noise": 0.0, "seed": 1, "told": True} | spec for spec in SPECS])
    pairs = []
    for spec, answer in zip(SPECS, answers, strict=True):
        on = spec["landscape"] if isinstance(spec["landscape"], str) else spec["landscape"]["formula"]
        path = trace(
            spec["rule"], on, start=spec.get("start"), steps=spec.get("steps", 100), noise=spec.get("noise", 0.0),
            seed=1, schedule=schedule_of(spec), **spec["settings"],
        )  # fmt: skip
        x = np.array(answer["x"], dtype=np.float64).reshape(-1, answer["dims"])
        far = np.abs(x - path.x[: len(x)]) / np.maximum(np.abs(path.x[: len(x)]), 1.0)
        if not far[np.isfinite(far)].max() > 1e-8:  # beyond its horizon a chaotic path is another one
            pairs.append((spec, path, answer))
    return pairs


def schedule_of(spec):
    name, *settings = (spec.get("schedule") or {"id": "constant"}).items()
    return f"{name[1]}({', '.join(f'{key}={value}' for key, value in settings)})"


def same(one, other):
    """Whether two numbers of findings agree to rounding; points, lists and words entry by entry."""
    if isinstance(one, dict):
        return set(one) == set(other) and all(same(one[name], other[name]) for name in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, str | bool):
        return one == other
    return math.isclose(one, float(other), rel_tol=1e-6, abs_tol=1e-9)


def test_most_paths_are_compared():
    assert len(SPECS) > 500 and len(told()) > 0.95 * len(SPECS)


def test_the_finding_of_a_path_is_that_of_trace():
    for spec, path, answer in told():
        finding = answer["finding"]
        assert finding["code"] == path.finding.code, spec
        assert same(dict(path.finding.numbers), finding["numbers"]), spec
        assert (finding["en"], finding["zh"]) == (path.finding.text("en"), path.finding.text("zh")), spec
        assert finding["happened"] == path.finding.happened()
        assert answer["status"] == path.finding.status
        assert answer["at"] == (answer["n"] if path.finding.step is None else path.finding.step)


def test_why_is_that_of_trace():
    for spec, path, answer in told():
        assert [each["code"] for each in answer["why"]] == [each.code for each in path.why], spec
        for finding, expected in zip(answer["why"], path.why, strict=True):
            assert same(dict(expected.numbers), finding["numbers"]), (spec, expected, finding)
            assert (finding["en"], finding["zh"]) == (expected.text("en"), expected.text("zh")), spec


def test_nearly_every_finding_occurs():
    endings = {path.finding.code for _, path, _ in told()}
    assert {code for code, *_ in CAUSES} - endings <= {"falls_in_swings", "climbing"}
    assert {"no_value", "no_value_at_start", "no_gradient"} & endings
    reasons = {finding.code for _, path, _ in told() for finding in path.why}
    every = {code for code, entry in CATALOGUE["findings"].items() if "status" not in entry}
    assert every - reasons <= {"overshoots", "askew", "leapt_over", "flat_bottom", "jumps_across", "no_steps"}
    assert {Status.REACHED, Status.FINISHED, Status.STUCK, Status.DIVERGED, Status.NON_FINITE} == {
        path.finding.status for _, path, _ in told()
    }


# --- numbers ----------------------------------------------------------------------------------------------------------


def test_numbers_are_written_as_in_python():
    random = np.random.default_rng(0)
    sizes = 10.0 ** random.uniform(-12, 12, 400) * random.choice([-1, 1], 400)
    halves = [0.125, 0.5, 2.5, 12.5, 1234.5, 12345.0, 99995.0, 999.95, 0.00012345, 1e-5, 9.9995e-5, 0.0, -0.0, 1e22]
    values = [*sizes.tolist(), *halves]
    asked = [["general", value, digits] for value in values for digits in (1, 2, 3, 4, 6)]
    assert ask("calls", asked) == [numbers.general(value, digits) for _, value, digits in asked]
    shares = [*random.uniform(0, 1.2, 100).tolist(), 0.99, 0.9901, 1.0, 0.0]
    assert ask("calls", [["percent", share] for share in shares]) == [numbers.percent(share) for share in shares]
    points = [[1.0, -0.5], [3.0], [1e-9, 123456.0, 0.25]]
    assert ask("calls", [["generalPoint", point, 3] for point in points]) == [numbers.point(each, 3) for each in points]


# --- steps to the minimum ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("on", ["ravine", "himmelblau", "0.1*x**2 + 2*y**2", "x**4 - x**2 + 0.1*x"])
def test_a_sweep_counts_the_steps_to_the_minimum_as_map_sweep_does(on):
    size, steps = 12, 120
    shares = [(i + 0.5) / size for i in range(size)]
    rates, momenta = [1e-3 + share * 0.4 for share in shares], [share * 0.9 for share in shares]
    expected = steepest.map_sweep("momentum", on, {"lr": rates, "momentum": momenta}, steps=steps)
    landscape = on if on in landscapes.LANDSCAPES else {"formula": on}
    linear = {"scale": "linear", "log": False}
    spec = {
        "landscape": landscape, "rule": "momentum", "settings": {}, "steps": steps, "size": size,
        "start": expected.start.tolist(),
        "x": {"name": "lr", "place": None, "low": 1e-3, "high": 0.401, "least": 1e-3, **linear},
        "y": {"name": "momentum", "place": None, "low": 0.0, "high": 0.9, "least": 0.0, **linear},
    }  # fmt: skip
    found = np.array(call("maps.sweep", spec)["steps"], dtype=np.float64)
    arrived = expected.arrived[0].ravel().astype(np.float64)
    arrived[arrived > steps] = np.inf
    assert np.isfinite(arrived).any() and np.isinf(arrived).any()
    assert np.mean(found == arrived) > 0.98
