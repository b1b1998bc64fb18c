"""The registry of the numbers: by the name of a station, a function of its file, which returns those of its fields."""

from collections.abc import Callable, Mapping
from typing import Any

from ...rules import RULES, Rule

__all__ = ["NUMBERS", "Facts", "Number", "Numbers", "rule_of", "station"]

Number = float | int | str
Numbers = dict[str, Number]
Facts = Mapping[str, Any]
"""A station's file."""

NUMBERS: dict[str, Callable[[Facts], Numbers]] = {}


def station(name: str) -> Callable[[Callable[[Facts], Numbers]], None]:
    """Registers a function of the file of a station."""

    def register(compute: Callable[[Facts], Numbers]) -> None:
        NUMBERS[name] = compute

    return register


def rule_of(name: str, settings: Mapping[str, Any]) -> Rule:
    """The rule of a figure's state."""
    given: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in settings.items()}
    return RULES[name](**given)
