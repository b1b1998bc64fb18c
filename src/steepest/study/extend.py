"""Extensions of an existing plan: more rules, more seeds, more trials, wider ranges."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from .. import rules, workloads
from ..base.errors import InvalidValue
from ..schedules import OF_THE_WORKLOAD
from .contestants import expand, new_contestant, points_of, trials_of, with_contestants
from .plan import MOST_TRIALS, SEARCH_SEEDS, Contestant, Plan, check_count
from .planning import check_batch_sizes, check_externals
from .ranges import Ranges, check_used, normalized, with_span

__all__ = ["add_rules", "add_seeds", "add_trials", "widen"]


def add_rules(plan: Plan, optimizers: Sequence[str], ranges: Ranges | None = None) -> Plan:
    """The plan with more optimizers, under the same conditions: as many trials, the same seeds, batches and steps.

    Args:
        plan: what is planned so far.
        optimizers: as in `make_plan`.
        ranges: what to search for these optimizers instead of what they declare, as in `make_plan`.

    Raises:
        InvalidValue: an optimizer is unknown, or in the plan already, or none of them has a setting that a range names.
    """
    references = expand(optimizers)
    if ranges:
        if plan.search in ("grid", "list"):
            raise InvalidValue(
                f"range: this study tries a {plan.search} of settings instead of ranges; give the settings of an"
                " optimizer in its name, as in adam(lr=0.01)"
            )
        check_used(ranges := normalized(ranges), references)
        check_batch_sizes(ranges, [workloads.find(goal.name) for goal in plan.workloads], None, bool(plan.rungs))
        plan = replace(plan, ranges={**plan.ranges, **ranges})
    if plan.equal == "seconds":
        raise InvalidValue(
            "add-rules: this study gives every optimizer the same seconds, of which a new one's are not known; begin"
            " another with all of them"
        )
    lengths = dict.fromkeys(  # an ordered set
        (
            contestant.workload, contestant.label.removeprefix(rules.resolve(contestant.rule).label),
            contestant.batch_size, contestant.steps,
        )
        for contestant in plan.contestants
    )  # fmt: skip
    own_schedules = {one.workload for one in plan.contestants if one.schedule == OF_THE_WORKLOAD}
    added = [
        new_contestant(plan, name, reference, mark, batch_size, steps, own_schedule=name in own_schedules)
        for reference in references
        for name, mark, batch_size, steps in lengths
    ]
    extended = with_contestants(plan, [*plan.contestants, *added])
    check_externals(workloads.find, added)
    return extended


def add_seeds(plan: Plan, count: int) -> Plan:
    """The plan with `count` more report seeds, which the winners run on; at most 999 in all. Planned looks end."""
    check_count("add-seeds", count, SEARCH_SEEDS - 1 - plan.seeds)
    return replace(plan, seeds=plan.seeds + count, looks=())


def add_trials(plan: Plan, count: int) -> Plan:
    """The plan with `count` more trials in every search, the next points of its quasi-random sequence."""
    check_count("add-trials", count, MOST_TRIALS)
    if plan.search in ("grid", "list"):
        raise InvalidValue("add-trials: a grid or list of settings has no further ones; make a new study of more")
    if plan.is_adaptive:  # its sampler draws them when the others are done
        return replace(plan, trials=plan.trials + count)
    return _with_trials(plan, count, {})


def widen(plan: Plan, edges: Mapping[str, pd.DataFrame]) -> Plan:
    """The plan with half as many trials again in every search, so that all contestants keep the same number.

    A contestant whose best trial lies at an edge gets them beyond that edge; any other within the range that it has.

    Args:
        plan: the plan that has been carried out.
        edges: by workload, the best trials near the end of a range; see `steepest.statistics.edges`.
    """
    return _with_trials(plan, max(1, plan.trials // 2), edges)


def _with_trials(plan: Plan, count: int, edges: Mapping[str, pd.DataFrame]) -> Plan:
    contestants = []
    for contestant in plan.contestants:
        table = edges.get(contestant.workload)
        own_edges = [] if table is None else list(table[table["label"] == contestant.label].itertuples())
        share = len(contestant.trials) / (plan.searches * plan.trials) if plan.equal == "seconds" else 1
        contestants.append(_extended(plan, contestant, max(1, round(count * share)), own_edges))
    return replace(plan, trials=plan.trials + count, contestants=tuple(contestants))


def _extended(plan: Plan, contestant: Contestant, count: int, edges: Sequence[Any]) -> Contestant:
    """The contestant with `count` more trials a search: beyond its edges, or if there are none, within its ranges."""
    ranges = contestant.ranges
    if not ranges:  # every setting is fixed by the user
        return contestant
    defaults = contestant.defaults()
    if edges:
        unsearched = {
            edge.name: (edge.next_low, edge.low) if edge.side == "low" else (edge.high, edge.next_high)
            for edge in edges
        }
        beyond = {name: with_span(ranges[name], ends, alone=True) for name, ends in unsearched.items()}
        new = points_of(defaults, {**ranges, **beyond}, count, plan)
        wider = {edge.name: with_span(ranges[edge.name], (edge.next_low, edge.next_high)) for edge in edges}
        ranges = {**ranges, **wider}
    else:
        new = trials_of(defaults, ranges, count, plan, skip=len(contestant.trials) // plan.searches)
    return replace(contestant, trials=(*contestant.trials, *new), ranges=ranges)
