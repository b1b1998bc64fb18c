"""Opening a study's file, and the cause in one line where that cannot be done.

Reading changes nothing, neither the file nor its folder, and needs no right to write there. A file that nobody has open
is complete by itself. Where one is in use, or was when its process was killed, the newest runs are in the write-ahead
log beside it, `study.sqlite-wal`, without which a copy would look like a study with fewer runs. So the first session
marks the file, in SQLite's `user_version`, with the number that the file system knows it by; that of a copy differs.
"""

import os
import shutil
import sqlite3
import stat
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from ..base.errors import InvalidValue, SteepestError

__all__ = [
    "connect", "connect_to_read", "holds_nothing", "is_blank", "is_folder", "mark_of", "named", "place_of", "unmarked",
]  # fmt: skip

PATIENCE = 60.0
"""Seconds to wait for another process that has locked the file."""

HEADER, MAGIC, MARK = 100, b"SQLite format 3\0", slice(60, 64)
"""Length of the header of an SQLite file, its first bytes, and the place of `user_version`."""

CAUSES = {
    sqlite3.SQLITE_NOTADB: "is not a study of steepest; choose another folder",
    sqlite3.SQLITE_CORRUPT: "is damaged ({}); put a copy of it back, or begin another study",
    sqlite3.SQLITE_BUSY: "is locked by another process; try again when that has ended",
    sqlite3.SQLITE_LOCKED: "is locked by another process; try again when that has ended",
    sqlite3.SQLITE_NOMEM: "does not fit into memory ({})",
    sqlite3.SQLITE_TOOBIG: "is damaged, or not a study of steepest ({})",
    sqlite3.SQLITE_CONSTRAINT: "is damaged, or was changed by another program ({})",
    sqlite3.SQLITE_MISMATCH: "is damaged, or was changed by another program ({})",
    sqlite3.SQLITE_ERROR: "is damaged, or not a study of steepest ({})",
}
"""By primary result code of SQLite; of any other one it is a matter of disk and permissions."""

CANNOT_WRITE = "cannot be written ({}); its finished runs are kept; make room, or choose another place"


@contextmanager
def named(file: Path) -> Iterator[None]:
    """A context in which an error of SQLite or of the file system becomes one that names the study and the cause.

    Raises:
        SteepestError: in place of any `sqlite3.Error`; a mistake in a statement stays what it is.
    """
    try:
        yield
    except sqlite3.ProgrammingError:
        raise
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
        if code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) and _lacks_log(file):
            raise SteepestError(_needs_log(file)) from None
        raise SteepestError(f"{file}: {CAUSES.get(code & 0xFF, CANNOT_WRITE).format(error)}") from error


# --- what is there ----------------------------------------------------------------------------------------------------


def is_folder(path: Path) -> bool:
    """Whether there is a folder; one that cannot be looked at is none."""
    try:
        return path.is_dir()
    except OSError:
        return False


def state_of(file: Path) -> os.stat_result | None:
    """What the file system says of a file; None if there is none.

    Raises:
        InvalidValue: it is no file, or cannot be looked at.
    """
    try:
        found = file.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:  # no permission, links in a circle, a name with a zero byte
        raise InvalidValue(f"{file}: cannot be read ({getattr(error, 'strerror', error)})") from None
    if not stat.S_ISREG(found.st_mode):
        kind = "a folder" if stat.S_ISDIR(found.st_mode) else "a pipe or a device"
        raise InvalidValue(f"{file}: is {kind}, not a study of steepest")
    return found


def place_of(file: Path) -> tuple[int, int] | None:
    """Device and number of a file, which no other file has; None if there is none; raises as `state_of`."""
    found = state_of(file)
    return None if found is None else (found.st_dev, found.st_ino)


def size_of(file: Path) -> int:
    """The size of a file in bytes, 0 if there is none; raises as `state_of`."""
    found = state_of(file)
    return 0 if found is None else found.st_size


def holds_nothing(file: Path) -> bool:
    """Whether there is no file, or an empty one, left by a process that was killed while it created the study.

    Raises:
        SteepestError: it cannot be read, or is something else than a file.
    """
    if not size_of(file):
        return True
    with named(file), closing(connect_to_read(file)) as connection:
        try:
            return is_blank(connection)
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
                raise
            return False


def is_blank(connection: sqlite3.Connection) -> bool:
    """Whether there is no table."""
    (tables,) = connection.execute("select count(*) from sqlite_master").fetchone()
    return int(tables) == 0


def log_of(file: Path) -> Path:
    """The write-ahead log of an SQLite file."""
    return Path(f"{file.resolve()}-wal")  # SQLite follows links, too


def mark_of(file: Path) -> int:
    """The mark of a file in use: never 0, and another one for a copy."""
    return zlib.crc32(str(file.stat().st_ino).encode()) & 0x7FFFFFFF or 1


def _header(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(HEADER)
    except OSError as error:
        raise InvalidValue(f"{file}: cannot be read ({error.strerror})") from None


def unmarked(file: Path) -> bool:
    """Whether the mark of a file is its own, or none."""
    header = _header(file)
    return not header.startswith(MAGIC) or int.from_bytes(header[MARK], "big") in (0, mark_of(file))


def _lacks_log(file: Path) -> bool:
    """Whether a file was copied without its log while it was in use."""
    with suppress(OSError, InvalidValue):
        if size_of(file) >= HEADER and not log_of(file).exists():
            # after looking for the log: who closes a study folds it into the file first, and then removes it
            return not unmarked(file)
    return False


def _needs_log(file: Path) -> str:
    return (
        f"{file}: was copied while its study ran, without {file.name}-wal, which has the newest runs; copy both, or"
        " copy it again when the study has ended"
    )


# --- connections ------------------------------------------------------------------------------------------------------


def connect(file: Path) -> sqlite3.Connection:
    """A connection that can write, in autocommit mode; makes the file if there is none.

    Raises:
        SteepestError: a copy without its log.
        InvalidValue: it is no file.
    """
    if size_of(file) and _lacks_log(file):
        raise SteepestError(_needs_log(file))
    return _connection(str(file))


def connect_to_read(file: Path) -> sqlite3.Connection:
    """A connection to an existing file that changes nothing, wherever the file is.

    Raises:
        SteepestError: a copy without its log.
        InvalidValue: it cannot be read.
    """
    _header(file)
    if _lacks_log(file):
        raise SteepestError(_needs_log(file))
    address = file.resolve().as_uri()
    if not size_of(log_of(file)):  # SQLite would make files beside it, which it may not, or leave them behind
        return _connection(f"{address}?mode=ro&immutable=1")
    connection = _connection(f"{address}?mode=ro")
    try:
        connection.execute("select count(*) from sqlite_master").fetchone()
    except sqlite3.OperationalError as error:
        connection.close()
        if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
            raise
        return _connection_to_copy(file)  # the log of a killed process, where nothing can be written beside it
    return connection


def _connection_to_copy(file: Path) -> sqlite3.Connection:
    with tempfile.TemporaryDirectory(prefix="steepest-") as folder:
        copy = Path(folder) / "study.sqlite"
        try:
            shutil.copyfile(file, copy)
            shutil.copyfile(log_of(file), log_of(copy))
        except OSError as error:
            raise InvalidValue(f"{error.filename}: cannot be read ({error.strerror})") from None
        opened = _connection(str(copy))
        memory = _connection(":memory:")
        opened.backup(memory)
        opened.close()
    return memory


def _connection(address: str) -> sqlite3.Connection:
    is_uri = address.startswith("file:")
    connection = sqlite3.connect(address, timeout=PATIENCE, isolation_level=None, check_same_thread=False, uri=is_uri)
    connection.row_factory = sqlite3.Row
    return connection
