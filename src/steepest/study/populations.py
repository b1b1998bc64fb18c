"""Which runs of a study train as one (a population, see `steepest.training.population`), and in which groups.

A choice is made for each optimizer of a workload, once, before its first run, and stored with the study: results of a
population differ from those of runs by themselves in their last bits. All runs of the optimizer are trained that way
then, a single one that remains too, whatever is resumed or crashes; so how many processes share the work changes
nothing.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ..base.errors import InvalidValue
from .jobs import Ending, Job, Task, job_of
from .store import Store

__all__ = ["CHOICES", "Groups", "check_choice", "measurements", "note"]

CHOICES = ("auto", "on", "off")
"""Populations where a measurement says that they are faster; wherever the results are the same; nowhere."""

RAISED = "run_raised"
"""The code of the finding of what raised an exception."""

LEAST_RUNS = 48
"""Runs on a workload below which nothing is measured and all train one by one: the measurement takes as long."""

MOST_ATTEMPTS = 2
"""How often sizes are measured before runs train by themselves: something in it has killed this process each time."""

LEAST = 8
"""Runs of a group, if there are as many: fewer are hardly faster than one by one."""

VARYING = ("rule", "settings", "schedule", "seed")
"""What the runs of a population need not have in common."""

Sizes = Mapping[str, Mapping[str, int]]
"""By workload and label: how many runs train as one; 0: each by itself."""


def check_choice(population: str) -> str:
    """The choice; raises `InvalidValue` if it is none."""
    if population not in CHOICES:
        raise InvalidValue(f"population: must be auto, on or off, got {population!r}")
    return population


def measurements(store: Store, device: str = "cpu") -> Iterator[Job]:
    """The jobs that find out the sizes of populations on a device, of those contestants that have none yet."""
    choice, known, plan = store.population_choice(), store.population_sizes(), store.plan
    if choice == "off":
        return
    for number, goal in enumerate(plan.workloads):
        indices = plan.indices_on(goal.name)
        new = [index for index in indices if plan.contestants[index].label not in known.get(goal.name, {})]
        # a sampler waits for the results of a few trials at a time
        is_small = choice == "auto" and (plan.is_adaptive or plan.on(goal.name).runs < LEAST_RUNS)
        if new and (is_small or store.begin_population_attempt() >= MOST_ATTEMPTS):
            store.note_population_sizes(goal.name, {plan.contestants[index].label: 0 for index in new})
        elif new:
            tasks = [Task(0, index, "search", 0, plan.seeds_of(0)[0], 1) for index in new]
            entries = tuple(job_of(plan, task, device).entries[0] for task in tasks)
            yield Job(-1 - number, entries, sizing=choice)


def note(store: Store, job: Job, ending: Ending) -> None:
    """Store what such a job found out; of one that failed: that runs train one by one."""
    workload, plan = job.entries[0].workload, store.plan
    known = store.population_sizes().get(workload, {})
    labels = [one.label for one in plan.on(workload).contestants if one.label not in known]
    sizes = ending.sizes or [0] * len(job.entries)
    store.note_population_sizes(workload, dict(zip(labels, sizes, strict=False)))


class Groups:
    """The tasks that a process takes from the queue, in groups that each become one job.

    Args:
        store: the study.
        session: the process's.
        job: makes the job of a task.
    """

    def __init__(self, store: Store, session: int, job: Callable[[Task], Job]) -> None:
        self._store, self._session, self._job = store, session, job
        self._taken: list[list[Task]] = []
        self._suspects: set[int] = set()
        self._sizes: Sizes = {}

    def read_sizes(self) -> None:
        """Read the sizes anew."""
        self._sizes = self._store.population_sizes()

    def share(self, workers: int) -> int:
        """How many of the runs that wait each of the workers gets, where all begin together."""
        return -(-self._store.counts().get("waiting", 0) // workers)

    def next(self, share: int) -> list[Task]:
        """The next group, taken from the queue; empty if nothing waits.

        Args:
            share: runs above which a group is not larger, so that others have some to do, too.
        """
        if not self._taken:
            self._take(share)
        return self._taken.pop(0) if self._taken else []

    def put_back(self, tasks: Sequence[Task], ending: Ending) -> None:
        """Take back a group that failed, to do each of its runs by itself; in a safe place, unless it just raised."""
        if f'"{RAISED}"' not in ending.result.get("finding", ""):
            self._suspects |= {task.id for task in tasks}
        self._taken = [[task] for task in tasks] + self._taken

    def job(self, tasks: list[Task]) -> Job:
        """The job of a group."""
        jobs = [self._job(task) for task in tasks]
        if not self._size(tasks[0]):
            return jobs[0]
        return Job(
            jobs[0].id, tuple(job.entries[0] for job in jobs), ids=tuple(job.id for job in jobs),
            suspect=any(job.suspect for job in jobs) or tasks[0].id in self._suspects,
        )  # fmt: skip

    def _size(self, task: Task) -> int:
        contestant = self._store.plan.contestants[task.contestant]
        return self._sizes.get(contestant.workload, {}).get(contestant.label, 0)

    def _take(self, share: int) -> None:
        task = self._store.take(self._session)
        if task is None:
            return
        tasks, size = [task], self._size(task)
        size = min(size, max(LEAST, share))
        while len(tasks) < size and (other := self._store.take(self._session)):
            tasks.append(other)
        groups: dict[Any, list[Task]] = {}
        for one in tasks:
            groups.setdefault(self._kind(one), []).append(one)
        self._taken = list(groups.values())

    def _kind(self, task: Task) -> object:
        """What the runs of a population have in common; a number of its own for a run that trains by itself."""
        if not self._size(task):
            return task.id
        entry = vars(self._job(task).entries[0])
        return tuple(value for name, value in entry.items() if name not in VARYING)
