"""What is true of any finished study, and studies made up for tests: as large as wanted, without training anything."""

import json
import math
import sqlite3
from pathlib import Path

import numpy as np
import pandas as pd

from steepest.statistics.ranges import position
from steepest.study import Comparison, Contestant, Goal, Plan, Store, make_plan
from steepest.study.plan import FINALISTS, SEARCHES
from steepest.study.results import STUDY_FILE
from steepest.workloads import find

CLOCK = ["seconds_a_step", "seconds_to_target", "diagnoses"]  # the doctor looks when there is time

# --- a study's file ---------------------------------------------------------------------------------------------------


def rows(folder: Path, where: str = "true") -> dict[int, dict]:
    """Every run of a study as it stands in the file, done or not, by its number."""
    connection = sqlite3.connect(folder / STUDY_FILE)
    connection.row_factory = sqlite3.Row
    try:
        return {row["id"]: dict(row) for row in connection.execute(f"select * from runs where {where} order by id")}
    finally:
        connection.close()


def winners_in(store: Store) -> list[tuple[int, ...]]:
    """Contestant, search, trial and among how many, of every winner in the file."""
    return [tuple(row) for row in store._connection.execute("select * from winners order by contestant, search")]


def change(folder: Path, statement: str, *values) -> None:
    connection = sqlite3.connect(folder / STUDY_FILE)
    with connection:
        connection.execute(statement, values)
    connection.close()


def rates(contestant, search=None, searches=SEARCHES) -> list[float]:
    """The learning rates of all trials, or of those of one search."""
    own = contestant.trials if search is None else contestant.trials[search::searches]
    return [trial["lr"] for trial in own]


# --- what is true of any ----------------------------------------------------------------------------------------------


def assert_planned_runs(comparison: Comparison) -> None:
    """Each planned run is there exactly once: of trials, of finalists on all seeds of their search, and of winners."""
    runs, plan = comparison.runs, comparison.plan
    assert len(runs) == plan.runs
    of_contestants = dict(list(runs.groupby(["workload", "label"])))
    assert len(of_contestants) == len(plan.contestants)
    for each in plan.contestants:
        own = of_contestants[each.workload, each.label]
        search, report = own[own["phase"] == "search"], own[own["phase"] == "report"]
        seeds = {trial: sorted(of_trial["seed"]) for trial, of_trial in search.groupby("trial")}
        assert list(seeds) == list(range(len(each.trials)))
        _assert_searched(plan, each, seeds)
        assert (search["search"] == search["trial"] % plan.searches).all()
        assert (report["search"] == (report["seed"] - 1) % plan.searches).all()

        assert sorted(report["seed"]) == list(plan.report_numbers)
        winners = report.groupby("search")["trial"].unique()
        assert all(len(trials) == 1 for trials in winners)
        for number, (winner,) in winners.items():
            assert len(each.trials) == 1 or winner % plan.searches == number
            assert len(seeds[winner]) == max(map(len, seeds.values()))
        settings = dict(zip(search["trial"], search["settings"], strict=True))
        assert list(report["settings"]) == [settings[trial] for trial in report["trial"]]
    assert not comparison.curves.duplicated(["run", "step"]).any()


def _assert_searched(plan: Plan, contestant: Contestant, seeds: dict[int, list[int]]) -> None:
    """Every trial ran on the first seed of its search, the finalists on all, or in older studies all on all."""
    on_all = [trial for trial, own in seeds.items() if own == list(plan.seeds_of(trial))]
    if plan.finalists is None or plan.search_seeds == 1:
        assert on_all == list(seeds)
        return
    assert all(seeds[trial] == [plan.seeds_of(trial).start] for trial in seeds if trial not in on_all)
    in_each = [sum(trial % plan.searches == search for trial in on_all) for search in range(plan.searches)]
    searched = min(plan.searches, len(seeds))
    assert in_each[:searched] == [plan.finalists_of(contestant)] * searched


def assert_same_results(one: Comparison, other: Comparison) -> None:
    """Equal to the last bit, but for the clock and the order in which the runs were done."""
    key = ["workload", "label", "phase", "seed", "settings"]

    def results(comparison):
        runs = comparison.runs.drop(columns=CLOCK)
        curves = comparison.curves.drop(columns="seconds").merge(runs[["id", *key]], left_on="run", right_on="id")
        yield runs.sort_values(key).drop(columns="id")
        yield curves.sort_values([*key, "step"]).drop(columns=["id", "run"])

    for ours, theirs in zip(results(one), results(other), strict=True):
        ours, theirs = ours.reset_index(drop=True), theirs.reset_index(drop=True)
        pd.testing.assert_frame_equal(ours, theirs, check_exact=True)


# --- made up ----------------------------------------------------------------------------------------------------------

WORKLOAD = {
    "about": "Made up: a bowl in the logarithm of the learning rate.", "about_zh": "虚构：学习率对数上的一个碗。",
    "metric_name": "accuracy", "higher_is_better": True,
}  # fmt: skip
COLUMNS = (
    "state", "status", "message", "last_step", "steps_to_target", "seconds_a_step", "initial_loss", "final_loss",
    "best_loss", "final_metric", "best_metric", "fingerprint",
)  # fmt: skip


def small_plan(trials: dict[str, int], seeds: int = 2, **more) -> Plan:
    """A plan of contestants with so many trials."""
    contestants = tuple(
        Contestant("digits", label, "sgd", 1, 1, trials=tuple({"lr": 0.1 * (n + 1)} for n in range(count)))
        for label, count in trials.items()
    )
    return Plan((Goal("digits", 1.0),), contestants, seeds, max(trials.values()), **more)


def synthetic_plan(
    runs: int = 10_000, optimizers: tuple[str, ...] = ("sgd", "momentum", "rmsprop", "adam"), seeds: int = 20,
    workloads: tuple[str, ...] = ("digits",), **settings,
) -> Plan:  # fmt: skip
    """A plan of about so many runs: as many trials as it takes; one search on one seed, unless `settings` say more."""
    settings = {"searches": 1, "search_seeds": 1} | settings
    on_more = FINALISTS * (settings["search_seeds"] - 1)
    trials = max(1, (runs // (len(optimizers) * len(workloads)) - seeds) // settings["searches"] - on_more)
    return make_plan([find(each) for each in workloads], optimizers, trials=trials, seeds=seeds, **settings)


def synthetic_study(folder: Path, runs: int = 10_000, points: int = 50, seed: int = 0, **plan) -> Comparison:
    """A finished study of about `runs` runs in a folder, with curves of `points` + 1 measurements; takes seconds.

    Losses are lowest in the middle of each range and rise with the square of the distance on its log scale; the largest
    learning rates diverge; optimizers differ by a factor. Further arguments are those of `synthetic_plan`.
    """
    made = synthetic_plan(runs, **plan)
    workloads = {each.name: {"name": each.name} | WORKLOAD for each in made.workloads}
    facts = {"workloads": json.dumps(workloads), "code": "{}", "gradient_noise": "{}"}
    folder.mkdir(parents=True, exist_ok=True)
    store = Store.create(folder / STUDY_FILE, made, facts)
    random = np.random.default_rng(seed)
    _fill(store, made, points, random)
    first = {contestant: _by_distance(made, contestant) for contestant in store.ready_to_choose()}
    for contestant, searches in first.items():
        best = made.finalists_of(made.contestants[contestant])
        store.set_finalists(contestant, [trial for trials in searches for trial in trials[:best]])
    _fill(store, made, points, random)
    for contestant, searches in first.items():
        store.set_winners(contestant, [trials[0] for trials in searches])
    _fill(store, made, points, random)
    store.close()
    return Comparison.read(folder)


def _fill(store: Store, plan: Plan, points: int, random: np.random.Generator) -> None:
    """Give every waiting run an ending and a curve."""
    connection = sqlite3.connect(store.file)
    waiting = connection.execute(
        "select id, contestant, trial, seed from runs where state = 'waiting' and phase != 'timing'"
    ).fetchall()
    endings, curves = [], []
    for run, contestant, trial, seed in waiting:
        ending, curve = _made_up(plan, contestant, trial, seed, points, random)
        endings.append((*ending, run))
        curves += [(run, *point) for point in curve]
    with connection:
        assignments = ", ".join(f"{name} = ?" for name in COLUMNS)
        connection.executemany(f"update runs set {assignments} where id = ?", endings)
        connection.executemany("insert into curves values (?, ?, ?, ?, ?, ?)", curves)
        connection.execute("update runs set state = 'done' where phase = 'timing'")
        for index in range(len(plan.contestants)):
            paces = [1e-4 * (1 + 0.1 * index) * random.uniform(0.95, 1.05) for _ in range(5)]
            rounds = [(index, turn, pace, "thread") for turn, pace in enumerate(paces)]
            connection.executemany(
                "insert or ignore into timings (contestant, round, seconds_a_step, clock) values (?, ?, ?, ?)", rounds
            )
    connection.close()


def _distance(plan: Plan, contestant: int, trial: int) -> float:
    """How far a trial's learning rate is from the middle of its range, -0.5 to 0.5."""
    each = plan.contestants[contestant]
    return position(each.trials[trial]["lr"], each.ranges["lr"]) - 0.5 if each.ranges else 0.0


def _by_distance(plan: Plan, contestant: int) -> list[list[int]]:
    """The trials of each search, the one nearest to the middle first."""
    trials = range(len(plan.contestants[contestant].trials))
    order = sorted(trials, key=lambda trial: abs(_distance(plan, contestant, trial)))
    searches = range(min(plan.searches, len(trials)))
    return [[trial for trial in order if plan.search_of(trial) == search] for search in searches]


def _made_up(plan, contestant, trial, seed, points, random):
    """An ending, in the order of `COLUMNS`, and a curve."""
    each, away = plan.contestants[contestant], _distance(plan, contestant, trial)
    noise = float(random.normal(0, 0.02))
    final = (0.1 + 0.02 * contestant) * math.exp(12 * away**2 + noise)
    steps = [round(each.steps * point / points) for point in range(points + 1)]
    fingerprint = f"{seed:064x}"
    if away > 0.35:
        curve = [(step, 2.3 + step, 2.3 + step, 0.1, 1e-4 * step) for step in steps]
        message = f"the loss ended above where it began ({curve[-1][2]:.3g} > 2.3); try a smaller learning rate"
        ending = ("done", "diverged", message, each.steps, None, 1e-4, 2.3, curve[-1][2], 2.3, 0.1, 0.1, fingerprint)
        return ending, curve
    losses = [final + (2.3 - final) * math.exp(-6 * point / points) for point in range(points + 1)]
    curve = [(step, loss, loss, 1 - loss / 2.6, 1e-4 * step) for step, loss in zip(steps, losses, strict=True)]
    target = next(goal.target for goal in plan.workloads if goal.name == each.workload)
    reached = next((step for step, *_, metric, _ in curve if metric >= target), None)
    status = "finished" if reached is None else "reached the target"
    message = "did not reach the target" if reached is None else f"reached the target at step {reached}"
    last, metric = losses[-1], 1 - losses[-1] / 2.6
    numbers = (each.steps, reached, 1e-4, 2.3, last, last, metric, metric)
    return ("done", status, message, *numbers, fingerprint), curve
