"""Settings listed by hand, in the place of a search: `{"adam": [{"lr": 1e-3, "betas": [0.9, 0.99]}], "*": [...]}`."""

import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..base.decode import decode
from ..base.errors import InvalidValue
from ..rules import Reference
from .ranges import Settings, names_of
from .space import Value

__all__ = ["ALL", "Lists", "check_lists_used", "list_of", "lists_in", "read_lists"]

ALL = "*"
"""In the place of an optimizer's name: all that have no list of their own."""

Lists = Mapping[str, tuple[Settings, ...]]


def read_lists(file: str | Path) -> dict[str, Any]:
    """The contents of a file of settings, JSON or TOML by its ending, for `lists_in`.

    Raises:
        InvalidValue: there is none, or it is not of its format.
    """
    path = Path(file).expanduser()
    if path.suffix not in (".json", ".toml"):
        raise InvalidValue(f"settings: {file}: must end in .json or .toml")
    try:
        text = path.read_text(encoding="utf-8")
        found: Any = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text, object_pairs_hook=_once)
    except _Twice as error:
        raise InvalidValue(f"settings: {file}: {error.args[0]!r} is there twice; leave out one") from None
    except OSError as error:
        raise InvalidValue(f"settings: {file}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise InvalidValue(f"settings: {file}: is no {path.suffix[1:].upper()}: {error}") from None
    if not isinstance(found, dict):
        raise InvalidValue(f'settings: {file}: write lists by optimizer, {{"adam": [{{"lr": 0.1}}]}}')
    return found


class _Twice(Exception):
    """A name that stands twice in one object."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON, in which the last of several values would count without a word."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise _Twice(name)
        found[name] = value
    return found


def lists_in(given: Mapping[str, Any]) -> dict[str, tuple[Settings, ...]]:
    """Lists of settings by optimizer, checked for their form.

    Raises:
        InvalidValue: something else stands there; the message says where.

    >>> lists_in({"adam": [{"lr": 0.1, "betas": [0.9, 0.99]}]})
    {'adam': ({'lr': 0.1, 'betas': (0.9, 0.99)},)}
    """
    found: dict[str, tuple[Settings, ...]] = {}
    for name, points in given.items():
        if not (isinstance(points, Sequence) and not isinstance(points, str) and points):
            raise InvalidValue(f"settings: {name}: write a list of settings, [{{'lr': 0.1}}, ...], got {points!r}")
        for number, point in enumerate(points, 1):
            if not (isinstance(point, Mapping) and point):
                raise InvalidValue(f"settings: {name}: point {number}: write settings by name, got {point!r}")
        found[name] = tuple(
            {str(key): decode(Value, value, f"settings: {name}: point {number}: {key}") for key, value in point.items()}
            for number, point in enumerate(points, 1)
        )
    if not found:
        raise InvalidValue("settings: name at least one optimizer")
    return found


def check_lists_used(lists: Lists, references: Sequence[Reference]) -> None:
    """Raise `InvalidValue` where a list is of no optimizer here, or an optimizer has no list, or several."""
    known = {ALL, *(name for reference in references for name in _names(reference))}
    for name in lists:
        if name not in known:
            shown = ", ".join(dict.fromkeys(reference.name for reference in references))
            raise InvalidValue(f"settings: no optimizer here is {name!r}; there are {shown}")
    used = {_name_of_list(lists, reference) for reference in references}
    for name in lists:
        if name not in used and name != ALL:
            other = next(own for own in used if any({own, name} <= {*_names(one)} for one in references))
            raise InvalidValue(f"settings: {other!r} and {name!r} are the same optimizer here; leave out one")


def list_of(lists: Lists, reference: Reference) -> tuple[Settings, ...]:
    """The settings of one optimizer.

    Raises:
        InvalidValue: there are none.
    """
    return lists[_name_of_list(lists, reference)]


def _name_of_list(lists: Lists, reference: Reference) -> str:
    for name in [*_names(reference), ALL]:
        if name in lists:
            return name
    raise InvalidValue(f'settings: none for {reference.text}; add a list for it, or one for all others, "{ALL}"')


def _names(reference: Reference) -> list[str]:
    return [reference.label, reference.text, *names_of(reference)]
