"""Studies whose whole process tree is killed again and again, in a process of its own: see test_faults.py.

`python killed_studies.py SCENARIO FOLDER WORKLOAD` prints what it saw as JSON. The process imports everything once and
then forks a child for each attempt, so that an attempt costs milliseconds; it starts no thread before that.
"""

import json
import os
import random
import signal
import sqlite3
import sys
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

import torch

from steepest import verbs
from steepest.study import Comparison, Plan
from steepest.study.jobs import Task, job_of
from steepest.study.results import STUDY_FILE
from steepest.study.workers import pool, serving, worker
from steepest.study.workers.in_process import InProcess

KILLS, BETWEEN = 40, 30
"""How often to kill, and how often of these in the middle of a study, which a busy machine makes rarer."""

CLOCK = ["id", "seconds_a_step", "seconds_to_target"]
KEY = ["label", "phase", "seed", "settings"]


def start_forked_worker() -> pool.Process:
    """A worker as the pool starts it, but forked off instead of started anew."""
    pipes = [os.pipe() for _ in range(3)]
    (jobs_out, jobs_in), (endings_out, endings_in), (complaints_out, complaints_in) = pipes
    process = os.fork()
    if process == 0:
        for end in (jobs_in, endings_out, complaints_out):
            os.close(end)
        serving.serve(os.fdopen(jobs_out, "rb"), os.fdopen(endings_in, "wb"))
    for end in (jobs_out, endings_in, complaints_in):
        os.close(end)

    def wait() -> int:
        return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])

    return pool.Process(
        os.fdopen(jobs_in, "wb"), os.fdopen(endings_out, "rb"), os.fdopen(complaints_out, "rb"),
        lambda: os.kill(process, signal.SIGKILL), wait,
    )  # fmt: skip


EXECUTORS = {"here": InProcess, "pool": lambda: pool.Pool(2)}


def begin(folder: Path, plan: Plan, executor: str) -> int:
    """Do the study, or what is left of it, in a process group of its own."""
    process = os.fork()
    if process:
        with suppress(PermissionError, ProcessLookupError):  # it may have done so itself
            os.setpgid(process, process)
        return process
    try:
        os.setpgid(0, 0)
        folder.mkdir(exist_ok=True)
        verbs._carry_out(folder, plan, EXECUTORS[executor], False, False, None)
        os._exit(0)
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        os._exit(1)


def has_ended(process: int) -> bool:
    ended, status = os.waitpid(process, os.WNOHANG)
    assert not ended or os.waitstatus_to_exitcode(status) == 0, "the study broke"
    return bool(ended)


def kill(process: int) -> None:
    os.killpg(process, signal.SIGKILL)
    os.waitpid(process, 0)


def runs_done(folder: Path) -> dict[int, tuple]:
    """The finished runs as they stand in the file, which is sound whatever happened."""
    if not (folder / STUDY_FILE).is_file():
        return {}
    connection = sqlite3.connect(folder / STUDY_FILE)
    try:
        assert connection.execute("pragma integrity_check").fetchone() == ("ok",)
        if not connection.execute("select count(*) from sqlite_master").fetchone()[0]:
            return {}
        rows = connection.execute("select * from runs where state = 'done'").fetchall()
        return {row[0]: row for row in rows}
    finally:
        connection.close()


def sessions(folder: Path) -> int:
    """How many processes have done a run."""
    return len({row[6] for row in runs_done(folder).values()})


def results(folder: Path) -> str:
    """All that was found, to the last bit, without the clock; curves too."""
    found = Comparison.read(folder)
    assert found.complete
    runs = found.runs.sort_values(KEY).reset_index(drop=True)
    curves = found.curves.drop(columns="seconds").merge(runs[["id", *KEY]], left_on="run", right_on="id")
    curves = curves.sort_values([*KEY, "step"]).drop(columns=["id", "run"])
    return runs.drop(columns=CLOCK).to_json(double_precision=15) + curves.to_json(double_precision=15, orient="values")


def killed(home: Path, plan: Plan) -> dict[str, int]:
    """Kill studies at random moments, until they are done all the same; then kill others."""
    chance = random.Random(0)
    started = time.monotonic()
    os.waitpid(begin(home / "undisturbed", plan, "pool"), 0)
    length, expected = time.monotonic() - started, results(home / "undisturbed")
    seen = {"kills": 0, "studies": 0, "equal": 0, "lost": 0, "before": 0, "between": 0, "after": 0}
    while seen["kills"] < KILLS or seen["between"] < BETWEEN:
        folder, before = home / str(seen["studies"]), {}
        seen["studies"] += 1
        while True:
            process = begin(folder, plan, chance.choice(list(EXECUTORS)))
            time.sleep(length * chance.random() ** 2)  # rather early: much is done already, after the first time
            if has_ended(process):
                break
            kill(process)
            now = runs_done(folder)
            seen["kills"] += 1
            seen["lost"] += sum(now.get(number) != row for number, row in before.items())
            seen["before" if not now else "between" if len(now) < plan.runs else "after"] += 1
            before = now
        after = runs_done(folder)
        seen["lost"] += sum(after.get(number) != row for number, row in before.items())
        seen["equal"] += results(folder) == expected
    return seen


def shared(home: Path, plan: Plan) -> dict[str, object]:
    """Two processes on one study at once; then again, one of them killed in the middle."""
    found: dict[str, object] = {}
    for name, is_killed in (("together", False), ("deserted", True)):
        folder = home / name
        processes = [begin(folder, plan, "here") for _ in range(2)]
        if is_killed:
            while sessions(folder) < 2:
                time.sleep(0.001)
            kill(processes.pop())
        for each in processes:
            assert os.waitstatus_to_exitcode(os.waitpid(each, 0)[1]) == 0
        found[name] = {"sessions": sessions(folder), "results": results(folder)}
    os.waitpid(begin(home / "alone", plan, "here"), 0)
    return {name: each | {"equal": each.pop("results") == results(home / "alone")} for name, each in found.items()}


if __name__ == "__main__":
    scenario, home, workload = sys.argv[1:]
    torch.set_num_threads(1)
    pool.start_worker = start_forked_worker
    asked = verbs.plan_comparison(workload, ["sgd", "adam"], trials=5, seeds=4, searches=2, search_seeds=2)
    worker.step_times = partial(worker.step_times, rounds=1, block=0.0)  # it is not the clock that is in question
    worker.do(job_of(asked, Task(0, 0, "search", 0, 1000, 1)))  # everything loaded and compiled, for all children
    worker.do(job_of(asked, Task(0, 1, "search", 0, 1000, 1)))
    print(json.dumps({"killed": killed, "shared": shared}[scenario](Path(home), asked)))
