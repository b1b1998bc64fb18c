"""What a worker process does all its life: a job comes in, an ending goes out."""

import os
import signal
import threading
from queue import Queue
from typing import IO, NoReturn

from ..jobs import BEGUN, LOADING, Job

__all__ = ["serve"]


def serve(jobs: IO[bytes], endings: IO[bytes]) -> NoReturn:
    """Do jobs as they come, until whoever sends them closes the pipe, or dies."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's affair
    inbox: Queue[bytes] = Queue()
    threading.Thread(target=_read, args=(jobs, inbox), daemon=True).start()

    from .worker import do  # takes a second or two; meanwhile the pipe is watched

    def say(line: bytes) -> None:
        endings.write(line)
        endings.flush()

    while True:
        job = Job.from_json(inbox.get())
        say(LOADING)
        say(do(job, on_begin=lambda: say(BEGUN)).to_json().encode() + b"\n")


def _read(jobs: IO[bytes], inbox: "Queue[bytes]") -> None:
    for line in jobs:
        inbox.put(line)
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)  # with whatever the run has started; it will be done again
    os._exit(0)
