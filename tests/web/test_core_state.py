"""The rest of the page's core: stability, equations, maps, links, exports and the tour."""

import itertools
import math
import re
from xml.etree import ElementTree

import numpy as np
import pytest

import steepest
from steepest import landscapes
from steepest.base.errors import InvalidValue
from steepest.figures.looks import colors_and_marks
from steepest.landscapes import LANDSCAPES
from steepest.paths.maps.common import escaped
from steepest.playground.facts import FAMILY, formula_text, parts
from steepest.playground.looks import DARK_PAPER, ENOUGH, contrast, dark
from steepest.playground.words import SCHEDULES
from steepest.program.latex import latex, symbol_of
from steepest.program.mathml import mathml
from steepest.rules import RULES
from steepest.schedules import find as find_schedule

from .mathml_value import sides, value_of_row
from .web_node import ask, call

EVERY = [name for name, rule in RULES.items() if rule.elementwise]

# --- facts ------------------------------------------------------------------------------------------------------------


def test_all_elementwise_rules_and_all_landscapes_are_there_with_their_facts():
    rules, spaces = ask("calls", [["rules"], ["landscapes"]])
    assert list(rules) == EVERY
    assert set(LANDSCAPES) < set(spaces)
    for name, facts in spaces.items():
        landscape = landscapes.find(name)
        assert [tuple(each) for each in facts["minima"]] == list(landscape.minima)
        assert [tuple(each) for each in facts["localMinima"]] == list(landscape.local_minima)
        assert [tuple(each) for each in facts["saddles"]] == list(landscape.saddles)
        assert (facts["minimum"], tuple(facts["start"])) == (landscape.minimum, landscape.start)
        hessians = landscape.hessian(np.random.default_rng(0).uniform(0.2, 0.9, (landscape.dims, 5)))
        assert facts["quadratic"] == bool(np.ptp(hessians, axis=-1).max() < 1e-9)
    for name, facts in rules.items():
        look = colors_and_marks(name)
        assert (facts["color"], facts["marker"]) == (look.colour, look.marker)


@pytest.mark.quick
@pytest.mark.parametrize("name", [*LANDSCAPES, *FAMILY])
def test_values_and_derivatives_are_pythons(name):
    landscape = landscapes.find(name)
    points = np.random.default_rng(4).uniform(*np.array(landscape.window).T, (20, landscape.dims))
    parts = ("f", "grad", "hessian")
    answers = ask("calls", [[f"landscapes.{name}.{part}", *point] for part in parts for point in points.tolist()])
    for i, function in enumerate((lambda x: landscape(*x), landscape.gradient, landscape.hessian)):
        expected = np.array([function(point) for point in points])
        found = np.array(answers[20 * i : 20 * (i + 1)], dtype=np.float64)
        np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-13 * np.abs(expected).max())


@pytest.mark.parametrize("name", [*LANDSCAPES, *FAMILY])
def test_the_formula_that_is_shown_is_the_landscapes(name):
    landscape, shown = landscapes.find(name), landscapes.formula(formula_text(landscapes.find(name)))
    points = np.random.default_rng(0).uniform(*np.array(landscape.window).T, (50, landscape.dims)).T
    scale = np.abs(landscape(*points)).max()
    np.testing.assert_allclose(shown(*points), landscape(*points), rtol=1e-12, atol=1e-14 * scale)


def test_every_setting_is_explained_in_chinese():
    for name, rule in RULES.items():
        for setting, field in rule.hyperparameters().items():
            about = field.metadata["facts"].about
            assert re.search("[一-鿿]", about.zh), f"{name}.{setting}: write the Chinese of {about.en!r} as a Text"


def test_settings_are_those_of_the_rule_and_sliders_reach_their_defaults():
    numbers = []
    for name, facts in call("rules").items():
        usual = RULES[name]()
        for setting in facts["settings"]:
            value = getattr(usual, setting["name"])
            assert setting["value"] == (value if setting["place"] is None else value[setting["place"]])
            if setting["kind"] == "number":
                stem = setting["name"] if setting["place"] is None else f"{setting['name']}_{setting['place']}"
                assert setting["symbol"] == mathml(symbol_of(usual, stem))
                numbers.append(setting)
    shares = ask("calls", [["slider.share", each, each["value"]] for each in numbers])
    values = ask("calls", [["slider.value", each, share] for each, share in zip(numbers, shares, strict=True)])
    assert all(0 <= share <= 1 for share in shares)
    assert values == pytest.approx([each["value"] for each in numbers], rel=0.01, abs=1e-12)


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_are_those_of_python(name):
    settings = {each[0]: 0.3 for each in SCHEDULES[name][1]}
    spec = f"{name}({', '.join(f'{key}={value}' for key, value in settings.items())})"
    factors = ask("calls", [[f"schedules.{name}.factor", step, 25, settings] for step in range(25)])
    np.testing.assert_allclose(factors, [find_schedule(spec)(step, 25) for step in range(25)], rtol=1e-14, atol=1e-15)


def test_numbers_are_written_as_python_writes_them():
    values = [0, -0.0, 1, -1.5, 123456, 1e-4, 1e-5, 99999.5, 0.00012345, 1e300, 5e-324, 1234.5, 0.5, 100, 12345, 1e16]
    asked = [(value, digits) for value in values for digits in (1, 2, 3, 4, 6)]
    assert ask("calls", [["general", *each] for each in asked]) == [f"{value:.{digits}g}" for value, digits in asked]


@pytest.mark.parametrize("colour", sorted({colors_and_marks(name).colour for name in EVERY}))
def test_colours_on_dark_paper_are_readable(colour):
    assert contrast(dark(colour), DARK_PAPER) >= ENOUGH
    assert dark(colour) == colour or contrast(colour, DARK_PAPER) < ENOUGH


# --- stability --------------------------------------------------------------------------------------------------------

SETTINGS = {
    "sgd": [{}, {"momentum": 0.25}, {"momentum": 0.9, "dampening": 0.3}, {"weight_decay": 0.1}],
    "nesterov": [{}, {"momentum": 0.5, "weight_decay": 0.2}],
    "adagrad": [{}, {"lr_decay": 0.1}, {"eps_inside_sqrt": True}],
    "rmsprop": [{}, {"momentum": 0.9}, {"centered": True}],
    "adam": [{}, {"betas": [0.5, 0.9]}, {"amsgrad": True}, {"weight_decay": 0.1}],
    "ademamix": [{}, {"alpha": 5.0, "betas": [0.9, 0.99, 0.999]}],
}


def python_limit(name, settings, curvature):
    given = {key: tuple(value) if isinstance(value, list) else value for key, value in settings.items()}
    try:
        limit = steepest.stability_limit(RULES[name](**given), curvature)
    except InvalidValue:
        return None
    return limit


@pytest.mark.parametrize("name", EVERY)
def test_the_stability_limit_is_pythons(name):
    cases = list(itertools.product(SETTINGS.get(name, [{}]), [("ravine", 4.0), ("parabola", 2.0)]))
    answers = ask("calls", [["stability", on, name, settings] for settings, (on, _) in cases])
    for answer, (settings, (_, steepest_curve)) in zip(answers, cases, strict=True):
        expected = python_limit(name, settings, steepest_curve)
        assert (answer is None) == (expected is None), settings
        if expected is not None:
            assert float(answer["limit"]) == pytest.approx(expected, rel=1e-9)
            assert answer["curvatures"][0]["lambda"] == pytest.approx(steepest_curve, rel=1e-14)
            assert answer["scaled"] == bool(steepest.program.stability.stability_scales(name))


def test_directions_have_names_and_saddles_a_limit_of_zero():
    ravine, turned, saddle, other = ask("calls", [
        ["stability", "ravine", "sgd", {}], ["stability", "booth", "sgd", {}], ["stability", "saddle", "sgd", {}],
        ["stability", "rosenbrock", "sgd", {}],
    ])  # fmt: skip
    assert [(each["label"], each["formula"]) for each in ravine["curvatures"]] == [("y", "2/λ"), ("x", "2/λ")]
    assert [each["lambda"] for each in turned["curvatures"]] == pytest.approx([18, 2])
    assert {each["label"] for each in turned["curvatures"]} == {"eigenvector"}
    assert saddle["limit"] == 0 and other is None


def test_why_names_the_limit_the_direction_and_the_factor():
    (answer,) = ask(
        "paths", [{"landscape": "ravine", "rule": "sgd", "settings": {"lr": 0.6}, "steps": 20, "told": True}]
    )
    (why,) = answer["why"]
    assert "The learning rate 0.6 is above the stability limit 2/λ = 0.5 along y" in why["en"]
    assert "multiplies the error by -1.4" in why["en"] and "0.5" in why["zh"]


# --- equations --------------------------------------------------------------------------------------------------------


def test_equations_are_the_rules_and_come_to_what_the_rule_computes():
    """For each form: the right sides, worked out from the printed equation, are the states and the position."""
    forms = ask("equations", {"landscape": "himmelblau", "steps": 40, "at": 33})
    assert len(forms) > 80
    for form in forms:
        for equation, i in itertools.product(form["symbols"], (0, 1)):
            numbers = {name: float(values[i]) for name, values in form["values"].items()}
            (left,), right = sides(equation)
            name = left.get("data-v")
            shown = value_of_row(right, numbers)
            assert math.isclose(numbers[name], shown, rel_tol=1e-9, abs_tol=1e-12), (form["id"], form["settings"], name)
        texts = [text for line in form["filled"] for text in line.values() if text]
        for text in (*form["symbols"], *texts):
            assert ElementTree.fromstring(text).tag.endswith("math")
        assert "data-v" in "".join(form["symbols"]) and "undefined" not in "".join(texts)
    usual = {
        form["id"]: form for form in forms if not any(value for key, value in form["settings"].items() if key != "lr")
    }
    assert {name: len(form["symbols"]) for name, form in usual.items()} == {
        name: len(latex(bare(name))) for name in EVERY
    }


def bare(name):
    """The rule with all that may be left out at 0."""
    zeros = {key for key, value in RULES[name].defaults().items() if value == 0 and not isinstance(value, bool)}
    return RULES[name](**dict.fromkeys([*zeros, *parts(RULES[name])], 0))


# --- maps -------------------------------------------------------------------------------------------------------------


def test_the_basin_map_says_which_minimum_each_start_reaches():
    size, spec = 24, {"landscape": "himmelblau", "rule": "sgd", "settings": {"lr": 0.01}, "steps": 150, "size": 24}
    answer = call("maps.basin", spec)
    centres = [-5 + 10 * (i + 0.5) / size for i in range(size)]
    starts = [(x, y) for y in centres for x in centres]
    ends = steepest.trace("sgd", "himmelblau", starts=starts, lr=0.01, steps=150)
    assert answer["done"] and len(answer["minima"]) == 4
    assert (np.array(answer["which"]) == ends.nearest_minimum).mean() > 0.99
    assert len(set(answer["which"]) & {0, 1, 2, 3}) == 4
    np.testing.assert_allclose(np.array(answer["value"], dtype=float), ends.f, rtol=1e-5, atol=1e-6)


def test_a_basin_map_finds_minima_that_nobody_stated():
    spec = {"landscape": {"formula": "(x**2 - 1)**2 + y**2"}, "rule": "sgd", "settings": {"lr": 0.05}}
    answer = call("maps.basin", spec | {"steps": 300, "size": 8, "window": [[-2, 2], [-2, 2]]})
    np.testing.assert_allclose(sorted(map(tuple, answer["minima"])), [(-1, 0), (1, 0)], atol=1e-6)
    assert set(answer["which"]) == {0, 1}


def test_a_start_that_diverges_is_lost_and_one_dimension_has_one_row():
    answer = call(
        "maps.basin", {"landscape": "parabola", "rule": "sgd", "settings": {"lr": 1.1}, "steps": 4000, "size": 8}
    )
    assert (answer["rows"], answer["which"]) == (1, [-2] * 8)


@pytest.mark.parametrize(
    ("rule", "on", "lr", "steps"),
    [
        ("sgd", "saddle", 0.1, 60),  # runs down
        ("sgd", "x**4 + y**4", 0.05, 40),  # overflows from half of the starts
        ("sgd", "ravine", 0.6, 8),  # climbs in growing leaps, inside the window at first
        ("momentum", "himmelblau", 0.02, 30),
        ("adam", "rosenbrock", 0.5, 50),
    ],
)
def test_a_start_escapes_in_python_and_on_the_page(rule, on, lr, steps):
    size, landscape = 12, landscapes.find(on)
    named = {"formula": on} if "*" in on else on
    answer = call(
        "maps.basin",
        {"landscape": named, "rule": rule, "settings": {"lr": lr}, "steps": steps, "size": size},
    )
    centres = [low + (high - low) * (np.arange(size) + 0.5) / size for low, high in landscape.window]
    starts = np.stack(np.meshgrid(*centres), axis=-1).reshape(-1, 2)
    ends = steepest.trace(rule, on, starts=starts, lr=lr, steps=steps)
    assert (np.array(answer["which"]) == -2).tolist() == escaped(ends).tolist()


def test_the_map_of_settings_has_the_final_values():
    settings = {each["name"]: each for each in call("rules.momentum.settings")}
    x, y = settings["lr"] | {"low": 0.01, "high": 1.0}, settings["momentum"]
    answer = call(
        "maps.sweep",
        {"landscape": "ravine", "rule": "momentum", "settings": {}, "steps": 40, "size": 9, "x": x, "y": y},
    )
    shares = [(i + 0.5) / 9 for i in range(9)]
    rates = [0.01 * 100**share for share in shares]
    memories = [1 - 1e-4**share for share in shares]
    lr, momentum = (each.ravel() for each in np.meshgrid(rates, memories))
    ends = steepest.trace("momentum", "ravine", lr=lr, momentum=momentum, steps=40)
    np.testing.assert_allclose(
        np.array(answer["value"], dtype=float), np.where(escaped(ends), np.inf, ends.f), rtol=1e-5
    )
    settled = np.array(answer["steps"], dtype=float)
    assert np.isinf(settled).any() and np.isfinite(settled).any()
    best = np.nanargmin(settled)
    path = steepest.trace("momentum", "ravine", lr=lr[best], momentum=momentum[best], steps=40)
    near = np.linalg.norm(path.x, axis=1) <= 1e-3 * np.linalg.norm(np.ptp(path.landscape.window, axis=1))
    assert settled[best] == np.flatnonzero(~near)[-1] + 1  # from there on it stays
