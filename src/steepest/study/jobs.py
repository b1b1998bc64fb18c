"""What is given to whoever does a run, and what comes back: plain data, for another process or another machine."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from .plan import Plan
from .ranges import Settings

__all__ = ["BEGUN", "LOADING", "Ending", "Entry", "Executor", "Job", "Task", "job_of", "timing_job"]

LOADING, BEGUN = b"loading\n", b"begun\n"
"""What a worker process says when it takes up a job, and when all is loaded and compiled and the run itself begins."""


@dataclass(frozen=True)
class Task:
    """A run of the plan that is to be done, and how often it was begun, this time included."""

    id: int
    contestant: int
    phase: str
    trial: int
    seed: int
    attempts: int


@dataclass(frozen=True)
class Entry:
    """One contestant at given settings: all that a run needs to know."""

    workload: str
    target: float
    rule: str
    settings: Settings
    schedule: str
    batch_size: int
    steps: int
    seed: int


@dataclass(frozen=True)
class Job:
    """A run to be done, or a measurement of several contestants' step times.

    Attributes:
        id: of the task in the store.
        entries: one; of a measurement, all that are timed side by side.
        timing: whether it is such a measurement.
        suspect: whether a process died in the middle of it before, so that it is better kept apart.
    """

    id: int
    entries: tuple[Entry, ...]
    timing: bool = False
    suspect: bool = False

    def to_json(self) -> str:
        """Text that `from_json` reads back."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str | bytes) -> "Job":
        """The job that `to_json` wrote."""
        data = json.loads(text)
        return cls(**data | {"entries": tuple(Entry(**each) for each in data["entries"])})


@dataclass(frozen=True)
class Ending:
    """How a job ended.

    Attributes:
        id: of the task in the store.
        result: what is stored with the run: `status`, `message`, `final_loss`, ...
        curve: the run's measurements.
        seconds: of a measurement of step times, the rounds of each entry.
    """

    id: int
    result: Mapping[str, Any] = field(default_factory=dict)
    curve: list[list[float]] = field(default_factory=list)
    seconds: list[list[float]] = field(default_factory=list)

    def to_json(self) -> str:
        """Text that `from_json` reads back, to the last bit."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str | bytes) -> "Ending":
        """The ending that `to_json` wrote."""
        return cls(**json.loads(text))


class Executor(Protocol):
    """Where jobs are done: in this process, in others, on other machines."""

    @property
    def room(self) -> int:
        """How many more jobs it would begin now."""

    def submit(self, job: Job) -> None:
        """Have a job done."""

    def ended(self, wait: float) -> list[Ending]:
        """The jobs that ended since the last call; waits up to so many seconds for the first."""

    def close(self) -> None:
        """Give up whatever is not done."""


def job_of(plan: Plan, task: Task) -> Job:
    """The run that a task in the store stands for."""
    return Job(task.id, (_entry(plan, task.contestant, task.trial, task.seed),), suspect=task.attempts > 1)


def timing_job(plan: Plan, task: Task, winners: Mapping[int, int]) -> Job:
    """The measurement of all contestants on the workload of a task's contestant, each at its winner's settings."""
    places = plan.places_on(plan.contestants[task.contestant].workload)
    entries = tuple(_entry(plan, index, winners[index], 0) for index in places)
    return Job(task.id, entries, timing=True, suspect=task.attempts > 1)


def _entry(plan: Plan, contestant: int, trial: int, seed: int) -> Entry:
    each = plan.contestants[contestant]
    target = next(goal.target for goal in plan.workloads if goal.name == each.workload)
    return Entry(
        each.workload, target, each.rule, each.trials[trial], each.schedule, each.batch_size, each.steps, seed
    )  # fmt: skip
