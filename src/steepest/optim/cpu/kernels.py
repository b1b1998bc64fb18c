"""Kernels for the CPU, printed from a rule's program and compiled by Numba.

A kernel reads each array once, does the whole update in registers and writes each array once: the least that memory
allows. It takes addresses, so one call serves all tensors of a group. Where a step takes sums over a tensor, such as a
norm, the arrays that these depend on are read once more, before: see `passes`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from ...program.evaluate import expression
from ...program.evaluate import number as number_text
from ...program.native import load
from ...program.operations import REDUCTIONS
from ...program.record import Operation, Program, Value
from ..low_bits import SCALE
from . import low_bits, passes
from .elements import Number, arrays_of, computing, indented, scalar_lines, stored
from .low_bits import EXACT, Codes

__all__ = ["PLAN", "Kernel", "Number", "build", "with_fewer_divisions"]

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
{passes}'''

LOOP = """\
            # an index that Numba can prove not to be negative; one that might be negative keeps LLVM from vectorizing
            for i in range(param.size):
"""

HEAD_START = 1 << 12
"""Elements: about what a thread does in the half microsecond in which another wakes."""

PLAN = ("next", "shares", "tensors", "offsets", "addresses", "settings", "scalars", "pieces", "spans", "partials")
"""What a kernel is told, in the order of these numbers in memory.

Threads take shares of the elements of all tensors, one after the other: number `next` of so many `shares`. Four are
addresses: of `offsets` (where each tensor begins in the count of all elements, and where the last ends), of `addresses`
(a row each for `param`, `grad` and the states; then for the units of those in 8 bits and for `step`, in float32, and
the states that are one number, in float64), of `settings` (float64) and of `scalars` (float64, a row a tensor). For
sums there are so many `pieces` of tensors, and the addresses of their `spans` and of their `partials`: see `passes`.
"""


@dataclass(frozen=True)
class Kernel:
    """A compiled update, as two native functions of the address of a `PLAN`.

    Attributes:
        prepare: counts each tensor's step, brings its numbers up to date, and computes in float64 what is the same for
            all its elements; to be called first, once.
        passes: for each pass over the elements before the last, a function that sums them piece by piece until none is
            left, to be called by any number of threads, and one that completes the sums, to be called once.
        run: updates the elements, share by share until none is left; to be called by any number of threads.
        settings: names of the hyperparameters that `prepare` reads, in order.
        scalars: how many numbers `prepare` computes for each tensor.
        states: names of the states with a number for each element, in order.
        codes: how those are stored that are not as the parameter is, by name.
        numbers: names of the states that are one number, in order.
        sums: how many sums a pass has at most.
    """

    prepare: Callable[[int], None]
    passes: tuple[tuple[Callable[[int], None], Callable[[int], None]], ...]
    run: Callable[[int], None]
    settings: tuple[str, ...]
    scalars: int
    states: tuple[str, ...]
    codes: Codes
    numbers: tuple[str, ...]
    sums: int

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
    before = tuple(
        (getattr(module, f"reduce{stage}").ctypes, getattr(module, f"complete{stage}").ctypes)
        for stage in range(1, program.passes + 1)
    )
    sums = max((len(passes.summed(program, stage)) for stage in range(1, program.passes + 1)), default=0)
    return Kernel(
        module.prepare.ctypes, before, module.run.ctypes, settings, len(uniform), states, codes, numbers, sums
    )


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
        reciprocal = Value(result.program, f"1/{below.name}", uniform=True, stage=below.stage)
        return [Operation("truediv", (1.0, below), reciprocal), Operation("mul", (over, reciprocal), result)]
    if isinstance(over, Value) and {over.name, below.name} <= radicands.keys():
        square = Value(result.program, f"{result.name}^2", uniform=False, stage=result.stage)
        quotient = Operation("truediv", (radicands[over.name], radicands[below.name]), square)
        return [quotient, Operation("sqrt", (square,), result)]
    return [operation]


def _uniform_values(program: Program) -> list[Value]:
    """The uniform values that the arithmetic of an element uses, or that of what is known after a later sum."""
    used: list[Any] = [*program.outputs.values()]
    for operation in program.needed():
        later = not operation.result.uniform or operation.kind in REDUCTIONS
        used += [
            operand
            for operand in operation.operands
            if later or (isinstance(operand, Value) and operand.stage < operation.result.stage)
        ]
    return [*{value.name: value for value in used if isinstance(value, Value) and value.uniform}.values()]


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
        prepare=indented(8, _prepare_lines(program, settings, uniform, len(arrays_of(program)) + scales)),
        open=indented(12, _opening_lines(program, codes, uniform, len(arrays_of(program)) + scales)),
        loop=_loop(program, number, codes, uniform),
        passes=passes.text(program, number, codes, uniform, PLAN, scales) if program.passes else "",
    )


def _loop(program: Program, number: Number, codes: Codes, uniform: Sequence[Value]) -> str:
    """The loop over the elements of a tensor from the `first` to the `last` of a share, or over blocks of them."""
    arrays, types = arrays_of(program), stored(program, number, codes)
    body, results = _element_lines(program, number, codes, uniform)
    if "bfloat16" in codes.values() or not codes:
        opening = [
            f"{name} = numba.carray(pointer(addresses[{row}, tensor]), last, np.{types[name]})[first:]"
            for row, name in enumerate(arrays)
        ]
        lines = [*body, *low_bits.writing_at_random(codes, results)]
        return "\n".join([indented(12, opening), f"{LOOP}{indented(16, lines)}"])
    scales = {name: len(arrays) + index for index, name in enumerate(codes)}
    return indented(12, low_bits.block_lines(codes, arrays, scales, types, body, results))


def _prepare_lines(program: Program, settings: Sequence[str], uniform: Sequence[Value], row: int) -> list[str]:
    """A tensor's step and numbers, which have the rows from this on, and what its elements share before any sum."""
    operations = [operation for operation in program.uniform() if operation.result.stage == 0]
    names = {"step": "step"} | {name: f"settings[{index}]" for index, name in enumerate(settings)}
    names |= {name: f"n{index}" for index, name in enumerate(program.numbers)}
    names |= {operation.result.name: f"v{index}" for index, operation in enumerate(operations)}
    known = [(column, value) for column, value in enumerate(uniform) if value.stage == 0]
    lines = [
        f"done = numba.carray(pointer(addresses[{row}, tensor]), 1, np.float32)",
        "done[0] += np.float32(1)",
        "step = np.float64(done[0])",
    ]
    if not program.numbers:  # then tensors that made as many steps share everything
        lines += [
            "if tensor > 0 and step == before:",
            *(f"    scalars[tensor, {column}] = scalars[tensor - 1, {column}]" for column, _ in known),
            "    continue",
            "before = step",
        ]
    for index in range(len(program.numbers)):
        lines.append(f"n{index} = numba.carray(pointer(addresses[{row + 1 + index}, tensor]), 1, np.float64)[0]")
    lines += [f"{names[operation.result.name]} = {expression(operation, 'python', names)}" for operation in operations]
    lines += [f"scalars[tensor, {column}] = {names[value.name]}" for column, value in known]
    return [*lines, *passes.number_lines(program, 0, names, row + 1)]


def _opening_lines(program: Program, codes: Codes, uniform: Sequence[Value], row: int) -> list[str]:
    """A tensor's scalars, and the seeds of what is rounded at random; its step is in this row."""
    lines = scalar_lines(program, uniform)
    return [*lines, *low_bits.seed_lines(codes, row)] if codes else lines


def _element_lines(
    program: Program, number: Number, codes: Codes, uniform: Sequence[Value]
) -> tuple[list[str], dict[str, str]]:
    """The update of an element, but for the writing of coded states; and the new numbers of all states by name."""
    write = "to_bfloat16({})" if number == "bfloat16" else "{}"
    lines, names = computing(program, number, codes, uniform, [*program.outputs.values(), program.inputs["param"]])
    results = {
        name: names[value.name] if isinstance(value, Value) else f"real({number_text(value)})"
        for name, value in program.outputs.items()
        if name not in program.numbers
    }
    lines += [f"{name}[i] = {write.format(results[name])}" for name in program.states if name not in codes]
    return [*lines, f"param[i] = {write.format('param_i + ' + results['delta'])}"], results
