"""A user's own formula as a landscape: `x*cos(pi*x)`.

`parser.py` reads the text into a tree; here the tree becomes nested functions of the coordinates, written with the
vocabulary of `steepest.ops`. Nothing is ever evaluated as Python.
"""

import math
import operator
from collections.abc import Callable
from typing import Any

from .. import ops
from ..base.text import Text
from .base import Landscape
from .grammar import GRAMMAR
from .parser import FormulaError, Node, is_name, normal, parse

__all__ = ["TYPED", "formula", "is_formula"]

TYPED = "command line"
"""The source of a landscape that was typed."""

Evaluator = Callable[[tuple[Any, ...]], Any]

OPERATIONS: dict[str, Callable[..., Any]] = {
    **{
        name: getattr(operator, name) for name in ("add", "sub", "mul", "truediv", "pow", "neg", "lt", "le", "gt", "ge")
    },
    **{name: getattr(ops, name) for name, _ in GRAMMAR["functions"].values() if hasattr(ops, name)},
}
"""What each operation of the grammar computes; those that are defined by formulas follow at the end of this file."""


def formula(text: str) -> Landscape:
    """The landscape of a formula in `x`, or in `x` and `y`, or in `x1`, `x2`, ...

    It is read as people write: `2x`, `xy`, `x^2`, `x²`, `|x|`, `sin 2x`, `ln x`, `π`, `√x`, `∛x`, `×`, and full-width
    Chinese punctuation are understood, as is Python's own notation. Functions are `sqrt`, `cbrt`, `exp`, `log` or `ln`
    (natural), `log10` or `lg`, `log2`, `sin`, `cos`, `tan`, `cot`, `arctan`, `sinh`, `cosh`, `tanh`, `sign`, `abs`,
    `relu`, `sigmoid`, `max`, `min` and `where(x > 0, a, b)`.

    Where no sign stands a `*` is meant, so `1/2x` is `(1/2)*x`; powers bind first and from the right, so `-x^2` is
    `-(x^2)` and `2^3^2` is `2^(3^2)`; `sin 2x y` is `sin(2*x*y)`, and `sin^2 x` is `(sin x)^2`.

    Raises:
        FormulaError: the text is not such a formula; the message points at the place.

    >>> f = formula("0.1x² + 2y^2")
    >>> f(1.0, 2.0)
    8.1
    >>> f.gradient([1.0, 2.0])
    array([0.2, 8. ])
    >>> formula("x*cosh(y) + foo(x)")  # the message goes on with the text and a mark under the place
    Traceback (most recent call last):
    steepest.landscapes.parser.FormulaError: formula: unknown function 'foo'; ...
    """
    text = text.strip()
    tree = parse(text)
    evaluate = _evaluator(tree, text)
    coordinates = {(leaf.text in ("x", "y"), leaf.value) for leaf in _leaves(tree)}
    if len({is_letter for is_letter, _ in coordinates}) != 1:
        raise FormulaError.at(text, "mixed" if coordinates else "constant")
    dims = 1 + int(max(index for _, index in coordinates))
    is_letter = coordinates.pop()[0]
    return Landscape(
        name=text,
        formula=lambda *coordinates: evaluate(coordinates),
        window=((-5.0, 5.0),) * dims,
        start=((-4.0, -2.0) if dims == 2 else (4.0,) * dims),
        about=Text("a formula of your own", "自定义公式"),
        source=TYPED,
        letters=() if is_letter else tuple(f"x{i + 1}" for i in range(dims)),
    )


def is_formula(text: str) -> bool:
    """Whether a text is meant as a formula: it holds an operator, a digit or a bracket, or is made of coordinates.

    >>> is_formula("x*cos(x)"), is_formula("xy"), is_formula("rosenbrok")
    (True, True, False)
    """
    word = "".join(map(normal, text.strip()))  # Python takes the dot of x·y for a letter
    return not word.isidentifier() or is_name(word)


def _leaves(node: Node) -> list[Node]:
    """The coordinates in a tree, from left to right."""
    own = [node] if node.operation == "coordinate" else []
    return own + [leaf for part in node.parts for leaf in _leaves(part)]


def _evaluator(node: Node, text: str) -> Evaluator:
    """The function of the coordinates that a tree stands for; constants are folded."""
    if node.operation == "coordinate":
        index = int(node.value)
        return lambda at: at[index]
    if node.constant and node.operation not in GRAMMAR["comparisons"]:
        number = _constant(node, text)
        return lambda at: number
    function, parts = OPERATIONS[node.operation], [_evaluator(part, text) for part in node.parts]
    if len(parts) == 1:
        (only,) = parts
        return lambda at: function(only(at))
    if len(parts) == 2:
        first, second = parts
        return lambda at: function(first(at), second(at))
    return lambda at: function(*(part(at) for part in parts))


def _constant(node: Node, text: str) -> float:
    """The number of a tree without coordinates, in floats, so that 9**9**9**9 is refused at once.

    Whole numbers stay whole where they are small: x**2 then differentiates to 2*x, not to 2.0*x**1.0.
    """
    operands = [float(_constant(part, text)) for part in node.parts]
    try:
        exact = OPERATIONS[node.operation](*operands) if operands else node.value
        number = float(exact) if not isinstance(exact, complex) else math.nan
    except (OverflowError, ZeroDivisionError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        shown = text[node.start : node.end]
        raise FormulaError.at(
            text, "infinite", node.start, shown=f"'{shown if len(shown) <= 40 else f'{shown[:39]}…'}'"
        )
    return int(number) if number.is_integer() and abs(number) < 2**31 else number


def _defined(definition: str) -> Callable[[Any], Any]:
    evaluate = _evaluator(parse(definition), definition)
    return lambda x: evaluate((x,))


OPERATIONS |= {name: _defined(definition) for name, definition in GRAMMAR["definitions"].items()}
