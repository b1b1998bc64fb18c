"""`steepest pack`: a study as one small file, to publish and to go on with elsewhere."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from . import terminal
from .language import translate
from .options import Lang

__all__ = ["command"]


def command(
    study: Annotated[Path, typer.Argument(help="A study: its folder, or its file study.sqlite; finished or not.")],
    packed: Annotated[
        Path | None, typer.Argument(help="The file to write, NAME.sqlite.xz; default: the folder's name, here.")
    ] = None,
    lang: Lang = "",
) -> None:
    """Pack a study, with every run and every curve, into one small file.

    steepest report reads such a file, and steepest compare --resume goes on from it in a folder of its own.

    [dim]steepest pack steepest-applications docs/applications.sqlite.xz[/dim]

    [dim]steepest compare --resume docs/applications.sqlite.xz --add-seeds 10[/dim]
    """
    from ..study.packing import SUFFIX, pack
    from ..study.results import study_file

    file = study_file(study)
    target = packed or Path(f"{file.resolve().parent.name}{SUFFIX}")
    size = pack(file, target)
    line = "packed into {} ({} MB); steepest compare --resume {} goes on from it"
    terminal.echo(translate(line, target, f"{size / 1e6:.2g}", shlex.quote(str(target))))
