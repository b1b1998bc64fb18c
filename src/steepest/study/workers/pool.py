"""Runs in processes of their own, as many at a time as wanted.

A worker is `python -m steepest.study.workers`: jobs come in on one pipe, a line each, endings go out on another. It
ends with the process that started it. One that dies in the middle of a run, or takes too long, costs that run and no
other.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, Queue
from typing import IO

from ...base.errors import SteepestError
from ...base.status import Status
from ..jobs import BEGUN, LOADING, Ending, Job

__all__ = ["Pool"]

COMMAND = [sys.executable, "-m", "steepest.study.workers"]
"""A worker."""

TAIL = 200
"""Lines of what a worker complains about that are kept."""

GRACE = 60.0
"""Seconds to load the data and compile a rule's kernel, on top of what a run may take."""

MOST_STILLBORN = 5
"""Workers in a row that died before they began anything: something is wrong with the machine, not with a run."""


class Pool:
    """Does jobs in worker processes.

    Args:
        size: how many.
        timeout: seconds after which a run counts as hanging; None: never.
        start: starts a worker.
    """

    def __init__(self, size: int, timeout: float | None = None, start: Callable[[], "Process"] | None = None) -> None:
        self._size, self._timeout = size, timeout
        self._start = start or start_worker
        self._inbox: Queue[tuple[_Worker, bytes]] = Queue()
        self._idle: list[_Worker] = []
        self._busy: list[_Worker] = []
        self._stillborn = 0

    @property
    def room(self) -> int:
        """How many workers have nothing to do, or are yet to be started."""
        return self._size - len(self._busy)

    def submit(self, job: Job) -> None:
        """Give the job to a worker, a new one if all are busy."""
        worker = self._idle.pop() if self._idle else _Worker(self._start(), self._inbox)
        self._busy.append(worker)
        worker.begin(job)

    def ended(self, wait: float) -> list[Ending]:
        """Those that ended, those that took too long, and those whose worker died."""
        found = self._hear(wait)
        for worker in [each for each in self._busy if each.hangs(self._timeout)]:
            self._busy.remove(worker)
            worker.kill()
            message = f"stopped after {self._timeout:g} seconds (--timeout); it may hang, or need longer"
            found.append(Ending(worker.job.id, {"status": Status.TIMED_OUT, "message": message}))
        return found

    def _hear(self, wait: float) -> list[Ending]:
        """What the workers said, waiting for the first word only."""
        found = []
        with suppress(Empty):
            message = self._inbox.get(timeout=wait)
            while True:
                found += self._understand(*message)
                message = self._inbox.get_nowait()
        return found

    def _understand(self, worker: "_Worker", line: bytes) -> list[Ending]:
        if worker not in self._busy:
            return self._bury(worker) if not line else []
        if line in (LOADING, BEGUN):
            self._stillborn = 0
            worker.says(line)
            return []
        self._busy.remove(worker)
        if line.endswith(b"\n"):
            self._idle.append(worker)
            return [Ending.from_json(line)]
        return self._mourn(worker)

    def _bury(self, worker: "_Worker") -> list[Ending]:
        """A worker that had nothing to do is gone."""
        if worker in self._idle:
            self._idle.remove(worker)
            worker.kill()
        return []

    def _mourn(self, worker: "_Worker") -> list[Ending]:
        """A worker died at its job: the job's fault, if it had begun it."""
        cause = worker.kill()
        if worker.begun is not None:
            return [Ending(worker.job.id, {"status": Status.FAILED, "message": f"its process {cause}"})]
        self._stillborn += 1
        if self._stillborn >= MOST_STILLBORN:
            raise SteepestError(f"{self._stillborn} worker processes died before their first run; the last {cause}")
        self.submit(worker.job)
        return []

    def close(self) -> None:
        """End all workers now."""
        for worker in [*self._busy, *self._idle]:
            worker.kill()
        self._busy, self._idle = [], []


@dataclass
class Process:
    """A worker process: what a job is written to, what endings and complaints are read from, and how it is ended."""

    jobs: IO[bytes]
    endings: IO[bytes]
    complaints: IO[bytes]
    kill: Callable[[], None]
    wait: Callable[[], int]


def start_worker() -> Process:
    """A worker in a session of its own, so that Ctrl-C reaches it only through the process that started it."""
    pipe = subprocess.PIPE
    process = subprocess.Popen(COMMAND, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True)
    assert process.stdin and process.stdout and process.stderr

    def kill() -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)  # with whatever it has started

    return Process(process.stdin, process.stdout, process.stderr, kill, process.wait)


@dataclass(eq=False)
class _Worker:
    """A worker process and what is known of it.

    Attributes:
        job: what it is at, or was last at.
        begun: since when, by the monotonic clock; None while it is still getting ready.
        grace: seconds that it has besides, to load and compile.
    """

    process: Process
    inbox: "Queue[tuple[_Worker, bytes]]"
    job: Job = field(init=False)
    begun: float | None = None
    grace: float = GRACE
    tail: "deque[str]" = field(default_factory=lambda: deque(maxlen=TAIL))

    def __post_init__(self) -> None:
        self.listener = threading.Thread(target=self._listen, daemon=True)
        self.recorder = threading.Thread(target=self._record, daemon=True)
        self.listener.start()
        self.recorder.start()

    def begin(self, job: Job) -> None:
        self.job, self.begun = job, None
        with suppress(BrokenPipeError):  # it has died; its listener will tell
            self.process.jobs.write(job.to_json().encode() + b"\n")
            self.process.jobs.flush()

    def hangs(self, timeout: float | None) -> bool:
        if timeout is None or self.begun is None:
            return False
        return time.monotonic() - self.begun > self.grace + timeout * len(self.job.entries)

    def says(self, word: bytes) -> None:
        """Start the clock, and start it anew when it has loaded everything."""
        self.begun, self.grace = time.monotonic(), GRACE if word == LOADING else 0.0

    def _listen(self) -> None:
        """Hand on what the worker says, and the end of it, an incomplete line."""
        for line in self.process.endings:
            if line.endswith(b"\n"):
                self.inbox.put((self, line))
        self.inbox.put((self, b""))

    def _record(self) -> None:
        for line in self.process.complaints:
            self.tail.append(line.decode(errors="replace").rstrip())

    def kill(self) -> str:
        """End it, if it has not ended, and say how it ended, with its last words."""
        self.process.kill()
        code = self.process.wait()
        self.listener.join()
        self.recorder.join()
        for pipe in (self.process.jobs, self.process.endings, self.process.complaints):
            with suppress(BrokenPipeError):  # what it never read
                pipe.close()
        words = last_complaint(self.tail)
        return f"{_cause(code)}: {words}" if words else _cause(code)


def _cause(code: int) -> str:
    if code >= 0:
        return f"ended itself with exit code {code}"
    hint = ", as happens when memory runs out" if -code == signal.SIGKILL else ""
    return f"died ({signal.Signals(-code).name}{hint})"


def last_complaint(lines: "deque[str]") -> str:
    """The last words of a process: what crashed it and where, if it could still tell, or else its last line.

    >>> last_complaint(deque(["loading", "Fatal Python error: Aborted", "", "Current thread 0x1:", "  File x, line 3"]))
    'Fatal Python error: Aborted, File x, line 3'
    """
    said = [line.strip() for line in lines if line.strip()]
    crash = next((place for place, line in enumerate(said) if line.startswith("Fatal Python error")), None)
    if crash is None:
        return said[-1][:300] if said else ""
    where = next((line for line in said[crash:] if line.startswith("File ")), "")
    return f"{said[crash]}, {where}".removesuffix(", ")
