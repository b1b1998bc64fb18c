"""The contestants of a plan: what is searched for each optimizer, and the settings of its trials."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from .. import rules, schedules
from ..base.errors import InvalidValue, SteepestError, did_you_mean
from ..rules import External, Reference, Rule, check_numbers
from ..rules.external import REQUIRED
from ..schedules import OF_THE_WORKLOAD
from .lists import list_of
from .plan import MOST_TRIALS, Contestant, Plan
from .ranges import (
    RUN_SETTINGS,
    Range,
    Ranges,
    Settings,
    check_of_run,
    dimension_of,
    grid_points,
    is_given,
    own_ranges,
    points,
    values_of,
)
from .space import Value

__all__ = ["expand", "new_contestant", "points_of", "trials_of", "with_contestants"]

SCRAMBLES = 1000
"""Scrambles kept for each `points_seed`, so that no two share one: more than there are searches."""


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
    if plan.search == "list":
        return _listed(
            plan, reference, Contestant(workload, reference.label + suffix, text, batch_size, steps, schedule), run
        )
    searched = own_ranges(reference, plan.ranges, run)
    if plan.search == "grid":
        searched = {name: stored for name, stored in searched.items() if is_given(reference, name, plan.ranges)}
    elif "lr" in rule.hyperparameters() and "lr" not in searched and "lr" not in reference.settings:
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
    defaults = {**run, **values_of(rule)}
    if plan.search == "grid" and searched:
        made = replace(
            made,
            trials=_of_each_search(
                plan, [{**_rate(defaults), **p} for p in grid_points(searched, defaults, MOST_TRIALS)]
            ),
        )
    else:
        made = replace(made, trials=trials_of(defaults, searched, plan.trials, plan))
    _check_trials(made)
    if plan.is_adaptive and searched:  # the other trials have only been there to be checked
        made = replace(made, trials=made.trials[: plan.searches])
    return made


def _listed(plan: Plan, reference: Reference, made: Contestant, run: Settings) -> Contestant:
    """The contestant with the settings that the user has listed; what a point lacks has its default."""
    points = list_of(plan.lists, reference)
    defaults = {**run, **values_of(reference.rule())}
    own = reference.rule().hyperparameters()
    names = dict.fromkeys([*_rate(defaults), *(name for point in points for name in point)])
    for name in names:
        if name not in defaults:
            hint = did_you_mean(name, [*own, *run])
            raise InvalidValue(f"settings: {reference.text}: has no setting {name!r}; {hint}")
        if name.partition(".")[0] in reference.settings:
            raise InvalidValue(f"settings: {reference.text}: gives {name} itself; leave it out of one of the two")
    for number, point in enumerate(points, 1):
        for name, value in point.items():
            if isinstance(value, bool) and type(defaults[name]) in (int, float):
                raise InvalidValue(
                    f"settings: {reference.text}: point {number}: {name} must be a number, got {value!r}"
                )
    trials = _of_each_search(plan, [{name: point.get(name, defaults[name]) for name in names} for point in points])
    made = replace(
        made, trials=trials, run_settings=tuple(name for name in RUN_SETTINGS if name in names and name in run)
    )
    for number, point in enumerate(points, 1):
        for name in made.run_settings:
            check_of_run(f"settings: {reference.text}: point {number}", name, point.get(name, defaults[name]))
        try:
            check_numbers(reference.rule_class, {name: value for name, value in point.items() if name in own})
            made.make_rule(trials[(number - 1) * plan.searches])
        except SteepestError as error:
            raise InvalidValue(f"settings: {reference.text}: point {number}: {error}") from None
    return made


def _of_each_search(plan: Plan, points: Sequence[Settings]) -> tuple[Settings, ...]:
    """The same points in every search, whose seeds differ."""
    return tuple(point for point in points for _ in range(plan.searches))


def _rate(defaults: Settings) -> dict[str, Value]:
    return {"lr": float(defaults["lr"])} if "lr" in defaults and _is_number(defaults["lr"]) else {}  # type: ignore[arg-type]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float)


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
