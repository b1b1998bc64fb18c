"""Who does the runs of a study: this process, worker processes, or a Ray cluster."""

import math
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from ...base.errors import InvalidValue, UnknownName, did_you_mean
from ...workloads import WORKLOADS
from ..jobs import Executor

__all__ = ["workforce"]

PLACES = ("processes", "ray")
"""Where runs can be done."""


@contextmanager
def workforce(
    workloads: str | Sequence[str] = (), rules: str | Sequence[str] = (), *, jobs: int | None, on: str,
    timeout: float | None,
) -> Iterator[Callable[[], Executor]]:  # fmt: skip
    """What starts those who do the runs, as `compare` describes them; processes begin to load what they need at once.

    Args:
        workloads: those that will be trained, as the user named them.
        rules: those that will compete; files of the user's own are left until they run.
        jobs, on, timeout: see `compare`.

    Raises:
        InvalidValue: one of the last three is out of range.
    """
    count = _jobs(jobs)
    if timeout is not None and not (isinstance(timeout, int | float) and 0 < timeout < math.inf):
        raise InvalidValue(f"timeout: must be seconds above 0, got {timeout!r}")
    if on not in PLACES:
        raise UnknownName(f"on: unknown place {on!r}; {did_you_mean(on, PLACES)}")
    if on == "ray":
        from .on_ray import OnRay, check

        check()
        yield lambda: OnRay(jobs, timeout)
    elif count == 1 and timeout is None:
        from .here import Here

        yield Here
    else:
        from .nursery import Nursery
        from .pool import Pool

        nursery = Nursery(_built_in(workloads), [each for each in _listed(rules) if ".py" not in each])
        try:
            yield lambda: Pool(count, timeout, nursery.start_worker)
        finally:
            nursery.close()


def _built_in(workloads: str | Sequence[str]) -> list[str]:
    return [each for each in _listed(workloads) if each.partition("(")[0].strip() in WORKLOADS]


def _listed(names: str | Sequence[str]) -> list[str]:
    return [names] if isinstance(names, str) else [*names]


def _jobs(jobs: int | None) -> int:
    if jobs is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if isinstance(jobs, bool) or not isinstance(jobs, int) or jobs < 1:
        raise InvalidValue(f"jobs: must be a whole number from 1, got {jobs!r}")
    return jobs
