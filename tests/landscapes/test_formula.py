"""A user's formula: what is read is what Python would compute, what is refused is shown where, nothing is evaluated."""

import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steepest.base.errors import InvalidValue
from steepest.landscapes import Landscape, find, formula
from steepest.landscapes.custom import DEEPEST, FUNCTIONS, LONGEST, is_formula

OURS = settings(derandomize=True, deadline=None)

NUMPY = {name: getattr(np, {"abs": "absolute"}.get(name, name)) for name in FUNCTIONS}
NAMES = {**NUMPY, "pi": math.pi, "e": math.e}


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


@pytest.mark.parametrize("text", ACCEPTED)
def test_a_formula_has_pythons_value_and_the_slope_of_its_values(text):
    each = formula(text)
    points = np.random.default_rng(1).uniform(0.3, 2.5, (each.dims, 20))
    expected = in_python(text.strip(), *points) + np.zeros(20)
    np.testing.assert_allclose(each(*points) + np.zeros(20), expected, rtol=1e-13)
    assert each(*points[:, 0].tolist()) == pytest.approx(expected[0], rel=1e-13)
    h = 1e-6
    for i, unit in enumerate(np.eye(each.dims)[:, :, None]):
        slope = (each(*(points + h * unit)) - each(*(points - h * unit))) / (2 * h) + np.zeros(20)
        np.testing.assert_allclose(each.gradient(points)[i], slope, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(("text", "dims"), [("x", 1), ("x1", 1), ("y", 2), ("x + y", 2), ("x2", 2), ("x9", 9)])
def test_the_highest_coordinate_decides_the_dimension(text, dims):
    each = formula(text)
    assert each.dims == dims == len(each.start) and each.window == ((-5.0, 5.0),) * dims and each.minimum is None


def test_a_formula_goes_by_its_text():
    assert formula("  x**2 ").name == "x**2"
    assert find("x**2").name == "x**2"


def test_what_counts_as_a_formula():
    assert all(is_formula(text) for text in ("x", "y", "x3", "x**2", "2", "", "sin(x)", "x y", "f!"))
    assert not any(is_formula(text) for text in ("rosenbrock", "rosenbrok", "x10", "z", "pi"))


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

FOREIGN = "is not allowed; use numbers, coordinates, + - * / ** and functions"
REFUSED = {
    # text: (column of the mark, what the message says)
    "z + x": (0, "unknown name 'z'"),
    "x + rho": (4, "unknown name 'rho'"),
    "2*sine(x)": (2, "unknown function 'sine'; did you mean 'sin'?"),
    "x + sin": (4, "unknown name 'sin'"),
    "x.real": (0, f"'x.real' {FOREIGN}"),
    "2 + x.conjugate()": (4, f"'x.conjugate()' {FOREIGN}"),
    "x[0] + 1": (0, f"'x[0]' {FOREIGN}"),
    "1 + 'x'": (4, f"\"'x'\" {FOREIGN}"),
    "1 + f'{x}'": (4, FOREIGN),
    "b'x'": (0, FOREIGN),
    "2*(lambda: x)": (3, f"'lambda: x' {FOREIGN}"),
    "(lambda: x)()": (0, FOREIGN),
    "[x for x in y]": (0, FOREIGN),
    "sin(i for i in x)": (3, FOREIGN),
    "{x: y}": (0, FOREIGN),
    "(x, y)": (0, FOREIGN),
    "x + (y := 3)": (5, f"'y := 3' {FOREIGN}"),
    "sin(x, out=y)": (0, f"'sin(x, out=y)' {FOREIGN}"),
    "sin(*x)": (4, f"'*x' {FOREIGN}"),
    "sin(**x)": (0, FOREIGN),
    "x if x else y": (0, FOREIGN),
    "x and y": (0, FOREIGN),
    "not x": (0, FOREIGN),
    "~x": (0, FOREIGN),
    "await x": (0, FOREIGN),
    "(yield x)": (1, FOREIGN),
    "True*x": (0, f"'True' {FOREIGN}"),
    "None": (0, FOREIGN),
    "...": (0, FOREIGN),
    "1j*x": (0, f"'1j' {FOREIGN}"),
    "x^2": (2, "this operator is not allowed before '2'; write ** for a power"),
    "x % 2": (4, "this operator is not allowed before '2'; use + - * / **"),
    "x // 2": (5, "this operator is not allowed before '2'"),
    "x @ y": (4, "this operator is not allowed before 'y'"),
    "x << 2": (5, "this operator is not allowed before '2'"),
    "x | y": (4, "this operator is not allowed before 'y'"),
    "2 + (x > 0)": (5, "a comparison may stand only as the first argument of where"),
    "where(x, 1, 2)": (6, "where needs a comparison first, such as x > 0"),
    "where(0 < x < 1, 1, 2)": (6, "where needs a comparison first"),
    "where(x == 1, 1, 2)": (6, "where needs a comparison first"),
    "where(x > 1 and y > 1, 1, 2)": (6, "where needs a comparison first"),
    "where(x > 1, 2)": (0, "where takes 3 arguments, got 2"),
    "1 + sin()": (4, "sin takes 1 argument, got 0"),
    "maximum(x)": (0, "maximum takes 2 arguments, got 1"),
    "x1 + y": (0, "mixes x, y with x1, x2, ...; use one kind"),
    "x0 + x1": (0, "unknown name 'x0'"),
    "x10": (0, "unknown name 'x10'"),
    "3": (0, "has no coordinate; use x, or x and y, or x1, x2, ..."),
    "sqrt(2)*pi": (0, "has no coordinate"),
    "": (0, "is empty; write for example x**2"),
    "  ": (0, "is empty"),
    "x +": (3, "cannot be read"),
    "x x": (2, "cannot be read"),
    "(x": (0, "cannot be read ('(' was never closed)"),
    "x = 3": (2, "cannot be read"),
    "import os": (0, "cannot be read"),
    "x; y": (1, "cannot be read"),
    "0777*x": (0, "cannot be read"),
    "x\0": (2, "cannot be read"),
    "x\n+ y": (1, "must be a single line"),
    "(x\r+ y)": (2, "must be a single line"),
    "x\u2028+ y": (1, "must be a single line"),
    "ж + x": (0, "unknown name 'ж'"),
    "x + ω*2": (4, "unknown name 'ω'"),  # columns are characters, not bytes
    "é^2": (2, "this operator is not allowed before '2'"),
    "x**2 + é é": (9, "cannot be read"),
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
    "[" + "-" * 600 + "x]": (0, FOREIGN),  # what is shown of it must not be as deep as it is
    "-" * 900 + "x": (DEEPEST + 1, "is nested deeper"),
    "(" * 300 + "x" + ")" * 300: (200, "cannot be read (too many nested parentheses)"),
}


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: ascii(text[:30]))
def test_what_is_refused_is_shown_where_it_stands(text):
    column, message = REFUSED[text]
    with pytest.raises(InvalidValue) as caught:
        formula(text)
    first, shown, mark = str(caught.value).split("\n")
    assert first.startswith("formula: ") and message in first
    assert shown == "    " + " ".join(text.strip().splitlines())
    assert mark == "    " + " " * column + "^"


@pytest.mark.parametrize("text", ["x + " + "1" * LONGEST, "(" * 999 + "x", "\ud800x"])
def test_what_is_too_long_or_no_text_is_refused(text):
    with pytest.raises(InvalidValue, match=r"^formula: (longer than 1000 characters|cannot be read)"):
        formula(text)


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
    began = time.perf_counter()
    try:
        assert isinstance(formula(text), Landscape)
    except InvalidValue as error:
        assert str(error).startswith("formula: ")
    assert time.perf_counter() - began < 1


@settings(OURS, max_examples=500)
@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text):
    assert_read_or_refused(text)


PIECES = [*"xy0123456789.+-*/()^,<>=[]{}'\"_:!@%&|~\\ \t#", "**", "x1", "x2", "pi", "1e9", "9**9", "where(", "lambda ",
          " if ", " else ", " for ", " in ", ":=", *[f"{name}(" for name in FUNCTIONS]]  # fmt: skip


@settings(OURS, max_examples=1500)
@given(st.lists(st.sampled_from(PIECES), max_size=25))
def test_any_text_of_the_grammars_own_pieces_is_read_or_refused(pieces):
    assert_read_or_refused("".join(pieces))


# --- any formula ------------------------------------------------------------------------------------------------------

NUMBERS = st.one_of(
    st.integers(0, 20).map(str),
    st.floats(0.01, 50).map(lambda value: repr(round(value, 4))),
    st.sampled_from(["pi", "e"]),
)
LEAVES = st.one_of(st.sampled_from(["x", "y"]), NUMBERS)
ONE = st.sampled_from([name for name, (_, count) in FUNCTIONS.items() if count == 1])


def grown(inner):
    return st.one_of(
        st.builds("({}{}{})".format, inner, st.sampled_from([" + ", "-", "*", " / ", "**"]), inner),
        st.builds("{}{}".format, st.sampled_from("+-"), inner),
        st.builds("{}({})".format, ONE, inner),
        st.builds("{}({}, {})".format, st.sampled_from(["maximum", "minimum"]), inner, inner),
        st.builds(
            "where({} {} {}, {}, {})".format, inner, st.sampled_from(["<", "<=", ">", ">="]), inner, inner, inner
        ),
    )


@settings(OURS, max_examples=400)
@given(st.recursive(LEAVES, grown, max_leaves=12), st.tuples(st.floats(-3, 3), st.floats(-3, 3)))
def test_any_formula_has_the_value_that_python_computes(text, point):
    text = f"{text} + 0*x + 0*y"
    try:
        ours = formula(text)
    except InvalidValue as error:
        assert "is not a finite real number" in str(error) or "longer than" in str(error)
        return
    point = [np.float64(value) for value in point]
    try:
        expected = in_python(text, *point)
    except (ArithmeticError, TypeError):  # Python's own numbers where NumPy's are meant: not an oracle here
        return
    if not isinstance(expected, complex) and np.isfinite(expected):
        assert ours(*point) == pytest.approx(float(expected), rel=1e-9, abs=1e-12)
