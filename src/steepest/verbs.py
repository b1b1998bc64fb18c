"""The public verbs that tie everything together: plan, run and show in one call."""

import json
import math
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from . import workloads
from .base.errors import InvalidValue, SteepestError, UnknownName
from .base.files import make_folder
from .datasets import NotHere
from .notebook.progress import progress as line_in_notebook
from .study import LECTURE_FIVE, Comparison, Plan, Store, carry_out, code, extend, make_plan
from .study.budget import (
    CHOSEN,
    Budget,
    Expected,
    budget_of,
    expected_time,
    forecasts_of,
    is_same_request,
    planned,
    rough_forecasts,
)
from .study.code import changed_code, check_code, check_users_files, code_fingerprint
from .study.defaults import with_defaults
from .study.devices import CPU, DEFAULT, kind_of, read_devices
from .study.facts import workload_facts
from .study.jobs import Executor
from .study.looks import next_look
from .study.opening import holds_nothing, named
from .study.packing import is_packed, unpack
from .study.populations import check_choice
from .study.recording import record
from .study.results import STUDY_FILE, rule_facts, study_file
from .study.trying import check_on_device, tried_out
from .study.workers.executors import check_on, executor_factory
from .workloads.seeding import seeded

__all__ = ["Progress", "compare", "default_folder", "foreign_code", "plan_comparison", "resume", "run_comparison"]

Progress = Callable[[Store], None]


def compare(
    workload: str | Sequence[str] = "digits",
    optimizers: str | Sequence[str] | None = None,
    *,
    trials: int | None = None,
    seeds: int | None = None,
    searches: int | None = None,
    search_seeds: int | None = None,
    points_seed: int = 0,
    steps: int | None = None,
    target: float | None = None,
    batch_size: int | str | Sequence[int | str] | None = None,
    ranges: Mapping[str, Any] | None = None,
    grid: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
    sampler: str | None = None,
    schedule: str | None = None,
    stop_early: bool = False,
    until: int | None = None,
    quick: bool = False,
    budget: str | None = None,
    runs: int | None = None,
    equal: str = "trials",
    widen: bool = False,
    jobs: int | None = None,
    on: str = "processes",
    timeout: float | None = None,
    device: str | Sequence[str] = CPU,
    per_device: int | None = None,
    population: str = "auto",
    pictures: bool = True,
    out: str | Path | None = None,
    on_progress: Progress | None = None,
) -> Comparison:
    """Find out which optimizer, at which settings, gets a workload to its target first.

    Every optimizer gets the same number of trials, quasi-random over its declared ranges, on seeds of their own, in two
    independent searches. The four best trials of a search run on more seeds; the best of them, the winners of the
    searches, take turns on fresh seeds, the same ones for every optimizer. Only those are reported.

    Args:
        workload: a name (`steepest list`) or the path of your own file; several make one study of all. The name of a
            set, such as `"applications"`, stands for its workloads, and brings defaults of its own for `optimizers`,
            `trials`, `seeds`, `search_seeds` and `schedule`.
        optimizers: rules by name or spec, such as `"adam(betas=(0.9, 0.98))"`; a path to a `.py` file means every rule
            in it. A setting given so is not searched. Default: sgd, momentum, adagrad, rmsprop, adam.
        trials: settings tried in each search of an optimizer, the first of which is its default. Default: 32.
        seeds: fresh seeds on which the winners are reported. Default: 12.
        searches: independent searches of each optimizer, each with points and seeds of its own; how much their winners
            differ counts in every interval. Default: 2 (1 with one seed).
        search_seeds: seeds of a search. Every trial runs on the first, its four best on the others, too; the best of
            these has the least mean of steps to the target, and breaks on the fewest seeds. Default: 3.
        points_seed: of the quasi-random points; another one repeats a study with other trials.
        steps: updates in each run; default: the workload's.
        target: value of the metric to reach; default: the workload's.
        batch_size: examples a step; several make every optimizer compete with each; `"all"` is the whole set.
        ranges: what to search instead of what the rules declare, `{"lr": (1e-4, 1)}` for all of them or
            `{"adam.lr": (1e-3, 0.1)}` for one; on a log scale where the range is above 0. A list is of values,
            `{"adam.betas.1": [0.9, 0.99]}`; a text is of the grammar of `--range`, `{"weight_decay": "1e-5:1 or 0"}`.
            `batch_size`, `schedule` and `warmup` can be searched too.
        grid: values of settings, named as in `ranges`, all combinations of which are tried instead of `trials` points.
        settings: lists of settings by optimizer ("*": all others), tried instead: `{"adam": [{"lr": 0.1}, ...]}`.
        sampler: one of Optuna's, "tpe", "cmaes", "gp" or "random", which draws each trial after the results of the
            earlier ones: for whoever wants the best setting rather than a fair comparison.
        schedule: of the learning rate over the steps, for all whose method has none of its own: a name such as
            `"warmup+cosine"`, or a scheduler of an installed module, `"torch.optim.lr_scheduler:OneCycleLR"`. Default:
            the `scheduler` of the workload's file, or constant.
        stop_early: whether hopeless trials stop early: after a sixteenth of its steps a trial goes on only if it is
            among the best quarter of its search, after a quarter among the best eighth. The rest are misses.
        until: adds seeds until the first is told apart, up to this number: at four numbers of seeds, from `seeds` on,
            the verdict is looked at, each time at a level at which all four together are wrong in 5 % of studies.
        quick: a first look in seconds: each workload at its quick size (smaller networks and shorter runs, see
            `steepest.workloads.quick`), 5 trials in one search and 5 seeds unless said otherwise, and a target that
            Adam reaches in such a run. The report says so.
        budget: time that the study may take, `"30m"` or `"2h"`: a few steps of every optimizer are timed, and `trials`,
            `seeds`, `searches` and `search_seeds` chosen to fit, except those that are not the default.
        runs: number of runs that the study may have, instead.
        equal: of a budget every optimizer gets the same number of "trials", or the same "seconds" of search.
        widen: where a best trial lies in the outer tenth of its range, go on beyond it with half as many trials again;
            the others get as many within theirs.
        jobs: processes to use, 1 for none but this one (which a run that crashes then ends); default: one a core.
        on: "processes", or "ray": a cluster that `RAY_ADDRESS` names, or Ray on this machine.
        timeout: seconds after which a run is given up, or its `data` or `model`.
        device: where to train: `"cpu"`, `"cuda"`, `"cuda:1"`, `"mps"`, `"auto"`, or several of one kind; see
            `steepest.study.devices`.
        per_device: how many runs share a device. Default: one; on a CPU one a core.
        population: whether runs train as one, which is faster for small networks and the same to rounding: "auto",
            where a measurement says so when a study of many runs begins, "on" wherever it can be, or "off". It is
            stored with the study; see `steepest.study.populations`.
        pictures: whether, in a folder and where the workload shows something, the two best train once more at the end,
            on one seed, for pictures of what their models do after 0, 10, 30 and 100 % of the steps.
        out: folder for the study, tables, figures and report; a study there goes on where it stopped. None writes
            nothing.
        on_progress: called with the store a few times a second. Default: a line in a notebook, nothing elsewhere.

    Returns:
        A `Comparison`: `.table`, `.verdict`, `.runs`, `.curves`; of several workloads, `.by_workload()`.

    Raises:
        InvalidValue: anything that does not exist or is out of range, before anything is run or written.

    >>> result = compare("digits", ["sgd(lr=0.5)", "adam(lr=0.01)"], seeds=2, steps=20, target=0.5, jobs=1)
    >>> sorted(result.table.index), len(result.runs)
    (['Adam lr=0.01', 'SGD lr=0.5'], 6)
    """
    check_choice(population)
    devices, chosen = devices_of(device, on), workloads.expanded(workload)
    means: dict[str, Any] = {"jobs": jobs, "on": on, "timeout": timeout, "devices": devices, "per_device": per_device}
    competing = LECTURE_FIVE if optimizers is None else optimizers
    with executor_factory(chosen, competing, **means) as start:
        plan = plan_comparison(
            workload, optimizers, trials=trials, seeds=seeds, searches=searches, search_seeds=search_seeds,
            points_seed=points_seed, steps=steps, target=target, batch_size=batch_size, ranges=ranges,
            grid=grid, settings=settings, sampler=sampler, schedule=schedule, stop_early=stop_early, until=until,
            quick=quick, timeout=timeout, devices=devices,
            try_there=on != "ray", budget=budget_of(budget, runs, equal, jobs, on, devices, per_device),
        )  # fmt: skip
        more: dict[str, Any] = {"widen": widen, "population": population, "pictures": pictures}
        return run_comparison(plan, start, **more, out=out, on_progress=on_progress)


def plan_comparison(
    workload: str | Sequence[str],
    optimizers: str | Sequence[str] | None = None,
    *,
    batch_size: int | str | Sequence[int | str] | None = None,
    quick: bool = False,
    timeout: float | None = None,
    devices: Sequence[str] = DEFAULT,
    try_there: bool = True,
    budget: Budget | None = None,
    **options: Any,
) -> Plan:
    """What `compare` would do with these arguments; tries the workloads out, runs nothing, writes nothing.

    They are tried out on the CPU, and with `try_there` on the first of the `devices`, too. `options` are
    the others of `make_plan`: `trials`, `seeds`, `searches`, ...; a `budget` chooses those that are not given, or None.
    """
    if quick and budget is not None:
        raise InvalidValue("quick, budget: both say how much a study may cost; leave out one")
    given = {name: value for name, value in options.items() if name in CHOSEN and value is not None}
    options = with_defaults(workload, {"optimizers": optimizers, **options}, quick)
    names = _listed(options.pop("optimizers"))
    sizes = [batch_size] if isinstance(batch_size, int | str) else batch_size
    first = devices[0] if try_there else CPU
    chosen = _all_tried_out(workloads.expanded(workload), timeout, quick)
    if first != CPU:
        for problem in chosen:
            check_on_device(problem, first, timeout)
    if quick and options.get("target") is None:
        from .study.quick import with_quick_target  # imports torch, which a fork server loads meanwhile

        chosen = [with_quick_target(problem, first) for problem in chosen]
    make = partial(make_plan, chosen, names, batch_sizes=sizes, devices=tuple(devices), quick=quick)
    with seeded(0):  # what rules' files draw while they are imported
        if budget is None:
            return make(**options)
        if options.get("until") is not None:
            raise InvalidValue(
                "until, budget: seeds are added for as long as it takes, or as a budget lasts; leave out one"
            )
        for name in ("grid", "settings", "sampler"):
            if options.get(name) is not None:
                raise InvalidValue(f"{name}, budget: a budget plans the trials of quasi-random searches; leave out one")
        whole = make(**options)
        times = forecasts_of(whole, chosen, devices[0]) if budget.needs_times else []
        others = {name: value for name, value in options.items() if name not in CHOSEN}
        return planned(partial(make, **others), given, budget, times)


def expected(plan: Plan, processes: int) -> Expected:
    """About how long a study takes with so many runs at a time, from a few steps on each workload."""
    problems = [workloads.find(goal.name, try_out=False) for goal in plan.workloads]
    return expected_time(plan, rough_forecasts(plan, problems, plan.devices[0]), processes)


def _all_tried_out(names: Sequence[str], timeout: float | None, quick: bool) -> list[workloads.Problem]:
    """The workloads, tried out; where data sets of several are missing, all of these are told at once."""
    chosen, missing = [], []
    for name in names:
        try:
            chosen.append(tried_out(name, timeout, quick))
        except NotHere as error:
            missing.append(error)
    if missing:
        raise NotHere.of_several(missing)
    return chosen


def devices_of(device: str | Sequence[str], on: str) -> tuple[str, ...]:
    """The devices that a user names; raises as `steepest.study.devices.read_devices`, and if there is no such `on`."""
    check_on(on)
    return read_devices(device, on)


def run_comparison(
    plan: Plan,
    start: Callable[[], Executor],
    *,
    widen: bool = False,
    population: str = "auto",
    pictures: bool = True,
    out: str | Path | None = None,
    on_progress: Progress | None = None,
) -> Comparison:
    """Carry a plan out by an executor, and show it in the folder `out`, or nowhere if that is None; see `compare`."""
    _check_widen(plan, widen)
    if out is None:
        with tempfile.TemporaryDirectory(prefix="steepest-") as folder:
            return _carry_out(Path(folder), plan, start, widen, False, on_progress, population, kept=False)
    home = Path(out).expanduser()
    if not _fits(home, plan):
        raise InvalidValue(f"{home}: holds another comparison; choose another folder with --out, or delete it")
    make_folder(home, "choose another folder with --out")
    return _shown(_carry_out(home, plan, start, widen, pictures, on_progress, population), home)


def resume(
    study: str | Path,
    *,
    add_rules: str | Sequence[str] = (),
    ranges: Mapping[str, Any] | None = None,
    add_seeds: int = 0,
    add_trials: int = 0,
    retry: str | None = None,
    widen: bool = False,
    pictures: bool = True,
    jobs: int | None = None,
    on: str = "processes",
    timeout: float | None = None,
    device: str | Sequence[str] | None = None,
    per_device: int | None = None,
    isolate: bool = False,
    out: str | Path | None = None,
    on_progress: Progress | None = None,
) -> Comparison:
    """Go on with a study where it stopped, or with more than was planned; nothing that is done is done again.

    Args:
        study: its folder, or its file in it; or a packed one, `NAME.sqlite.xz`, which goes on in the folder `out`.
        add_rules: more optimizers, under the conditions of those that are there.
        ranges: what to search for the added instead of what they declare; see `compare`.
        add_seeds: how many more seeds the winners are reported on.
        add_trials: how many more trials every optimizer gets; a new winner is reported in the place of the old.
        retry: `"failed"` does the runs again that raised, crashed, or ran out of memory or time.
        device: where to go on; default: where the study began. What is done stays; runs of two kinds of device are
            compared only if their fingerprints are the same.
        widen, pictures, jobs, on, timeout, per_device, on_progress: see `compare`.
        isolate: see `executor_factory`.
        out: folder for a packed study. Default: `steepest-NAME` here.

    Raises:
        InvalidValue: there is no study, its code has changed since it began, or a value is out of range.
    """
    check_retry(retry)
    file = unpack(study, out) if is_packed(study) else study_file(study)
    with named(file), closing(Store.open(file)) as store:
        before = store.plan
        _check_widen(before, widen)
        check_users_files(store.fact("code"), file.parent)  # before any of them is run
        competing = [*{one.rule for one in before.contestants}, *_listed(add_rules)]
        devices = _devices_to_go_on(before, device, on)
        means: dict[str, Any] = {"jobs": jobs, "on": on, "timeout": timeout, "isolate": isolate}
        means |= {"devices": devices, "per_device": per_device}
        with executor_factory([goal.name for goal in before.workloads], competing, **means) as start:
            check_code(store.fact("code"), before, file.parent)
            after = _extended(before, add_rules, ranges, add_seeds, add_trials)
            has_limits = '"limits"' in store.facts().get("rules", "")  # of rules, which older studies did not store
            if after != before or not has_limits:
                store.extend(before, after, _rule_facts(after, json.loads(store.fact("code"))))
            if retry:
                store.retry()
            _finish(store, start, widen, pictures, on_progress, devices, file.parent)
    return _shown(Comparison.read(file), file.parent)


def _check_widen(plan: Plan, widen: bool) -> None:
    if widen and plan.search != "sobol":
        raise InvalidValue("--widen: only a search by quasi-random points can go on beyond its ranges; leave it out")


def check_retry(retry: str | None) -> None:
    """Raise `UnknownName` unless these runs can be tried again."""
    if retry not in (None, "failed"):
        raise UnknownName(f"retry: cannot be {retry!r}; the runs that can be tried again are those that failed: failed")


def failed_runs(study: str | Path) -> int:
    """The number of runs of a study that `resume` would do again by `retry="failed"`."""
    file = study_file(study)
    with named(file), closing(Store.read(file)) as store:
        return len(store.failed())


def _devices_to_go_on(plan: Plan, device: str | Sequence[str] | None, on: str) -> tuple[str, ...]:
    """The devices that the user names, else those of the plan, if they are there."""
    if device is not None:
        return devices_of(device, on)
    try:
        return devices_of([kind_of(own) for own in plan.devices] if on == "ray" else plan.devices, on)
    except InvalidValue as error:
        raise InvalidValue(f"{error}; to go on with this study elsewhere, name it with --device") from None


def _listed(names: str | Sequence[str]) -> list[str]:
    return [names] if isinstance(names, str) else list(names)


def _extended(
    plan: Plan, rules: str | Sequence[str], ranges: Mapping[str, Any] | None, seeds: int, trials: int
) -> Plan:
    names = _listed(rules)
    if trials:
        plan = extend.add_trials(plan, trials)
    if names:
        plan = extend.add_rules(plan, names, ranges)
    elif ranges:
        raise InvalidValue("range: what is searched for an optimizer of the study stays; ranges are for add_rules")
    return extend.add_seeds(plan, seeds) if seeds else plan


def devices_before(study: str | Path, device: str | Sequence[str], on: str = "processes") -> list[str]:
    """The kinds of device that a study's runs were done on so far, if a run on `device` would be on another.

    Raises:
        InvalidValue: there is no study, or no such device.
    """
    kinds = set(map(kind_of, devices_of(device, on)))
    file = study_file(study)
    with named(file), closing(Store.read(file)) as store:
        before = store.devices()
    return before if {kind_of(own) for own in before} - kinds else []


def foreign_code(study: str | Path) -> list[str]:
    """The files and plugins whose code runs when a study goes on; nothing is run to tell.

    Raises:
        InvalidValue: there is no study, or one of the user's files has changed since it began.
    """
    file = study_file(study)
    with named(file), closing(Store.read(file)) as store:
        check_users_files(store.fact("code"), file.parent)  # what will not run is not announced
        return code.foreign_code(store.plan)


# --- folders ----------------------------------------------------------------------------------------------------------


def default_folder(plan: Plan, workload: str | Sequence[str] = ()) -> Path:
    """`steepest-WORKLOAD` here, or with a number behind it where that folder holds another comparison.

    Sets of workloads, where they are among those that the user named, have the name of the set.
    """
    named = _listed(workload) if any(name in workloads.SETS for name in _listed(workload)) else []
    names = [Path(name).stem for name in named] or plan.short_names.values()
    first = Path("-".join(["steepest", *["quick"] * plan.quick, *names])[:100])
    folder, number = first, 1
    while not _fits(folder, plan, same_code=True):
        number += 1
        folder = Path(f"{first}-{number}")
    return folder


def _fits(folder: Path, plan: Plan, same_code: bool = False) -> bool:
    """Whether the folder holds no study, or one that began as this one, and with the code as it is now."""
    if holds_nothing(folder / STUDY_FILE):
        return True
    with closing(Store.read(folder / STUDY_FILE)) as store:
        return is_same_request(store.first_plan, plan) and not (same_code and changed_code(store.fact("code"), plan))


# --- doing ------------------------------------------------------------------------------------------------------------


def _carry_out(
    folder: Path, plan: Plan, start: Callable[[], Executor], widen: bool, pictures: bool, on_progress: Progress | None,
    population: str = "off", kept: bool = True,
) -> Comparison:  # fmt: skip
    file = folder / STUDY_FILE
    is_new = holds_nothing(file)
    with named(file):
        if is_new:
            made = Store.create(file, plan, {"population": population, **workload_facts(plan), **_rule_facts(plan)})
        else:
            made = Store.open(file)
    with named(file), closing(made) as store:
        check_code(store.fact("code"), store.plan, folder)
        _finish(store, start, widen, pictures, on_progress, plan.devices, folder if kept else None)
    return Comparison.read(folder)


def _finish(
    store: Store, start: Callable[[], Executor], widen: bool, pictures: bool, on_progress: Progress | None,
    devices: Sequence[str], folder: Path | None,
) -> None:  # fmt: skip
    """Do all that is left; in a notebook with a line of progress, which after an interrupt says how to go on.

    Args:
        store, start, widen, pictures, on_progress, devices: as in `compare`.
        folder: where the study is kept; None where it is not.
    """
    line = None if on_progress else line_in_notebook()
    watch = on_progress or line
    try:
        _do_all(store, start, widen, pictures, (lambda: watch(store)) if watch else (lambda: None), devices)
    except KeyboardInterrupt:
        if line:
            line.interrupted(store, folder)
        raise


def _do_all(
    store: Store, start: Callable[[], Executor], widen: bool, pictures: bool, progress: Callable[[], None],
    devices: Sequence[str],
) -> None:  # fmt: skip
    """Do what is to be done, what lies beyond an edge and the pictures, if wanted."""
    carry_out(store, start(), progress, devices)
    if widen:
        edges = {name: part.edges for name, part in Comparison.of(store, curves=False).by_workload().items()}
        if any(len(table) for table in edges.values()):
            store.extend(store.plan, extend.widen(store.plan, edges), {})
            carry_out(store, start(), progress, devices)
    for _ in range(2 * len(store.plan.looks)):  # of which another process may do some
        if not _looks_again(store):
            break
        carry_out(store, start(), progress, devices)
    if pictures:
        record(store, start, devices, progress)


def _looks_again(store: Store) -> bool:
    """Add the seeds of the next look, if there is one and it is needed; whether runs are to be done for a look."""
    comparison = Comparison.of(store, curves=False)
    before, seeds = comparison.plan, next_look(comparison.plan)
    if not comparison.complete:  # another process has just added them
        return bool(before.looks)
    if seeds is None or all(_is_told(part) for part in comparison.by_workload().values()):
        return False
    try:
        store.extend(before, replace(before, seeds=seeds), {})
    except SteepestError:
        if store.plan == before:
            raise
    return True


def _is_told(part: Comparison) -> bool:
    """Whether one is first alone; or no run reached the target, which more seeds would hardly change."""
    reached = part.runs.loc[part.runs["phase"] == "report", "steps_to_target"] < math.inf
    return len(part.verdict.first) == 1 or not reached.any()


def _shown(comparison: Comparison, folder: Path) -> Comparison:
    """Write what there is to see."""
    from .report.build import write_report

    write_report(comparison, folder)
    return comparison


def _rule_facts(plan: Plan, known: Mapping[str, str] | None = None) -> dict[str, str]:
    """The hashes of the code, beside the `known` ones, and the facts of rules, so that a report loads no file."""
    return {"code": json.dumps({**(known or {}), **code_fingerprint(plan)}), "rules": json.dumps(rule_facts(plan))}
