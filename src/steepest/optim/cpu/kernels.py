"""Kernels for the CPU, printed from a rule's program and compiled by Numba.

A kernel reads each array once, does the whole update in registers and writes each array once: the least that memory
allows. It takes addresses, so one call serves all tensors of a group.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, Literal

from ...program.evaluate import expression
from ...program.evaluate import number as number_text
from ...program.native import load
from ...program.operations import OPERATIONS
from ...program.record import Operation, Program, Value
from ..low_bits import SCALE
from . import low_bits
from .low_bits import EXACT, Codes

__all__ = ["PLAN", "Kernel", "Number", "build", "with_fewer_divisions"]

Number = Literal["float32", "float64", "bfloat16"]
"""What the arrays hold. bfloat16 is read into float32, computed there, and rounded to nearest even."""

HEAD = '''"""Made by steepest; safe to delete."""
import math

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

real = np.{real}


@intrinsic
def pointer(typing_context, address):
    def generate(context, builder, signature, arguments):
        return builder.inttoptr(arguments[0], cgutils.voidptr_t)
    return types.voidptr(address), generate


@intrinsic
def take_next(typing_context, address):  # the number there; the next to ask, in whichever thread, gets the next
    def generate(context, builder, signature, arguments):
        whole = ir.IntType(64)
        return builder.atomic_rmw("add", builder.inttoptr(arguments[0], whole.as_pointer()), whole(1), "monotonic")
    return types.int64(address), generate


@numba.njit(inline="always")
def from_bfloat16(bits):
    return np.uint32(np.uint32(bits) << np.uint32(16)).view(np.float32)


@numba.njit(inline="always")
def to_bfloat16(number):
    bits = np.float32(number).view(np.uint32)
    if number != number:
        return np.uint16(0x7FC0)
    return np.uint16((bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16))

{helpers}

@numba.njit(inline="always")
def begin_of(share, shares, size):
    if share == 0 or share == shares:
        return size * (share // shares)
    # the calling thread's share, the first, is larger by what it does until the others are awake
    return ({head_start} + (size - {head_start}) * share // shares) // 64 * 64


@numba.cfunc("void(int64)", cache=True, error_model="numpy")
def prepare(task):
    plan = numba.carray(pointer(task), {fields}, np.int64)
    tensors = plan[{tensors}]
    plan[{next}] = 0
    addresses = numba.carray(pointer(plan[{addresses}]), ({rows}, tensors), np.int64)
    settings = numba.carray(pointer(plan[{settings}]), {setting_count}, np.float64)
    scalars = numba.carray(pointer(plan[{scalars}]), (tensors, {scalar_count}), np.float64)
    before = 0.0
    for tensor in range(tensors):
{prepare}


@numba.cfunc("void(int64)", cache=True, error_model="numpy")
def run(task):
    plan = numba.carray(pointer(task), {fields}, np.int64)
    tensors, shares = plan[{tensors}], plan[{shares}]
    offsets = numba.carray(pointer(plan[{offsets}]), tensors + 1, np.int64)
    addresses = numba.carray(pointer(plan[{addresses}]), ({rows}, tensors), np.int64)
    scalars = numba.carray(pointer(plan[{scalars}]), (tensors, {scalar_count}), np.float64)
    size = offsets[tensors]
    share = take_next(task)
    while share < shares:
        begin, end = begin_of(share, shares, size), begin_of(share + 1, shares, size)
        for tensor in range(tensors):
            first = max(begin, offsets[tensor]) - offsets[tensor]
            last = min(end, offsets[tensor + 1]) - offsets[tensor]
            if last <= first:
                continue
{open}
{loop}
        share = take_next(task)
'''

LOOP = """\
            # an index that Numba can prove not to be negative; one that might be negative keeps LLVM from vectorizing
            for i in range(param.size):
"""

HEAD_START = 1 << 12
"""Elements: about what a thread does in the half microsecond in which another wakes."""

PLAN = ("next", "shares", "tensors", "offsets", "addresses", "settings", "scalars")
"""What a kernel is told, in the order of these numbers in memory.

Threads take shares of the elements of all tensors, one after the other: number `next` of so many `shares`. The last
four are addresses: of `offsets` (where each tensor begins in the count of all elements, and where the last ends), of
`addresses` (a row each for `param`, `grad` and the states; then for the units of those in 8 bits and for `step`, in
float32, and the states that are one number, in float64), of `settings` (float64) and of `scalars` (float64, a row a
tensor).
"""


@dataclass(frozen=True)
class Kernel:
    """A compiled update, as two native functions of the address of a `PLAN`.

    Attributes:
        prepare: counts each tensor's step, brings its numbers up to date, and computes in float64 what is the same for
            all its elements; to be called first, once.
        run: updates the elements, share by share until none is left; to be called by any number of threads.
        settings: names of the hyperparameters that `prepare` reads, in order.
        scalars: how many numbers `prepare` computes for each tensor.
        states: names of the states with a number for each element, in order.
        codes: how those are stored that are not as the parameter is, by name.
        numbers: names of the states that are one number, in order.
    """

    prepare: Callable[[int], None]
    run: Callable[[int], None]
    settings: tuple[str, ...]
    scalars: int
    states: tuple[str, ...]
    codes: Codes
    numbers: tuple[str, ...]

    @property
    def scales(self) -> tuple[str, ...]:
        """Names of the units of the states in 8 bits, in order."""
        return tuple(f"{name}{SCALE}" for name, code in self.codes.items() if code != "bfloat16")


def build(program: Program, number: Number, codes: Codes = EXACT) -> Kernel:
    """Print the program as a kernel for arrays of one kind of number; load it, compiled or from the cache.

    Args:
        program: of the rule.
        number: of the parameters, and of states that are not coded.
        codes: of those that are.

    Raises:
        NotCompiled: Numba cannot compile it on this machine.
    """
    program = with_fewer_divisions(program)
    states, numbers, uniform = tuple(program.states), tuple(program.numbers), _uniform_values(program)
    own = ("step", *numbers)
    settings = tuple(name for name, value in program.inputs.items() if value.uniform and name not in own)
    module = load(_kernel_text(program, number, codes, settings, uniform))
    return Kernel(module.prepare.ctypes, module.run.ctypes, settings, len(uniform), states, codes, numbers)


# --- printing ---------------------------------------------------------------------------------------------------------


def with_fewer_divisions(program: Program) -> Program:
    """The same program with fewer divisions and roots, the slowest operations of a processor.

    It divides or takes a root an eighth as often as it multiplies, so where the arrays lie in its cache a step waits
    for that. Elements are multiplied by the reciprocal, computed in float64, of what is the same for all of them. The
    quotient of two roots is the root of the quotient, which overflows float32 only where the former exceeds 1e19.
    """
    radicands = {
        operation.result.name: operation.operands[0] for operation in program.operations if operation.kind == "sqrt"
    }
    cheaper = (_with_fewer_divisions(operation, radicands) for operation in program.operations)
    return replace(program, operations=[*chain.from_iterable(cheaper)])


def _with_fewer_divisions(operation: Operation, radicands: dict[str, Any]) -> list[Operation]:
    """What stands in the place of an operation: itself, or two that lead to the same result."""
    result = operation.result
    if operation.kind != "truediv" or result.uniform or not isinstance(operation.operands[1], Value):
        return [operation]
    over, below = operation.operands
    if below.uniform:
        reciprocal = Value(result.program, f"1/{below.name}", uniform=True)
        return [Operation("truediv", (1.0, below), reciprocal), Operation("mul", (over, reciprocal), result)]
    if isinstance(over, Value) and {over.name, below.name} <= radicands.keys():
        square = Value(result.program, f"{result.name}^2", uniform=False)
        quotient = Operation("truediv", (radicands[over.name], radicands[below.name]), square)
        return [quotient, Operation("sqrt", (square,), result)]
    return [operation]


def _uniform_values(program: Program) -> list[Value]:
    """The uniform values that the arithmetic of an element uses."""
    values: dict[str, Value] = {}
    for operation in program.varying():
        values |= {
            operand.name: operand for operand in operation.operands if isinstance(operand, Value) and operand.uniform
        }
    values |= {
        output.name: output for output in program.outputs.values() if isinstance(output, Value) and output.uniform
    }
    return list(values.values())


def _kernel_text(
    program: Program, number: Number, codes: Codes, settings: Sequence[str], uniform: Sequence[Value]
) -> str:
    scales = sum(code != "bfloat16" for code in codes.values())
    return HEAD.format(
        real="float32" if number == "bfloat16" else number,
        fields=len(PLAN),
        head_start=HEAD_START,
        **{name: index for index, name in enumerate(PLAN)},
        helpers=low_bits.helpers(codes),
        rows=3 + len(program.states) + scales + len(program.numbers),
        setting_count=len(settings),
        scalar_count=len(uniform),
        prepare=_indented(8, _prepare_lines(program, settings, uniform, len(_arrays(program)) + scales)),
        open=_indented(12, _opening_lines(program, codes, uniform, len(_arrays(program)) + scales)),
        loop=_loop(program, number, codes, uniform),
    )


def _loop(program: Program, number: Number, codes: Codes, uniform: Sequence[Value]) -> str:
    """The loop over the elements of a tensor from the `first` to the `last` of a share, or over blocks of them."""
    arrays = _arrays(program)
    plain = "uint16" if number == "bfloat16" else number
    stored = {name: "uint16" if codes.get(name) == "bfloat16" else codes.get(name, plain) for name in arrays}
    body, results = _element_lines(program, number, codes, uniform)
    if "bfloat16" in codes.values() or not codes:
        opening = [
            f"{name} = numba.carray(pointer(addresses[{row}, tensor]), last, np.{stored[name]})[first:]"
            for row, name in enumerate(arrays)
        ]
        lines = [*body, *low_bits.writing_at_random(codes, results)]
        return "\n".join([_indented(12, opening), f"{LOOP}{_indented(16, lines)}"])
    scales = {name: len(arrays) + index for index, name in enumerate(codes)}
    return _indented(12, low_bits.block_lines(codes, arrays, scales, stored, body, results))


def _indented(by: int, lines: Iterable[str]) -> str:
    return "\n".join(" " * by + line for line in lines)


def _prepare_lines(program: Program, settings: Sequence[str], uniform: Sequence[Value], row: int) -> list[str]:
    """A tensor's step and numbers, which have the rows from this on, and what its elements share."""
    names = {"step": "step"} | {name: f"settings[{index}]" for index, name in enumerate(settings)}
    names |= {name: f"n{index}" for index, name in enumerate(program.numbers)}
    names |= {operation.result.name: f"v{index}" for index, operation in enumerate(program.uniform())}
    lines = [
        f"done = numba.carray(pointer(addresses[{row}, tensor]), 1, np.float32)",
        "done[0] += np.float32(1)",
        "step = np.float64(done[0])",
    ]
    if not program.numbers:  # then tensors that made as many steps share everything
        lines += [
            "if tensor > 0 and step == before:",
            *(f"    scalars[tensor, {column}] = scalars[tensor - 1, {column}]" for column in range(len(uniform))),
            "    continue",
            "before = step",
        ]
    for index in range(len(program.numbers)):
        lines.append(f"number{index} = numba.carray(pointer(addresses[{row + 1 + index}, tensor]), 1, np.float64)")
        lines.append(f"n{index} = number{index}[0]")
    lines += [
        f"{names[operation.result.name]} = {expression(operation, 'python', names)}" for operation in program.uniform()
    ]
    lines += [f"scalars[tensor, {column}] = {names[value.name]}" for column, value in enumerate(uniform)]
    for index, name in enumerate(program.numbers):
        output = program.outputs[name]
        lines.append(f"number{index}[0] = {names[output.name] if isinstance(output, Value) else number_text(output)}")
    return lines


def _opening_lines(program: Program, codes: Codes, uniform: Sequence[Value], row: int) -> list[str]:
    """A tensor's scalars, and the seeds of what is rounded at random; its step is in this row."""
    conditions = {operation.result.name for operation in program.operations if OPERATIONS[operation.kind].condition}
    lines = []
    for column, value in enumerate(uniform):
        form = "s{0} = scalars[tensor, {0}] != 0.0" if value.name in conditions else "s{0} = real(scalars[tensor, {0}])"
        lines.append(form.format(column))
    return [*lines, *low_bits.seed_lines(codes, row)] if codes else lines


def _element_lines(
    program: Program, number: Number, codes: Codes, uniform: Sequence[Value]
) -> tuple[list[str], dict[str, str]]:
    """The update of an element, but for the writing of coded states; and the new numbers of all states by name."""
    read, write = ("from_bfloat16({}[i])", "to_bfloat16({})") if number == "bfloat16" else ("{}[i]", "{}")
    reading = {name: f"real({low_bits.reading(codes, name)})" for name in codes}
    arrays = _arrays(program)
    names = {value.name: f"s{column}" for column, value in enumerate(uniform)}
    names |= {name: f"{name}_i" for name in arrays}
    names |= {operation.result.name: f"v{index}" for index, operation in enumerate(program.varying())}
    results = {
        name: names[value.name] if isinstance(value, Value) else f"real({number_text(value)})"
        for name, value in program.outputs.items()
    }
    lines = [f"{name}_i = {reading.get(name, read).format(name)}" for name in arrays]
    for operation in program.varying():
        lines.append(f"{names[operation.result.name]} = {expression(operation, 'kernel', names, 'real({})')}")
    lines += [f"{name}[i] = {write.format(results[name])}" for name in program.states if name not in codes]
    return [*lines, f"param[i] = {write.format('param_i + ' + results['delta'])}"], results


def _arrays(program: Program) -> list[str]:
    return ["param", "grad", *program.states]
