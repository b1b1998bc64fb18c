"""How much memory and how many open files a worker process has gained by work that it had done before: a leak."""

import resource
import sys
from collections.abc import Callable
from pathlib import Path

from ..jobs import Job

__all__ = ["MOST_FILES", "MOST_MEMORY", "Growth"]

MOST_MEMORY = 1 << 29
"""Bytes that a worker may gain before another takes its place: half a GiB, a quarter of what machines have for each
core; a new worker costs milliseconds, and seconds where forks are not possible."""

MOST_FILES = 256
"""Files that a worker may gain: a quarter of the 1,024 that systems allow a process unless told otherwise."""


def usage() -> tuple[int, int]:
    """Bytes in memory (where the system does not tell, the most there ever were) and number of open files."""
    try:
        memory = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    except OSError:
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        memory = most if sys.platform == "darwin" else most * 1024
    try:
        return memory, sum(1 for _ in Path("/dev/fd").iterdir())
    except OSError:
        return memory, 0


class Growth:
    """Counts what jobs leave behind, without what the first job of its kind loads: data and kernels are kept.

    Args:
        measure: gives bytes and files.

    >>> readings = iter([(0, 5), (10 << 30, 9), (10 << 30, 300)])
    >>> growth, job = Growth(lambda: next(readings)), Job(1, ())
    >>> growth.is_too_much_after(job), growth.is_too_much_after(job)
    (False, True)
    """

    def __init__(self, measure: Callable[[], tuple[int, int]] = usage) -> None:
        self._measure, self._before = measure, measure()
        self._kinds: set[object] = set()
        self._memory = self._files = 0

    def is_too_much_after(self, job: Job) -> bool:
        """Whether the process should be replaced; called after each job."""
        kind = job.timing, tuple((entry.workload, entry.rule, entry.batch_size) for entry in job.entries)
        memory, files = self._measure()
        if kind in self._kinds:
            self._memory = max(0, self._memory + memory - self._before[0])
            self._files = max(0, self._files + files - self._before[1])
        self._kinds.add(kind)
        self._before = memory, files
        return self._memory > MOST_MEMORY or self._files > MOST_FILES
