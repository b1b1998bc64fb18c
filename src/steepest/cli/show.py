"""`steepest show`: formula, settings and character of rules; facts of landscapes and of workloads."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import rich.table
import typer
from rich.markup import escape
from rich.padding import Padding

from . import terminal
from .language import translate
from .options import Lang
from .terminal import Sentence

if TYPE_CHECKING:
    from ..program.showing import Difference, Page, Table

__all__ = ["command"]


def command(
    names: Annotated[
        list[str] | None, typer.Argument(help="Rules, such as adam or 'sgd(momentum=0.9)', landscapes, or workloads.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every rule, side by side.")] = False,
    diff: Annotated[bool, typer.Option("--diff", help="What differs between two rules.")] = False,
    latex: Annotated[bool, typer.Option("--latex", help="Only the equations, as LaTeX.")] = False,
    like: Annotated[
        str, typer.Option("--like", help="A class of another library, such as timm.lamb: what it is here.")
    ] = "",
    lang: Lang = "",
) -> None:
    """Show a rule's formula, settings and character, or the facts of a landscape or workload; rules side by side.

    [dim]steepest show adam                                      formula, settings, memory, stability, reference[/dim]

    [dim]steepest show adam adamw --diff                         what differs[/dim]

    [dim]steepest show sgd momentum adagrad rmsprop adam         side by side[/dim]

    [dim]steepest show rosenbrock                                formula, gradient, minima, saddles[/dim]

    [dim]steepest show clothes                                   what is trained, its target and steps[/dim]
    """
    from .. import rules
    from ..program import equivalents, showing

    if like:
        _print_shown(equivalents.page_of(like, lang))
        return
    chosen = [*rules.RULES, *rules.OPTIMIZERS] if everything else names or []
    if not (diff or latex):
        problems = [name for name in chosen if _is_workload(name)]
        chosen = [name for name in chosen if name not in problems]
        for name in problems:
            _print_shown(_workload_page(name, lang))
        if problems and not chosen:
            return
    shown = showing.show(chosen, diff=diff, lang=lang)
    if latex:
        for name in chosen:
            terminal.echo("\n".join([f"% {name}"] * (len(chosen) > 1) + showing.equations(name)))
        return
    for part in shown:
        _print_shown(part)


def _is_workload(name: str) -> bool:
    """Whether a name is that of a workload, and of no rule or landscape."""
    from .. import landscapes, rules, workloads

    head = name.partition("(")[0].strip()
    taken = (*rules.names(), *landscapes.LANDSCAPES, *landscapes.FAMILIES)
    return head not in taken and head in (*workloads.WORKLOADS, *workloads.PLUGINS.plugins)


def _workload_page(name: str, lang: str) -> "Page":
    """What is trained, the metric to reach, the steps of a run, and how to compare optimizers on it."""
    from .. import workloads
    from ..base.numbers import general
    from ..program.showing import Page, Table

    problem = workloads.find(name, try_out=False)
    sign = "≥" if problem.higher_is_better else "≤"
    rows = [
        (translate("trained"), workloads.summary(name.partition("(")[0].strip(), lang)),
        (translate("target"), f"{problem.metric_name} {sign} {general(problem.target, 4)}"),
        (translate("steps"), f"{problem.steps:,}"),
    ]
    if problem.batch_size is not None:
        rows.append((translate("batch size"), f"{problem.batch_size:,}"))
    rows.append((translate("compare"), f"steepest compare {name} --quick"))
    return Page(name, [], Table(("", ""), rows))


def _print_shown(shown: "Page | Table | Difference") -> None:
    """A page of equations, facts and settings; rules side by side; or what differs between two."""
    from ..program.showing import Page, Table

    console = terminal.Console(highlight=False)
    if isinstance(shown, Table):
        console.print(_filled(shown, spaced=True))
        return
    if isinstance(shown, Page):
        console.print(f"[bold]{escape(shown.title)}[/bold]" + ("\n" if shown.equations else ""))
    _print_equations(console, shown.equations)
    for lines in (shown.facts, shown.settings):
        if lines is not None:
            console.print("", _filled(lines))
    console.print()


def _print_equations(console: terminal.Console, equations: Sequence[str]) -> None:
    """Each indented, also where it is folded; lines of a difference in their colour."""
    from ..program.plain import plain

    for line in equations:
        mark, formula = (line[:2], line[2:]) if line[:2] in ("- ", "+ ", "  ") else ("", line)
        style = {"- ": "red", "+ ": "green"}.get(mark)
        console.print(Padding(escape(mark + plain(formula)), (0, 0, 0, 2 + len(mark))), style=style)


def _filled(lines: "Table", spaced: bool = False) -> rich.table.Table:
    table = terminal.table(*lines.head)
    table.show_header = any(lines.head)
    table.columns[0].style, table.columns[0].no_wrap = "cyan", True
    for row in lines.rows:
        table.add_row(*map(Sentence, row))
        if spaced:
            table.add_row("")
    return table
