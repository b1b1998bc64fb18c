"""One SQLite file a study: the plan, every run, every curve.

The store is also the queue: a process takes the next waiting run in one atomic statement, and a run is finished only by
who took it. So any number of processes share the work without doing a run twice, and whatever was finished survives
whatever happens next.
"""

import json
import math
import platform
import shlex
import sqlite3
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from ..base.errors import InvalidValue, SteepestError
from . import tables
from .jobs import Task
from .owners import Owner
from .plan import Plan
from .schema import SCHEMA_VERSION, create_tables, migrate

__all__ = ["Store"]

_OPEN_HERE: set[tuple[Path, int]] = set()
"""The sessions of this process; a process that was forked off has none of them."""

TAKEN = "id, contestant, phase, trial, seed, attempts"


class Store:
    """The study in one file.

    Args:
        file: the SQLite file; `create` makes it.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._connection = sqlite3.connect(file, timeout=60, isolation_level=None, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row
        self._plan: tuple[str, Plan] | None = None

    @classmethod
    def create(cls, file: Path, plan: Plan, facts: Mapping[str, str]) -> "Store":
        """A new study with all its trials waiting; if another process has just made it, that one."""
        store = cls(file)
        store._connection.execute("pragma journal_mode = wal")
        store._connection.execute("pragma synchronous = normal")
        with store._transaction():
            if store._is_blank():
                create_tables(store._connection)
                own = {"schema": str(SCHEMA_VERSION), "plan": plan.to_json(), "first_plan": plan.to_json()}
                store._set({**own, **_environment(), **facts})
                store._add_trials(plan)
        return store

    @classmethod
    def open(cls, file: Path) -> "Store":
        """An existing study; one of an older steepest is brought up to date.

        Raises:
            SteepestError: the file is not a study, or one of a newer steepest.
        """
        store = cls(file)
        try:
            schema = int(store.fact("schema"))
            store._connection.execute("pragma synchronous = normal")
        except (sqlite3.DatabaseError, TypeError, InvalidValue):
            store.close()
            raise SteepestError(f"{file}: is not a study of steepest; choose another folder") from None
        if schema > SCHEMA_VERSION:
            store.close()
            raise SteepestError(f"{file}: was written by a newer steepest; update with pip install -U steepest")
        if schema < SCHEMA_VERSION:
            store._bring_up_to_date()
        return store

    @staticmethod
    def holds_nothing(file: Path) -> bool:
        """Whether there is no file, or one that was cut off before anything was written to it."""
        if not file.is_file():
            return True
        store = Store(file)
        try:
            return store._is_blank()
        except sqlite3.DatabaseError:
            return False
        finally:
            store.close()

    def close(self) -> None:
        """Close the file; the write-ahead log is folded into it."""
        self._connection.close()

    def _is_blank(self) -> bool:
        (tables,) = self._connection.execute("select count(*) from sqlite_master").fetchone()
        return int(tables) == 0

    def _bring_up_to_date(self) -> None:
        try:
            with self._transaction():
                schema = int(self.fact("schema"))  # another process may just have done it
                if schema < SCHEMA_VERSION:
                    migrate(self._connection, schema)
        except sqlite3.OperationalError as error:
            self.close()
            raise SteepestError(
                f"{self.file}: was written by an older steepest and cannot be brought up to date here ({error});"
                " copy it to a folder that can be written"
            ) from None

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

    def _set(self, facts: Mapping[str, str]) -> None:
        self._connection.executemany("insert or replace into study values (?, ?)", facts.items())

    @property
    def plan(self) -> Plan:
        """The plan of the study, as it is now: another process may extend it."""
        text = self.fact("plan")
        if self._plan is None or self._plan[0] != text:
            self._plan = text, Plan.from_json(text)
        return self._plan[1]

    @property
    def first_plan(self) -> Plan:
        """The plan as it was before anything extended it."""
        return Plan.from_json(self.fact("first_plan"))

    def extend(self, before: Plan, after: Plan, facts: Mapping[str, str]) -> None:
        """Put a longer plan in the place of the plan; what it has beyond the old one waits to be done.

        Raises:
            SteepestError: the plan is no longer what it was `before`.
        """
        with self._transaction():
            if Plan.from_json(self.fact("plan")) != before:
                raise SteepestError(f"{self.file}: another process has just extended this study; look again")
            self._set({"plan": after.to_json(), **facts})
            self._add_trials(after)
            if after.contestants != before.contestants:  # those who are new are timed side by side with the others
                self._connection.execute("update runs set state = 'waiting', session = null where phase = 'timing'")

    def _add_trials(self, plan: Plan) -> None:
        """Let every trial wait that is not there yet, in the order that makes partial results comparable."""
        most = max(len(each.trials) for each in plan.contestants)
        rows = [
            (index, "search", trial, seed)
            for trial in range(most)
            for index, contestant in enumerate(plan.contestants)
            if trial < len(contestant.trials)
            for seed in plan.search_numbers
        ]
        rows += [(plan.places_on(each.name)[0], "timing", 0, 0) for each in plan.workloads]
        self._add(rows)

    def _add(self, rows: Iterable[tuple[int, str, int, int]]) -> None:
        self._connection.executemany(
            "insert or ignore into runs (contestant, phase, trial, seed) values (?, ?, ?, ?)", rows
        )

    # --- who works here -----------------------------------------------------------------------------------------------

    def begin_session(self) -> int:
        """Sign this process in; the number is what `take` and `finish` know it by."""
        owner = Owner.this()
        found = self._connection.execute(
            "insert into sessions (place, process, started, seen, versions) values (?, ?, ?, ?, ?) returning id",
            (owner.place, owner.process, owner.started, owner.seen, json.dumps(_versions())),
        ).fetchone()
        session = int(found[0])
        _OPEN_HERE.add((self.file, session))
        return session

    def end_session(self, session: int) -> None:
        """Sign off; what was taken and not finished waits again, and was not begun."""
        _OPEN_HERE.discard((self.file, session))
        self._connection.execute(
            "update runs set state = 'waiting', session = null, attempts = attempts - 1"
            " where state = 'running' and session = ?",
            (session,),
        )

    def sign_of_life(self, session: int) -> None:
        """Tell other machines that the process is still there."""
        self._connection.execute("update sessions set seen = ? where id = ?", (Owner.this().seen, session))

    def give_back_what_the_dead_left(self) -> None:
        """Let runs wait again whose process is no more, or is this one and has signed off."""
        for session, owner in self._at_work():
            if (self.file, session) not in _OPEN_HERE and (owner.is_this or not owner.lives):
                self._connection.execute(
                    "update runs set state = 'waiting', session = null where state = 'running' and session = ?",
                    (session,),
                )

    def others_at_work(self, session: int) -> list[Owner]:
        """The living processes, apart from this one, that are at a run."""
        return [owner for number, owner in self._at_work() if number != session and owner.lives]

    def _at_work(self) -> list[tuple[int, Owner]]:
        rows = self._connection.execute(
            "select id, place, process, started, seen from sessions"
            " where id in (select session from runs where state = 'running')"
        )
        return [(number, Owner(*facts)) for number, *facts in rows]

    # --- the queue ----------------------------------------------------------------------------------------------------

    def take(self, session: int) -> Task | None:
        """The next waiting run, now this process's; None if none is waiting."""
        return self._take(session, "state = 'waiting' and phase != 'timing'")

    def take_timing(self, session: int) -> Task | None:
        """The next measurement of step times; None while anybody is at a run, which would disturb it."""
        return self._take(
            session, "state = 'waiting' and phase = 'timing' and not exists"
            " (select 1 from runs where state = 'running' or (state = 'waiting' and phase != 'timing'))"
        )  # fmt: skip

    def _take(self, session: int, condition: str) -> Task | None:
        row = self._connection.execute(
            "update runs set state = 'running', session = ?, attempts = attempts + 1"
            f" where id = (select id from runs where {condition} order by id limit 1) returning {TAKEN}",
            (session,),
        ).fetchone()
        return Task(**row) if row else None

    def finish(
        self, task: Task, session: int, result: Mapping[str, object], curve: Iterable[Sequence[float]] = ()
    ) -> bool:
        """Store a run's end and its curve, both or neither; False if the run is no longer this process's."""
        with self._transaction():
            mine = self._end(task, session, result)
            if mine:
                rows = ((task.id, *map(_storable, point)) for point in curve)
                self._connection.executemany("insert into curves values (?, ?, ?, ?, ?, ?)", rows)
        return mine

    def finish_timing(
        self, task: Task, session: int, result: Mapping[str, object], seconds: Mapping[int, Sequence[float]]
    ) -> None:
        """Store the end of a measurement of step times, and the rounds of each contestant."""
        rows = [(index, *each) for index, rounds in seconds.items() for each in enumerate(rounds)]
        with self._transaction():
            if self._end(task, session, result):
                self._connection.executemany("delete from timings where contestant = ?", ((each,) for each in seconds))
                self._connection.executemany("insert into timings values (?, ?, ?)", rows)

    def _end(self, task: Task, session: int, result: Mapping[str, object]) -> bool:
        """Mark a run as done, unless it is another's by now."""
        columns = "".join(f", {name} = :{name}" for name in result)
        done = self._connection.execute(
            f"update runs set state = 'done'{columns} where id = :id and state = 'running' and session = :session",
            {name: _storable(value) for name, value in result.items()} | {"id": task.id, "session": session},
        )
        return done.rowcount == 1

    def counts(self) -> dict[str, int]:
        """Number of trials and reports by state."""
        rows = self._connection.execute("select state, count(*) from runs group by state")
        found = {str(state): int(count) for state, count in rows}
        for state, count in self._connection.execute(
            "select state, count(*) from runs where phase = 'timing' group by state"
        ):
            found[state] -= count
        return {state: count for state, count in found.items() if count and state != "former"}

    def done(self) -> int:
        """Number of finished trials and reports."""
        return self.counts().get("done", 0)

    # --- winners ------------------------------------------------------------------------------------------------------

    def ready_to_choose(self) -> list[int]:
        """Contestants whose trials are all done and whose winner has yet to be chosen, or sent to more seeds."""
        plan = self.plan
        searched = self._count_by_contestant("phase = 'search' and state = 'done'")
        reported = self._count_by_contestant("phase = 'report' and state != 'former'")
        among = dict(self._connection.execute("select contestant, among from winners").fetchall())
        return [
            index
            for index, each in enumerate(plan.contestants)
            if searched.get(index, 0) == len(each.trials) * plan.search_seeds
            and (among.get(index) != len(each.trials) or reported.get(index, 0) < plan.seeds)
        ]

    def is_ready_to_choose(self, contestant: int) -> bool:
        """Whether a contestant's trials are all done."""
        plan = self.plan
        (count,) = self._connection.execute(
            "select count(*) from runs where contestant = ? and phase = 'search' and state = 'done'", (contestant,)
        ).fetchone()
        return bool(count == len(plan.contestants[contestant].trials) * plan.search_seeds)

    def _count_by_contestant(self, condition: str) -> dict[int, int]:
        return dict(
            self._connection.execute(f"select contestant, count(*) from runs where {condition} group by contestant")
        )

    def winners(self) -> dict[int, int]:
        """The chosen trial of each contestant."""
        return dict(self._connection.execute("select contestant, trial from winners").fetchall())

    def set_winner(self, contestant: int, trial: int) -> None:
        """Let a contestant's winner run on the report seeds; reports of a winner before it count no more."""
        plan = self.plan
        with self._transaction():
            self._connection.execute(
                "insert or replace into winners values (?, ?, ?)",
                (contestant, trial, len(plan.contestants[contestant].trials)),
            )
            self._connection.execute(
                "update runs set state = 'former' where contestant = ? and phase = 'report' and trial != ?",
                (contestant, trial),
            )
            self._add((contestant, "report", trial, seed) for seed in plan.report_numbers)

    # --- tables -------------------------------------------------------------------------------------------------------

    def runs(self) -> pd.DataFrame:
        """All finished runs, one a row; see `steepest.study.tables`."""
        return tables.runs(self._connection, self.plan)

    def searched(self, contestant: int) -> pd.DataFrame:
        """The finished trials of one contestant, as in `runs`."""
        return tables.runs(self._connection, self.plan, "and contestant = ? and phase = 'search'", (contestant,))

    def curves(self) -> pd.DataFrame:
        """All curves, one measurement a row."""
        return tables.curves(self._connection)

    def timings(self) -> pd.DataFrame:
        """Step times measured apart, one round a row: `contestant`, `round`, `seconds_a_step`."""
        return pd.read_sql_query("select * from timings order by contestant, round", self._connection)

    def standings(self) -> list[dict[str, Any]]:
        """The best trial of each contestant so far."""
        return tables.standings(self._connection, self.plan)

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


def _versions() -> dict[str, str]:
    return {name: version(name) for name in ("steepest", "torch", "numpy", "scipy", "scikit-learn")}


def _environment() -> dict[str, str]:
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "versions": json.dumps(_versions()),
        "command": shlex.join(["steepest", *sys.argv[1:]]) if "steepest" in Path(sys.argv[0]).name else "",
    }
