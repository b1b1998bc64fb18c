"""The main loop of a worker process: read a job from a pipe, do it, write the ending to another pipe."""

import os
import signal
import threading
import warnings
from queue import Queue
from typing import IO, NoReturn

from ...base.plugins import PluginWarning
from ..jobs import LAST, LOADING, Job
from .growth import Growth

__all__ = ["serve"]


def serve(jobs: IO[bytes], endings: IO[bytes]) -> NoReturn:
    """Do jobs as they arrive, until the process that sends them closes the pipe, or dies.

    Args:
        jobs: one `Job` a line, as JSON.
        endings: for each job the lines `LOADING`, `READING`, `BEGUN` (not of a measurement), perhaps `LAST`, and the
            `Ending` as JSON.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is handled by the parent, which then closes the pipe
    inbox: Queue[bytes] = Queue()
    threading.Thread(target=_read, args=(jobs, inbox), daemon=True).start()

    warnings.simplefilter("ignore", PluginWarning)  # the parent has printed them
    from .worker import do  # takes a second or two, in which the thread already notices the end of the parent

    def send(line: bytes) -> None:
        endings.write(line)
        endings.flush()

    growth = Growth()
    while True:
        job = Job.from_json(inbox.get())
        send(LOADING)
        ending = do(job, send).to_json().encode() + b"\n"
        if growth.is_too_much_after(job):
            send(LAST)
        send(ending)


def _read(jobs: IO[bytes], inbox: "Queue[bytes]") -> None:
    """Queue the jobs; when the pipe closes, end the process at once, in the middle of a run too.

    A thread of its own, so that a worker whose parent was killed does not go on training.
    """
    for line in jobs:
        inbox.put(line)
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)  # and the processes that the run has started; the run will be done again
    os._exit(0)
