"""A native function on several threads: torch's own, which are awake after a backward pass.

They are OpenMP's, whose runtime lends them by the symbol that compilers call, `GOMP_parallel`; GNU's and LLVM's both
have it. So no second set of threads competes with torch's for the cores, and handing over takes a microsecond, a 50th
of what it takes with threads of Python's. Those stand in where torch has no OpenMP, and in a forked process: there
OpenMP would wait for threads that stayed with the parent.
"""

import ctypes
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray

__all__ = ["entries", "run"]

STARTED_IN = os.getpid()

_ENTRIES = np.zeros(2, dtype=np.int64)

Native = Callable[[int], None]
"""A C function of one address, as ctypes calls it; no lock is held meanwhile."""


def run(function: Native, argument: int, threads: int) -> None:
    """Call the function on so many threads, this one among them; it must divide the work among its calls itself.

    OpenMP may have fewer threads to lend, so one call must be able to do all the work.
    """
    if threads == 1:
        function(argument)
    elif (openmp := _openmp()) is not None:
        openmp(function, argument, threads, 0)
    else:
        others = [_pool(threads).submit(function, argument) for _ in range(threads - 1)]
        function(argument)
        for other in others:
            other.result()


def entries() -> NDArray[np.int64]:
    """For native code, the addresses of `GOMP_parallel` and `omp_get_max_threads`; zeros if OpenMP is not to be used.

    It is always the same array. Look anew at each call, for a forked process finds zeros.
    """
    _openmp()
    return _ENTRIES


@cache
def _openmp() -> Callable[..., None] | None:
    """The entry of the OpenMP runtime that torch is linked with; None if there is none, or none to be used."""
    if os.getpid() != STARTED_IN:
        return None
    try:
        runtime = ctypes.CDLL(torch._C.__file__)
        parallel, count = runtime.GOMP_parallel, runtime.omp_get_max_threads
    except (AttributeError, OSError):
        return None
    parallel.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint]
    parallel.restype = None
    _ENTRIES[:] = [ctypes.cast(entry, ctypes.c_void_p).value or 0 for entry in (parallel, count)]
    return parallel  # type: ignore[no-any-return]


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    """Threads that live as long as the process."""
    return ThreadPoolExecutor(threads - 1, thread_name_prefix="steepest")


def _forget_the_parents_threads() -> None:
    _ENTRIES[:] = 0
    _openmp.cache_clear()
    _pool.cache_clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_the_parents_threads)
