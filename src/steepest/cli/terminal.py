"""Parts of what commands print: tables, numbers, warnings, a progress bar."""

import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Self, cast

import rich.console
import typer
from rich.cells import cell_len
from rich.console import ConsoleOptions, RenderableType, RenderResult
from rich.measure import Measurement
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from ..base.numbers import fixed
from ..base.text import visible
from .language import explain, translate

__all__ = [
    "INTERRUPTED", "Console", "Sentence", "Working", "echo", "folded_help", "notices", "paragraph", "point",
    "print_rows", "table",
]  # fmt: skip

WIDE = "\u2e80-\u9fff\uff00-\uffef"
"""Chinese characters and their punctuation."""

LETTER = rf"[^\s{WIDE}“”]"
"""What a word is made of."""

PART = re.compile(rf"[\[(（《]*(?:{LETTER}*\d %{LETTER}*|{LETTER}+|.)[，。；：、？！）》”]*\s*", re.DOTALL)
"""What stands on one line: a word, a percentage or a Chinese character, with the punctuation that belongs to it."""

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""


class Console(rich.console.Console):
    """A console of rich, which shows control characters in texts of users instead of sending them to the terminal."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        """The segments of a renderable; those that steer the terminal are rich's own."""
        for text, style, control in super().render(renderable, options):
            yield Segment(text if control else visible(text, keep="\n"), style, control)


def echo(text: str, error: bool = False) -> None:
    """Print lines, to standard error if wanted; control characters are shown, not sent to the terminal."""
    typer.echo(visible(text, keep="\n"), err=error)


def paragraph(text: str, head: str = "", error: bool = False) -> None:
    """Print a sentence and an empty line: folded to the width of a terminal; to a file or a pipe as one line.

    Args:
        text: the sentence.
        head: what stands before it, in bold, with a colon behind.
        error: whether it goes to standard error.
    """
    console = Console(stderr=error, highlight=False, markup=False)
    head = head and f"{head}{translate(': ')}"
    if console.is_terminal:
        console.print(Sentence(Text.assemble((head, "bold"), text)), "")
    else:
        echo(f"{head}{text}\n", error)


def table(*columns: str, title: str | None = None) -> Table:
    """A table without rules; a column whose English name begins with `>` is aligned to the right."""
    made = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        right = column.startswith(">")
        name = translate(column.lstrip(">"))
        made.add_column(name, justify="right" if right else "left", header_style="bold", overflow="fold")
    return made


def print_rows(console: Console, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table as of `table`; on a terminal too narrow for it, what a row has below the row's first cell."""
    wide = table(*head)
    for column in wide.columns[1:]:  # a long name gives way to the numbers
        column.no_wrap = True
    for row in rows:
        wide.add_row(*row)
    names = [translate(name.lstrip(">")) for name in head]
    widths = [max(map(cell_len, "\n".join(column).splitlines())) for column in zip(names, *rows, strict=True)]
    if sum(widths[1:]) + 2 * len(widths) + cell_len(names[0]) <= console.width:
        console.print(wide, "")
        return
    for first, *cells in rows:
        console.print(first, style="bold")
        below = table("", ">")
        below.show_header = False
        for name, cell in zip(names[1:], cells, strict=True):
            below.add_row(name.replace("\n", translate(" ")), cell)
        console.print(below, "")


class Sentence:
    """A text, not mark-up, that is folded between Chinese characters too, and not within a percentage.

    By itself rich folds at all spaces, and nowhere else.
    """

    def __init__(self, text: str | Text, style: str = "") -> None:
        self._text = text if isinstance(text, Text) else Text(text, style)

    def __rich_console__(self, console: rich.console.Console, options: ConsoleOptions) -> RenderResult:
        parts = self._text.divide(_folds(self._text.plain, options.max_width))
        for part in parts:
            part.rstrip()
        yield Text("\n", overflow="fold").join(parts)  # a word too long goes on in the next line, nothing is cut off

    def __rich_measure__(self, console: rich.console.Console, options: ConsoleOptions) -> Measurement:
        return Measurement.get(console, options, self._text)


def _folds(text: str, width: int) -> list[int]:
    """Where a text is folded to lines of at most this width; nowhere where rich folds it as well.

    >>> _folds("请增加步数（--steps）或放宽目标。", 16)
    [5, 16]
    """
    folds, used = [], 0
    for part in PART.finditer(text) if re.search(rf"[{WIDE}]|\d %", text) else ():
        if used and used + cell_len(part[0].rstrip()) > width:
            folds.append(part.start())
            used = 0
        used += cell_len(part[0])
    return folds


@contextmanager
def folded_help() -> Iterator[None]:
    """A context in which what Typer's help says of options and commands is folded as a `Sentence`, not cut off."""
    from typer import rich_utils

    before = vars(rich_utils)["Columns"], rich_utils._make_command_help
    vars(rich_utils)["Columns"] = lambda items: Sentence(Text(" ").join(items))
    vars(rich_utils)["_make_command_help"] = lambda **settings: Sentence(cast("Text", before[1](**settings)))
    try:
        yield
    finally:
        vars(rich_utils)["Columns"], vars(rich_utils)["_make_command_help"] = before


def point(coordinates: Iterable[float]) -> str:
    """The coordinates of a point with commas between."""
    return ", ".join(map(fixed, coordinates))


class Working:
    """A progress bar on standard error, called with `(done, total)`; not shown where none can be drawn."""

    def __init__(self, task: str) -> None:
        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
        shown = console.is_terminal and not console.is_dumb_terminal
        self._bar = Progress(*columns, console=console, transient=True, disable=not shown)
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
        Console(stderr=True, highlight=False, markup=False).print(
            f"steepest: {explain(warning.message)}", soft_wrap=True
        )
