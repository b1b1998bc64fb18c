r"""The table of operations: for each one its arity, its functions and its text in every language that is printed.

Everything that computes or prints a program reads this table: the kernels of optimizers and of trajectories, lists of
tensors, the linear step, gradients, LaTeX and JavaScript. A new operation is one line here, and one function in
`steepest.ops` if it is not an operator of Python.

    >>> OPERATIONS["maximum"].javascript.format("a", "b"), OPERATIONS["lt"].condition
    ('Math.max(a, b)', True)
"""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .. import ops

__all__ = ["FUNCTIONS", "OPERATIONS", "REDUCTIONS", "Kind"]


@dataclass(frozen=True)
class Kind:
    """A kind of operation. Texts are formats: `{0}` stands for the first operand, `{1}` for the second.

    Attributes:
        name: in a program; of an operator, Python's name of its method (`truediv`).
        arity: number of operands.
        call: computes it for Python's numbers, arrays, tensors and symbols.
        numpy: NumPy's name of it, which is the oracle of the tests.
        python: text for Python's numbers, also in native code in float64.
        kernel: text in a kernel, where all numbers have the type `real`; a NaN is treated as torch treats it.
        kernel_like_numpy: the same with a NaN treated as NumPy treats it.
        javascript: text; each result has a name of its own, so nothing needs brackets.
        latex: a format, or the name of a function that stands before its operands in brackets.
        foreach: torch's operation on a list of tensors, `torch._foreach_...`; empty where torch has none.
        sign: of an operator of Python with two operands; empty for others.
        commutes: whether the operands may change places.
        condition: whether the result is true or false.
    """

    name: str
    arity: int
    call: Callable[..., Any]
    numpy: str
    python: str
    kernel: str
    kernel_like_numpy: str
    javascript: str
    latex: str
    foreach: str = ""
    sign: str = ""
    commutes: bool = False
    condition: bool = False


def _operator(
    name: str, sign: str, numpy: str, latex: str = "", javascript: str = "", foreach: str = "", commutes: bool = False,
    condition: bool = False,
) -> Kind:  # fmt: skip
    """An operator of Python with two operands."""
    text = f"({{0}} {sign} {{1}})"
    return Kind(
        name=name, arity=2, call=getattr(operator, name), numpy=numpy, python=text, kernel=text, kernel_like_numpy=text,
        javascript=javascript or f"{{0}} {sign} {{1}}", latex=latex, foreach=foreach, sign=sign, commutes=commutes,
        condition=condition,
    )  # fmt: skip


def _comparison(name: str, sign: str, numpy: str, latex: str, javascript: str = "") -> Kind:
    return _operator(name, sign, numpy, latex, javascript, condition=True)


def _function(
    name: str, arity: int = 1, python: str = "", kernel: str = "", kernel_like_numpy: str = "", javascript: str = "",
    latex: str = "", foreach: str | None = None, commutes: bool = False,
) -> Kind:  # fmt: skip
    """A function of `steepest.ops`; what is not said is called by the same name everywhere."""
    operands = ", ".join(f"{{{i}}}" for i in range(arity))
    kernel = kernel or f"np.{name}({operands})"  # Python's math would give float64 for float32
    return Kind(
        name=name,
        arity=arity,
        call=getattr(ops, name),
        numpy=name,
        python=python or f"math.{name}({operands})",
        kernel=kernel,
        kernel_like_numpy=kernel_like_numpy or kernel,
        javascript=javascript or f"Math.{name}({operands})",
        latex=latex or rf"\{name}",
        foreach=name if foreach is None else foreach,
        commutes=commutes,
    )


REMAINDER = "({0} % {1} * {1} < 0 ? {0} % {1} + {1} : {0} % {1})"
"""JavaScript's remainder has the sign of the dividend."""

_KINDS = (
    # sums, products and powers are printed as LaTeX by `algebra`, which rewrites them
    _operator("add", "+", "add", foreach="add", commutes=True),
    _operator("sub", "-", "subtract", foreach="sub"),
    _operator("mul", "*", "multiply", foreach="mul", commutes=True),
    _operator("truediv", "/", "true_divide", latex=r"\frac{{{0}}}{{{1}}}", foreach="div"),
    _operator("pow", "**", "power", javascript="Math.pow({0}, {1})", foreach="pow"),
    # the remainder has the sign of the divisor, as in Python
    _operator("mod", "%", "remainder", r"\operatorname{mod}", javascript=REMAINDER),
    _operator(
        "floordiv", "//", "floor_divide", r"\lfloor \frac{{{0}}}{{{1}}} \rfloor",
        javascript=f"{{1}} === 0 ? {{0}} / {{1}} : Math.round(({{0}} - {REMAINDER}) / {{1}})",
    ),
    Kind("neg", 1, operator.neg, "negative", "-{0}", "-{0}", "-{0}", "-{0}", "-{0}", foreach="neg"),
    _comparison("lt", "<", "less", latex="{0} < {1}"),
    _comparison("le", "<=", "less_equal", latex=r"{0} \le {1}"),
    _comparison("gt", ">", "greater", latex="{0} > {1}"),
    _comparison("ge", ">=", "greater_equal", latex=r"{0} \ge {1}"),
    _comparison("eq", "==", "equal", latex="{0} = {1}", javascript="{0} === {1}"),
    _comparison("ne", "!=", "not_equal", latex=r"{0} \ne {1}", javascript="{0} !== {1}"),
    _function(
        "absolute", python="abs({0})", kernel="abs({0})", javascript="Math.abs({0})", latex=r"\left|{0}\right|",
        foreach="abs",
    ),
    _function("arctan", python="math.atan({0})", javascript="Math.atan({0})", foreach="atan"),
    _function("cos"),
    _function("cosh"),
    _function("exp"),
    _function("log"),
    _function(
        "maximum", 2, python="max({0}, {1})", kernel="({0} if {0} >= {1} or {0} != {0} else {1})",  # NaN wins
        javascript="Math.max({0}, {1})", latex=r"\max", commutes=True,
    ),
    _function(
        "minimum", 2, python="min({0}, {1})", kernel="({0} if {0} <= {1} or {0} != {0} else {1})",
        javascript="Math.min({0}, {1})", latex=r"\min", commutes=True,
    ),
    _function(
        "sign", python="(({0} > 0) - ({0} < 0))", kernel="real({0} > 0) - real({0} < 0)",
        kernel_like_numpy="({0} if {0} != {0} else real({0} > 0) - real({0} < 0))", latex=r"\operatorname{sign}",
    ),
    _function("sin"),
    _function("sinh"),
    _function("sqrt", latex=r"\sqrt{{{0}}}"),
    _function("tan"),
    _function("tanh"),
    _function(
        "where", 3, python="({1} if {0} else {2})", kernel="({1} if {0} else {2})", javascript="{0} ? {1} : {2}",
        latex=r"\begin{{cases}} {1} & \text{{if }} {0} \\ {2} & \text{{otherwise}} \end{{cases}}", foreach="",
    ),
)  # fmt: skip

OPERATIONS: dict[str, Kind] = {kind.name: kind for kind in _KINDS}
"""Every operation that a program may hold, by name."""

REDUCTIONS: dict[str, Callable[[Any], Any]] = {"sum": lambda x: x.sum(), "mean": lambda x: x.mean()}
"""Sums over all elements of a tensor, by name: methods of arrays and tensors, which only rules for tensors may use."""

FUNCTIONS: tuple[str, ...] = tuple(name for name in OPERATIONS if hasattr(ops, name))
"""Those that are functions of `steepest.ops`."""
