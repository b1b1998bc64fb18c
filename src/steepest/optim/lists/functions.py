"""A rule's program printed as a function over lists of tensors, an operation of torch for all of them at once.

torch's operations on lists (`torch._foreach_*`) start few kernels for many tensors; given to `torch.compile`, the whole
function becomes one kernel, without temporaries.

    >>> from steepest.program.record import record
    >>> from steepest.rules import Signum
    >>> print(text(record(Signum())))
    def update(params, grads, exp_avgs, s0, s1, s2):
        v0 = torch._foreach_mul(exp_avgs, s0)
        v2 = torch._foreach_mul(grads, s1)
        v3 = torch._foreach_add(v0, v2)
        del v0, v2
        v5 = torch._foreach_sign(v3)
        v6 = torch._foreach_mul(v5, s2)
        del v5
        torch._foreach_copy_(exp_avgs, v3)
        torch._foreach_add_(params, v6)
"""

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from ...program.evaluate import number
from ...program.operations import OPERATIONS
from ...program.record import Operation, Program, Value

__all__ = ["function", "text", "uniform_values"]


def function(program: Program) -> Callable[..., None]:
    """`update(params, grads, *states, *uniform)`, which brings the lists of parameters and states up to date.

    A uniform value (see `uniform_values`) is a number, or a list with a number, or a tensor of one, for each parameter.
    """
    scope: dict[str, Any] = {"math": math, "torch": torch, "OPERATIONS": OPERATIONS}
    scope |= {"one_by_one": one_by_one, "choose": choose}
    exec(text(program), scope)  # our own printing of a rule's arithmetic: names, numbers and torch's operations
    return scope["update"]  # type: ignore[no-any-return]


def uniform_values(program: Program) -> list[Value]:
    """The values that the arithmetic of an element uses and that are the same for all elements, in order."""
    used = [operand for operation in program.varying() for operand in operation.operands]
    used += [program.outputs[name] for name in ("delta", *program.states)]
    return list({operand.name: operand for operand in used if isinstance(operand, Value) and operand.uniform}.values())


# --- printing ---------------------------------------------------------------------------------------------------------


def text(program: Program) -> str:
    """The source text of `function`."""
    names = {name: f"{name}s" for name in ("param", "grad", *program.states)}
    names |= {value.name: f"s{i}" for i, value in enumerate(uniform_values(program))}
    head = f"def update({', '.join(names.values())}):"
    names |= {operation.result.name: f"v{operation.result.name[1:]}" for operation in program.varying()}
    return "\n    ".join([head, *_arithmetic(program, names), *_writing(program, names)])


def _arithmetic(program: Program, names: dict[str, str]) -> Iterator[str]:
    kept = {value.name for value in program.outputs.values() if isinstance(value, Value)}
    operations = program.varying()
    last = {operand.name: index for index, operation in enumerate(operations) for operand in _lists(operation)}
    for index, operation in enumerate(operations):
        yield f"{names[operation.result.name]} = {_expression(operation, names)}"
        over = {operand.name: None for operand in _lists(operation) if last[operand.name] == index}
        if done := [names[name] for name in over if name.startswith("%") and name not in kept]:
            yield f"del {', '.join(done)}"


def _writing(program: Program, names: dict[str, str]) -> Iterator[str]:
    written = ("param", *program.states)
    results = {name: _text(value, names) for name, value in program.outputs.items() if name in ("delta", *written)}
    for name, value in program.outputs.items():
        if name in results and isinstance(value, Value) and value.name in written and value.name != name:
            results[name] = f"new_{name}"  # it would be written over before it is read
            yield f"new_{name} = [each.clone() for each in {names[value.name]}]"
    for name in program.states:
        if not _is_list(program.outputs[name]):
            yield f"one_by_one(torch.Tensor.fill_, {names[name]}, {results[name]})"
        elif results[name] != names[name]:
            yield f"torch._foreach_copy_({names[name]}, {results[name]})"
    yield f"torch._foreach_add_(params, {results['delta']})"


def _expression(each: Operation, names: dict[str, str]) -> str:
    a, *more = (_text(operand, names) for operand in each.operands)
    if each.kind == "where":
        return f"choose({a}, {', '.join(more)})"
    kind, first_is_list = OPERATIONS[each.kind], _is_list(each.operands[0])
    if kind.foreach and (first_is_list or kind.commutes):
        arguments = [a, *more] if first_is_list else [*more, a]
        return f"torch._foreach_{kind.foreach}({', '.join(arguments)})"
    return f"one_by_one(OPERATIONS[{each.kind!r}].call, {', '.join([a, *more])})"


def _lists(each: Operation) -> list[Value]:
    return [operand for operand in each.operands if _is_list(operand)]


def _is_list(operand: Any) -> bool:
    return isinstance(operand, Value) and not operand.uniform


def _text(operand: Any, names: dict[str, str]) -> str:
    return names[operand.name] if isinstance(operand, Value) else number(operand)


# --- what torch does not have for lists -------------------------------------------------------------------------------


def one_by_one(call: Callable[..., Any], *operands: Any) -> list[Any]:
    """Call a function for each tensor of a list; operands are lists of that length, or one value for all."""
    count = next(len(operand) for operand in operands if isinstance(operand, list | tuple))
    rows = zip(
        *(operand if isinstance(operand, list | tuple) else [operand] * count for operand in operands), strict=True
    )
    return [call(*row) for row in rows]


def choose(condition: Any, a: Any, b: Any) -> list[Tensor]:
    """`where`, tensor by tensor; a plain condition selects one operand for all."""
    return one_by_one(_choose, condition, a, b)


def _choose(condition: Any, a: Any, b: Any) -> Tensor:
    if isinstance(condition, Tensor):
        return torch.where(condition, a, b)
    chosen, other = (a, b) if condition else (b, a)
    return chosen if isinstance(chosen, Tensor) else torch.full_like(other, chosen)
