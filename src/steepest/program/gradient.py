"""A landscape's derivatives as programs: SymPy's code for NumPy, run once on stand-ins for numbers."""

import functools
import math
from collections.abc import Sequence
from functools import lru_cache
from types import FunctionType, SimpleNamespace
from typing import Any

from .. import ops
from ..base.errors import InvalidValue
from ..landscapes import Landscape
from .operations import FUNCTIONS, OPERATIONS
from .record import Program, Value

__all__ = ["record_gradient", "record_hessian"]


@lru_cache(maxsize=256)
def record_gradient(landscape: Landscape) -> Program | None:
    """The gradient, of inputs `x0`, `x1`, ... and with outputs `g0`, `g1`, ..., operation by operation as in NumPy.

    None where it needs an operation that a program does not have; then NumPy computes it.
    """
    return _record(landscape.dims, landscape._compiled_gradient, "g")


def record_hessian(landscape: Landscape) -> Program | None:
    """The matrix of second derivatives likewise, row by row, with outputs `h0`, `h1`, ..."""
    return _record(landscape.dims, landscape._compiled_hessian, "h")


def _record(dims: int, compiled: Any, name: str) -> Program | None:
    program = Program()
    coordinates = [program.input(f"x{i}", uniform=False) for i in range(dims)]
    try:  # SymPy's code for NumPy, run here on stand-ins instead of arrays
        parts = FunctionType(compiled.__code__, _vocabulary())(*coordinates)
    except (NameError, TypeError, AttributeError, InvalidValue):
        return None
    program.outputs = {f"{name}{i}": part for i, part in enumerate(parts)}
    return program if all(isinstance(part, Value | int | float) for part in parts) else None


def _vocabulary() -> dict[str, Any]:
    """NumPy's names as SymPy prints them, for stand-ins."""
    kinds = {kind.numpy: kind.call for kind in OPERATIONS.values() if kind.condition or kind.name in FUNCTIONS}
    both = SimpleNamespace(reduce=lambda conditions: functools.reduce(lambda a, b: ops.where(a, b, a), conditions))
    either = SimpleNamespace(reduce=lambda conditions: functools.reduce(lambda a, b: ops.where(a, a, b), conditions))
    named = {"abs": ops.absolute, "Magnitude": ops.absolute, "Sign": ops.sign, "pi": math.pi, "e": math.e}
    return (
        kinds | named
        | {"select": _select, "reduce": functools.reduce, "nan": math.nan, "inf": math.inf}
        | {"logical_and": both, "logical_or": either, "__builtins__": {}}
    )  # fmt: skip


def _select(conditions: Sequence[Any], values: Sequence[Any], default: Any) -> Any:
    chosen = default
    for condition, value in reversed(list(zip(conditions, values, strict=True))):
        chosen = ops.where(condition, value, chosen)
    return chosen
