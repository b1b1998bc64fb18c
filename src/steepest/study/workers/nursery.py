"""Workers in milliseconds: a process that has loaded everything, of which each worker is a fork.

Loading torch and the compiled rules takes a process seconds, as long as a hundred runs of a small network. So one
process does it for all workers, while the study is still being planned, and does nothing else: it has one thread and
trains nothing, which is what makes its forks safe.
"""

import faulthandler
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import cached_property
from typing import NoReturn

from .pool import Process, start_worker
from .serving import serve

__all__ = ["Nursery", "tend"]

GONE = -signal.SIGKILL
"""The exit code of a worker whose nursery ended before it could tell."""

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""Keeps libraries from starting threads while they are loaded, which a fork would lose; a run has one anyway."""


class Nursery:
    """A process that forks workers; it ends when closed, or with the process that has it.

    Where processes do not fork well (that is, not on Linux), workers are started one by one instead.

    Args:
        workloads: built-in workloads that its workers shall have loaded.
        rules: specs of rules whose compiled steps they shall have loaded.
    """

    def __init__(self, workloads: Iterable[str] = (), rules: Iterable[str] = ()) -> None:
        self._link: socket.socket | None = None
        if not sys.platform.startswith("linux"):
            return
        self._link, theirs = socket.socketpair()
        wanted = json.dumps([theirs.fileno(), [*workloads], [*rules]])
        command = [sys.executable, "-m", "steepest.study.workers", wanted]
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()], env=os.environ | ONE_THREAD,
            start_new_session=True,
        )  # fmt: skip
        theirs.close()

    def start_worker(self) -> Process:
        """A new worker, as `pool.start_worker` gives it; it begins when the nursery has loaded everything."""
        if self._link is None:
            return start_worker()
        pipes = [os.pipe() for _ in range(4)]
        (jobs, to_worker), (from_worker, endings), (heard, complaints), (news, tell) = pipes
        theirs = [jobs, endings, complaints, tell]
        try:
            socket.send_fds(self._link, [b"\n"], theirs)
        except OSError:  # the nursery is no more
            self.close()
            for end in (to_worker, from_worker, heard, news):
                os.close(end)
            return start_worker()
        finally:
            for end in theirs:
                os.close(end)
        life = _Life(news)
        return Process(
            os.fdopen(to_worker, "wb"), os.fdopen(from_worker, "rb"), os.fdopen(heard, "rb"), life.kill, life.wait
        )

    def close(self) -> None:
        """End the nursery; its workers live on."""
        if self._link is not None:
            self._link.close()
            self._link = None
            self._process.kill()
            self._process.wait()


class _Life:
    """What the nursery tells of a worker, a line each: first its number, in the end how it ended."""

    def __init__(self, news: int) -> None:
        self._news = os.fdopen(news, "rb")
        self._code: int | None = None

    @cached_property
    def number(self) -> int:
        """Of the process; 0 if there was none."""
        return self._read(default=0)

    def kill(self) -> None:
        if self.number and self._code is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.number, signal.SIGKILL)  # with whatever it has started

    def wait(self) -> int:
        self.kill()
        if self._code is None:
            self._code = self._read(default=GONE)
            self._news.close()
        return self._code

    def _read(self, default: int) -> int:
        line = self._news.readline()
        return int(line) if line.endswith(b"\n") else default


# --- the other side ---------------------------------------------------------------------------------------------------


def tend(link: int, workloads: Sequence[str] = (), rules: Sequence[str] = ()) -> NoReturn:
    """Be a nursery: load everything, fork a worker whenever one is wanted, and tell how each ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the affair of whoever wants the workers
    _load(workloads, rules)
    gc.collect()
    gc.freeze()  # what is loaded stays: workers need not look through it for garbage, which would also copy its memory
    wanted, bell = socket.socket(fileno=link), _bell_of_deaths()
    workers: dict[int, int] = {}
    while True:
        ready, _, _ = select.select([link, bell], [], [])
        if bell in ready:
            os.read(bell, 4096)
            _tell_of_the_dead(workers)
        if link in ready:
            message, pipes, _, _ = socket.recv_fds(wanted, 1, 4)
            if not message:
                os._exit(0)
            _fork(pipes, workers, wanted, bell)


def _load(workloads: Sequence[str], rules: Sequence[str]) -> None:
    """What goes wrong here goes wrong again where it is needed, and is told there."""
    import torch

    torch.set_num_threads(1)
    from ... import workloads as known
    from . import worker  # noqa: F401

    for name in workloads:
        with suppress(Exception):
            known.find(name)
    for spec in rules:
        with suppress(Exception):
            _step_once(spec)


def _step_once(spec: str) -> None:
    """One step of the rule, which loads its kernel. (A backward pass might start threads of autograd's.)"""
    import torch

    from ...optim import as_optimizer
    from ...rules import find

    rule, weight = find(spec), torch.nn.Parameter(torch.ones(2, 2))
    weight.grad = torch.ones(2, 2)
    as_optimizer(type(rule))([weight], **{name: getattr(rule, name) for name in rule.hyperparameters()}).step()


def _bell_of_deaths() -> int:
    """A pipe that something can be read from when a worker has ended."""
    bell, ring = os.pipe()
    os.set_blocking(ring, False)
    signal.set_wakeup_fd(ring)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    return bell


def _fork(pipes: Sequence[int], workers: dict[int, int], *own: "socket.socket | int") -> None:
    jobs, endings, complaints, tell = pipes
    number = os.fork()
    if number == 0:
        try:
            _be_a_worker(jobs, endings, complaints, [tell, *workers.values(), *own])
        finally:
            os._exit(70)
    for end in (jobs, endings, complaints):
        os.close(end)
    workers[number] = tell
    with suppress(PermissionError, ProcessLookupError):
        os.setpgid(number, number)  # whichever of the two is first; from then on it can be killed as a group
    _tell(tell, number)


def _be_a_worker(jobs: int, endings: int, complaints: int, others: Sequence["socket.socket | int"]) -> None:
    with suppress(PermissionError):
        os.setpgid(0, 0)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for end in others:
        os.close(end if isinstance(end, int) else end.detach())
    os.dup2(complaints, 2)
    os.dup2(complaints, 1)  # what a user's file prints must not stand among the endings
    os.close(complaints)
    faulthandler.enable()
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    serve(os.fdopen(jobs, "rb"), os.fdopen(endings, "wb"))


def _tell_of_the_dead(workers: dict[int, int]) -> None:
    while workers:
        number, status = os.waitpid(-1, os.WNOHANG)
        if not number:
            return
        tell = workers.pop(number)
        _tell(tell, os.waitstatus_to_exitcode(status))
        os.close(tell)


def _tell(pipe: int, number: int) -> None:
    with suppress(BrokenPipeError):  # nobody wants to know any more
        os.write(pipe, b"%d\n" % number)
