"""Execution of one job, a run or a measurement of step times, in the calling process."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import astuple
from functools import cache
from pathlib import Path

import torch

from ... import rules, workloads
from ...base.guards import exits_raised
from ...base.modules import importing, last_words
from ...base.spec import parse
from ...base.status import Status
from ...findings.catalogue import Finding
from ...rules import Rule
from ...training import Run, step_times, train
from ...training.repeating import first_difference
from ...workloads import Problem
from ...workloads.seeding import seeded
from ..jobs import BEGUN, LOADING, READING, Ending, Entry, Job, columns_of

__all__ = ["do"]


def do(job: Job, tell: Callable[[bytes], None] = lambda line: None) -> Ending:
    """Do a job and return its ending; one that raises any exception but KeyboardInterrupt has failed.

    The user's files can import the modules beside them all the while, also when a function of theirs is called.

    Args:
        job: what to do.
        tell: called with `READING`, `LOADING` and `BEGUN` when that begins.
    """
    try:
        with _one_thread(), importing(*_folders(job)), exits_raised(), seeded(0):
            return _time(job, tell) if job.timing else _run(job, tell)
    except (Exception, SystemExit) as error:  # what a user's model or rule raises ends this run only
        words = last_words(error, *_files(job.entries[0]), named=True)
        return Ending(job.id, columns_of(Finding("run_raised", {"words": words})))


@contextmanager
def _one_thread() -> Iterator[None]:
    """One core a run: faster than two on one small model, and the same result for any number of jobs."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _files(entry: Entry) -> list[str]:
    """The user's files that a run goes through, whose line numbers its error message shall name."""
    rule = parse(entry.rule).file
    return [entry.workload, *([rule] if rule else [])]


def _folders(job: Job) -> list[Path]:
    files = [Path(file) for entry in job.entries for file in reversed(_files(entry))]
    return [file.parent for file in files if file.is_file()]  # imports look into the last one first: the workload's


def _run(job: Job, tell: Callable[[bytes], None]) -> Ending:
    (entry,) = job.entries
    problem = _problem(workloads.find(entry.workload, try_out=False), entry.target)
    tell(READING)
    _begin(problem)
    tell(LOADING)
    _warm_up(problem, rules.find(entry.rule), entry.batch_size)
    differs = _difference(problem, entry) if job.check else None
    tell(BEGUN)
    rule = rules.find(entry.rule, **entry.settings)
    run = train(problem, rule, entry.seed, entry.steps, entry.batch_size, entry.schedule)
    return Ending(job.id, _summary(run, problem), [list(astuple(point)) for point in run.curve], differs=differs)


def _difference(problem: Problem, entry: Entry) -> str | None:
    rule = rules.find(entry.rule, **entry.settings)
    try:
        return first_difference(problem, rule, entry.seed, entry.steps, entry.batch_size, entry.schedule)
    except (Exception, SystemExit):  # the run itself will tell
        return None


def _time(job: Job, tell: Callable[[bytes], None]) -> Ending:
    problem = _problem(workloads.find(job.entries[0].workload, try_out=False), job.entries[0].target)
    tell(READING)
    _begin(problem)
    tell(LOADING)
    contestants = [
        (rules.find(entry.rule, **entry.settings), entry.batch_size, entry.schedule) for entry in job.entries
    ]
    times = step_times(problem, contestants)
    return Ending(job.id, {"status": Status.FINISHED}, seconds=times.seconds, clock=times.clock)


@cache
def _problem(problem: Problem, target: float) -> Problem:
    return problem.replace(target=target)


@cache
def _begin(problem: Problem) -> None:
    """Make data and a model, which is thrown away: a loop in them must not pass for slow loading."""
    with seeded(0):
        problem.begin(0, "cpu")


@cache
def _warm_up(problem: Problem, rule: Rule, batch_size: int) -> None:
    """One step that is thrown away: what a process loads and compiles for the first must not count as training."""
    train(problem, rule, 0, 1, batch_size)


def _summary(run: Run, problem: Problem) -> dict[str, object]:
    first, last = run.curve[0], run.curve[-1]
    best = max if problem.higher_is_better else min
    metrics = [point.metric for point in run.curve if math.isfinite(point.metric)]
    return {
        **columns_of(run.outcome),
        "last_step": last.step,
        "steps_to_target": run.steps_to_target,
        "seconds_a_step": run.seconds_a_step,
        "initial_loss": first.loss,
        "final_loss": last.loss,
        "best_loss": min((point.loss for point in run.curve if math.isfinite(point.loss)), default=math.nan),
        "final_metric": last.metric,
        "best_metric": best(metrics, default=math.nan),
        "fingerprint": run.fingerprint,
    }
