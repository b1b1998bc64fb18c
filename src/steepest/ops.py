"""The vocabulary of rules and landscapes: elementary functions that run on numbers, arrays, tensors and symbols.

A rule or a landscape uses these names and Python's operators, nothing else, so that the same function runs on Python
numbers, NumPy arrays, torch tensors and SymPy symbols. Each call dispatches on the types of its arguments; a library is
imported only when a value of it is passed.

    >>> from steepest.ops import maximum, sqrt
    >>> import numpy as np
    >>> sqrt(2.25), sqrt(np.array([4.0, 9.0])), maximum(0.0, -1.0)
    (1.5, array([2., 3.]), 0.0)
"""

import math
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

__all__ = [
    "absolute", "arctan", "cos", "cosh", "e", "eigenvectors", "exp", "is_zero", "log", "machine_epsilon", "maximum",
    "minimum", "norm", "orthonormal", "pi", "random_signs", "rms", "sign", "sin", "sinh", "solve_lower", "sqrt", "tan",
    "tanh", "upper_triangle", "where", "zeros_like",
]  # fmt: skip

pi = math.pi
e = math.e

# --- one namespace a library ------------------------------------------------------------------------------------------


class _Namespace:
    """A library's functions under the names of the vocabulary: `different` ones, and the library's own for the rest."""

    def __init__(self, library: Any, **different: Any) -> None:
        self.library = library
        self.__dict__.update(different)

    def __getattr__(self, name: str) -> Any:
        function = self.__dict__[name] = getattr(self.library, name)  # cached: this method is not called again for it
        return function


def _torch() -> Any:
    torch = import_module("torch")

    # torch's own maximum and minimum refuse a number beside a tensor; clamp is their form for it
    def maximum(a: Any, b: Any) -> Any:
        if isinstance(a, torch.Tensor):
            return torch.maximum(a, b) if isinstance(b, torch.Tensor) else a.clamp(min=b)
        return b.clamp(min=a)

    def minimum(a: Any, b: Any) -> Any:
        if isinstance(a, torch.Tensor):
            return torch.minimum(a, b) if isinstance(b, torch.Tensor) else a.clamp(max=b)
        return b.clamp(max=a)

    return _Namespace(torch, maximum=maximum, minimum=minimum)


def _sympy() -> Any:
    sympy = import_module("sympy")
    return _Namespace(
        sympy,
        absolute=sympy.Abs,
        arctan=sympy.atan,
        maximum=sympy.Max,
        minimum=sympy.Min,
        where=lambda condition, a, b: sympy.Piecewise((a, condition), (b, True)),
    )


_NUMBERS = _Namespace(
    math,
    absolute=abs,
    arctan=math.atan,
    maximum=max,
    minimum=min,
    sign=lambda x: (x > 0) - (x < 0),
    where=lambda condition, a, b: a if condition else b,
)
_LIBRARIES: dict[str, Callable[[], Any]] = {"torch": _torch, "sympy": _sympy, "numpy": lambda: import_module("numpy")}


@cache
def _namespace_of(kind: Any) -> Any:
    """The namespace for values of one type, which may bring its own as `__ops__`; None for plain Python numbers."""
    if hasattr(kind, "__ops__"):
        return kind.__ops__
    for ancestor in kind.__mro__:
        library = ancestor.__module__.partition(".")[0]
        if library in _LIBRARIES:
            return _load(library)
    return None


@cache
def _load(library: str) -> Any:
    return _LIBRARIES[library]()


def _namespace(*values: Any) -> Any:
    for value in values:
        if (namespace := _namespace_of(type(value))) is not None:  # type: ignore[arg-type]
            return namespace
    return _NUMBERS


# --- the vocabulary ---------------------------------------------------------------------------------------------------


def _elementary(name: str) -> Callable[[Any], Any]:
    """The function of one number that has this name in every library."""

    def function(x: Any) -> Any:
        return getattr(_namespace(x), name)(x)

    function.__name__ = function.__qualname__ = name
    return function


absolute, sign, sqrt, exp, log = map(_elementary, ("absolute", "sign", "sqrt", "exp", "log"))
sin, cos, tan, arctan = map(_elementary, ("sin", "cos", "tan", "arctan"))
sinh, cosh, tanh = map(_elementary, ("sinh", "cosh", "tanh"))


def maximum(a: Any, b: Any) -> Any:
    return _namespace(a, b).maximum(a, b)


def minimum(a: Any, b: Any) -> Any:
    return _namespace(a, b).minimum(a, b)


def where(condition: Any, a: Any, b: Any) -> Any:
    """`a` where the condition holds, `b` elsewhere; a plain bool selects one of the two, of any shapes."""
    if isinstance(condition, bool):
        return a if condition else b
    return _namespace(condition, a, b).where(condition, a, b)


# --- of whole arrays and tensors, for rules that are not elementwise --------------------------------------------------


def norm(x: Any) -> Any:
    """The Euclidean norm over all elements, a number."""
    return sqrt((x * x).sum())


def rms(x: Any) -> Any:
    """The root of the mean square of all elements, a number."""
    return sqrt((x * x).mean())


def zeros_like(x: Any) -> Any:
    return _namespace(x).zeros_like(x)


def machine_epsilon(x: Any) -> float:
    """The distance from 1 to the next number of an array's dtype."""
    return float(_namespace(x).finfo(x.dtype).eps)


def eigenvectors(x: Any) -> Any:
    """The eigenvectors of a symmetric matrix, as columns, by decreasing eigenvalue."""
    columns = _namespace(x).linalg.eigh(x)[1]
    return columns[:, list(range(columns.shape[1]))[::-1]]


def orthonormal(x: Any) -> Any:
    """A matrix with orthonormal columns, the first n of which span the same space as those of `x` (the Q of QR)."""
    return _namespace(x).linalg.qr(x)[0]


def upper_triangle(x: Any) -> Any:
    """A matrix with zeros below its diagonal."""
    return _namespace(x).triu(x)


def solve_lower(a: Any, b: Any) -> Any:
    """The solution x of a x = b, for a lower triangular matrix a."""
    linalg = _namespace(a).linalg
    return linalg.solve_triangular(a, b, upper=False) if hasattr(linalg, "solve_triangular") else linalg.solve(a, b)


def random_signs(x: Any, step: int) -> Any:
    """An array of the shape of `x` of 1 and -1, as if drawn anew in each step: they follow from place and step alone.

    Every library, device and rank makes the same. A hash of the place in integers of 64 bits, of which 32 are kept.

    >>> import numpy as np
    >>> random_signs(np.zeros(8), 1)
    array([ 1., -1., -1., -1., -1., -1.,  1.,  1.])
    """
    library = _namespace(x)
    count = math.prod(x.shape)
    place = library.arange(count, device=x.device) + (step * 0x9E3779B1) % 2**32
    for factor, shift in ((0x7FEB352D, 16), (0x2C1B3C6D, 15), (0x297A2D39, 14)):
        place = (place & 0xFFFFFFFF) * factor
        place = (place & 0xFFFFFFFF) ^ ((place & 0xFFFFFFFF) >> shift)
    return library.asarray(1 - 2 * ((place >> 7) & 1), dtype=x.dtype, device=x.device).reshape(x.shape)


# --- settings ---------------------------------------------------------------------------------------------------------


def is_zero(setting: Any) -> bool:
    """Whether a hyperparameter is the plain number 0, which switches a part of a rule off.

    False for tensors, arrays and symbols, whatever their values, so that rules branch on plain settings only.

    >>> is_zero(0.0), is_zero(0.1)
    (True, False)
    """
    return isinstance(setting, int | float) and setting == 0
