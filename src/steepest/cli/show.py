"""`steepest show`: formula, settings and character of rules; facts of landscapes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import rich.table
import typer
from rich.markup import escape
from rich.padding import Padding

from . import terminal
from .options import Lang
from .terminal import Sentence

if TYPE_CHECKING:
    from ..program.showing import Difference, Page, Table

__all__ = ["command"]


def command(
    names: Annotated[
        list[str] | None, typer.Argument(help="Rules, such as adam or 'sgd(momentum=0.9)', or landscapes.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every rule, side by side.")] = False,
    diff: Annotated[bool, typer.Option("--diff", help="What differs between two rules.")] = False,
    latex: Annotated[bool, typer.Option("--latex", help="Only the equations, as LaTeX.")] = False,
    like: Annotated[
        str, typer.Option("--like", help="A class of another library, such as timm.lamb: what it is here.")
    ] = "",
    lang: Lang = "",
) -> None:
    """Show a rule's formula, settings and character, or a landscape's facts; several rules side by side.

    [dim]steepest show adam                                      formula, settings, memory, stability, reference[/dim]

    [dim]steepest show adam adamw --diff                         what differs[/dim]

    [dim]steepest show sgd momentum adagrad rmsprop adam         side by side[/dim]

    [dim]steepest show rosenbrock                                formula, gradient, minima, saddles[/dim]
    """
    from .. import rules
    from ..program import equivalents, showing

    if like:
        _print_shown(equivalents.page_of(like, lang))
        return
    chosen = [*rules.RULES] if everything else names or []
    shown = showing.show(chosen, diff=diff, lang=lang)
    if latex:
        for name in chosen:
            terminal.echo("\n".join([f"% {name}"] * (len(chosen) > 1) + showing.equations(name)))
        return
    for part in shown:
        _print_shown(part)


def _print_shown(shown: "Page | Table | Difference") -> None:
    """A page of equations, facts and settings; rules side by side; or what differs between two."""
    from ..program.showing import Page, Table

    console = terminal.Console(highlight=False)
    if isinstance(shown, Table):
        console.print(_filled(shown, spaced=True))
        return
    if isinstance(shown, Page):
        console.print(f"[bold]{escape(shown.title)}[/bold]\n")
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
