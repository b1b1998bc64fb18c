"""A study on disk: what is done stays done, nothing is done twice, and no way of dying loses or doubles a run."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path

import pandas as pd
import pytest
import torch

import steepest
from steepest import verbs
from steepest.comparison import Comparison, Plan, Store, runner, worker
from steepest.comparison.plan import Contestant
from steepest.comparison.results import STUDY_FILE
from steepest.errors import InvalidValue, SteepestError
from steepest.status import Status

CLOCK = ["seconds_a_step", "seconds_to_target"]

needs_proc = pytest.mark.skipif(not Path("/proc/self/cmdline").is_file(), reason="finds processes through /proc")

# --- tools ------------------------------------------------------------------------------------------------------------


def rows(folder: Path) -> list[tuple]:
    """Every run of a study as it stands in the file, done or not."""
    connection = sqlite3.connect(folder / STUDY_FILE)
    try:
        return connection.execute("select * from runs order by id").fetchall()
    finally:
        connection.close()


def change(folder: Path, statement: str, *values) -> None:
    connection = sqlite3.connect(folder / STUDY_FILE)
    with connection:
        connection.execute(statement, values)
    connection.close()


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


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def assert_planned_runs(comparison: Comparison) -> None:
    """Each planned run is there exactly once."""
    runs, plan = comparison.runs, comparison.plan
    searched = [(each.label, trial) for each in plan.contestants for trial in range(len(each.learning_rates))]
    reported = [(each.label, seed) for each in plan.contestants for seed in range(1, plan.seeds + 1)]
    search, report = runs[runs["phase"] == "search"], runs[runs["phase"] == "report"]
    assert sorted(zip(search["label"], search["trial"], strict=True)) == sorted(searched)
    assert sorted(zip(report["label"], report["seed"], strict=True)) == sorted(reported)
    assert not comparison.curves.duplicated(["run", "step"]).any()


def assert_same_results(one: Comparison, other: Comparison) -> None:
    """Equal to the last bit, but for the clock and the order in which the runs were done."""
    key = ["label", "phase", "seed", "lr"]

    def results(comparison):
        runs = comparison.runs.drop(columns=CLOCK)
        curves = comparison.curves.drop(columns="seconds").merge(runs[["id", *key]], left_on="run", right_on="id")
        yield runs.sort_values(key).drop(columns="id")
        yield curves.sort_values([*key, "step"]).drop(columns=["id", "run"])

    for ours, theirs in zip(results(one), results(other), strict=True):
        ours, theirs = ours.reset_index(drop=True), theirs.reset_index(drop=True)
        pd.testing.assert_frame_equal(ours, theirs, check_exact=True)


def wait_until(condition, seconds=60):
    """Poll until the condition holds; fail after some time."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.02)
    return found


@pytest.fixture
def copy(study, tmp_path) -> Path:
    """A copy of the finished study that a test may change."""
    return shutil.copytree(study, tmp_path / "copy")


@pytest.fixture
def no_training(monkeypatch):
    """Nothing may be trained any more, here or in another process."""

    def refuse(*_, **__):
        raise AssertionError("trained again")

    monkeypatch.setattr(worker, "train", refuse)
    monkeypatch.setattr(subprocess, "Popen", refuse)


# --- a finished study -------------------------------------------------------------------------------------------------


def test_every_planned_run_is_there_once(comparison):
    assert comparison.complete
    assert_planned_runs(comparison)


def test_the_winner_of_the_search_is_reported_on_seeds_that_no_trial_has_seen(comparison):
    for label, runs in comparison.runs.groupby("label"):
        search, report = runs[runs["phase"] == "search"], runs[runs["phase"] == "report"]
        assert set(search["seed"]) == {0}
        assert set(report["seed"]) == {1, 2, 3}
        best = search.sort_values(["steps_to_target", "final_loss"]).iloc[0]
        assert set(report["lr"]) == {best["lr"]}, label


def test_runs_of_one_seed_begin_with_the_same_loss(comparison):
    starts = comparison.curves[comparison.curves["step"] == 0].merge(comparison.runs, left_on="run", right_on="id")
    assert (starts.groupby("seed")["loss"].nunique() == 1).all()
    assert starts["loss"].nunique() == 4


def test_a_run_and_its_curve_agree(comparison):
    last = comparison.curves.groupby("run").last()
    runs = comparison.runs.set_index("id")
    assert (last["loss"] == runs["final_loss"]).all()
    assert (last["metric"] == runs["final_metric"]).all()
    assert (comparison.curves.groupby("run")["loss"].min() == runs["best_loss"]).all()
    assert (runs["seconds_to_target"] == runs["steps_to_target"] * runs["seconds_a_step"]).all()


def test_the_study_says_how_it_was_made(comparison):
    facts = comparison.facts
    assert set(json.loads(facts["versions"])) == {"steepest", "torch", "numpy", "scipy", "scikit-learn"}
    assert Plan.from_json(facts["plan"]) == comparison.plan
    assert comparison.workload["metric_name"] == "accuracy"
    assert facts["created"].endswith("+00:00")


def test_the_command_is_kept_as_it_can_be_typed_again(monkeypatch, tmp_path):
    monkeypatch.setattr("sys.argv", ["/bin/steepest", "compare", "--optimizers", "adam(betas=(0.9, 0.98))"])
    store = Store.create(tmp_path / "s", Plan("digits", 1.0, (Contestant("a", "sgd", 1, 1, (0.1,)),), 1), {})
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
    ask = {"optimizers": "adam", "trials": 4, "seeds": 3, "steps": 20, "target": 0.5}
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


def test_a_process_warms_up_before_the_clock_runs(write_workload, monkeypatch):
    """What it loads and compiles for its first step would make its first run look a hundred times slower."""
    train, asked = worker.train, []

    def watched(workload, rule, seed, steps, batch_size):
        asked.append((type(rule).__name__, seed, steps))
        return train(workload, rule, seed, steps, batch_size)

    monkeypatch.setattr(worker, "train", watched)
    result = steepest.compare(write_workload(), ["sgd", "adam(lr=0.1)"], trials=2, seeds=1, jobs=1)
    assert [each for each in asked if each[2] == 1] == [("SGD", 0, 1), ("Adam", 0, 1)]
    assert asked[:4] == [("SGD", 0, 1), ("SGD", 0, 12), ("Adam", 0, 1), ("Adam", 0, 12)]
    assert len(asked) == 2 + len(result.runs)


# --- going on ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_is_done_is_not_done_again(copy, study_settings, jobs, no_training):
    before = rows(copy)
    steepest.compare(**study_settings, jobs=jobs, out=copy)
    assert rows(copy) == before


def process_that_is_no_more() -> int:
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def test_what_was_left_half_done_is_done_again_with_the_same_results(copy, comparison, study_settings):
    """As after a power cut: one run in the hands of a dead process, some not begun, the last winners not sent on."""
    change(copy, "delete from runs where phase = 'report' and contestant = 1")
    change(copy, "delete from curves where run not in (select id from runs) or run = 2")
    change(copy, "update runs set state = 'waiting', status = null, final_loss = null where id = 3")
    change(copy, "update runs set state = 'running', worker = ? where id = 2", f"{process_that_is_no_more()}-0")
    kept = {row[0]: row for row in rows(copy) if row[6] == "done"}
    again = steepest.compare(**study_settings, jobs=1, out=copy)
    assert len(kept) == comparison.plan.runs - 5
    assert {row[0]: row for row in rows(copy) if row[0] in kept} == kept
    assert_planned_runs(again)
    assert_same_results(again, comparison)


def test_what_another_living_process_is_at_is_left_to_it(copy, study_settings):
    theirs = f"{os.getppid()}-0"
    change(copy, "update runs set state = 'running', worker = ? where id = 2", theirs)
    unfinished = steepest.compare(**study_settings, jobs=1, out=copy)
    assert (rows(copy)[1][6:8], unfinished.complete) == (("running", theirs), False)
    assert len(unfinished.runs) == unfinished.plan.runs - 1


# --- dying ------------------------------------------------------------------------------------------------------------

GATED = """
import time
from pathlib import Path


def model():
    '''Trials, of seed 0, pass; reports wait as long as the file beside this one is there.'''
    while torch.initial_seed() in (1, 2) and Path(__file__).with_name("gate").exists():
        time.sleep(0.01)
    return torch.nn.Linear(2, 1)
"""
ASK = "--optimizers sgd,adam --trials 4 --seeds 2"


@pytest.fixture
def gated(write_workload, tmp_path) -> str:
    """A workload whose reports hang in the middle, until the file `gate` is removed."""
    (tmp_path / "gate").touch()
    return write_workload(GATED, "gated.py")


def worker_processes(folder: Path) -> dict[str, int]:
    """Process numbers of a study's workers by name, as the system knows them."""
    found = {}
    for process in Path("/proc").iterdir():
        try:
            words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:  # not a process, or no more
            continue
        if "steepest.comparison" in words and str(folder / STUDY_FILE) in words:
            found[words[words.index(str(folder / STUDY_FILE)) + 1]] = int(process.name)
    return found


def hangs_in_the_middle(folder: Path) -> bool:
    return counts(folder) == {"done": 8, "running": 2, "waiting": 2}


@pytest.fixture
def begun(gated, script, tmp_path):
    """`steepest compare` as a process of its own, all trials done and both workers in the middle of the next."""
    folder = tmp_path / "study"
    command = [script, *f"compare {gated} {ASK} --jobs 2 --out {folder}".split()]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        wait_until(lambda: hangs_in_the_middle(folder) or process.poll() is not None)
        assert process.poll() is None
        assert len(worker_processes(folder)) == 2
        yield process, folder
        (tmp_path / "gate").unlink(missing_ok=True)
        for each in (process.pid, *worker_processes(folder).values()):
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)


@needs_proc
def test_sigint_keeps_what_is_done_and_the_same_command_goes_on(begun, gated, command, tmp_path):
    process, folder = begun
    kept = [row for row in rows(folder) if row[6] == "done"]
    for each in (*worker_processes(folder).values(), process.pid):  # a terminal sends it to all
        os.kill(each, signal.SIGINT)
    _, complaint = process.communicate(timeout=60)
    assert process.returncode == 130
    assert f"stopped: 8 of 12 runs are kept in {folder}; the same command goes on from there" in complaint
    assert "Traceback" not in complaint
    assert worker_processes(folder) == {}
    assert counts(folder) == {"done": 8, "waiting": 4}

    (tmp_path / "gate").unlink()
    code, printed, _ = command(f"compare {gated} {ASK} --jobs 2 --out {folder}")
    assert code == 0
    assert f"report: {folder / 'report.html'}" in printed
    assert_planned_runs(Comparison.read(folder))
    assert [row for row in rows(folder) if row[0] in {each[0] for each in kept}] == kept


@needs_proc
def test_workers_end_with_their_study_and_what_they_were_at_is_done_again(begun, gated, command, tmp_path):
    """The process is killed without a chance to clean up; its workers are in the middle of endless runs."""
    process, folder = begun
    process.kill()
    process.wait()
    wait_until(lambda: not worker_processes(folder))
    assert hangs_in_the_middle(folder)  # so it looks to whoever comes next

    (tmp_path / "gate").unlink()
    code, _, _ = command(f"compare {gated} {ASK} --jobs 1 --out {folder}")  # fewer processes, the same study
    assert code == 0
    assert_planned_runs(Comparison.read(folder))


@needs_proc
def test_a_worker_that_dies_costs_its_run_and_no_other(gated, tmp_path):
    folder, killed = tmp_path / "study", []

    def kill_one() -> None:
        try:
            wait_until(lambda: hangs_in_the_middle(folder))
            name, process = next(iter(worker_processes(folder).items()))
            killed.extend(row[0] for row in rows(folder) if row[6:8] == ("running", name))
            os.kill(process, signal.SIGKILL)
        finally:
            (tmp_path / "gate").unlink()

    killer = threading.Thread(target=kill_one)
    killer.start()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # the gate goes by the seed, also while the workload is tried out here
        result = steepest.compare(gated, ["sgd", "adam"], trials=4, seeds=2, jobs=2, out=folder)
    killer.join()
    assert_planned_runs(result)
    (failed,) = result.runs[result.runs["status"] == Status.FAILED].itertuples()
    assert [failed.id] == killed
    assert failed.message == "its process died (SIGKILL)"
    assert (folder / "report.html").is_file()


def test_a_crew_that_keeps_dying_gives_up(copy, monkeypatch):
    """Not a run's fault: no process lives long enough to take one."""
    change(copy, "update runs set state = 'waiting' where id = 1")
    monkeypatch.setattr(runner.sys, "executable", shutil.which("false"))
    store = Store.open(copy / STUDY_FILE)
    with pytest.raises(RuntimeError, match=r"21 worker processes died; the last one: exit code 1"):
        runner.carry_out(store, jobs=2)
    assert store.counts() == {"done": 17, "waiting": 1}
    store.close()


# --- folders ----------------------------------------------------------------------------------------------------------


def test_another_comparison_is_not_mixed_in(copy, study_settings, command):
    before = contents(copy)
    with pytest.raises(InvalidValue, match="holds another comparison; choose another folder with --out, or delete it"):
        steepest.compare(**study_settings | {"steps": 21}, jobs=1, out=copy)
    code, _, complaint = command(f"compare digits --out {copy}")
    assert (code, complaint.count("\n")) == (2, 1)
    assert "holds another comparison" in complaint
    assert contents(copy) == before


def text_file(file: Path) -> None:
    file.write_text("dear diary")


def empty_database(file: Path) -> None:
    sqlite3.connect(file).execute("create table other (x)").connection.close()


def newer_study(file: Path) -> None:
    change(file.parent, "update study set value = '99' where key = 'schema'")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (text_file, "is not a study of steepest; choose another folder"),
        (empty_database, "is not a study of steepest; choose another folder"),
        (newer_study, "was written by a newer steepest; update with pip install -U steepest"),
    ],
)
def test_a_file_that_is_no_study_of_ours_is_left_alone(spoil, message, copy, command):
    if spoil is not newer_study:
        (copy / STUDY_FILE).unlink()
    spoil(copy / STUDY_FILE)
    before = contents(copy)
    with pytest.raises(SteepestError, match=message):
        Comparison.read(copy)
    code, _, complaint = command(f"compare digits --out {copy}")
    assert (code, complaint) == (2, f"steepest: {copy / STUDY_FILE}: {message}\n")
    assert contents(copy) == before


@pytest.mark.parametrize("name", ["file", "file/below", "file/below/it"])
def test_a_folder_that_cannot_be_written_is_named_and_nothing_is_left(name, tmp_path, study_settings, no_training):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InvalidValue, match=r"cannot be written .*; choose another folder"):
        steepest.compare(**study_settings, jobs=1, out=tmp_path / name)
    assert contents(tmp_path) == {"file": b"mine"}


def test_a_folder_without_a_study_cannot_be_read(tmp_path):
    with pytest.raises(InvalidValue, match=r"holds no study\.sqlite"):
        Comparison.read(tmp_path)


def test_the_default_folder_is_free_or_holds_the_same_study(monkeypatch, tmp_path, copy, comparison):
    monkeypatch.chdir(tmp_path)
    assert verbs.default_folder(comparison.plan) == Path("steepest-digits")
    copy.rename(tmp_path / "steepest-digits")
    assert verbs.default_folder(comparison.plan) == Path("steepest-digits")
    other = verbs.plan_comparison("digits", "sgd", trials=1, seeds=1)
    assert verbs.default_folder(other) == Path("steepest-digits-2")


# --- the store --------------------------------------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path):
    contestants = (Contestant("a", "sgd", 1, 1, (0.1, 0.2, 0.3)), Contestant("b", "adam", 1, 1, (0.4,)))
    store = Store.create(tmp_path / STUDY_FILE, Plan("digits", 1.0, contestants, 2), {})
    yield store
    store.close()


def test_trials_are_taken_in_turns_so_that_partial_results_compare(store):
    taken = [store.take("1-0") for _ in range(4)]
    assert [(task.contestant, task.trial) for task in taken] == [(0, 0), (1, 0), (0, 1), (0, 2)]
    assert [task.lr for task in taken] == [0.1, 0.4, 0.2, 0.3]
    assert store.take("1-0") is None


def test_a_run_is_given_to_one_worker_only(store, tmp_path):
    store.add_reports(0, 0.1, range(1, 200))
    taken: list[int] = []

    def take_all(name):
        own = Store.open(tmp_path / STUDY_FILE)
        while task := own.take(name):
            taken.append(task.id)
        own.close()

    crew = [threading.Thread(target=take_all, args=(f"1-{number}",)) for number in range(4)]
    for each in crew:
        each.start()
    for each in crew:
        each.join()
    assert sorted(taken) == list(range(1, 4 + 199 + 1))


def test_a_winner_is_sent_on_once(store):
    for _ in range(2):
        store.add_reports(1, 0.4, [1, 2])
    assert store.counts() == {"waiting": 6}
    assert store.contestants_reporting() == [1]


def test_a_run_and_its_curve_are_stored_both_or_neither(store):
    task = store.take("1-0")
    with pytest.raises(sqlite3.Error):
        store.finish(task, {"status": "finished"}, [(0, 1.0, 1.0, 1.0, 0.0), (1, 1.0)])
    assert store.counts() == {"running": 1, "waiting": 3}
    assert store.curves().empty
    store.give_back("1-0")
    assert store.take("2-0") == task


def test_what_is_not_finite_is_read_back_as_such(store):
    infinite = float("inf")
    result = {"status": "diverged", "steps_to_target": infinite, "seconds_a_step": 0.5, "final_loss": float("nan")}
    store.finish(store.take("1-0"), result, [(0, infinite, infinite, infinite, 0.0)])
    (run,) = store.runs().itertuples()
    assert (run.steps_to_target, run.seconds_to_target, run.seconds_a_step) == (infinite, infinite, 0.5)
    assert pd.isna(run.final_loss)
    assert store.curves()[["train_loss", "loss", "metric"]].isna().all().all()
    assert (store.curves().dtypes[["train_loss", "loss", "metric", "seconds"]] == "float64").all()
