"""Rules, landscapes and workloads of other packages, which name them as entry points; built-in ones come first."""

import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from threading import RLock
from typing import Any, TypeVar

from .guards import exits_raised

__all__ = ["PluginWarning", "Registry"]

T = TypeVar("T")


class PluginWarning(UserWarning):
    """A plugin that cannot be used; the message names its distribution, its entry point and the cause."""


class Registry(Mapping[str, T]):
    """The rules, landscapes or workloads by name: the built-in ones, then those of plugins, loaded at first access.

    A plugin that cannot be loaded, or whose name is taken, is left out with one `PluginWarning`.

    Args:
        built_in: the built-in objects by name.
        group: the group of entry points, such as `steepest.rules`; an entry point's name is the name of its object.
        check: takes the name and the loaded object, and returns the object to keep; raises if it is of the wrong kind.

    >>> Registry({"sgd": 1}, "steepest.nothing", lambda name, loaded: loaded)["sgd"]
    1
    """

    def __init__(self, built_in: Mapping[str, T], group: str, check: Callable[[str, Any], T]) -> None:
        self.built_in, self.group = dict(built_in), group
        self._check = check
        self._loaded: dict[str, T] = {}
        self._lock = RLock()

    def __getitem__(self, name: str) -> T:
        if name in self.built_in:
            return self.built_in[name]
        with self._lock:
            if name not in self._loaded:
                self._load(self.plugins[name])
        return self._loaded[name]  # KeyError, if it could not be loaded

    def __contains__(self, name: object) -> bool:
        return name in self.built_in or (name in self.plugins and self.get(str(name)) is not None)

    def __iter__(self) -> Iterator[str]:
        yield from self.built_in
        yield from (name for name in sorted(self.plugins) if name in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    @cached_property
    def plugins(self) -> dict[str, EntryPoint]:
        """The entry points by name, without those whose name is taken."""
        found: dict[str, EntryPoint] = {}
        for entry in sorted(entry_points(group=self.group), key=lambda entry: (entry.name, distribution_of(entry))):
            if entry.name in self.built_in:
                self._warn(entry, "steepest has one of this name, which is used")
            elif entry.name in found:
                self._warn(entry, f"{distribution_of(found[entry.name])} has one of this name, which is used")
            else:
                found[entry.name] = entry
        return found

    def _load(self, entry: EntryPoint) -> None:
        try:
            with exits_raised():
                self._loaded[entry.name] = self._check(entry.name, entry.load())
        except (Exception, SystemExit) as error:  # whatever another package does, steepest goes on without it
            self.leave_out(entry.name, error)

    def leave_out(self, name: str, error: BaseException) -> None:
        """Remove a plugin, with a `PluginWarning`: one that raised `error` when it was used."""
        self._loaded.pop(name, None)
        cause = f"{type(error).__name__}: {' '.join(str(error).split())}".removesuffix(": ")
        self._warn(self.plugins.pop(name), cause)

    def _warn(self, entry: EntryPoint, cause: str) -> None:
        message = f"{distribution_of(entry)}: {self.group} {entry.name} ({entry.value}) is left out: {cause}"
        warnings.warn(message, PluginWarning, stacklevel=2)


def distribution_of(entry: EntryPoint) -> str:
    """The name and version of the distribution that an entry point belongs to."""
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist is not None else "a plugin"
