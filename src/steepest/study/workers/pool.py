"""The executor for several runs at a time: a pool of worker processes.

A worker is `python -m steepest.study.workers`: jobs come in on one pipe, a line each, endings go out on another. It
ends with the process that started it. A worker that dies in the middle of a run, or takes too long, costs that run and
no other.
"""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, Queue
from typing import IO

from ...base.errors import SteepestError
from ...base.modules import is_library
from ...findings.catalogue import Finding
from ..jobs import BEGUN, LAST, LOADING, READING, Ending, Job, columns_of

__all__ = ["Pool"]

COMMAND = [sys.executable, "-m", "steepest.study.workers"]
"""The command that starts a worker."""

TAIL = 200
"""Lines of a worker's standard error that are kept."""

GRACE = 60.0
"""Seconds allowed for importing modules and compiling a rule's kernel, on top of the timeout of a run."""

TIMED_OUT = {LOADING: "loading_timed_out", READING: "data_timed_out", BEGUN: "run_timed_out"}
"""The finding of a run that was stopped, by what it was doing."""

FRAME = re.compile(r'File "(.+)", line (\d+)')
"""A line of the traceback that faulthandler writes."""

CRASHES = {signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGSEGV, signal.SIGSYS, signal.SIGTRAP}
"""The signals by which a process ends for what it did itself; any other comes from outside."""

MOST_KILLED = 3
"""How often a run is begun whose worker is killed from outside, as by a system short of memory, before it counts as
failed; the last time with no other run beside it."""

MOST_FAILED_STARTS = 5
"""Workers in a row that may die before their first run; more is a fault of the machine, not of a run."""


class Pool:
    """Does jobs in worker processes.

    Args:
        size: the largest number of workers; each is started when the first job needs it.
        timeout: seconds after which a run counts as hanging; None: never.
        start: a function that starts a worker. Default: `start_worker`.
    """

    def __init__(self, size: int, timeout: float | None = None, start: Callable[[], "Process"] | None = None) -> None:
        self._size, self._timeout = size, timeout
        self._start = start or start_worker
        self._inbox: Queue[tuple[_Worker, bytes]] = Queue()
        self._idle: list[_Worker] = []
        self._busy: list[_Worker] = []
        self._failed_starts = 0
        self._killed: Counter[int] = Counter()  # by number of the job
        self._alone: list[Job] = []  # to be done one by one, each with nothing beside it

    @property
    def room(self) -> int:
        """Number of workers that are idle or not yet started."""
        return 0 if self._alone else self._size - len(self._busy)

    def submit(self, job: Job) -> None:
        """Give the job to a worker, a new one if all are busy."""
        device = job.entries[0].device if job.entries else None
        # one that has used the device already: each process that does so takes some of its memory
        self._idle.sort(key=lambda worker: worker.device == device)
        worker = self._idle.pop() if self._idle else _Worker(self._start(), self._inbox)
        self._busy.append(worker)
        worker.begin(job)

    def ended(self, wait: float) -> list[Ending]:
        """Endings of the jobs that ended, that timed out, or whose worker died; waits for the first message only.

        Raises:
            SteepestError: workers keep dying before they begin a run.
        """
        if self._alone and not self._busy:
            self.submit(self._alone[0])
        endings = []
        with suppress(Empty):
            message = self._inbox.get(timeout=wait)
            while True:
                endings += self._handle(*message)
                message = self._inbox.get_nowait()
        for worker in [worker for worker in self._busy if worker.hangs(self._timeout)]:
            self._busy.remove(worker)
            worker.kill()
            finding = Finding(TIMED_OUT[worker.doing], {"seconds": worker.allowed(self._timeout or 0.0)})
            endings.append(Ending(worker.job.id, columns_of(finding)))
        ended = {ending.id for ending in endings}
        self._alone = [job for job in self._alone if job.id not in ended]
        return endings

    def _handle(self, worker: "_Worker", line: bytes) -> list[Ending]:
        """Update the state of a worker by a line that it sent; an empty line says that it has ended."""
        if worker in self._idle and not line:  # died between two jobs: there is nothing to repeat
            self._idle.remove(worker)
            worker.kill()
        if worker not in self._busy:  # also a worker that timed out: its ending is known already
            return []
        if line in TIMED_OUT:
            self._failed_starts = 0
            worker.start_clock(line)
            return []
        if line == LAST:
            worker.is_last = True
            return []
        self._busy.remove(worker)
        if line:
            if worker.is_last:
                worker.kill()
            else:
                self._idle.append(worker)
            return [Ending.from_json(line)]
        return self._replace(worker)

    def _replace(self, worker: "_Worker") -> list[Ending]:
        """A worker died with a job: the run has failed by what it did, else another worker gets it."""
        code, job = worker.kill(), worker.job
        finding = worker.finding(code)
        if worker.begun is not None and (code >= 0 or -code in CRASHES):
            return [Ending(job.id, columns_of(finding))]
        if worker.begun is not None:
            self._killed[job.id] += 1
            attempts = self._killed[job.id]
            if attempts >= MOST_KILLED:
                lost = Finding("killed_from_outside", {"attempts": attempts, **finding.numbers})
                return [Ending(job.id, columns_of(lost))]
            if attempts == MOST_KILLED - 1:
                self._alone.append(job)
            else:
                self.submit(job)
            return []
        self._failed_starts += 1
        if self._failed_starts >= MOST_FAILED_STARTS:
            raise SteepestError(
                f"{self._failed_starts} worker processes died before their first run; of the last one, {finding}"
            )
        self.submit(job)
        return []

    def close(self) -> None:
        """Kill all workers now."""
        for worker in [*self._busy, *self._idle]:
            worker.kill()
        self._busy, self._idle = [], []


@dataclass
class Process:
    """The handles of a worker process, however it was started.

    Attributes:
        jobs: the pipe that jobs are written to.
        endings: the pipe that endings are read from.
        errors: its standard error, and what it prints.
        kill: ends it, and the processes that it has started.
        wait: waits for its end and returns the exit code (minus the signal's number, if a signal ended it).
    """

    jobs: IO[bytes]
    endings: IO[bytes]
    errors: IO[bytes]
    kill: Callable[[], None]
    wait: Callable[[], int]


def start_worker() -> Process:
    """Start a worker process, in a session of its own: Ctrl-C in the terminal must not reach it before its parent."""
    pipe = subprocess.PIPE
    process = subprocess.Popen(COMMAND, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True)
    assert process.stdin and process.stdout and process.stderr

    def kill() -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)  # and the processes that it has started

    return Process(process.stdin, process.stdout, process.stderr, kill, process.wait)


@dataclass(eq=False)
class _Worker:
    """The pool's record of a worker process.

    Two threads read its pipes: a worker that fills a pipe which nobody reads would block.

    Attributes:
        job: its current job, or the last one.
        begun: start of the clock (monotonic, in seconds) for what it is doing; None until it has taken up the job.
        doing: `LOADING`, `READING` or `BEGUN`; each has the whole timeout.
        is_last: whether it is to be replaced after the current job.
        device: that of the current job, or of the last one.
        tail: the last lines of its standard error.
    """

    process: Process
    inbox: "Queue[tuple[_Worker, bytes]]"
    job: Job = field(init=False)
    begun: float | None = None
    doing: bytes = LOADING
    is_last: bool = False
    device: str | None = None
    tail: "deque[str]" = field(default_factory=lambda: deque(maxlen=TAIL))

    def __post_init__(self) -> None:
        self.readers = [
            threading.Thread(target=self._read_endings, daemon=True),
            threading.Thread(target=self._read_errors, daemon=True),
        ]
        for thread in self.readers:
            thread.start()

    def begin(self, job: Job) -> None:
        self.job, self.begun = job, None
        self.device = job.entries[0].device if job.entries else None
        with suppress(BrokenPipeError):  # it has died, which its reader reports to the inbox
            self.process.jobs.write(job.to_json().encode() + b"\n")
            self.process.jobs.flush()

    def hangs(self, timeout: float | None) -> bool:
        """Whether the job has taken longer than allowed."""
        if timeout is None or self.begun is None:
            return False
        return time.monotonic() - self.begun > self.allowed(timeout)

    def allowed(self, timeout: float) -> float:
        """Seconds for what it is doing; of a measurement each entry has the time of a run."""
        return timeout * len(self.job.entries) + (GRACE if self.doing == LOADING else 0.0)

    def start_clock(self, message: bytes) -> None:
        """Start the clock anew for what the message says."""
        self.begun, self.doing = time.monotonic(), message

    def _read_endings(self) -> None:
        """Pass on complete lines, then an empty one; a line that breaks off is lost with its worker."""
        for line in self.process.endings:
            if line.endswith(b"\n"):
                self.inbox.put((self, line))
        self.inbox.put((self, b""))

    def _read_errors(self) -> None:
        for line in self.process.errors:
            self.tail.append(line.decode(errors="replace").rstrip())

    def kill(self) -> int:
        """End it, if it has not ended; the exit code, or minus the number of the signal that ended it."""
        self.process.kill()
        code = self.process.wait()
        for thread in self.readers:
            thread.join()
        for pipe in (self.process.jobs, self.process.endings, self.process.errors):
            with suppress(BrokenPipeError):  # a job in the buffer that it never read
                pipe.close()
        return code

    def finding(self, code: int) -> Finding:
        """How it ended, with the last line of its standard error; after `kill`."""
        words = last_error(self.tail)
        said = {"words": words, "has_words": bool(words)}
        if code >= 0:
            return Finding("process_exited", {"exit_code": code} | said)
        killed = {"signal": signal.Signals(-code).name, "is_killed": -code == signal.SIGKILL}
        return Finding("process_died", killed | said)


def last_error(lines: "deque[str]") -> str:
    """The cause of a process's end in its standard error: the crash that faulthandler reports, or else the last line.

    Of a crash's traceback, the innermost line in the user's code.

    >>> crash = ["loading", "Fatal Python error: Aborted", "", "Current thread 0x1:", '  File "x.py", line 3 in f']
    >>> last_error(deque(crash))
    'Fatal Python error: Aborted, x.py, line 3'
    """
    written = [line.strip() for line in lines if line.strip()]
    crash = next((index for index, line in enumerate(written) if line.startswith("Fatal Python error")), None)
    if crash is None:
        return written[-1][:300] if written else ""
    frames = [match.groups() for line in written[crash:] if (match := FRAME.match(line))]
    where = next(((file, line) for file, line in frames if not is_library(file)), next(iter(frames), None))
    return f"{written[crash]}, {Path(where[0]).name}, line {where[1]}" if where else written[crash]
