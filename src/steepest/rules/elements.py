"""Settings of several numbers, one by one: `betas.1` is the second of `betas`."""

from collections.abc import Mapping
from typing import Any

from ..base.errors import UnknownSetting

__all__ = ["elements_of", "with_elements"]


def elements_of(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings, and behind one of several numbers each of these by a name of its own.

    >>> elements_of({"lr": 0.1, "betas": (0.9, 0.999)})
    {'lr': 0.1, 'betas': (0.9, 0.999), 'betas.0': 0.9, 'betas.1': 0.999}
    """
    named = {}
    for name, value in settings.items():
        named[name] = value
        if isinstance(value, tuple):
            named |= {f"{name}.{index}": number for index, number in enumerate(value)}
    return named


def with_elements(settings: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Settings without names of elements, which are put into their tuples, or those of `defaults`.

    Raises:
        UnknownSetting: there is no such element.

    >>> with_elements({"lr": 0.1, "betas.1": 0.99}, {"betas": (0.9, 0.999)})
    {'lr': 0.1, 'betas': (0.9, 0.99)}
    """
    whole = {name: tuple(value) if isinstance(value, list) else value for name, value in settings.items()}
    for name in [name for name in whole if "." in name]:
        tuple_name, _, index = name.rpartition(".")
        values = whole.get(tuple_name, defaults.get(tuple_name))
        if not (isinstance(values, tuple) and index.isdecimal() and int(index) < len(values)):
            raise UnknownSetting(f"there is no setting {name!r}; write for example betas.1 for the second of betas")
        numbers = list(values)
        numbers[int(index)] = whole.pop(name)
        whole[tuple_name] = tuple(numbers)
    return whole
