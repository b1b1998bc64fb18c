"""The plan of a comparison, fixed before the first run: workloads, contestants, their trials and seeds."""

import json
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from .. import rules, schedules
from ..base.checks import check_whole
from ..base.decode import decode, parse_json
from ..base.errors import InvalidValue, SteepestError
from ..rules import External, Reference, Rule
from ..rules.external import REQUIRED
from ..schedules import OF_THE_WORKLOAD
from ..workloads import Problem
from .devices import DEFAULT
from .early import EARLY_STOPPING, Rung, kept, pauses
from .looks import looks_of
from .ranges import (
    RUN_SETTINGS,
    Range,
    Ranges,
    Settings,
    check_used,
    dimension_of,
    normalized,
    own_ranges,
    points,
    values_of,
)
from .space import Value

__all__ = ["FINALISTS", "LECTURE_FIVE", "SEARCH_SEEDS", "Contestant", "Goal", "Plan", "make_plan"]

LECTURE_FIVE = ("sgd", "momentum", "adagrad", "rmsprop", "adam")
"""The optimizers that a comparison takes by default."""

SEARCH_SEEDS = 1000
"""Trials run on seeds 1000, 1001, ...; the winners are reported on seeds 1, 2, ... which no trial has seen."""

SEARCHES = 2
"""Independent searches of each contestant by default: the fewest that show by how much searches differ."""

FINALISTS = 4
"""The best trials of a search on its first seed; these run on its other seeds, too, and one of them wins."""


SCRAMBLES = 1000
"""Scrambles kept for each `points_seed`, so that no two share one: more than there are searches."""


MOST_TRIALS, MOST_SEARCH_SEEDS, MOST_STEPS, MOST_POINTS_SEED = 10_000, 1_000, 10**8, 10**12
"""More is a mistake in typing: it would take years, and the memory that a plan has."""


@dataclass(frozen=True)
class Goal:
    """A workload of the comparison and the target to reach on it.

    Attributes:
        name: the built-in name, or the path of the user's file.
        target: the value of its metric to reach.
    """

    name: str
    target: float


class Conditions(NamedTuple):
    """Examples a step, steps, and the schedule of the learning rate."""

    batch_size: int
    steps: int
    schedule: str


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
        ranges: what is searched, by name of the setting; empty where all settings are fixed.
        trials: the settings of each trial.
        run_settings: the names in `ranges` and `trials` that are settings of the run, not of the rule.
    """

    workload: str
    label: str
    rule: str
    batch_size: int
    steps: int
    schedule: str = "constant"
    ranges: Ranges = field(default_factory=dict)
    trials: tuple[Settings, ...] = ()
    run_settings: tuple[str, ...] = ()

    def rule_settings(self, settings: Settings) -> Settings:
        """Those of a trial's settings that are the rule's."""
        return {name: value for name, value in settings.items() if name not in self.run_settings}

    def make_rule(self, settings: Settings) -> Rule:
        """The rule at one trial's settings."""
        return rules.find(self.rule, **self.rule_settings(settings))

    def conditions(self, settings: Settings) -> Conditions:
        """The conditions of a trial's runs: at another batch size, they see as many examples."""
        own = {name: settings[name] for name in self.run_settings}
        size, schedule = int(own.get("batch_size", self.batch_size)), str(own.get("schedule", self.schedule))  # type: ignore[arg-type]
        steps = self.steps if size == self.batch_size else max(1, round(self.steps * self.batch_size / size))
        return Conditions(size, steps, schedules.warmed_up(schedule, float(own.get("warmup", 0.0))))  # type: ignore[arg-type]

    def defaults(self) -> Settings:
        """The value of every setting where it is not searched."""
        run = {"batch_size": self.batch_size, "schedule": self.schedule, "warmup": 0.0}
        return {**run, **values_of(self.make_rule({}))}


@dataclass(frozen=True)
class Plan:
    """A whole comparison, as data.

    Attributes:
        workloads: the workloads to train, each with its target.
        contestants: one for each optimizer (and batch size) on each workload.
        seeds: number of fresh seeds (1, 2, ...) that the winners are reported on.
        trials: number of trials in each search of a contestant that has something to search.
        search_seeds: number of seeds of a search (1000, 1001, ...; the next search has the next ones).
        schedule: of all contestants whose method has none of its own.
        ranges: the ranges given by the user, kept for optimizers that are added later.
        first_search_seed: 1000; 0 in studies of the first version of steepest.
        searches: number of independent searches of each contestant. Trial 0 is the first of search 0, trial 1 the first
            of search 1, and so on in turns.
        finalists: number of trials of a search that run on all its seeds, the best on its first one; None in studies of
            older versions: all.
        points_seed: of the scrambles that the trials' settings are drawn with.
        default_trial: whether the first trial of each search has the rule's defaults in the place of its point; not in
            studies of older versions.
        devices: where the study began to train, all of one kind, as torch names them; each run says where it was done.
        rungs: where hopeless trials stop early; empty: nowhere.
        looks: numbers of seeds at which is looked whether the first is told apart; empty: once, at `seeds`.
    """

    workloads: tuple[Goal, ...]
    contestants: tuple[Contestant, ...]
    seeds: int
    trials: int = 1
    search_seeds: int = 1
    schedule: str = "constant"
    ranges: Ranges = field(default_factory=dict)
    first_search_seed: int = SEARCH_SEEDS
    searches: int = 1
    finalists: int | None = None
    points_seed: int = 0
    default_trial: bool = False
    devices: tuple[str, ...] = DEFAULT
    rungs: tuple[Rung, ...] = ()
    looks: tuple[int, ...] = ()

    def to_json(self) -> str:
        """Text that `from_json` reads back."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Plan":
        """The plan that `to_json` wrote.

        Raises:
            InvalidValue: the text is no plan.
        """
        plan: Plan = decode(cls, parse_json(text, "plan"), "plan")
        return plan

    @property
    def runs(self) -> int:
        """Number of runs, trials and reports together."""
        return sum(self.search_runs(contestant) + self.seeds for contestant in self.contestants)

    def search_runs(self, contestant: Contestant) -> int:
        """Number of runs in the searches of a contestant."""
        trials = len(contestant.trials)
        if self.finalists is None:
            return trials * self.search_seeds
        searches = min(self.searches, trials)
        return trials + searches * self.finalists_of(contestant) * (self.search_seeds - 1)

    def finalists_of(self, contestant: Contestant) -> int:
        """Number of finalists in each search of a contestant; none where there is nothing to choose from."""
        trials = len(contestant.trials) // min(self.searches, len(contestant.trials))
        return min(self.finalists or trials, trials) if trials > 1 else 0

    def pauses_of(self, contestant: Contestant) -> dict[int, int]:
        """The steps at which a contestant's trials pause, with the number of each search's that go on."""
        if not (least := self.finalists_of(contestant)):
            return {}
        trials = len(contestant.trials) // self.searches
        stops = pauses(self.rungs, contestant.steps)
        return {step: count for step, keep in stops.items() if (count := kept(keep, trials, least)) < trials}

    def search_of(self, trial: int) -> int:
        """The search that a trial belongs to."""
        return trial % self.searches

    def is_default(self, contestant: Contestant, trial: int) -> bool:
        """Whether a trial has the rule's defaults."""
        return self.default_trial and bool(contestant.ranges) and trial < self.searches

    def seeds_of(self, trial: int) -> range:
        """The seeds of a trial's search; every trial of the search runs on the first."""
        first = self.first_search_seed + self.search_of(trial) * self.search_seeds
        return range(first, first + self.search_seeds)

    @property
    def search_numbers(self) -> range:
        """The seeds that trials run on."""
        return range(self.first_search_seed, self.first_search_seed + self.searches * self.search_seeds)

    def reported_search(self, seed: int) -> int:
        """The search whose winner runs on a report seed: the searches take turns."""
        return (seed - 1) % self.searches

    @property
    def report_numbers(self) -> range:
        """The seeds that winners run on."""
        return range(1, self.seeds + 1)

    @property
    def short_names(self) -> dict[str, str]:
        """A short name of each workload, unique, for headings and file names: no folders, no parentheses."""
        short_names: dict[str, str] = {}
        for goal in self.workloads:
            name = Path(goal.name).stem if goal.name.endswith(".py") else goal.name
            first = name = re.sub(r"[^\w.=+-]+", "-", name).strip("-.") or "workload"
            number = 1
            while name in short_names.values():
                number += 1
                name = f"{first}-{number}"
            short_names[goal.name] = name
        return short_names

    def on(self, workload: str) -> "Plan":
        """The part of the plan that is about one workload."""
        goals = tuple(goal for goal in self.workloads if goal.name == workload)
        contestants = tuple(contestant for contestant in self.contestants if contestant.workload == workload)
        return replace(self, workloads=goals, contestants=contestants)

    def indices_on(self, workload: str) -> list[int]:
        """The indices of a workload's contestants."""
        return [index for index, contestant in enumerate(self.contestants) if contestant.workload == workload]


def make_plan(
    workloads: Problem | Sequence[Problem],
    optimizers: Sequence[str] = LECTURE_FIVE,
    *,
    trials: int = 32,
    seeds: int = 12,
    searches: int | None = None,
    search_seeds: int = 3,
    points_seed: int = 0,
    steps: int | None = None,
    target: float | None = None,
    batch_sizes: Sequence[int | str] | None = None,
    schedule: str | None = None,
    ranges: Ranges | None = None,
    devices: tuple[str, ...] = DEFAULT,
    stop_early: bool = False,
    until: int | None = None,
) -> Plan:
    """The plan of a comparison: every optimizer gets the same number of trials, at the same positions in its range.

    Args:
        workloads: one or several.
        optimizers: rules as text, such as `adam(betas=(0.9, 0.98))`, or classes of optimizers, such as
            `torch.optim:Rprop`; a file stands for all rules and classes in it.
        trials: settings of each search of a contestant: the rule's default in the place of the first of as many
            quasi-random points.
        seeds: fresh seeds that the winners are reported on, at most 999.
        searches: independent searches of each contestant, at most as many as `seeds`; their winners take turns on the
            report seeds. What they differ by shows how much of a result is luck of the search. Default: 2 (1 with one
            seed).
        search_seeds: seeds of a search. Every trial runs on the first; the four best run on the others, too.
        points_seed: of the scrambles of the quasi-random points.
        steps: updates a run. Default: the workload's own number.
        target: value of the metric to reach, of a single workload. Default: the workload's own.
        batch_sizes: examples a step, or `"all"`; each optimizer competes once with each. A run is then as long as it
            takes to see as many examples as the workload's own batch size and steps do, unless `steps` is given.
            Default: the workload's own size.
        schedule: of all contestants, except those whose rule declares one as part of its method: a name, or a scheduler
            of an installed module, such as `torch.optim.lr_scheduler:OneCycleLR`. Default: the workload's `scheduler`,
            or constant where it has none.
        ranges: what to search instead of the declared ranges, by `name` or `rule.name`: `(low, high)`, a list of
            values, or a text of the grammar in `steepest.study.space`. `batch_size`, `schedule` and `warmup` (share of
            the steps) can be searched too; at each batch size a run sees as many examples.
        devices: where to train; see `steepest.study.devices`.
        stop_early: whether hopeless trials stop early, see `steepest.study.early`.
        until: the number of seeds up to which seeds are added until the first is told apart, see
            `steepest.study.looks`. Default: none is added.

    Raises:
        InvalidValue: a number out of range, a range that no optimizer searches, a contestant named twice.
        UnknownName: no rule or schedule has this name.

    >>> from steepest.workloads import find
    >>> plan = make_plan(find("quadratic"), ["sgd", "adam(lr=0.1)"], trials=4, seeds=2)
    >>> [(contestant.label, len(contestant.trials)) for contestant in plan.contestants], plan.runs
    ([('SGD', 8), ('Adam lr=0.1', 1)], 29)
    """
    chosen = [workloads] if isinstance(workloads, Problem) else list(workloads)
    _check_workloads(chosen, target)
    check_count("trials", trials, MOST_TRIALS)
    check_count("seeds", seeds, SEARCH_SEEDS - 1)
    searches = min(SEARCHES, seeds) if searches is None else searches
    check_count("searches", searches, seeds)
    check_count("search-seeds", search_seeds, MOST_SEARCH_SEEDS)
    check_whole("points-seed", points_seed, 0, MOST_POINTS_SEED)
    if steps is not None:
        check_count("steps", steps, MOST_STEPS)
    if batch_sizes is not None and not batch_sizes:
        raise InvalidValue("batch-size: name at least one")
    references = expand(optimizers)
    user_ranges = normalized(ranges or {})
    check_used(user_ranges, references)
    _check_batch_sizes(user_ranges, chosen, batch_sizes, stop_early)
    goals = tuple(Goal(workload.name, workload.target if target is None else float(target)) for workload in chosen)
    plan = Plan(
        goals, (), seeds, trials, search_seeds, _schedule(chosen, schedule), user_ranges,
        searches=searches, finalists=FINALISTS, points_seed=points_seed, default_trial=True,
        devices=devices,
        rungs=EARLY_STOPPING if stop_early else (),
        looks=() if until is None else looks_of(seeds, until),
    )  # fmt: skip
    lengths = {workload.name: _lengths(workload, steps, batch_sizes) for workload in chosen}
    own_schedules = {problem.name for problem in chosen if problem.scheduler is not None}
    contestants = [
        new_contestant(plan, name, reference, *length, own_schedule=name in own_schedules)
        for name in lengths for reference in references for length in lengths[name]
    ]  # fmt: skip
    plan = with_contestants(plan, contestants)
    check_externals({workload.name: workload for workload in chosen}.__getitem__, plan.contestants)
    return plan


def check_externals(find: Callable[[str], Problem], contestants: Sequence[Contestant]) -> None:
    """See that those whose optimizer or scheduler is not steepest's can train their workloads, or raise."""
    own = [one for one in contestants if _is_external(one)]
    for text, steps in {(one.schedule, one.steps) for one in own if schedules.is_scheduler(one.schedule)}:
        schedules.check_scheduler(text, steps)
    if own:
        from .fitting import check_fits  # imports torch, which a plan that is read does without

        for contestant in own:
            check_fits(find(contestant.workload), contestant)


def _is_external(contestant: Contestant) -> bool:
    of_schedule = contestant.schedule == OF_THE_WORKLOAD or schedules.is_scheduler(contestant.schedule)
    return of_schedule or issubclass(rules.resolve(contestant.rule).rule_class, External)


def _schedule(problems: Sequence[Problem], schedule: str | None) -> str:
    """The schedule of the plan, as it is stored; one beside a workload's own contradicts that."""
    if schedule is None:
        return "constant"
    for problem in problems:
        if problem.scheduler is not None:
            raise InvalidValue(f"schedule: {problem.name} has a `scheduler` of its own; leave out one of the two")
    return schedules.name_of(schedule)


def with_contestants(plan: Plan, contestants: Sequence[Contestant]) -> Plan:
    """The plan with these contestants.

    Raises:
        InvalidValue: two on one workload have the same name.
    """
    seen = set()
    for contestant in contestants:
        if (contestant.workload, contestant.label) in seen:
            hint = "give one of the two other settings, or its class another `title`"
            raise InvalidValue(f"optimizers: {contestant.label!r} is there twice; {hint}")
        seen.add((contestant.workload, contestant.label))
    return replace(plan, contestants=tuple(contestants))


def _check_workloads(workloads: Sequence[Problem], target: float | None) -> None:
    names = [workload.name for workload in workloads]
    if not names:
        raise InvalidValue("workload: name at least one")
    for name in names:
        if names.count(name) > 1:
            raise InvalidValue(f"workload: {name!r} is there twice")
    if isinstance(target, bool) or not (target is None or (isinstance(target, int | float) and math.isfinite(target))):
        raise InvalidValue(f"target: must be a finite number, got {target!r}")
    if target is not None and len(names) > 1:
        raise InvalidValue("target: one number cannot suit several workloads; leave each its own")


def _lengths(problem: Problem, steps: int | None, sizes: Sequence[int | str] | None) -> list[tuple[str, int, int]]:
    """For each batch size that competes: a suffix of the label, the batch size and the number of steps."""
    if sizes is None:
        return [("", problem.batch_size or 0, steps or problem.steps)]
    if problem.batch_size is None:
        raise InvalidValue(f"batch-size: {problem.name} has none that could be set; leave it out")
    count, lengths = problem.examples(), []
    for size in map(_batch_size, sizes):
        if count is None and not size:
            raise InvalidValue(f"batch-size: {problem.name} does not say how many examples all are; give a number")
        batch_size = size if count is None else min(size or count, count)
        length = steps or max(1, round(problem.steps * problem.batch_size / batch_size))
        lengths.append((f" (batch {size or 'all'})", batch_size, length))
    return lengths


def new_contestant(
    plan: Plan, workload: str, reference: Reference, suffix: str, batch_size: int, steps: int,
    own_schedule: bool = False,
) -> Contestant:  # fmt: skip
    """An optimizer under the plan's conditions; `suffix` is added to its label.

    `own_schedule` says whether the workload has a scheduler of its own.

    Raises:
        InvalidValue: it has no learning rate to search, and none is given.
    """
    rule, text = reference.rule(), reference.text
    schedule = rule.own_schedule or (OF_THE_WORKLOAD if own_schedule else plan.schedule)
    run: dict[str, Any] = {"batch_size": batch_size} if batch_size else {}
    if schedule == OF_THE_WORKLOAD or schedules.is_scheduler(schedule):
        _refuse_schedules(plan.ranges, rule, schedule)
    elif rule.own_schedule is None:
        run |= {"schedule": schedule, "warmup": 0.0}
    searched = own_ranges(reference, plan.ranges, run)
    if "lr" in rule.hyperparameters() and "lr" not in searched and "lr" not in reference.settings:
        raise InvalidValue(
            f"{rule.title}: declares no range of learning rates to search; give one, {text}(lr=...) or --range lr=..."
        )
    if isinstance(rule, External):
        for name in rule.missing:
            if name not in searched:
                remedy = f"give it, {text}({name}=...) or --range {name}=low:high"
                raise InvalidValue(f"{rule.title}: {name} has no default; {remedy}")
    run_settings = tuple(name for name in RUN_SETTINGS if name in searched and name not in rule.hyperparameters())
    made = Contestant(
        workload, reference.label + suffix, text, batch_size, steps, schedule, searched, run_settings=run_settings
    )
    made = replace(made, trials=trials_of({**run, **values_of(rule)}, searched, plan.trials, plan))
    _check_trials(made)
    return made


def _refuse_schedules(ranges: Ranges, rule: Rule, schedule: str) -> None:
    """Raise where schedules are searched beside a scheduler, which acts on the optimizer itself."""
    for name in ranges:
        if (setting := name.rpartition(".")[2]) in ("schedule", "warmup") and setting not in rule.hyperparameters():
            of = "the workload's `scheduler`" if schedule == OF_THE_WORKLOAD else schedule
            raise InvalidValue(f"range: {name}: cannot be searched beside {of}; leave out one of the two")


def _check_trials(contestant: Contestant) -> None:
    """Check that the rule takes the settings of every trial together; of plain ranges the ends were tried."""
    if all(isinstance(stored, tuple) for stored in contestant.ranges.values()):
        return
    for settings in contestant.trials:
        try:
            contestant.make_rule(settings)
        except SteepestError as error:
            shown = ", ".join(f"{name}={value}" for name, value in settings.items())
            hint = "add a condition, such as nesterov=true,false if momentum!=0"
            raise InvalidValue(f"range: {contestant.label}: cannot be tried at {shown} ({error}); {hint}") from None


def trials_of(defaults: Settings, searched: Ranges, count: int, plan: Plan, skip: int = 0) -> tuple[Settings, ...]:
    """The settings of `count` trials of each search, in turns; a rule with nothing to search has one, at its rate.

    Args:
        defaults: the value of every setting where it is not searched.
        searched: what is searched, by name of the setting.
        count: number of trials of each search.
        plan: for the number of searches and their scrambles, and whether the first trial has the defaults.
        skip: number of trials of each search that exist already.
    """
    fixed = {} if "lr" in searched or "lr" not in defaults else {"lr": float(defaults["lr"])}  # type: ignore[arg-type]
    if not searched:
        return (fixed,)[skip:]
    found = points_of(defaults, searched, count, plan, skip)
    if skip or not plan.default_trial:
        return found
    default = {**fixed, **{name: _default(defaults[name], stored) for name, stored in searched.items()}}
    return (default,) * plan.searches + found[plan.searches :]


def _default(value: Any, stored: Range | str) -> Value:
    """The default of a searched setting; the middle of what is searched where a class has none."""
    made: Value = dimension_of(stored).at(0.5, whole=False) if value is REQUIRED else value
    return made


def points_of(defaults: Settings, searched: Ranges, count: int, plan: Plan, skip: int = 0) -> tuple[Settings, ...]:
    """The settings of `count` points of each search, in turns; `skip` of each are left out at the beginning."""
    fixed = {} if "lr" in searched or "lr" not in defaults else {"lr": float(defaults["lr"])}  # type: ignore[arg-type]
    whole = frozenset(name for name in searched if type(defaults[name]) is int)
    scrambles = range(plan.points_seed * SCRAMBLES, plan.points_seed * SCRAMBLES + plan.searches)
    of_searches = [points(searched, count, skip, whole, scramble, defaults) for scramble in scrambles]
    return tuple({**fixed, **point} for turn in zip(*of_searches, strict=True) for point in turn)


def expand(optimizers: Sequence[str]) -> list[Reference]:
    """The rules that compete; a file stands for all rules, and all classes of optimizers, in it.

    Raises:
        InvalidValue: there is none, or a file is missing or defines no rule.

    >>> [reference.label for reference in expand(["sgd", "adam(lr=0.1)"])]
    ['SGD', 'Adam lr=0.1']
    """
    if not optimizers:
        raise InvalidValue("optimizers: name at least one")
    return [reference for text in optimizers for reference in rules.resolve_all(text)]


def check_count(name: str, count: int, most: int | None = None) -> None:
    """Raise `InvalidValue` unless a number is a whole one from 1 (to `most`); `name` is that of the option."""
    check_whole(name, count)
    if most is not None and count > most:
        raise InvalidValue(f"{name}: must be at most {most}, got {count}")


def _check_batch_sizes(
    ranges: Ranges, problems: Sequence[Problem], sizes: Sequence[int | str] | None, stop_early: bool
) -> None:
    """Check that batch sizes can be searched, and that there are as many examples."""
    for name in ranges:
        if name.rpartition(".")[2] != "batch_size":
            continue
        if sizes is not None:
            raise InvalidValue(
                f"range: {name} is searched; leave out --batch-size, which makes contestants of batch sizes"
            )
        if stop_early:
            raise InvalidValue(f"range: {name} is searched; trials of several lengths cannot be stopped early together")
        dimension = dimension_of(ranges[name])
        numbers = [value for value in dimension.values if isinstance(value, int)]  # others are judged with the rule
        largest = max([*(span.high for span in dimension.spans), *numbers], default=0)
        for problem in problems:
            if problem.batch_size is None:
                raise InvalidValue(f"range: {name}: {problem.name} has no batch size that could be set; leave it out")
            if (count := problem.examples()) is not None and count < largest:
                raise InvalidValue(f"range: {name}: {problem.name} has {count} examples only, fewer than {largest:g}")


def _batch_size(size: int | str) -> int:
    """A batch size as a number; 0 stands for all examples."""
    if size == "all":
        return 0
    try:
        number = int(size)
    except ValueError:
        number = -1
    if number < 1:
        raise InvalidValue(f"batch-size: must be whole numbers from 1, or all; got {size!r}")
    return number
