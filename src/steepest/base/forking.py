"""What a fork must not break: a lock under which no process is forked, and pools of threads.

A child has only the thread that forked. What another thread was importing or compiling stays half done there, behind
locks that nobody releases, and work for the threads of a pool is never done: the child would wait for ever.
"""

import os
import threading
from collections.abc import Callable
from functools import cache
from typing import TypeVar

__all__ = ["cache_of_process", "without_forks"]

R = TypeVar("R")

without_forks = threading.RLock()
"""Held while modules are loaded on first use and while native code is compiled; a fork waits until it is free."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=without_forks.acquire, after_in_parent=without_forks.release, after_in_child=without_forks.release
    )


def cache_of_process(function: Callable[..., R]) -> Callable[..., R]:
    """As `functools.cache`, for what a forked process must make anew, such as threads."""
    cached = cache(function)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=cached.cache_clear)
    return cached
