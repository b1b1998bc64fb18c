"""A user's formula: it has the value that Python computes, what is refused is marked, nothing is evaluated."""

import math
import pickle
import re
import time

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from steepest.base.errors import InvalidValue
from steepest.landscapes import Landscape, find, formula
from steepest.landscapes.custom import is_formula
from steepest.landscapes.grammar import GRAMMAR
from steepest.landscapes.parser import FormulaError

OURS = settings(derandomize=True, deadline=None)

DEEPEST, LONGEST = GRAMMAR["deepest"], GRAMMAR["longest"]
PLAIN = {name: count for name, (_, count) in GRAMMAR["functions"].items() if name not in GRAMMAR["definitions"]}
NUMPY = {name: getattr(np, {"abs": "absolute"}.get(name, name)) for name in PLAIN}
DEFINED = {
    "relu": lambda x: np.maximum(x, 0),
    "sigmoid": lambda x: 1 / (1 + np.exp(-np.asarray(x, dtype=float))),
    "log10": np.log10,
    "log2": np.log2,
    "cot": lambda x: np.cos(x) / np.sin(x),
    "cbrt": np.cbrt,
}
NAMES = {**NUMPY, **DEFINED, "pi": math.pi, "e": math.e}


def in_python(text: str, *point):
    """The same text evaluated by Python on NumPy numbers: the oracle, only ever given texts that stand in this file."""
    names = dict(zip(("x", "y"), point, strict=False)) | {f"x{i + 1}": value for i, value in enumerate(point)}
    with np.errstate(all="ignore"):
        return eval(text, {"__builtins__": {}}, {**NAMES, **names})


# --- what is read -----------------------------------------------------------------------------------------------------

ACCEPTED = [
    "x", "y", "-x", "+x", "x**2", "2*x - 3", "x/4", "x**-2", "x**0.5", "2**x", "-x**2", "(-x)**2", "2**x**2", "x-2-3",
    "8/x/2", "x*cos(pi*x)", "x*cos(0.15*pi*x)", "0.1*x**2 + 2*y**2", "(1 - x)**2 + 100*(y - x**2)**2", "e**x", "1e-3*x",
    "1_000*x", "0x10 + x", "sqrt(x) + log(y)", "exp(-x)*sin(y)", "tan(x) + tanh(y) + sinh(x)/cosh(y) + arctan(x*y)",
    "abs(x - 1) + sign(y - 2)", "maximum(x, y) - minimum(x, 2)", "where(x > 1, x**2, 2*x - 1)", "where(x <= y, x, y)",
    "where(x*y >= 1, sin(x), where(x < 2, 3, y))", "where(1 < 2, x, y)", "x1 + 2*x2 + 3*x3", "x3*x1", "x9**2", "y**3",
    " x + y ", "x+0*y", "sqrt(2)*x + 10**2", "(" * 40 + "x" + ")" * 40, "x" + " + x" * 90, "x  # the simplest",
]  # fmt: skip


WRITTEN = {
    # as people write: in Python
    "x^2": "x**2", "x²": "x**2", "x⁻²": "x**-2", "x¹⁰": "x**10", "2x": "2*x", "2(x+1)": "2*(x + 1)", "x y": "x*y",
    "xy": "x*y", "2xy²": "2*x*y**2", "(x+1)(y-2)": "(x + 1)*(y - 2)", "(x+1)y": "(x + 1)*y", "x(x+1)": "x*(x + 1)",
    "πx": "pi*x", "2πx": "2*pi*x", "2 pi x": "2*pi*x", "pix": "pi*x", "ex": "e*x", "e^x": "e**x", "xe^-x": "x*e**-x",
    "x·y": "x*y", "x×y": "x*y", "x⋅y": "x*y", "x÷y": "x/y", "x−y": "x - y", "x–y": "x - y", "ln x": "log(x)",
    "ln(x)": "log(x)", "lg(x)": "log10(x)", "log10(x)": "log10(x)", "log₂(x)": "log2(x)", "max(x, y)": "maximum(x, y)",
    "min(x, 2y)": "minimum(x, 2*y)", "relu(x-1)": "relu(x - 1)", "ReLU(x)": "relu(x)", "σ(x)": "sigmoid(x)",
    "sigmoid(x)": "sigmoid(x)", "tg x": "tan(x)", "cot(x)": "cot(x)", "atan(x)": "arctan(x)", "sgn(x)": "sign(x)",
    "cbrt(x - 2)": "cbrt(x - 2)", "|x|": "abs(x)", "|x-1|y": "abs(x - 1)*y", "2|x|": "2*abs(x)",
    "|x||y|": "abs(x)*abs(y)", "|x - |y||": "abs(x - abs(y))", "||x|-1|": "abs(abs(x) - 1)", "x|y|": "x*abs(y)",
    "|x|²": "abs(x)**2", "(|x|)": "abs(x)", "√x": "sqrt(x)", "2√x": "2*sqrt(x)", "√2 x": "sqrt(2)*x",
    "√(x²+y²)": "sqrt(x**2 + y**2)", "√x²": "sqrt(x**2)", "sin x": "sin(x)", "sinx": "sin(x)", "sin 2x": "sin(2*x)",
    "sin 2πx": "sin(2*pi*x)", "sin x²": "sin(x**2)", "sin -x": "sin(-x)", "sin x cos y": "sin(x)*cos(y)",
    "sinx cosy": "sin(x)*cos(y)", "xsin(y)": "x*sin(y)", "xsinx": "x*sin(x)", "sin cos x": "sin(cos(x))",
    "sin x + 1": "sin(x) + 1", "sin x/2": "sin(x)/2", "sin(x)y": "sin(x)*y", "sin (x)^2": "sin(x)**2",
    "sin²x + cos^2(x)": "sin(x)**2 + cos(x)**2", "ln²(x)": "log(x)**2", "-x^2": "-(x**2)", "-x²": "-(x**2)",
    "2^-x": "2**(-x)", "2^-x^2": "2**(-(x**2))", "2^3^2 + x": "2**9 + x", "x^2^y": "x**(2**y)", "2^x²": "2**(x**2)",
    "x²^3": "(x**2)**3", "1/2x": "(1/2)*x", "x/2y": "(x/2)*y", "x^2y": "(x**2)*y", "2^3x": "8*x", "2x^2": "2*(x**2)",
    "sin 2x y": "sin(2*x*y)", "∛x": "cbrt(x)", "2∛x": "2*cbrt(x)", "3。5x": "3.5*x",
    "-2x": "-2*x", "2*-x": "-2*x", "x--y": "x + y", "2e x": "2*e*x", "2e3x": "2000*x", "1e-3x": "0.001*x",
    ".5x": "0.5*x", "5.x": "5*x", "007x": "7*x", "x_1 + x_2": "x1 + x2", "x₁x₂": "x1*x2", "x₁²": "x1**2",
    "（x＋１）＾２": "(x + 1)**2", "２ｘ－ｙ": "2*x - y", "max（x，y）": "maximum(x, y)", "max(x、y)": "maximum(x, y)",
    "ｓｉｎ（ｘ）": "sin(x)", "｜x｜": "abs(x)", "𝑥²+𝑦²": "x**2 + y**2", "x\u3000+\u00a0y": "x + y",
    "where(x≥1，x，−x)": "where(x >= 1, x, -x)", "where((x ≤ y), x, y)": "where(x <= y, x, y)",
}  # fmt: skip


@pytest.mark.parametrize("text", [*ACCEPTED, *WRITTEN])
def test_a_formula_has_pythons_value_and_the_slope_of_its_values(text):
    each = formula(text)
    points = np.random.default_rng(1).uniform(0.3, 2.5, (each.dims, 20))
    expected = in_python(WRITTEN.get(text, text.strip()), *points) + np.zeros(20)
    np.testing.assert_allclose(each(*points) + np.zeros(20), expected, rtol=1e-13)
    assert each(*points[:, 0].tolist()) == pytest.approx(expected[0], rel=1e-13)
    h = 1e-6
    for i, unit in enumerate(np.eye(each.dims)[:, :, None]):
        slope = (each(*(points + h * unit)) - each(*(points - h * unit))) / (2 * h) + np.zeros(20)
        np.testing.assert_allclose(each.gradient(points)[i], slope, rtol=1e-5, atol=1e-7)


def test_a_sigmoid_of_a_large_number_has_a_value_and_a_slope():
    each = formula("sigmoid(x)")
    assert [each(-1e4), each(1e4)] == [0, 1]
    np.testing.assert_array_equal(each.gradient([[-1e4, 1e4]]), [[0, 0]])


@pytest.mark.parametrize(("text", "dims"), [("x", 1), ("x1", 1), ("y", 2), ("x + y", 2), ("x2", 2), ("x9", 9)])
def test_the_highest_coordinate_decides_the_dimension(text, dims):
    each = formula(text)
    assert each.dims == dims == len(each.start) and each.window == ((-5.0, 5.0),) * dims and each.minimum is None


def test_a_formula_goes_by_its_text():
    assert formula("  x**2 ").name == "x**2"
    assert find("x**2").name == "x**2"


def test_what_counts_as_a_formula():
    assert all(
        is_formula(text) for text in ("x", "y", "x3", "x**2", "2", "", "sin(x)", "x y", "f!", "xy", "sinx", "x²", "x·y")
    )
    assert not any(is_formula(text) for text in ("rosenbrock", "rosenbrok", "x10", "z", "pi", "é"))


def test_where_there_is_no_value_there_is_nan_or_infinity_and_no_error():
    assert math.isnan(formula("log(x)")(-1.0)) and math.isnan(formula("x**0.5")(-1)) and formula("1/x")(0) == math.inf
    assert formula("exp(x)")(1e4) == math.inf
    assert formula("log(x)").gradient([0.0])[0] == math.inf
    for at in (0.5, 2.0):  # between whole numbers the value is complex, so there is no slope anywhere
        np.testing.assert_array_equal(formula("(-2)**x").gradient([at]), [math.nan])
    np.testing.assert_array_equal(formula("x/(x - x)").gradient([1.0]), [math.nan])


def test_kinks_have_a_slope_of_zero_in_the_middle_and_no_curvature():
    for text, slopes in {"abs(x)": [-1, 0, 1], "maximum(x, 0)": [0, 0.5, 1], "minimum(x, 0)": [1, 0.5, 0]}.items():
        points = np.array([[-2.0, 0.0, 2.0]])
        np.testing.assert_array_equal(formula(text).gradient(points), [slopes])
        np.testing.assert_array_equal(formula(text).hessian(points), [[[0, 0, 0]]])


@pytest.mark.parametrize(
    ("text", "slope"),
    [
        ("abs(1/x)", -0.25),
        ("abs(log(x))", 0.5),
        ("sign(log(x))*x", 1.0),
        ("abs(sqrt(x) - 3)", -0.5 / math.sqrt(2)),
        ("maximum(1/x, log(x))", 0.5),
        ("where(sin(where(y > pi, 3, 2)) < minimum(x*x, x/2), x**2, y)", 4.0),
    ],
)
def test_slopes_that_sympy_alone_does_not_give(text, slope):
    each = formula(text)
    point = [2.0] * each.dims
    assert each.gradient(point)[0] == pytest.approx(slope, rel=1e-14)
    assert np.isfinite(each.hessian(point)).all()


# --- what is refused, and where ---------------------------------------------------------------------------------------

FOREIGN = "is not allowed; use numbers, coordinates, + - * / ^ and functions"
MISSING = "a number, a coordinate or a function is missing here"
REFUSED = {
    # text: (column of the mark, what the message says)
    "z + x": (0, "unknown name 'z'"),
    "x + rho": (4, "unknown name 'rho'"),
    "2*sine(x)": (2, "unknown function 'sine'; did you mean 'sin'?"),
    "SIN(x)": (0, "unknown function 'SIN'; did you mean 'sin'?"),
    "f(x) = x": (5, "= is not allowed; write only the right side"),
    "max2(x, 0)": (0, "unknown function 'max2'; did you mean 'max'?"),
    "Max(x, 0)": (0, "unknown function 'Max'; did you mean 'max'?"),
    "loge(x)": (0, "unknown function 'loge'"),
    "foo(x)": (0, "known: abs, arctan, arctg, atan, cbrt, cos, cosh, cot, ctg, exp, lg, ln, log, log10, log2, max, "),
    "½x²": (0, f"'½' {FOREIGN}"),
    "x。": (1, f"'。' {FOREIGN}"),
    "x + sin": (4, "sin needs an argument, such as sin(x)"),
    "ln*x": (0, "ln needs an argument, such as ln(x)"),
    "sin x (y + 1)": (6, "where does the argument of sin end? write sin(...)"),
    "sin 2|x|": (5, "where does the argument of sin end?"),
    "sin^-1 x": (0, "sin may be raised only to a plain number, such as sin^2(x); write sin(x)^(...)"),
    "x + sin⁻¹(x)": (4, "sin may be raised only to a plain number"),
    "sin^x(y)": (0, "sin may be raised only to a plain number"),
    "x.real": (1, f"'.' {FOREIGN}"),
    "x[0] + 1": (1, "'[' is not allowed; use round brackets"),
    "[x + 1]²": (0, "'[' is not allowed; use round brackets"),
    "{x: y}": (0, "'{' is not allowed; use round brackets"),
    '1 + "x"': (4, f"'\"' {FOREIGN}"),
    "b'x'": (0, "unknown name 'b'"),
    "2*(lambda: x)": (3, "unknown name 'lambda'"),
    "(x, y)": (2, "a comma may stand only between the arguments of a function; write decimals with a point"),
    "0,5x": (1, "a comma may stand only between the arguments of a function"),
    "x + (y := 3)": (7, f"':=' {FOREIGN}"),
    "sin(x, out=y)": (10, "= is not allowed; write only the right side"),
    "sin(*x)": (4, MISSING),
    "x if x else y": (2, "unknown name 'if'"),
    "x and y": (2, "unknown name 'and'"),
    "~x": (0, f"'~' {FOREIGN}"),
    "True*x": (0, "unknown name 'True'"),
    "...": (0, f"'.' {FOREIGN}"),
    "1j*x": (1, "unknown name 'j'"),
    "x % 2": (2, f"'%' {FOREIGN}"),
    "x // 2": (2, f"'//' {FOREIGN}"),
    "x @ y": (2, f"'@' {FOREIGN}"),
    "x << 2": (2, f"'<<' {FOREIGN}"),
    "x!": (1, f"'!' {FOREIGN}"),
    "x²⁻": (1, f"'²⁻' {FOREIGN}"),
    "x | y": (2, "'|' was never closed; write abs(...) where bars are not clear"),
    "|x|y|": (4, "'|' was never closed; write abs(...) where bars are not clear"),
    "1 + |x": (4, "'|' was never closed"),
    "(|x)": (1, "'|' was never closed"),
    "x 2": (2, "a sign is missing before '2'; write * for a product"),
    "(x)2": (3, "a sign is missing before '2'"),
    "1.5.2*x": (3, "a sign is missing before '.2'"),
    "2 + (x > 0)": (5, "a comparison may stand only as the first argument of where"),
    "x < 1": (0, "a comparison may stand only as the first argument of where"),
    "where(x, 1, 2)": (6, "where needs a comparison first, such as x > 0"),
    "where(0 < x < 1, 1, 2)": (6, "a comparison may stand only as the first argument of where"),
    "where(x == 1, 1, 2)": (8, "where needs a comparison first"),
    "where(x > 1, 2)": (0, "where takes 3 arguments, got 2"),
    "1 + sin()": (4, "sin takes 1 argument, got 0"),
    "maximum(x)": (0, "maximum takes 2 arguments, got 1"),
    "max x": (0, "max takes 2 arguments, got 1"),
    "x1 + y": (0, "mixes x, y with x1, x2, ...; use one kind"),
    "x0 + x1": (0, "unknown name 'x0'"),
    "x10": (0, "unknown name 'x10'"),
    "3": (0, "has no coordinate; use x, or x and y, or x1, x2, ..."),
    "sqrt(2)*pi": (0, "has no coordinate"),
    "": (0, "is empty; write for example x**2"),
    "  ": (0, "is empty"),
    "x +": (3, MISSING),
    "x*/y": (2, MISSING),
    "()": (1, MISSING),
    "2*(x +)": (6, MISSING),
    "(x": (0, "'(' was never closed"),
    "x + sin(x": (7, "'(' was never closed"),
    "x)": (1, "')' was never opened"),
    "x = 3": (2, "= is not allowed; write only the right side, such as x**2"),
    "import os": (0, "unknown name 'import'"),
    "x; y": (1, f"';' {FOREIGN}"),
    "x\0": (1, FOREIGN),
    "\ud800x": (0, FOREIGN),
    "x\n+ y": (1, "must be a single line"),
    "(x\r+ y)": (2, "must be a single line"),
    "x\u2028+ y": (1, "must be a single line"),
    "ж + x": (0, "unknown name 'ж'"),
    "x + ω*2": (4, "unknown name 'ω'"),  # columns are characters, not bytes
    "🙂🙂 + x": (0, "unknown name '🙂🙂'"),
    "𝑥 + 🙂": (4, "unknown name '🙂'"),
    # numbers that are none
    "9**9**9**9*x": (3, "'9**9**9' is not a finite real number"),
    "x + 10**400": (4, "'10**400' is not a finite real number"),
    "1e400*x": (0, "'1e400' is not a finite real number"),
    "2*1/0 + x": (0, "'2*1/0' is not a finite real number"),
    "0**-1*x": (0, "'0**-1' is not a finite real number"),
    "x + (-8)**(1/3)": (4, "'(-8)**(1/3)' is not a finite real number"),
    "sqrt(-1)*x": (0, "'sqrt(-1)' is not a finite real number"),
    "x + log(0)": (4, "'log(0)' is not a finite real number"),
    "exp(exp(10))*x": (0, "'exp(exp(10))' is not a finite real number"),
    "x + " + "9" * 400: (4, "'" + "9" * 39 + "…' is not a finite real number"),
    # too much
    "x" + "+x" * (DEEPEST + 1): (0, f"is nested deeper than {DEEPEST} levels"),
    "x" + "^x" * (DEEPEST + 1): (2 * DEEPEST + 2, f"is nested deeper than {DEEPEST} levels"),
    "-" * 900 + "x": (DEEPEST + 1, "is nested deeper"),
    "sin " * 200 + "x": (4 * DEEPEST + 4, "is nested deeper"),
    "(" * 300 + "x" + ")" * 300: (200, "has more than 200 brackets in each other"),
    "|" * 300 + "x": (200, "has more than 200 brackets in each other"),
}


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: ascii(text[:30]))
def test_what_is_refused_is_shown_where_it_stands(text):
    column, message = REFUSED[text]
    with pytest.raises(InvalidValue) as caught:
        formula(text)
    first, shown, mark = str(caught.value).split("\n")
    assert first.startswith("formula: ") and message in first
    assert shown == "    " + " ".join(text.strip().splitlines()).replace("\0", "\ufffd").replace("\ud800", "\ufffd")
    assert mark == "    " + " " * column + "^"


def test_a_mark_stands_under_a_place_behind_full_width_letters():
    with pytest.raises(FormulaError) as caught:
        formula("（x＋z）")
    assert str(caught.value).split("\n")[2] == "    \u3000 \u3000^" and caught.value.column == 3


def test_a_refusal_travels_between_processes():
    with pytest.raises(FormulaError) as caught:
        formula("x + 2 $")
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.code, again.column) == (str(caught.value), "foreign", 6)


def test_what_is_too_long_is_refused_before_anything_is_read():
    with pytest.raises(FormulaError, match=r"^formula: longer than 1000 characters$"):
        formula("x + " + "1" * LONGEST)


def test_every_message_of_the_grammar_is_raised_in_both_languages():
    """By a text above, except those of the page alone; the Chinese has the same words put in."""
    codes = {"long"}
    for text in REFUSED:
        with pytest.raises(FormulaError) as caught:
            formula(text)
        codes.add(caught.value.code)
    assert codes == set(GRAMMAR["messages"]) - {"dims"}
    for english, chinese in GRAMMAR["messages"].values():
        named, translated = (set(re.findall(r"\{(\w+)\}", each)) - {"s"} for each in (english, chinese))
        assert named == translated and re.search("[\u4e00-\u9fff]", chinese)


def test_huge_powers_are_refused_at_once():
    began = time.perf_counter()
    for text in ("9**9**9**9*x", "x*9**9**9", "x + 2**2**2**2**2**2", "(10**300)**(10**300) + x", "x**(9**9**9)"):
        with pytest.raises(InvalidValue, match="is not a finite real number"):
            formula(text)
    assert time.perf_counter() - began < 0.5


BOOBY_TRAPS = [
    "__import__('os').system('touch {file}')", "x + __import__('os').system('touch {file}')",
    "open('{file}', 'w')", "exec(\"open('{file}', 'w')\")", "eval(\"open('{file}', 'w')\")", "sin(open('{file}', 'w'))",
    "().__class__.__base__.__subclasses__()", "[open('{file}', 'w') for i in x]", "(lambda: open('{file}', 'w'))()",
    "f'{{open(\"{file}\", \"w\")}}'", "where(open('{file}', 'w') > x, x, x)", "x if open('{file}', 'w') else y",
    "(y := open('{file}', 'w'))", "sin.__globals__", "x.__class__.__mro__",
]  # fmt: skip


@pytest.mark.parametrize("trap", BOOBY_TRAPS)
def test_nothing_is_evaluated(trap, tmp_path):
    with pytest.raises(InvalidValue):
        formula(trap.format(file=tmp_path / "caught"))
    assert list(tmp_path.iterdir()) == []


# --- any text at all --------------------------------------------------------------------------------------------------


def assert_read_or_refused(text: str):
    began = time.thread_time()
    try:
        assert isinstance(formula(text), Landscape)
    except InvalidValue as error:
        assert str(error).startswith("formula: ")
    assert time.thread_time() - began < 1


@settings(OURS, max_examples=500)
@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text):
    assert_read_or_refused(text)


PIECES = [*"xy0123456789.+-*/()^,<>=[]{}'\"_:!@%&|~\\ \t#²⁻π×−√｜（）", "**", "x1", "x2", "pi", "1e9", "9**9", "where(",
          "lambda ", " if ", " else ", " for ", " in ", ":=", *[f"{name}(" for name in PLAIN]]  # fmt: skip


@settings(OURS, max_examples=1500)
@given(st.lists(st.sampled_from(PIECES), max_size=25))
def test_any_text_of_the_grammars_own_pieces_is_read_or_refused(pieces):
    assert_read_or_refused("".join(pieces))


# --- any formula ------------------------------------------------------------------------------------------------------

SUM, PRODUCT, SIGN, POWER, FACTOR = 1, 2, 3, 4, 5
ONE = [name for name, (_, count) in GRAMMAR["functions"].items() if count == 1]
OTHERWISE = {other: name for name, other in GRAMMAR["aliases"].items() if name.isascii() and other != "pi"}
RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


@st.composite
def leaves(draw):
    """A number, a constant or a coordinate: as it may be typed, in Python, and how tightly it binds."""
    numbers = st.integers(0, 20).map(str) | st.floats(0.01, 50).map(lambda value: repr(round(value, 4)))
    text = draw(st.sampled_from(["x", "y", "x", "y", "pi", "e"]) | numbers)
    return draw(st.sampled_from(["π", "pi"])) if text == "pi" else text, text, FACTOR


def enclosed(part, least):
    """In brackets if it binds less tightly than asked."""
    return part[0] if part[2] >= least else f"({part[0]})"


@st.composite
def grown(draw, inner):
    """A formula of smaller ones, with no more brackets than it needs; in Python with all of them."""

    def choose(*options):
        return draw(st.sampled_from(options))

    a, b, c, d = (draw(inner) for _ in range(4))
    match draw(st.integers(0, 9)):
        case 0:
            sign = choose("+", "-")
            shown = choose(" - ", "−", "-") if sign == "-" else choose(" + ", "+", "＋")
            return f"{enclosed(a, SUM)} {shown}{enclosed(b, PRODUCT)}", f"({a[1]} {sign} {b[1]})", SUM
        case 1:
            sign = choose("*", "/")
            shown = choose("*", " * ", "×", "·") if sign == "*" else choose("/", " / ", "÷")
            return f"{enclosed(a, PRODUCT)}{shown}{enclosed(b, SIGN)}", f"({a[1]} {sign} {b[1]})", PRODUCT
        case 2 | 3:  # a product without a sign
            right = enclosed(b, POWER)
            right = right if right[0].isalpha() or right[0] in "(|" else f"({right})"
            return f"{enclosed(a, PRODUCT)} {right}", f"({a[1]} * {b[1]})", PRODUCT
        case 4:
            return f"{enclosed(a, FACTOR)}{choose('**', '^')}{enclosed(b, SIGN)}", f"({a[1]} ** {b[1]})", POWER
        case 5:
            power = str(draw(st.integers(0, 12)))
            return f"{enclosed(a, FACTOR)}{power.translate(RAISED)}", f"({a[1]} ** {power})", POWER
        case 6:
            return f"-{enclosed(a, SIGN)}", f"(-{a[1]})", SIGN
        case 7:
            name = draw(st.sampled_from(ONE))
            in_bars = name == "abs" and "|" not in a[0] and choose(True, False)
            typed = f"|{a[0]}|" if in_bars else f"{choose(name, OTHERWISE.get(name, name))}({a[0]})"
            return typed, f"{name}({a[1]})", FACTOR
        case 8:
            name = choose("maximum", "minimum")
            typed = f"{choose(name, OTHERWISE[name])}({a[0]}{choose(', ', '，')}{b[0]})"
            return typed, f"{name}({a[1]}, {b[1]})", FACTOR
    sign = choose("<", "<=", ">", ">=")
    shown = choose(sign, {"<=": "≤", ">=": "≥"}.get(sign, sign))
    return f"where({a[0]} {shown} {b[0]}, {c[0]}, {d[0]})", f"where({a[1]} {sign} {b[1]}, {c[1]}, {d[1]})", FACTOR


FORMULAS = st.recursive(leaves(), grown, max_leaves=12)
"""How a formula may be typed, what it is in Python, and how tightly it binds."""


@settings(OURS, max_examples=600, suppress_health_check=[HealthCheck.too_slow])
@given(FORMULAS, st.tuples(st.floats(-3, 3), st.floats(-3, 3)))
def test_any_formula_has_the_value_that_python_computes(tree, point):
    text, translated = (f"{each} + 0*x + 0*y" for each in tree[:2])
    try:
        ours = formula(text)
    except FormulaError as error:
        assert error.code in ("infinite", "long")
        return
    point = [np.float64(value) for value in point]
    try:
        expected = in_python(translated, *point)
    except (ArithmeticError, TypeError):  # Python's own numbers where NumPy's are meant: not an oracle here
        return
    if not isinstance(expected, complex) and np.isfinite(expected):
        assert ours(*point) == pytest.approx(float(expected), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(
    ("text", "names"), [("x1", ("x1",)), ("x1 + x2**2", ("x1", "x2")), ("x*y", ("x", "y")), ("x3", ("x1", "x2", "x3"))]
)
def test_coordinates_have_the_names_that_were_typed(text, names):
    landscape = formula(text)
    assert landscape.coordinates == names
    assert tuple(map(str, landscape.symbols)) == names
