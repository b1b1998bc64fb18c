"""What the commands print: tables, and a study's progress while it runs."""

import math
import textwrap
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any, Self

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

if TYPE_CHECKING:
    from ..paths.maps import BasinMap, SweepMap
    from ..paths.tracing import Path
    from ..program.showing import Difference, Page
    from ..program.showing import Table as Lines
    from ..study import Comparison, Store

__all__ = [
    "Watch", "Working", "notices", "print_basin", "print_comparison", "print_list", "print_paths", "print_shown",
    "print_sweep",
]  # fmt: skip

REFRESH = 0.25
"""Seconds between two refreshes of the progress display."""


def _table(*columns: str, title: str | None = None) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        right = column.startswith(">")
        table.add_column(column.lstrip(">"), justify="right" if right else "left", header_style="bold", overflow="fold")
    return table


# --- list -------------------------------------------------------------------------------------------------------------


def print_list() -> None:
    """Rules, landscapes, schedules and workloads, a line each."""
    from .. import landscapes, rules, schedules, workloads

    sections = {
        "Rules": {name: rule.summary() for name, rule in rules.RULES.items()},
        "Landscapes": {name: each.about.en for name, each in landscapes.LANDSCAPES.items()}
        | {name: _first_line(family) for name, family in landscapes.FAMILIES.items()},
        "Schedules": {name: _first_line(each) for name, each in schedules.SCHEDULES.items()},
        "Workloads": {name: workloads.summary(name) for name in workloads.WORKLOADS},
    }
    console = Console()
    for title, entries in sections.items():
        table = _table("name", "what it is", title=title)
        table.show_header = False
        for name, line in entries.items():
            table.add_row(f"[cyan]{name}[/cyan]", _plain(line))
        console.print(table, "")


def _first_line(function: Callable[..., Any]) -> str:
    return (function.__doc__ or "").strip().partition("\n")[0]


def _plain(line: str) -> str:
    """A docstring's line without its mark-up."""
    return escape(line.replace("$", "").replace("`", ""))


# --- show -------------------------------------------------------------------------------------------------------------


def print_shown(shown: "Page | Lines | Difference") -> None:
    """A page of equations, facts and settings; rules side by side; or what differs between two."""
    from ..program.showing import Page
    from ..program.showing import Table as Lines

    console = Console(highlight=False)
    if isinstance(shown, Lines):
        console.print(_filled(shown, spaced=True))
        return
    if isinstance(shown, Page):
        console.print(f"[bold]{escape(shown.title)}[/bold]\n")
    _print_equations(console, shown.equations)
    for lines in (shown.facts, shown.settings):
        if lines is not None:
            console.print("", _filled(lines))
    console.print()


def _print_equations(console: Console, equations: Sequence[str]) -> None:
    """Each indented, also where it is folded; lines of a difference in their colour."""
    from ..program.plain import plain

    for line in equations:
        mark, formula = (line[:2], line[2:]) if line[:2] in ("- ", "+ ", "  ") else ("", line)
        style = {"- ": "red", "+ ": "green"}.get(mark)
        console.print(Padding(escape(mark + plain(formula)), (0, 0, 0, 2 + len(mark))), style=style)


def _filled(lines: "Lines", spaced: bool = False) -> Table:
    table = _table(*lines.head)
    table.show_header = any(lines.head)
    table.columns[0].style, table.columns[0].no_wrap = "cyan", True
    for row in lines.rows:
        table.add_row(*map(escape, row))
        if spaced:
            table.add_row("")
    return table


# --- trace ------------------------------------------------------------------------------------------------------------


def print_paths(paths: "Sequence[Path]") -> None:
    """Where each path ended and what happened on it."""
    console = Console(highlight=False)
    first = paths[0]
    console.print(f"[bold]{escape(first.landscape.name)}[/bold] from ({_point(first.x[0])}), {first.steps} steps")
    for path in paths:
        console.print(f"\n[cyan]{escape(path.rule.label())}[/cyan]")
        console.print(f"  x = ({_point(path.x[-1])}), f = {_number(path.f[-1])}", soft_wrap=True)
        console.print(f"  {escape(str(path.outcome))}", soft_wrap=True)


def _point(point: Any) -> str:
    return ", ".join(_number(value) for value in point)


def _number(value: float) -> str:
    if not math.isfinite(value):
        return str(float(value))
    return f"{value:.6f}" if abs(value) < 1e5 else f"{value:.4e}"


# --- maps -------------------------------------------------------------------------------------------------------------


SEEN = 0.0005
"""The share of starts below which a way to end is not worth a line."""


def print_basin(basins: "BasinMap") -> None:
    """How many of the starts reach each minimum, for each rule."""
    import numpy as np

    from ..paths.maps import End

    names = [f"({', '.join(f'{each:.4g}' for each in point)})" for point in basins.minima.round(9) + 0.0]
    others = {End.OTHER: "another minimum", End.UNDER_WAY: "on its way, or stuck", End.DIVERGED: "diverged"}
    table = _table("reaches", ">value", *(f">{escape(rule.label())}" for rule in basins.rules))
    shares = [basins.shares(place) for place in range(len(basins.rules))]
    for place, (name, value) in enumerate(zip(names, basins.values.round(9) + 0.0, strict=True)):
        table.add_row(name, f"{value:.4g}", *(f"{share[place]:.1%}" for share in shares))
    for end, name in others.items():
        if any(share[end] >= SEEN for share in shares):
            table.add_row(name, "", *(f"{share[end]:.1%}" for share in shares))
    steps = [each[each <= basins.steps] for each in basins.arrived]
    table.add_row("median steps", "", *(f"{np.median(each):.0f}" if len(each) else "-" for each in steps))
    size = f"{len(basins.x):,} x {len(basins.y):,} starts"
    console = Console(highlight=False)
    console.print(f"[bold]{escape(basins.landscape.name)}[/bold] from {size}, {basins.steps} steps\n")
    console.print(table)


def print_sweep(sweep: "SweepMap") -> None:
    """The best pair of settings of each rule."""
    import numpy as np

    table = _table("rule", ">diverged", ">best value", "at", ">fewest steps", "at")
    for place, rule in enumerate(sweep.rules):
        best, fastest = sweep.best(place), sweep.fastest(place)
        value = "-" if best is None else f"{sweep.final[place].flat[best]:.3g}"
        steps = "-" if fastest is None or sweep.arrived is None else str(sweep.arrived[place].flat[fastest])
        gone = f"{np.isnan(sweep.final[place]).mean():.0%}"
        table.add_row(escape(rule.title), gone, value, _pair(sweep, place, best), steps, _pair(sweep, place, fastest))
    size = f"{len(sweep.across.values):,} x {len(sweep.up.values):,} settings"
    console = Console(highlight=False)
    where = f"from ({_point(sweep.start)}), {size}, {sweep.steps} steps"
    console.print(f"[bold]{escape(sweep.landscape.name)}[/bold] {where}\n")
    console.print(table)


def _pair(sweep: "SweepMap", rule: int, place: int | None) -> str:
    if place is None:
        return ""
    names = (sweep.across.names[rule], sweep.up.names[rule])
    return ", ".join(f"{name}={value:.3g}" for name, value in zip(names, sweep.pair(place), strict=True))


# --- work that takes seconds ------------------------------------------------------------------------------------------


class Working:
    """A bar on the terminal for work that takes seconds; elsewhere nothing."""

    def __init__(self, what: str) -> None:
        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._bar.add_task(what, total=None)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def __call__(self, done: int, total: int) -> None:
        """So much is done, of so much."""
        self._bar.update(self._task, completed=done, total=total)


@contextmanager
def notices() -> Iterator[None]:
    """Warnings that come up meanwhile, as a line each."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        yield
    for each in caught:
        Console(stderr=True, highlight=False, markup=False).print(f"steepest: {each.message}", soft_wrap=True)


# --- compare ----------------------------------------------------------------------------------------------------------


class Watch:
    """Shows a study's progress: a bar with the time left, and the best of each optimizer so far.

    On a terminal it is drawn in place; elsewhere a line is printed at each tenth of the work.
    """

    def __init__(self) -> None:
        self.done = self.total = 0
        self._console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("runs"),
            TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(), console=self._console,
        )  # fmt: skip
        self._task = self._progress.add_task("preparing", total=None)
        self._live = Live(self._progress, console=self._console, refresh_per_second=8, transient=True)
        self._next = 0.0
        self._tenth = 0

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
        self.done, self.total = store.done(), store.plan.runs
        total = self.total
        if self._console.is_terminal:
            if time.monotonic() < self._next:
                return
            self._next = time.monotonic() + REFRESH
            self._progress.update(self._task, description="comparing", total=total, completed=self.done)
            self._live.update(Group(self._progress, _standings(store)))
        elif self.done * 10 // total > self._tenth:
            self._tenth = self.done * 10 // total
            self._console.print(f"{self.done} of {total} runs", highlight=False)


def _standings(store: "Store") -> Table:
    """The best trial of each contestant so far."""
    names = store.plan.short_names
    several = len(names) > 1
    table = _table(
        *["workload"] * several, "optimizer", ">trials", ">seeds", ">best settings", ">steps to target", ">loss"
    )
    for each in store.standings():
        table.add_row(
            *[escape(names[each["workload"]])] * several, escape(each["label"]), str(each["trials"]),
            str(each["reports"]), _settings(each["settings"]), _steps(each["steps_to_target"]),
            f"{each['final_loss']:.3g}",
        )  # fmt: skip
    return table


def _settings(settings: Mapping[str, float]) -> str:
    """What was searched, the learning rate first and without its name."""
    others = [f"{name}={value:.3g}" for name, value in settings.items() if name != "lr"]
    return ", ".join([f"{settings['lr']:.3g}", *others])


def print_comparison(comparison: "Comparison", folder: FilePath | None = None) -> None:
    """The table of each workload, its verdict, and where everything is."""
    from ..report.sentences import profile_sentence

    console = Console(markup=False, highlight=False)  # what users write may hold brackets
    for each in comparison.by_workload().values():
        _print_workload(console, each)
    if (profile := profile_sentence(comparison)) is not None:
        console.print(f"{profile.en}\n")
    if folder is not None:
        console.print(f"report: {folder / 'report.html'}", soft_wrap=True)


def _print_workload(console: Console, comparison: "Comparison") -> None:
    from ..report.sentences import edge_warnings, partner_sentence, target_sentence, verdict_sentence

    console.print(comparison.workload["about"], style="bold")
    console.print(f"{target_sentence(comparison).en}; ± is the 95 % interval of the mean\n")
    metric = textwrap.fill(f"final {comparison.workload['metric_name']}", 18)
    table = _table(
        "optimizer", ">learning\nrate", ">steps to\ntarget", ">seconds\nto target", ">reached", f">{metric}",
        ">broken\ntrials",
    )  # fmt: skip
    for column in table.columns[1:]:  # a long name gives way to the numbers
        column.no_wrap = True
    for label, row in comparison.table.iterrows():
        margin = f" ± {(row['high'] - row['low']) / 2:.4f}" if math.isfinite(row["low"]) else ""
        settings = _settings(comparison.chosen[str(label)]) + " *" * bool(row["edge"])
        table.add_row(
            str(label), settings, _steps(row["steps_to_target"]),
            _seconds(row["seconds_to_target"]), f"{row['reached']:.0%}", f"{row['final_metric']:.4f}{margin}",
            f"{row['broken']:.0%}",
        )  # fmt: skip
    console.print(table, "")
    console.print(verdict_sentence(comparison).en)
    if (partner := partner_sentence(comparison)) is not None:
        console.print(partner.en)
    for warning in [*(each.en for each in edge_warnings(comparison)), *map(str, comparison.set_aside)]:
        console.print(warning, style="yellow")
    console.print()


def _steps(steps: float) -> str:
    return f"{steps:.0f}" if math.isfinite(steps) else "missed"


def _seconds(seconds: float) -> str:
    return f"{seconds:.3g}" if math.isfinite(seconds) else "-"
