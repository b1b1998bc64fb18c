"""`steepest report`: the page and the tables of a study, made again."""

import time
from pathlib import Path
from typing import Annotated

import typer

from ..base import spec
from . import terminal
from .language import language, say, translate
from .options import Lang

__all__ = ["command"]

LEAST_WAIT = 5.0
"""Seconds between two looks at a study that runs, at least; a page that takes longer to write is written less often."""


def command(
    study: Annotated[Path, typer.Argument(help="A study: its folder, or its file, packed or not; finished or not.")],
    formats: Annotated[
        str,
        typer.Option(
            "--format", help="Tables to write: csv, parquet, md, tensorboard, jsonl, mlflow; with commas between."
        ),
    ] = "csv",
    out: Annotated[Path | None, typer.Option(help="Folder to write to; default: the study's own.")] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Write the page again while the study runs; it loads itself anew.")
    ] = False,
    lang: Lang = "",
) -> None:
    """Make the report of a study again, and write its tables for other programs.

    The page, report.html, and the figures are always written. csv and parquet have every run, every measurement, and
    all else that the verdict is computed from; md is the verdict for a chat or an issue; tensorboard has the curves of
    the winners. Both have the numbers behind the verdict, too. tensorboard (HPARAMS), jsonl (the files of Weights &
    Biases) and mlflow have the settings and the results of each run.

    [dim]steepest report steepest-digits                         as it stands now[/dim]

    [dim]steepest report steepest-digits --format csv,parquet,md --out shown[/dim]

    [dim]steepest report steepest-digits --watch                 while it runs, in another terminal[/dim]

    [dim]steepest report steepest-digits --format tensorboard    then: tensorboard --logdir steepest-digits[/dim]
    """
    from ..report.build import write_report
    from ..report.provenance import provenance_sentences
    from ..report.verdict import unfinished_sentence
    from ..study import Comparison
    from ..study.packing import is_packed
    from ..study.results import study_file

    home = out or (study.parent if is_packed(study) else study_file(study).parent)
    if watch:
        _watch(study, home)
    comparison = Comparison.read(study)
    page, *tables = write_report(comparison, home, spec.split(formats), lang=language())
    if not comparison.complete:
        terminal.echo(say(unfinished_sentence(comparison)))
    for remark in provenance_sentences(comparison):
        terminal.echo(say(remark))
    terminal.echo(translate("report: {}", page))
    for path in tables:
        terminal.echo(f"{path.suffix[1:] or path.name}: {path}")


def _watch(study: Path, home: Path) -> None:
    """Write the page whenever the study has changed, until it is finished, or Ctrl-C; the last one is for the caller.

    A study is finished if it was complete, with nothing more to do, at two looks in a row: seeds may be added to it.
    """
    from ..report.build import write_report
    from ..report.verdict import unfinished_sentence
    from ..study import Comparison

    seen, wait, complete = None, LEAST_WAIT, 0
    try:
        while complete < 2:
            started = time.monotonic()
            comparison = Comparison.read(study)
            done = (len(comparison.runs), comparison.plan.runs, len(comparison.timings), comparison.running)
            complete = complete + 1 if comparison.complete and not comparison.running else 0
            if done != seen and not complete:
                page, *_ = write_report(comparison, home, (), refresh=round(wait), lang=language())
                if seen is None:
                    terminal.echo(translate("report: {}", page))
                terminal.echo(say(unfinished_sentence(comparison)))
                wait = max(LEAST_WAIT, 2 * (time.monotonic() - started))
            seen = done
            if complete < 2:
                time.sleep(wait)
    except KeyboardInterrupt:
        return
