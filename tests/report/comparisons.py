"""Comparisons made up run by run, for the tests of what is shown of one."""

import functools
import json
import math
from dataclasses import replace

import pandas as pd

from steepest.statistics import SetAside
from steepest.study import Comparison, Contestant, Goal, Plan


def run(label, phase, number, steps=10.0, **facts):
    """One run; `number` is that of the trial or the seed, `steps` are those to the target, inf for a miss."""
    search = phase == "search"
    row = {
        "workload": "w", "label": label, "rule": "sgd", "batch_size": 32, "steps": 100, "phase": phase,
        "trial": float(number) if search else math.nan, "seed": 1000 if search else number, "settings": {"lr": 0.1},
        "status": "finished", "message": "well", "finding": None, "diagnoses": None, "last_step": 100,
        "steps_to_target": float(steps),
        "seconds_a_step": 0.5, "initial_loss": 1.0, "final_loss": 0.2, "best_loss": 0.15, "final_metric": 0.9,
        "best_metric": 0.95,
    }  # fmt: skip
    facts |= {"settings": {"lr": facts.pop("lr")}} if "lr" in facts else {}
    assert facts.keys() <= row.keys()
    return row | facts


def reports(label, steps, **facts):
    """One trial, and a report run for each number of steps to the target."""
    return [
        run(label, "search", 0, **facts),
        *(run(label, "report", seed, each, **facts) for seed, each in enumerate(steps, 1)),
    ]


def trials(label, steps, losses=None, **facts):
    """A trial for each number of steps to the target, at learning rates 0.001, 0.01, ..."""
    losses = losses or [0.2 + 0.1 * n for n in range(len(steps))]
    return [
        run(label, "search", number, each, **{"settings": {"lr": 0.001 * 10**number}, "final_loss": loss} | facts)
        for number, (each, loss) in enumerate(zip(steps, losses, strict=True))
    ]  # fmt: skip


def study_of(rows, curves=None, *, seeds=3, search_seeds=1, searches=1, finalists=None, metric_name="accuracy",
          higher=True, about="Some data", ranges=None):  # fmt: skip
    """A finished comparison of these runs.

    Curves are (run, step, loss, metric); by default every run has one of four points.
    """
    runs = pd.DataFrame(rows)
    runs.insert(0, "id", range(1, len(runs) + 1))
    runs["trial"] = _trials_of_reports(runs)
    of_trials = runs["phase"] == "search"
    runs["search"] = (runs["trial"].where(of_trials, runs["seed"] - 1) % searches).astype(int)
    runs["lr"] = [settings["lr"] for settings in runs["settings"]]
    runs["seconds_to_target"] = (runs["steps_to_target"] * runs["seconds_a_step"]).fillna(math.inf)
    runs["fingerprint"] = [f"{seed:064x}" for seed in runs["seed"]]
    contestants = tuple(_contestant(own, ranges) for _, own in runs.groupby(["label", "workload"], sort=False))
    runs["settings"] = runs["settings"].map(json.dumps)
    names = dict.fromkeys(runs["workload"])
    workload = {"about": about, "about_zh": about, "metric_name": metric_name, "higher_is_better": higher}
    facts = {
        "workloads": json.dumps({name: {"name": name} | workload for name in names}), "versions": '{"steepest": "0"}',
        "created": "2026-01-02T03:04:05+00:00", "python": "3", "machine": "m", "command": "steepest compare",
        "code": json.dumps({"rule.py": "f" * 64}), "gradient_noise": "{}",
    }  # fmt: skip
    plan = Plan(
        tuple(Goal(name, 0.9) for name in names), contestants, seeds, max(1, int(runs["trial"].max() + 1) // searches),
        search_seeds, searches=searches, finalists=finalists,
    )  # fmt: skip
    assert plan.runs == len(runs), f"{plan.runs} runs are planned, {len(runs)} are there"
    table = (
        _plain_curves(runs, 0.0 if higher else 10.0)
        if curves is None
        else pd.DataFrame(curves, columns=["run", "step", "loss", "metric"])
    )
    table = table.astype({"run": int, "step": int, "loss": float, "metric": float})
    table = table.assign(train_loss=table["loss"], seconds=0.5 * table["step"])
    return Comparison(plan, runs, table, facts)


def partly(comparison, keep, set_aside=()):
    """The comparison while only those runs are done for which `keep`, a function of a row, is true."""
    runs = comparison.runs[[bool(keep(row)) for row in comparison.runs.itertuples()]]
    curves = comparison.curves[comparison.curves["run"].isin(runs["id"])]
    return replace(comparison, runs=runs, curves=curves, set_aside=tuple(set_aside))


def _trials_of_reports(runs):
    """The numbers of the trials, with those whose settings the reports have; NaN where there is no such trial."""
    keys = list(zip(runs["workload"], runs["label"], runs["settings"].map(json.dumps), strict=True))
    known = {}
    for key, trial in zip(keys, runs["trial"], strict=True):
        if not math.isnan(trial):
            known.setdefault(key, trial)
    return [known.get(key, math.nan) if math.isnan(trial) else trial
            for key, trial in zip(keys, runs["trial"], strict=True)]  # fmt: skip


def _contestant(own, ranges):
    first = own.iloc[0]
    search = own[own["phase"] == "search"].sort_values("trial").drop_duplicates("trial")["settings"]
    return Contestant(first["workload"], first["label"], first["rule"], int(first["batch_size"]), int(first["steps"]),
                      ranges=({"lr": (1e-4, 1.0)} if len(search) > 1 else {}) if ranges is None else ranges,
                      trials=tuple(search))  # fmt: skip


def _plain_curves(runs, first_metric):
    def points(row):
        for step in (0, 30, 60, 100):
            loss = row.initial_loss + (row.final_loss - row.initial_loss) * step / 100
            yield row.id, step, loss, first_metric + (row.final_metric - first_metric) * step / 100

    return pd.DataFrame(
        [point for row in runs.itertuples() for point in points(row)], columns=["run", "step", "loss", "metric"]
    )


# --- awkward ones -----------------------------------------------------------------------------------------------------

ATTACK = '<script>alert("1")</script>'
ODD = [
    "a, b | c",
    'say "hi" & $x^2$ {%',
    f"bad {ATTACK}",
    "_hidden",
    "学习 🚀",
    "long " * 60,
    "line\nbreak",
    "../../up",
    "",
]


WORKLOADS = ["w.py", "dir/w.py"]


def contest(labels, seeds=3, **facts):
    """Contestants with four trials each, of which each needs a little longer than the one before it."""
    rows = []
    for place, label in enumerate(labels):
        rows += trials(label, [math.inf, 20 + place, 30, math.inf], **facts)
        rows += [run(label, "report", seed, 20 + 3 * place + seed, lr=0.01, **facts) for seed in range(1, seeds + 1)]
    return rows


def contest_twice(labels):
    """Contestants with two searches of two trials each, on two seeds; their winners take turns on four seeds."""
    rows = []
    for place, label in enumerate(labels):
        of_trials = trials(label, [20 + place, 30, math.inf, 25 + place])
        rows += [row | {"seed": 1000 + 2 * (number % 2)} for number, row in enumerate(of_trials)]
        rows += [of_trials[winner] | {"seed": seed} for winner, seed in ((0, 1001), (3, 1003))]
        rates = [0.001, 0.001 * 10**3]
        rows += [run(label, "report", seed, 20 + 3 * place + seed, lr=rates[(seed - 1) % 2]) for seed in (1, 2, 3, 4)]
    return rows


def failed(labels):
    """Contestants of which every run failed."""
    wrong = dict.fromkeys(("final_loss", "final_metric", "best_loss", "best_metric", "seconds_a_step"), math.nan)
    wrong |= {"status": "failed", "message": f"line 3: ValueError: no {ATTACK}", "steps_to_target": math.inf}
    return [row | wrong for row in contest(labels)]


@functools.cache
def awkward() -> dict[str, Comparison]:
    """Studies that are hard to show, by what is hard about them."""
    one, two = contest(["only"]), contest(["SGD", "Adam"])
    lost = [row | dict.fromkeys(("final_loss", "final_metric", "best_loss", "best_metric"), math.nan) for row in two]
    missed = {"steps_to_target": math.inf}
    negative = [row | {"initial_loss": -1.0, "final_loss": -2.0 - row["final_loss"], "best_loss": -3.0} for row in two]
    twice = [row | {"seed": 1001} for row in two if row["phase"] == "search"]
    sizes = [row | {"label": f"{row['label']} (batch {size})", "batch_size": size} for size in (1, 100) for row in two]
    several = [row | {"workload": name} for name in WORKLOADS for row in two]
    hyper = [row | {"settings": row["settings"] | {"momentum": 0.9}} for row in one]
    whole = study_of(two)
    few = [*reports("SGD", [5, 6, 7]), *reports("Adam", [9, 9, 9])]
    small = study_of([row | {"workload": name} for name in WORKLOADS for row in few])
    aside = [SetAside("w", 1, ("Adam",), 1, 1)]
    return {
        "twenty": study_of(contest([f"Rule number {number}" for number in range(20)])),
        "odd labels": study_of(contest(ODD), metric_name=f"m {ATTACK} $", about=f"about {ATTACK}"),
        "one contestant": study_of(one),
        "one trial": study_of([*reports("a", [5, 6, 7]), *reports("b", [9, 9, 9])]),
        "one seed": study_of(contest(["SGD", "Adam"], seeds=1), seeds=1),
        "all failed": study_of(failed(["SGD", "Adam"])),
        "nothing done": partly(whole, lambda row: False),
        "one run": partly(whole, lambda row: row.id == 1),
        "only search": partly(whole, lambda row: row.phase == "search"),
        "one without a report": partly(whole, lambda row: row.phase == "search" or row.label == "Adam"),
        "misses": study_of([row | missed for row in two]),
        "no numbers": study_of([row | missed | {"status": "became non-finite"} for row in lost]),
        "negative losses": study_of(negative, metric_name="loss", higher=False),
        "batch sizes": study_of(sizes),
        "search seeds": study_of([*two, *twice], search_seeds=2),
        "two searches": study_of(contest_twice(["SGD", "Adam"]), seeds=4, searches=2, search_seeds=2, finalists=1),
        "set aside": partly(whole, lambda row: (row.label, row.seed) != ("Adam", 1), aside),
        "one set aside everywhere": partly(
            small, lambda row: row.label == "SGD", [SetAside(name, 1, ("Adam",), 4, 4) for name in WORKLOADS]
        ),
        "one set aside somewhere": partly(
            small, lambda row: row.label == "SGD" or row.workload != "w.py", [SetAside("w.py", 1, ("Adam",), 4, 4)]
        ),
        "several workloads": study_of(several),
        "several unfinished": partly(study_of(several), lambda row: row.workload == "w.py" or row.phase == "search"),
        "more than a learning rate": study_of(hyper, ranges={"lr": (1e-4, 1.0), "momentum": (0.5, 0.99)}),
    }
