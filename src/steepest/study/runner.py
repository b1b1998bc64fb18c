"""Getting a study done: jobs handed to an executor, endings stored, and the winners sent on to fresh seeds.

Only the process that runs this writes to the study; whoever does the runs gets jobs and gives endings.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from ..base.status import Status
from ..statistics import best_trials, equal_fingerprints
from .jobs import Ending, Executor, Job, Task, job_of, timing_job
from .owners import BEAT
from .store import Store

__all__ = ["carry_out"]

LOOK = 0.25
"""Seconds between two looks around while nothing ends."""

MOST_ATTEMPTS = 10
"""Beginnings after which a run in whose middle everything keeps dying is given up."""

Progress = Callable[[], None]


def carry_out(store: Store, executor: Executor, on_progress: Progress = lambda: None) -> None:
    """Do every run of the study that is not done yet; other processes may do so at the same time.

    Args:
        store: the study; runs left half-done by a process that is no more are done again.
        executor: who does the runs; closed in the end.
        on_progress: called a few times a second.
    """
    session = store.begin_session()
    try:
        with _signs_of_life(store, session):
            _Work(store, session, executor, on_progress).do()
    finally:
        executor.close()
        store.end_session(session)
        on_progress()  # after Ctrl-C too, so that what is said to be kept is what is kept


@contextmanager
def _signs_of_life(store: Store, session: int) -> Iterator[None]:
    """While it lasts, tell other machines that this process is there, however long a run takes."""
    over = threading.Event()

    def beat() -> None:
        own = Store.open(store.file)
        while not over.wait(BEAT):
            own.sign_of_life(session)
        own.close()

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


class _Work:
    """One process's share of a study."""

    def __init__(self, store: Store, session: int, executor: Executor, on_progress: Progress) -> None:
        self.store, self.session, self.executor, self.on_progress = store, session, executor, on_progress
        self.at_work: dict[int, Task] = {}

    def do(self) -> None:
        self._choose(self.store.ready_to_choose())
        self.on_progress()
        while self._hand_out() or self._look_around():
            for ending in self.executor.ended(LOOK):
                self._keep(self.at_work.pop(ending.id), ending)
            self.on_progress()

    def _hand_out(self) -> bool:
        """Give the executor what it has room for; whether anything is being done."""
        while self.executor.room and (task := self.store.take(self.session)):
            if task.attempts > MOST_ATTEMPTS:
                self._give_up(task)
            else:
                self._submit(task, job_of(self.store.plan, task))
        if not self.at_work and self.store.done() == self.store.plan.runs:
            self._measure_steps()
        return bool(self.at_work)

    def _measure_steps(self) -> None:
        task = self.store.take_timing(self.session)
        if task:
            self._submit(task, timing_job(self.store.plan, task, self.store.winners()))

    def _submit(self, task: Task, job: Job) -> None:
        self.at_work[task.id] = task
        self.executor.submit(job)

    def _give_up(self, task: Task) -> None:
        message = f"{MOST_ATTEMPTS} processes died in the middle of it"
        self.store.finish(task, self.session, {"status": Status.FAILED, "message": message})
        self._choose_after(task)

    def _look_around(self) -> bool:
        """Whether there is more to come: from a process that is at a run, or left over by one that has died."""
        if self.store.others_at_work(self.session):
            time.sleep(LOOK)
            return True
        self.store.give_back_what_the_dead_left()
        self._choose(self.store.ready_to_choose())
        return self.store.counts().get("waiting", 0) > 0

    def _keep(self, task: Task, ending: Ending) -> None:
        if task.phase == "timing":
            self._keep_timing(task, ending)
        elif self.store.finish(task, self.session, ending.result, ending.curve):
            self._choose_after(task)

    def _keep_timing(self, task: Task, ending: Ending) -> None:
        """Without a measurement, the time within the runs has to do."""
        places = self.store.plan.places_on(self.store.plan.contestants[task.contestant].workload)
        seconds = dict(zip(places, ending.seconds, strict=True)) if ending.seconds else {}
        self.store.finish_timing(task, self.session, ending.result, seconds)

    def _choose_after(self, task: Task) -> None:
        if task.phase == "search" and self.store.is_ready_to_choose(task.contestant):
            self._choose([task.contestant])

    def _choose(self, contestants: Iterable[int]) -> None:
        """Let contestants whose trials are all done run their winners on the report seeds."""
        for contestant in contestants:
            comparable, _ = equal_fingerprints(self.store.searched(contestant))
            winner = best_trials(comparable).iloc[0]
            self.store.set_winner(contestant, int(winner["trial"]))
