"""Getting a study done: workers that share its store, and the winners sent on to fresh seeds."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ..statistics import best_trials
from ..status import Status
from .plan import Plan
from .store import Store

__all__ = ["carry_out"]

PAUSE = 0.02
"""Seconds between two looks at the store."""

MOST_DEATHS = 20
"""Dead workers after which the study gives up: something is wrong with the machine, not with a run."""


def carry_out(store: Store, jobs: int, on_progress: Callable[[], None] = lambda: None) -> None:
    """Do every run of the study that is not done yet.

    Args:
        store: the study; runs left half-done by an earlier process are done again.
        jobs: number of worker processes; 1 works in this process.
        on_progress: called a few times a second.
    """
    plan = store.plan
    _give_back_what_the_dead_left(store)
    _send_winners_on(store, plan)
    on_progress()
    if jobs == 1:
        _work_here(store, plan, on_progress)
    else:
        _work_with_a_crew(store, plan, jobs, on_progress)


def _work_here(store: Store, plan: Plan, on_progress: Callable[[], None]) -> None:
    from .worker import do_next  # the only part that needs torch

    name = f"{os.getpid()}-here"
    try:
        while do_next(store, plan, name):
            _send_winners_on(store, plan)
            on_progress()
    finally:
        store.give_back(name)


def _work_with_a_crew(store: Store, plan: Plan, jobs: int, on_progress: Callable[[], None]) -> None:
    crew = _Crew(store)
    seen = store.done()
    try:
        crew.hire(min(jobs, plan.runs - seen))
        while seen < plan.runs:
            crew.replace_the_dead()
            time.sleep(PAUSE)
            if (done := store.done()) != seen:
                seen = done
                _send_winners_on(store, plan)
                on_progress()
    finally:
        crew.dismiss()
        on_progress()  # after Ctrl-C too, so that what is said to be kept is what is kept


def _send_winners_on(store: Store, plan: Plan) -> None:
    """Let every contestant whose trials are all done run its winner on the report seeds."""
    sent = set(store.contestants_reporting())
    if len(sent) == len(plan.contestants):
        return
    runs = store.runs()
    search = runs[runs["phase"] == "search"]
    for index, contestant in enumerate(plan.contestants):
        trials = search[search["label"] == contestant.label]
        if index not in sent and len(trials) == len(contestant.learning_rates):
            winner = best_trials(trials).iloc[0]
            store.add_reports(index, float(winner["lr"]), range(1, plan.seeds + 1))


def _give_back_what_the_dead_left(store: Store) -> None:
    """Runs that were taken by a process that is no more wait again; a worker's name starts with its study's process."""
    for worker in store.workers():
        owner = int(worker.partition("-")[0])
        if owner == os.getpid() or not _is_alive(owner):
            store.give_back(worker)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


@dataclass
class _Crew:
    """The worker processes of one study."""

    store: Store
    workers: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)
    deaths: int = 0

    def hire(self, count: int) -> None:
        for _ in range(count):
            name = f"{os.getpid()}-{len(self.workers) + self.deaths}"
            command = [sys.executable, "-m", "steepest.comparison", str(self.store.file), name]
            self.workers[name] = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)

    def replace_the_dead(self) -> None:
        """Store the run that a dead worker was at as failed, with how it died, and hire another worker."""
        for name, process in list(self.workers.items()):
            code = process.poll()
            if code is None:
                continue
            del self.workers[name]
            _close(process)
            self.deaths += 1
            task = self.store.taken_by(name)
            if task is not None:
                self.store.finish(task, {"status": Status.FAILED, "message": f"its process died ({_cause(code)})"})
            if self.deaths > MOST_DEATHS:
                raise RuntimeError(f"{self.deaths} worker processes died; the last one: {_cause(code)}")
            self.hire(1)

    def dismiss(self) -> None:
        """End all workers now; what they were at waits for the next time."""
        for process in self.workers.values():
            process.kill()
        for name, process in self.workers.items():
            process.wait()
            _close(process)
            self.store.give_back(name)


def _close(process: "subprocess.Popen[bytes]") -> None:
    if process.stdin:
        process.stdin.close()


def _cause(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    return signal.Signals(-code).name
