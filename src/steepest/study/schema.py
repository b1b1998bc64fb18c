"""The SQL tables of a study's file, and the migration of files written by older versions."""

import json
import sqlite3
from typing import Any

__all__ = ["SCHEMA_VERSION", "create_tables", "migrate"]

SCHEMA_VERSION = 7

SCHEMA = """
create table study (key text primary key, value text not null) without rowid;
create table sessions (              -- the processes that worked on the study
    id integer primary key,
    place text not null,             -- the machine
    process integer not null, started text not null,
    seen real not null,              -- last sign of life, seconds since 1970
    versions text not null
);
create table runs (
    id integer primary key,
    contestant integer not null,     -- position in the plan
    phase text not null,             -- search | report | timing
    trial integer not null,          -- whose settings
    seed integer not null,
    state text not null default 'waiting',  -- waiting | running | paused | done | former: of one that was beaten
    session integer references sessions (id),
    attempts integer not null default 0,
    pause integer,                   -- the step of its next rung, see early.py; null: it runs to its end
    status text, message text,       -- in English
    finding text,                    -- its code and numbers, as JSON
    diagnoses text,                  -- what the doctor found in it, the worst first, as a JSON list of such findings
    last_step integer,
    steps_to_target real, seconds_a_step real,
    initial_loss real, final_loss real, best_loss real, final_metric real, best_metric real,
    fingerprint text,
    device text not null default 'cpu',
    unique (contestant, phase, trial, seed)
);
create index runs_by_state on runs (state);
create index runs_by_contestant on runs (contestant, phase, state);
create index runs_that_time on runs (state) where phase = 'timing';
create table winners (
    contestant integer not null, search integer not null default 0,
    trial integer not null,
    among integer not null,          -- trials of all searches that it was chosen from
    primary key (contestant, search)
) without rowid;
create table timings (               -- of a step, measured apart
    contestant integer not null, round integer not null, seconds_a_step real not null,
    clock text not null default 'wall',  -- thread | wall
    data real, model real, optimizer real,  -- seconds a step of these parts, measured in a pass of their own
    primary key (contestant, round)
) without rowid;
create table curves (
    run integer not null references runs (id),
    step integer not null, train_loss real, loss real, metric real, seconds real,
    primary key (run, step)
) without rowid;
create table pictures (              -- what the best contestants' models show in the course of a run
    contestant integer not null, step integer not null,
    trial integer not null, seed integer not null,  -- of the run
    metric real,
    kind text not null,              -- see shots.py
    content blob not null,
    primary key (contestant, step)
);
"""


def create_tables(connection: sqlite3.Connection) -> None:
    """Create the tables of a new study, within the caller's transaction."""
    for statement in SCHEMA.split(";\n"):
        connection.execute(statement)


def migrate(connection: sqlite3.Connection, version: int) -> None:
    """Migrate a file of an older schema version to `SCHEMA_VERSION`, within the caller's transaction."""
    if version == 1:
        _migrate_from_1(connection)
        return
    if version <= 2:  # had no findings
        connection.execute("alter table runs add column finding text")
    if version <= 3:
        _migrate_from_3(connection)
    if version <= 4:  # trained on the CPU only, had one number for the seconds of a step, and stopped no trial early
        connection.execute("alter table runs add column device text not null default 'cpu'")
        for part in ("data", "model", "optimizer"):
            connection.execute(f"alter table timings add column {part} real")
        connection.execute("alter table runs add column pause integer")
    if version <= 5:  # had no pictures
        connection.execute(_statement("pictures"))
    connection.execute("alter table runs add column diagnoses text")  # version 6 had none
    connection.execute("update study set value = ? where key = 'schema'", (str(SCHEMA_VERSION),))


def _statement(table: str) -> str:
    return next(statement for statement in SCHEMA.split(";\n") if f"create table {table} " in statement)


def _migrate_from_3(connection: sqlite3.Connection) -> None:
    """Version 3 had one search of each contestant, and one clock."""
    connection.execute("alter table timings add column clock text not null default 'wall'")
    winners = connection.execute("select contestant, trial, among from winners").fetchall()
    connection.execute("drop table winners")
    connection.execute(_statement("winners"))
    connection.executemany("insert into winners (contestant, trial, among) values (?, ?, ?)", map(tuple, winners))


def _migrate_from_1(connection: sqlite3.Connection) -> None:
    """Version 1 had one workload, searched learning rates only, ran trials on seed 0 and stored no trial of reports."""
    facts = dict(connection.execute("select key, value from study"))
    plan = _plan_from_1(json.loads(facts["plan"]))
    runs = connection.execute("select * from runs order by id").fetchall()
    curves = connection.execute("select * from curves").fetchall()
    for table in ("curves", "runs", "study"):
        connection.execute(f"drop table {table}")
    create_tables(connection)

    workload = json.loads(facts.pop("workload"))
    facts |= {"schema": str(SCHEMA_VERSION), "plan": json.dumps(plan), "first_plan": json.dumps(plan, sort_keys=True)}
    name = plan["workloads"][0]["name"]
    facts |= {"workloads": json.dumps({name: workload}), "code": "{}"}
    if "gradient_noise" in facts:
        facts["gradient_noise"] = json.dumps({name: json.loads(facts["gradient_noise"])})
    connection.executemany("insert into study values (?, ?)", facts.items())
    contestants = plan["contestants"]
    for run in runs:
        row = _run_from_1(run, contestants[run["contestant"]]["trials"])
        connection.execute(f"insert into runs ({', '.join(row)}) values ({', '.join(f':{name}' for name in row)})", row)
    connection.executemany("insert into curves values (?, ?, ?, ?, ?, ?)", map(tuple, curves))
    # chosen among 0 trials: this makes the runner choose again, with the same result
    connection.execute("insert into winners select distinct contestant, 0, trial, 0 from runs where phase = 'report'")
    best = "max" if workload["higher_is_better"] else "min"
    connection.execute(
        "update runs set initial_loss = (select loss from curves where run = runs.id and step = 0),"
        f" best_metric = (select {best}(metric) from curves where run = runs.id) where state = 'done'"
    )
    connection.execute("insert into runs (contestant, phase, trial, seed) values (0, 'timing', 0, 0)")


def _plan_from_1(old: dict[str, Any]) -> dict[str, Any]:
    name = old["workload"]
    contestants = [
        {
            "workload": name, "label": contestant["label"], "rule": contestant["rule"],
            "batch_size": contestant["batch_size"], "steps": contestant["steps"], "schedule": "constant",
            "trials": [{"lr": lr} for lr in contestant["learning_rates"]],
            "ranges": _range_of(contestant["learning_rates"]),
        }
        for contestant in old["contestants"]
    ]  # fmt: skip
    return {
        "workloads": [{"name": name, "target": old["target"]}], "contestants": contestants, "seeds": old["seeds"],
        "trials": max(len(contestant["trials"]) for contestant in contestants), "search_seeds": 1,
        "first_search_seed": 0, "schedule": "constant", "ranges": {},
    }  # fmt: skip


def _range_of(learning_rates: list[float]) -> dict[str, list[float]]:
    """The searched range, which version 1 did not store, estimated by the extremes of the learning rates tried."""
    return {"lr": [min(learning_rates), max(learning_rates)]} if len(learning_rates) > 1 else {}


def _run_from_1(run: sqlite3.Row, trials: list[dict[str, float]]) -> dict[str, Any]:
    row = {name: run[name] for name in run.keys() if name not in ("worker", "lr", "trial", "state")}  # noqa: SIM118
    trial = run["trial"] if run["trial"] is not None else trials.index({"lr": run["lr"]})
    return row | {"trial": trial, "state": "done" if run["state"] == "done" else "waiting"}
