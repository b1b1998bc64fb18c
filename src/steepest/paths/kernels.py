"""The kernel that follows many trajectories, printed from a rule's program and from a landscape's gradient.

The loops: blocks of trajectories, whose positions and states stay in the first cache; steps; trajectories of a block.
The innermost holds the whole step of all coordinates and becomes vector instructions. What is the same for all
trajectories (1 - beta**t, a schedule) is read from a table, a row a step; what depends on a hyperparameter that each
trajectory has its own of is computed once a trajectory and step, in float64.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

from ..base.errors import InvalidValue
from ..program.evaluate import number
from ..program.native import load
from ..program.operations import OPERATIONS
from ..program.record import Operation, Program, Value

__all__ = ["BLOCK", "Plan", "load_kernel"]

BLOCK = 256
"""Trajectories a block: a dozen rows of so many numbers lie in the first cache."""


@dataclass(frozen=True)
class Plan:
    """What of a rule's program is computed where.

    Args:
        program: the rule's, recorded.
        arrays: hyperparameters of which each trajectory has its own number, in the order of the kernel's rows.
        started: states of one number for all coordinates that start from such a hyperparameter.
    """

    program: Program
    arrays: tuple[str, ...]
    started: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in self.program.numbers:
            result = self.program.outputs[name]
            if isinstance(result, Value) and not result.uniform:
                raise InvalidValue(f"not elementwise: {name}, one number for all coordinates, depends on each of them")

    @cached_property
    def own(self) -> frozenset[str]:
        """Names of the uniform values of which each trajectory has its own."""
        own, before = {*self.arrays, *self.started}, 0
        while len(own) > before:
            before = len(own)
            own |= {operation.result.name for operation in self.program.uniform() if own & _names(operation.operands)}
            own |= {name for name in self.program.numbers if own & _names([self.program.outputs[name]])}
        return frozenset(own)

    @cached_property
    def numbers(self) -> tuple[str, ...]:
        """The states that are one number for all coordinates, where each trajectory has its own."""
        return tuple(name for name in self.program.numbers if name in self.own)

    @cached_property
    def columns(self) -> tuple[Value, ...]:
        """The values of the table's columns; the schedule's factor stands behind them."""
        operands = [value for operation in [*self.once(), *self.program.varying()] for value in operation.operands]
        results = [self.program.outputs[name] for name in ("delta", *self.program.states, *self.numbers)]
        shared = [value for value in operands + results if isinstance(value, Value) and value.uniform]
        return tuple({value.name: value for value in shared if value.name not in self.own}.values())

    def once(self) -> list[Operation]:
        """Operations to be done once a trajectory and step."""
        return [operation for operation in self.program.uniform() if operation.result.name in self.own]


def _names(operands: Iterable[Any]) -> set[str]:
    return {operand.name for operand in operands if isinstance(operand, Value)}


# --- printing ---------------------------------------------------------------------------------------------------------

HELPERS = '''"""Made by steepest; safe to delete."""
import numba
import numpy as np

BLOCK = {block}
# signatures are said, for all to be compiled when this file is loaded


@numba.njit(
    ["void({real}[:, ::1], {real}[::1], int64, int64, int64)", "void(int64[:, ::1], {real}[::1], int64, int64, int64)"]
    + ["void(float64[:, ::1], float64[::1], int64, int64, int64)"] * ("{real}" != "float64"),
    cache=True, nogil=True,
)
def load(source, work, row, block, count):
    for j in range(source.shape[0]):
        for i in range(BLOCK):  # the places behind the last trajectory are filled with it
            work[(row + j) * BLOCK + i] = source[j, block + min(i, count - 1)]


@numba.njit(
    ["void({real}[::1], int64, {real}[:, ::1], int64, int64)", "void({real}[::1], int64, int64[:, ::1], int64, int64)"]
    + ["void(float64[::1], int64, float64[:, ::1], int64, int64)"] * ("{real}" != "float64"),
    cache=True, nogil=True,
)
def store(work, row, target, block, count):
    for j in range(target.shape[0]):
        for i in range(count):
            target[j, block + i] = work[(row + j) * BLOCK + i]


@numba.njit("void({real}[::1], int64, int64, int64[::1], {real}[:, ::1], int64, int64)", cache=True, nogil=True)
def count_up(work, row, done, finite, last, block, count):
    for i in range(count):
        if finite[block + i] == done:  # it was finite until now
            finite[block + i] += np.int64(work[(row + last.shape[0]) * BLOCK + i])
            for j in range(last.shape[0]):
                last[j, block + i] = work[(row + j) * BLOCK + i]
'''

KERNEL = '''"""Made by steepest; safe to delete."""
import math

import numba
import numpy as np
from {helpers} import count_up, load, store

real = np.{real}


@numba.njit(
    "void(float64[:, ::1], int64, int64, {real}[:, ::1], {real}[:, ::1], float64[:, ::1], float64[:, ::1],"
    " {real}[:, :, ::1], {real}[:, :, ::1], int64[::1], {real}[:, ::1], float64[:, ::1], float64, int64[:, ::1],"
    " int64, int64)",
    cache=True, nogil=True, error_model="numpy",
)
def kernel(
    table, done, since, x, states, settings, numbers, noise, path, finite, last, points, square, arrived, begin, end
):
    square = real(square)
{points}
    work = np.zeros({rows} * {block}, np.{real})
    own = np.zeros({own_rows} * {block}, np.float64)
    for block in range(begin, end, {block}):
        count = min({block}, end - block)
        load(x, work, 0, block, count)
        load(states, work, {dims}, block, count)
        load(settings, own, 0, block, count)
        load(numbers, own, {settings}, block, count)
        load(x, work, {last}, block, count)
        work[{last_end}:] = real(0)
        load(arrived, work, {arrival}, block, count)
        for t in range(table.shape[0]):
{table}
            next_step = real(done + t + 2)
            for i in range({block}):
{body}
            if done + t + 1 >= since:
                store(work, 0, path[done + t + 1 - since], block, count)
        store(work, 0, x, block, count)
        store(work, {dims}, states, block, count)
        store(own, {settings}, numbers, block, count)
        store(work, {arrival}, arrived, block, count)
        count_up(work, {last}, done, finite, last, block, count)
'''


def load_kernel(plan: Plan, gradient: Program, real: str, noisy: bool, targets: int = 0) -> Callable[..., None]:
    """The kernel of a plan, which takes the trajectories from `begin` to `end` through the steps of the table.

    `table` has a row a step; `done` steps were made before. `x` (dims, n), `states` (states * dims, n) and `numbers`
    (numbers, n) are brought up to date, `settings` (arrays, n) is read. `noise` (steps, dims, BLOCK) is added to the
    gradient. Positions from step `since` on go to `path` (steps, dims, n). `finite` (n) counts the steps after which
    the position was finite, `last` (dims, n) is the last position that was. `arrived` (1, n) is set to the step after
    each at which the position is farther from all `points` (targets, dims) than the root of `square`.

    Raises:
        NotCompiled: Numba cannot compile it on this machine.
    """
    dims = len(gradient.outputs)
    last = dims * (1 + len(plan.program.states))
    places = product(range(targets), range(dims))
    points = "\n".join(f"    p{target}_{axis} = real(points[{target}, {axis}])" for target, axis in places)
    table = "\n".join(" " * 12 + line for line in _table_lines(plan))
    lines = _body_lines(plan, gradient, noisy, last) + _arrival_lines(dims, targets, last + dims + 1)
    body = "\n".join(" " * 16 + line for line in lines)
    text = KERNEL.format(
        helpers=load(HELPERS.format(real=real, block=BLOCK)).__name__, real=real, block=BLOCK, rows=last + dims + 2,
        last=last,
        last_end=(last + dims) * BLOCK, own_rows=max(1, len(plan.arrays) + len(plan.numbers)), dims=dims,
        settings=len(plan.arrays), table=table, body=body, points=points, arrival=last + dims + 1,
    )  # fmt: skip
    return load(text).kernel  # type: ignore[no-any-return]


def _table_lines(plan: Plan) -> list[str]:
    conditions = _conditions(plan.program)
    lines = []
    for column, value in enumerate(plan.columns):
        wide, narrow = ("{} != 0.0", "{}") if value.name in conditions else ("{}", "real({})")
        lines += [f"w{column} = {wide.format(f'table[t, {column}]')}", f"s{column} = {narrow.format(f'w{column}')}"]
    return [*lines, f"factor = table[t, {len(plan.columns)}]"]


def _body_lines(plan: Plan, gradient: Program, noisy: bool, last: int) -> list[str]:
    dims = len(gradient.outputs)
    once, names = _once_lines(plan)
    lines = [f"x{axis} = work[{axis * BLOCK} + i]" for axis in range(dims)]
    lines += once + _gradient_lines(gradient)
    for axis in range(dims):
        if noisy:
            lines.append(f"g{axis} = g{axis} + noise[t, {axis}, i]")
        lines += _update_lines(plan.program, names, axis, dims)
    # number by number, in the kernel's own kind: a sum over the block, or a wider kind, would halve the speed
    lines.append(f"finite_now = {' + '.join(f'(y{axis} - y{axis})' for axis in range(dims))} == real(0)")
    for axis in range(dims):
        cell = f"work[{(last + axis) * BLOCK} + i]"
        lines += [f"work[{axis * BLOCK} + i] = y{axis}", f"{cell} = y{axis} if finite_now else {cell}"]
    cell = f"work[{(last + dims) * BLOCK} + i]"
    return [*lines, f"{cell} = {cell} + (real(1) if finite_now else real(0))"]


def _arrival_lines(dims: int, targets: int, row: int) -> list[str]:
    squares = [
        " + ".join(f"(y{axis} - p{target}_{axis}) * (y{axis} - p{target}_{axis})" for axis in range(dims))
        for target in range(targets)
    ]
    at = f"work[{row * BLOCK} + i]"
    return (
        [f"{at} = {at} if {' | '.join(f'({distance} <= square)' for distance in squares)} else next_step"]
        if targets
        else []
    )


def _once_lines(plan: Plan) -> tuple[list[str], dict[str, str]]:
    """What is done once a trajectory and step; and how a coordinate's arithmetic names the uniform values."""
    conditions = _conditions(plan.program)
    rows = [*plan.arrays, *plan.numbers]
    wide = {value.name: f"w{column}" for column, value in enumerate(plan.columns)}
    wide |= {name: f"a{row}" for row, name in enumerate(rows)}
    lines = [f"a{row} = own[{row * BLOCK} + i]" for row in range(len(rows))]
    if "lr" in plan.arrays:
        lines.append(f"{wide['lr']} = {wide['lr']} * factor")
    for index, operation in enumerate(plan.once()):
        lines.append(f"u{index} = {_expression(operation, wide, 'np.float64')}")
        wide[operation.result.name] = f"u{index}"
    for row, name in enumerate(plan.numbers, start=len(plan.arrays)):
        lines.append(f"own[{row * BLOCK} + i] = {_operand(plan.program.outputs[name], wide, 'np.float64')}")
    names = {value.name: f"s{column}" for column, value in enumerate(plan.columns)}
    for name in plan.own:
        names[name] = wide[name] if name in conditions else f"real({wide[name]})"
    return lines, names


def _gradient_lines(gradient: Program) -> list[str]:
    names = {name: name for name in gradient.inputs}
    names |= {operation.result.name: f"d{index}" for index, operation in enumerate(gradient.needed())}
    lines = [f"{names[operation.result.name]} = {_expression(operation, names)}" for operation in gradient.needed()]
    return lines + [f"{name} = {_operand(value, names)}" for name, value in gradient.outputs.items()]


def _update_lines(program: Program, uniform: dict[str, str], axis: int, dims: int) -> list[str]:
    names = uniform | {"param": f"x{axis}", "grad": f"g{axis}"}
    names |= {name: f"m{index}_{axis}" for index, name in enumerate(program.states)}
    names |= {operation.result.name: f"v{index}_{axis}" for index, operation in enumerate(program.varying())}
    rows = [(dims * (1 + index) + axis) * BLOCK for index in range(len(program.states))]
    lines = [f"m{index}_{axis} = work[{row} + i]" for index, row in enumerate(rows)]
    lines += [f"{names[operation.result.name]} = {_expression(operation, names)}" for operation in program.varying()]
    for row, name in zip(rows, program.states, strict=True):
        lines.append(f"work[{row} + i] = {_operand(program.outputs[name], names)}")
    return [*lines, f"y{axis} = x{axis} + {_operand(program.outputs['delta'], names)}"]


def _conditions(program: Program) -> set[str]:
    return {operation.result.name for operation in program.operations if OPERATIONS[operation.kind].condition}


def _expression(operation: Operation, names: dict[str, str], kind: str = "real") -> str:
    base, exponent = (*operation.operands, None)[:2]
    if operation.kind == "pow" and isinstance(exponent, int | float):
        return _power(names[base.name], exponent, kind)
    form = OPERATIONS[operation.kind].kernel_like_numpy
    return form.format(*(_operand(operand, names, kind) for operand in operation.operands))


def _operand(operand: Any, names: dict[str, str], kind: str = "real") -> str:
    if isinstance(operand, Value):
        return names[operand.name]
    return f"{kind}({number(operand)})"


def _power(base: str, exponent: float, kind: str) -> str:
    """A power with a known exponent: small whole ones as products, which vectorize."""
    if exponent == 0.5:
        return f"np.sqrt({base})"
    if exponent != int(exponent) or not 0 < abs(exponent) <= 16:
        return f"({base} ** {kind}({exponent!r}))"
    return _product(base, int(exponent)) if exponent > 0 else f"({kind}(1) / {_product(base, -int(exponent))})"


def _product(base: str, count: int) -> str:
    if count == 1:
        return base
    half = _product(base, count // 2)
    return f"({half} * {half})" if count % 2 == 0 else f"({half} * {half} * {base})"
