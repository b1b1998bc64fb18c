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
    page_language = language.asked()  # otherwise the browser's
    with terminal.Working(translate("building the lecture")):  # a few seconds: networks are trained for its numbers
        from ..lecture import open_lecture, save_lecture

        if save is not None:
            file = save_lecture(save, page_language, study or None)
            said = "saved to {}; open it in any browser"
        else:
            file, shown = open_lecture(page_language, study or None)
            said = "opened {}" if shown else "no browser could be opened; open this file in one: {}"
    terminal.echo(translate(said, file))
