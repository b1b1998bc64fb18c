"""Ctrl-C while the command line is still being imported ends the process quietly, with the exit code of shells."""

import os
import signal
import threading

__all__ = ["as_before"]

_before = signal.getsignal(signal.SIGINT)
_holds = threading.current_thread() is threading.main_thread() and _before is signal.default_int_handler

if _holds:
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))


def as_before() -> None:
    """From here on Ctrl-C raises `KeyboardInterrupt` again."""
    if _holds and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, _before)
