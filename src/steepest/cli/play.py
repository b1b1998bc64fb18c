"""`steepest play`: the playground, in the browser or as a file."""

from pathlib import Path
from typing import Annotated

import typer

from . import language, terminal
from .language import translate
from .options import Lang, rules_of

__all__ = ["command"]


def command(
    save: Annotated[Path | None, typer.Option(help="Write the page to this file instead of opening it.")] = None,
    rules: Annotated[
        list[str] | None, typer.Option("--rules", help="A .py file with rules of your own; repeat for more.")
    ] = None,
    lang: Lang = "",
) -> None:
    """Open the playground: drag the start, slide the settings, and watch the rules run. One file, no network.

    [dim]steepest play                                           opens it in the browser[/dim]

    [dim]steepest play --save playground.html --lang zh          a file to hand out[/dim]

    [dim]steepest play --rules mine.py                           with rules of your own[/dim]
    """
    from ..playground import open_playground, play

    chosen = rules_of(rules or [])
    page_language = language.asked()  # otherwise the browser's
    if save is not None:
        terminal.echo(translate("saved to {}; open it in any browser", play(save, page_language, chosen)))
        return
    file, shown = open_playground(page_language, chosen)
    said = "opened {}" if shown else "no browser could be opened; open this file in one: {}"
    terminal.echo(translate(said, file))
