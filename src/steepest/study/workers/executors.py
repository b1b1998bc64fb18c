"""The choice of an executor, from the options `jobs`, `on` and `timeout` of a comparison."""

import math
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from ...base.checks import check_whole
from ...base.errors import InvalidValue, UnknownName, did_you_mean
from ...workloads import WORKLOADS
from ..devices import CPU, DEFAULT, kind_of, places
from ..jobs import Executor

__all__ = ["at_a_time", "check_on", "executor_factory"]

MOST_JOBS = 1024
"""Processes of one machine."""

PLACES = ("processes", "ray")
"""The values of the option `on`."""


@contextmanager
def executor_factory(
    workloads: str | Sequence[str] = (), rules: str | Sequence[str] = (), *, jobs: int | None, on: str,
    timeout: float | None, isolate: bool = False, devices: Sequence[str] = DEFAULT, per_device: int | None = None,
) -> Iterator[Callable[[], Executor]]:  # fmt: skip
    """A context manager that gives a function without arguments, which makes the executor.

    The executor is made when the study is planned; a fork server is started right away and loads meanwhile.

    Args:
        workloads: the workloads that will be trained, as the user named them.
        rules: the rules that will compete; a user's files are not loaded before they run.
        jobs, on, timeout: see `compare`.
        isolate: whether one job at a time is done in a worker process too, where a file of the user's takes part: then
            a crash costs a run and not this process.
        devices: where runs will train, for the number of them at a time; see `steepest.study.devices`.
        per_device: how many share a device. Default: one each, or on a CPU one a core.

    Raises:
        InvalidValue: `jobs` or `timeout` is out of range, or Ray is not installed.
        UnknownName: `on` is neither `processes` nor `ray`.
        SteepestError: no Ray cluster answers at `RAY_ADDRESS`.

    >>> with executor_factory(jobs=1, on="processes", timeout=None) as make_executor:
    ...     make_executor().room
    1
    """
    check_on(on)
    count = at_a_time(jobs, devices, per_device)
    named, specs = ([names] if isinstance(names, str) else names for names in (workloads, rules))
    if timeout is not None and not (isinstance(timeout, int | float) and 0 < timeout < math.inf):
        raise InvalidValue(f"timeout: must be seconds above 0, got {timeout!r}")
    if on == "ray":
        from .on_ray import OnRay, check

        check()
        gpus = 0.0 if kind_of(devices[0]) == CPU else 1 / (per_device or 1)
        yield lambda: OnRay(jobs, timeout, gpus)
    elif count == 1 and timeout is None and not (isolate and any(".py" in name for name in [*named, *specs])):
        from .in_process import InProcess

        yield InProcess
    else:
        from .fork_server import ForkServer
        from .pool import Pool

        built_in = [name for name in named if name.partition("(")[0].strip() in WORKLOADS]
        server = ForkServer(built_in, [spec for spec in specs if ".py" not in spec])
        try:
            yield lambda: Pool(count, timeout, server.start_worker)
        finally:
            server.close()


def at_a_time(jobs: int | None, devices: Sequence[str] = DEFAULT, per_device: int | None = None) -> int:
    """The number of runs that this machine does at a time; raises as `executor_factory`."""
    return _jobs(places(devices, per_device, jobs if jobs is None else _jobs(jobs)))


def check_on(on: str) -> None:
    """Raise `UnknownName` unless there is such a place to do runs."""
    if on not in PLACES:
        raise UnknownName(f"on: unknown place {on!r}; {did_you_mean(on, PLACES)}")


def _jobs(jobs: int | None) -> int:
    """The number of jobs at a time; by default the number of cores that this process may use."""
    if jobs is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    check_whole("jobs", jobs)
    if jobs > MOST_JOBS:
        raise InvalidValue(f"jobs: must be at most {MOST_JOBS:,}, got {jobs:,}")
    return jobs
