"""The store of a study: one SQLite file with the plan, every run and every curve; it is also the queue of runs.

A run is `waiting`, `running` (taken by a session, that is, a process) or `done`; `former` is a report of a winner that
a better trial has replaced. A process takes the next waiting run in one atomic statement, and only the session that
took a run can finish it. So any number of processes share the work without storing a run twice, and what is finished
survives a crash. A run whose process has died is put back into the queue by any other process, see `requeue_orphans`.

Connections are in autocommit mode: a single statement is atomic by itself, and several belong in `_transaction`. The
journal is a write-ahead log, so that readers do not wait for writers.
"""

import json
import math
import platform
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from ..base.decode import decode, parse_json
from ..base.errors import InvalidValue, SteepestError
from . import tables
from .environment import environment, versions
from .jobs import Task
from .opening import connect, connect_to_read, is_blank, mark_of, named, place_of, unmarked
from .owners import Owner
from .plan import Plan
from .reading import REPEATS, checked_facts, read_plan
from .schema import SCHEMA_VERSION, create_tables, migrate

__all__ = ["Store"]

_OWN_SESSIONS: set[tuple[Path, int]] = set()
"""Open sessions of this process, by file and number: `requeue_orphans` leaves their runs alone.

The owner does not suffice: a session that this process failed to close (full disk) has the same owner as an open one.
"""

TASK_COLUMNS = "id, contestant, phase, trial, seed, attempts"
"""The columns of `runs` that make a `Task`."""


class Store:
    """An open connection to a study's file. Use `create` or `open`, which check the file, rather than the constructor.

    Args:
        file: the SQLite file.
        connection: to it; see `steepest.study.opening`.
    """

    def __init__(self, file: Path, connection: sqlite3.Connection) -> None:
        self.file, self._connection = file, connection
        self._plan: tuple[str, Plan] | None = None
        self._place: tuple[int, int] | None = None

    @classmethod
    def create(cls, file: Path, plan: Plan, facts: Mapping[str, str]) -> "Store":
        """A new study with all its trials waiting; if the file holds a study already, that one is opened.

        Args:
            file: the SQLite file.
            plan: of the study.
            facts: further texts to store, by key.
        """
        store = cls(file, connect(file))
        with store._transaction():  # two processes may create the study at once: the second finds it made
            if is_blank(store._connection):
                create_tables(store._connection)
                basics = {"schema": str(SCHEMA_VERSION), "plan": plan.to_json(), "first_plan": plan.to_json()}
                store._set({**basics, **environment(), **facts})
                store._add_trials(plan)
        store._keep_log()  # not before: so that a copy without the log has its tables
        return store

    def _keep_log(self) -> None:
        """Switch to a write-ahead log; SQLite does not wait for other processes itself here."""
        while True:
            try:
                self._connection.execute("pragma journal_mode = wal")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                    raise
                time.sleep(0.01)
            else:
                self._connection.execute("pragma synchronous = normal")
                return

    @classmethod
    def open(cls, file: Path) -> "Store":
        """An existing study, to work on; a file of an older schema version is migrated.

        Raises:
            SteepestError: the file is not a study, or one of a newer steepest, or cannot be opened.
        """
        with named(file):
            store = cls(file, connect(file))
            try:
                if store._schema() < SCHEMA_VERSION:
                    store._migrate()
                store._connection.execute("pragma synchronous = normal")
                if not unmarked(file):  # a copy that has its log, which is folded into it when this is closed
                    store._connection.execute("pragma user_version = 0")
            except BaseException:
                store.close()
                raise
        return store

    @classmethod
    def read(cls, file: Path) -> "Store":
        """An existing study, to be read only; the file and its folder stay as they are, whatever its schema version.

        Raises:
            SteepestError: as `open`.
        """
        with named(file):
            store = cls(file, connect_to_read(file))
            try:
                schema = store._schema()
                if schema < SCHEMA_VERSION:
                    memory = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
                    memory.row_factory = sqlite3.Row
                    store._connection.backup(memory)
                    store.close()
                    store._connection = memory
                    with store._transaction():
                        migrate(memory, schema)
            except BaseException:
                store.close()
                raise
        return store

    def _schema(self) -> int:
        """The schema version of the file.

        Raises:
            SteepestError: it has none, or a later one than this steepest knows.
        """
        try:
            schema = int(self.fact("schema"))
        except (sqlite3.OperationalError, ValueError) as error:
            if isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode != sqlite3.SQLITE_ERROR:
                raise
            schema = 0
        if schema < 1:
            raise SteepestError(f"{self.file}: is not a study of steepest; choose another folder") from None
        if schema > SCHEMA_VERSION:
            raise SteepestError(f"{self.file}: was written by a newer steepest; update with pip install -U steepest")
        return schema

    @contextmanager
    def _readable(self) -> Iterator[None]:
        """A context in which what another program may have written to the file is named together with the file."""
        try:
            yield
        except InvalidValue as error:
            raise SteepestError(f"{self.file}: is damaged, or not made by steepest: {error}") from None

    def close(self) -> None:
        """Close the file; the write-ahead log is folded into it."""
        self._connection.close()

    def _migrate(self) -> None:
        try:
            with self._transaction():
                schema = self._schema()  # read again: another process may just have migrated the file
                if schema < SCHEMA_VERSION:
                    migrate(self._connection, schema)
        except sqlite3.OperationalError as error:
            raise SteepestError(
                f"{self.file}: was written by an older steepest and cannot be brought up to date here ({error});"
                " copy it to a folder that can be written"
            ) from None

    # --- facts --------------------------------------------------------------------------------------------------------

    def fact(self, key: str) -> str:
        """A text stored with the study, such as `plan` or `created`.

        Raises:
            InvalidValue: there is none under this key.
        """
        row = self._connection.execute("select value from study where key = ?", (key,)).fetchone()
        if row is None:
            raise InvalidValue(f"{self.file}: has no {key}")
        return str(row[0])

    def facts(self) -> dict[str, str]:
        """All texts stored with the study, by key; see `steepest.study.reading`."""
        rows = self._connection.execute("select key, value from study where key not in ('plan', 'first_plan')")
        with self._readable():
            found = checked_facts(dict(rows.fetchall()), self.plan)
        return found | {"plan": self.plan.to_json(), "first_plan": self.first_plan.to_json()}

    def _set(self, facts: Mapping[str, str]) -> None:
        self._connection.executemany("insert or replace into study values (?, ?)", facts.items())

    @property
    def plan(self) -> Plan:
        """The current plan of the study, read from the file each time, since another process may extend it."""
        text = self.fact("plan")  # parsed only when it has changed
        if self._plan is None or self._plan[0] != text:
            with self._readable():
                self._plan = text, read_plan(text)
        return self._plan[1]

    @property
    def first_plan(self) -> Plan:
        """The plan as it was before anything extended it."""
        text = self.fact("first_plan")
        with self._readable():
            return read_plan(text)

    def extend(self, before: Plan, after: Plan, facts: Mapping[str, str]) -> None:
        """Replace the plan by a longer one, whose additional trials are queued.

        Args:
            before: the plan that `after` was made from.
            after: the new plan.
            facts: texts to store with it, by key.

        Raises:
            SteepestError: the stored plan is not `before` any more.
        """
        with self._transaction():
            if self.plan != before:
                raise SteepestError(f"{self.file}: another process has just extended this study; look again")
            self._set({"plan": after.to_json(), **facts})
            self._add_trials(after)
            if after.contestants != before.contestants:  # step times compare only if measured side by side: repeat all
                self._connection.execute("update runs set state = 'waiting', session = null where phase = 'timing'")

    def _add_trials(self, plan: Plan) -> None:
        """Queue every trial that is not there yet, and the measurement of step times on each workload.

        First trial 0 of every contestant, then trial 1, ...: an unfinished study has searched equally for all.
        """
        most = max(len(contestant.trials) for contestant in plan.contestants)
        rows = [
            (index, "search", trial, seed)
            for trial in range(most)
            for index, contestant in enumerate(plan.contestants)
            if trial < len(contestant.trials)
            for seed in (plan.seeds_of(trial) if plan.finalists is None else plan.seeds_of(trial)[:1])
        ]
        rows += [(plan.indices_on(goal.name)[0], "timing", 0, 0) for goal in plan.workloads]
        self._add(rows)

    def _add(self, rows: Iterable[tuple[int, str, int, int]]) -> None:
        self._connection.executemany(
            "insert or ignore into runs (contestant, phase, trial, seed) values (?, ?, ?, ?)", rows
        )

    # --- sessions -----------------------------------------------------------------------------------------------------

    def begin_session(self) -> int:
        """Register this process as a worker on the study; returns the session's number, for `take` and `finish`."""
        owner = Owner.this()
        (number,) = self._connection.execute(
            "insert into sessions (place, process, started, seen, versions) values (?, ?, ?, ?, ?) returning id",
            (
                owner.machine,
                owner.process,
                owner.started,
                owner.seen,
                json.dumps({"python": platform.python_version(), **versions()}),
            ),
        ).fetchone()
        session = int(number)
        _OWN_SESSIONS.add((self.file, session))
        self._mark()
        self._place = place_of(self.file)
        return session

    def check_place(self) -> None:
        """Check that the file is where it was when the session began: what is deleted could be written to, unseen.

        Raises:
            SteepestError: it was deleted, or another file is in its place.
        """
        if self._place != place_of(self.file):
            raise SteepestError(
                f"{self.file}: was deleted or replaced while the study ran, so it stops here; its runs are lost"
            )

    def _mark(self) -> None:
        """Mark the file as in use, so that a copy without its log is known as one; see `steepest.study.opening`."""
        mark = mark_of(self.file)
        if self._connection.execute("pragma user_version").fetchone()[0] != mark:
            self._connection.execute(f"pragma user_version = {mark}")
            self._connection.execute("pragma wal_checkpoint(passive)").fetchall()  # from the log into the file itself

    def end_session(self, session: int) -> None:
        """Close a session: its unfinished runs wait again, and do not count as attempts, since nothing died."""
        _OWN_SESSIONS.discard((self.file, session))
        self._connection.execute(
            "update runs set state = 'waiting', session = null, attempts = attempts - 1"
            " where state = 'running' and session = ?",
            (session,),
        )
        if not self.others_running(session):
            self._connection.execute("pragma user_version = 0")

    def heartbeat(self, session: int) -> None:
        """Store that the process is alive, for processes on other machines."""
        self._connection.execute("update sessions set seen = ? where id = ?", (Owner.this().seen, session))
        self._mark()  # another session that ended may have taken the mark away

    def requeue_orphans(self) -> None:
        """Queue the runs of dead processes again, and those of this process whose session is closed.

        The attempts stay counted: a run in the middle of which processes keep dying is given up at some point.
        """
        for session, owner in self._running_sessions():
            if (self.file, session) not in _OWN_SESSIONS and (owner.is_this_process or not owner.is_alive):
                self._connection.execute(
                    "update runs set state = 'waiting', session = null where state = 'running' and session = ?",
                    (session,),
                )

    def others_running(self, session: int) -> list[Owner]:
        """The owners of other sessions that have a run and are alive."""
        return [owner for number, owner in self._running_sessions() if number != session and owner.is_alive]

    def _running_sessions(self) -> list[tuple[int, Owner]]:
        """Number and owner of every session that has a run."""
        rows = self._connection.execute(
            "select id, place, process, started, seen from sessions"
            " where id in (select session from runs where state = 'running')"
        )
        return [(number, Owner(*facts)) for number, *facts in rows]

    # --- the queue ----------------------------------------------------------------------------------------------------

    def take(self, session: int) -> Task | None:
        """Take the next waiting run for a session; None if none is waiting."""
        return self._take(session, "state = 'waiting' and phase != 'timing'")

    def take_timing(self, session: int) -> Task | None:
        """Take the next measurement of step times; None while any run is running, which would disturb it, or waits."""
        return self._take(
            session, "state = 'waiting' and phase = 'timing' and not exists"
            " (select 1 from runs where state = 'running' or (state = 'waiting' and phase != 'timing'))"
        )  # fmt: skip

    def timing_waits(self) -> bool:
        """Whether step times of a workload are still to be measured."""
        statement = "select 1 from runs where phase = 'timing' and state = 'waiting' limit 1"
        return self._connection.execute(statement).fetchone() is not None

    def _take(self, session: int, condition: str) -> Task | None:
        # select and update in one statement: between two, another process could take the same run
        row = self._connection.execute(
            "update runs set state = 'running', session = ?, attempts = attempts + 1"
            f" where id = (select id from runs where {condition} order by id limit 1) returning {TASK_COLUMNS}",
            (session,),
        ).fetchone()
        return Task(**row) if row else None

    def finish(
        self, task: Task, session: int, result: Mapping[str, object], curve: Iterable[Sequence[float]] = ()
    ) -> bool:
        """Store a run's result and its curve, both or neither.

        Args:
            task: the run, as `take` gave it.
            session: the session that took it.
            result: values by column of `runs`: `status`, `message`, `final_loss`, ...
            curve: rows of `step`, `train_loss`, `loss`, `metric`, `seconds`.

        Returns:
            Whether it was stored; False if the run has been given to another session meanwhile, as happens when this
            process was taken for dead (a laptop that slept).
        """
        with self._transaction():
            stored = self._mark_done(task, session, result)
            if stored:
                rows = ((task.id, *map(_storable, point)) for point in curve)
                self._connection.executemany("insert into curves values (?, ?, ?, ?, ?, ?)", rows)
        return stored

    def finish_timing(
        self, task: Task, session: int, result: Mapping[str, object], seconds: Mapping[int, Sequence[float]], clock: str
    ) -> None:
        """Store the result of a measurement of step times, in place of an earlier one.

        Args:
            task: the measurement, as `take_timing` gave it.
            session: the session that took it.
            result: `status` and `message`.
            seconds: by index of the contestant, the seconds a step in each round.
            clock: that measured them, "thread" or "wall".
        """
        rows = [(index, *numbered, clock) for index, rounds in seconds.items() for numbered in enumerate(rounds)]
        with self._transaction():
            if self._mark_done(task, session, result):
                indices = ((index,) for index in seconds)
                self._connection.executemany("delete from timings where contestant = ?", indices)
                self._connection.executemany(
                    "insert into timings (contestant, round, seconds_a_step, clock) values (?, ?, ?, ?)", rows
                )

    def _mark_done(self, task: Task, session: int, result: Mapping[str, object]) -> bool:
        """Mark a run as done and store its result, if it still belongs to the session; whether it did."""
        columns = "".join(f", {name} = :{name}" for name in result)
        done = self._connection.execute(
            f"update runs set state = 'done'{columns} where id = :id and state = 'running' and session = :session",
            {name: _storable(value) for name, value in result.items()} | {"id": task.id, "session": session},
        )
        return done.rowcount == 1

    def counts(self) -> dict[str, int]:
        """Number of trials and reports by state: "waiting", "running", "done"."""
        # both queries read an index only; a condition phase != 'timing' would read the whole table
        rows = self._connection.execute("select state, count(*) from runs group by state")
        counts = {str(state): int(count) for state, count in rows}
        for state, count in self._connection.execute(
            "select state, count(*) from runs where phase = 'timing' group by state"
        ):
            counts[state] -= count
        return {state: count for state, count in counts.items() if count and state != "former"}

    def done(self) -> int:
        """Number of finished trials and reports."""
        return self.counts().get("done", 0)

    # --- provenance ---------------------------------------------------------------------------------------------------

    def repeats(self) -> dict[str, dict[str, str]]:
        """By workload and label, what differed when a run's first steps were done twice; empty: nothing."""
        row = self._connection.execute("select value from study where key = 'repeats'").fetchone()
        found: dict[str, dict[str, str]] = decode(REPEATS, parse_json(row[0] if row else "{}", "repeats"), "repeats")
        return found

    def note_repeat(self, contestant: int, differs: str) -> None:
        """Store what differed when the first steps of a contestant's run were done twice."""
        about = self.plan.contestants[contestant]
        with self._transaction():
            known = self.repeats()
            known.setdefault(about.workload, {})[about.label] = differs
            self._set({"repeats": json.dumps(known)})

    def versions(self) -> dict[str, list[str]]:
        """The libraries of which finished runs had several versions, and these, in the order of their sessions."""
        rows = self._connection.execute(
            "select versions from sessions where id in (select session from runs where state = 'done') order by id"
        )
        found: dict[str, list[str]] = {}
        for (text,) in rows:
            for name, number in decode(Mapping[str, str], parse_json(text, "versions"), "versions").items():
                if number not in found.setdefault(name, []):
                    found[name].append(number)
        return {name: versions for name, versions in found.items() if len(versions) > 1}

    # --- winners ------------------------------------------------------------------------------------------------------

    def ready_to_choose(self) -> list[int]:
        """Contestants without an open trial that have no winners among their trials yet, or lack report runs."""
        plan = self.plan
        still_open = self._count_by_contestant("phase = 'search' and state in ('waiting', 'running')")
        reported = self._count_by_contestant("phase = 'report' and state != 'former'")
        among = dict(self._connection.execute("select contestant, among from winners").fetchall())
        return [
            index
            for index, contestant in enumerate(plan.contestants)
            if index not in still_open
            and (among.get(index) != len(contestant.trials) or reported.get(index, 0) < plan.seeds)
        ]

    def is_ready_to_choose(self, contestant: int) -> bool:
        """Whether no trial of one contestant is open; asked after every trial, so it looks at those of one only."""
        row = self._connection.execute(
            "select 1 from runs where contestant = ? and phase = 'search' and state in ('waiting', 'running') limit 1",
            (contestant,),
        ).fetchone()
        return row is None

    def _count_by_contestant(self, condition: str) -> dict[int, int]:
        return dict(
            self._connection.execute(f"select contestant, count(*) from runs where {condition} group by contestant")
        )

    def set_finalists(self, contestant: int, trials: Iterable[int]) -> bool:
        """Queue these trials of a contestant on all seeds of their searches; whether any of those runs is to be done.

        Runs of former finalists on these seeds become `former`. In a study of an older version, whose trials all run on
        all seeds, there is nothing to do.
        """
        plan = self.plan
        if plan.finalists is None:
            return False
        wanted = [(trial, seed) for trial in trials for seed in plan.seeds_of(trial)[1:]]
        with self._transaction():
            firsts = [plan.seeds_of(search)[0] for search in range(plan.searches)]
            self._connection.execute(
                "update runs set state = 'former' where contestant = ? and phase = 'search'"
                f" and seed not in ({', '.join('?' * len(firsts))})",
                (contestant, *firsts),
            )
            self._add_again(contestant, "search", wanted)
        return not self.is_ready_to_choose(contestant)

    def winners_of(self, contestant: int) -> list[int] | None:
        """The winners of a contestant's searches; None until they are chosen among all trials that there are."""
        trials = len(self.plan.contestants[contestant].trials)
        rows = self._connection.execute(
            "select trial from winners where contestant = ? and among = ? and trial between 0 and ? order by search",
            (contestant, trials, trials - 1),
        ).fetchall()
        return [int(trial) for (trial,) in rows] or None

    def winners(self) -> dict[int, int]:
        """The chosen trial of each contestant's first search, both by index."""
        return dict(self._connection.execute("select contestant, trial from winners where search = 0").fetchall())

    def set_winners(self, contestant: int, trials: Sequence[int]) -> None:
        """Queue the winners of a contestant's searches, in turns, on the report seeds; other reports become `former`.

        Args:
            contestant: index in the plan.
            trials: the winner of each search.
        """
        plan = self.plan
        among = len(plan.contestants[contestant].trials)
        with self._transaction():
            self._connection.execute("delete from winners where contestant = ?", (contestant,))
            self._connection.executemany(
                "insert into winners (contestant, search, trial, among) values (?, ?, ?, ?)",
                [(contestant, search, trial, among) for search, trial in enumerate(trials)],
            )
            self._connection.execute(
                "update runs set state = 'former' where contestant = ? and phase = 'report'", (contestant,)
            )
            wanted = [(trials[plan.reported_search(seed) % len(trials)], seed) for seed in plan.report_numbers]
            self._add_again(contestant, "report", wanted)

    def _add_again(self, contestant: int, phase: str, runs: Sequence[tuple[int, int]]) -> None:
        """Queue runs, each a trial and a seed; those that were done or begun before are as they were."""
        self._add((contestant, phase, trial, seed) for trial, seed in runs)
        self._connection.executemany(
            "update runs set state = case when status is not null then 'done'"
            " when session is not null then 'running' else 'waiting' end"
            " where contestant = ? and phase = ? and trial = ? and seed = ? and state = 'former'",
            [(contestant, phase, trial, seed) for trial, seed in runs],
        )

    # --- tables -------------------------------------------------------------------------------------------------------

    def runs(self) -> pd.DataFrame:
        """All finished runs, one a row; see `steepest.study.tables`."""
        with self._readable():
            return tables.runs(self._connection, self.plan)

    def searched(self, contestant: int) -> pd.DataFrame:
        """The finished trials of one contestant, as in `runs`."""
        with self._readable():
            return tables.runs(self._connection, self.plan, "and contestant = ? and phase = 'search'", (contestant,))

    def curves(self) -> pd.DataFrame:
        """All curves, one measurement a row."""
        with self._readable():
            return tables.curves(self._connection)

    def timings(self) -> pd.DataFrame:
        """The separately measured step times, one round a row; see `steepest.study.tables`."""
        with self._readable():
            return tables.timings(self._connection, self.plan)

    def standings(self) -> list[dict[str, Any]]:
        """The best trial of each contestant so far; see `steepest.study.tables`."""
        return tables.standings(self._connection, self.plan)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        # immediate: two transactions that first read and then both write would fail instead of waiting for each other
        self._connection.execute("begin immediate")
        try:
            yield
        except BaseException:
            self._connection.execute("rollback")
            raise
        self._connection.execute("commit")


def _storable(value: object) -> object:
    """The value; infinite numbers and NaN become null, which SQLite makes of NaN anyway."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
