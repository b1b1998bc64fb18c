"""Which states of a rule are never negative, proved from its program; and signs that need less than the number itself.

A value has bounds: of the step 1 and infinity; of a setting 0 and 1 where it lies there now, as the memory of an
average does, otherwise those of its interval. Sums, products and powers of bounded values are bounded; a product in
which every factor without a sign comes twice, as the gradient does in a second moment, is not negative. A state is
never negative if it begins so and stays so wherever all such states are so before the step.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from ..rules import Rule
from .record import Operation, Program, Value, inputs_of, record

__all__ = ["differences", "never_negative", "with_signs_of_factors"]

Bounds = tuple[float, float]

ANY: Bounds = (-math.inf, math.inf)
NOT_NEGATIVE: Bounds = (0.0, math.inf)


def never_negative(rule: Rule) -> frozenset[str]:
    """Names of the states with a number for each element that are never negative.

    >>> from steepest.rules import Adam
    >>> sorted(never_negative(Adam()))
    ['exp_avg_sq']
    """
    return _proved(rule)[0]


def differences(rule: Rule) -> bool:
    """Whether a step subtracts two values that are never negative and depend on states, as a variance by moments does.

    Their exact difference may have a sign that their rounded difference has not.

    >>> from steepest.rules import RMSprop
    >>> differences(RMSprop()), differences(RMSprop(centered=True))
    (False, True)
    """
    return _proved(rule)[1]


_results: dict[Any, tuple[frozenset[str], bool]] = {}


def _proved(rule: Rule) -> tuple[frozenset[str], bool]:
    limits = _limits(rule)
    key = rule.structure, *limits.values()
    if key not in _results:
        program = record(rule, sums=True)
        states = {name for name in program.states if _initially(program, name, limits)}
        while True:
            bounds = _bounds(program, limits | dict.fromkeys(states, NOT_NEGATIVE))
            kept = {name for name in states if _of(program.outputs[name], bounds)[0] >= 0}
            if kept == states:
                break
            states = kept
        _results[key] = frozenset(states), _has_difference(program, bounds)
    return _results[key]


def _initially(program: Program, name: str, limits: Mapping[str, Bounds]) -> bool:
    return _of(program.initial[name], _bounds(program, limits))[0] >= 0


def _limits(rule: Rule) -> dict[str, Bounds]:
    """The bounds of the inputs that settings stand for, and of the step."""
    limits: dict[str, Bounds] = {"step": (1.0, math.inf)}
    for name, field in rule.hyperparameters().items():
        for part, value in inputs_of(name, getattr(rule, name)).items():
            is_share = isinstance(value, int | float) and 0 <= value <= 1
            limits[part] = (0.0, 1.0) if is_share else field.metadata["facts"].limits
    return limits


def _of(operand: Any, bounds: Mapping[str, Bounds]) -> Bounds:
    return bounds.get(operand.name, ANY) if isinstance(operand, Value) else (float(operand), float(operand))


def _bounds(program: Program, known: Mapping[str, Bounds]) -> dict[str, Bounds]:
    """Bounds of all values of a program."""
    bounds = dict(known)
    results = {operation.result.name: operation for operation in program.operations}

    @cache
    def factors(name: str) -> tuple[Any, ...]:
        """The factors of a product, down to what is no product."""
        if name not in results or results[name].kind != "mul":
            return (name,)
        parts: list[Any] = []
        for operand in results[name].operands:
            parts += factors(operand.name) if isinstance(operand, Value) else [float(operand)]
        return tuple(parts)

    for operation in program.operations:
        operands = [_of(operand, bounds) for operand in operation.operands]
        found = RULES.get(operation.kind, lambda *operands: ANY)(*operands)
        if operation.kind == "mul":
            own = factors(operation.result.name)
            odd = [factor for factor in own if own.count(factor) % 2]
            signs = [bounds.get(factor, ANY) if isinstance(factor, str) else (factor, factor) for factor in odd]
            if all(low >= 0 for low, _ in signs):
                found = max(found[0], 0.0), found[1]
        if any(map(math.isnan, found)):
            found = ANY
        bounds[operation.result.name] = found
    return bounds


def _has_difference(program: Program, bounds: Mapping[str, Bounds]) -> bool:
    return any(
        operation.kind == "sub"
        and all(isinstance(operand, Value) and not operand.uniform for operand in operation.operands)
        and all(_of(operand, bounds)[0] >= 0 for operand in operation.operands)
        for operation in program.varying()
    )


# --- signs of products ------------------------------------------------------------------------------------------------


def with_signs_of_factors(program: Program, rule: Rule) -> Program:
    """The same program with each sign of a product or quotient as the product of the factors' signs.

    A divisor that is never negative is left out, so that whoever needs the sign of Adam's step reads no second moment.
    The results differ only where the product is rounded to 0 and its factors are not.
    """
    limits = {part: limit for name, field in rule.hyperparameters().items() if name != "lr"
              for part in inputs_of(name, getattr(rule, name))
              for limit in [field.metadata["facts"].limits]}  # fmt: skip
    bounds = _bounds(program, {"step": (1.0, math.inf)} | limits)
    origins = {operation.result.name: operation for operation in program.operations}
    operations: list[Operation] = []
    for operation in program.operations:
        operations += _sign_of_factors(operation, origins, bounds) if operation.kind == "sign" else [operation]
    return replace(program, operations=operations)


def _sign_of_factors(
    operation: Operation, origins: Mapping[str, Operation], bounds: Mapping[str, Bounds]
) -> list[Operation]:
    result, factors = operation.result, _signed_factors(operation.operands[0], origins, bounds)
    steps: list[Operation] = []

    def add(kind: str, *operands: Any, last: bool = False) -> Value:
        uniform, stage = all(operand.uniform for operand in operands), max(operand.stage for operand in operands)
        value = result if last else Value(result.program, f"{result.name}.{len(steps)}", uniform, stage)
        steps.append(Operation(kind, operands, value))
        return value

    *first, final = sorted(factors, key=lambda factor: not factor.uniform)
    if not first:
        add("sign", final, last=True)
        return steps
    known = add("sign", first[0])
    for factor in first[1:]:
        known = add("mul", known, add("sign", factor))
    add("mul", known, add("sign", final), last=True)
    return steps


def _signed_factors(value: Any, origins: Mapping[str, Operation], bounds: Mapping[str, Bounds]) -> list[Value]:
    """The factors of a value on which its sign depends, at least one; the value itself where it is no product."""
    origin = origins.get(value.name)
    if value.uniform or origin is None or origin.kind not in ("mul", "truediv"):
        return [value]
    a, b = origin.operands
    if not (isinstance(a, Value) and isinstance(b, Value)):
        return [value]
    above = _signed_factors(a, origins, bounds)
    if origin.kind == "truediv" and _of(b, bounds)[0] >= 0 and not b.uniform:
        return above
    return [*above, *_signed_factors(b, origins, bounds)]


# --- bounds of results ------------------------------------------------------------------------------------------------


def _corners(call: Any) -> Any:
    def bound(a: Bounds, b: Bounds) -> Bounds:
        values = [call(x, y) for x in a for y in b]
        return min(values), max(values)

    return bound


def _product(x: float, y: float) -> float:
    return 0.0 if 0.0 in (x, y) else x * y


def _quotient(a: Bounds, b: Bounds) -> Bounds:
    return NOT_NEGATIVE if a[0] >= 0 and b[0] >= 0 else ANY


def _power(a: Bounds, b: Bounds) -> Bounds:
    if a[0] < 0:
        return ANY
    return (0.0, 1.0) if a[1] <= 1 and b[0] >= 0 else NOT_NEGATIVE


def _magnitude(a: Bounds) -> Bounds:
    return (0.0 if a[0] < 0 < a[1] else min(map(abs, a))), max(map(abs, a))


RULES: dict[str, Any] = {
    "add": lambda a, b: (a[0] + b[0], a[1] + b[1]),
    "sub": lambda a, b: (a[0] - b[1], a[1] - b[0]),
    "mul": _corners(_product),
    "truediv": _quotient,
    "pow": _power,
    "neg": lambda a: (-a[1], -a[0]),
    "absolute": _magnitude,
    "sqrt": lambda a: NOT_NEGATIVE,
    "exp": lambda a: NOT_NEGATIVE,
    "maximum": lambda a, b: (max(a[0], b[0]), max(a[1], b[1])),
    "minimum": lambda a, b: (min(a[0], b[0]), min(a[1], b[1])),
    "sum": lambda a: NOT_NEGATIVE if a[0] >= 0 else ANY,
    "mean": lambda a: a,
    "where": lambda condition, a, b: (min(a[0], b[0]), max(a[1], b[1])),
}
"""Bounds of the result of an operation by those of its operands; of the others nothing is known."""
