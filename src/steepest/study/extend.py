"""More of a study that is there already: other rules, more seeds, more trials, wider ranges."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from . import plan as plans
from .plan import SEARCH_SEEDS, Contestant, Plan, check_count, trials_of
from .ranges import Range

__all__ = ["add_rules", "add_seeds", "add_trials", "widen"]


def add_rules(plan: Plan, optimizers: Sequence[str]) -> Plan:
    """The plan with more optimizers, under the same conditions: as many trials, the same seeds, batches and steps."""
    lengths = dict.fromkeys(
        (each.workload, each.label.removeprefix(plans.label_of(each.rule)), each.batch_size, each.steps)
        for each in plan.contestants
    )
    added = [
        plans.new_contestant(plan, name, spec, mark, batch_size, steps)
        for spec in plans.expand(optimizers)
        for name, mark, batch_size, steps in lengths
    ]
    return plans.with_contestants(plan, [*plan.contestants, *added])


def add_seeds(plan: Plan, count: int) -> Plan:
    """The plan with so many more seeds that winners are reported on."""
    check_count("add-seeds", count, SEARCH_SEEDS - 1 - plan.seeds)
    return replace(plan, seeds=plan.seeds + count)


def add_trials(plan: Plan, count: int) -> Plan:
    """The plan with so many more trials for every contestant, the next ones of its sequence."""
    check_count("add-trials", count)
    return _with_trials(plan, count, {})


def widen(plan: Plan, edges: Mapping[str, pd.DataFrame]) -> Plan:
    """The plan with half as many trials again, for all: the chances stay equal.

    Whoever's best trial was at an edge tries them beyond it; whoever's was not, within the range that it has.

    Args:
        plan: what was done.
        edges: by workload, where best trials lie near the end of a range; see `steepest.statistics.edges`.
    """
    return _with_trials(plan, max(1, plan.trials // 2), edges)


def _with_trials(plan: Plan, count: int, edges: Mapping[str, pd.DataFrame]) -> Plan:
    contestants = []
    for each in plan.contestants:
        found = edges.get(each.workload)
        own = [] if found is None else list(found[found["label"] == each.label].itertuples())
        contestants.append(_searching_on(each, count, own))
    return replace(plan, trials=plan.trials + count, contestants=tuple(contestants))


def _searching_on(contestant: Contestant, count: int, edges: Sequence[Any]) -> Contestant:
    ranges = contestant.ranges
    if not ranges:  # all is given by hand
        return contestant
    if edges:
        beyond = {each.name: _beyond(each) for each in edges}
        new = trials_of(contestant.rule, {**ranges, **beyond}, count)
        ranges = {**ranges, **{each.name: (each.next_low, each.next_high) for each in edges}}
    else:
        new = trials_of(contestant.rule, ranges, count, skip=len(contestant.trials))
    return replace(contestant, trials=(*contestant.trials, *new), ranges=ranges)


def _beyond(edge: Any) -> Range:
    """The part of the wider range that was not searched."""
    return (edge.next_low, edge.low) if edge.side == "low" else (edge.high, edge.next_high)
