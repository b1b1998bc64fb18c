"""Parts of what commands print: tables, numbers, warnings, a progress bar."""

import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from ..base.numbers import fixed

__all__ = ["INTERRUPTED", "Working", "notices", "point", "print_rows", "table"]

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""


def table(*columns: str, title: str | None = None) -> Table:
    """A table without rules; a column whose name begins with `>` is aligned to the right."""
    made = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        right = column.startswith(">")
        made.add_column(column.lstrip(">"), justify="right" if right else "left", header_style="bold", overflow="fold")
    return made


def print_rows(console: Console, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table as of `table`; on a terminal too narrow for it, what a row has below the row's first cell."""
    wide = table(*head)
    for column in wide.columns[1:]:  # a long name gives way to the numbers
        column.no_wrap = True
    for row in rows:
        wide.add_row(*row)
    widths = [max(map(len, "\n".join(column).splitlines())) for column in zip(head, *rows, strict=True)]
    if sum(widths[1:]) + 2 * len(widths) + len(head[0]) <= console.width:
        console.print(wide, "")
        return
    for name, *cells in rows:
        console.print(name, style="bold")
        below = table("", ">")
        below.show_header = False
        for title, cell in zip(head[1:], cells, strict=True):
            below.add_row(title.lstrip(">").replace("\n", " "), cell)
        console.print(below, "")


def point(coordinates: Iterable[float]) -> str:
    """The coordinates of a point with commas between."""
    return ", ".join(map(fixed, coordinates))


class Working:
    """A progress bar on standard error, called with `(done, total)`; not shown where that is no terminal."""

    def __init__(self, task: str) -> None:
        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._bar.add_task(task, total=None)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def __call__(self, done: int, total: int) -> None:
        """Update the bar."""
        self._bar.update(self._task, completed=done, total=total)


@contextmanager
def notices() -> Iterator[None]:
    """A context that prints the warnings raised in it when it ends, a line each, to standard error."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        yield
    for warning in caught:
        Console(stderr=True, highlight=False, markup=False).print(f"steepest: {warning.message}", soft_wrap=True)
