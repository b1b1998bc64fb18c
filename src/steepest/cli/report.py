"""`steepest report`: the page and the tables of a study, made again."""

from pathlib import Path
from typing import Annotated

import typer

from ..base import spec
from . import terminal
from .language import say, translate
from .options import Lang

__all__ = ["command"]


def command(
    study: Annotated[Path, typer.Argument(help="A study: its folder, or its file study.sqlite; finished or not.")],
    formats: Annotated[
        str, typer.Option("--format", help="Tables to write: csv, parquet, md, tensorboard; with commas between.")
    ] = "csv",
    out: Annotated[Path | None, typer.Option(help="Folder to write to; default: the study's own.")] = None,
    lang: Lang = "",
) -> None:
    """Make the report of a study again, and write its tables for other programs.

    The page, report.html, and the figures are always written. csv and parquet have every run, every measurement, and
    all else that the verdict is computed from; md is the verdict for a chat or an issue; tensorboard has the curves of
    the winners. Both have the numbers behind the verdict, too.

    [dim]steepest report steepest-digits                         as it stands now[/dim]

    [dim]steepest report steepest-digits --format csv,parquet,md --out shown[/dim]

    [dim]steepest report steepest-digits --format tensorboard    then: tensorboard --logdir steepest-digits[/dim]
    """
    from ..report import write_report
    from ..report.provenance import provenance_sentences
    from ..report.verdict import unfinished_sentence
    from ..study import Comparison
    from ..study.results import study_file

    comparison = Comparison.read(study)
    home = out or study_file(study).parent
    page, *tables = write_report(comparison, home, spec.split(formats))
    if not comparison.complete:
        terminal.echo(say(unfinished_sentence(comparison)))
    for remark in provenance_sentences(comparison):
        terminal.echo(say(remark))
    terminal.echo(translate("report: {}", page))
    for path in tables:
        terminal.echo(f"{path.suffix[1:] or path.name}: {path}")
