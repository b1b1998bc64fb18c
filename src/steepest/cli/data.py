"""`steepest data`: the data sets of the workloads, where they are, and `steepest data get` to fetch them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from . import terminal
from .language import explain, say, translate
from .options import Lang
from .terminal import Console, Sentence

if TYPE_CHECKING:
    from ..datasets import Dataset
    from ..datasets.fetching import Progress as Fetched

__all__ = ["command", "watch"]

command = typer.Typer(invoke_without_command=True)

Names = Annotated[list[str], typer.Argument(help="Data sets, such as clothes.", show_default=False)]


@command.callback()
def sets(context: typer.Context, lang: Lang = "") -> None:
    """List the data sets of the workloads, or fetch some with `steepest data get`.

    A data set is looked for in the folder that STEEPEST_DATA names, in installed packages, where Debian's packages put
    it, and in the cache; what is nowhere is fetched when a workload needs it.

    [dim]steepest data                                           all, and where they are[/dim]

    [dim]steepest data get clothes                               fetch one[/dim]
    """
    if context.invoked_subcommand is not None:
        return
    from ..datasets.catalogue import DATASETS
    from ..datasets.getting import no_folder

    rows = [
        (name, say(each.about).rstrip(".。"), say(each.licence), _megabytes(each), _place(each))
        for name, each in DATASETS.items()
    ]
    console = Console(markup=False, highlight=False)
    for name, about, licence, size, place in rows:
        console.print(name, style="bold")
        console.print(Sentence(translate("  {}; licence {}, {}", about, licence, size)))
        console.print(f"  {place}", soft_wrap=True)  # to be copied
    ending = "steepest data get NAME fetches one; the folder in STEEPEST_DATA is looked in first"
    console.print(Sentence(translate(ending)))
    if misnamed := no_folder():
        console.print(Sentence(explain(misnamed)))


@command.command()
def get(names: Names, lang: Lang = "") -> None:
    """Fetch data sets that are not on this machine, each checked, into the cache.

    The cache is ~/.cache/steepest/data, or the folder data in what STEEPEST_CACHE names. A download that was
    interrupted goes on where it stopped.
    """
    from ..datasets import dataset, find

    for name in names:
        dataset(name)  # a wrong name is told before anything is fetched
    for name in names:
        terminal.echo(f"{name}: {_shortest(find(name))}")


def _megabytes(each: "Dataset") -> str:
    return translate("{} MB", f"{each.size / 1e6:.1f}")


def _place(each: "Dataset") -> str:
    """Where it is, by the names of its files; they are read only when they are needed."""
    from ..datasets.locating import whereabouts

    places = [next(whereabouts(each, file), None) for file in each.files]
    paths = [path for path in places if path]
    return _shortest(paths) if len(paths) == len(each.files) else translate("not on this machine")


def _shortest(paths: Sequence[Path]) -> str:
    """One path, or the folder of several."""
    return str(paths[0] if len(paths) == 1 else paths[0].parent)


@contextmanager
def watch(wanted: "Dataset") -> "Iterator[Fetched]":
    """Say what will be fetched, then show how far it is: on a terminal as a bar."""
    facts = say(wanted.licence), _megabytes(wanted), wanted.source
    terminal.echo(f"{wanted.name}: {say(wanted.about)}", error=True)
    terminal.echo(translate("  licence {}, {}, from {}", *facts), error=True)
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(wanted.name, total=wanted.size)
        fetched: dict[str, int] = {}

        def progress(name: str, done: int, total: int) -> None:
            fetched[name] = done
            bar.update(task, description=name, completed=sum(fetched.values()))

        try:
            yield progress
        except KeyboardInterrupt:
            bar.stop()
            terminal.echo(translate("stopped; the same command goes on from there"), error=True)
            raise
