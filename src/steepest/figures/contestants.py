"""What the pictures of a comparison share: how each contestant looks, log axes with plain numbers, the legend."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullFormatter

from ..base.spec import parse
from ..study import Comparison
from .looks import Look, colors_and_marks
from .style import house_style

__all__ = ["comparison_style", "legend", "legend_rows", "looks", "make_log", "short", "tag"]

LINE = 110
"""Characters that fit side by side into a legend as wide as the figure."""

HANDLE = 8
"""Characters that the line and the gap before a name are wide."""


def looks(comparison: Comparison, dark: bool = False) -> dict[str, Look]:
    """How each contestant is drawn: by its rule, and by how many of the same rule stand before it."""
    seen: dict[str, int] = {}
    found: dict[str, Look] = {}
    for contestant in comparison.plan.contestants:
        if contestant.label not in found:  # it is there once on every workload
            name = parse(contestant.rule).name.lower()
            found[contestant.label] = colors_and_marks(name, seen.get(name, 0), dark)
            seen[name] = seen.get(name, 0) + 1
    return found


def tag(place: int, what: str) -> str:
    """The id of a contestant's part of a picture, so that a page can hide and show it."""
    return f"contestant-{place}-{what}"


@contextmanager
def comparison_style() -> Iterator[None]:
    """The house style, in which a dollar is a dollar: users name optimizers, metrics and workloads."""
    with house_style():
        matplotlib.rcParams["text.parse_math"] = False
        yield


def short(text: str, most: int = 28) -> str:
    """User's text where there is little room: one line, without its middle if it is long.

    >>> short("SGD"), short("an optimizer that somebody gave a very long name")
    ('SGD', 'an optimizer th…y long name')
    """
    line = "".join(letter if letter.isprintable() else " " for letter in text).strip()
    return line if len(line) <= most else f"{line[: most // 2 + 1]}…{line[-(most // 2 - 3) :]}"


def make_log(axes: Axes, which: Literal["x", "y"], subs: tuple[float, ...] = (1.0, 2.0, 5.0)) -> None:
    """A log axis with plain numbers on it: 0.01, 0.02, 0.05, 0.1; data that have no logarithm keep a plain axis."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    low, high = axis.get_data_interval()
    if low < 0 or not np.isfinite(axis.get_minpos()):
        return
    (axes.set_xscale if which == "x" else axes.set_yscale)("log")
    wide = high > 1e4 * max(low, axis.get_minpos())  # then the numbers between the decades would run into each other
    axis.set_major_locator(LogLocator(subs=(1.0,) if wide else subs))
    axis.set_major_formatter(lambda value, _: f"{value:g}")
    axis.set_minor_formatter(NullFormatter())


# --- the legend -------------------------------------------------------------------------------------------------------


def legend(figure: Figure, comparison: Comparison) -> None:
    """Who is who, above the axes; each contestant's entry can be hidden with its curves."""
    found = looks(comparison)
    handles = [
        Line2D([], [], color=look.colour, linestyle=look.dash, marker=look.marker, markersize=4)
        for look in found.values()
    ]
    # a name that begins with "_" would be left out, so names are filled in afterwards
    names = [short(label) for label in found]
    made = figure.legend(handles, ["x"] * len(names), loc="outside upper center", ncols=_columns(names))
    for place, (handle, text) in enumerate(zip(made.legend_handles, made.get_texts(), strict=True)):
        text.set_text(names[place])
        text.set_gid(tag(place, "name"))
        if handle is not None:
            handle.set_gid(tag(place, "handle"))


def legend_rows(comparison: Comparison) -> int:
    """Lines of the legend: a figure with many grows with them."""
    names = [short(label) for label in looks(comparison)]
    return math.ceil(len(names) / _columns(names))


def _columns(names: list[str]) -> int:
    widest = max((len(name) for name in names), default=0)
    return max(1, min(6, len(names), LINE // (widest + HANDLE)))
