"""The page's formulas against Python's: read or refused alike, at the same column and in the same words, equal values.

The cases of `test_formula` go through both, and some thousand made up from a seed: whole formulas, formulas with a few
letters changed, and heaps of the language's own pieces.
"""

import contextlib
import functools
import math
import random

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from steepest.landscapes import formula
from steepest.landscapes.grammar import GRAMMAR
from steepest.landscapes.parser import FormulaError

from ..landscapes.test_formula import ACCEPTED, BOOBY_TRAPS, FORMULAS, REFUSED, WRITTEN
from .mathml_value import sides, value_of_row
from .web_node import ask

SEEDS, MADE = (1, 2, 3), 1500
DEEPEST, LONGEST = GRAMMAR["deepest"], GRAMMAR["longest"]
UNARY = [name for name, (_, count) in GRAMMAR["functions"].items() if count == 1]
SIGNS = "xy0123456789.+-*/()^,<>=[]{}'\"_:!@%&|~\\ \t#;$?é²ｘ³⁻π√×·÷−（），｜₁≤σ𝑥🙂∛½。"
WORDS = [
    "**", "x1", "x2", "pi", "e", "1e9", "9**9", " if ", " else ", " and ", " or ", "not ", " in ", "lambda ", " for ",
    "==", ":=", "True", "None", "...", "0x1", "07", "1_0", "1__0", "2j", "yield ", "await ",
    "print ", "import ", " is ", "sin ", "ln", "sinx", "xy", "sin^2 ",
]  # fmt: skip
PIECES = [*SIGNS, *WORDS, *[f"{name}(" for name in [*GRAMMAR["functions"], *GRAMMAR["aliases"]]]]
MOST_LETTERS = 200
"""Longer ones only make the test slow."""


# --- made-up formulas -------------------------------------------------------------------------------------------------


def whole(seeded, depth=0):
    """A formula of the grammar."""
    if depth > 3 or seeded.random() < 0.25:
        number = repr(round(seeded.uniform(0.01, 20), 3))
        return seeded.choice(
            ["x", "y", "x", "y", str(seeded.randint(0, 9)), number, "pi", "e", "1e-3", "0x1f", "1_000"]
        )
    inner = functools.partial(whole, seeded, depth + 1)
    match seeded.randrange(8):
        case 0 | 1 | 2:
            return f"{inner()}{seeded.choice([' + ', '-', '*', ' / ', '**', ' - ', ' ', '^', '·'])}{inner()}"
        case 3:
            return f"({inner()})"
        case 4:
            return f"{seeded.choice('+-')}{inner()}"
        case 5:
            return f"{seeded.choice(UNARY)}({inner()})"
        case 6:
            return f"{seeded.choice(['maximum', 'minimum'])}({inner()}, {inner()})"
    return f"where({inner()} {seeded.choice(['<', '<=', '>', '>='])} {inner()}, {inner()}, {inner()})"


def changed(seeded, text):
    """With a few letters taken out, put in or swapped."""
    letters = list(text)
    for _ in range(seeded.randint(1, 3)):
        place = seeded.randrange(len(letters) + 1)
        match seeded.randrange(4):
            case 0 if letters:
                del letters[place % len(letters)]
            case 1 | 2:
                letters.insert(place, seeded.choice(PIECES))
            case _ if letters:
                other, place = seeded.randrange(len(letters)), place % len(letters)
                letters[place], letters[other] = letters[other], letters[place]
    return "".join(letters)


def made(seed):
    seeded, found = random.Random(seed), []
    while len(found) < MADE:
        kind = len(found) % 4
        text = whole(seeded)
        text = changed(seeded, text) if kind in (1, 2) else text
        text = "".join(seeded.choices(PIECES, k=seeded.randint(1, 12))) if kind == 3 else text
        if len(text) <= MOST_LETTERS:
            found.append(text)
    return found


# --- read or refused --------------------------------------------------------------------------------------------------


def by_python(text):
    """The number of coordinates, or code, column and message of the refusal."""
    try:
        return {"dims": formula(text).dims}
    except FormulaError as error:
        message = str(error).split("\n")[0].removeprefix("formula: ")
        return {"code": error.code, "column": error.column, "message": message}


def compare(texts):
    for text, answer in zip(texts, ask("formulas", [{"text": text} for text in texts]), strict=True):
        expected = by_python(text)
        if "message" in answer:
            english, chinese = answer["message"]["en"], answer["message"]["zh"]
            assert "{" not in chinese.replace("'{'", ""), ascii(text)
            answer["message"] = english
        assert {key: answer.get(key) for key in expected} == expected, ascii(text)


SHARED = [
    *ACCEPTED, *WRITTEN, *REFUSED, *BOOBY_TRAPS, "x + " + "1" * LONGEST, "(" * 999 + "x", "-" * 990 + "x",
    "x" + "**x" * 330, "(" * 199 + "x y" + ")" * 199, "sin(" * 150 + "x y" + ")" * 150, "|" * 990, "sin " * 240 + "x",
    "x" + " + x" * (DEEPEST + 1), "\u2003x\u2003+ y\x1f", "x\x0b+ y", "ｘ**2 + ｙ", "x +\u00a0y", "﹢x", "constructor",
    "x.__proto__", "toString(x)", "hasOwnProperty x", "x½", "ⅹ + x", "x\u0301", "e\u0301^x",
]  # fmt: skip


def test_the_cases_of_python_are_read_and_refused_alike():
    compare(SHARED)


@pytest.mark.parametrize("seed", SEEDS)
def test_made_up_texts_are_read_and_refused_alike(seed):
    compare(made(seed))


def test_more_coordinates_than_the_page_shows_are_refused_there():
    (answer,) = ask("formulas", [{"text": "x1 + x3", "most": 2}])
    assert (answer["code"], answer["message"]["en"]) == ("dims", "has 3 coordinates; the page shows up to 2")


# --- values and slopes ------------------------------------------------------------------------------------------------


@pytest.fixture
def float64():
    """For what torch makes of plain numbers, in `where` for example."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def by_torch(landscape, point):
    """Value and slope by automatic differentiation of the formula in Python."""
    x = [torch.tensor(each, dtype=torch.float64, requires_grad=True) for each in point[: landscape.dims]]
    value = landscape.formula(*x)
    slopes = torch.autograd.grad(value, x, allow_unused=True)
    return value.item(), [0.0 if slope is None else slope.item() for slope in slopes]


def agree_or_cancel(landscape, point, ours, theirs):
    """Equal, or no further off than the formula is when its coordinates are off by a rounding."""
    if not np.isfinite(theirs).all() or np.abs(theirs).max() > 1e12:
        return True
    if np.isnan(ours).any():  # torch leaves out a product of 0 and infinity, as in 0**x; SymPy does not
        exact = landscape.gradient(point[: landscape.dims])
        return bool((np.isnan(ours[1:]) <= np.isnan(exact)).all() and not np.isnan(ours[0]))
    nudged = flat(by_torch(landscape, [each * (1 + 1e-14) for each in point]))
    allowed = 1e-12 * np.maximum(np.abs(theirs), 1) + 100 * np.abs(nudged - theirs)
    return bool((np.abs(ours - theirs) <= allowed).all())


def flat(value_and_slopes):
    value, slopes = value_and_slopes
    return np.array([value, *slopes], dtype=np.float64)


def test_made_up_formulas_have_the_values_and_slopes_of_automatic_differentiation(float64):
    seeded = random.Random(7)
    texts = [f"{whole(seeded)} + 0*x + 0*y" for _ in range(600)]
    texts = [text for text in texts if "dims" in by_python(text)]
    points = [[seeded.uniform(-3, 3), seeded.uniform(-3, 3)] for _ in texts]
    answers = ask("formulas", [{"text": text, "points": [point]} for text, point in zip(texts, points, strict=True)])
    compared = 0
    for text, point, answer in zip(texts, points, answers, strict=True):
        landscape = formula(text)
        found, expected = flat(answer["values"][0][:2]), flat(by_torch(landscape, point))
        assert agree_or_cancel(landscape, point, found, expected), (text, point, found, expected)
        compared += bool(np.isfinite(expected).all())
    assert compared > 250


@settings(derandomize=True, deadline=None, max_examples=5, suppress_health_check=[*HealthCheck])
@given(st.lists(FORMULAS, min_size=60, max_size=60), st.tuples(st.floats(-3, 3), st.floats(-3, 3)))
def test_formulas_of_the_grammar_have_the_values_and_slopes_of_automatic_differentiation(float64, trees, point):
    texts = [text for text in (f"{typed} + 0x + 0y" for typed, _, _ in trees) if "dims" in by_python(text)]
    answers = ask("formulas", [{"text": text, "points": [point]} for text in texts])
    for text, answer in zip(texts, answers, strict=True):
        landscape = formula(text)
        found, expected = flat(answer["values"][0][:2]), flat(by_torch(landscape, point))
        assert agree_or_cancel(landscape, point, found, expected), (text, point, found, expected)


SMOOTH = [
    "x**2", "x*cos(pi*x)", "0.1*x**2 + 2*y**2", "(1 - x)**2 + 100*(y - x**2)**2", "exp(-x)*sin(y) + x**3/3",
    "x**-2 + y**0.5", "2**x + x**y", "tan(x/2) + tanh(y) + sinh(x)/cosh(y) + arctan(x*y)", "log(x)/y + sqrt(x*y)",
    "x1*x2*x3 + exp(-x1**2)*x3**2 + log(x2)", "(x + y)**3/(1 + x**2)", "e**(x*y) - pi**x", "-x**2*-y**-1",
    "cosh(x)*sinh(y) - tan(x*y/9)", "(x + 2*y - 7)**2 + (2*x + y - 5)**2", "x**2.5*y**1.5", "sqrt(1 + x**2 + y**2)",
]  # fmt: skip
KINKED = [
    "abs(x - 1)*y + sign(y - 2)*x", "maximum(x, y)**2 - minimum(x*y, 2)", "where(x > 1, x**2*y, 2*x - y**3)",
    "abs(1/x) + abs(log(y))", "where(x*y >= 1, sin(x), where(x < 2, 3*x, y))", "where(x > 0, x, -x) + y**2",
]  # fmt: skip


@pytest.mark.parametrize("text", SMOOTH + KINKED)
def test_values_gradients_and_hessians_are_sympys(text):
    landscape = formula(text)
    points = np.random.default_rng(5).uniform(0.4, 2.6, (20, landscape.dims))
    (answer,) = ask("formulas", [{"text": text, "points": points.tolist()}])
    for point, (value, gradient, hessian) in zip(points, answer["values"], strict=True):
        np.testing.assert_allclose(value, landscape(*point), rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(gradient, landscape.gradient(point), rtol=1e-11, atol=1e-12)
        np.testing.assert_allclose(hessian, landscape.hessian(point).ravel(), rtol=1e-10, atol=1e-11)
    constant = np.ptp(landscape.hessian(points.T).reshape(landscape.dims**2, -1), axis=1).max() < 1e-9
    assert answer["quadratic"] == (constant and text in SMOOTH)


def typeset_value(equation, point):
    """What a typeset formula comes to; the letters of its coordinates are those at its left."""
    (name, _, letters), right = sides(equation)
    names = ["".join(element.itertext()) for element in letters if element.tag.endswith(("mi", "msub"))]
    assert name.text == "f"
    return value_of_row(right, dict(zip(names, point, strict=True)))


def test_a_typed_formula_is_typeset_as_it_is_read():
    texts = [*ACCEPTED, *WRITTEN]
    points = np.random.default_rng(2).uniform(0.3, 2.5, (len(texts), 9)).tolist()
    answers = ask("formulas", [{"text": text, "points": [point]} for text, point in zip(texts, points, strict=True)])
    for text, point, answer in zip(texts, points, answers, strict=True):
        shown = typeset_value(answer["equation"], point[: answer["dims"]])
        assert shown == pytest.approx(answer["values"][0][0], rel=1e-12), text


@settings(derandomize=True, deadline=None, max_examples=5, suppress_health_check=[*HealthCheck])
@given(st.lists(FORMULAS, min_size=60, max_size=60))
def test_any_formula_is_typeset_as_it_is_read(trees):
    texts = [text for text in (f"{typed} + 0x + 0y" for typed, _, _ in trees) if "dims" in by_python(text)]
    answers = ask("formulas", [{"text": text, "points": [[1.3, 0.7]]} for text in texts])
    for text, answer in zip(texts, answers, strict=True):
        value = float(answer["values"][0][0])
        if math.isfinite(value):
            with contextlib.suppress(ArithmeticError, ValueError):  # Python's own numbers have no infinity on the way
                shown = typeset_value(answer["equation"], [1.3, 0.7])
                assert shown == pytest.approx(value, rel=1e-6, abs=1e-9), text


def test_kinks_have_the_slope_that_python_gives_them():
    cases = {"abs(x)": [-1, 0, 1], "maximum(x, 0)": [0, 0.5, 1], "minimum(x, 0)": [1, 0.5, 0], "sign(x)*x": [-1, 0, 1]}
    asked = [{"text": text, "points": [[-2], [0], [2]]} for text in cases]
    for slopes, answer in zip(cases.values(), ask("formulas", asked), strict=True):
        assert [gradient[0] for _, gradient, _ in answer["values"]] == slopes
        assert [hessian[0] for _, _, hessian in answer["values"]] == [0, 0, 0]


def test_where_there_is_no_value_there_is_nan_or_infinity():
    cases = {"log(x)": (-1, "NaN"), "x**0.5": (-1, "NaN"), "1/x": (0, "Infinity"), "exp(x)": (1e4, "Infinity")}
    asked = [{"text": text, "points": [[at]]} for text, (at, _) in cases.items()]
    found = [answer["values"][0][0] for answer in ask("formulas", asked)]
    assert found == [value for _, value in cases.values()]
