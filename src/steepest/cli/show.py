"""`steepest show`: formula, settings and character of rules; facts of landscapes and of workloads."""

import shlex
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import rich.table
import typer
from rich.markup import escape
from rich.padding import Padding

from ..base.errors import InvalidValue
from ..base.files import check_place
from . import options, terminal, workload_page
from .language import language, translate
from .options import Dark, Lang
from .terminal import Sentence

if TYPE_CHECKING:
    from ..program.showing import Difference, Page, Table

__all__ = ["command"]


def command(
    context: typer.Context,
    names: Annotated[
        list[str] | None, typer.Argument(help="Rules, such as adam or 'sgd(momentum=0.9)', landscapes, or workloads.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every rule, side by side.")] = False,
    diff: Annotated[bool, typer.Option("--diff", help="What differs between two rules.")] = False,
    latex: Annotated[bool, typer.Option("--latex", help="Only the equations, as LaTeX.")] = False,
    like: Annotated[
        str, typer.Option("--like", help="A class of another library, such as timm.lamb: what it is here.")
    ] = "",
    save: Annotated[
        Path | None,
        typer.Option(help="Draw a landscape (.png, .svg, .pdf), or write what was learned on a workload (.png, .txt)."),
    ] = None,
    lang: Lang = "",
    dark: Dark = False,
) -> None:
    """Show a rule's formula, settings and character, or the facts of a landscape or workload; rules side by side.

    [dim]steepest show adam                                      formula, settings, memory, stability, reference[/dim]

    [dim]steepest show adam adamw --diff                         what differs[/dim]

    [dim]steepest show sgd momentum adagrad rmsprop adam         side by side[/dim]

    [dim]steepest show rosenbrock                                formula, gradient, minima, saddles[/dim]

    [dim]steepest show clothes                                   what is trained, and who was first[/dim]

    [dim]steepest show captions --save captions.png              what was learned there[/dim]
    """
    from .. import rules, workloads
    from ..program import equivalents, showing

    if like:
        _print_shown(equivalents.page_of(like, lang))
        return
    chosen = [*rules.RULES] if everything else names or []
    problems = [name for name in chosen if workload_page.is_workload(name) or name in workloads.SETS]
    if problems and (diff or latex):
        raise InvalidValue(f"{problems[0]}: is a workload, which has no equations; leave out --diff and --latex")
    options.needs(context, "dark", save is not None, "--save")
    draw = None if save is None else _drawing(chosen, save, dark)
    for name in problems:
        page = workload_page.set_page if name in workloads.SETS else workload_page.workload_page
        _print_shown(page(name, lang))
    others = [name for name in chosen if name not in problems]
    if latex:
        showing.show(others, lang=lang, others=workload_page.names())
        for name in others:
            terminal.echo("\n".join([f"% {name}"] * (len(others) > 1) + showing.equations(name)))
    elif others or not problems:
        for part in showing.show(others, diff=diff, lang=lang, others=workload_page.names()):
            _print_shown(part)
    if draw is not None:
        draw()
        terminal.echo(translate("drawn to {}", save))


def _drawing(chosen: Sequence[str], file: Path, dark: bool) -> Callable[[], object]:
    """What writes the picture of the one landscape or workload that is shown; wrong names and places raise at once."""
    from ..landscapes import Landscape
    from ..program import showing

    if len(chosen) != 1:
        raise InvalidValue(f"--save: draws one landscape or workload, got {len(chosen)} names")
    (name,) = chosen
    if workload_page.is_workload(name):
        return partial(workload_page.save_picture, name, workload_page.check_picture(name, file), file)
    subject = showing.find(name, workload_page.names())
    if not isinstance(subject, Landscape):
        raise InvalidValue(f"--save: {name} is a rule; steepest trace {shlex.quote(name)} --save {file} draws its path")
    from ..figures.paths import draw_landscape
    from ..figures.style import check_figure_file, save

    check_figure_file(file)
    check_place(file)
    figure = draw_landscape(subject, lang=language(), dark=dark)
    return lambda: save(figure, file)


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
