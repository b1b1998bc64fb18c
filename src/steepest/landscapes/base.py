"""The class of landscapes: a formula of one or more coordinates to minimize, with its minima and saddles as data.

The formula is a function of one number (or array, or symbol) a coordinate, written with `steepest.ops`. SymPy
differentiates it, so gradient and Hessian are exact.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..base.display import Displayed
from ..base.text import Text

__all__ = ["Landscape", "Point", "landscape"]

LONG = 3000
"""Operations of the second derivative from which on it is made operation by operation."""

Point = tuple[float, ...]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Landscape(Displayed):
    """An objective to minimize, with the window to draw and its stationary points.

    Args:
        name: of the command line.
        formula: the objective, as a function of its coordinates.
        window: the part to draw, `(low, high)` for each coordinate.
        start: the default start of a path.
        minima: every global minimizer inside the window.
        minimum: the least value within the window; None where there is none, or it is not attained.
        local_minima: local minimizers inside the window that are not global.
        saddles: stationary points inside the window that are neither minimum nor maximum.
        about: the lesson that it teaches, in a sentence.
        source: the publication.
        title: its name as people write it; default: made of `name` and of the beginning of `about`.
        letters: the names of the coordinates, a letter each, with a number where wanted; default: x, y, or x1, x2, ...
            where there are more.

    >>> from steepest.landscapes import LANDSCAPES
    >>> rosenbrock = LANDSCAPES["rosenbrock"]
    >>> rosenbrock(1.0, 1.0)
    0.0
    >>> rosenbrock.gradient([-1.2, 1.0])
    array([-215.6,  -88. ])
    """

    name: str
    formula: Callable[..., Any]
    window: tuple[tuple[float, float], ...]
    start: Point
    about: Text
    source: str = ""
    minima: tuple[Point, ...] = ()
    minimum: float | None = None
    local_minima: tuple[Point, ...] = ()
    saddles: tuple[Point, ...] = ()
    title: Text | None = None
    letters: tuple[str, ...] = ()

    @property
    def dims(self) -> int:
        """Number of coordinates."""
        return len(self.window)

    @property
    def coordinates(self) -> tuple[str, ...]:
        """The names of the coordinates: its own `letters`, or x, y, or x1, x2, x3..."""
        usual = ("x", "y")[: self.dims] if self.dims <= 2 else tuple(f"x{i + 1}" for i in range(self.dims))
        return self.letters or usual

    def __call__(self, *coordinates: Any) -> Any:
        """The value at numbers, one a coordinate; arrays of one shape give an array of values."""
        plain = all(isinstance(coordinate, int | float) for coordinate in coordinates)
        with np.errstate(all="ignore"):  # overflow to inf is how a diverging path ends: a result, not an error
            if plain:  # Python's own numbers would raise where NumPy's give inf or NaN
                return float(self.formula(*map(np.float64, coordinates)))
            return self.formula(*coordinates)

    def gradient(self, x: ArrayLike) -> Floats:
        """Exact gradient at `x`, of shape (dims,) or (dims, ...) for many points; NaN where there is none."""
        return self._evaluate(self._compiled_gradient, x, (self.dims,))

    def hessian(self, x: ArrayLike) -> Floats:
        """Exact matrix of second derivatives at `x`, of shape (dims, dims) or (dims, dims, ...)."""
        return self._evaluate(self._compiled_hessian, x, (self.dims, self.dims))

    @cached_property
    def symbols(self) -> tuple[Any, ...]:
        """The coordinates as SymPy symbols."""
        import sympy

        return tuple(sympy.Symbol(name, real=True) for name in self.coordinates)

    @cached_property
    def expression(self) -> Any:
        """The formula as a SymPy expression of `symbols`."""
        import sympy

        return sympy.sympify(self.formula(*self.symbols))

    @cached_property
    def _compiled_gradient(self) -> Callable[..., Any]:
        if self.is_long:
            return _compile(self.symbols, [self._smooth], _differentiated(self._smooth, self.symbols, 1))
        return _compile(self.symbols, [self._smooth.diff(s) for s in self.symbols])

    @cached_property
    def _compiled_hessian(self) -> Callable[..., Any]:
        if self.is_long:
            return _compile(self.symbols, [self._smooth], _differentiated(self._smooth, self.symbols, 2))
        return _compile(self.symbols, [self._smooth.diff(a, b) for a in self.symbols for b in self.symbols])

    @cached_property
    def is_long(self) -> bool:
        """Whether the formula is too long for SymPy to differentiate it as a whole."""
        return _sizes(self.expression)[2] > LONG

    @cached_property
    def _smooth(self) -> Any:
        """The expression with abs and sign replaced by functions whose derivatives SymPy knows for every argument."""
        import sympy

        magnitude, sign = _real_functions()
        return self.expression.replace(sympy.Abs, magnitude).replace(sympy.sign, sign)

    def _evaluate(self, compiled: Callable[..., Any], x: ArrayLike, shape: tuple[int, ...]) -> Floats:
        point = np.asarray(x, dtype=np.float64)
        with np.errstate(all="ignore"):
            parts = [  # a derivative may be complex where the formula has no real value, such as a root of -1
                np.where(np.imag(part) == 0, np.real(part), np.nan) if np.iscomplexobj(part) else part
                for part in compiled(*point)
            ]
            same_shape = np.broadcast_arrays(*parts, point[0])[:-1]  # a constant part, such as 2, has no shape itself
        return np.array(same_shape, dtype=np.float64).reshape(*shape, *point.shape[1:])


@cache
def _real_functions() -> tuple[Any, Any]:
    """Magnitude and sign of real numbers. SymPy's own are for complex numbers and lose the derivative of abs(1/x)."""
    import sympy

    class Sign(sympy.Function):  # type: ignore[misc]
        def fdiff(self, argindex: int = 1) -> Any:
            return sympy.Integer(0)

    class Magnitude(sympy.Function):  # type: ignore[misc]
        def fdiff(self, argindex: int = 1) -> Any:
            return Sign(self.args[0])

    return Magnitude, Sign


def _sizes(expression: Any) -> tuple[int, int, int]:
    """About how many operations an expression and its first and second derivatives have, without making them."""
    if expression.is_Atom or not expression.free_symbols:
        return 1, int(expression.is_Symbol), 0
    parts = [_sizes(part) for part in expression.args]
    size, moving = 1 + sum(own for own, _, _ in parts), [part for part in parts if part[1]]
    if expression.is_Add:
        return size, 1 + sum(first for _, first, _ in moving), 1 + sum(second for *_, second in moving)
    first = sum(size + own for _, own, _ in moving)
    return size, first, sum(2 * len(moving) * (size + own) + second for _, own, second in moving)


def _differentiated(expression: Any, symbols: tuple[Any, ...], times: int) -> Callable[..., Any]:
    """In the place of SymPy's `cse`: derivatives line by line, a name for each operation (forward differentiation).

    Their size grows as that of the expression does; that of SymPy's own as its square, and of the second ones as its
    cube, which takes minutes for forty factors.
    """

    def lines_and_results(_: Any, **__: Any) -> tuple[list[tuple[Any, Any]], list[Any]]:
        lines, results = _in_lines(expression)
        for _ in range(times):
            lines, results = _slopes(lines, results, symbols)
        return lines, results

    return lines_and_results


def _in_lines(expression: Any) -> tuple[list[tuple[Any, Any]], list[Any]]:
    """The expression as lines `(name, operation on names)`, and the name of the result."""
    import sympy

    lines: list[tuple[Any, Any]] = []
    names: dict[Any, Any] = {}

    def named(part: Any) -> Any:
        lines.append((sympy.Symbol(f"v{len(lines)}", real=True), part))
        return lines[-1][0]

    def name_of(part: Any) -> Any:
        if part.is_Atom or not part.free_symbols:
            return part
        if part not in names:
            if isinstance(part, sympy.Piecewise):  # its conditions are no numbers
                names[part] = named(part)
            else:
                first, *others = map(name_of, part.args)
                pairwise = isinstance(part, sympy.Add | sympy.Mul) and len(others) > 1
                for other in others[:-1] if pairwise else ():
                    first = named(part.func(first, other))
                names[part] = named(part.func(first, *(others[-1:] if pairwise else others)))
        return names[part]

    return lines, [name_of(expression)]


def _slopes(
    lines: list[tuple[Any, Any]], results: list[Any], symbols: tuple[Any, ...]
) -> tuple[list[tuple[Any, Any]], list[Any]]:
    """The lines with those of their derivatives by each symbol, and the derivatives of the results."""
    import sympy

    slopes = {symbol: [int(symbol == other) for other in symbols] for symbol in symbols}
    longer: list[tuple[Any, Any]] = []

    def slope(part: Any, index: int) -> Any:
        inside = sorted(part.free_symbols, key=str)
        return sum((part.diff(name) * slopes[name][index] for name in inside), sympy.Integer(0))

    for name, part in lines:
        longer.append((name, part))
        slopes[name] = []
        for index in range(len(symbols)):
            value = slope(part, index)
            if not value.is_Atom:
                longer.append((sympy.Symbol(f"{name}_{index}", real=True), value))
                value = longer[-1][0]
            slopes[name].append(value)
    return longer, [slope(result, index) for result in results for index in range(len(symbols))]


def _compile(symbols: tuple[Any, ...], expressions: list[Any], cse: Any = True) -> Callable[..., Any]:
    """A NumPy function of the symbols that returns the list of expressions, with common subexpressions eliminated."""
    import sympy
    from sympy.printing.numpy import NumPyPrinter

    class ExactPrinter(NumPyPrinter):  # type: ignore[misc]
        """Prints floats with 17 digits, which give the same float back; SymPy's printer has 15."""

        def _print_Float(self, expression: Any) -> str:
            return repr(float(expression))

        def _print_DiracDelta(self, expression: Any) -> str:
            return "0.0"  # the infinite curvature of a kink of maximum; beside it there is none

        def _print_ComplexInfinity(self, expression: Any) -> str:
            return "nan"

        def _print_ITE(self, expression: Any) -> str:
            return f"where({', '.join(map(self._print, expression.args))})"

    names = [{"Magnitude": np.abs, "Sign": np.sign}, "numpy"]
    printer = ExactPrinter({"fully_qualified_modules": False, "inline": True, "allow_unknown_functions": True})
    compiled: Callable[..., Any] = sympy.lambdify(symbols, expressions, names, printer=printer, cse=cse)
    return compiled


def landscape(
    *,
    window: tuple[tuple[float, float], ...],
    start: Point,
    zh: str,
    source: str = "",
    minima: tuple[Point, ...] = (),
    minimum: float | None = None,
    local_minima: tuple[Point, ...] = (),
    saddles: tuple[Point, ...] = (),
    title: Text | None = None,
) -> Callable[[Callable[..., Any]], Landscape]:
    """A decorator that makes a `Landscape` of a formula; the function's name and docstring are `name` and `about.en`.

    Args:
        zh: `about` in Chinese.
        window, start, source, minima, minimum, local_minima, saddles: as of `Landscape`.

    >>> @landscape(window=((-1.0, 1.0),), start=(1.0,), minima=((0.0,),), minimum=0.0, zh="四次曲线。")
    ... def quartic(x):
    ...     "A quartic curve."
    ...     return x**4
    >>> quartic.gradient([0.5])
    array([0.5])
    """

    def decorate(formula: Callable[..., Any]) -> Landscape:
        about = Text(en=(formula.__doc__ or "").strip(), zh=zh)
        return Landscape(
            name=formula.__name__, formula=formula, window=window, start=start, about=about, source=source,
            minima=minima, minimum=minimum, local_minima=local_minima, saddles=saddles, title=title,
        )  # fmt: skip

    return decorate
