"""`steepest play`: the playground, in the browser or as a file."""

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["command"]


def command(
    save: Annotated[Path | None, typer.Option(help="Write the page to this file instead of opening it.")] = None,
    lang: Annotated[str | None, typer.Option(help="Language: en or zh; default: the browser's.")] = None,
) -> None:
    """Open the playground: drag the start, slide the settings, and watch the rules run. One file, no network.

    [dim]steepest play                                           opens it in the browser[/dim]

    [dim]steepest play --save playground.html --lang zh          a file to hand out[/dim]
    """
    from ..playground import build_page, open_playground

    if save is not None:
        typer.echo(f"saved to {build_page(lang).save(save)}; open it in any browser")
        return
    file, shown = open_playground(lang)
    typer.echo(f"opened {file}" if shown else f"no browser could be opened; open this file in one: {file}")
