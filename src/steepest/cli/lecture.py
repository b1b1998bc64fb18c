"""`steepest lecture`: the lecture, in the browser or as a file."""

from pathlib import Path
from typing import Annotated

import typer

from . import language, terminal
from .language import translate
from .options import Lang

__all__ = ["command"]


def command(
    save: Annotated[Path | None, typer.Option(help="Write the page to this file instead of opening it.")] = None,
    study: Annotated[
        str, typer.Option(help="A finished study of several workloads, to show instead of the published one.")
    ] = "",
    lang: Lang = "",
) -> None:
    """Open the lecture: guess, watch, and try, a station at a time. One file, no network.

    [dim]steepest lecture                                        opens it in the browser[/dim]

    [dim]steepest lecture --save lecture.html --lang zh          a file to hand out[/dim]

    [dim]steepest lecture --study steepest-applications          with what your own study found[/dim]
    """
    from ..lecture import open_lecture, save_lecture

    page_language = language.asked()  # otherwise the browser's
    if save is not None:
        file = save_lecture(save, page_language, study or None)
        terminal.echo(translate("saved to {}; open it in any browser", file))
        return
    file, shown = open_lecture(page_language, study or None)
    said = "opened {}" if shown else "no browser could be opened; open this file in one: {}"
    terminal.echo(translate(said, file))
