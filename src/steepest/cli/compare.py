"""`steepest compare`: optimizers on workloads, from the plan to the verdict."""

import shlex
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

import typer
from rich.cells import cell_len
from rich.console import Group
from rich.live import Live
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from ..base import numbers, spec
from ..base.errors import InvalidValue
from . import options, terminal
from .language import say, translate
from .options import Lang
from .results import print_comparison, settings_line

if TYPE_CHECKING:
    from ..study import Comparison, Plan, Store
    from ..study.budget import Expected
    from ..study.ranges import Range

__all__ = ["command"]

REFRESH = 0.25
"""Seconds between two refreshes of the progress display."""

COLUMNS = ("workload", "optimizer", ">trials", ">seeds", ">best settings", ">steps to target", ">loss")
"""Of the progress display."""

MOST_WANTED = (">steps to target", ">loss", ">best settings", ">trials", ">seeds")
"""The columns beside the name, in the order in which a narrow terminal has room for them."""

NOT_WITH_RESUME = (
    "workload", "optimizers", "trials", "seeds", "searches", "search_seeds", "points_seed", "steps", "target",
    "batch_size", "ranges", "grid", "settings", "sampler", "schedule", "stop_early", "until", "quick", "budget", "runs",
    "equal", "population", "out",
)  # fmt: skip
"""The arguments of `compare` that plan a study."""


def command(
    context: typer.Context,
    workload: Annotated[
        list[str] | None,
        typer.Argument(help="What to train: names, also of sets (see steepest list), or your files; default: digits."),
    ] = None,
    optimizers: Annotated[
        str | None,
        typer.Option(
            help="Rules with commas between, classes such as torch.optim:Rprop, or a .py file with your own; default:"
            " sgd,momentum,adagrad,rmsprop,adam."
        ),
    ] = None,
    trials: Annotated[
        int | None, typer.Option(help="Settings to try in each search of an optimizer, its default first; default: 32.")
    ] = None,
    seeds: Annotated[int | None, typer.Option(help="Fresh seeds on which the winners run again; default: 12.")] = None,
    searches: Annotated[
        int | None, typer.Option(help="Independent searches of each optimizer; default: 2 (1 with one seed).")
    ] = None,
    search_seeds: Annotated[
        int | None, typer.Option(help="Seeds of a search: every trial runs on one, the four best on all; default: 3.")
    ] = None,
    points_seed: Annotated[int, typer.Option(help="Seed of the quasi-random settings; another one tries others.")] = 0,
    steps: Annotated[int | None, typer.Option(help="Updates a run; default: the workload's.")] = None,
    target: Annotated[float | None, typer.Option(help="Value of the metric to reach; default: the workload's.")] = None,
    batch_size: Annotated[
        str | None, typer.Option(help="Examples a step; 1,10,100,all compares them with each other.")
    ] = None,
    ranges: Annotated[
        list[str] | None,
        typer.Option(
            "--range",
            help="What to search: lr=1e-4:1 for all, adam.lr=1e-3:0.1 for one, batch_size=16,32 for values; repeat for"
            " more.",
        ),
    ] = None,
    grid: Annotated[
        list[str] | None,
        typer.Option(help="Try all combinations of values instead: lr=1e-3,1e-2; repeat for more settings."),
    ] = None,
    settings: Annotated[
        Path | None, typer.Option(help="Try the settings listed by optimizer in this file, .json or .toml, instead.")
    ] = None,
    sampler: Annotated[
        str | None,
        typer.Option(help="Draw each trial after the results of the earlier ones, by Optuna: tpe, cmaes, gp, random."),
    ] = None,
    schedule: Annotated[
        str | None,
        typer.Option(
            help="Learning rate over the steps: constant, linear, cosine, warmup, warmup+cosine, or"
            " torch.optim.lr_scheduler:OneCycleLR; default: the workload's scheduler, or constant."
        ),
    ] = None,
    stop_early: Annotated[
        bool, typer.Option("--stop-early", help="Stop hopeless trials early, by one rule for all optimizers.")
    ] = False,
    until: Annotated[
        int | None, typer.Option(help="Add seeds until the first is told apart, up to so many; the looks share 5 %.")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="A first look: small sizes, short runs, few trials and seeds.")
    ] = False,
    budget: Annotated[
        str | None, typer.Option(help="Time that it may take, such as 30m: chooses trials, seeds and searches.")
    ] = None,
    runs: Annotated[int | None, typer.Option(help="Runs that it may take, instead of a time.")] = None,
    equal: Annotated[
        str, typer.Option(help="What a budget gives every optimizer the same of: trials, or seconds.")
    ] = "trials",
    widen: Annotated[
        bool, typer.Option("--widen", help="Go on beyond the range where the best trial lies at its edge.")
    ] = False,
    jobs: Annotated[int | None, typer.Option(help="Processes; default: one a core.")] = None,
    on: Annotated[str, typer.Option(help="Where: processes, or ray (RAY_ADDRESS names a cluster).")] = "processes",
    timeout: Annotated[
        float | None, typer.Option(help="Seconds after which a run is given up, or its data() or model().")
    ] = None,
    device: Annotated[
        str, typer.Option(help="Where to train: cpu, cuda, cuda:1, mps, auto; or several: cuda:0,cuda:1.")
    ] = "cpu",
    per_device: Annotated[
        int | None, typer.Option(help="Runs that share a device; default: one, on a CPU one a core.")
    ] = None,
    population: Annotated[
        str, typer.Option(help="Many runs trained as one, the same to rounding: auto (where it is faster), on, off.")
    ] = "auto",
    no_pictures: Annotated[
        bool,
        typer.Option("--no-pictures", help="Do not train the two best once more for pictures in the report."),
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Folder for the study; default: steepest-WORKLOAD here.")] = None,
    resume: Annotated[
        Path | None, typer.Option(help="Go on with the study in this folder (or of this file, packed or not).")
    ] = None,
    add_rules: Annotated[
        str | None,
        typer.Option(help="With --resume: more optimizers, as for --optimizers; --range says what to search for them."),
    ] = None,
    add_seeds: Annotated[int, typer.Option(help="With --resume: more seeds for the winners.")] = 0,
    add_trials: Annotated[int, typer.Option(help="With --resume: more trials in each search.")] = 0,
    retry: Annotated[
        str | None, typer.Option(help="With --resume: do runs again that failed (memory, time, disk, a crash): failed.")
    ] = None,
    lang: Lang = "",
) -> None:
    """Find out which optimizer, at which settings, gets there first.

    Every optimizer gets the same number of trials over its ranges, in two searches; the best of each search runs again
    on fresh seeds, and only those count. Everything is kept in the folder: study.sqlite, runs.csv, figures,
    report.html. The same command goes on where an interrupted one stopped.

    [dim]steepest compare                              the lecture's five on handwritten digits[/dim]

    [dim]steepest compare digits airfoil --schedule warmup+cosine --widen[/dim]

    [dim]steepest compare my_workload.py --optimizers adam,adamw,mine.py --trials 32 --range lr=1e-4:1[/dim]

    [dim]steepest compare airfoil --optimizers sgd --batch-size 1,10,100,all[/dim]

    [dim]steepest compare --optimizers adam --range betas.1=0.9,0.99,0.999 --range "warmup=0:0.2 or 0"[/dim]

    [dim]steepest compare my_workload.py --device cuda:0,cuda:1 --per-device 4[/dim]

    [dim]steepest compare applications --quick                 a set of workloads, a first look[/dim]

    [dim]steepest compare --resume steepest-digits --add-rules lion,adamw --add-seeds 10[/dim]
    """
    named, competing = workload or ["digits"], None if optimizers is None else spec.split(optimizers)
    if resume is None and not any([add_rules, add_seeds, add_trials, retry]):
        _refuse_rules(named, competing or [])
        _load_files(named, competing or [], timeout)
    from .. import verbs, workloads
    from ..study.budget import budget_of
    from ..study.defaults import with_defaults
    from ..study.lists import read_lists
    from ..study.packing import is_packed, unpack
    from ..study.populations import check_choice
    from ..study.ranges import read_range
    from ..study.results import study_file
    from ..study.workers.executors import at_a_time, executor_factory

    check_choice(population)
    means: dict[str, Any] = {"jobs": jobs, "on": on, "timeout": timeout, "isolate": True, "per_device": per_device}
    more: dict[str, Any] = {"add_rules": spec.split(add_rules or ""), "add_seeds": add_seeds, "add_trials": add_trials}
    more["retry"] = retry
    searched = _once(map(read_range, ranges or []))
    always: dict[str, Any] = {"widen": widen, "pictures": not no_pictures}
    if resume is not None:
        _refuse_with_resume(context, is_packed(resume), bool(add_rules))
        resume = unpack(resume, out).parent if is_packed(resume) else resume
        there = device if options.is_given(context, "device") else None
        home = study_file(resume).parent  # the file of the study may be named, too
        if files := verbs.foreign_code(resume):
            terminal.echo(translate("going on runs code of {}", ", ".join(files)), error=True)
        notes = []
        if there and (before := verbs.devices_before(resume, there, on)):
            notes.append(translate(
                "steepest: runs of this study were done on {}, from here on they are done on {}; runs of one"
                " seed are compared only where both have one fingerprint",
                ", ".join(before), there,
            ))  # fmt: skip
        means["device"] = there
        verbs.check_retry(retry)
        if retry and (failed := verbs.failed_runs(resume)):
            notes.append(translate("failed runs that are tried again: {}", failed))
        elif retry:
            notes.append(translate("no run has failed: there is nothing to try again"))
        _compare(
            home,
            lambda progress: verbs.resume(resume, ranges=searched, **more, **means, **always, on_progress=progress),
            notes,
        )
        return
    if any(more.values()):
        if retry:
            raise InvalidValue("--retry: say which study to go on with, by --resume FOLDER")
        raise InvalidValue("--add-rules, --add-seeds, --add-trials: say which study to extend, with --resume FOLDER")
    if (grid or settings) and options.is_given(context, "trials"):
        raise InvalidValue("--trials: a grid or list has as many trials as settings; leave it out")
    means["devices"] = verbs.devices_of(device, on)
    allowed = budget_of(budget, runs, equal, jobs, on, means["devices"], per_device)
    own = competing or with_defaults(named, {})["optimizers"]
    with executor_factory(workloads.expanded(named), own, **means) as start:
        plan = verbs.plan_comparison(
            named, competing, quick=quick, trials=trials, seeds=seeds, searches=searches, search_seeds=search_seeds,
            points_seed=points_seed, steps=steps, target=target,
            batch_size=None if batch_size is None else spec.split(batch_size),
            ranges=searched, sampler=sampler,
            grid=_once(map(partial(read_range, option="--grid"), grid), "--grid") if grid else None,
            settings=None if settings is None else read_lists(settings), schedule=schedule, stop_early=stop_early,
            until=until, timeout=timeout, devices=means["devices"], try_there=on != "ray",
            budget=allowed,
        )  # fmt: skip
        if not any(contestant.ranges for contestant in plan.contestants):
            for name in filter(partial(options.is_given, context), ("trials", "search_seeds")):
                option = f"--{name.replace('_', '-')}"
                note = translate("steepest: {} has no effect: all settings of the optimizers are given", option)
                terminal.echo(note, error=True)
        _note_easy_targets(plan)
        home = verbs.default_folder(plan, named) if out is None else out
        if allowed is not None:
            terminal.echo(_planned(plan, allowed.expected), error=True)
        elif len(plan.workloads) > 1:
            processes = at_a_time(jobs, means["devices"], per_device)
            terminal.echo(_expected(plan, verbs.expected(plan, processes) if on != "ray" else None), error=True)
        more = {**always, "population": population, "out": home}
        _compare(home, lambda progress: verbs.run_comparison(plan, start, **more, on_progress=progress))


def _planned(plan: "Plan", expected: "Expected | None") -> str:
    """What a budget was planned to be spent on."""
    line = translate(
        "planned for {}: {} runs, with {} trials in each of {} searches on {} seeds, and {} fresh seeds",
        plan.budget, plan.runs, plan.trials, plan.searches, plan.search_seeds, plan.seeds,
    )  # fmt: skip
    if plan.equal == "seconds":
        trials = {contestant.label: len(contestant.trials) // plan.searches for contestant in plan.contestants}
        line += translate("; trials for the same seconds: {}", ", ".join(f"{name} {n}" for name, n in trials.items()))
    return line + _about(expected)


def _note_easy_targets(plan: "Plan") -> None:
    """Say of which workloads the initial weights meet the target already."""
    from ..workloads import find, metric_at_start

    for goal in plan.workloads:
        problem, value = find(goal.name), metric_at_start(goal.name)
        if problem.replace(target=goal.target).reached(value):
            from ..report.verdict import met_at_start  # with matplotlib, which takes a while
            from ..report.words import label_text

            sentence = met_at_start(label_text(problem.metric_name), value, goal.target, problem.higher_is_better)
            terminal.echo(f"steepest: {goal.name}: {say(sentence)}", error=True)


def _expected(plan: "Plan", expected: "Expected | None") -> str:
    """How much a study of several workloads is, before it begins."""
    optimizers = dict.fromkeys(contestant.label for contestant in plan.contestants)
    line = translate(
        "{} workloads, {} optimizers with {} trials in each of {} searches, {} fresh seeds: {} runs",
        len(plan.workloads), len(optimizers), plan.trials, plan.searches, plan.seeds, f"{plan.runs:,}",
    )  # fmt: skip
    return line + _about(expected)


def _about(expected: "Expected | None") -> str:
    """How long it takes, and which optimizer takes most of that, if one does."""
    from ..study.budget import duration

    if expected is None:
        return ""
    line, label = translate("; about {}", duration(expected.seconds)), expected.dearest
    return line if label is None else line + translate(", {} of it {}", f"{expected.shares[label]:.0%}", label)


def _once(pairs: "Iterable[tuple[str, Range | str]]", option: str = "--range") -> "dict[str, Range | str]":
    """The ranges by name; one that is there twice is refused."""
    ranges: dict[str, Range | str] = {}
    for name, ends in pairs:
        if name in ranges:
            raise InvalidValue(f"{option} {name} is there twice; leave out one")
        ranges[name] = ends
    return ranges


def _load_files(workloads: Sequence[str], competing: Sequence[str], timeout: float | None) -> None:
    """Read and run a user's files before what is slow to import, so that a mistake in one is told at once.

    Only torch comes first, whose generators are seeded for a user's file. With a timeout the plan runs the files.
    """
    from ..base.modules import check_syntax

    own = [text for text in workloads if text.endswith(".py")]
    for text in [*own, *(f"{text.partition('.py')[0]}.py" for text in competing if ".py" in text)]:
        check_syntax(text)
    if timeout is not None or not own:
        return
    from .. import rules
    from .. import workloads as known
    from ..workloads.seeding import seeded

    with seeded(0):
        for text in own:
            known.find(text, try_out=False)
        for text in competing:
            if ".py" in text:
                rules.resolve_all(text)


def _refuse_rules(workloads: Sequence[str], competing: Sequence[str]) -> None:
    """Raise where a rule stands among the workloads: the right spelling is in the message."""
    from ..rules import names
    from ..workloads import SETS, WORKLOADS

    parts = [part for text in workloads for part in spec.split(text)]
    rules = [part for part in parts if spec.MODULE.match(part) or part.partition("(")[0].strip().lower() in names()]
    if rules:
        others = [part for part in parts if part not in rules and part != "digits"]
        line = shlex.join(["steepest", "compare", *others, "--optimizers", ",".join([*rules, *competing])])
        raise InvalidValue(f"{rules[0]!r} is an optimizer; write  {line}")
    if len(parts) > len(workloads) and all(part in WORKLOADS or part in SETS or part.endswith(".py") for part in parts):
        raise InvalidValue(f"workload: put spaces between several:  {shlex.join(['steepest', 'compare', *parts])}")


def _refuse_with_resume(context: typer.Context, packed: bool, adds_rules: bool) -> None:
    """Raise where an argument that plans a study stands beside --resume: a study goes on as it was planned.

    Optimizers that are added are planned now, by ranges of their own.
    """
    allowed = {"out"} if packed else set()
    if adds_rules:
        allowed.add("ranges")
    for name in NOT_WITH_RESUME:
        if name not in allowed and options.is_given(context, name):
            shown = {"workload": "a workload", "ranges": "--range"}.get(name, f"--{name.replace('_', '-')}")
            raise InvalidValue(f"--resume goes on with a study as it was planned; leave out {shown}")


def _compare(folder: Path, run: "Callable[[_Watch], Comparison]", notes: Sequence[str] = ()) -> None:
    """Run it, show how it goes, and print what came of it; the notes, once nothing stands in its way."""
    with _Watch(notes) as watch:
        try:
            comparison = run(watch)
        except KeyboardInterrupt:
            watch.stop()
            message = "stopped: {} of {} runs are kept in {}; steepest compare --resume {} goes on from there"
            terminal.echo(translate(message, watch.done, watch.total, folder, shlex.quote(str(folder))), error=True)
            raise typer.Exit(terminal.INTERRUPTED) from None
    print_comparison(comparison, folder)


# --- output -----------------------------------------------------------------------------------------------------------


class _Watch:
    """Shows a study's progress: a bar with the time left, and the best of each optimizer so far.

    On a terminal it is drawn in place; elsewhere a line is printed at each tenth of the work.
    """

    def __init__(self, notes: Sequence[str] = ()) -> None:
        self.done = self.total = 0
        self._notes = list(notes)
        self._console = terminal.Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn(translate("runs")),
            TimeElapsedColumn(), TextColumn(translate("left")), TimeRemainingColumn(), console=self._console,
        )  # fmt: skip
        self._task = self._progress.add_task(translate("preparing"), total=None)
        self._live = Live(self._progress, console=self._console, refresh_per_second=8, transient=True)
        self._next = 0.0
        self._tenth, self._said = 0, translate("comparing")

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Take the display away."""
        if self._live.is_started:
            self._live.stop()

    def __call__(self, store: "Store") -> None:
        """Show where the study stands."""
        while self._notes:
            self._console.print(self._notes.pop(0), soft_wrap=True, markup=False, highlight=False)
        self.done, self.total = store.done(), store.plan.runs
        total, doing = self.total, _doing(store)
        if self._console.is_terminal:
            if time.monotonic() < self._next:
                return
            self._next = time.monotonic() + REFRESH
            self._progress.update(self._task, description=doing, total=total, completed=self.done)
            self._live.update(Group(self._progress, _standings(store, self._console.width)))
        elif self.done * 10 // total > self._tenth:
            self._tenth = self.done * 10 // total
            self._console.print(translate("{} of {} runs", self.done, total), highlight=False)
        elif doing != self._said:
            self._said = doing
            self._console.print(doing, highlight=False)


def _doing(store: "Store") -> str:
    """What is being done, and for pictures how long that takes."""
    if not store.recording:
        return translate("comparing")
    from ..study.budget import duration

    return translate("training the best once more for pictures, about {}", duration(store.recording))


def _standings(store: "Store", width: int) -> Table:
    """The best trial of each contestant so far, in a table of this width at most.

    On a narrow terminal the less important columns are left out, so that names and numbers are whole.
    """
    names = store.plan.short_names
    rows = [
        {
            "workload": names[row["workload"]], "optimizer": row["label"], ">trials": str(row["trials"]),
            ">seeds": str(row["reports"]), ">best settings": settings_line(row["settings"]),
            ">steps to target": numbers.steps(row["steps_to_target"], translate("missed")),
            ">loss": numbers.general(row["final_loss"], 3),
        }
        for row in store.standings()
    ]  # fmt: skip
    shown = [*["workload"] * (len(names) > 1), "optimizer"]
    for column in MOST_WANTED:
        wider = sorted([*shown, column], key=COLUMNS.index)
        cells = [[translate(name.lstrip(">")), *(row[name] for row in rows)] for name in wider]
        if sum(max(map(cell_len, texts)) for texts in cells) + 2 * (len(wider) - 1) <= width:
            shown = wider
    table = terminal.table(*shown)
    for row in rows:
        table.add_row(*(escape(row[name]) for name in shown))
    return table
