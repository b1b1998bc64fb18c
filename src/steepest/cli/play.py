"""`steepest play`: the playground, in the browser or as a file."""

from pathlib import Path
from typing import Annotated

import typer

from . import language, terminal
from .language import translate
from .options import Lang

__all__ = ["command"]


def command(
    save: Annotated[Path | None, typer.Option(help="Write the page to this file instead of opening it.")] = None,
    lang: Lang = "",
) -> None:
    """Open the playground: drag the start, slide the settings, and watch the rules run. One file, no network.

    [dim]steepest play                                           opens it in the browser[/dim]

    [dim]steepest play --save playground.html --lang zh          a file to hand out[/dim]
    """
    from ..playground import build_page, open_playground

    page_language = language.asked()  # otherwise the browser's
    if save is not None:
        terminal.echo(translate("saved to {}; open it in any browser", build_page(page_language).save(save)))
        return
    file, shown = open_playground(page_language)
    said = "opened {}" if shown else "no browser could be opened; open this file in one: {}"
    terminal.echo(translate(said, file))
