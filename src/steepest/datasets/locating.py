"""Where the files of data sets are on this machine, and whether they are the published ones.

A file is looked for in the folder that `STEEPEST_DATA` names (or a folder in it with the data set's name), in installed
packages, where Debian's packages put it, and in the cache: the folder `data` in what `STEEPEST_CACHE` names, default
`~/.cache/steepest`.
"""

import gzip
import hashlib
import os
import zipfile
import zlib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from ..base.errors import SteepestError
from .record import Dataset, File, Npm, Url

__all__ = ["cache", "chosen", "digest", "is_published", "locate", "read", "whereabouts"]

CHUNK = 1 << 20


def cache() -> Path:
    """The folder where fetched and made files are kept."""
    return Path(os.environ.get("STEEPEST_CACHE") or Path.home() / ".cache" / "steepest").expanduser() / "data"


def chosen() -> Path | None:
    """The folder that the user names."""
    named = os.environ.get("STEEPEST_DATA")
    return Path(named).expanduser() if named else None


def whereabouts(dataset: Dataset, file: File) -> Iterator[Path]:
    """The places where a file of this name is, in the order of trying; none is read."""
    if folder := chosen():
        yield from (place for place in (folder / file.name, folder / dataset.name / file.name) if place.exists())
    for place in file.places:
        if not isinstance(place, Url | Npm) and (path := place.locate()):
            yield path
    if (kept := cache() / file.name).exists():
        yield kept


def locate(dataset: Dataset, file: File) -> Path | None:
    """The first place that has the published file; None if there is none.

    Raises:
        SteepestError: the user's own folder has another file of this name.
    """
    for path in whereabouts(dataset, file):
        if is_published(path, file):
            return path
        if (folder := chosen()) and path.is_relative_to(folder):
            raise SteepestError(
                f"{path}: not the published file (its SHA-256 differs); delete it, or name another folder in"
                " STEEPEST_DATA"
            )
    return None


def is_published(path: Path, file: File) -> bool:
    """Whether the content is the published one; of a file without a digest, whether it is there."""
    if not file.sha256:
        return path.exists()
    try:
        state = path.stat()
        return _digest(path, Path(file.name).suffix, state.st_mtime_ns, state.st_size) == file.sha256
    except (OSError, EOFError, ValueError, zlib.error, zipfile.BadZipFile):  # a damaged archive, too, is not it
        return False


def digest(path: Path, suffix: str) -> str:
    """SHA-256 of a file's content, whatever packed it: of ".gz" unpacked, of ".npz" of its arrays.

    Raises:
        OSError: it cannot be read, or is no archive of the kind that its name says.
    """
    if suffix == ".npz":
        return _digest_of_arrays(path)
    made = hashlib.sha256()
    with gzip.open(path) if suffix == ".gz" else path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            made.update(chunk)
    return made.hexdigest()


@lru_cache(maxsize=64)
def _digest(path: Path, suffix: str, changed: int, size: int) -> str:
    return digest(path, suffix)


def _digest_of_arrays(path: Path) -> str:
    import numpy as np

    made = hashlib.sha256()
    with np.load(path, allow_pickle=False) as arrays:
        for name in sorted(arrays.files):
            array = np.ascontiguousarray(arrays[name])
            made.update(f"{name} {array.dtype.str} {array.shape}".encode())
            made.update(array.tobytes())
    return made.hexdigest()


def read(path: Path) -> bytes:
    """The content of a file, unpacked if its name ends in .gz."""
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
        return stream.read()
