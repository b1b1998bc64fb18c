"""The executor for a Ray cluster: each job is a Ray task that any node may do, repeated on another if its node dies.

Only this process reads and writes the study; nodes share no disk with it. They get jobs, with the content of the user's
files, and return endings. On a node a job is done in a worker process of ours, so that a run that crashes costs no
worker of Ray's, and is recorded with its cause.
"""

import hashlib
import logging
import math
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
from ...base.files import write
from ...base.modules import digests
from ...base.spec import parse
from ...findings.catalogue import Finding
from ..jobs import Ending, Entry, Job, columns_of
from .pool import Pool

__all__ = ["OnRay", "check"]

MOST_STARTS = 5
"""How often a job is started before its run is given up: so many of Ray's workers or nodes died under it."""

LOST = (
    "on ray: Ray's process on this machine (raylet) has died, so the study stops here; its finished runs are kept, go"
    " on with steepest compare --resume FOLDER"
)

NO_GPU = (
    "on ray: no node of the cluster has a GPU, so runs would wait for ever; start one with  ray start --num-gpus=1, or"
    " train on --device cpu"
)

CONNECT_TIMEOUT = 10.0
"""Seconds in which a cluster must answer."""

TASKS_A_PLACE = 2
"""Tasks submitted for each processor, or each share of a GPU, so that none is idle between two; waiting tasks let a
cluster scale up."""


class OnRay:
    """Does jobs on a Ray cluster: the one that this process is part of, that `RAY_ADDRESS` names, or a new local one.

    Args:
        jobs: the most that are done at a time; None: as many as the cluster has processors.
        timeout: seconds after which a run counts as hanging; None: never.
        gpus: the share of a GPU that each run takes, 1 for the whole of one; 0: none. What measures seconds takes a
            whole one.

    Raises:
        SteepestError: GPUs are needed and no node has one, so that runs would wait for ever.
    """

    def __init__(self, jobs: int | None = None, timeout: float | None = None, gpus: float = 0.0) -> None:
        self._ray, self._is_ours = _connect(jobs)
        self._pending: dict[Any, Job] = {}
        self._starts: dict[int, int] = {}
        self._most, self._timeout, self._gpus = jobs, timeout, gpus
        if gpus and not self._number_of("GPU"):
            self.close()
            raise SteepestError(NO_GPU)
        self._do = self._ray.remote(_do)
        self._raylet = _own_raylet(self._ray)

    @property
    def room(self) -> int:
        """How many more jobs are submitted to Ray."""
        places = self._number_of("CPU")
        if self._gpus:
            places = min(places, self._number_of("GPU") / self._gpus)
        most = self._most or TASKS_A_PLACE * max(1, int(places))
        return max(0, most - len(self._pending))

    def _number_of(self, resource: str) -> float:
        """How many processors or GPUs the cluster has now."""
        return float(self._ray.cluster_resources().get(resource, 0.0))

    def submit(self, job: Job) -> None:
        """Make the job a task."""
        self._starts[job.id] = self._starts.get(job.id, 0) + 1
        gpus = math.ceil(self._gpus) if job.timing or job.sizing else self._gpus
        # no retries by Ray: it would repeat a task that runs out of memory without end; `_starts` counts ours
        do = self._do.options(num_cpus=1, num_gpus=gpus or None, max_retries=0)
        self._pending[do.remote(job.to_json(), _folders(job), self._timeout, _version(), _libraries())] = job

    def ended(self, wait: float) -> list[Ending]:
        """The endings of the tasks that ended; a task whose worker or node died is started again.

        Raises:
            SteepestError: a node cannot do runs at all, for example because it has another version of steepest; or
                there is no Ray here any more, which is no run's fault.
        """
        endings: list[Ending] = []
        if not self._pending:
            return endings
        ready, _ = self._ray.wait(list(self._pending), num_returns=1, timeout=wait)
        if not ready:
            self._check_raylet()
        else:  # and all others that are ready by now
            ready, _ = self._ray.wait(list(self._pending), num_returns=len(self._pending), timeout=0)
        for task in ready:
            endings += self._read(task, self._pending.pop(task))
        return endings

    def _read(self, task: Any, job: Job) -> list[Ending]:
        errors = self._ray.exceptions
        try:
            return [Ending.from_json(self._ray.get(task))]
        except errors.RayTaskError as error:  # `_do` itself raised; an error of the run would be an ending
            raise SteepestError(f"on ray: a node cannot do runs: {_last_line(error)}") from None
        except errors.RayError as error:
            self._check_raylet()
            if self._starts[job.id] < MOST_STARTS:
                self.submit(job)
                return []
            finding = Finding("given_up_by_ray", {"attempts": MOST_STARTS, "words": _last_line(error)})
            return [Ending(job.id, columns_of(finding))]

    def _check_raylet(self) -> None:
        """Without its raylet this process can start nothing, and every job would seem to fail."""
        if self._raylet is not None and not _listens(self._raylet):
            self._pending = {}  # nobody is left to cancel them
            raise SteepestError(LOST)

    def close(self) -> None:
        """Cancel the jobs that are not done, and shut the cluster down if it was started here."""
        for task in self._pending:
            self._ray.cancel(task, force=True)
        self._pending = {}
        if self._is_ours:
            self._ray.shutdown()


def check() -> None:
    """Check that Ray is installed, and that a cluster answers where `RAY_ADDRESS` names one.

    Raises:
        InvalidValue: Ray is not installed.
        SteepestError: no cluster answers.
    """
    if find_spec("ray") is None:
        raise InvalidValue("on: ray is not installed; pip install 'steepest[ray]'")
    if address := os.environ.get("RAY_ADDRESS"):
        _check_connection(address)


def _connect(jobs: int | None) -> tuple[Any, bool]:
    """The module `ray`, connected, and whether this call has connected it (and `close` is to disconnect it)."""
    import ray

    if ray.is_initialized():
        return ray, False
    address = os.environ.get("RAY_ADDRESS")
    own: dict[str, Any] = {} if address else {"include_dashboard": False, "num_cpus": jobs}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ray.init(address=address or "local", log_to_driver=False, logging_level=logging.ERROR, **own)
    except Exception as error:  # of many kinds, plain `Exception` among them
        where = f"RAY_ADDRESS={address}: cannot be joined" if address else "on: Ray cannot be started here"
        raise SteepestError(f"{where} ({_last_line(error)})") from None
    return ray, True


def _own_raylet(ray: Any) -> str | None:
    """The socket of this machine's raylet; None where it cannot be found, as from a client of a remote cluster."""
    own = ray.get_runtime_context().get_node_id()
    sockets = [node["RayletSocketName"] for node in ray.nodes() if node["NodeID"] == own]
    return next((path for path in sockets if path and _listens(path)), None)


def _listens(path: str) -> bool:
    """Whether a process listens at a socket; a busy one does."""
    with socket.socket(socket.AF_UNIX) as caller:
        caller.settimeout(1.0)
        try:
            caller.connect(path)
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:
            pass
    return True


def _check_connection(address: str) -> None:
    """Check that a process listens at the address, before Ray does, which would try for minutes."""
    host, colon, port = address.rpartition("//")[2].rpartition(":")
    if not (colon and port.isdigit()):
        return
    try:
        socket.create_connection((host, int(port)), timeout=CONNECT_TIMEOUT).close()
    except OSError as error:
        reason = error.strerror or error
        raise SteepestError(
            f"RAY_ADDRESS={address}: no Ray answers there ({reason}); is the cluster running?"
        ) from None


def _last_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[-1].strip() if lines else type(error).__name__


# --- files ------------------------------------------------------------------------------------------------------------


Folders = dict[str, dict[str, bytes]]
"""The content of the user's files that a job needs, by folder, and by path within it."""


def _folders(job: Job) -> Folders:
    """The files of a job and those beside them that they import."""
    rules = {file for entry in job.entries if (file := parse(entry.rule).file)}
    files = rules | {entry.workload for entry in job.entries if Path(entry.workload).is_file()}
    folders: Folders = {}
    for main in sorted(map(Path, files)):
        contents = folders.setdefault(str(main.parent), {})
        contents |= {str(Path(path).relative_to(main.parent)): _content(path) for path in digests(main)}
    return folders


@cache  # read once: every job of a study must get the same content, whatever happens to the file meanwhile
def _content(file: str) -> bytes:
    return Path(file).read_bytes()


def _write_folder(contents: Mapping[str, bytes]) -> Path:
    """Write files on this machine, into a folder that is named after their content."""
    digest = hashlib.sha256()
    for name, content in sorted(contents.items()):
        digest.update(f"{name} {len(content)} ".encode() + content)
    folder = Path(tempfile.gettempdir()) / f"steepest-{digest.hexdigest()[:32]}"
    for name, content in contents.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if not file.is_file() or file.read_bytes() != content:
            write(file, content)  # other tasks may be writing the same file
    return folder


def _relocated(entry: Entry, folders: Mapping[str, str]) -> Entry:
    """The entry with the folders of its files replaced by those on this machine, its GPU by the first visible one."""
    workload, rule = entry.workload, entry.rule
    for original, folder in folders.items():
        if str(Path(workload).parent) == original:
            workload = str(Path(folder) / Path(workload).name)
        if (file := parse(rule).file) and str(Path(file).parent) == original:
            rule = rule.replace(f"{file}:", f"{Path(folder) / Path(file).name}:")
    device = "cuda:0" if entry.device == "cuda" else entry.device
    return replace(entry, workload=workload, rule=rule, device=device)


# --- on a node --------------------------------------------------------------------------------------------------------


def _do(job: str, contents: Folders, timeout: float | None, version: str, libraries: Mapping[str, str]) -> str:
    """The Ray task: do a job in a worker process of ours, and return its ending as JSON."""
    if version != _version():
        raise RuntimeError(f"it has steepest {_version()}, the study {version}; install the same")
    for name, number in _libraries().items():  # a run's numbers depend on them to the last bit
        if number != libraries[name]:
            raise RuntimeError(f"it has {name} {number}, the study {libraries[name]}; install the same")
    folders = {original: str(_write_folder(files)) for original, files in contents.items()}
    original = Job.from_json(job)
    pool = _pool(timeout, os.environ.get("CUDA_VISIBLE_DEVICES"))
    pool.submit(replace(original, entries=tuple(_relocated(entry, folders) for entry in original.entries)))
    endings: list[Ending] = []
    while not endings:
        endings = pool.ended(1.0)
    return endings[0].to_json()


def _version() -> str:
    return version("steepest")


def _libraries() -> dict[str, str]:
    return {name: version(name) for name in ("torch", "numpy")}


_POOLS: dict[tuple[float | None, str | None], Pool] = {}


def _pool(timeout: float | None, visible: str | None) -> Pool:
    """A pool of one worker process, kept from task to task while Ray gives them the same GPUs.

    Args:
        timeout: of a run.
        visible: the GPUs that Ray lets this task see; a process that has begun to use one sees no other.
    """
    if (timeout, visible) not in _POOLS:
        while _POOLS:  # which would keep memory of the other GPU
            _POOLS.popitem()[1].close()
        _POOLS[timeout, visible] = Pool(1, timeout)
    return _POOLS[timeout, visible]
