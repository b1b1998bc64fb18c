"""The study's file: a queue that gives each run to one process only, tables, older versions, and size."""

import shutil
import sqlite3
import threading
from dataclasses import replace

import pandas as pd
import pytest

from steepest.base.errors import SteepestError
from steepest.study import Comparison, Store, runner
from steepest.study.results import STUDY_FILE

from ..studies import assert_planned_runs, change, rows, small_plan, synthetic_study, winners_in

# --- the store --------------------------------------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path):
    store = Store.create(tmp_path / STUDY_FILE, small_plan({"a": 3, "b": 1}), {})
    yield store
    store.close()


@pytest.fixture
def session(store) -> int:
    return store.begin_session()


def test_trials_are_taken_in_turns_so_that_partial_results_compare(store, session):
    taken = [store.take(session) for _ in range(4)]
    assert [(task.contestant, task.trial) for task in taken] == [(0, 0), (1, 0), (0, 1), (0, 2)]
    assert store.take(session) is None


def test_a_run_is_given_to_one_process_only(store, tmp_path):
    store.set_winners(0, [0])
    more = "with recursive n(value) as (select 3 union all select value + 1 from n where value < 200) select"
    change(tmp_path, f"insert into runs (contestant, phase, trial, seed) {more} 0, 'report', 0, value from n")
    taken: list[int] = []

    def take_all():
        own = Store.open(tmp_path / STUDY_FILE)
        number = own.begin_session()
        while task := own.take(number):
            taken.append(task.id)
        own.close()

    crew = [threading.Thread(target=take_all) for _ in range(4)]
    for each in crew:
        each.start()
    for each in crew:
        each.join()
    assert sorted(taken) == sorted(rows(tmp_path, "phase != 'timing'"))
    assert len(taken) == 4 + 200


def test_a_winner_is_sent_on_once(store):
    for _ in range(2):
        store.set_winners(1, [0])
    assert store.counts() == {"waiting": 6}
    assert winners_in(store) == [(1, 0, 0, 1)]
    with pytest.raises(SteepestError, match="the winner of 'a' is not one of its trials"):
        store.winners()
    store.set_winners(0, [2])
    assert store.winners() == {0: 2, 1: 0}


def test_reports_of_a_winner_that_was_beaten_count_no_more(store, session, tmp_path):
    store.set_winners(0, [1])
    for _ in range(6):  # trials and reports of the first winner; one is waiting, another being done when it is beaten
        task = store.take(session)
        if task.phase == "search":
            store.finish(task, session, {"status": "finished"})
    store.set_winners(0, [2])
    assert store.counts() == {"done": 4, "waiting": 2}
    assert not store.finish(task, session, {"status": "finished"})
    assert [store.take(session).trial for _ in range(2)] == [2, 2]
    assert {row["trial"] for row in rows(tmp_path, "state = 'former'").values()} == {1}
    assert len(store.runs()) == 4


# --- searches ---------------------------------------------------------------------------------------------------------

PROTOCOL = {"searches": 2, "search_seeds": 3, "finalists": 2}


@pytest.fixture
def twice(tmp_path):
    """A study of two searches: six trials of `a`, three in each; two are finalists, on two more seeds."""
    store = Store.create(tmp_path / STUDY_FILE, small_plan({"a": 6, "b": 1}, seeds=3, **PROTOCOL), {})
    yield store
    store.close()


def finish_all(store: Store, session: int, steps=lambda task: 10.0) -> list[tuple[int, int]]:
    """Finish whatever waits; gives trial and seed of what was done."""
    done = []
    while task := store.take(session):
        store.finish(task, session, {"status": "finished", "steps_to_target": steps(task), "final_loss": 0.1})
        done.append((task.trial, task.seed))
    return done


def test_every_trial_waits_on_the_first_seed_of_its_search(twice):
    session = twice.begin_session()
    taken = [twice.take(session) for _ in range(7)]
    assert [(task.contestant, task.trial, task.seed) for task in taken] == [
        (0, 0, 1000), (1, 0, 1000), (0, 1, 1003), (0, 2, 1000), (0, 3, 1003), (0, 4, 1000), (0, 5, 1003),
    ]  # fmt: skip
    assert twice.take(session) is None


def test_studies_of_older_versions_have_every_trial_on_every_seed(tmp_path):
    store = Store.create(tmp_path / STUDY_FILE, small_plan({"a": 2}, search_seeds=2), {})
    assert [(row["trial"], row["seed"]) for row in rows(tmp_path, "phase = 'search'").values()] == [
        (0, 1000), (0, 1001), (1, 1000), (1, 1001),
    ]  # fmt: skip
    store.close()


def test_finalists_wait_on_the_other_seeds_of_their_search_once(twice):
    session = twice.begin_session()
    finish_all(twice, session)
    assert twice.is_ready_to_choose(0)
    for _ in range(2):
        assert twice.set_finalists(0, [2, 4, 1, 5])
    assert not twice.is_ready_to_choose(0)
    assert twice.counts() == {"done": 7, "waiting": 8}
    expected = [(2, 1001), (2, 1002), (4, 1001), (4, 1002), (1, 1004), (1, 1005), (5, 1004), (5, 1005)]
    assert finish_all(twice, session) == expected
    before = rows(twice.file.parent)
    assert not twice.set_finalists(0, [2, 4, 1, 5])  # all is done: now there can be winners
    assert rows(twice.file.parent) == before
    assert not twice.set_finalists(1, [])  # with one trial there is nothing to choose
    assert twice.plan.runs == len(twice.runs()) + 2 * 3  # the reports


def test_former_finalists_count_no_more_and_come_back_as_they_were(twice, tmp_path):
    session = twice.begin_session()
    finish_all(twice, session)
    assert twice.set_finalists(0, [0, 2, 1, 3])
    taken = [twice.take(session) for _ in range(3)]
    assert [(task.trial, task.seed) for task in taken] == [(0, 1001), (0, 1002), (2, 1001)]
    for task in taken[:2]:
        twice.finish(task, session, {"status": "finished", "steps_to_target": 7.0})
    kept = rows(tmp_path)
    assert twice.set_finalists(0, [4, 0, 1, 3])  # 2 makes room for 4, while one of its runs is being done
    former = rows(tmp_path, "state = 'former'").values()
    assert {(row["trial"], row["seed"]) for row in former} == {(2, 1001), (2, 1002)}
    assert twice.counts() == {"done": 9, "waiting": 6}
    assert not twice.finish(taken[2], session, {"status": "finished"})
    assert 2 not in set(twice.runs()["trial"][twice.runs()["seed"] != 1000])

    assert twice.set_finalists(0, [0, 2, 1, 3])
    now = rows(tmp_path)
    assert {run: row for run, row in now.items() if row["trial"] != 4} == {
        run: row for run, row in kept.items() if row["trial"] != 4
    }  # the run that was begun is still being done, and what was done is done
    assert twice.finish(taken[2], session, {"status": "finished"})
    assert {row["trial"] for row in now.values() if row["state"] == "former"} == {4}


def test_a_former_finalists_run_that_a_dead_process_had_waits_again(twice, tmp_path):
    session = twice.begin_session()
    finish_all(twice, session)
    twice.set_finalists(0, [0, 2, 1, 3])
    task = twice.take(session)
    twice.set_finalists(0, [4, 2, 1, 3])
    twice.end_session(session)  # leaves what is former alone
    twice.set_finalists(0, [0, 2, 1, 3])
    assert rows(tmp_path)[task.id]["state"] == "running"
    twice.requeue_orphans()
    assert rows(tmp_path)[task.id]["state"] == "waiting"


def test_the_winners_of_the_searches_take_turns_on_the_report_seeds(twice, tmp_path):
    finish_all(twice, twice.begin_session())
    twice.set_winners(0, [4, 1])
    twice.set_winners(1, [0])  # one trial: the same on every seed
    reports = [(row["contestant"], row["trial"], row["seed"]) for row in rows(tmp_path, "phase = 'report'").values()]
    assert reports == [(0, 4, 1), (0, 1, 2), (0, 4, 3), (1, 0, 1), (1, 0, 2), (1, 0, 3)]
    assert winners_in(twice) == [(0, 0, 4, 6), (0, 1, 1, 6), (1, 0, 0, 1)]
    assert twice.winners() == {0: 4, 1: 0}  # of the first searches, whose step times are measured


def test_one_search_may_have_another_winner_while_the_other_keeps_its_own(twice, tmp_path):
    session = twice.begin_session()
    finish_all(twice, session)
    twice.set_winners(0, [4, 1])
    finish_all(twice, session)
    kept = rows(tmp_path)
    twice.set_winners(0, [4, 3])
    states = [(row["trial"], row["seed"], row["state"]) for row in rows(tmp_path, "phase = 'report'").values()]
    assert states == [(4, 1, "done"), (1, 2, "former"), (4, 3, "done"), (3, 2, "waiting")]
    assert winners_in(twice) == [(0, 0, 4, 6), (0, 1, 3, 6)]
    twice.set_winners(0, [4, 1])
    assert {run: row for run, row in rows(tmp_path).items() if run in kept} == kept


def test_runs_name_the_search_that_their_settings_are_from(twice):
    session = twice.begin_session()
    finish_all(twice, session)
    twice.set_winners(0, [4, 1])
    twice.set_winners(1, [0])
    finish_all(twice, session)
    found = twice.runs()
    search, report = found[found["phase"] == "search"], found[found["phase"] == "report"]
    assert (search["search"] == search["trial"] % 2).all()
    assert list(report["search"]) == [0, 1, 0] * 2  # also where the settings are fixed
    assert list(report["trial"]) == [4, 1, 4, 0, 0, 0]
    assert list(report["lr"]) == [twice.plan.contestants[0].trials[trial]["lr"] for trial in (4, 1, 4, 0, 0, 0)]


def test_winners_are_chosen_again_when_trials_or_seeds_were_added(twice):
    session = twice.begin_session()
    finish_all(twice, session)
    twice.set_winners(0, [4, 1])
    twice.set_winners(1, [0])
    assert twice.ready_to_choose() == []
    finish_all(twice, session)
    more_seeds = replace(twice.plan, seeds=5)
    twice.extend(twice.plan, more_seeds, {})
    assert twice.ready_to_choose() == [0, 1]
    twice.set_winners(0, [4, 1])
    twice.set_winners(1, [0])
    assert finish_all(twice, session) == [(1, 4), (4, 5), (0, 4), (0, 5)]
    twice.extend(twice.plan, small_plan({"a": 8, "b": 1}, seeds=5, **PROTOCOL), {})
    assert twice.ready_to_choose() == []  # the new trials are open
    assert finish_all(twice, session) == [(6, 1000), (7, 1003)]
    assert twice.ready_to_choose() == [0]


def test_a_run_and_its_curve_are_stored_both_or_neither(store, session):
    task = store.take(session)
    with pytest.raises(sqlite3.Error):
        store.finish(task, session, {"status": "finished"}, [(0, 1.0, 1.0, 1.0, 0.0), (1, 1.0)])
    assert store.counts() == {"running": 1, "waiting": 3}
    assert store.curves().empty
    store.end_session(session)
    assert store.take(store.begin_session()) == task  # begun for the first time: it was handed back, not lost


def test_a_run_that_was_taken_over_is_not_stored_by_whoever_had_it(store, session):
    """A process that was believed dead comes back with its result."""
    task = store.take(session)
    store.end_session(session)
    other = store.begin_session()
    assert store.take(other).id == task.id
    assert not store.finish(task, session, {"status": "finished"}, [(0, 1.0, 1.0, 1.0, 0.0)])
    assert store.counts() == {"running": 1, "waiting": 3}
    assert store.finish(task, other, {"status": "finished"}, [(0, 1.0, 1.0, 1.0, 0.0)])
    assert not store.finish(task, other, {"status": "failed"})
    assert (len(store.curves()), list(store.runs()["status"])) == (1, ["finished"])


def test_step_times_are_measured_when_nobody_is_at_a_run(store, session):
    assert store.take_timing(session) is None
    last = [store.take(session) for _ in range(4)][-1]
    assert store.take_timing(session) is None
    for task in [*rows(store.file.parent, "phase = 'search'")][:3]:
        change(store.file.parent, "update runs set state = 'done' where id = ?", task)
    assert store.take_timing(session) is None
    store.finish(last, session, {"status": "finished"})
    timing = store.take_timing(session)
    assert timing.phase == "timing"
    assert store.take_timing(session) is None
    store.finish_timing(timing, session, {"status": "finished"}, {0: [0.1, 0.3, 0.2], 1: [1.0]}, "thread")
    assert list(store.timings()["clock"]) == ["thread"] * 4
    assert store.runs().groupby("label")["seconds_a_step"].first().to_dict() == {"a": 0.2, "b": 1.0}


def test_a_plan_is_extended_once(store, session):
    before = store.plan
    after = replace(small_plan({"a": 3, "b": 3}), seeds=4)
    store.extend(before, after, {"code": "new"})
    assert (store.plan, store.first_plan, store.fact("code")) == (after, before, "new")
    assert store.counts() == {"waiting": 6}
    with pytest.raises(SteepestError, match="another process has just extended this study"):
        store.extend(before, after, {})


def test_what_is_not_finite_is_read_back_as_such(store, session):
    infinite = float("inf")
    result = {"status": "diverged", "steps_to_target": infinite, "seconds_a_step": 0.5, "final_loss": float("nan")}
    store.finish(store.take(session), session, result, [(0, infinite, infinite, infinite, 0.0)])
    (run,) = store.runs().itertuples()
    assert (run.steps_to_target, run.seconds_to_target, run.seconds_a_step) == (infinite, infinite, 0.5)
    assert pd.isna(run.final_loss)
    assert store.curves()[["train_loss", "loss", "metric"]].isna().all().all()
    assert (store.curves().dtypes[["train_loss", "loss", "metric", "seconds"]] == "float64").all()


def choose(store: Store, session: int) -> None:
    runner._Runner(store, session, None, lambda: None)._choose_winners(store.ready_to_choose())


def finish_marked(store: Store, session: int, fingerprints: dict[int, str]) -> None:
    """Finish whatever waits; the lower the number of a trial, the sooner it arrives."""
    while task := store.take(session):
        ending = {"status": "finished", "steps_to_target": 10.0 + task.trial, "final_loss": 0.1}
        store.finish(task, session, ending | {"fingerprint": fingerprints.get(task.trial, "x")})


def test_where_trials_are_set_aside_as_many_are_finalists_as_planned(tmp_path):
    """Or the study could never have all the runs of its plan."""
    plan = small_plan({"a": 6}, seeds=2, search_seeds=2, finalists=4)
    store = Store.create(tmp_path / STUDY_FILE, plan, {})
    session = store.begin_session()
    finish_marked(store, session, {0: "y", 1: "y"})
    choose(store, session)
    waiting = {row["trial"] for row in rows(tmp_path, "state = 'waiting' and phase = 'search'").values()}
    assert len(waiting) == 4 and waiting >= {2, 3, 4}
    finish_marked(store, session, {})
    choose(store, session)
    assert store.winners() == {0: 2}  # trial 0 and 1 solved another problem
    finish_marked(store, session, {})
    assert store.done() == plan.runs
    store.close()


def test_winners_that_were_chosen_stay_while_there_are_no_more_trials(twice, tmp_path):
    session = twice.begin_session()
    for _ in range(3):  # trials, finalists, reports
        finish_marked(twice, session, {})
        choose(twice, session)
    assert twice.done() == twice.plan.runs
    chosen = winners_in(twice)
    change(tmp_path, "update runs set steps_to_target = 1 where phase = 'search' and trial in (2, 3)")
    twice.extend(twice.plan, replace(twice.plan, seeds=5), {})
    choose(twice, session)
    assert winners_in(twice) == chosen
    twice.extend(twice.plan, small_plan({"a": 8, "b": 1}, seeds=5, **PROTOCOL), {})
    finish_marked(twice, session, {})
    choose(twice, session)  # the new finalists
    finish_marked(twice, session, {})
    choose(twice, session)
    assert [trial for contestant, _, trial, _ in winners_in(twice) if contestant == 0] == [2, 3]


# --- runs that cannot be compared -------------------------------------------------------------------------------------


@pytest.mark.usefixtures("without_report")
def test_runs_of_another_problem_are_set_aside_and_named(study, tmp_path, command):
    """As if the data, or a library, had changed under a part of the study."""
    folder = shutil.copytree(study, tmp_path / "copy")
    change(folder, "update runs set fingerprint = '77' where phase = 'report' and seed = 2 and contestant = 1")
    whole, part = Comparison.read(study), Comparison.read(folder)
    assert (len(whole.runs) - len(part.runs), whole.set_aside, part.complete) == (1, (), True)
    (aside,) = part.set_aside
    assert (aside.seed, aside.labels) == (2, ("Adam",))
    gone = whole.runs[~whole.runs["id"].isin(part.runs["id"])]
    assert list(gone[["label", "seed", "phase"]].iloc[0]) == ["Adam", 2, "report"]
    code, printed, _ = command(f"compare --resume {folder} --jobs 1")
    assert code == 0
    assert str(aside) in " ".join(printed.split())


# --- size -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", [{}, {"searches": 2, "search_seeds": 3}], ids=["one search", "two searches"])
def test_what_is_done_for_each_run_reads_no_whole_table(tmp_path, protocol):
    """So that ten thousand runs cost each of them no more than ten did."""
    assert_planned_runs(synthetic_study(tmp_path, runs=200, points=1, **protocol))
    change(tmp_path, "update runs set state = 'waiting' where phase = 'search'")
    store, statements = Store.open(tmp_path / STUDY_FILE), []
    session = store.begin_session()
    store._connection.set_trace_callback(statements.append)
    task = store.take(session)
    store.finish(task, session, {"status": "finished"}, [(2, 1.0, 1.0, 1.0, 1.0)])
    store.is_ready_to_choose(task.contestant)
    store.counts()
    store._connection.set_trace_callback(None)
    asked = [each for each in statements if each.startswith(("select", "update", "insert"))]
    assert len(asked) > 5
    for statement in asked:
        plan = [step["detail"] for step in store._connection.execute(f"explain query plan {statement}")]
        assert not [step for step in plan if step.startswith("SCAN") and "USING" not in step], statement
    store.close()


def test_the_standings_show_the_best_sound_trial_of_each_so_far(store, session):
    ends = {
        (0, 0): {"status": "reached the target", "steps_to_target": 9.0, "final_loss": 0.5},
        (0, 1): {"status": "diverged", "steps_to_target": 3.0, "final_loss": 9.0},
        (0, 2): {"status": "reached the target", "steps_to_target": 9.0, "final_loss": 0.4},
    }
    for _ in range(4):
        task = store.take(session)
        if (task.contestant, task.trial) in ends:
            store.finish(task, session, ends[task.contestant, task.trial])
    (a,) = store.standings()
    assert (a["label"], a["trials"], a["reports"]) == ("a", 3, 0)
    assert a["settings"] == store.plan.contestants[0].trials[2]
    assert (a["steps_to_target"], a["final_loss"]) == (9.0, 0.4)
