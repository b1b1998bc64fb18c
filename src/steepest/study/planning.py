"""How a plan is made: the arguments of a comparison, checked, and every contestant under the same conditions."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from .. import rules, schedules
from ..base.checks import check_whole
from ..base.errors import InvalidValue, UnknownName, did_you_mean
from ..rules import External
from ..schedules import OF_THE_WORKLOAD
from ..workloads import Problem
from .contestants import expand, new_contestant, with_contestants
from .devices import DEFAULT
from .early import EARLY_STOPPING
from .lists import check_lists_used, lists_in
from .looks import looks_of
from .plan import (
    FINALISTS,
    LECTURE_FIVE,
    MOST_POINTS_SEED,
    MOST_SEARCH_SEEDS,
    MOST_STEPS,
    MOST_TRIALS,
    SAMPLERS,
    SEARCH_SEEDS,
    SEARCHES,
    Contestant,
    Goal,
    Plan,
    check_count,
)
from .ranges import (
    Ranges,
    check_used,
    dimension_of,
    normalized,
)
from .sampling import check_optuna

__all__ = ["check_externals", "make_plan"]


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
    grid: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
    sampler: str | None = None,
    devices: tuple[str, ...] = DEFAULT,
    stop_early: bool = False,
    until: int | None = None,
    quick: bool = False,
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
        grid: values by name, all combinations of which are tried in the place of `trials` points.
        settings: lists of settings by the optimizer's name ("*": of all others), tried in the place of `trials` points.
        sampler: one of Optuna's, `SAMPLERS`, which draws each trial after the results of the earlier ones.
        devices: where to train; see `steepest.study.devices`.
        stop_early: whether hopeless trials stop early, see `steepest.study.early`.
        until: the number of seeds up to which seeds are added until the first is told apart, see
            `steepest.study.looks`. Default: none is added.
        quick: whether the workloads are at their quick size, which the report says.

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
    search = _search(ranges, grid, settings, sampler, stop_early)
    user_ranges = normalized(grid if grid is not None else ranges or {})
    check_used(user_ranges, references)
    for name, listed in (settings or {}).items():
        if isinstance(listed, Sequence) and listed:  # before each of them is read
            check_count(f"--settings: {name}: settings", len(listed), MOST_TRIALS)
    lists = lists_in(settings) if settings is not None else {}
    if lists:
        check_lists_used(lists, references)
    check_batch_sizes(user_ranges, chosen, batch_sizes, stop_early)
    goals = tuple(Goal(workload.name, workload.target if target is None else float(target)) for workload in chosen)
    plan = Plan(
        goals, (), seeds, trials, search_seeds, _schedule(chosen, schedule), user_ranges,
        searches=searches, finalists=FINALISTS, points_seed=points_seed, search=search, lists=lists,
        default_trial=search not in ("grid", "list"),
        devices=devices,
        rungs=EARLY_STOPPING if stop_early else (),
        looks=() if until is None else looks_of(seeds, until),
        quick=quick,
    )  # fmt: skip
    lengths = {workload.name: _lengths(workload, steps, batch_sizes) for workload in chosen}
    own_schedules = {problem.name for problem in chosen if problem.scheduler is not None}
    contestants = [
        new_contestant(plan, name, reference, *length, own_schedule=name in own_schedules)
        for name in lengths for reference in references for length in lengths[name]
    ]  # fmt: skip
    plan = with_contestants(plan, contestants)
    if search in ("grid", "list"):
        plan = replace(plan, trials=max(len(one.trials) // searches or 1 for one in contestants))
        check_count(f"--{'grid' if search == 'grid' else 'settings'}: settings", plan.trials, MOST_TRIALS)
    check_externals({workload.name: workload for workload in chosen}.__getitem__, plan.contestants)
    return plan


def _search(
    ranges: Ranges | None, grid: Mapping[str, Any] | None, settings: Mapping[str, Any] | None, sampler: str | None,
    stop_early: bool,
) -> str:  # fmt: skip
    """How trials get their settings; several ways at once are refused."""
    ways = {"range": ranges, "grid": grid, "settings": settings, "sampler": sampler}
    given = [name for name, value in ways.items() if value is not None and value != {}]
    if len(given) > 1 and given != ["range", "sampler"]:
        raise InvalidValue(f"--{given[0]} and --{given[1]}: are two ways to choose settings; leave out one")
    if grid is not None:
        if not grid:
            raise InvalidValue("grid: name at least one setting with its values, for example lr=1e-3,1e-2")
        for name, stored in normalized(grid).items():
            if dimension_of(stored).spans:
                raise InvalidValue(f"grid: {name}: has an interval; write its values, for example {name}=1e-3,1e-2")
        return "grid"
    if settings is not None:
        return "list"
    if sampler is None:
        return "sobol"
    if sampler not in SAMPLERS:
        hint = did_you_mean(sampler, SAMPLERS)
        raise UnknownName(f"unknown sampler {sampler!r}; {hint} (Leave it out for quasi-random points, Sobol's.)")
    if stop_early:
        raise InvalidValue("--sampler and --stop-early: a sampler needs whole trials; leave out one")
    check_optuna(sampler)
    return sampler


def check_externals(find: Callable[[str], Problem], contestants: Sequence[Contestant]) -> None:
    """See that runs suffice for an update, and try the training where it could fail.

    That is with optimizers and schedulers that are not steepest's, with those that need a closure, and with parameter
    groups.
    """
    for one in contestants:
        rule = rules.resolve(one.rule).rule_class
        if one.steps < (rule.evaluations or 1):
            raise InvalidValue(
                f"{rule.title}: an update evaluates the gradient {rule.evaluations} times, and a run has {one.steps}"
                " step; steps are evaluations: give more"
            )
    own = [one for one in contestants if _may_fail(one) or getattr(find(one.workload), "groups", None) is not None]
    for text, steps in {(one.schedule, one.steps) for one in own if schedules.is_scheduler(one.schedule)}:
        schedules.check_scheduler(text, steps)
    if own:
        from .fitting import check_fits, check_group_settings  # import torch, which a plan that is read does without

        for workload in dict.fromkeys(one.workload for one in own):
            check_group_settings(find(workload), [one for one in contestants if one.workload == workload])
        for contestant in own:
            check_fits(find(contestant.workload), contestant)


def _may_fail(contestant: Contestant) -> bool:
    of_schedule = contestant.schedule == OF_THE_WORKLOAD or schedules.is_scheduler(contestant.schedule)
    rule = rules.resolve(contestant.rule).rule_class
    return of_schedule or issubclass(rule, External) or rule.evaluations != 1


def _schedule(problems: Sequence[Problem], schedule: str | None) -> str:
    """The schedule of the plan, as it is stored; one beside a workload's own contradicts that."""
    if schedule is None:
        return "constant"
    for problem in problems:
        if problem.scheduler is not None:
            raise InvalidValue(f"schedule: {problem.name} has a `scheduler` of its own; leave out one of the two")
    return schedules.name_of(schedule)


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


def check_batch_sizes(
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
