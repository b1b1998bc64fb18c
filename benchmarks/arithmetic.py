"""The arithmetic floor of a step: the time of its roots and divisions alone, on numbers in the first-level cache.

A processor does many additions and multiplications in the time of one root or division. Where a step's arrays are in a
cache, such as those of a small network, a rule with a root and a division for every element is bound by these.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import numba
import numpy as np
import torch

from steepest.optim.cpu import threads
from steepest.optim.cpu.kernels import with_fewer_divisions
from steepest.program.record import Program

from .streaming import pointer, take_next

__all__ = ["arithmetic"]

BLOCK = 2048
"""Elements of an array; three of them fill half of a usual first-level cache."""


@numba.njit(inline="always")  # type: ignore[untyped-decorator]
def blocks(task):  # type: ignore[no-untyped-def]
    """Three arrays of this thread, and the number of passes over them that make up its share of the elements."""
    plan = numba.carray(pointer(task), 4, np.int64)
    share, shares, size = take_next(task), plan[1], plan[2]
    count = size // shares // BLOCK if share < shares else 0
    arrays = numba.carray(pointer(plan[3]), (shares + 1, 3, BLOCK), np.float32)
    own = arrays[min(share, shares)]
    return own[0], own[1], own[2], count


LOOP = """
def run(task):
    a, b, result, count = blocks(task)
    for _ in range(count):
        for i in range(BLOCK):
            result[i] = {expression}
"""


@cache
def _kernel(roots: int, divisions: int) -> Any:
    """A loop with so many roots and divisions for an element, none of which waits for another but for its own root."""
    below = [f"np.sqrt(b[i] + np.float32({k}))" if k < roots else "b[i]" for k in range(max(roots, divisions))]
    terms = [f"(a[i] + np.float32({k})) / {term}" if k < divisions else term for k, term in enumerate(below)]
    scope: dict[str, Any] = {"np": np, "blocks": blocks, "BLOCK": BLOCK}
    exec(LOOP.format(expression=" + ".join(terms)), scope)
    return numba.cfunc("void(int64)", error_model="numpy")(scope["run"])


def arithmetic(size: int, program: Program) -> dict[str, Callable[[], object]]:
    """The roots and divisions of a rule for so many elements, on torch's threads; nothing if it has none."""
    kinds = [operation.kind for operation in with_fewer_divisions(program).varying()]
    count = kinds.count("sqrt"), kinds.count("truediv")
    if count == (0, 0):
        return {}
    kernel, shares = _kernel(*count).ctypes, torch.get_num_threads()
    arrays = torch.full((shares + 1, 3, BLOCK), 0.5)
    plan = np.array([0, shares, size, arrays.data_ptr()])

    def call() -> torch.Tensor:
        plan[0] = 0
        threads.run(kernel, plan.ctypes.data, shares)
        return arrays

    return {"arithmetic": call}
