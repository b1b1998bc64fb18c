"""A user's own formula as a landscape: `x*cos(pi*x)`.

The text is parsed by Python's `ast` and rebuilt from a whitelist: numbers, coordinates, the operators + - * / ** and
the vocabulary of `steepest.ops`. Nothing is ever evaluated as Python.
"""

import ast
import math
import operator
import re
from collections.abc import Callable
from typing import Any, NoReturn

from .. import ops
from ..base.errors import InvalidValue, did_you_mean
from ..base.text import Text
from .base import Landscape

__all__ = ["formula", "is_formula"]

LONGEST = 1000
DEEPEST = 100

FUNCTIONS: dict[str, tuple[Callable[..., Any], int]] = {
    **{name: (getattr(ops, name), 1) for name in ("sqrt", "exp", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh")},
    "arctan": (ops.arctan, 1),
    "sign": (ops.sign, 1),
    "abs": (ops.absolute, 1),
    "maximum": (ops.maximum, 2),
    "minimum": (ops.minimum, 2),
    "where": (ops.where, 3),
}
CONSTANTS = {"pi": ops.pi, "e": ops.e}
OPERATORS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}  # fmt: skip
SIGNS: dict[type, Callable[[Any], Any]] = {ast.UAdd: operator.pos, ast.USub: operator.neg}
COMPARISONS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
}  # fmt: skip

Evaluator = Callable[[tuple[Any, ...]], Any]


def formula(text: str) -> Landscape:
    """The landscape of a formula in `x`, or in `x` and `y`, or in `x1`, `x2`, ...

    Raises:
        InvalidValue: the text is not such a formula; the message points at the place.

    >>> f = formula("0.1*x**2 + 2*y**2")
    >>> f(1.0, 2.0)
    8.1
    >>> f.gradient([1.0, 2.0])
    array([0.2, 8. ])
    >>> formula("x*cosh(y) + foo(x)")  # the message goes on with the text and a mark under the place
    Traceback (most recent call last):
    steepest.base.errors.InvalidValue: formula: unknown function 'foo'; ...
    """
    reader = _Reader(text)
    evaluate, dims = reader.read()
    return Landscape(
        name=text.strip(),
        formula=lambda *coordinates: evaluate(coordinates),
        window=((-5.0, 5.0),) * dims,
        start=((-4.0, -2.0) if dims == 2 else (4.0,) * dims),
        about=Text("a formula of your own", "自定义公式"),
        source="command line",
    )


def is_formula(text: str) -> bool:
    """Whether a text is meant as a formula: it holds an operator, a digit or a bracket, or is a bare coordinate.

    >>> is_formula("x*cos(x)"), is_formula("x"), is_formula("rosenbrok")
    (True, True, False)
    """
    return re.fullmatch(r"[A-Za-z_]\w*", text.strip()) is None or _coordinate_index(text.strip()) is not None


def _coordinate_index(name: str) -> int | None:
    if name in ("x", "y"):
        return "xy".index(name)
    found = re.fullmatch(r"x([1-9])", name)
    return int(found[1]) - 1 if found else None


class _Reader:
    """Rebuilds one formula, node by node, as nested functions of the coordinates."""

    def __init__(self, text: str) -> None:
        self.text = text.strip()
        self.coordinates: dict[str, int] = {}

    def read(self) -> tuple[Evaluator, int]:
        if not self.text:
            self.fail("is empty; write for example x**2")
        if len(self.text) > LONGEST:
            raise InvalidValue(f"formula: longer than {LONGEST} characters")
        first, *others = self.text.splitlines()
        if others:
            self.fail("must be a single line", len(first))
        try:
            tree = ast.parse(self.text, mode="eval").body
        except SyntaxError as error:
            self.fail(f"cannot be read ({error.msg})", (error.offset or len(self.text) + 1) - 1)  # 0: at the end
        except (ValueError, MemoryError, RecursionError):
            raise InvalidValue("formula: cannot be read (nested too deeply, or not text)") from None
        evaluate = self.number(tree, 0)
        if not self.coordinates:
            self.fail("has no coordinate; use x, or x and y, or x1, x2, ...")
        if len({len(name) for name in self.coordinates}) > 1:
            self.fail("mixes x, y with x1, x2, ...; use one kind")
        return evaluate, max(self.coordinates.values()) + 1

    def fail(self, what: str, column: int = 0) -> NoReturn:
        raise InvalidValue(f"formula: {what}\n    {' '.join(self.text.splitlines())}\n    {' ' * column}^")

    def fail_at(self, node: ast.AST, what: str) -> NoReturn:
        # ast counts bytes, people count characters
        column = len(self.text.encode()[: getattr(node, "col_offset", 0)].decode(errors="ignore"))
        self.fail(what, column)

    def source(self, node: ast.AST) -> str:
        """The beginning of the text that a node was read from, quoted."""
        text = ast.get_source_segment(self.text, node) or ""
        return repr(text if len(text) <= 40 else f"{text[:39]}…")

    def number(self, node: ast.expr, depth: int) -> Evaluator:
        """The function of the coordinates that a node stands for; constants are folded."""
        if depth > DEEPEST:
            self.fail_at(node, f"is nested deeper than {DEEPEST} levels")
        match node:
            case ast.Constant(value=int() | float() as constant) if not isinstance(constant, bool):
                return self.constant(node, lambda: constant)
            case ast.Name(id=name):
                return self.name(node, name)
            case ast.BinOp(left, op, right):
                return self.operation(node, op, left, right, depth)
            case ast.UnaryOp(op, operand) if type(op) in SIGNS:
                return self.apply(node, SIGNS[type(op)], [operand], depth)
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
                return self.call(node, name, arguments, depth)
            case ast.Compare():
                self.fail_at(node, "a comparison may stand only as the first argument of where")
        self.fail_at(node, f"{self.source(node)} is not allowed; use numbers, coordinates, + - * / ** and functions")

    def name(self, node: ast.expr, name: str) -> Evaluator:
        if name in CONSTANTS:
            return self.constant(node, lambda: CONSTANTS[name])
        if (index := _coordinate_index(name)) is None:
            hint = did_you_mean(name, ["x", "y", "x1", "x2", *CONSTANTS, *FUNCTIONS])
            self.fail_at(node, f"unknown name {name!r}; {hint}")
        self.coordinates[name] = index
        return lambda coordinates: coordinates[index]

    def operation(self, node: ast.expr, op: ast.operator, left: ast.expr, right: ast.expr, depth: int) -> Evaluator:
        if type(op) not in OPERATORS:
            remedy = "write ** for a power" if isinstance(op, ast.BitXor) else "use + - * / **"
            self.fail_at(right, f"this operator is not allowed before {self.source(right)}; {remedy}")
        return self.apply(node, OPERATORS[type(op)], [left, right], depth)

    def call(self, node: ast.expr, name: str, arguments: list[ast.expr], depth: int) -> Evaluator:
        if name not in FUNCTIONS:
            self.fail_at(node, f"unknown function {name!r}; {did_you_mean(name, FUNCTIONS)}")
        function, count = FUNCTIONS[name]
        if len(arguments) != count:
            self.fail_at(node, f"{name} takes {count} argument{'s' * (count > 1)}, got {len(arguments)}")
        if name == "where":
            return self.where(arguments, depth)
        return self.apply(node, function, arguments, depth)

    def where(self, arguments: list[ast.expr], depth: int) -> Evaluator:
        condition = arguments[0]
        if not (
            isinstance(condition, ast.Compare) and len(condition.ops) == 1 and type(condition.ops[0]) in COMPARISONS
        ):
            self.fail_at(condition, "where needs a comparison first, such as x > 0")
        compare = COMPARISONS[type(condition.ops[0])]
        parts = [condition.left, condition.comparators[0], *arguments[1:]]
        low, high, yes, no = (self.number(part, depth + 1) for part in parts)
        return lambda at: ops.where(compare(low(at), high(at)), yes(at), no(at))

    def apply(self, node: ast.expr, function: Callable[..., Any], arguments: list[ast.expr], depth: int) -> Evaluator:
        before = dict(self.coordinates)
        self.coordinates = {}
        parts = [self.number(argument, depth + 1) for argument in arguments]
        is_constant = not self.coordinates
        self.coordinates = before | self.coordinates
        if is_constant:
            return self.constant(node, lambda: function(*(float(part(())) for part in parts)))
        if len(parts) == 1:
            (only,) = parts
            return lambda at: function(only(at))
        first, second = parts
        return lambda at: function(first(at), second(at))

    def constant(self, node: ast.expr, compute: Callable[[], Any]) -> Evaluator:
        """A number, computed in floats so that 9**9**9**9 is refused at once instead of filling the memory."""
        try:
            exact = compute()
            number = float(exact) if not isinstance(exact, complex) else math.nan
        except (OverflowError, ZeroDivisionError, ValueError):
            number = math.nan
        if not math.isfinite(number):
            self.fail_at(node, f"{self.source(node)} is not a finite real number")
        # small whole numbers stay whole: x**2 then differentiates to 2*x, not 2.0*x**1.0
        whole = number.is_integer() and abs(number) < 2**31
        plain = int(number) if whole else number
        return lambda at: plain
