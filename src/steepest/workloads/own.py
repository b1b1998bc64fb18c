"""Files and folders of a user's own, which the settings of a family name: `clothes(folder="my_images")`."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..base.errors import InvalidValue

__all__ = ["Own", "is_hidden", "own_file", "own_folder", "states"]

REMAINS = "__MACOSX"
"""The folder that an archive made on a Mac leaves beside its content."""


@dataclass(frozen=True)
class Own:
    """A file or a folder as it was when it was named: what was read of it is kept only as long as it stays the same.

    Attributes:
        path: where it is.
        state: another number once a file was edited, added or removed.
    """

    path: Path
    state: int


def own_folder(name: str, folder: Any) -> Own | None:
    """The folder that a setting names; None for None.

    Args:
        name: of the workload, for the error.
        folder: what the user gave.

    Raises:
        InvalidValue: it is no path, or there is no such folder.
    """
    if folder is None:
        return None
    path = _path(f"{name}: folder", folder)
    if not _is(path, Path.is_dir):
        raise InvalidValue(f"{name}: there is no folder {path}")
    return Own(path, _state(path))


def own_file(name: str, file: Any) -> Own | None:
    """The file that a setting names; None for None.

    Raises:
        InvalidValue: it is no path, or there is no such file.
    """
    if file is None:
        return None
    path = _path(f"{name}: file", file)
    if not _is(path, Path.is_file):
        raise InvalidValue(f"{name}: there is no file {path}")
    return Own(path, _state(path))


def states(values: Iterable[Any]) -> tuple[int, ...]:
    """The states of those settings that are a path at which something is; other settings have none."""
    paths = [_expanded(value) for value in values if isinstance(value, str) and value]
    return tuple(_state(path) for path in paths if _is(path, Path.exists))


def is_hidden(file: Path, folder: Path) -> bool:
    """Whether what is in a folder was put there by a program, for itself: `.ipynb_checkpoints`, `._cat.png`."""
    return any(part.startswith(".") or part == REMAINS for part in file.relative_to(folder).parts)


def _path(name: str, value: Any) -> Path:
    if not isinstance(value, str | os.PathLike) or not os.fspath(value):
        raise InvalidValue(f"{name}: must be a path in quotes, got {value!r}")
    return _expanded(value)


def _expanded(value: str | os.PathLike[str]) -> Path:
    try:
        return Path(value).expanduser()
    except RuntimeError:  # the home of nobody
        return Path(value)


def _is(path: Path, kind: Callable[[Path], bool]) -> bool:
    try:
        return kind(path)
    except (OSError, ValueError):  # no path at all: a name too long, or with a zero in it
        return False


def _state(path: Path) -> int:
    files = [path, *(Path(at, name) for at, _, names in os.walk(path) for name in names)]
    facts = []
    for file in sorted(files):
        try:
            state = file.stat()
        except OSError:  # gone meanwhile, or a link to nothing, which the reader will name
            continue
        facts.append((str(file), state.st_mtime_ns, state.st_size))
    return hash(tuple(facts))
