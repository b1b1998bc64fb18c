"""Rules whose parameters share numbers, as Prodigy's do its distance: all groups are measured before any is stepped."""

import math
from collections.abc import Sequence
from typing import Any

from ..base.errors import InvalidValue
from ..rules import Rule
from . import eager, half, sharded
from .eager import Triple

__all__ = ["Together", "check_settings"]

Group = dict[str, Any]


class Together:
    """One step of the parameters of all groups of a rule that share numbers; with sharded parameters, on all ranks.

    The shared numbers are kept in every one of the groups, by name, so that a checkpoint has them.

    Args:
        groups: all of the rule's groups, with those that have no gradients now.
    """

    def __init__(self, groups: Sequence[Group]) -> None:
        self._groups = groups
        self._known: dict[str, Any] = {}
        self._measured: list[tuple[Any, ...]] = []
        self._prepared: dict[int, list[tuple[Triple, tuple[Any, ...]]]] = {}
        self._sums: tuple[Any, ...] | None = None

    def measure(self, rule: Rule, triples: Sequence[Triple], group: Group) -> None:
        """Measure the parameters of a group, which changes nothing."""
        if not self._known:
            initial = rule.init(triples[0][0])
            holder = next((each for each in self._groups if all(name in each for name in rule.shared)), {})
            self._known = {name: holder.get(name, initial[name]) for name in rule.shared}
        wide = [half.widened(triple, group) for triple in triples]
        calls = [eager.arguments_of(rule, *triple, group["maximize"], self._known) for triple in wide]
        self._measured += [tuple(rule.measure(*call)) for call in calls]
        self._prepared[id(group)] = list(zip(wide, calls, strict=True))

    def step(self, rule: Rule, triples: Sequence[Triple], group: Group) -> None:
        """Step the parameters of a group, after those of all groups were measured."""
        if self._sums is None:
            flat = sharded.numbers([number for row in self._measured for number in row])
            count = len(self._measured[0])
            self._sums = tuple(_sum(flat[column::count]) for column in range(count))
        for (narrow, *_), ((param, _, state), call) in zip(triples, self._prepared[id(group)], strict=True):
            result = rule.update(*call, shared=self._sums)  # type: ignore[call-arg]
            shared = eager.apply(rule, param, state, call, result)
            half.write_back(narrow, param, state, group)
        for each in self._groups:
            each.update(shared)


def _sum(numbers: Sequence[Any]) -> Any:
    """The sum, rounded once, so that it does not depend on the order of the parameters; a tensor where it is recorded.

    >>> _sum([1e16, 1.0, -1e16])
    1.0
    """
    if any(getattr(number, "requires_grad", False) for number in numbers):
        return sum(numbers)
    plain = [float(number) for number in numbers]
    try:
        return math.fsum(plain)
    except (OverflowError, ValueError):  # an infinity of each sign
        return sum(plain)


def check_settings(name: str, rule: Rule, first: Rule) -> None:
    """Refuse a group whose settings would make other shared numbers than those of the first group."""
    for setting in rule.shared_settings:
        if getattr(rule, setting) != getattr(first, setting):
            shared = ", ".join(rule.shared)
            raise InvalidValue(f"{name}: {setting} must be the same in all groups, which share {shared}")
