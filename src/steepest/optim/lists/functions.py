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

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from ...program.operations import OPERATIONS
from ...program.record import Operation, Program, Value

__all__ = ["function", "text", "uniform_values"]


def function(program: Program) -> Callable[..., None]:
    """`update(params, grads, *states, *uniform)`, which brings the lists of parameters and states up to date.

    A uniform value (see `uniform_values`) is a number, or a list with a number, or a tensor of one, for each parameter.
    """
    scope: dict[str, Any] = {"torch": torch, "OPERATIONS": OPERATIONS, "one_by_one": one_by_one, "choose": choose}
    exec(text(program), scope)  # our own printing of a rule's arithmetic: names, numbers and torch's operations
    return scope["update"]  # type: ignore[no-any-return]


def uniform_values(program: Program) -> list[Value]:
    """What the arithmetic of an element uses and is the same for all elements of a parameter, in order."""
    used = [operand for each in program.varying() for operand in each.operands]
    used += [program.outputs[name] for name in ("delta", *program.states)]
    return list({each.name: each for each in used if isinstance(each, Value) and each.uniform}.values())


# --- printing ---------------------------------------------------------------------------------------------------------


def text(program: Program) -> str:
    """The function's text."""
    names = {name: f"{name}s" for name in ("param", "grad", *program.states)}
    names |= {value.name: f"s{i}" for i, value in enumerate(uniform_values(program))}
    head = f"def update({', '.join(names.values())}):"
    names |= {each.result.name: f"v{each.result.name[1:]}" for each in program.varying()}
    return "\n    ".join([head, *_arithmetic(program, names), *_writing(program, names)])


def _arithmetic(program: Program, names: dict[str, str]) -> Iterator[str]:
    kept = {value.name for value in program.outputs.values() if isinstance(value, Value)}
    operations = program.varying()
    last = {operand.name: place for place, each in enumerate(operations) for operand in _lists(each)}
    for place, each in enumerate(operations):
        yield f"{names[each.result.name]} = {_expression(each, names)}"
        over = {operand.name: None for operand in _lists(each) if last[operand.name] == place}
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
        if results[name] != names[name]:
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
    return names[operand.name] if isinstance(operand, Value) else repr(operand)


# --- what torch does not have for lists -------------------------------------------------------------------------------


def one_by_one(call: Callable[..., Any], *operands: Any) -> list[Any]:
    """Call something tensor by tensor."""
    count = next(len(each) for each in operands if isinstance(each, list | tuple))
    rows = zip(*(each if isinstance(each, list | tuple) else [each] * count for each in operands), strict=True)
    return [call(*row) for row in rows]


def choose(condition: Any, a: Any, b: Any) -> list[Tensor]:
    """`where`, tensor by tensor; a plain condition hands over one of the two as it is."""
    return one_by_one(_choose, condition, a, b)


def _choose(condition: Any, a: Any, b: Any) -> Tensor:
    if isinstance(condition, Tensor):
        return torch.where(condition, a, b)
    chosen, other = (a, b) if condition else (b, a)
    return chosen if isinstance(chosen, Tensor) else torch.full_like(other, chosen)
