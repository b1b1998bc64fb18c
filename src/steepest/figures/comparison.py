"""Pictures of a comparison: how much the learning rate matters, and how training went. Data first, then drawing."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from ..comparison import Comparison
from ..spec import parse
from ..statistics import BROKEN
from .style import GREY, Look, clean, colors_and_marks, house_style, new_figure

__all__ = ["Band", "Sensitivity", "band", "draw_curves", "draw_learning_rates", "looks", "sensitivity"]


def looks(comparison: Comparison) -> dict[str, Look]:
    """How each contestant is drawn: by its rule, and by how many of the same rule stand before it."""
    seen: dict[str, int] = {}
    found = {}
    for contestant in comparison.plan.contestants:
        name = parse(contestant.rule).name.lower()
        found[contestant.label] = colors_and_marks(name, seen.get(name, 0))
        seen[name] = seen.get(name, 0) + 1
    return found


# --- learning rates ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sensitivity:
    """One contestant's trials, by learning rate: the final losses of those that went well, and the others."""

    lr: np.ndarray
    loss: np.ndarray
    broken_lr: np.ndarray
    best: tuple[float, float] | None


def sensitivity(comparison: Comparison, label: str) -> Sensitivity:
    """The data of `draw_learning_rates` for one contestant; `best` is the chosen trial."""
    runs = comparison.runs
    trials = runs[(runs["label"] == label) & (runs["phase"] == "search")].sort_values("lr")
    broken = trials["status"].isin(BROKEN)
    well = trials[~broken]
    chosen = well[well["lr"] == comparison.table.loc[label, "lr"]]
    best = (float(chosen["lr"].iloc[0]), float(chosen["final_loss"].iloc[0])) if len(chosen) else None
    return Sensitivity(well["lr"].to_numpy(), well["final_loss"].to_numpy(), trials[broken]["lr"].to_numpy(), best)


def draw_learning_rates(comparison: Comparison) -> Figure:
    """Final loss of every trial against its learning rate; trials that went wrong stand as crosses along the top."""
    with house_style():
        figure = new_figure(9, 4.6)
        axes = clean(figure.add_subplot(), "learning rate", "final loss")
        for place, (label, look) in enumerate(looks(comparison).items()):
            _draw_sensitivity(axes, sensitivity(comparison, label), label, look, place)
        _make_log(axes, "x", subs=(1.0,))
        _make_log(axes, "y")
        _legend(figure, axes)
    return figure


def _draw_sensitivity(axes: Axes, data: Sensitivity, label: str, look: Look, place: int) -> None:
    axes.plot(
        data.lr, data.loss, color=look.colour, linestyle=look.dash, marker=look.marker, markersize=4.5, label=label
    )
    if data.best:
        axes.plot(*data.best, marker=look.marker, markersize=11, markerfacecolor="none", markeredgewidth=1.8,
                  color=look.colour, linestyle="none")  # fmt: skip
    # a height of its own for each contestant, so that crosses at one learning rate do not hide each other
    height = np.full(len(data.broken_lr), 0.985 - 0.025 * place)
    axes.plot(data.broken_lr, height, marker="x", markersize=5, color=look.colour, linestyle="none",
              transform=axes.get_xaxis_transform())  # fmt: skip


# --- curves -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Band:
    """A measurement over the steps: median and quartiles over the seeds."""

    x: np.ndarray
    median: np.ndarray
    low: np.ndarray
    high: np.ndarray


def band(comparison: Comparison, label: str, column: str) -> Band:
    """The data of `draw_curves` for one contestant; `x` is steps, or examples where batch sizes differ."""
    curves = comparison.curves_of(label)
    if curves.empty:  # every run failed
        return Band(*(np.empty(0) for _ in range(4)))
    by_step = curves.pivot(index="step", columns="run", values=column)
    quartiles = by_step.quantile([0.25, 0.5, 0.75], axis=1)
    x = by_step.index.to_numpy() * (comparison.batch_size(label) if comparison.sizes_differ else 1)
    return Band(x, *(quartiles.loc[q].to_numpy() for q in (0.5, 0.25, 0.75)))


def draw_curves(comparison: Comparison) -> Figure:
    """Held-out loss and metric of the winners on fresh seeds: medians with the middle half of the seeds."""
    facts = comparison.workload
    x = "examples seen" if comparison.sizes_differ else "step"
    panels = [("loss", "held-out loss")] + [("metric", str(facts["metric_name"]))] * (not _metric_is_loss(comparison))
    with house_style():
        figure = new_figure(9, 4.2)
        all_axes = figure.subplots(1, len(panels), squeeze=False)[0]
        for axes, (column, name) in zip(all_axes, panels, strict=True):
            clean(axes, x, name)
            for label, look in looks(comparison).items():
                _draw_band(axes, band(comparison, label, column), label, look)
        _make_log(all_axes[0], "y")
        all_axes[-1].axhline(comparison.plan.target, color=GREY, linewidth=1, linestyle=(0, (3, 3)))
        all_axes[-1].annotate("target", (0.01, comparison.plan.target), xycoords=("axes fraction", "data"), ha="left",
                              va="bottom", color=GREY, fontsize=9)  # fmt: skip
        if len(panels) > 1 and facts["higher_is_better"]:
            _show_the_upper_part(all_axes[-1], comparison)
        _legend(figure, all_axes[0])
    return figure


def _metric_is_loss(comparison: Comparison) -> bool:
    curves: pd.DataFrame = comparison.curves
    return bool((curves["metric"] == curves["loss"]).mean() > 0.99)


def _draw_band(axes: Axes, data: Band, label: str, look: Look) -> None:
    axes.fill_between(data.x, data.low, data.high, color=look.colour, alpha=0.15, linewidth=0)
    axes.plot(data.x, data.median, color=look.colour, linestyle=look.dash, marker=look.marker, markersize=4,
              markevery=max(1, len(data.x) // 8), label=label)  # fmt: skip


def _show_the_upper_part(axes: Axes, comparison: Comparison) -> None:
    """The first steps from chance level would press everything that matters into the top."""
    middle = float(comparison.curves["metric"].median())
    axes.set_ylim(
        bottom=max(axes.get_ylim()[0], comparison.plan.target - 4 * abs(comparison.plan.target - middle) - 0.1)
    )


def _make_log(axes: Axes, which: Literal["x", "y"], subs: tuple[float, ...] = (1.0, 2.0, 5.0)) -> None:
    """A log axis with plain numbers on it: 0.01, 0.02, 0.05, 0.1; data that have no logarithm keep a plain axis."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    if min(axis.get_data_interval()) < 0 or not np.isfinite(axis.get_minpos()):
        return
    (axes.set_xscale if which == "x" else axes.set_yscale)("log")
    axis.set_major_locator(LogLocator(subs=subs))
    axis.set_major_formatter(lambda value, _: f"{value:g}")
    axis.set_minor_formatter(NullFormatter())


def _legend(figure: Figure, axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=min(5, len(labels)))
