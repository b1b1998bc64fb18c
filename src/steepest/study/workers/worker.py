"""Doing one job: a run, or a measurement of step times. In this process, whichever that is."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import astuple
from functools import cache

import torch

from ... import rules, workloads
from ...base.modules import last_words
from ...base.spec import parse
from ...base.status import Status
from ...rules import Rule
from ...training import Run, step_times, train
from ...workloads import Problem
from ..jobs import Ending, Entry, Job

__all__ = ["do"]


def do(job: Job, on_begin: Callable[[], None] = lambda: None) -> Ending:
    """Do a job. One that raises, whatever it raises, has failed; only Ctrl-C is let through.

    Args:
        job: what to do.
        on_begin: called when everything is loaded and compiled, before the run itself.
    """
    try:
        with _one_thread():
            return _time(job) if job.timing else _run(job, on_begin)
    except (Exception, SystemExit) as error:  # what a user's model or rule raises ends this run only
        message = last_words(error, *_files(job.entries[0]))
        return Ending(job.id, {"status": Status.FAILED, "message": message})


@contextmanager
def _one_thread() -> Iterator[None]:
    """One core a run: faster than two on one small model, and the same result whatever `jobs` is."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _files(entry: Entry) -> list[str]:
    """The user's files that a run goes through, whose lines its last words shall name."""
    rule = parse(entry.rule).file
    return [entry.workload, *([rule] if rule else [])]


def _run(job: Job, on_begin: Callable[[], None]) -> Ending:
    (entry,) = job.entries
    problem = _problem(entry.workload, entry.target)
    _warm_up(problem, entry.rule, entry.batch_size)
    on_begin()
    rule = _rule(entry.rule, tuple(entry.settings.items()))
    run = train(problem, rule, entry.seed, entry.steps, entry.batch_size, entry.schedule)
    return Ending(job.id, _summary(run, problem), [list(astuple(point)) for point in run.curve])


def _time(job: Job) -> Ending:
    problem = _problem(job.entries[0].workload, job.entries[0].target)
    contestants = [
        (_rule(each.rule, tuple(each.settings.items())), each.batch_size, each.schedule) for each in job.entries
    ]
    return Ending(job.id, {"status": Status.FINISHED}, seconds=step_times(problem, contestants))


@cache
def _problem(name: str, target: float) -> Problem:
    return workloads.find(name, try_out=False).replace(target=target)


def _rule(spec: str, settings: tuple[tuple[str, float], ...] = ()) -> Rule:
    return rules.find(_plain_rule(spec), **dict(settings))


@cache
def _plain_rule(spec: str) -> Rule:
    """The rule before a trial's settings; a user's file is run once."""
    return rules.find(spec)


@cache
def _warm_up(problem: Problem, spec: str, batch_size: int) -> None:
    """One step that is thrown away: what a process loads and compiles for the first must not count as training."""
    train(problem, _rule(spec), 0, 1, batch_size)


def _summary(run: Run, problem: Problem) -> dict[str, object]:
    first, last = run.curve[0], run.curve[-1]
    best = max if problem.higher_is_better else min
    metrics = [point.metric for point in run.curve if math.isfinite(point.metric)]
    return {
        "status": run.outcome.status,
        "message": run.outcome.message,
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
