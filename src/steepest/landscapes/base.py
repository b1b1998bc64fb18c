"""What a landscape is: a formula of its coordinates, with its facts as data beside it.

The formula is a function of one number (or array, or symbol) a coordinate, written with `steepest.ops`. SymPy
differentiates it, so gradient and Hessian are exact.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..base.text import Text

__all__ = ["Landscape", "Point", "landscape"]

Point = tuple[float, ...]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Landscape:
    """An objective to minimize and to look at.

    Args:
        name: how it is called on the command line.
        formula: the objective, as a function of its coordinates.
        window: the part worth looking at, `(low, high)` for each coordinate.
        start: where a path starts unless told otherwise.
        minima: every global minimizer inside the window.
        minimum: the value at the global minima; within the window; None where there is none or it is never reached.
        local_minima: local minimizers inside the window that are not global.
        saddles: stationary points inside the window that are neither minimum nor maximum.
        about: what it teaches, in a sentence.
        source: where it was published.

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

    @property
    def dims(self) -> int:
        """Number of coordinates."""
        return len(self.window)

    def __call__(self, *coordinates: Any) -> Any:
        """The value; arrays of one shape give an array of values."""
        plain = all(isinstance(each, int | float) for each in coordinates)
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
        """The coordinates as SymPy symbols: x, y or x1, x2, x3..."""
        import sympy

        names = ["x", "y"][: self.dims] if self.dims <= 2 else [f"x{i + 1}" for i in range(self.dims)]
        return tuple(sympy.Symbol(name, real=True) for name in names)

    @cached_property
    def expression(self) -> Any:
        """The formula as a SymPy expression of `symbols`."""
        import sympy

        return sympy.sympify(self.formula(*self.symbols))

    @cached_property
    def _compiled_gradient(self) -> Callable[..., Any]:
        return _compile(self.symbols, [self._smooth.diff(s) for s in self.symbols])

    @cached_property
    def _compiled_hessian(self) -> Callable[..., Any]:
        return _compile(self.symbols, [self._smooth.diff(a, b) for a in self.symbols for b in self.symbols])

    @cached_property
    def _smooth(self) -> Any:
        """The expression with an abs and a sign that SymPy can differentiate whatever stands in them."""
        import sympy

        magnitude, sign = _real_functions()
        return self.expression.replace(sympy.Abs, magnitude).replace(sympy.sign, sign)

    def _evaluate(self, compiled: Callable[..., Any], x: ArrayLike, shape: tuple[int, ...]) -> Floats:
        point = np.asarray(x, dtype=np.float64)
        with np.errstate(all="ignore"):
            parts = np.broadcast_arrays(*map(_real, compiled(*point)), point[0])[:-1]
        return np.array(parts, dtype=np.float64).reshape(*shape, *point.shape[1:])


def _real(value: Any) -> Any:
    return np.where(np.imag(value) == 0, np.real(value), np.nan) if np.iscomplexobj(value) else value


@cache
def _real_functions() -> tuple[Any, Any]:
    """Magnitude and sign of real numbers. SymPy's own allow for complex ones and lose the derivative of abs(1/x)."""
    import sympy

    class Sign(sympy.Function):  # type: ignore[misc]
        def fdiff(self, argindex: int = 1) -> Any:
            return sympy.Integer(0)

    class Magnitude(sympy.Function):  # type: ignore[misc]
        def fdiff(self, argindex: int = 1) -> Any:
            return Sign(self.args[0])

    return Magnitude, Sign


def _compile(symbols: tuple[Any, ...], expressions: list[Any]) -> Callable[..., Any]:
    """A NumPy function of the symbols that returns the list of expressions, common parts computed once."""
    import sympy
    from sympy.printing.numpy import NumPyPrinter

    class ExactPrinter(NumPyPrinter):  # type: ignore[misc]
        """SymPy prints 15 digits of a float; 17 are needed to get the same float back."""

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
    compiled: Callable[..., Any] = sympy.lambdify(symbols, expressions, names, printer=printer, cse=True)
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
) -> Callable[[Callable[..., Any]], Landscape]:
    """Decorator: a formula becomes a `Landscape`; the function's name and docstring become its name and `about.en`."""

    def decorate(formula: Callable[..., Any]) -> Landscape:
        about = Text(en=(formula.__doc__ or "").strip(), zh=zh)
        return Landscape(
            name=formula.__name__, formula=formula, window=window, start=start, about=about, source=source,
            minima=minima, minimum=minimum, local_minima=local_minima, saddles=saddles,
        )  # fmt: skip

    return decorate
