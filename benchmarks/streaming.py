"""The memory floor of a step: a plain kernel that reads and writes the same bytes, with next to no arithmetic.

It has one array for each kind of tensor (parameter, gradient, state), as long as all tensors of that kind together: the
gradient is read once, each of the others is read and written once. It runs on one thread and on all threads, with the
cheapest way of distributing work; the faster counts. There is no optimizer around it. Where a rule takes sums over a
tensor, the arrays that they need are read once before, as they have to be.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numba
import numpy as np
import torch
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from steepest.optim.cpu import threads

__all__ = ["streams"]

SIGNATURE = "void(int64)"


@intrinsic  # type: ignore[untyped-decorator]
def pointer(typing_context: Any, address: Any) -> Any:
    """The address, an integer, as a pointer."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], cgutils.voidptr_t)

    return types.voidptr(address), generate


@intrinsic  # type: ignore[untyped-decorator]
def take_next(typing_context: Any, address: Any) -> Any:
    """Atomic fetch and add: the integer at the address, which is increased by 1. Threads take their shares by it."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        whole = ir.IntType(64)
        return builder.atomic_rmw("add", builder.inttoptr(arguments[0], whole.as_pointer()), whole(1), "monotonic")

    return types.int64(address), generate


@numba.njit(inline="always")  # type: ignore[untyped-decorator]
def array(plan, index, begin, end):  # type: ignore[no-untyped-def]
    return numba.carray(pointer(plan[3 + index]), end, np.float32)[begin:]


@numba.njit(inline="always")  # type: ignore[untyped-decorator]
def take_share(plan, task):  # type: ignore[no-untyped-def]
    """Begin and end of the next share of the elements, in multiples of 64; an empty one when none is left."""
    share, shares, size = take_next(task), plan[1], plan[2]
    begin = min(size, size * share // shares // 64 * 64) if share < shares else size
    return begin, size * (share + 1) // shares // 64 * 64 if share + 1 < shares else size


STEP = """
def stream(task):
    plan = numba.carray(pointer(task), {fields}, np.int64)
    begin, end = take_share(plan, task)
    param, grad = array(plan, 0, begin, end), array(plan, 1, begin, end)
    {arrays}
    for i in range(param.size):
        {add}
        param[i] += {total}
"""
"""Adds the gradient to each state, and the states to the parameter; without states the gradient."""

READ = """
def read(task):
    plan = numba.carray(pointer(task), {fields}, np.int64)
    begin, end = take_share(plan, task)
    {arrays}
    total = np.float32(0)
    for i in range(a0.size):
        total += {total}
    result = numba.carray(pointer(plan[{last}]), 1, np.float32)
    result[0] += total
"""
"""Sums arrays, and writes no more than the sum."""


@cache
def _kernel(text: str, name: str) -> Any:
    scope: dict[str, Any] = {"numba": numba, "np": np, "pointer": pointer, "array": array, "take_share": take_share}
    exec(text, scope)
    return numba.cfunc(SIGNATURE, fastmath=True)(scope[name])


def _stepping(states: int) -> Any:
    names = [f"a{index}" for index in range(states)]
    lines = {
        "fields": 5 + states,
        "arrays": "\n    ".join(f"{name} = array(plan, {2 + index}, begin, end)" for index, name in enumerate(names)),
        "add": "\n        ".join(f"{name}[i] += grad[i]" for name in names),
        "total": " + ".join(f"{name}[i]" for name in names) or "grad[i]",
    }
    return _kernel(STEP.format(**lines), "stream")


def _reading(count: int) -> Any:
    names = [f"a{index}" for index in range(count)]
    lines = {
        "fields": 4 + count,
        "arrays": "\n    ".join(f"{name} = array(plan, {index}, begin, end)" for index, name in enumerate(names)),
        "total": " + ".join(f"{name}[i]" for name in names),
        "last": 3 + count,
    }
    return _kernel(READ.format(**lines), "read")


def streams(size: int, states: int, reads: Sequence[int] = ()) -> dict[str, Callable[[], object]]:
    """Calls that stream `size` elements of a parameter, its gradient and its states: on one thread, and on torch's.

    With `reads`, so many of the arrays are read once more, before: a number for each pass.
    """
    tensors = [torch.full((size,), 1e-3) for _ in range(2 + states)]
    result = torch.zeros(1)

    def run(count: int) -> Callable[[], object]:
        passes = [(_reading(arrays).ctypes, [*(tensors[1:] + tensors[:1])[:arrays], result]) for arrays in reads]
        passes.append((_stepping(states).ctypes, tensors))
        plans = [np.array([0, count, size, *(tensor.data_ptr() for tensor in used)]) for _, used in passes]

        def call() -> list[torch.Tensor]:
            for (kernel, _), plan in zip(passes, plans, strict=True):
                plan[0] = 0
                threads.run(kernel, plan.ctypes.data, count)
            return [*tensors, result]  # the closure keeps the memory alive that the kernels write to

        return call

    return {"stream alone": run(1), "stream": run(torch.get_num_threads())}
