"""Studies as one small file: an xz-compressed copy, `study.sqlite.xz`, to publish, read and go on with elsewhere.

Nothing is left out and nothing is rounded: what is unpacked is the study, with every run and every curve.
"""

import lzma
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from ..base.errors import InvalidValue, SteepestError
from ..base.files import make_folder, write
from .code import check_code
from .opening import connect_to_read, holds_nothing, named
from .store import Store

__all__ = ["SUFFIX", "is_packed", "pack", "unpack", "unpacked"]

SUFFIX = ".sqlite.xz"

LARGEST = 1 << 32
"""Bytes of a study, unpacked: more is no study, but a file that is made to fill a disk."""


def is_packed(study: str | Path) -> bool:
    """Whether a path is that of a packed study.

    >>> is_packed("docs/applications.sqlite.xz"), is_packed("steepest-digits/study.sqlite")
    (True, False)
    """
    return Path(study).name.endswith(SUFFIX)


def pack(file: Path, packed: Path) -> int:
    """Write a packed copy of a study.

    Args:
        file: the study's file; it stays as it is.
        packed: the file to write, whose name ends with `SUFFIX`.

    Returns:
        The size of the packed file in bytes.

    Raises:
        InvalidValue: the name has another end, or the file cannot be written.
        SteepestError: the study is being run.
    """
    if not is_packed(packed):
        raise InvalidValue(f"{packed}: the name of a packed study ends with {SUFFIX}")
    with named(file), closing(Store.read(file)) as store:
        if store.is_being_run():
            raise SteepestError(f"{file}: is being run; pack it when that has ended or was interrupted")
    with tempfile.TemporaryDirectory(prefix="steepest-") as folder, named(file):
        copy = Path(folder) / "study.sqlite"
        with closing(connect_to_read(file)) as source, closing(sqlite3.connect(copy, isolation_level=None)) as target:
            source.backup(target)
            target.execute("pragma journal_mode = delete")
            target.execute("pragma user_version = 0")  # it is whole: see `opening`
            target.execute("vacuum")
        content = lzma.compress(copy.read_bytes(), preset=9 | lzma.PRESET_EXTREME)
    make_folder(packed.parent)
    write(packed, content)
    return len(content)


def unpack(packed: str | Path, folder: str | Path | None = None) -> Path:
    """Put a packed study into a folder, to go on with it there; one that is there already, and is the same, stays.

    Args:
        packed: the packed file.
        folder: default: of the file's name, here, beginning with `steepest-`.

    Returns:
        The study's file.

    Raises:
        InvalidValue: it cannot be read, is no packed study, the folder holds another one, or the code of steepest has
            changed since the study began.
    """
    source = Path(packed).expanduser()
    name = source.name.removesuffix(SUFFIX)
    home = Path(folder or (name if name.startswith("steepest-") else f"steepest-{name}")).expanduser()
    file = home / "study.sqlite"
    with unpacked(source) as fresh:
        with named(fresh), closing(Store.read(fresh)) as store:
            check_code(store.fact("code"), store.plan, source)
        if not holds_nothing(file):
            if _began(file) != _began(fresh):
                raise InvalidValue(f"{home}: holds another comparison; choose another folder with --out, or delete it")
            return file
        make_folder(home, "choose another folder with --out")
        write(file, fresh.read_bytes())
    return file


@contextmanager
def unpacked(packed: str | Path) -> Iterator[Path]:
    """A context with the file of a packed study, which is gone afterwards; raises as `unpack`."""
    path, decompressor = Path(packed).expanduser(), lzma.LZMADecompressor()
    try:
        content = decompressor.decompress(path.read_bytes(), LARGEST)
    except OSError as error:
        raise InvalidValue(f"{path}: cannot be read ({error.strerror})") from None
    except lzma.LZMAError as error:
        raise InvalidValue(f"{path}: is no packed study ({error})") from None
    if content and not decompressor.eof and len(content) < LARGEST:
        raise InvalidValue(f"{path}: is cut off; copy it here once more")
    with tempfile.TemporaryDirectory(prefix="steepest-") as folder:
        file = Path(folder) / "study.sqlite"
        file.write_bytes(content)
        if holds_nothing(file):
            raise InvalidValue(f"{path}: is no packed study")
        yield file


def _began(file: Path) -> tuple[str, str]:
    """When and as what a study began, by which copies of it are known."""
    with named(file), closing(Store.read(file)) as store:
        return store.fact("created"), store.fact("first_plan")
