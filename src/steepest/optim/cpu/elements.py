"""The arithmetic of an element as lines of a kernel: arrays are read, values computed from them, in order."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from ...program.evaluate import expression
from ...program.operations import OPERATIONS
from ...program.record import Operation, Program, Value
from . import low_bits
from .low_bits import Codes

__all__ = ["Number", "arrays_needed", "arrays_of", "computing", "indented", "scalar_lines", "stored", "varying"]

Number = Literal["float32", "float64", "bfloat16"]
"""What the arrays hold. bfloat16 is read into float32, computed there, and rounded to nearest even."""

CONDITIONS = frozenset(name for name, kind in OPERATIONS.items() if kind.condition)


def arrays_of(program: Program) -> list[str]:
    """Names of the arrays with a number for each element, in the order of their rows in `addresses`."""
    return ["param", "grad", *program.states]


def stored(program: Program, number: Number, codes: Codes) -> dict[str, str]:
    """NumPy's type of each array, by name."""
    plain = "uint16" if number == "bfloat16" else number
    return {name: "uint16" if codes.get(name) == "bfloat16" else codes.get(name, plain) for name in arrays_of(program)}


def varying(program: Program, values: Iterable[Any]) -> list[Operation]:
    """Operations to be done for every element, which these values depend on, other than by sums."""
    needed = {value.name for value in values if isinstance(value, Value) and not value.uniform}
    kept = []
    for operation in reversed(program.operations):
        if operation.result.name in needed:
            kept.append(operation)
            needed |= {value.name for value in operation.operands if isinstance(value, Value) and not value.uniform}
    return kept[::-1]


def arrays_needed(program: Program, values: Sequence[Any]) -> list[str]:
    """Names of the arrays that have to be read to compute these values of an element."""
    used = [operand for operation in varying(program, values) for operand in operation.operands]
    names = {value.name for value in (*used, *values) if isinstance(value, Value)}
    return [name for name in arrays_of(program) if name in names]


def scalar_lines(
    program: Program, uniform: Sequence[Value], before: int | None = None, real: str = "real"
) -> list[str]:
    """The numbers of a tensor that are the same for all its elements, `s0` and so on, from its row of `scalars`.

    With `before`, only those that are known before this stage.
    """
    conditions = {operation.result.name for operation in program.operations if operation.kind in CONDITIONS}
    lines = []
    for column, value in enumerate(uniform):
        if before is None or value.stage < before:
            number = f"scalars[tensor, {column}]"
            lines.append(f"s{column} = " + (f"{number} != 0.0" if value.name in conditions else f"{real}({number})"))
    return lines


def computing(
    program: Program, number: Number, codes: Codes, uniform: Sequence[Value], values: Sequence[Any]
) -> tuple[list[str], dict[str, str]]:
    """Lines that compute some values of element `i`, and the names that all values have there."""
    read = "from_bfloat16({}[i])" if number == "bfloat16" else "{}[i]"
    reading = {name: f"real({low_bits.reading(codes, name)})" for name in codes}
    operations = varying(program, values)
    names = {value.name: f"s{column}" for column, value in enumerate(uniform)}
    names |= {name: f"{name}_i" for name in arrays_of(program)}
    names |= {operation.result.name: f"v{index}" for index, operation in enumerate(operations)}
    lines = [f"{name}_i = {reading.get(name, read).format(name)}" for name in arrays_needed(program, values)]
    for operation in operations:
        lines.append(f"{names[operation.result.name]} = {expression(operation, 'kernel', names, 'real({})')}")
    return lines, names


def indented(by: int, lines: Iterable[str]) -> str:
    """The lines as one text, with so many spaces before each."""
    return "\n".join(" " * by + line for line in lines)
