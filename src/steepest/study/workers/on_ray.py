"""Runs on a Ray cluster: each is a task that may be done on any node, and again where its node dies.

Only this process reads and writes the study; nodes share no disk with it. They get jobs, with the user's files by
content, and give endings. On a node a job is done in a process of its own, as everywhere, so that what goes wrong with
a run costs no worker of Ray's, and is recorded with its last words.
"""

import hashlib
import logging
import os
import socket
import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ...base.errors import InvalidValue, SteepestError
from ...base.spec import parse
from ...base.status import Status
from ..jobs import Ending, Entry, Job
from .pool import Pool

__all__ = ["OnRay", "check"]

LIVES = 5
"""How often a task is begun before its run is given up: so many of Ray's workers or nodes died under it."""

REACH = 10.0
"""Seconds in which a cluster must answer."""

AHEAD = 2
"""Tasks handed to Ray for each processor, so that none waits for the next one; what waits lets a cluster grow."""


class OnRay:
    """Does jobs on a Ray cluster: the one that this process is part of, that `RAY_ADDRESS` names, or a new local one.

    Args:
        jobs: the most that are done at a time; None: as many as the cluster has processors.
        timeout: seconds after which a run counts as hanging; None: never.
    """

    def __init__(self, jobs: int | None = None, timeout: float | None = None) -> None:
        self._ray, self._is_ours = _connect(jobs)
        self._most, self._timeout = jobs, timeout
        # Ray would repeat a task without end that runs out of memory; here the lives are counted
        self._do = self._ray.remote(_do).options(num_cpus=1, max_retries=0)
        self._pending: dict[Any, Job] = {}
        self._begun: dict[int, int] = {}

    @property
    def room(self) -> int:
        """How many more tasks Ray gets."""
        most = self._most or AHEAD * max(1, int(self._ray.cluster_resources().get("CPU", 1)))
        return max(0, most - len(self._pending))

    def submit(self, job: Job) -> None:
        """Make the job a task."""
        self._begun[job.id] = self._begun.get(job.id, 0) + 1
        task = self._do.remote(job.to_json(), _contents(_files(job)), self._timeout, _version())
        self._pending[task] = job

    def ended(self, wait: float) -> list[Ending]:
        """Those that ended; a task whose worker or node died is begun again."""
        found: list[Ending] = []
        if not self._pending:
            return found
        ready, _ = self._ray.wait(list(self._pending), num_returns=1, timeout=wait)
        if ready:
            ready, _ = self._ray.wait(list(self._pending), num_returns=len(self._pending), timeout=0)
        for task in ready:
            found += self._read(task, self._pending.pop(task))
        return found

    def _read(self, task: Any, job: Job) -> list[Ending]:
        errors = self._ray.exceptions
        try:
            return [Ending.from_json(self._ray.get(task))]
        except errors.RayTaskError as error:  # not the run's fault: that is an ending
            raise SteepestError(f"on ray: a node cannot do runs: {_last_line(error)}") from None
        except errors.RayError as error:
            if self._begun[job.id] < LIVES:
                self.submit(job)
                return []
            message = f"Ray gave it up {LIVES} times: {_last_line(error)}"
            return [Ending(job.id, {"status": Status.FAILED, "message": message})]

    def close(self) -> None:
        """Give up what is not done, and the cluster if it was started here."""
        for task in self._pending:
            self._ray.cancel(task, force=True)
        self._pending = {}
        if self._is_ours:
            self._ray.shutdown()


def check() -> None:
    """See that Ray is installed, and that a cluster answers where one is named.

    Raises:
        InvalidValue, SteepestError: it is not, or none does.
    """
    if find_spec("ray") is None:
        raise InvalidValue("on: ray is not installed; pip install 'steepest[ray]'")
    if address := os.environ.get("RAY_ADDRESS"):
        _reach(address)


def _connect(jobs: int | None) -> tuple[Any, bool]:
    """Ray, and whether this process has just joined or started it."""
    import ray

    if ray.is_initialized():
        return ray, False
    address = os.environ.get("RAY_ADDRESS")
    own: dict[str, Any] = {} if address else {"include_dashboard": False, "num_cpus": jobs}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ray.init(address=address or "local", log_to_driver=False, logging_level=logging.ERROR, **own)
    except (ConnectionError, RuntimeError, ValueError) as error:
        where = f"RAY_ADDRESS={address}: cannot be joined" if address else "on: Ray cannot be started here"
        raise SteepestError(f"{where} ({_last_line(error)})") from None
    return ray, True


def _reach(address: str) -> None:
    """See that somebody listens there: Ray itself would try for minutes."""
    host, colon, port = address.rpartition("//")[2].rpartition(":")
    if not (colon and port.isdigit()):
        return
    try:
        socket.create_connection((host, int(port)), timeout=REACH).close()
    except OSError as error:
        reason = error.strerror or error
        raise SteepestError(
            f"RAY_ADDRESS={address}: no Ray answers there ({reason}); is the cluster running?"
        ) from None


def _last_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[-1].strip() if lines else type(error).__name__


# --- files ------------------------------------------------------------------------------------------------------------


def _files(job: Job) -> set[str]:
    """The user's files that a job needs."""
    rules = {file for each in job.entries if (file := parse(each.rule).file)}
    return rules | {each.workload for each in job.entries if Path(each.workload).is_file()}


def _contents(files: set[str]) -> dict[str, bytes]:
    return {file: _content(file) for file in sorted(files)}


@cache
def _content(file: str) -> bytes:
    return Path(file).read_bytes()


def _put(files: Mapping[str, bytes]) -> dict[str, str]:
    """Write files on this machine, each in a folder of its content; gives where by where they were."""
    return {file: str(_placed(Path(file).name, content)) for file, content in files.items()}


def _placed(name: str, content: bytes) -> Path:
    home = Path(tempfile.gettempdir()) / f"steepest-{hashlib.sha256(content).hexdigest()[:32]}"
    home.mkdir(exist_ok=True)
    file = home / name
    if not file.is_file():
        part = home / f"{os.getpid()}.part"  # others may be at it, too
        part.write_bytes(content)
        part.replace(file)
    return file


def _moved(entry: Entry, places: Mapping[str, str]) -> Entry:
    """The entry with its files where they are on this machine."""
    rule = entry.rule
    for before, after in places.items():
        rule = rule.replace(f"{before}:", f"{after}:")
    return replace(entry, workload=places.get(entry.workload, entry.workload), rule=rule)


# --- on a node --------------------------------------------------------------------------------------------------------


def _do(job: str, files: Mapping[str, bytes], timeout: float | None, wanted: str) -> str:
    """The task: do a job here, in this Ray worker's own worker process."""
    if wanted != _version():
        raise RuntimeError(f"it has steepest {_version()}, the study {wanted}; install the same")
    places = _put(files)
    given = Job.from_json(job)
    pool = _pool(timeout)
    pool.submit(replace(given, entries=tuple(_moved(each, places) for each in given.entries)))
    endings: list[Ending] = []
    while not endings:
        endings = pool.ended(1.0)
    return endings[0].to_json()


def _version() -> str:
    return version("steepest")


@cache
def _pool(timeout: float | None) -> Pool:
    """One worker process, kept from task to task."""
    return Pool(1, timeout)
