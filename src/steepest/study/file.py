"""The file of a study: one SQLite file that is created, opened, read, migrated, and has the plan and further texts.

Connections are in autocommit mode: a single statement is atomic by itself, and several belong in `_transaction`. The
journal is a write-ahead log, so that readers do not wait for writers.
"""

import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from ..base.errors import InvalidValue, SteepestError
from .opening import connect, connect_to_read, named, unmarked
from .plan import Plan
from .reading import checked_facts, read_plan
from .schema import SCHEMA_VERSION, migrate

__all__ = ["StudyFile"]


class StudyFile:
    """An open connection to a study's file. Use `open` or `read`, which check the file, rather than the constructor.

    Args:
        file: the SQLite file.
        connection: to it; see `steepest.study.opening`.
    """

    def __init__(self, file: Path, connection: sqlite3.Connection) -> None:
        self.file, self._connection = file, connection
        self._plan: tuple[str, Plan] | None = None

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
    def open(cls, file: Path) -> Self:
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
    def read(cls, file: Path) -> Self:
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
