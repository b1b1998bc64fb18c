"""The main loop of a study: take runs from the store, give them to an executor, store their endings, choose winners.

An executor gets jobs and returns endings, so its workers need no access to the study's file. Several processes may run
this loop on one study at the same time; the store gives each run to one of them.
"""

import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace

from ..base.errors import SteepestError
from ..findings.catalogue import Finding
from ..statistics import best_trials, equal_fingerprints, finalists
from .code import check_files
from .devices import DEFAULT
from .jobs import Ending, Executor, Job, Task, columns_of, job_of, timing_job
from .opening import named
from .owners import HEARTBEAT
from .plan import Plan
from .populations import Groups, measurements, note
from .sampling import Searches
from .store import Store

__all__ = ["carry_out"]

POLL = 0.25
"""Seconds to wait for an ending before progress is shown and the queue is read again."""

MOST_ATTEMPTS = 10
"""How often a run is begun; a run in the middle of which so many processes died counts as failed."""

Progress = Callable[[], None]


def carry_out(
    store: Store, executor: Executor, on_progress: Progress = lambda: None, devices: Sequence[str] | None = None
) -> None:
    """Do every run of the study that is not done yet; other processes may do so at the same time.

    Args:
        store: the study; runs that a dead process left unfinished are done again.
        executor: does the runs; closed at the end.
        on_progress: called a few times a second.
        devices: where this process lets runs train, each on the one with the fewest running. Default: the plan's.

    Raises:
        SteepestError: the executor cannot do runs at all, or the study's file cannot be written any more.
    """
    with named(store.file):
        session = store.begin_session()
        try:
            with _heartbeats(store, session):
                _Runner(store, session, executor, on_progress, devices or store.plan.devices).run()
        finally:
            executor.close()
            store.end_session(session)
            on_progress()  # after Ctrl-C too, so that the last numbers shown are those that are stored


@contextmanager
def _heartbeats(store: Store, session: int) -> Iterator[None]:
    """Store heartbeats of this process from a thread, since the main thread may be in a long run itself."""
    over = threading.Event()

    def beat() -> None:
        own: Store | None = None  # a connection of its own: it must not write within the other's transaction
        while not over.wait(HEARTBEAT):
            with suppress(sqlite3.Error, SteepestError):  # a full disk, a lock: the main thread tells, or it passes
                own = own or Store.open(store.file)
                own.heartbeat(session)
        if own is not None:
            own.close()

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


class _Runner:
    """The state of one process's loop: the tasks that it has taken and not finished."""

    def __init__(
        self,
        store: Store,
        session: int,
        executor: Executor,
        on_progress: Progress,
        devices: Sequence[str] = DEFAULT,
    ) -> None:
        self.store, self.session, self.executor, self.on_progress = store, session, executor, on_progress
        self.devices, self.device_of = devices, dict[int, str]()  # by number of the job
        self.running: dict[int, list[Task]] = {}
        self.searches = Searches()
        self.groups = Groups(store, session, lambda task: job_of(self.store.plan, task, self._freest()))
        self.measuring: dict[int, Job] = {}
        self.measured: Plan | None = None
        self.checked = {(workload, label) for workload, found in store.repeats().items() for label in found}

    def run(self) -> None:
        self._choose_winners(self.store.ready_to_choose())  # a process may have died between a last trial and this
        self.on_progress()
        while self._submit_waiting() or self._work_remains():
            self._receive()

    def _receive(self) -> None:
        """Store what has ended meanwhile."""
        self.store.check_place()
        for ending in self.executor.ended(POLL):
            if ending.id in self.measuring:
                note(self.store, self.measuring.pop(ending.id), ending)
                continue
            tasks, device = self.running.pop(ending.id), self.device_of.pop(ending.id)
            if len(tasks) > 1 and not ending.parts:  # something in a population went wrong: each run by itself
                self.groups.put_back(tasks, ending)
            else:
                for task, part in zip(tasks, ending.parts or [ending], strict=True):
                    # unless the worker says more of its device (its model)
                    known = {"device": ending.result.get("device", device)}
                    self._store_ending(task, replace(part, result=known | dict(part.result)))
        self.on_progress()

    def _submit_waiting(self) -> bool:
        """Submit as many runs as the executor has room for; returns whether any is being done."""
        if self.store.plan is not self.measured:
            self._measure_populations()
        room = self.executor.room
        share = self.groups.share(room + len(self.running)) if room else 0
        while self.executor.room and (tasks := self.groups.next(share)):
            for given_up in [task for task in tasks if task.attempts > MOST_ATTEMPTS]:
                finding = Finding("processes_died", {"attempts": MOST_ATTEMPTS})
                self._store_ending(given_up, Ending(given_up.id, columns_of(finding)))
                tasks.remove(given_up)
            if tasks:
                self._submit(tasks, self.groups.job(tasks))
        # step times last, when all winners are known and nothing else runs that would disturb them
        if not self.running and self._all_done() and (task := self.store.take_timing(self.session)):
            self._submit([task], timing_job(self.store.plan, task, self.store.winners(), self._freest()))
        return bool(self.running)

    def _freest(self) -> str:
        """The device with the fewest runs of this process; of equally many, the first."""
        runs = Counter(self.device_of.values())
        return min(self.devices, key=lambda device: runs[device])

    def _submit(self, tasks: list[Task], job: Job) -> None:
        check_files(self.store.fact("code"))
        self.running[job.id], self.device_of[job.id] = tasks, job.entries[0].device
        checks = () if job.timing else tuple(task.id for task in tasks if self._is_first(task))
        self.executor.submit(replace(job, checks=checks))

    def _is_first(self, task: Task) -> bool:
        """Whether no run of its contestant was submitted before, so that it is checked whether it can be repeated."""
        contestant = self.store.plan.contestants[task.contestant]
        key = contestant.workload, contestant.label
        is_first = key not in self.checked
        self.checked.add(key)
        return is_first

    def _measure_populations(self) -> None:
        """Find out how many runs of each optimizer train as one, where that is to be chosen."""
        self.measured = self.store.plan
        waiting = [*measurements(self.store, self._freest())]
        while waiting or self.measuring:
            while waiting and self.executor.room:
                check_files(self.store.fact("code"))
                job = waiting.pop(0)
                self.measuring[job.id] = job
                self.executor.submit(job)
            self._receive()
        self.groups.read_sizes()

    def _work_remains(self) -> bool:
        """Whether there is more to come, when this process has nothing to do.

        Another process's run may leave work behind: reports of a winner when it ends, or itself when the process dies.
        """
        if self.store.others_running(self.session):
            time.sleep(POLL)
            return True
        self.store.requeue_orphans()
        self._choose_winners(self.store.ready_to_choose())
        return self.store.counts().get("waiting", 0) > 0 or (self._all_done() and self.store.timing_waits())

    def _all_done(self) -> bool:
        """Whether every trial and report is done, so that step times can be measured."""
        return self.store.done() == self.store.plan.runs

    def _store_ending(self, task: Task, ending: Ending) -> None:
        if ending.differs is not None:
            self.store.note_repeat(task.contestant, ending.differs)
        if task.phase == "timing":
            indices = self.store.plan.indices_on(self.store.plan.contestants[task.contestant].workload)
            # a measurement that failed has no seconds: then the times within the runs are used
            seconds = dict(zip(indices, ending.seconds, strict=True)) if ending.seconds else {}
            parts = dict(zip(indices, ending.step_parts, strict=True)) if ending.step_parts else {}
            self.store.finish_timing(task, self.session, ending.result, seconds, ending.clock, parts)
        elif (
            self.store.finish(task, self.session, ending.result, ending.curve)
            and task.phase == "search"
            and self.store.is_ready_to_choose(task.contestant)
        ):
            self._choose_winners([task.contestant])

    def _choose_winners(self, contestants: Iterable[int]) -> None:
        """For contestants without an open trial: pass a rung, draw a trial, queue finalists or winners' reports."""
        for index in contestants:
            if self.store.pass_rung(index) or self.searches.draw(self.store, index):
                continue
            winners = self.store.winners_of(index)
            if winners is None and not self.store.set_finalists(index, self._finalists(index)):
                comparable, _ = equal_fingerprints(self.store.searched(index))
                winners = [int(best_trials(runs)["trial"].iloc[0]) for _, runs in comparable.groupby("search")]
            if winners is not None:
                self.store.set_winners(index, winners)

    def _finalists(self, contestant: int) -> list[int]:
        """The finalists of a contestant's searches; as many as planned, also where runs are set aside."""
        plan, runs = self.store.plan, self.store.searched(contestant)
        if plan.finalists is None:  # every trial has run on every seed
            return []
        count, chosen = plan.finalists_of(plan.contestants[contestant]), []
        comparable, _ = equal_fingerprints(runs)
        for search, own in runs.groupby("search"):
            best = finalists(comparable[comparable["search"] == search], count)
            rest = [int(trial) for trial in own["trial"].unique() if trial not in best]
            chosen += (best + rest)[:count]
        return chosen
