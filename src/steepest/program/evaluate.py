"""Evaluation of a program: operation by operation on values of any kind, or by a Python function on plain numbers."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .operations import OPERATIONS
from .record import Operation, Program, Value

__all__ = ["expression", "interpret", "number", "python_function"]


def interpret(program: Program, inputs: Mapping[str, Any], known: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The outputs of a program for inputs of any kind (numbers, arrays, tensors, symbols).

    Results whose values are in `known`, by name, are not computed.
    """
    values = {**inputs, **(known or {})}
    for operation in program.needed():
        if operation.result.name not in values:
            operands = [
                values[operand.name] if isinstance(operand, Value) else operand for operand in operation.operands
            ]
            values[operation.result.name] = OPERATIONS[operation.kind].call(*operands)
    return {name: values[value.name] if isinstance(value, Value) else value for name, value in program.outputs.items()}


def python_function(program: Program, inputs: Sequence[str], outputs: Sequence[Value]) -> Callable[..., Any]:
    """A Python function of the named inputs that computes some uniform values, on plain numbers."""
    values = [*program.inputs.values(), *(operation.result for operation in program.operations)]
    names = {value.name: f"v{i}" for i, value in enumerate(values)}
    body = [
        f"    {names[operation.result.name]} = {expression(operation, 'python', names)}"
        for operation in program.uniform()
    ]
    arguments = ", ".join(names[name] for name in inputs)
    results = "".join(f"{names[value.name]}, " for value in outputs)
    text = "\n".join([f"def scalars({arguments}):", *body, f"    return ({results})"])
    scope: dict[str, Any] = {"math": math}
    exec(text, scope)  # our own printing of a rule's arithmetic: numbers, operators and math functions
    return scope["scalars"]  # type: ignore[no-any-return]


def number(value: float) -> str:
    """The text of a plain number in Python, which knows infinities and NaN as names of `math` only."""
    return repr(value) if math.isfinite(value) else f"math.{value!r}".replace("math.-", "-math.")


def expression(operation: Operation, language: str, names: Mapping[str, str], constant: str = "{}") -> str:
    """The text of an operation in a language of the table; `constant` is the format of plain numbers."""
    operands = [
        names[operand.name] if isinstance(operand, Value) else constant.format(number(operand))
        for operand in operation.operands
    ]
    form: str = getattr(OPERATIONS[operation.kind], language)
    return form.format(*operands)
