"""The queue of a study's runs: sessions, that is, processes, take runs from the study's file and finish them.

A run is `waiting`, `running` (taken by a session), `paused` (a trial at a rung, see `early.py`) or `done`; `former` is
a run that a better trial has made needless. A process takes the next waiting run in one atomic statement, and only the
session that took a run can finish it. So any number of processes share the work without storing a run twice, and what
is finished survives a crash. A run whose process has died is put back into the queue by any other process, see
`requeue_orphans`.
"""

import json
import math
import platform
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ..base.errors import SteepestError
from ..base.status import Status
from .environment import versions
from .file import StudyFile
from .jobs import Task
from .opening import mark_of, place_of
from .owners import Owner

__all__ = ["Queue"]

_OWN_SESSIONS: set[tuple[Path, int]] = set()
"""Open sessions of this process, by file and number: `requeue_orphans` leaves their runs alone.

The owner does not suffice: a session that this process failed to close (full disk) has the same owner as an open one.
"""

UNKNOWN = (None, None, None)
"""The parts of a step in rounds in which they were not measured."""

TASK_COLUMNS = "id, contestant, phase, trial, seed, attempts, pause"
"""The columns of `runs` that make a `Task`."""


RESULT = (
    "status", "message", "finding", "diagnoses", "last_step", "steps_to_target", "seconds_a_step", "initial_loss",
    "final_loss", "best_loss", "final_metric", "best_metric", "fingerprint",
)  # fmt: skip
"""The columns of `runs` that a result fills."""

FAILED = (Status.FAILED, Status.TIMED_OUT)
"""Statuses of runs that went wrong for a reason outside, or in the user's code, and may go well the next time."""

ENDED = (Status.NON_FINITE, *FAILED)
"""Statuses of runs that no further steps would change."""


class Queue(StudyFile):
    """An open study's queue of runs; the arguments are those of `StudyFile`."""

    def __init__(self, file: Path, connection: sqlite3.Connection) -> None:
        super().__init__(file, connection)
        self._place: tuple[int, int] | None = None

    def _add(self, rows: Iterable[tuple[int, str, int, int, int | None]]) -> None:
        """Queue runs that are not there yet: contestant, phase, trial, seed, and the step of the first rung."""
        self._connection.executemany(
            "insert or ignore into runs (contestant, phase, trial, seed, pause) values (?, ?, ?, ?, ?)", rows
        )

    def _queue_again(self, run: int, pause: int | None) -> None:
        """Queue a run once more, as if it had never been begun, up to the step of its next rung."""
        self._connection.execute(
            f"update runs set state = 'waiting', session = null, attempts = 0, pause = ?,"
            f" {', '.join(f'{name} = null' for name in RESULT)} where id = ?",
            (pause, run),
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
                self._connection.execute("delete from curves where run = ?", (task.id,))  # of its way to a rung
                rows = ((task.id, *map(_storable, point)) for point in curve)
                self._connection.executemany("insert into curves values (?, ?, ?, ?, ?, ?)", rows)
        return stored

    def finish_timing(
        self, task: Task, session: int, result: Mapping[str, object], seconds: Mapping[int, Sequence[float]],
        clock: str, parts: Mapping[int, Sequence[Sequence[float | None]]] | None = None,
    ) -> None:  # fmt: skip
        """Store the result of a measurement of step times, in place of an earlier one.

        Args:
            task: the measurement, as `take_timing` gave it.
            session: the session that took it.
            result: `status` and `message`.
            seconds: by index of the contestant, the seconds a step in each round.
            clock: that measured them, "thread" or "wall".
            parts: by index of the contestant, in the first rounds, the seconds a step of getting batches (None:
                unknown), of the model and of the optimizer.
        """
        rows = []
        for index, rounds in seconds.items():
            own = [*(parts or {}).get(index, ()), *[UNKNOWN] * len(rounds)]
            rows += [(index, number, each, clock, *own[number]) for number, each in enumerate(rounds)]
        with self._transaction():
            if self._mark_done(task, session, result):
                indices = ((index,) for index in seconds)
                self._connection.executemany("delete from timings where contestant = ?", indices)
                self._connection.executemany(
                    "insert into timings (contestant, round, seconds_a_step, clock, data, model, optimizer)"
                    " values (?, ?, ?, ?, ?, ?, ?)",
                    rows,
                )

    def _mark_done(self, task: Task, session: int, result: Mapping[str, object]) -> bool:
        """Mark a run as done, or paused, and store its result, if it still belongs to the session; whether it did."""
        state = "paused" if task.pause is not None and result.get("status") not in ENDED else "done"
        columns = "".join(f", {name} = :{name}" for name in result)
        done = self._connection.execute(
            f"update runs set state = '{state}'{columns} where id = :id and state = 'running' and session = :session",
            {name: _storable(value) for name, value in result.items()} | {"id": task.id, "session": session},
        )
        return done.rowcount == 1

    def failed(self) -> list[int]:
        """The contestants of the runs that failed or ran out of time, each by its index, once for each run."""
        rows = self._connection.execute(
            "select contestant from runs where state = 'done' and status in (?, ?)", FAILED
        ).fetchall()
        return [int(contestant) for (contestant,) in rows]

    def retry(self) -> None:
        """Queue every run again that failed or ran out of time: memory, disk and machine may be others now.

        Contestants with such a trial choose their winners again when it has ended; reports of winners that remain are
        kept.
        """
        failed = "status in (?, ?)"
        with self._transaction():
            self._connection.execute(
                "delete from winners where contestant in"
                f" (select contestant from runs where state = 'done' and phase = 'search' and {failed})",
                FAILED,
            )
            # one of a former winner stays so, but counts as never begun, should that win once more
            rows = self._connection.execute(f"select id, state, pause from runs where {failed}", FAILED).fetchall()
            for run, state, pause in rows:
                self._queue_again(run, pause)
                if state == "former":
                    self._connection.execute("update runs set state = 'former' where id = ?", (run,))

    def is_being_run(self) -> bool:
        """Whether any process that is alive has a run of this study."""
        return any(owner.is_alive for _, owner in self._running_sessions())

    def counts(self) -> dict[str, int]:
        """Number of trials and reports by state: "waiting", "running", "paused", "done"."""
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


def _storable(value: object) -> object:
    """The value; infinite numbers and NaN become null, which SQLite makes of NaN anyway."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
