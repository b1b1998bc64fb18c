"""The messages between a study and its executors: a `Job` goes out, an `Ending` comes back; plain data, as JSON."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Protocol

from ..base.errors import SteepestError
from ..findings.catalogue import Finding
from .plan import Plan
from .ranges import Settings

__all__ = [
    "BEGUN", "LAST", "LOADING", "READING", "Ending", "Entry", "Executor", "Job", "Task", "columns_of", "job_of",
    "picture_job", "timing_job",
]  # fmt: skip

LOADING, READING, BEGUN = b"loading\n", b"reading\n", b"begun\n"
"""Lines that a worker process sends: it loads modules or compiles; it makes data and a model for the first time, which
is the user's code; the run itself begins."""

LAST = b"last\n"
"""The line before an ending that says that this worker should get no other job."""


@dataclass(frozen=True)
class Task:
    """A run of the plan that this process has taken from the store's queue; it becomes a `Job`.

    Attributes:
        id: of the run in the store.
        contestant: index in the plan.
        phase: "search", "report" or "timing".
        trial: index of the trial whose settings are used.
        seed: of the run.
        attempts: how often it was begun, this time included.
        pause: the step of its next rung; None: it runs to its end.
    """

    id: int
    contestant: int
    phase: str
    trial: int
    seed: int
    attempts: int
    pause: int | None = None


@dataclass(frozen=True)
class Entry:
    """One contestant at the settings of one trial: all that a run needs to know.

    Attributes:
        workload: the built-in name, or the path of the user's file.
        target: the value of the metric to reach.
        rule: the rule as text, before the trial's settings.
        settings: of the trial, by name of the hyperparameter.
        schedule: of the learning rate over the steps.
        batch_size: examples a step.
        steps: number of updates.
        seed: of data, initial weights and batches.
        device: where to train, as torch names it.
        until: the step at which it is cut off, at the next measurement; None: it makes all steps.
    """

    workload: str
    target: float
    rule: str
    settings: Settings
    schedule: str
    batch_size: int
    steps: int
    seed: int
    device: str = "cpu"
    until: int | None = None


@dataclass(frozen=True)
class Job:
    """A run to be done, or a measurement of several contestants' step times.

    Attributes:
        id: of the task in the store.
        entries: one for a run; for a measurement, all that are timed side by side.
        timing: whether it is such a measurement.
        suspect: whether a process died in the middle of it before, so that it should run in a process of its own.
        checks: the tasks whose first steps are done twice before, to see whether they come out the same.
        ids: of a population, whose entries are trained as one: their tasks; empty for a run by itself.
        sizing: "auto" or "on" for a measurement of how many runs of each entry's kind are best trained as one; with
            "on", as soon as they can be.
        pictures: of a run that is done again for what its session shows: the steps at which.
    """

    id: int
    entries: tuple[Entry, ...]
    timing: bool = False
    suspect: bool = False
    checks: tuple[int, ...] = ()
    ids: tuple[int, ...] = ()
    sizing: str = ""
    pictures: tuple[int, ...] = ()

    def to_json(self) -> str:
        """Text that `from_json` reads back."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str | bytes) -> "Job":
        """The job that `to_json` wrote."""
        data = json.loads(text)
        data |= {"entries": tuple(Entry(**entry) for entry in data["entries"])}
        return cls(**data | {name: tuple(data[name]) for name in ("ids", "checks", "pictures")})


@dataclass(frozen=True)
class Ending:
    """How a job ended.

    Attributes:
        id: of the task in the store.
        result: the columns stored with the run: those of `columns_of`, `final_loss`, ...
        curve: the run's measurements, each `[step, train_loss, loss, metric, seconds]`.
        seconds: of a measurement of step times: for each entry, the seconds a step in each round.
        differs: of a job that checks, what came out differently the second time (see
            `steepest.training.repeating`), empty if nothing did; None where nothing was checked.
        clock: of that measurement, "thread" or "wall".
        parts: of a population, the endings of its runs; none if it failed as a whole.
        sizes: of a measurement of sizes, one for each entry; 0: runs train by themselves.
        step_parts: of a measurement of step times, for each entry, in some rounds, the seconds of getting batches
            (None: unknown), of the model and of the optimizer.
        pictures: what was shown, each as `Shot.to_plain` gives it.
    """

    id: int
    result: Mapping[str, Any] = field(default_factory=dict)
    curve: list[list[float]] = field(default_factory=list)
    seconds: list[list[float]] = field(default_factory=list)
    differs: str | None = None
    clock: str = ""
    parts: "list[Ending]" = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    step_parts: list[list[list[float | None]]] = field(default_factory=list)
    pictures: list[list[Any]] = field(default_factory=list)

    def to_json(self) -> str:
        """Text that `from_json` reads back, to the last bit."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str | bytes) -> "Ending":
        """The ending that `to_json` wrote."""
        data = json.loads(text)
        return cls(**data | {"parts": [cls(**part) for part in data["parts"]]})


def columns_of(finding: Finding) -> dict[str, str]:
    """How a run ended, as columns of the store: `status`, `message` (in English) and `finding` (code and numbers)."""
    return {"status": finding.status, "message": finding.message, "finding": finding.to_json()}


class Executor(Protocol):
    """The interface of everything that does jobs: in this process, in worker processes, on other machines."""

    @property
    def room(self) -> int:
        """Number of jobs that it would begin at once."""

    def submit(self, job: Job) -> None:
        """Begin a job, or queue it; only called while there is `room`."""

    def ended(self, wait: float) -> list[Ending]:
        """The endings since the last call; waits up to `wait` seconds for the first."""

    def close(self) -> None:
        """Stop, and drop the jobs that are not done."""


def job_of(plan: Plan, task: Task, device: str = "cpu") -> Job:
    """The job that does a task's run on a device."""
    entry = replace(_entry(plan, task.contestant, task.trial, task.seed, device), until=task.pause)
    return Job(task.id, (entry,), suspect=task.attempts > 1)


def timing_job(plan: Plan, task: Task, winners: Mapping[int, int], device: str = "cpu") -> Job:
    """The job that measures the step times of all contestants on a workload, each at its winner's settings.

    Args:
        plan: of the study.
        task: any timing task of the workload.
        winners: the winning trial of each contestant, both by index.
        device: where all of them are timed.
    """
    indices = plan.indices_on(plan.contestants[task.contestant].workload)
    entries = tuple(_entry(plan, index, winners[index], 0, device) for index in indices)
    return Job(task.id, entries, timing=True, suspect=task.attempts > 1)


def picture_job(plan: Plan, number: int, run: tuple[int, int, int], shares: Sequence[float], device: str) -> Job:
    """The job that does a run again for what its session shows.

    Args:
        plan: of the study.
        number: by which the ending is known.
        run: contestant, trial and seed.
        shares: of the run's steps, at which a picture is made; 0 for the start, 1 for the end.
        device: where.
    """
    entry = _entry(plan, *run, device)
    return Job(number, (entry,), pictures=tuple(sorted({round(share * entry.steps) for share in shares})))


def _entry(plan: Plan, index: int, trial: int, seed: int, device: str) -> Entry:
    contestant = plan.contestants[index]
    if not 0 <= trial < len(contestant.trials):
        raise SteepestError(f"the study is damaged: it has a run of trial {trial} of {contestant.label!r}, not planned")
    target = next(goal.target for goal in plan.workloads if goal.name == contestant.workload)
    settings = contestant.trials[trial]
    conditions = contestant.conditions(settings)
    return Entry(
        contestant.workload, target, contestant.rule, contestant.rule_settings(settings), conditions.schedule,
        conditions.batch_size, conditions.steps, seed, device,
    )  # fmt: skip
