"""Shared parts of the figures of a comparison: each contestant's look, log axes with plain numbers, the legend."""

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

from ..study import Comparison
from ..study.results import name_of
from .looks import Look, colors_and_marks, made_look
from .style import house_style, new_figure

__all__ = ["LARGEST", "comparison_figure", "looks", "make_log", "short", "tag"]

WIDTH = 6.0
"""Width of a figure in inches: its letters can be read on a telephone, where it is as wide as the screen."""

LINE = 72
"""Width of the legend, which is that of the figure, in characters."""

HANDLE = 8
"""Width of the line and the gap before a name, in characters."""


def looks(comparison: Comparison, dark: bool = False) -> dict[str, Look]:
    """The look of each contestant, by label: that of its rule, in another variant for each further one of that rule."""
    seen: dict[str, int] = {}
    by_label: dict[str, Look] = {}
    for contestant in comparison.plan.contestants:
        if contestant.label not in by_label:  # a label occurs once on every workload
            name = name_of(contestant.rule)
            look = comparison.facts_of_rule(contestant.rule)["look"] or made_look(name)
            by_label[contestant.label] = colors_and_marks(name, seen.get(name, 0), dark, look)
            seen[name] = seen.get(name, 0) + 1
    return by_label


def tag(index: int, part: str) -> str:
    """The SVG id of a part of the figure that shows a contestant, so that a page can hide it.

    >>> tag(0, "loss")
    'contestant-0-loss'
    """
    return f"contestant-{index}-{part}"


@contextmanager
def comparison_figure(comparison: Comparison, height: float, lang: str | None = None) -> Iterator[Figure]:
    """A context that gives a figure in the house style, and adds its legend at the end; `height` is without the legend.

    TeX is switched off: users name optimizers, metrics and workloads, and use "$".
    """
    by_label = looks(comparison)
    columns = _columns([short(label) for label in by_label])
    with house_style(lang):
        matplotlib.rcParams["text.parse_math"] = False
        figure = new_figure(WIDTH, height + 0.2 * math.ceil(len(by_label) / columns))
        yield figure
        _draw_legend(figure, by_label, columns)


def short(text: str, most: int = 28) -> str:
    """A user's text on one line of at most `most` characters; a longer one loses its middle.

    >>> short("SGD"), short("an optimizer that somebody gave a very long name")
    ('SGD', 'an optimizer th…y long name')
    """
    line = "".join(letter if letter.isprintable() else " " for letter in text).strip()
    return line if len(line) <= most else f"{line[: most // 2 + 1]}…{line[-(most // 2 - 3) :]}"


LARGEST = 1e300
"""Of a value that is drawn: an axis needs room beyond its ends."""


def make_log(axes: Axes, which: Literal["x", "y"], subs: tuple[float, ...] = (1.0, 2.0, 5.0)) -> None:
    """Make an axis logarithmic with plain numbers: 0.01, 0.02, 0.05, 0.1; with negative data it stays linear."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    low, high = axis.get_data_interval()
    if low < 0 or not np.isfinite(axis.get_minpos()):
        return
    (axes.set_xscale if which == "x" else axes.set_yscale)("log")
    wide = high > 1e4 * max(low, axis.get_minpos())  # then the numbers between the decades would overlap
    axis.set_major_locator(LogLocator(subs=(1.0,) if wide else subs))
    axis.set_major_formatter(lambda value, _: f"{value:g}")
    axis.set_minor_formatter(NullFormatter())


# --- the legend -------------------------------------------------------------------------------------------------------


def _draw_legend(figure: Figure, by_label: dict[str, Look], columns: int) -> None:
    """Above the axes; each entry has its contestant's tag, to be hidden with its curves."""
    handles = [Line2D([], [], **look.line, markersize=4) for look in by_label.values()]
    # Matplotlib leaves out a name that begins with "_", so names are filled in afterwards
    legend = figure.legend(handles, ["x"] * len(handles), loc="outside upper center", ncols=columns)
    entries = zip(by_label, legend.legend_handles, legend.get_texts(), strict=True)
    for index, (label, handle, text) in enumerate(entries):
        text.set_text(short(label))
        text.set_gid(tag(index, "name"))
        if handle is not None:
            handle.set_gid(tag(index, "handle"))


def _columns(names: list[str]) -> int:
    widest = max((len(name) for name in names), default=0)
    return max(1, min(6, len(names), LINE // (widest + HANDLE)))
