"""Runs of a study that train as one: the same results, whoever does them, and a crash costs the run that crashed."""

import json
import math
from dataclasses import replace

import pytest

import steepest
from steepest.base.errors import InvalidValue
from steepest.findings.catalogue import Finding
from steepest.study import Store, carry_out, make_plan
from steepest.study import populations as study_populations
from steepest.study.jobs import Ending, Entry, Job, columns_of, job_of
from steepest.study.populations import Groups
from steepest.study.results import STUDY_FILE
from steepest.study.workers.in_process import InProcess
from steepest.workloads import find

pytestmark = pytest.mark.usefixtures("without_report")

OPTIONS = {"trials": 4, "seeds": 2, "search_seeds": 2, "steps": 12, "target": 0.5}
KEY = ["label", "phase", "trial", "seed"]


def runs_of(comparison):
    return comparison.runs.sort_values(KEY).reset_index(drop=True)


def plan_of(optimizers=("sgd", "adam"), **options):
    return make_plan(find("digits"), optimizers, **(OPTIONS | options))


@pytest.fixture(scope="module")
def one_by_one():
    return runs_of(steepest.compare("digits", ["sgd", "adam"], **OPTIONS, population="off", jobs=1))


def test_the_same_study_to_rounding_and_to_the_last_bit_for_any_number_of_processes(one_by_one, tmp_path):
    here = steepest.compare("digits", ["sgd", "adam"], **OPTIONS, population="on", jobs=1, out=tmp_path / "here")
    there = steepest.compare("digits", ["sgd", "adam"], **OPTIONS, population="on", jobs=2)
    together, elsewhere = runs_of(here), runs_of(there)
    for name in ("fingerprint", "status", "settings", *KEY):
        assert together[name].tolist() == one_by_one[name].tolist()
    assert together["initial_loss"].tolist() == one_by_one["initial_loss"].tolist()
    pairs = zip(together["final_loss"], one_by_one["final_loss"], strict=True)
    assert all(math.isclose(a, b, rel_tol=1e-3) or not math.isfinite(b) for a, b in pairs)
    assert together["final_loss"].fillna(-1).tolist() == elsewhere["final_loss"].fillna(-1).tolist()
    store = Store.open(tmp_path / "here" / STUDY_FILE)
    assert all(size > 1 for size in store.population_sizes()["digits"].values())
    assert store.repeats()["digits"] == {"SGD": "", "Adam": ""}
    store.close()


def test_small_studies_are_measured_by_nobody(one_by_one, tmp_path, monkeypatch):
    runs = runs_of(steepest.compare("digits", ["sgd", "adam"], **OPTIONS, jobs=1, out=tmp_path))
    assert runs["final_loss"].fillna(-1).tolist() == one_by_one["final_loss"].fillna(-1).tolist()
    store = Store.open(tmp_path / STUDY_FILE)
    assert store.population_choice() == "auto" and store.population_sizes() == {"digits": {"SGD": 0, "Adam": 0}}
    store.close()


def test_a_measurement_that_keeps_killing_its_process_is_given_up(tmp_path):
    store = Store.create(tmp_path / STUDY_FILE, plan_of(), {"population": "on"})
    for _ in range(study_populations.MOST_ATTEMPTS):
        assert [*study_populations.measurements(store)]
    assert not [*study_populations.measurements(store)]
    assert store.population_sizes() == {"digits": {"SGD": 0, "Adam": 0}}
    store.close()


def test_a_study_that_says_nothing_trains_run_by_run(tmp_path):
    store = Store.create(tmp_path / STUDY_FILE, plan_of(), {})
    assert store.population_choice() == "off" and not [*study_populations.measurements(store)]
    store.close()


def test_the_measurement_is_made_once_and_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(study_populations, "LEAST_RUNS", 1)
    store = Store.create(tmp_path / STUDY_FILE, plan_of(), {"population": "auto"})
    (job,) = study_populations.measurements(store)
    assert job.id < 0 and job.sizing == "auto" and [entry.rule for entry in job.entries] == ["sgd", "adam"]
    study_populations.note(store, job, Ending(job.id, sizes=[16, 0]))
    assert store.population_sizes() == {"digits": {"SGD": 16, "Adam": 0}}
    study_populations.note(store, job, Ending(job.id, sizes=[64, 64]))  # another process was faster
    assert store.population_sizes() == {"digits": {"SGD": 16, "Adam": 0}}
    assert not [*study_populations.measurements(store)]
    longer = steepest.study.extend.add_rules(store.plan, ["momentum"])
    store.extend(store.plan, longer, {})
    (job,) = study_populations.measurements(store)
    assert [entry.rule for entry in job.entries] == ["momentum"]
    study_populations.note(store, job, Ending(job.id))  # it failed
    assert store.population_sizes() == {"digits": {"SGD": 16, "Adam": 0, "Momentum": 0}}
    store.close()


@pytest.mark.parametrize(
    ("workers", "together", "sizes"),
    [
        (1, False, [40, 40, 40, 8]),
        (4, False, [32, 24, 18, 14, 10, 8, 8, 8, 6]),
        (4, True, [32, 32, 32, 32]),
        (3, True, [40, 40, 40, 8]),
    ],
)
def test_what_waits_is_shared_among_the_workers(tmp_path, workers, together, sizes):
    """Those that begin together share it equally; one that ends before the others takes its share of what is left."""
    store = Store.create(tmp_path / STUDY_FILE, plan_of(trials=32), {"population": "on"})
    store.note_population_sizes("digits", {"SGD": 40, "Adam": 40})
    session = store.begin_session()
    groups = Groups(store, session, lambda task: job_of(store.plan, task))
    groups.read_sizes()
    taken, first = [], groups.share(workers)
    while tasks := groups.next(first if together else groups.share(workers)):
        taken.append(len(tasks))
        assert groups.job(tasks).ids == tuple(task.id for task in tasks)
    assert taken == sizes
    store.end_session(session)
    store.close()


def test_runs_of_one_kind_are_grouped_and_others_go_by_themselves(tmp_path):
    plan = make_plan(
        find("digits"), ["sgd", "adam", "muon"], trials=4, seeds=1, searches=1, batch_sizes=[16, 32], steps=5
    )
    store = Store.create(tmp_path / STUDY_FILE, plan, {"population": "on"})
    store.note_population_sizes("digits", {one.label: 0 if "Muon" in one.label else 16 for one in plan.contestants})
    session = store.begin_session()
    groups = Groups(store, session, lambda task: job_of(store.plan, task))
    groups.read_sizes()
    seen = []
    while tasks := groups.next(12):
        job = groups.job(tasks)
        seen.append((len(tasks), {(entry.batch_size, entry.rule == "muon") for entry in job.entries}, bool(job.ids)))
    assert all(len(kinds) == 1 for _, kinds, _ in seen)
    assert sum(count for count, *_ in seen) == 24
    assert all(is_one == (next(iter(kinds))[1] is False) and (is_one or count == 1) for count, kinds, is_one in seen)
    again = [task for task in [groups.next(1)] if task]
    assert not again
    store.end_session(session)
    store.close()


FRAGILE = """
from dataclasses import dataclass
from steepest.rules.base import Rule, hyperparameter

@dataclass(frozen=True, kw_only=True)
class Fragile(Rule):
    'Fails at some rates.'
    elementwise = False
    lr: float = hyperparameter(0.1, "a", "rate", search=(1e-3, 1.0))

    def init(self, param):
        return {}

    def update(self, grad, param, step):
        if step > 3 and self.lr > 0.3:
            raise ValueError("too fast")
        return (-self.lr * grad,)
"""


class Crashing(InProcess):
    """An executor whose populations crash, those of one run too where its rate is below 0.01."""

    def __init__(self):
        super().__init__()
        self.jobs, self._crashed = [], []

    def submit(self, job):
        if not job.sizing and not job.timing:
            self.jobs.append(job)
        if job.ids and (len(job.ids) > 1 or job.entries[0].settings["lr"] < 0.01):
            self._crashed.append(
                Ending(job.id, columns_of(Finding("process_exited", {"exit_code": 3, "words": "", "has_words": False})))
            )
        else:
            super().submit(replace(job, suspect=False))

    @property
    def room(self):
        return 0 if self._crashed else super().room

    def ended(self, wait):
        crashed, self._crashed = self._crashed, []
        return crashed or super().ended(wait)


@pytest.fixture
def fragile(tmp_path):
    (tmp_path / "fragile.py").write_text(FRAGILE)
    return plan_of(["sgd", str(tmp_path / "fragile.py")], search_seeds=1)


def outcomes_of(file, plan, choice, executor):
    store = Store.create(file, plan, {"population": choice, "code": "{}"})
    carry_out(store, executor)
    runs = store.runs().sort_values(KEY)
    assert bool(store.population_sizes()) == (choice == "on")
    store.close()
    return [*zip(runs["label"], runs["trial"], runs["seed"], runs["status"], runs["message"], strict=True)]


def test_a_run_that_raises_in_a_population_fails_by_itself(fragile, tmp_path):
    together = outcomes_of(tmp_path / "on.sqlite", fragile, "on", InProcess())
    assert together == outcomes_of(tmp_path / "off.sqlite", fragile, "off", InProcess())
    assert 0 < sum("too fast" in row[-1] for row in together) < len(together) / 2


def test_after_a_crash_each_run_of_the_population_is_done_by_itself(tmp_path):
    executor = Crashing()
    outcomes = outcomes_of(tmp_path / "on.sqlite", plan_of(search_seeds=1), "on", executor)
    crashed = [row for row in outcomes if "exit code 3" in row[-1]]
    assert 0 < len(crashed) < len(outcomes)
    first = executor.jobs[0]
    assert len(first.ids) > 1
    assert [job.ids for job in executor.jobs[1 : len(first.ids) + 1]] == [(id,) for id in first.ids]
    assert all(job.suspect for job in executor.jobs[1 : len(first.ids) + 1])


def test_interrupted_and_resumed_is_the_same_to_the_last_bit(tmp_path):
    whole = Store.create(tmp_path / "whole.sqlite", plan_of(), {"population": "on", "code": "{}"})
    carry_out(whole, InProcess())
    parts = Store.create(tmp_path / "parts.sqlite", plan_of(), {"population": "on", "code": "{}"})
    calls = iter(range(100))

    def interrupt():
        if next(calls) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        carry_out(parts, InProcess(), interrupt)
    done = parts.done()
    assert 0 < done < parts.plan.runs
    carry_out(parts, InProcess())
    a, b = (store.runs().sort_values(KEY)["final_loss"].fillna(-1).tolist() for store in (whole, parts))
    assert a == b
    whole.close()
    parts.close()


def test_bad_choices_are_refused_before_anything_is_stored(tmp_path):
    with pytest.raises(InvalidValue, match="population: must be auto, on or off, got 'maybe'"):
        steepest.compare("digits", population="maybe", out=tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_messages_come_back_as_they_went():
    entry = Entry("digits", 0.9, "sgd", {"lr": 0.1}, "constant", 32, 5, 1)
    job = Job(3, (entry, entry), ids=(3, 4), checks=(4,), sizing="on")
    assert Job.from_json(job.to_json()) == job
    ending = Ending(3, parts=[Ending(3, {"final_loss": 0.1}, [[0, 1.0]]), Ending(4, differs="data")], sizes=[1])
    assert Ending.from_json(ending.to_json()) == ending
    assert json.loads(ending.to_json())["parts"][1]["differs"] == "data"
