"""The fork server: a process that has loaded everything, so that a worker, forked from it, starts in milliseconds.

Loading torch and the compiled rules takes a process seconds, as long as a hundred runs of a small network. So one
process does it for all workers, while the study is still being planned, and does nothing else. It has one thread and
trains nothing: a fork copies the calling thread only, and would inherit the locks of others for ever. For the same
reason it touches no accelerator, whose drivers do not survive a fork.
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

from .pool import COMMAND, Process, start_worker
from .serving import serve

__all__ = ["ForkServer", "run_fork_server"]

UNKNOWN_EXIT = -signal.SIGKILL
"""The exit code assumed of a worker whose fork server ended before it reported one."""

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""Keeps libraries from starting threads while they are loaded, which a fork would lose; a run has one anyway."""


class ForkServer:
    """The client's side: starts the fork server and requests workers from it.

    The server ends when closed, or with the process that started it. Where forks are not safe (outside of Linux),
    there is no server, and each worker is started as a new process instead.

    Args:
        workloads: built-in workloads to load in advance.
        rules: specs of rules whose compiled steps to load in advance.
    """

    def __init__(self, workloads: Iterable[str] = (), rules: Iterable[str] = ()) -> None:
        self._link: socket.socket | None = None
        if not sys.platform.startswith("linux"):
            return
        self._link, theirs = socket.socketpair()
        arguments = json.dumps([theirs.fileno(), [*workloads], [*rules]])
        command = [sys.executable, "-m", "steepest.study.workers", arguments]
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()], env=os.environ | ONE_THREAD,
            start_new_session=True,
        )  # fmt: skip
        theirs.close()

    def start_worker(self) -> Process:
        """A new worker, as `pool.start_worker` gives it; it begins when the server has loaded everything."""
        if self._link is None:
            return start_worker()
        pipes = [os.pipe() for _ in range(4)]
        (jobs_out, jobs_in), (endings_out, endings_in), (errors_out, errors_in), (report_out, report_in) = pipes
        theirs = [jobs_out, endings_in, errors_in, report_in]
        try:
            socket.send_fds(self._link, [b"\n"], theirs)
        except OSError:  # the server has died: do without one from now on
            self.close()
            for end in (jobs_in, endings_out, errors_out, report_out):
                os.close(end)
            return start_worker()
        finally:
            for end in theirs:
                os.close(end)
        worker = _ForkedWorker(report_out)
        return Process(
            os.fdopen(jobs_in, "wb"), os.fdopen(endings_out, "rb"), os.fdopen(errors_out, "rb"),
            worker.kill, worker.wait,
        )  # fmt: skip

    def close(self) -> None:
        """End the server; its workers live on."""
        if self._link is not None:
            self._link.close()
            self._link = None
            self._process.kill()
            self._process.wait()


class _ForkedWorker:
    """A worker as its grandparent sees it, which cannot wait for it: only the server, its parent, can.

    The server writes two lines to the pipe `report`: the number of the process, and when it has ended, its exit code.
    """

    def __init__(self, report: int) -> None:
        self._report = os.fdopen(report, "rb")
        self._code: int | None = None

    @cached_property
    def number(self) -> int:
        """Number of the process; 0 if the server died before it forked."""
        return self._read(default=0)

    def kill(self) -> None:
        if self.number and self._code is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.number, signal.SIGKILL)  # and the processes that it has started

    def wait(self) -> int:
        self.kill()
        if self._code is None:
            self._code = self._read(default=UNKNOWN_EXIT)
            self._report.close()
        return self._code

    def _read(self, default: int) -> int:
        line = self._report.readline()
        return int(line) if line.endswith(b"\n") else default


# --- the process of the server ----------------------------------------------------------------------------------------


def run_fork_server(link: int, workloads: Sequence[str] = (), rules: Sequence[str] = ()) -> NoReturn:
    """The main loop of the server: load everything, fork a worker for each request, and report how each ended.

    Args:
        link: descriptor of the socket that requests come in on, each with four pipes; the server ends when it closes.
        workloads: built-in workloads to load.
        rules: specs of rules whose compiled steps to load.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is handled by the client, which then closes the link
    _load(workloads, rules)
    gc.collect()
    gc.freeze()  # keeps workers from searching the loaded objects for garbage, which would copy their memory
    requests, exit_signal = socket.socket(fileno=link), _pipe_of_exits()
    workers: dict[int, int] = {}  # the pipe `report` of each living worker, by process number
    while True:
        ready, _, _ = select.select([link, exit_signal], [], [])
        if exit_signal in ready:
            os.read(exit_signal, 4096)
            _report_exits(workers)
        if link in ready:
            message, pipes, _, _ = socket.recv_fds(requests, 1, 4)
            if not message:
                os._exit(0)
            _fork(pipes, workers, requests, exit_signal)


def _load(workloads: Sequence[str], rules: Sequence[str]) -> None:
    """Load modules, data and kernels; an error is ignored here, since it recurs and is reported in the run."""
    import torch

    torch.set_num_threads(1)
    from ...workloads import find
    from . import worker  # noqa: F401

    for name in workloads:
        with suppress(Exception):
            find(name)
    for spec in rules:
        with suppress(Exception):
            _step_once(spec)


def _step_once(spec: str) -> None:
    """One step of the rule on a fixed gradient, which loads its kernel. (A backward pass might start threads.)"""
    import torch

    from ...base.spec import parse
    from ...optim import as_optimizer
    from ...rules import find

    if parse(spec).module:  # an installed module may start threads while it is imported
        return
    rule, weight = find(spec), torch.nn.Parameter(torch.ones(2, 2))
    weight.grad = torch.ones(2, 2)
    as_optimizer(type(rule))([weight], **{name: getattr(rule, name) for name in rule.hyperparameters()}).step()


def _pipe_of_exits() -> int:
    """A descriptor that becomes readable when a worker has ended, for `select` (the self-pipe trick)."""
    readable, writable = os.pipe()
    os.set_blocking(writable, False)
    signal.set_wakeup_fd(writable)
    signal.signal(signal.SIGCHLD, lambda *_: None)  # without a handler the signal is ignored and wakes nothing
    return readable


def _fork(pipes: Sequence[int], workers: dict[int, int], *own: "socket.socket | int") -> None:
    """Fork a worker with these pipes and enter it in `workers`; `own` are the server's descriptors."""
    jobs, endings, errors, report = pipes
    number = os.fork()
    if number == 0:
        try:
            _run_worker(jobs, endings, errors, [report, *workers.values(), *own])
        finally:
            os._exit(70)  # never return into the server's loop
    for end in (jobs, endings, errors):
        os.close(end)
    workers[number] = report
    with suppress(PermissionError, ProcessLookupError):
        os.setpgid(number, number)  # parent and child both do it: whoever reads the number may kill the group at once
    _write_number(report, number)


def _run_worker(jobs: int, endings: int, errors: int, others: Sequence["socket.socket | int"]) -> None:
    """Turn the fork into a worker; `others` are descriptors that it must not hold, or their readers see no end."""
    with suppress(PermissionError):
        os.setpgid(0, 0)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for end in others:
        os.close(end if isinstance(end, int) else end.detach())
    os.dup2(errors, 2)
    if _accelerator_is_lost():
        _start_afresh(jobs, endings)
    os.dup2(errors, 1)  # output of a user's file must not mix with the endings
    os.close(errors)
    faulthandler.enable()
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    serve(os.fdopen(jobs, "rb"), os.fdopen(endings, "wb"))


def _accelerator_is_lost() -> bool:
    """Whether the server has initialised an accelerator, as the file of a workload may: then no fork can use it."""
    import torch

    modules = [getattr(torch, name, None) for name in ("cuda", "xpu", "mtia")]
    return any(module is not None and module._is_in_bad_fork() for module in modules)


def _start_afresh(jobs: int, endings: int) -> NoReturn:
    """Become a worker as `pool.start_worker` starts it: another program in this process, with nothing loaded."""
    os.dup2(jobs, 0)
    os.dup2(endings, 1)
    os.closerange(3, max(jobs, endings) + 1)
    os.execv(COMMAND[0], COMMAND)


def _report_exits(workers: dict[int, int]) -> None:
    """Report the exit codes of all workers that have ended; one signal may stand for several."""
    while workers:
        number, status = os.waitpid(-1, os.WNOHANG)
        if not number:
            return
        report = workers.pop(number)
        _write_number(report, os.waitstatus_to_exitcode(status))
        os.close(report)


def _write_number(pipe: int, number: int) -> None:
    with suppress(BrokenPipeError):  # the client has closed the pipe
        os.write(pipe, b"%d\n" % number)
