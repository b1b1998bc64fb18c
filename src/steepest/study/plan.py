"""What a comparison will do, fixed before the first run: workloads, contestants, trials, seeds."""

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from .. import rules, schedules
from ..base.errors import InvalidValue
from ..base.spec import parse
from ..rules import Rule
from ..workloads import Problem
from .ranges import Range, Ranges, Settings, check_used, own_ranges, points

__all__ = ["LECTURE_FIVE", "SEARCH_SEEDS", "Contestant", "Goal", "Plan", "make_plan"]

LECTURE_FIVE = ("sgd", "momentum", "adagrad", "rmsprop", "adam")

SEARCH_SEEDS = 1000
"""Trials run on seeds 1000, 1001, ...; the winners are reported on seeds 1, 2, ... which no trial has seen."""


@dataclass(frozen=True)
class Goal:
    """A workload of the comparison.

    Attributes:
        name: the built-in name, or the path of the user's file.
        target: the value of its metric to reach.
    """

    name: str
    target: float


@dataclass(frozen=True)
class Contestant:
    """One optimizer on one workload.

    Attributes:
        workload: name of the workload.
        label: its name in tables and figures, unique on a workload and the same on every one.
        rule: the rule as text, such as `adam(betas=(0.9, 0.98))`.
        batch_size: examples a step; 0 where the workload has no such number.
        steps: updates a run.
        schedule: of the learning rate over the steps.
        ranges: what is searched, by name; empty where nothing is.
        trials: the settings of each trial.
    """

    workload: str
    label: str
    rule: str
    batch_size: int
    steps: int
    schedule: str = "constant"
    ranges: Ranges = field(default_factory=dict)
    trials: tuple[Settings, ...] = ()

    def make_rule(self, settings: Settings) -> Rule:
        """The rule at one trial's settings."""
        return rules.find(self.rule, **settings)


@dataclass(frozen=True)
class Plan:
    """A whole comparison, as data.

    Attributes:
        workloads: what is trained, each with its target.
        contestants: one for each optimizer (and batch size) on each workload.
        seeds: number of fresh seeds (1, 2, ...) that the winners are reported on.
        trials: number of trials of each contestant that has something to search.
        search_seeds: number of seeds (1000, 1001, ...) that every trial runs on.
        schedule: of everyone whose method has none of its own.
        ranges: those that the user gave, for optimizers that join later.
        first_search_seed: 1000, but for studies of the first version of steepest.
    """

    workloads: tuple[Goal, ...]
    contestants: tuple[Contestant, ...]
    seeds: int
    trials: int = 1
    search_seeds: int = 1
    schedule: str = "constant"
    ranges: Ranges = field(default_factory=dict)
    first_search_seed: int = SEARCH_SEEDS

    def to_json(self) -> str:
        """Text that `from_json` reads back."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Plan":
        """The plan that `to_json` wrote."""
        data = json.loads(text)
        workloads = tuple(Goal(**each) for each in data.pop("workloads"))
        contestants = tuple(
            Contestant(**each | {"trials": tuple(each["trials"]), "ranges": _pairs(each["ranges"])})
            for each in data.pop("contestants")
        )
        return cls(workloads, contestants, **data | {"ranges": _pairs(data["ranges"])})

    @property
    def runs(self) -> int:
        """Number of runs, trials and reports together."""
        return sum(len(each.trials) * self.search_seeds + self.seeds for each in self.contestants)

    @property
    def search_numbers(self) -> range:
        """The seeds that trials run on."""
        return range(self.first_search_seed, self.first_search_seed + self.search_seeds)

    @property
    def report_numbers(self) -> range:
        """The seeds that winners run on."""
        return range(1, self.seeds + 1)

    @property
    def short_names(self) -> dict[str, str]:
        """What each workload is called where there is little room, and in names of files: no two are alike."""
        found: dict[str, str] = {}
        for goal in self.workloads:
            first = name = _short(goal.name)
            number = 1
            while name in found.values():
                number += 1
                name = f"{first}-{number}"
            found[goal.name] = name
        return found

    def on(self, workload: str) -> "Plan":
        """The part of the plan that is about one workload."""
        goals = tuple(each for each in self.workloads if each.name == workload)
        contestants = tuple(each for each in self.contestants if each.workload == workload)
        return replace(self, workloads=goals, contestants=contestants)

    def places_on(self, workload: str) -> list[int]:
        """The places of a workload's contestants."""
        return [place for place, each in enumerate(self.contestants) if each.workload == workload]


def _short(workload: str) -> str:
    """The name of a user's file without its folder; settings of a built-in workload without parentheses."""
    name = Path(workload).stem if workload.endswith(".py") else workload
    return re.sub(r"[^\w.=+-]+", "-", name).strip("-.") or "workload"


def _pairs(ranges: dict[str, list[float]]) -> dict[str, Range]:
    return {name: (low, high) for name, (low, high) in ranges.items()}


def make_plan(
    workloads: Problem | Sequence[Problem],
    optimizers: Sequence[str] = LECTURE_FIVE,
    *,
    trials: int = 16,
    seeds: int = 10,
    search_seeds: int = 1,
    steps: int | None = None,
    target: float | None = None,
    batch_sizes: Sequence[int | str] | None = None,
    schedule: str = "constant",
    ranges: Ranges | None = None,
) -> Plan:
    """The plan of a comparison: every optimizer gets the same number of trials, at the same places of its range.

    With several batch sizes each optimizer competes once with each, and runs as long as it takes to see as many
    examples as the workload's own batch size and steps do (or `steps` steps, if given). The schedule is everyone's,
    but for rules that say one is part of their method.

    Raises:
        InvalidValue: a number out of range, an unknown rule or schedule, a range nobody searches, a contestant named
            twice.
    """
    chosen = [workloads] if isinstance(workloads, Problem) else list(workloads)
    _check_workloads(chosen, target)
    check_count("trials", trials)
    check_count("seeds", seeds, SEARCH_SEEDS - 1)
    check_count("search-seeds", search_seeds)
    if steps is not None:
        check_count("steps", steps)
    if batch_sizes is not None and not batch_sizes:
        raise InvalidValue("batch-size: name at least one")
    specs = expand(optimizers)
    given = dict(ranges or {})
    check_used(given, {spec: rules.find(spec) for spec in specs})
    goals = tuple(Goal(each.name, each.target if target is None else float(target)) for each in chosen)
    plan = Plan(goals, (), seeds, trials, search_seeds, schedules.name_of(schedule), given)
    lengths = {each.name: _lengths(each, steps, batch_sizes) for each in chosen}
    return with_contestants(
        plan, [new_contestant(plan, name, spec, *each) for name in lengths for spec in specs for each in lengths[name]]
    )


def with_contestants(plan: Plan, contestants: Sequence[Contestant]) -> Plan:
    """The plan with these contestants.

    Raises:
        InvalidValue: two on one workload have the same name.
    """
    seen = set()
    for each in contestants:
        if (each.workload, each.label) in seen:
            raise InvalidValue(f"optimizers: {each.label!r} is there twice")
        seen.add((each.workload, each.label))
    return replace(plan, contestants=tuple(contestants))


def _check_workloads(workloads: Sequence[Problem], target: float | None) -> None:
    names = [each.name for each in workloads]
    if not names:
        raise InvalidValue("workload: name at least one")
    for name in names:
        if names.count(name) > 1:
            raise InvalidValue(f"workload: {name!r} is there twice")
    if target is not None and not _is_finite(target):
        raise InvalidValue(f"target: must be a finite number, got {target!r}")
    if target is not None and len(names) > 1:
        raise InvalidValue("target: one number cannot suit several workloads; leave each its own")


def _lengths(problem: Problem, steps: int | None, sizes: Sequence[int | str] | None) -> list[tuple[str, int, int]]:
    """What is added to the label, batch size and number of steps, for each batch size that competes."""
    if sizes is None:
        return [("", problem.batch_size or 0, steps or problem.steps)]
    if problem.batch_size is None:
        raise InvalidValue(f"batch-size: {problem.name} has none that could be set; leave it out")
    count, lengths = problem.examples(), []
    for size in map(_batch_size, sizes):
        if count is None and not size:
            raise InvalidValue(f"batch-size: {problem.name} does not say how many examples all are; give a number")
        taken = size if count is None else min(size or count, count)
        length = steps or max(1, round(problem.steps * problem.batch_size / taken))
        lengths.append((f" (batch {size or 'all'})", taken, length))
    return lengths


def new_contestant(plan: Plan, workload: str, spec: str, mark: str, batch_size: int, steps: int) -> Contestant:
    """An optimizer under the plan's conditions; `mark` is what is added to its label."""
    rule = rules.find(spec)
    searched = own_ranges(spec, rule, plan.ranges)
    if "lr" not in searched and "lr" not in dict(parse(spec).kwargs):
        raise InvalidValue(
            f"{rule.title}: declares no range of learning rates to search; give one, {spec}(lr=...) or --range lr=..."
        )
    schedule = plan.schedule if rule.own_schedule is None else rule.own_schedule
    trials = trials_of(spec, searched, plan.trials)
    return Contestant(workload, label_of(spec) + mark, spec, batch_size, steps, schedule, searched, trials)


def trials_of(spec: str, searched: Ranges, count: int, skip: int = 0) -> tuple[Settings, ...]:
    """The settings of trials number `skip` and on; a rule with nothing to search has one, at its learning rate."""
    rule = rules.find(spec)
    if not searched:
        return ({"lr": float(rule.lr)},)[skip:]
    whole = frozenset(name for name in searched if isinstance(rule.defaults()[name], int))
    fixed = {} if "lr" in searched else {"lr": float(rule.lr)}
    return tuple({**fixed, **point} for point in points(searched, count, skip, whole))


def limits_of(contestant: Contestant) -> Ranges:
    """What the searched settings must stay between, beside the learning rate, which is only to be above 0."""
    if set(contestant.ranges) <= {"lr"}:
        return {}
    known = rules.find(contestant.rule).hyperparameters()
    return {name: known[name].metadata["facts"].limits for name in contestant.ranges}


def expand(optimizers: Sequence[str]) -> list[str]:
    """The optimizers as text, one a rule; a rule file stands for all rules in it."""
    if not optimizers:
        raise InvalidValue("optimizers: name at least one")
    return [spec for each in optimizers for spec in _expand(each)]


def _expand(optimizer: str) -> list[str]:
    file, found, text = optimizer.rpartition(".py")
    if not found:
        return [optimizer]
    path = Path(f"{file}.py").expanduser().resolve()  # a study may go on from another folder
    return [f"{path}{text}"] if text else [f"{path}:{name}" for name in rules.names_in_file(path)]


def label_of(spec: str) -> str:
    """What a rule given as text is called: its title and what was changed."""
    changed = [f"{name}={value}" for name, value in parse(spec).kwargs]
    return f"{rules.find(spec).title} {', '.join(changed)}".strip()


def check_count(name: str, count: int, most: int | None = None) -> None:
    """See that a number is a whole one from 1 (to `most`)."""
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise InvalidValue(f"{name}: must be a whole number from 1, got {count!r}")
    if most is not None and count > most:
        raise InvalidValue(f"{name}: must be at most {most}, got {count}")


def _batch_size(size: int | str) -> int:
    """Examples a step; 0 stands for all of them."""
    if size == "all":
        return 0
    try:
        number = int(size)
    except ValueError:
        number = -1
    if number < 1:
        raise InvalidValue(f"batch-size: must be whole numbers from 1, or all; got {size!r}")
    return number


def _is_finite(number: object) -> bool:
    return isinstance(number, int | float) and not isinstance(number, bool) and abs(number) < float("inf")
