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

import torch

from ...base.forking import cache_of_process

__all__ = ["run"]

STARTED_IN = os.getpid()

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


@cache_of_process
def _openmp() -> Callable[..., None] | None:
    """The entry of the OpenMP runtime that torch is linked with; None if there is none, or none to be used."""
    if os.getpid() != STARTED_IN:
        return None
    try:
        runtime = ctypes.CDLL(torch._C.__file__)
        parallel = runtime.GOMP_parallel
    except (AttributeError, OSError):
        return None
    parallel.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint]
    parallel.restype = None
    return parallel  # type: ignore[no-any-return]


@cache_of_process
def _pool(threads: int) -> ThreadPoolExecutor:
    """Threads that exist as long as the process."""
    return ThreadPoolExecutor(threads - 1, thread_name_prefix="steepest")
