"""Figure of a search of several settings: final loss against each of them, a small panel a setting."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..base.numbers import setting
from ..statistics.trials import trial_table
from ..study import Comparison
from ..study.ranges import dimension_of
from .contestants import LARGEST, comparison_figure, looks, make_log, short, tag
from .style import clean, translate

__all__ = ["MOST_PANELS", "Panel", "draw_settings", "panels"]

MOST_PANELS = 6
"""Settings that are drawn, at most."""

ACROSS = 2
"""Panels side by side."""


@dataclass(frozen=True)
class Panel:
    """One setting of the trials.

    Attributes:
        name: of the setting.
        points: by label, the values of its sound trials and their final losses, in the order of the trials.
        categories: the values of a setting that has only few, as text; a point's value is then its place among them.
            Empty: the values are numbers on an axis.
        near_one: whether the values are distances to 1.
    """

    name: str
    points: dict[str, tuple[np.ndarray, np.ndarray]]
    categories: tuple[str, ...] = ()
    near_one: bool = False


def panels(comparison: Comparison) -> list[Panel]:
    """The data of `draw_settings`: each setting but the learning rate of which trials have several values."""
    table = trial_table(comparison.runs)
    sound = table[(table["broken"] == 0) & ~table["stopped"]]
    contestants = comparison.plan.contestants
    names = dict.fromkeys(name for one in contestants for name in one.trials[0] if name != "lr")
    drawn = [_panel(name, comparison, sound) for name in names]
    return [panel for panel in drawn if panel is not None][:MOST_PANELS]


def _panel(name: str, comparison: Comparison, sound: Any) -> Panel | None:
    values: dict[str, list[Any]] = {}
    losses: dict[str, np.ndarray] = {}
    dimensions = []
    for one in comparison.plan.contestants:
        if name not in one.trials[0]:
            continue
        own = sound[sound["label"] == one.label]
        values[one.label] = [one.trials[int(trial)][name] for trial in own["trial"]]
        losses[one.label] = own["final_loss"].to_numpy(dtype=float).clip(-LARGEST, LARGEST)
        if name in one.ranges:
            dimensions.append(dimension_of(one.ranges[name]))
    different = {repr(value): value for own in values.values() for value in own}
    if len(different) < 2:
        return None
    spans = [span for dimension in dimensions for span in dimension.spans]
    if not spans:
        order = sorted(different.values(), key=_order)
        places = {repr(value): place for place, value in enumerate(order)}
        found = {label: np.array([places[repr(value)] for value in own], dtype=float) for label, own in values.items()}
        return Panel(name, {label: (found[label], losses[label]) for label in found}, tuple(map(setting, order)))
    near_one = any(span.scale == "near one" for span in spans)
    numbers = {label: np.array(own, dtype=float) for label, own in values.items()}
    if near_one:
        numbers = {label: 1 - own for label, own in numbers.items()}
    return Panel(name, {label: (numbers[label], losses[label]) for label in numbers}, near_one=near_one)


def _order(value: Any) -> tuple[bool, Any, str]:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return not is_number, value if is_number else 0, str(value)


def draw_settings(comparison: Comparison, lang: str | None = None) -> Figure:
    """Draw the final loss of every sound trial against each searched setting but the learning rate."""
    drawn = panels(comparison)
    rows = math.ceil(len(drawn) / ACROSS)
    with comparison_figure(comparison, 2.2 * rows, lang) as figure:
        for number, panel in enumerate(drawn):
            title = f"1 − {panel.name}" if panel.near_one else panel.name
            loss = translate("final loss") if number % ACROSS == 0 else ""
            axes = clean(figure.add_subplot(rows, min(ACROSS, len(drawn)), number + 1), title, loss)
            for index, (label, look) in enumerate(looks(comparison).items()):
                if label not in panel.points:
                    continue
                x, y = panel.points[label]
                if panel.categories:  # side by side, so that contestants do not hide each other
                    x = x + 0.5 * ((index + 0.5) / len(looks(comparison)) - 0.5)
                axes.plot(x, y, color=look.colour, linestyle="none", marker=look.marker, markersize=3.5, alpha=0.7,
                          gid=tag(index, f"setting-{number}"))  # fmt: skip
            _scale(axes, panel)
    return figure


def _scale(axes: Axes, panel: Panel) -> None:
    make_log(axes, "y")
    if panel.categories:
        axes.set_xticks(range(len(panel.categories)), [short(text, 14) for text in panel.categories])
        axes.set_xlim(-0.5, len(panel.categories) - 0.5)
        return
    values = np.concatenate([x for x, _ in panel.points.values()])
    positive = values[values > 0]
    if len(positive) and positive.max() > 20 * positive.min():
        if len(positive) == len(values):
            make_log(axes, "x", subs=(1.0,))
        elif values.min() == 0:  # an exact 0 beside a range on a log scale
            axes.set_xscale("symlog", linthresh=float(positive.min()))
            axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
