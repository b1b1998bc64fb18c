"""The executor for one run at a time: jobs are done in this process, one after the other."""

from ..jobs import Ending, Job
from .pool import Pool

__all__ = ["InProcess"]


class InProcess:
    """Does jobs in this process: there is nothing to start, but a run that kills its process kills this one.

    So a job that is `suspect`, since a process died in the middle of it before, is done in a worker process.
    """

    def __init__(self) -> None:
        self._next: Job | None = None
        self._isolated: Pool | None = None  # started with the first suspect job

    @property
    def room(self) -> int:
        """1, or 0 while there is a job."""
        return 0 if self._next is not None or (self._isolated and not self._isolated.room) else 1

    def submit(self, job: Job) -> None:
        """Keep the job until `ended` is called, or start it in a worker process if it is suspect."""
        if job.suspect:
            self._isolated = self._isolated or Pool(1)
            self._isolated.submit(job)
        else:
            self._next = job

    def ended(self, wait: float) -> list[Ending]:
        """Do the job, however long it takes; `wait` holds for a suspect job only."""
        from .worker import do  # the only part that needs torch

        if self._next is None:
            return self._isolated.ended(wait) if self._isolated else []
        job, self._next = self._next, None
        return [do(job)]

    def close(self) -> None:
        """End the worker process, if there is one."""
        if self._isolated:
            self._isolated.close()
