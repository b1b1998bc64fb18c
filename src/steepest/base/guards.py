"""Guards around a user's code in this process: `os._exit` becomes an exception, and seconds can be limited.

They reach what Python does: a crash, or an endless loop of a C function, needs a process of its own.
"""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

__all__ = ["ProcessExit", "TimeIsUp", "exits_raised", "time_limit"]


class ProcessExit(SystemExit):
    """A call of `os._exit`, which would have ended the process without a word."""

    def __str__(self) -> str:
        return f"os._exit({self.code})"


class TimeIsUp(BaseException):
    """The seconds of `time_limit` are over; no `Exception`, which a user's code might catch."""


AGAIN = 1.0
"""Seconds after which `TimeIsUp` is raised again where it was not heard."""

_exit = os._exit
_guarded: list[tuple[int, int]] = []
"""Process and thread of each open context."""


def _raise_or_exit(status: int) -> NoReturn:
    if (os.getpid(), threading.get_ident()) in _guarded:
        raise ProcessExit(status)
    _exit(status)


@contextmanager
def exits_raised() -> Iterator[None]:
    """A context in which `os._exit` raises `ProcessExit`, in this thread of this process.

    Processes that the user's code forks, and other threads, end as they would.
    """
    os._exit = _raise_or_exit  # stays, since contexts of several threads need not end in the order of their beginnings
    own = os.getpid(), threading.get_ident()
    _guarded.append(own)
    try:
        yield
    finally:
        _guarded.remove(own)


@contextmanager
def time_limit(seconds: float | None) -> Iterator[None]:
    """A context that raises `TimeIsUp` after so many seconds (None: never), by a signal.

    Only the main thread gets signals: in another one, and where the system has no timer, there is no limit.
    """
    in_main = threading.current_thread() is threading.main_thread()
    if seconds is None or not in_main or not hasattr(signal, "setitimer"):
        yield
        return

    def stop(number: int, frame: FrameType | None) -> NoReturn:
        raise TimeIsUp

    before = signal.signal(signal.SIGALRM, stop)
    # again and again: Python drops what is raised within a finalizer or the callback of a weak reference
    signal.setitimer(signal.ITIMER_REAL, seconds, min(seconds, AGAIN))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
