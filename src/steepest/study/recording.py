"""Pictures of the best optimizers in the course of training: each makes its run on the first fresh seed once more.

A run itself keeps none, since nobody knows yet who will be best. The pictures are of the very run that the tables have,
as the seed decides it. What is there already is not made again; what is there of former bests goes.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..base.status import Status
from ..statistics import BROKEN
from .jobs import Ending, Executor, Job, picture_job
from .results import Comparison
from .shots import ERROR, Shot
from .store import Store

__all__ = ["SHARES", "record"]

MOST = 2
"""Contestants of a workload that are shown: the first to the target, and the next."""

SHARES = (0.0, 0.1, 0.3, 1.0)
"""Of a run's steps, after which there is a picture."""

POLL = 0.25


@dataclass(frozen=True)
class _Shown:
    contestant: int
    trial: int
    seed: int
    seconds: float


def record(
    store: Store, start: Callable[[], Executor], devices: Sequence[str], on_progress: Callable[[], None]
) -> None:
    """Make the pictures that a finished study lacks, and store them; what went wrong is stored in the place of one.

    Args:
        store: the study; where it is not finished, or no workload shows anything, nothing is done.
        start: gives an executor.
        devices: where runs train, in turns.
        on_progress: called a few times a second; `store.recording` is the seconds that all of it may take.
    """
    shown = _shown(store)
    if not shown:
        return
    known = _known(store)
    wanted = [run for run in shown if (run.contestant, run.trial, run.seed) not in known]
    if wanted:
        _make(wanted, store, start, devices, on_progress)
    store.keep_pictures({run.contestant for run in shown})


def _make(
    wanted: Sequence[_Shown], store: Store, start: Callable[[], Executor], devices: Sequence[str],
    on_progress: Callable[[], None],
) -> None:  # fmt: skip
    store.recording = sum(run.seconds for run in wanted)
    executor = start()
    try:
        waiting = [
            (run, picture_job(store.plan, number, (run.contestant, run.trial, run.seed), SHARES, device))
            for number, run in enumerate(wanted)
            for device in [devices[number % len(devices)]]
        ]
        running: dict[int, tuple[_Shown, Job]] = {}
        while waiting or running:
            while waiting and executor.room:
                run, job = waiting.pop(0)
                running[job.id] = run, job
                executor.submit(job)
            on_progress()
            for ending in executor.ended(POLL):
                run, job = running.pop(ending.id)
                store.set_pictures(run.contestant, run.trial, run.seed, _shots(ending, job))
    finally:
        executor.close()
        store.recording = 0.0


def _shots(ending: Ending, job: Job) -> list[Shot]:
    if ending.pictures or ending.result.get("status") == Status.FINISHED:
        return [Shot.from_plain(parts) for parts in ending.pictures]
    return [Shot(0, float("nan"), ERROR, str(ending.result.get("message", "")).encode())]


def _known(store: Store) -> set[tuple[int, int, int]]:
    """The contestant, trial and seed of runs whose pictures are there."""
    have = store.pictures()
    have = have[have["kind"] != ERROR]
    numbers = _numbers(store)
    contestants = [numbers[key] for key in zip(have["workload"], have["label"], strict=True)]
    return set(zip(contestants, have["trial"], have["seed"], strict=True))


def _numbers(store: Store) -> dict[tuple[str, str], int]:
    return {(one.workload, one.label): index for index, one in enumerate(store.plan.contestants)}


def _shown(store: Store) -> list[_Shown]:
    """The runs whose pictures the report has: none before a study is complete."""
    whole = Comparison.of(store, curves=False)
    if not whole.complete:
        return []
    shows: dict[str, Any] = json.loads(whole.facts.get("shows", "{}"))
    numbers = _numbers(store)
    shown = []
    for name, part in whole.by_workload().items():
        if not shows.get(name, not shows):  # an older study does not say: then the first picture tells
            continue
        reports = part.runs[part.runs["phase"] == "report"].sort_values("seed", kind="stable")
        for label in part.table.index[:MOST]:
            own = reports[(reports["label"] == label) & ~reports["status"].isin(BROKEN)]
            if own.empty:
                continue
            run = own.iloc[0]
            seconds = float(run["seconds_a_step"]) * float(run["steps"])
            shown.append(_Shown(numbers[name, str(label)], int(run["trial"]), int(run["seed"]), seconds))
    return shown
