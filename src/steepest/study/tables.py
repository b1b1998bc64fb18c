"""The contents of a study's file as data frames: runs, curves, standings.

A table of runs has one finished run a row: `id`, `workload`, `label`, `rule`, `batch_size`, `steps`, `phase` ("search"
or "report"), `trial` (its number, NaN for a report), `seed`, `lr`, `settings` (JSON of all that was searched),
`status`, `message`, `finding` (code and numbers of the message, as JSON; none in studies of older versions),
`last_step`, `steps_to_target` (inf: missed), `seconds_a_step` (from the separate measurement, all optimizers in turns,
where that is done; else within the run), `seconds_to_target` (their product), `initial_loss`, `final_loss`,
`best_loss`, `final_metric`, `best_metric`, `fingerprint`.
"""

import json
import math
import sqlite3
from typing import Any

import pandas as pd

from ..statistics import BROKEN
from .plan import Plan

__all__ = ["curves", "runs", "standings"]

NUMBERS = [
    "steps_to_target", "seconds_a_step", "initial_loss", "final_loss", "best_loss", "final_metric", "best_metric",
]  # fmt: skip
COLUMNS = [
    "id", "workload", "label", "rule", "batch_size", "steps", "phase", "trial", "seed", "lr", "settings", "status",
    "message", "finding", "last_step", "steps_to_target", "seconds_a_step", "seconds_to_target", "initial_loss",
    "final_loss", "best_loss", "final_metric", "best_metric", "fingerprint",
]  # fmt: skip

CURVE = {"run": int, "step": int, "train_loss": float, "loss": float, "metric": float, "seconds": float}


def runs(connection: sqlite3.Connection, plan: Plan, where: str = "", values: tuple[Any, ...] = ()) -> pd.DataFrame:
    """The finished trials and reports; see above for the columns.

    Args:
        connection: to the study's file.
        plan: of the study, for the facts of each contestant.
        where: a further SQL condition, beginning with `and`.
        values: for the question marks in `where`.
    """
    table = pd.read_sql_query(
        f"select * from runs where state = 'done' and phase != 'timing' {where} order by id", connection, params=values
    )
    keys = list(zip(table["contestant"], table["trial"], strict=True))
    for name in ("workload", "label", "rule", "batch_size", "steps"):
        facts = [getattr(contestant, name) for contestant in plan.contestants]
        table[name] = [facts[index] for index, _ in keys]
    table["lr"] = [plan.contestants[index].trials[trial]["lr"] for index, trial in keys]
    # encoded once a trial, not once a run: there may be hundreds of thousands of runs
    settings = [[json.dumps(trial) for trial in contestant.trials] for contestant in plan.contestants]
    table["settings"] = [settings[index][trial] for index, trial in keys]
    table["trial"] = table["trial"].astype(float).where(table["phase"] == "search")
    table[NUMBERS] = table[NUMBERS].astype(float)
    # SQL has no infinite number: a missed target is stored as null
    table["steps_to_target"] = table["steps_to_target"].fillna(math.inf)
    timings = pd.read_sql_query("select contestant, seconds_a_step from timings", connection)
    medians = timings.groupby("contestant")["seconds_a_step"].median()
    measured = dict(zip(medians.index, medians, strict=True))
    table["seconds_a_step"] = table["contestant"].map(measured).fillna(table["seconds_a_step"])
    table["seconds_to_target"] = (table["steps_to_target"] * table["seconds_a_step"]).fillna(math.inf)
    return table.reindex(columns=COLUMNS)  # a file of version 2 that cannot be written to has no findings


def curves(connection: sqlite3.Connection) -> pd.DataFrame:
    """All curves, one measurement a row: `run`, `step`, `train_loss`, `loss`, `metric`, `seconds`."""
    cursor = connection.cursor()
    cursor.row_factory = None  # plain tuples: there may be half a million
    rows = cursor.execute(f"select {', '.join(CURVE)} from curves order by run, step").fetchall()
    return pd.DataFrame(rows, columns=list(CURVE)).astype(CURVE)


def standings(connection: sqlite3.Connection, plan: Plan) -> list[dict[str, Any]]:
    """For each contestant with a finished run: the numbers of trials and reports done, and the best trial so far.

    In SQL, since it is computed several times a second. The order is that of `steepest.statistics.best_trials` for one
    search seed.
    """
    counts = connection.execute(
        "select contestant, sum(phase = 'search') as trials, sum(phase = 'report') as reports from runs"
        " where state = 'done' and phase != 'timing' group by contestant"
    ).fetchall()
    rows = []
    for index, trials, reports in counts:
        best = connection.execute(
            "select trial, steps_to_target, final_loss from runs"
            " where contestant = ? and phase = 'search' and state = 'done'"
            f" order by status in ({', '.join('?' * len(BROKEN))}), steps_to_target is null, steps_to_target,"
            " final_loss is null, final_loss limit 1",
            (index, *BROKEN),
        ).fetchone()
        contestant = plan.contestants[index]
        rows.append({
            "workload": contestant.workload, "label": contestant.label, "trials": trials, "reports": reports,
            "settings": contestant.trials[best["trial"]],
            "steps_to_target": math.inf if best["steps_to_target"] is None else best["steps_to_target"],
            "final_loss": math.nan if best["final_loss"] is None else best["final_loss"],
        })  # fmt: skip
    return rows
