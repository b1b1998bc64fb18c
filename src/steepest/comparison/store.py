"""One SQLite file a study: the plan, every run, every curve.

The store is also the queue: each worker takes the next waiting run in one atomic statement, so any number of processes
share the work without doing a run twice, and whatever was finished survives whatever happens next.
"""

import json
import math
import platform
import shlex
import sqlite3
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import pandas as pd

from ..errors import InvalidValue, SteepestError
from .plan import SEARCH_SEED, Plan

__all__ = ["Store", "Task"]

SCHEMA_VERSION = 1
SCHEMA = """
create table study (key text primary key, value text not null) without rowid;
create table runs (
    id integer primary key,
    contestant integer not null,  -- position in the plan
    phase text not null,          -- search | report
    trial integer,                -- of the search
    seed integer not null,
    lr real not null,
    state text not null default 'waiting',  -- waiting | running | done
    worker text,
    status text, message text, last_step integer,
    steps_to_target real, seconds_a_step real,
    final_loss real, best_loss real, final_metric real,
    unique (contestant, phase, trial, seed)
);
create index runs_by_state on runs (state);
create table curves (
    run integer not null references runs (id),
    step integer not null, train_loss real, loss real, metric real, seconds real,
    primary key (run, step)
) without rowid;
"""


@dataclass(frozen=True)
class Task:
    """A run to be done."""

    id: int
    contestant: int
    phase: str
    trial: int | None
    seed: int
    lr: float


class Store:
    """The study in one file.

    Args:
        file: the SQLite file; `create` makes it.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._connection = sqlite3.connect(file, timeout=60, isolation_level=None, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row

    @classmethod
    def create(cls, file: Path, plan: Plan, facts: dict[str, str]) -> "Store":
        """A new study with all its search runs waiting, in the order that makes partial results comparable."""
        store = cls(file)
        store._connection.execute("pragma journal_mode = wal")
        with store._transaction():
            for statement in SCHEMA.split(";\n"):
                store._connection.execute(statement)
            own = {"schema": str(SCHEMA_VERSION), "plan": plan.to_json(), **_environment()}
            store._connection.executemany("insert into study values (?, ?)", (own | facts).items())
            trials = max(len(each.learning_rates) for each in plan.contestants)
            for trial in range(trials):
                for index, contestant in enumerate(plan.contestants):
                    if trial < len(contestant.learning_rates):
                        lr = contestant.learning_rates[trial]
                        store._add(index, "search", trial, SEARCH_SEED, lr)
        return store

    @classmethod
    def open(cls, file: Path) -> "Store":
        """An existing study.

        Raises:
            SteepestError: the file is not a study, or one of a newer steepest.
        """
        store = cls(file)
        try:
            schema = int(store.fact("schema"))
        except (sqlite3.DatabaseError, TypeError):
            store.close()
            raise SteepestError(f"{file}: is not a study of steepest; choose another folder") from None
        if schema > SCHEMA_VERSION:
            store.close()
            raise SteepestError(f"{file}: was written by a newer steepest; update with pip install -U steepest")
        return store

    def close(self) -> None:
        """Close the file; the write-ahead log is folded into it."""
        self._connection.close()

    # --- facts --------------------------------------------------------------------------------------------------------

    def fact(self, key: str) -> str:
        """A text stored with the study, such as `plan` or `created`."""
        row = self._connection.execute("select value from study where key = ?", (key,)).fetchone()
        if row is None:
            raise InvalidValue(f"{self.file}: has no {key}")
        return str(row[0])

    def facts(self) -> dict[str, str]:
        """All of them."""
        return dict(self._connection.execute("select key, value from study").fetchall())

    @property
    def plan(self) -> Plan:
        """The plan of the study."""
        return Plan.from_json(self.fact("plan"))

    # --- the queue ----------------------------------------------------------------------------------------------------

    def add_reports(self, contestant: int, lr: float, seeds: Iterable[int]) -> None:
        """Let a contestant's winner run on these seeds; doing so twice changes nothing."""
        with self._transaction():
            for seed in seeds:
                self._add(contestant, "report", None, seed, lr)

    def contestants_reporting(self) -> list[int]:
        """Contestants whose winner has been sent on."""
        rows = self._connection.execute("select distinct contestant from runs where phase = 'report'")
        return [int(row[0]) for row in rows]

    def _add(self, contestant: int, phase: str, trial: int | None, seed: int, lr: float) -> None:
        self._connection.execute(
            "insert into runs (contestant, phase, trial, seed, lr) select ?, ?, ?, ?, ? where not exists"
            " (select 1 from runs where contestant = ? and phase = ? and trial is ? and seed = ?)",
            (contestant, phase, trial, seed, lr, contestant, phase, trial, seed),
        )

    def take(self, worker: str) -> Task | None:
        """The next waiting run, now this worker's; None if none is waiting."""
        row = self._connection.execute(
            "update runs set state = 'running', worker = ? where id ="
            " (select id from runs where state = 'waiting' order by id limit 1)"
            " returning id, contestant, phase, trial, seed, lr",
            (worker,),
        ).fetchone()
        return Task(**row) if row else None

    def give_back(self, worker: str) -> None:
        """The run that a worker took and did not finish waits again."""
        self._connection.execute(
            "update runs set state = 'waiting', worker = null where state = 'running' and worker = ?", (worker,)
        )

    def workers(self) -> list[str]:
        """The workers that are at a run."""
        return [row[0] for row in self._connection.execute("select worker from runs where state = 'running'")]

    def taken_by(self, worker: str) -> Task | None:
        """The run that a worker is at."""
        row = self._connection.execute(
            "select id, contestant, phase, trial, seed, lr from runs where state = 'running' and worker = ?", (worker,)
        ).fetchone()
        return Task(**row) if row else None

    def finish(self, task: Task, result: dict[str, object], curve: Iterable[tuple[float, ...]] = ()) -> None:
        """Store a run's end and its curve, both or neither."""
        columns = ", ".join(f"{name} = :{name}" for name in result)
        with self._transaction():
            self._connection.execute(
                f"update runs set state = 'done', {columns} where id = :id",
                {name: _storable(value) for name, value in result.items()} | {"id": task.id},
            )
            rows = ((task.id, *map(_storable, point)) for point in curve)
            self._connection.executemany("insert or replace into curves values (?, ?, ?, ?, ?, ?)", rows)

    def counts(self) -> dict[str, int]:
        """Number of runs by state."""
        return dict(self._connection.execute("select state, count(*) from runs group by state").fetchall())

    def done(self) -> int:
        """Number of finished runs."""
        return self.counts().get("done", 0)

    # --- tables -------------------------------------------------------------------------------------------------------

    def runs(self) -> pd.DataFrame:
        """All finished runs, one a row, with the contestant's label, batch size and steps beside them."""
        runs = pd.read_sql_query("select * from runs where state = 'done' order by id", self._connection)
        contestants = self.plan.contestants
        facts = [contestants[index] for index in runs.pop("contestant")]
        for column, name in enumerate(("label", "rule", "batch_size", "steps"), start=1):
            runs.insert(column, name, [getattr(each, name) for each in facts])
        numbers = ["steps_to_target", "seconds_a_step", "final_loss", "best_loss", "final_metric"]
        runs[numbers] = runs[numbers].astype(float)
        # an infinite number has no place in SQL: a missed target is stored as null
        runs["steps_to_target"] = runs["steps_to_target"].fillna(math.inf)
        runs["seconds_to_target"] = (runs["steps_to_target"] * runs["seconds_a_step"]).fillna(math.inf)
        return runs.drop(columns=["state", "worker"])

    def curves(self) -> pd.DataFrame:
        """All curves, one measurement a row."""
        curves = pd.read_sql_query("select * from curves order by run, step", self._connection)
        numbers = ["train_loss", "loss", "metric", "seconds"]
        curves[numbers] = curves[numbers].astype(float)  # a column of nothing but nulls comes without a type
        return curves

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("begin immediate")
        try:
            yield
        except BaseException:
            self._connection.execute("rollback")
            raise
        self._connection.execute("commit")


def _storable(value: object) -> object:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _environment() -> dict[str, str]:
    packages = ("steepest", "torch", "numpy", "scipy", "scikit-learn")
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "versions": json.dumps({name: version(name) for name in packages}),
        "command": shlex.join(["steepest", *sys.argv[1:]]) if "steepest" in Path(sys.argv[0]).name else "",
    }
