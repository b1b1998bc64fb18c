"""A study on disk: what is done stays done, nothing is done twice, and no way of dying loses or doubles a run."""

import json
import os
import shutil
import signal
import subprocess
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import steepest
from steepest import verbs
from steepest.base.errors import SteepestError
from steepest.base.status import Status
from steepest.diagnose.beside import look
from steepest.study import Comparison, Plan, Store, owners, runner
from steepest.study.owners import Owner
from steepest.study.results import STUDY_FILE
from steepest.study.workers import pool, worker
from steepest.training.timing import ROUNDS

from ..studies import assert_planned_runs, assert_same_results, change, rows, small_plan

needs_proc = pytest.mark.skipif(not Path("/proc/self/cmdline").is_file(), reason="finds processes through /proc")

# --- tools ------------------------------------------------------------------------------------------------------------


def counts(folder: Path) -> dict[str, int]:
    """Runs by state; nothing while there is no study yet."""
    if not (folder / STUDY_FILE).is_file():
        return {}
    try:
        store = Store.open(folder / STUDY_FILE)
    except SteepestError:
        return {}
    try:
        return store.counts()
    finally:
        store.close()


def wait_until(condition, seconds=60):
    """Poll until the condition holds; fail after some time."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.02)
    return found


@pytest.fixture
def store_of():
    """Open the study of a folder."""
    opened = []

    def open_store(folder: Path) -> Store:
        opened.append(Store.open(folder / STUDY_FILE))
        return opened[-1]

    yield open_store
    for each in opened:
        each.close()


# --- a finished study -------------------------------------------------------------------------------------------------


def test_every_planned_run_is_there_once(comparison):
    assert comparison.complete
    assert_planned_runs(comparison)


def test_the_winner_of_the_search_is_reported_on_seeds_that_no_trial_has_seen(comparison):
    for label, runs in comparison.runs.groupby("label"):
        search, report = runs[runs["phase"] == "search"], runs[runs["phase"] == "report"]
        assert set(search["seed"]) == {1000}
        assert set(report["seed"]) == {1, 2, 3}
        search = search.assign(broken=search["status"].isin(["diverged", "became non-finite"]))
        best = search.sort_values(["broken", "steps_to_target", "final_loss"]).iloc[0]
        assert set(report["lr"]) == {best["lr"]}, label


def test_every_planned_run_of_two_searches_is_there_once(comparison_of_two_searches):
    comparison = comparison_of_two_searches
    assert comparison.complete
    assert comparison.plan.runs == len(comparison.runs) == 2 * (2 * (5 + 4) + 4) + 1 + 4
    assert_planned_runs(comparison)


def test_each_search_sends_on_its_four_best_and_then_its_winner(comparison_of_two_searches):
    """The winner is the finalist with the least mean of the logarithms over the seeds, all as on paper."""
    runs = comparison_of_two_searches.runs
    for label in ("SGD", "Adam"):
        own = runs[runs["label"] == label]
        search, report = own[own["phase"] == "search"], own[own["phase"] == "report"]
        for number, (first, second) in enumerate([(1000, 1001), (1002, 1003)]):
            runs_of_search = search[search["search"] == number]
            assert set(runs_of_search["seed"]) == {first, second}
            on_first = runs_of_search[runs_of_search["seed"] == first]
            on_first = on_first.assign(broken=on_first["status"].isin(["diverged", "became non-finite"]))
            order = on_first.sort_values(["broken", "steps_to_target", "final_loss"])["trial"].tolist()
            finalists = runs_of_search[runs_of_search["seed"] == second].set_index("trial")
            assert sorted(finalists.index) == sorted(order[:4])
            both = [finalists, on_first.set_index("trial").loc[finalists.index]]
            miss = 4 * max(steps[np.isfinite(steps)].max() for steps in (each["steps_to_target"] for each in both))
            means = sum(np.log(each["steps_to_target"].replace(np.inf, miss)) for each in both)
            losses = (both[0]["final_loss"] + both[1]["final_loss"]) / 2
            broken = both[0]["status"].isin(["diverged"]) + both[1]["status"].isin(["diverged"]).astype(float)
            table = pd.DataFrame({"broken": broken, "means": means.round(9), "loss": losses})
            best = table.sort_values(["broken", "means", "loss"]).index[0]
            assert set(report["trial"][report["seed"] % 2 == 1 - number]) == {best}


def test_runs_of_one_seed_begin_with_the_same_loss(comparison):
    starts = comparison.curves[comparison.curves["step"] == 0].merge(comparison.runs, left_on="run", right_on="id")
    assert (starts.groupby("seed")["loss"].nunique() == 1).all()
    assert starts["loss"].nunique() == 4
    runs = comparison.runs
    assert (runs.groupby("seed")["fingerprint"].nunique() == 1).all()
    assert runs["fingerprint"].nunique() == 4
    assert (runs["initial_loss"] == starts.set_index("run").loc[runs["id"], "loss"].to_numpy()).all()


def test_a_run_and_its_curve_agree(comparison):
    last = comparison.curves.groupby("run").last()
    runs = comparison.runs.set_index("id")
    assert (last["loss"] == runs["final_loss"]).all()
    assert (last["metric"] == runs["final_metric"]).all()
    assert (comparison.curves.groupby("run")["loss"].min() == runs["best_loss"]).all()
    assert (comparison.curves.groupby("run")["metric"].max() == runs["best_metric"]).all()
    assert (runs["seconds_to_target"] == runs["steps_to_target"] * runs["seconds_a_step"]).all()


def test_the_study_says_how_it_was_made(comparison):
    facts = comparison.facts
    assert set(json.loads(facts["versions"])) == {"steepest", "torch", "numpy", "scipy", "scikit-learn"}
    assert Plan.from_json(facts["plan"]) == comparison.plan
    assert comparison.workload["metric_name"] == "accuracy"
    assert facts["created"].endswith("+00:00")


@pytest.mark.parametrize("program", ["/bin/steepest", "/lib/site-packages/steepest/__main__.py"])
def test_the_command_is_kept_as_it_can_be_typed_again(program, monkeypatch, tmp_path):
    monkeypatch.setattr("sys.argv", [program, "compare", "--optimizers", "adam(betas=(0.9, 0.98))"])
    store = Store.create(tmp_path / "s", small_plan({"a": 1}), {})
    assert store.fact("command") == "steepest compare --optimizers 'adam(betas=(0.9, 0.98))'"
    store.close()


def test_without_a_folder_nothing_is_written(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    result = steepest.compare("digits", "sgd(lr=0.5)", seeds=1, steps=2, jobs=1)
    assert result.complete
    assert list(tmp_path.iterdir()) == []


def test_as_many_processes_as_you_like_give_the_same_results_to_the_last_bit():
    """Also where only one optimizer competes, so that its last trial leaves nothing else to do."""
    ask = {"optimizers": "adam", "trials": 5, "seeds": 3, "search_seeds": 2, "steps": 20, "target": 0.5}
    threads = torch.get_num_threads()
    torch.set_num_threads(2)  # sums in other orders, if it were left to torch
    try:
        alone = steepest.compare("digits", **ask, jobs=1)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
    together = steepest.compare("digits", **ask, jobs=2)
    assert together.complete
    assert_same_results(alone, together)


def test_a_process_looks_once_before_the_clock_runs(write_workload, monkeypatch):
    """What it loads and compiles for its first step would make its first run look a hundred times slower."""
    train, asked = worker.train, []

    def watched(workload, rule, seed, steps, *more, **named):
        asked.append((type(rule).__name__, steps))
        return train(workload, rule, seed, steps, *more, **named)

    monkeypatch.setattr(worker, "train", watched)
    monkeypatch.setattr(look, "train", watched)
    result = steepest.compare(write_workload(), ["sgd", "adam(lr=0.1)"], trials=2, seeds=1, search_seeds=1, jobs=1)
    assert [each for each in asked if each[1] == look.STEPS] == [("SGD", look.STEPS), ("Adam", look.STEPS)]
    assert asked[:4] == [("SGD", look.STEPS), ("SGD", 12), ("Adam", look.STEPS), ("Adam", 12)]
    assert len(asked) == 2 + len(result.runs)


def test_step_times_are_measured_apart_when_all_is_done(study, comparison):
    store = Store.open(study / STUDY_FILE)
    timings = store.timings()
    store.close()
    rounds = timings.groupby("contestant")["seconds_a_step"]
    assert (rounds.count() == ROUNDS).all() and len(rounds) == 3
    assert timings["clock"].isin(["thread", "wall"]).all()
    medians = dict(enumerate(rounds.median()))
    for place, each in enumerate(comparison.plan.contestants):
        runs = comparison.runs[comparison.runs["label"] == each.label]
        assert set(runs["seconds_a_step"]) == {medians[place]}
    last = max(row["id"] for row in rows(study, "phase = 'timing'").values())
    assert rows(study)[last]["state"] == "done"


@pytest.mark.usefixtures("without_report")
def test_step_times_are_measured_where_a_process_died_while_it_did(study, tmp_path):
    (tmp_path / "killed").mkdir()
    shutil.copy(study / STUDY_FILE, tmp_path / "killed")
    change(tmp_path / "killed", "delete from timings")
    change(tmp_path / "killed", "update runs set state = 'running', session = 1 where phase = 'timing'")
    change(tmp_path / "killed", "update sessions set process = 1, started = 'then'")
    assert len(verbs.resume(tmp_path / "killed", jobs=1).timings) == 3 * ROUNDS


# --- going on ---------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("without_report")
@pytest.mark.parametrize("jobs", [1, 2])
def test_what_is_done_is_not_done_again(copy, study_settings, jobs, no_training):
    before = rows(copy)
    steepest.compare(**study_settings, jobs=jobs, out=copy)
    assert rows(copy) == before


def leave_running(folder: Path, run: int, owner: Owner) -> None:
    """Let a run look as if a process were at it."""
    change(folder, "insert into sessions values (99, ?, ?, ?, ?, '{}')", owner.machine, owner.process, owner.started,
           owner.seen)  # fmt: skip
    change(folder, "update runs set state = 'running', session = 99, attempts = 1 where id = ?", run)
    change(folder, "delete from curves where run = ?", run)


def no_more() -> Owner:
    """A process of this machine that has ended."""
    process = subprocess.Popen(["true"])
    process.wait()
    return replace(Owner.this(), process=process.pid)


@pytest.mark.usefixtures("without_report")
def test_what_was_left_half_done_is_done_again_with_the_same_results(copy, comparison, study_settings):
    """As after a power cut: one run in the hands of a dead process, some not begun, the last winners not sent on."""
    change(copy, "delete from runs where phase = 'report' and contestant = 1")
    change(copy, "delete from winners where contestant = 1")
    change(copy, "delete from curves where run not in (select id from runs) or run = 3")
    change(copy, "update runs set state = 'waiting', status = null, final_loss = null where id = 3")
    leave_running(copy, 2, no_more())
    kept = rows(copy, "state = 'done'")
    again = steepest.compare(**study_settings, jobs=1, out=copy)
    assert len(kept) == comparison.plan.runs - 5 + 1  # the measurement of step times is kept, too
    assert {run: row for run, row in rows(copy).items() if run in kept} == kept
    assert_planned_runs(again)
    assert_same_results(again, comparison)


def elsewhere(seconds_ago: float) -> Owner:
    """A process on another machine that was last heard of some time ago."""
    return Owner("another machine", 1, "1", time.time() - seconds_ago)


GONE = {
    "ended": no_more,
    "its number passed on": lambda: replace(Owner.this(), process=os.getppid(), started="1"),
    "silent elsewhere": lambda: elsewhere(owners.LEASE + 1),
}


@pytest.mark.parametrize("owner", GONE)
def test_what_a_process_that_is_gone_was_at_waits_again(owner, copy, store_of):
    leave_running(copy, 2, GONE[owner]())
    store = store_of(copy)
    store.requeue_orphans()
    assert store.counts() == {"done": 17, "waiting": 1}
    assert store.take(store.begin_session()).attempts == 2


THERE = {
    "the parent": lambda: replace(Owner.this(), process=os.getppid(), started=owners._start_time(os.getppid())),
    "heard of elsewhere": lambda: elsewhere(owners.LEASE / 2),
}


@pytest.mark.parametrize("owner", THERE)
def test_what_another_living_process_is_at_is_left_to_it(owner, copy, store_of):
    leave_running(copy, 2, THERE[owner]())
    store = store_of(copy)
    store.requeue_orphans()
    assert store.counts() == {"done": 17, "running": 1}
    assert [other.machine for other in store.others_running(0)] == [THERE[owner]().machine]


@pytest.mark.usefixtures("without_report")
def test_whoever_has_nothing_left_waits_for_the_others_and_takes_over_what_they_leave(copy, study_settings, comparison):
    """The other process is in the middle of a run, then dies."""
    other = subprocess.Popen(["sleep", "60"])
    leave_running(copy, 2, replace(Owner.this(), process=other.pid, started=owners._start_time(other.pid)))
    looks = []

    def look(store):
        looks.append(store.counts())
        if len(looks) == 3:
            other.kill()
            other.wait()

    again = steepest.compare(**study_settings, jobs=1, out=copy, on_progress=look)
    assert looks[2] == {"done": 17, "running": 1}
    assert_planned_runs(again)
    assert_same_results(again, comparison)


# --- dying ------------------------------------------------------------------------------------------------------------

GATED = """
import time
from pathlib import Path


def model():
    '''Trials, of seed 1000, pass; reports wait as long as the file beside this one is there.'''
    while torch.initial_seed() in (1, 2) and Path(__file__).with_name("gate").exists():
        time.sleep(0.01)
    return torch.nn.Linear(2, 1)
"""
ASK = "--optimizers sgd,adam --trials 4 --seeds 2 --searches 1 --search-seeds 1"


@pytest.fixture
def gated(write_workload, tmp_path) -> str:
    """A workload whose reports hang in the middle, until the file `gate` is removed."""
    (tmp_path / "gate").touch()
    return write_workload(GATED, "gated.py")


def worker_processes(process: int) -> list[int]:
    """Process numbers of a study's workers, as the system knows them: forks of the fork server that it has started."""
    children: dict[int, list[int]] = {}
    for each in Path("/proc").iterdir():
        try:
            words = (each / "cmdline").read_bytes().decode(errors="replace").split("\0")
            parent = int((each / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:  # not a process, or no more
            continue
        if "steepest.study.workers" in words:
            children.setdefault(parent, []).append(int(each.name))
    return [worker for server in children.get(process, []) for worker in children.get(server, [])]


def hangs_in_the_middle(folder: Path) -> bool:
    return counts(folder) == {"done": 8, "running": 2, "waiting": 2}


@pytest.fixture
def begun(gated, script, tmp_path):
    """`steepest compare` as a process of its own, all trials done and both workers in the middle of the next."""
    folder = tmp_path / "study"
    command = [script, *f"compare {gated} {ASK} --jobs 2 --out {folder}".split()]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            wait_until(lambda: hangs_in_the_middle(folder) or process.poll() is not None)
            assert process.poll() is None
            workers = worker_processes(process.pid)
            assert len(workers) == 2
            yield process, folder, workers
        finally:
            (tmp_path / "gate").unlink(missing_ok=True)
            process.kill()  # its workers end with it


def are_gone(processes: list[int]) -> bool:
    return not any(Path(f"/proc/{each}").exists() for each in processes)


@pytest.mark.usefixtures("without_report")
@needs_proc
def test_sigint_keeps_what_is_done_and_the_study_goes_on(begun, command, tmp_path):
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        pytest.skip("SIGINT is ignored here, as in the background jobs of a shell")
    process, folder, workers = begun
    kept = rows(folder, "state = 'done'")
    for each in (*workers, process.pid):  # a terminal sends it to all
        os.kill(each, signal.SIGINT)
    _, complaint = process.communicate(timeout=60)
    assert process.returncode == 130
    again = f"steepest compare --resume {folder}"
    assert f"stopped: 8 of 12 runs are kept in {folder}; {again} goes on from there" in complaint
    assert "Traceback" not in complaint
    assert are_gone(workers)
    assert counts(folder) == {"done": 8, "waiting": 4}

    (tmp_path / "gate").unlink()
    code, printed, _ = command(f"{again.removeprefix('steepest ')} --jobs 2")
    assert code == 0
    assert f"report: {folder / 'report.html'}" in printed
    assert_planned_runs(Comparison.read(folder))
    assert {run: row for run, row in rows(folder).items() if run in kept} == kept


@pytest.mark.usefixtures("without_report")
@needs_proc
def test_workers_end_with_their_study_and_what_they_were_at_is_done_again(begun, gated, command, tmp_path):
    """The process is killed without a chance to clean up; its workers are in the middle of endless runs."""
    process, folder, workers = begun
    process.kill()
    process.wait()
    wait_until(lambda: are_gone(workers))
    assert hangs_in_the_middle(folder)  # so it looks to whoever comes next

    (tmp_path / "gate").unlink()
    code, _, _ = command(f"compare {gated} {ASK} --jobs 1 --out {folder}")  # fewer processes, the same study
    assert code == 0
    assert_planned_runs(Comparison.read(folder))


@pytest.mark.quick
@needs_proc
def test_a_run_whose_worker_is_killed_from_outside_is_done_again(gated, tmp_path):
    folder = tmp_path / "study"

    def kill_one() -> None:
        try:
            wait_until(lambda: hangs_in_the_middle(folder))
            os.kill(worker_processes(os.getpid())[0], signal.SIGKILL)
        finally:
            (tmp_path / "gate").unlink()

    killer = threading.Thread(target=kill_one)
    killer.start()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # the gate goes by the seed, also while the workload is tried out here
        ask = {"trials": 4, "seeds": 2, "searches": 1, "search_seeds": 1}
        result = steepest.compare(gated, ["sgd", "adam"], **ask, jobs=2, out=folder)
    killer.join()
    assert_planned_runs(result)
    assert not (result.runs["status"] == Status.FAILED).any()
    assert (folder / "report.html").is_file()


def test_workers_that_cannot_begin_end_the_study_with_the_reason(copy, monkeypatch, store_of):
    """Not a run's fault: no process lives long enough to begin one."""
    change(copy, "update runs set state = 'waiting' where id = 1")
    change(copy, "delete from curves where run = 1")
    command = ["/bin/sh", "-c", "echo 'no room' >&2; exit 7"]
    monkeypatch.setattr(pool, "COMMAND", command)
    store = store_of(copy)
    with pytest.raises(
        SteepestError,
        match=r"5 worker processes died .*, its process ended itself with exit code 7: no room",
    ):
        runner.carry_out(store, pool.Pool(2))
    assert store.counts() == {"done": 17, "waiting": 1}
