"""Runs in this process, one after the other."""

from ..jobs import Ending, Job
from .pool import Pool

__all__ = ["Here"]


class Here:
    """Does jobs in this process: nothing to start, but a run that kills its process kills this one.

    So a run in the middle of which a process died before is done in a process of its own.
    """

    def __init__(self) -> None:
        self._next: Job | None = None
        self._apart: Pool | None = None

    @property
    def room(self) -> int:
        """1, or 0 while there is a job."""
        return 0 if self._next is not None or (self._apart and not self._apart.room) else 1

    def submit(self, job: Job) -> None:
        """Keep the job until it is asked for."""
        if job.suspect:
            self._apart = self._apart or Pool(1)
            self._apart.submit(job)
        else:
            self._next = job

    def ended(self, wait: float) -> list[Ending]:
        """Do the job, however long it takes."""
        from .worker import do  # the only part that needs torch

        if self._next is None:
            return self._apart.ended(wait) if self._apart else []
        job, self._next = self._next, None
        return [do(job)]

    def close(self) -> None:
        """End the process of its own, if there is one."""
        if self._apart:
            self._apart.close()
