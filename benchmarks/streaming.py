"""The memory floor of a step: a plain kernel that reads and writes the same bytes, with next to no arithmetic.

It has one array for each kind of tensor (parameter, gradient, state), as long as all tensors of that kind together: the
gradient is read once, each of the others is read and written once. It runs on one thread and on all threads, with the
cheapest way of distributing work; the faster counts. There is no optimizer around it.
"""

from collections.abc import Callable
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


@numba.cfunc(SIGNATURE)  # type: ignore[untyped-decorator]
def stream_0(task):  # type: ignore[no-untyped-def]
    plan = numba.carray(pointer(task), 5, np.int64)
    begin, end = take_share(plan, task)
    param, grad = array(plan, 0, begin, end), array(plan, 1, begin, end)
    for i in range(param.size):
        param[i] += grad[i]


@numba.cfunc(SIGNATURE)  # type: ignore[untyped-decorator]
def stream_1(task):  # type: ignore[no-untyped-def]
    plan = numba.carray(pointer(task), 6, np.int64)
    begin, end = take_share(plan, task)
    param, grad, a = array(plan, 0, begin, end), array(plan, 1, begin, end), array(plan, 2, begin, end)
    for i in range(param.size):
        a[i] += grad[i]
        param[i] += a[i]


@numba.cfunc(SIGNATURE)  # type: ignore[untyped-decorator]
def stream_2(task):  # type: ignore[no-untyped-def]
    plan = numba.carray(pointer(task), 7, np.int64)
    begin, end = take_share(plan, task)
    param, grad, a = array(plan, 0, begin, end), array(plan, 1, begin, end), array(plan, 2, begin, end)
    b = array(plan, 3, begin, end)
    for i in range(param.size):
        a[i] += grad[i]
        b[i] += grad[i]
        param[i] += a[i] + b[i]


@numba.cfunc(SIGNATURE)  # type: ignore[untyped-decorator]
def stream_3(task):  # type: ignore[no-untyped-def]
    plan = numba.carray(pointer(task), 8, np.int64)
    begin, end = take_share(plan, task)
    param, grad, a = array(plan, 0, begin, end), array(plan, 1, begin, end), array(plan, 2, begin, end)
    b, c = array(plan, 3, begin, end), array(plan, 4, begin, end)
    for i in range(param.size):
        a[i] += grad[i]
        b[i] += grad[i]
        c[i] += grad[i]
        param[i] += a[i] + b[i] + c[i]


STREAMS = (stream_0, stream_1, stream_2, stream_3)
"""Kernels by number of states."""


def streams(size: int, states: int) -> dict[str, Callable[[], object]]:
    """Calls that stream `size` elements of a parameter, its gradient and its states: on one thread, and on torch's."""
    tensors = [torch.full((size,), 1e-3) for _ in range(2 + states)]
    kernel = STREAMS[states].ctypes

    def run(count: int) -> Callable[[], object]:
        plan = np.array([0, count, size, *(tensor.data_ptr() for tensor in tensors)])
        address = plan.ctypes.data

        def call() -> list[torch.Tensor]:
            plan[0] = 0
            threads.run(kernel, address, count)
            return tensors  # the closure keeps the memory alive that the kernel writes to

        return call

    return {"stream alone": run(1), "stream": run(torch.get_num_threads())}
