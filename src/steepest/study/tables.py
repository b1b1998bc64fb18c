"""What stands in a study's file, as tables.

A table of runs has one finished run a row: `id`, `workload`, `label`, `rule`, `batch_size`, `steps`, `phase` ("search"
or "report"), `trial` (its number, NaN for a report), `seed`, `lr`, `settings` (JSON of all that was searched),
`status`, `message`, `last_step`, `steps_to_target` (inf: missed), `seconds_a_step` (measured apart, all optimizers in
turns, where that is done; else within the run), `seconds_to_target` (their product), `initial_loss`, `final_loss`,
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
    "message", "last_step", "steps_to_target", "seconds_a_step", "seconds_to_target", "initial_loss", "final_loss",
    "best_loss", "final_metric", "best_metric", "fingerprint",
]  # fmt: skip

CURVE = {"run": int, "step": int, "train_loss": float, "loss": float, "metric": float, "seconds": float}


def runs(connection: sqlite3.Connection, plan: Plan, where: str = "", values: tuple[Any, ...] = ()) -> pd.DataFrame:
    """The finished trials and reports."""
    found = pd.read_sql_query(
        f"select * from runs where state = 'done' and phase != 'timing' {where} order by id", connection, params=values
    )
    places = list(zip(found["contestant"], found["trial"], strict=True))
    for name in ("workload", "label", "rule", "batch_size", "steps"):
        facts = [getattr(each, name) for each in plan.contestants]
        found[name] = [facts[contestant] for contestant, _ in places]
    found["lr"] = [plan.contestants[contestant].trials[trial]["lr"] for contestant, trial in places]
    texts = [[json.dumps(trial) for trial in each.trials] for each in plan.contestants]
    found["settings"] = [texts[contestant][trial] for contestant, trial in places]
    found["trial"] = found["trial"].astype(float).where(found["phase"] == "search")
    found[NUMBERS] = found[NUMBERS].astype(float)
    # an infinite number has no place in SQL: a missed target is stored as null
    found["steps_to_target"] = found["steps_to_target"].fillna(math.inf)
    apart = _apart(connection)
    found["seconds_a_step"] = found["contestant"].map(apart).fillna(found["seconds_a_step"])
    found["seconds_to_target"] = (found["steps_to_target"] * found["seconds_a_step"]).fillna(math.inf)
    return found[COLUMNS]


def _apart(connection: sqlite3.Connection) -> dict[int, float]:
    """Median step time by contestant."""
    timings = pd.read_sql_query("select contestant, seconds_a_step from timings", connection)
    medians = timings.groupby("contestant")["seconds_a_step"].median()
    return dict(zip(medians.index, medians, strict=True))


def curves(connection: sqlite3.Connection) -> pd.DataFrame:
    """All curves, one measurement a row: `run`, `step`, `train_loss`, `loss`, `metric`, `seconds`."""
    cursor = connection.cursor()
    cursor.row_factory = None  # plain tuples: there may be half a million
    rows = cursor.execute(f"select {', '.join(CURVE)} from curves order by run, step").fetchall()
    return pd.DataFrame(rows, columns=list(CURVE)).astype(CURVE)


def standings(connection: sqlite3.Connection, plan: Plan) -> list[dict[str, Any]]:
    """For each contestant that has finished a trial: how many trials and reports, and its best trial so far."""
    counts = connection.execute(
        "select contestant, sum(phase = 'search') as trials, sum(phase = 'report') as reports from runs"
        " where state = 'done' and phase != 'timing' group by contestant"
    ).fetchall()
    found = []
    for index, trials, reports in counts:
        best = connection.execute(
            "select trial, steps_to_target, final_loss from runs"
            " where contestant = ? and phase = 'search' and state = 'done'"
            f" order by status in ({', '.join('?' * len(BROKEN))}), steps_to_target is null, steps_to_target,"
            " final_loss is null, final_loss limit 1",
            (index, *BROKEN),
        ).fetchone()
        each = plan.contestants[index]
        found.append({
            "workload": each.workload, "label": each.label, "trials": trials, "reports": reports,
            "settings": each.trials[best["trial"]],
            "steps_to_target": math.inf if best["steps_to_target"] is None else best["steps_to_target"],
            "final_loss": math.nan if best["final_loss"] is None else best["final_loss"],
        })  # fmt: skip
    return found
