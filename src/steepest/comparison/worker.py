"""Doing the runs of a study: one after the other, in this process or in one of its own."""

import math
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import NoReturn

import torch

from .. import rules, workloads
from ..modules import last_words
from ..status import Status
from ..training import Run, train
from ..workloads import Workload
from .plan import SEARCH_SEED, Plan
from .store import Store, Task

__all__ = ["do_next", "work"]

PAUSE = 0.02
"""Seconds to wait when nothing is waiting: the winners' runs come when the last trial is done."""


def do_next(store: Store, plan: Plan, worker: str) -> bool:
    """Do the next waiting run and store it; False if none is waiting. A run that raises is stored as failed."""
    task = store.take(worker)
    if task is None:
        return False
    try:
        with _one_thread():
            run = _run(plan, task)
    except Exception as error:  # whatever a user's model or rule raises ends this run only
        store.finish(task, {"status": Status.FAILED, "message": last_words(error, plan.workload)})
    else:
        store.finish(task, _summary(run), ((p.step, p.train_loss, p.loss, p.metric, p.seconds) for p in run.curve))
    return True


@contextmanager
def _one_thread() -> Iterator[None]:
    """One core a run: faster than two on one small model, and the same result whatever `jobs` is."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _run(plan: Plan, task: Task) -> Run:
    contestant = plan.contestants[task.contestant]
    workload = replace(workloads.find(plan.workload), target=plan.target)
    _warm_up(workload, contestant.rule, contestant.batch_size)
    return train(workload, contestant.make_rule(task.lr), task.seed, contestant.steps, contestant.batch_size)


@cache
def _warm_up(workload: Workload, rule: str, batch_size: int) -> None:
    """One step that is thrown away: what a process loads and compiles for the first must not count as training."""
    train(workload, rules.find(rule), SEARCH_SEED, 1, batch_size)


def _summary(run: Run) -> dict[str, object]:
    last = run.curve[-1]
    return {
        "status": run.outcome.status,
        "message": run.outcome.message,
        "last_step": last.step,
        "steps_to_target": run.steps_to_target,
        "seconds_a_step": run.seconds_a_step,
        "final_loss": last.loss,
        "best_loss": min((point.loss for point in run.curve if math.isfinite(point.loss)), default=math.nan),
        "final_metric": last.metric,
    }


def _end_with_the_study() -> None:
    sys.stdin.read()
    os._exit(0)  # in the middle of a run, which may be a long one; it will be done again


def work(file: str, name: str) -> NoReturn:
    """Do the runs of a study, as they come, until the process that started this one closes its end of the pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's affair
    threading.Thread(target=_end_with_the_study, daemon=True).start()
    store = Store.open(Path(file))
    plan = store.plan
    while True:
        if not do_next(store, plan, name):
            time.sleep(PAUSE)
