"""Data that somebody else may have written, from JSON to dataclasses: every value is checked against its type."""

import json
import math
import types
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

from .errors import InvalidValue
from .text import visible

__all__ = ["LONGEST", "decode", "parse_json"]

LONGEST = 4000
"""Characters of a text, at most."""

MOST = 2**63
"""Bound of a whole number, which is that of a database."""

NAMES = {str: "a text", int: "a whole number", float: "a finite number", bool: "true or false"}


def parse_json(text: str, where: str) -> Any:
    """JSON as data; raises `InvalidValue` where it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError, TypeError) as error:
        raise InvalidValue(f"{where}: is no JSON ({error})") from None


def decode(kind: Any, value: Any, where: str) -> Any:
    """A value of JSON as one of a type.

    Texts lose characters that could steer a terminal (see `visible`); numbers stay whole or not, as they were.

    Args:
        kind: `str`, `int`, `float`, `bool`, a dataclass, or a tuple, a mapping or a union of such.
        value: as `json.loads` gives it.
        where: a name of the value, for the message.

    Raises:
        InvalidValue: it is of another type; a text is too long, a number not finite, or a field unknown or missing.

    >>> decode(tuple[float, float], [1, 0.5], "range")
    (1, 0.5)
    >>> decode(int, "1/../x", "seed")
    Traceback (most recent call last):
    steepest.base.errors.InvalidValue: seed: is '1/../x', not a whole number
    """
    origin, inner = get_origin(kind), get_args(kind)
    if kind is Any:
        return value
    if origin in (Union, types.UnionType):
        return _one_of(inner, value, where)
    if origin is tuple and isinstance(value, list | tuple):
        if inner[1:] == (...,):
            return tuple(decode(inner[0], part, f"{where}[{index}]") for index, part in enumerate(value))
        if len(value) == len(inner):
            parts = enumerate(zip(inner, value, strict=True))
            return tuple(decode(part_kind, part, f"{where}[{index}]") for index, (part_kind, part) in parts)
    elif isinstance(origin, type) and issubclass(origin, Mapping) and isinstance(value, dict):
        return {decode(str, name, where): decode(inner[1], part, f"{where}.{name}") for name, part in value.items()}
    elif is_dataclass(kind) and isinstance(value, dict):
        return _dataclass(kind, value, where)
    elif kind in NAMES and _is(kind, value):
        return visible(value) if kind is str else value
    raise InvalidValue(f"{where}: is {_shown(value)}, not {NAMES.get(kind, 'what belongs there')}")


def _one_of(kinds: tuple[Any, ...], value: Any, where: str) -> Any:
    """The value as the first of several types that it is one of."""
    if value is None and type(None) in kinds:
        return None
    *others, last = (kind for kind in kinds if kind is not type(None))
    for kind in others:
        with suppress(InvalidValue):
            return decode(kind, value, where)
    return decode(last, value, where)


def _dataclass(kind: Any, value: dict[str, Any], where: str) -> Any:
    hints = _hints(kind)
    if unknown := sorted(value.keys() - hints.keys()):
        raise InvalidValue(f"{where}: has {_shown(unknown[0])}, which this steepest does not know")
    try:
        return kind(**{name: decode(hints[name], part, f"{where}.{name}") for name, part in value.items()})
    except TypeError:
        raise InvalidValue(f"{where}: lacks one of {', '.join(hints)}") from None


@cache
def _hints(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}


def _is(kind: type, value: Any) -> bool:
    if kind is str:
        return isinstance(value, str) and len(value) <= LONGEST
    if kind is bool or isinstance(value, bool):
        return kind is bool and isinstance(value, bool)
    if kind is int:
        return isinstance(value, int) and -MOST <= value < MOST
    return isinstance(value, int | float) and abs(value) < MOST**8 and math.isfinite(value)


def _shown(value: Any) -> str:
    shown = repr(value)
    return visible(shown if len(shown) <= 60 else f"{shown[:40]}… ({len(shown):,} characters)")
