"""Sums over a tensor in a kernel: passes over its elements before the one that steps them.

A value of a program has a stage: how many sums have to be complete, one after the other, before it is known. For each
stage there is a function that reads the arrays on which its sums depend and no others, and writes nothing but the sum
of each piece of a tensor; then one that adds up a tensor's pieces, in their order, and computes in float64 what follows
from them. As pieces do not depend on the number of threads, nor do the sums.
"""

from collections.abc import Sequence
from itertools import chain

from ...program.evaluate import expression
from ...program.evaluate import number as number_text
from ...program.operations import REDUCTIONS
from ...program.record import Program, Value
from ..low_bits import BLOCK
from .elements import Number, arrays_needed, arrays_of, computing, indented, scalar_lines, stored
from .low_bits import Codes

__all__ = ["PIECE", "arrays_read", "number_lines", "summed", "text"]

PIECE = 1 << 15
"""Elements of a piece, of which a thread takes one after the other; whole blocks of 8-bit states."""

HELPER = """

@intrinsic
def add_in_any_order(typing_context, total, term):  # so that LLVM may add several at once
    def generate(context, builder, signature, arguments):
        return builder.fadd(*arguments, flags=["reassoc"])
    return total(total, term), generate
"""

PASS = """

@numba.cfunc("void(int64)", cache=True, error_model="numpy")
def reduce{stage}(task):
    plan = numba.carray(pointer(task), {fields}, np.int64)
    tensors, pieces = plan[{tensors}], plan[{pieces}]
    offsets = numba.carray(pointer(plan[{offsets}]), tensors + 1, np.int64)
    addresses = numba.carray(pointer(plan[{addresses}]), ({rows}, tensors), np.int64)
    scalars = numba.carray(pointer(plan[{scalars}]), (tensors, {columns}), np.float64)
    spans = numba.carray(pointer(plan[{spans}]), (pieces, 3), np.int64)
    partials = numba.carray(pointer(plan[{partials}]), (pieces, {width}), np.float64)
    piece = take_next(task)
    while piece < pieces:
        tensor, first, last = spans[piece, 0], spans[piece, 1], spans[piece, 2]
{open}
        for begin_of_block in range(first, last, {block}):
            end_of_block = min(begin_of_block + {block}, last)
            block = begin_of_block // {block}
{begin}
            for i in range({any}.size):
{body}
{end}
{close}
        piece = take_next(task)


@numba.cfunc("void(int64)", cache=True, error_model="numpy")
def complete{stage}(task):
    plan = numba.carray(pointer(task), {fields}, np.int64)
    tensors, pieces = plan[{tensors}], plan[{pieces}]
    plan[{next}] = 0
    offsets = numba.carray(pointer(plan[{offsets}]), tensors + 1, np.int64)
    addresses = numba.carray(pointer(plan[{addresses}]), ({rows}, tensors), np.int64)
    scalars = numba.carray(pointer(plan[{scalars}]), (tensors, {columns}), np.float64)
    spans = numba.carray(pointer(plan[{spans}]), (pieces, 3), np.int64)
    partials = numba.carray(pointer(plan[{partials}]), (pieces, {width}), np.float64)
    piece = 0
    for tensor in range(tensors):
        whole = np.float64(offsets[tensor + 1] - offsets[tensor])
{totals}
        while piece < pieces and spans[piece, 0] == tensor:
{add}
            piece += 1
{compute}
"""


def summed(program: Program, stage: int) -> list[Value]:
    """The values of an element that are summed for a stage, or averaged."""
    found = {
        operation.operands[0].name: operation.operands[0]
        for operation in program.needed()
        if operation.kind in REDUCTIONS and operation.result.stage == stage
    }
    return [*found.values()]


def arrays_read(program: Program, stage: int) -> list[str]:
    """Names of the arrays that the pass of a stage reads."""
    return arrays_needed(program, summed(program, stage))


def text(
    program: Program, number: Number, codes: Codes, uniform: Sequence[Value], plan: Sequence[str], scales: int
) -> str:
    """The functions of all passes before the last, `reduce1`, `complete1` and so on.

    Args:
        program: of the rule.
        number, codes: how arrays are stored.
        uniform: the values with a column of `scalars`.
        plan: names of the numbers that a kernel is told.
        scales: how many states have units.
    """
    stages = range(1, program.passes + 1)
    width = max(len(summed(program, stage)) for stage in stages)
    shared = {name: index for index, name in enumerate(plan)} | {
        "fields": len(plan),
        "rows": 3 + len(program.states) + scales + len(program.numbers),
        "columns": len(uniform),
        "block": BLOCK,
        "width": width,
    }
    numbers = len(arrays_of(program)) + scales + 1
    texts = (
        PASS.format(
            stage=stage,
            **shared,
            **_reducing(program, stage, number, codes, uniform),
            **_completing(program, stage, uniform, numbers),
        )
        for stage in stages
    )
    return HELPER + "".join(texts)


def _reducing(program: Program, stage: int, number: Number, codes: Codes, uniform: Sequence[Value]) -> dict[str, str]:
    """The sums of a piece: those of blocks in the arrays' precision, and these added up in float64."""
    values = summed(program, stage)
    lines, names = computing(program, number, codes, uniform, values)
    arrays, types = arrays_read(program, stage), stored(program, number, codes)
    blockwise = [name for name, code in codes.items() if code != "bfloat16"]
    coded = [name for name in blockwise if name in arrays]
    rows = {name: len(arrays_of(program)) + index for index, name in enumerate(blockwise)}
    opening = scalar_lines(program, uniform, before=stage)
    opening += [
        f"all_{name} = numba.carray(pointer(addresses[{arrays_of(program).index(name)}, tensor]), last,"
        f" np.{types[name]})"
        for name in arrays
    ]
    opening += [
        f"{name}_units = numba.carray(pointer(addresses[{rows[name]}, tensor]), -(-last // {BLOCK}), np.float32)"
        for name in coded
    ]
    begin = [f"{name} = all_{name}[begin_of_block:end_of_block]" for name in arrays]
    begin += [f"{name}_unit = {name}_units[block]" for name in coded]
    sums = range(len(values))
    add = [f"part{k} = add_in_any_order(part{k}, {names[value.name]})" for k, value in enumerate(values)]
    return {
        "open": indented(8, [*opening, *(f"total{k} = 0.0" for k in sums)]),
        "begin": indented(12, [*begin, *(f"part{k} = real(0)" for k in sums)]),
        "any": arrays[0],
        "body": indented(16, [*lines, *add]),
        "end": indented(12, [f"total{k} += np.float64(part{k})" for k in sums]),
        "close": indented(8, [f"partials[piece, {k}] = total{k}" for k in sums]),
    }


def _completing(program: Program, stage: int, uniform: Sequence[Value], numbers: int) -> dict[str, str]:
    """The sums of a tensor, and what follows from them; the states that are one number have the rows from `numbers`."""
    places = {value.name: place for place, value in enumerate(summed(program, stage))}
    operations = [operation for operation in program.uniform() if operation.result.stage == stage]
    names = {value.name: f"s{column}" for column, value in enumerate(uniform)}
    names |= {operation.result.name: f"v{index}" for index, operation in enumerate(operations)}
    lines = scalar_lines(program, uniform, before=stage, real="np.float64")
    for operation in operations:
        if operation.kind in REDUCTIONS:
            total = f"total{places[operation.operands[0].name]}"
            right = total if operation.kind == "sum" else f"{total} / whole"
        else:
            right = expression(operation, "kernel", names)  # which keeps a NaN, as tensors do
        lines.append(f"{names[operation.result.name]} = {right}")
    lines += [
        f"scalars[tensor, {column}] = {names[value.name]}"
        for column, value in enumerate(uniform)
        if value.stage == stage
    ]
    lines += number_lines(program, stage, names, numbers)
    return {
        "totals": indented(8, [f"total{k} = 0.0" for k in range(len(places))]),
        "add": indented(12, [f"total{k} += partials[piece, {k}]" for k in range(len(places))]),
        "compute": indented(8, lines),
    }


def number_lines(program: Program, stage: int, names: dict[str, str], row: int) -> list[str]:
    """Lines that write the states that are one number and are known at a stage; they have the rows from this on."""
    outputs = ((index, program.outputs[name]) for index, name in enumerate(program.numbers))
    return [*chain.from_iterable(
        (
            f"number = numba.carray(pointer(addresses[{row + index}, tensor]), 1, np.float64)",
            f"number[0] = {names[output.name] if isinstance(output, Value) else number_text(output)}",
        )
        for index, output in outputs
        if (output.stage if isinstance(output, Value) else 0) == stage
    )]  # fmt: skip
