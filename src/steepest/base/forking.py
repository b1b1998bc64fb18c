"""A lock under which no process is forked.

A child has only the thread that forked. What another thread was importing or compiling stays half done there, behind
locks that nobody releases, and the child would wait for ever.
"""

import os
import threading

__all__ = ["without_forks"]

without_forks = threading.RLock()
"""Held while modules are loaded on first use and while native code is compiled; a fork waits until it is free."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=without_forks.acquire, after_in_parent=without_forks.release, after_in_child=without_forks.release
    )
