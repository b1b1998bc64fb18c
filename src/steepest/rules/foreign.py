"""Arguments that other implementations of a rule take and this one does not: taken, renamed, or answered.

Each stands beside its rule, in `Rule.foreign`, so that code written for the authors' own class works as it stands, or
says what to write.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..base.errors import UnknownSetting

__all__ = ["ANY", "Foreign", "only", "renamed", "translated"]


@dataclass(frozen=True)
class Foreign:
    """One argument of another implementation.

    Args:
        same: values that mean what this rule does anyway: taken, and without effect. None: all values.
        instead: what to write instead of another value.
        name: the hyperparameter here that has another name there; it is taken under its own.
    """

    same: tuple[Any, ...] | None = ()
    instead: str = ""
    name: str | None = None

    def takes(self, value: Any) -> bool:
        """Whether the value changes nothing."""
        return self.same is None or any(value is known or value == known for known in self.same)


ANY = Foreign(same=None)
"""An argument without effect on the steps."""


def only(*same: Any, instead: str) -> Foreign:
    """An argument of which these values mean what the rule does, and `instead` says what to write for another."""
    return Foreign(same, instead)


def renamed(name: str) -> Foreign:
    """A hyperparameter that has this name here."""
    return Foreign(name=name)


def translated(owner: str, settings: Mapping[str, Any], foreign: Mapping[str, Foreign]) -> dict[str, Any]:
    """Settings under the names of a rule, without those that mean what it does anyway.

    Raises:
        UnknownSetting: a value that means something else; the message says what to write.

    >>> translated("Prodigy", {"lr": 1.0, "decouple": True}, {"decouple": only(True, instead="leave it out")})
    {'lr': 1.0}
    """
    result: dict[str, Any] = {}
    for name, value in settings.items():
        argument = foreign.get(name)
        own = name if argument is None else argument.name
        if own is None:
            if not argument.takes(value):  # type: ignore[union-attr]
                raise UnknownSetting(f"{owner}: {name}={value!r} is not possible here: {argument.instead}")  # type: ignore[union-attr]
        elif own in result or (own != name and own in settings):
            raise UnknownSetting(f"{owner}: {name} is {own} here, and both are given")
        else:
            result[own] = value
    return result
