"""The contents of a study's file as data frames: runs, curves, standings.

A table of runs has one finished run a row: `id`, `workload`, `label`, `rule`, `batch_size`, `steps`, `phase`
("search" or "report"), `trial` (its number; of a report, that of the trial whose settings it has), `search` (the
trial's), `seed`, `lr`, `settings` (JSON of all that was searched), `default` (whether they are the rule's defaults),
`status`, `message`, `finding` (code and numbers of the message, as JSON; none in studies of older versions),
`diagnoses` (what the doctor found in the run, the worst first, as a JSON list of such findings; none where it was not
watched),
`last_step`, `steps_to_target` (inf: missed), `seconds_a_step` (from the separate measurement, all optimizers in
turns, where that is done; else within the run), `seconds_to_target` (their product), `initial_loss`, `final_loss`,
`best_loss`, `final_metric`, `best_metric`, `fingerprint`,
`device` ("cpu", or "cuda:0" and its model).
"""

import json
import math
import sqlite3
from typing import Any

import numpy as np
import pandas as pd

from ..base.decode import LONGEST, NAMES
from ..base.errors import InvalidValue
from ..base.status import Status
from ..base.text import visible
from ..statistics import BROKEN
from .plan import Contestant, Plan
from .reading import sound_finding, sound_findings
from .shots import ERROR, IMAGES, MOST_READ, TEXT

__all__ = ["PARTS", "PICTURE_COLUMNS", "curves", "pictures", "runs", "standings", "timings"]

NUMBERS = [
    "steps_to_target", "seconds_a_step", "initial_loss", "final_loss", "best_loss", "final_metric", "best_metric",
]  # fmt: skip
COLUMNS = [
    "id", "workload", "label", "rule", "batch_size", "steps", "phase", "trial", "search", "seed", "lr", "settings",
    "default", "status", "message", "finding", "diagnoses", "last_step", "steps_to_target", "seconds_a_step",
    "seconds_to_target", "initial_loss", "final_loss", "best_loss", "final_metric", "best_metric", "fingerprint",
    "device",
]  # fmt: skip

RUN: dict[str, type] = {
    "id": int, "contestant": int, "phase": str, "trial": int, "seed": int, "status": str, "message": str,
    "finding": str, "diagnoses": str, "last_step": int, **dict.fromkeys(NUMBERS, float), "fingerprint": str,
    "device": str,
}  # fmt: skip
PARTS = ("data", "model", "optimizer")
"""The parts of a training step, in the order in which a step goes through them."""

CURVE: dict[str, type] = {
    "run": int,
    "step": int,
    "train_loss": float,
    "loss": float,
    "metric": float,
    "seconds": float,
}
TIMING: dict[str, type] = {
    "contestant": int, "round": int, "seconds_a_step": float, "clock": str, **dict.fromkeys(PARTS, float),
}  # fmt: skip
PICTURE: dict[str, type] = {
    "contestant": int, "trial": int, "seed": int, "step": int, "metric": float, "kind": str, "content": bytes,
}  # fmt: skip
"""The columns of the tables in the file, with their types."""

PICTURE_COLUMNS = ["workload", "label", "trial", "seed", "step", "metric", "kind", "content"]

NEVER_NULL = {"id", "contestant", "phase", "trial", "seed", "run", "step", "round", "kind", "content"}
ALLOWED: dict[type, set[type]] = {int: {int}, float: {int, float}, str: {str}, bytes: {bytes}}


def runs(connection: sqlite3.Connection, plan: Plan, where: str = "", values: tuple[Any, ...] = ()) -> pd.DataFrame:
    """The finished trials and reports; see above for the columns.

    Args:
        connection: to the study's file.
        plan: of the study, for the facts of each contestant.
        where: a further SQL condition, beginning with `and`.
        values: for the question marks in `where`.
    """
    selected = f"select {', '.join(map(_selected, RUN))} from runs"
    done = f"where state = 'done' and phase != 'timing' {where} order by id"
    table = _checked(connection, f"{selected} {done}", RUN, "runs", values)
    _check_runs(table, plan)
    keys = list(zip(table["contestant"], table["trial"], strict=True))
    for name in ("workload", "label", "rule"):
        facts = [getattr(contestant, name) for contestant in plan.contestants]
        table[name] = [facts[index] for index, _ in keys]
    conditions = [[one.conditions(trial) for trial in one.trials] for one in plan.contestants]
    for name in ("batch_size", "steps"):
        table[name] = [getattr(conditions[index][trial], name) for index, trial in keys]
    table["lr"] = [plan.contestants[index].trials[trial].get("lr", math.nan) for index, trial in keys]
    # encoded once a trial, not once a run: there may be hundreds of thousands of runs
    settings = [[json.dumps(trial) for trial in contestant.trials] for contestant in plan.contestants]
    table["settings"] = [settings[index][trial] for index, trial in keys]
    table["default"] = [plan.is_default(plan.contestants[index], trial) for index, trial in keys]
    findings = {text: sound_finding(text) for text in table["finding"].dropna().unique()}
    table["finding"] = table["finding"].map(findings).where(table["finding"].notna(), None)
    lists = {text: sound_findings(text) for text in table["diagnoses"].dropna().unique()}
    table["diagnoses"] = table["diagnoses"].map(lists).where(table["diagnoses"].notna(), None)
    of_seeds = (table["seed"] - 1) % plan.searches  # the same for all, also for one whose settings are fixed
    table["search"] = (table["trial"] % plan.searches).where(table["phase"] == "search", of_seeds)
    # SQL has no infinite number: a missed target is stored as null
    table["steps_to_target"] = table["steps_to_target"].fillna(math.inf)
    seconds = timings(connection, plan)
    medians = seconds.groupby("contestant")["seconds_a_step"].median()
    measured = dict(zip(medians.index, medians, strict=True))
    times = table["contestant"].map(measured) * _relative_time(table, _timed_sizes(connection, plan))
    table["seconds_a_step"] = times.fillna(table["seconds_a_step"])
    table["seconds_to_target"] = (table["steps_to_target"] * table["seconds_a_step"]).fillna(math.inf)
    return table[COLUMNS]


def _timed_sizes(connection: sqlite3.Connection, plan: Plan) -> dict[int, int]:
    """By contestant, the batch size that its step time was measured at: that of the winner of the first search."""
    winners = dict(connection.execute("select contestant, trial from winners where search = 0").fetchall())
    sizes = {}
    for index, contestant in enumerate(plan.contestants):
        trial = winners.get(index)
        first = trial if isinstance(trial, int) and 0 <= trial < len(contestant.trials) else 0
        sizes[index] = contestant.conditions(contestant.trials[first]).batch_size
    return sizes


def _relative_time(table: pd.DataFrame, timed: dict[int, int]) -> "pd.Series[float]":
    """For each run, by how much a step of its batch size took longer within runs than one of the size measured."""
    within = table.groupby(["contestant", "batch_size"])["seconds_a_step"].median()
    sizes = table["contestant"].map(timed)
    own, other = (
        within.reindex(pd.MultiIndex.from_arrays([table["contestant"], of])).to_numpy()
        for of in (table["batch_size"], sizes)
    )
    return pd.Series(np.where(table["batch_size"] == sizes, 1.0, own / other), table.index)


def curves(connection: sqlite3.Connection) -> pd.DataFrame:
    """All curves, one measurement a row: `run`, `step`, `train_loss`, `loss`, `metric`, `seconds`."""
    table = _checked(connection, f"select {', '.join(CURVE)} from curves order by run, step", CURVE, "curves")
    if table.duplicated(["run", "step"]).any():
        raise InvalidValue("curves: has two measurements of one run at one step")
    return table.astype(CURVE)


def timings(connection: sqlite3.Connection, plan: Plan) -> pd.DataFrame:
    """The separately measured step times, one round a row: `contestant`, `round`, `seconds_a_step`, `clock`, and parts.

    The parts of a step, `data`, `model` and `optimizer`, are NaN in most rounds; see `steepest.training.step_parts`.
    """
    statement = f"select {', '.join(TIMING)} from timings order by contestant, round"
    table = _checked(connection, statement, TIMING, "timings").astype(TIMING)
    if not table["contestant"].between(0, len(plan.contestants) - 1).all():
        raise InvalidValue("timings: has one of a contestant that is not planned")
    if table.duplicated(["contestant", "round"]).any():
        raise InvalidValue("timings: has two of one contestant in one round")
    if not ((table["seconds_a_step"] > 0) & table["seconds_a_step"].lt(math.inf)).all():
        raise InvalidValue("timings: seconds_a_step is not a finite number above 0")
    for part in PARTS:
        if not (table[part].isna() | table[part].between(0.0, math.inf, inclusive="left")).all():
            raise InvalidValue(f"timings: {part} is not a finite number from 0")
    if unknown := set(table["clock"].map(str)) - {"thread", "wall"}:
        raise InvalidValue(f"timings: clock is {min(unknown)[:40]!r}, not thread or wall")
    return table


def pictures(connection: sqlite3.Connection, plan: Plan) -> pd.DataFrame:
    """Pictures, one a row, with the columns of `PICTURE_COLUMNS`; see `steepest.study.shots`."""
    statement = (
        f"select {', '.join(PICTURE)} from pictures where length(content) <= {MOST_READ} order by contestant, step"
    )
    table = _checked(connection, statement, PICTURE, "pictures").astype({"metric": float})
    if not table["contestant"].between(0, len(plan.contestants) - 1).all() or (table["step"] < 0).any():
        raise InvalidValue("pictures: has one of a contestant that is not planned, or before the start")
    for kind, content in zip(table["kind"], table["content"], strict=True):
        if kind not in (TEXT, ERROR, *IMAGES) or not content.startswith(IMAGES.get(kind, b"")):
            raise InvalidValue(f"pictures: has one that is no {visible(str(kind)[:40])}")
    for name in ("workload", "label"):
        table[name] = [getattr(plan.contestants[index], name) for index in table["contestant"]]
    return table[PICTURE_COLUMNS]


# --- checks -----------------------------------------------------------------------------------------------------------


def _selected(name: str) -> str:
    """A column in a select statement; a text is cut off, as may be needed where somebody else wrote it."""
    return f"substr({name}, 1, {LONGEST})" if RUN[name] is str else name


def _checked(
    connection: sqlite3.Connection, statement: str, kinds: dict[str, type], table: str, values: tuple[Any, ...] = ()
) -> pd.DataFrame:
    """The rows of a select statement, whose columns are of these types.

    SQLite itself stores anything in any column.

    Raises:
        InvalidValue: a value is of another type.
    """
    cursor = connection.cursor()
    cursor.row_factory = None  # plain tuples: there may be half a million
    rows = cursor.execute(statement, values).fetchall()
    columns: dict[str, Any] = {}
    for index, (name, kind) in enumerate(kinds.items()):
        column = [row[index] for row in rows]
        allowed = ALLOWED[kind] if name in NEVER_NULL else ALLOWED[kind] | {type(None)}
        if strange := set(map(type, column)) - allowed:
            wrong = next(value for value in column if type(value) in strange)
            raise InvalidValue(f"{table}: {name} is {visible(repr(wrong)[:60])}, not {NAMES.get(kind, 'bytes')}")
        if kind is str:
            column = [None if text is None else visible(text) for text in column]
        columns[name] = pd.Series(column, dtype=float if kind is float else None if rows else object)
    return pd.DataFrame(columns)


def _check_runs(table: pd.DataFrame, plan: Plan) -> None:
    """Check that runs are those of a plan."""
    keys = set(zip(table["contestant"], table["trial"], strict=True))
    if not all(0 <= index < len(plan.contestants) for index, _ in keys) or not all(
        0 <= trial < len(plan.contestants[index].trials) for index, trial in keys
    ):
        raise InvalidValue("runs: has one of a contestant or a trial that is not planned")
    if unknown := set(table["phase"]) - {"search", "report"} | set(table["status"].dropna()) - set(Status):
        raise InvalidValue(f"runs: {min(unknown)!r} is no phase or status")
    if (table["steps_to_target"] <= 0).any() or (table["seconds_a_step"] < 0).any():
        raise InvalidValue("runs: has one whose steps_to_target or seconds_a_step is not above 0")
    if (table["seed"] < 0).any() or table["id"].duplicated().any():
        raise InvalidValue("runs: has a seed below 0, or two runs of one number")
    trial = table["trial"].where(table["phase"] == "search", -1)  # one report of a contestant and seed, whatever trial
    if table.assign(trial=trial).duplicated(["contestant", "phase", "trial", "seed"]).any():
        raise InvalidValue("runs: has one of them twice")


def _fewest_examples(rows: list[sqlite3.Row], contestant: Contestant) -> sqlite3.Row:
    """Of the best trials first, that which took the fewest examples to the target."""
    reached = [row for row in rows if row["steps_to_target"] is not None]
    sizes = {row["trial"]: contestant.conditions(contestant.trials[row["trial"]]).batch_size for row in reached}
    return min(reached, key=lambda row: row["steps_to_target"] * sizes[row["trial"]]) if reached else rows[0]


def standings(connection: sqlite3.Connection, plan: Plan) -> list[dict[str, Any]]:
    """For each contestant with a finished run: the numbers of trials and reports done, and the best trial so far.

    In SQL, since it is computed several times a second. The order is that of `steepest.statistics.best_trials` for one
    search seed.
    """
    counts = connection.execute(
        "select contestant, count(distinct case phase when 'search' then trial end) as trials,"
        " sum(phase = 'report') as reports from runs"
        " where state in ('done', 'paused') and phase != 'timing' group by contestant"
    ).fetchall()
    rows = []
    for index, trials, reports in counts:
        contestant = plan.contestants[index]
        one = "batch_size" not in contestant.run_settings  # else steps count as many times as their batch has examples
        order = connection.execute(
            "select trial, steps_to_target, final_loss from runs"
            " where contestant = ? and phase = 'search' and state in ('done', 'paused')"
            f" order by status in ({', '.join('?' * len(BROKEN))}), steps_to_target is null, steps_to_target,"
            f" final_loss is null, final_loss {'limit 1' * one}",
            (index, *BROKEN),
        )
        best = order.fetchone() if one else _fewest_examples(order.fetchall(), contestant)
        rows.append({
            "workload": contestant.workload, "label": contestant.label, "trials": trials, "reports": reports,
            "settings": contestant.trials[best["trial"]],
            "steps_to_target": math.inf if best["steps_to_target"] is None else best["steps_to_target"],
            "final_loss": math.nan if best["final_loss"] is None else best["final_loss"],
        })  # fmt: skip
    return rows
