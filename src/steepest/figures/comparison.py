"""Figures of the winners of a comparison: curves of loss and metric, and performance profiles over workloads."""

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from ..study import Comparison
from .contestants import LARGEST, comparison_figure, looks, make_log, short, tag
from .style import GREY, clean, name_of, translate

__all__ = ["Band", "band", "draw_curves", "draw_profiles"]

# --- curves -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Band:
    """A measurement over the course of training: median and quartiles over the seeds.

    Attributes:
        x: steps, or examples seen where batch sizes differ; shape (n,), as all others.
        median: over the seeds.
        low: lower quartile.
        high: upper quartile.
    """

    x: np.ndarray
    median: np.ndarray
    low: np.ndarray
    high: np.ndarray


def band(comparison: Comparison, label: str, column: str) -> Band:
    """The data of `draw_curves` for one contestant; `column` is that of the curves, such as `loss`."""
    curves = comparison.curves_of(label)
    if curves.empty:  # every run failed
        return Band(*(np.empty(0) for _ in range(4)))
    by_step = curves.pivot(index="step", columns="run", values=column).clip(-LARGEST, LARGEST)
    quartiles = by_step.quantile([0.25, 0.5, 0.75], axis=1)
    x = by_step.index.to_numpy() * (comparison.batch_size(label) if comparison.sizes_differ else 1)
    return Band(x, *(quartiles.loc[q].to_numpy() for q in (0.5, 0.25, 0.75)))


def draw_curves(comparison: Comparison, lang: str | None = None) -> Figure:
    """Draw held-out loss and metric of the winners on fresh seeds: medians with the middle half of the seeds."""
    facts = comparison.workload
    step = "gradient evaluations" if comparison.several_evaluations else "step"
    columns = ["loss"] if comparison.metric_is_loss else ["loss", "metric"]
    with comparison_figure(comparison, 0.6 + 2.7 * len(columns), lang) as figure:
        titles = {"loss": translate("held-out loss"), "metric": short(name_of(str(facts["metric_name"])), 40)}
        all_axes = figure.subplots(len(columns), 1, squeeze=False, sharex=True)[:, 0]
        all_axes[-1].set_xlabel(translate("examples seen") if comparison.sizes_differ else translate(step))
        for axes, column in zip(all_axes, columns, strict=True):
            axes.set_ylabel(titles[column])
            for index, (label, look) in enumerate(looks(comparison).items()):
                data, name = band(comparison, label, column), tag(index, column)
                axes.fill_between(data.x, data.low, data.high, color=look.colour, alpha=0.15, linewidth=0,
                                  gid=f"{name}-band")  # fmt: skip
                axes.plot(data.x, data.median, **look.line, markersize=4, markevery=max(1, len(data.x) // 8), gid=name)
        make_log(all_axes[0], "y")
        _draw_target(all_axes[-1], comparison.target)
        if len(columns) > 1 and facts["higher_is_better"]:
            # the first steps from chance level would press everything that matters into the top
            middle = float(comparison.curves["metric"].median())
            lowest = comparison.target - 4 * abs(comparison.target - middle) - 0.1
            all_axes[-1].set_ylim(bottom=max(all_axes[-1].get_ylim()[0], lowest))
    return figure


def _draw_target(axes: Axes, target: float) -> None:
    """A line at the target; where a log scale has no place for it, an arrow down at the lower end."""
    name = translate("target")
    if target <= 0 and axes.get_yscale() == "log":
        axes.annotate(name, (0.04, 0), (0.04, 0.08), xycoords="axes fraction", ha="center", va="bottom", color=GREY,
                      fontsize=9, arrowprops={"arrowstyle": "->", "color": GREY})  # fmt: skip
        return
    axes.axhline(target, color=GREY, linewidth=1, linestyle=(0, (3, 3)))
    axes.annotate(name, (0.01, target), xycoords=("axes fraction", "data"), ha="left", va="bottom", color=GREY,
                  fontsize=9)  # fmt: skip


# --- profiles ---------------------------------------------------------------------------------------------------------


def draw_profiles(comparison: Comparison, lang: str | None = None) -> Figure:
    """Draw performance profiles: the share of workloads on which an optimizer is within a factor of the fastest.

    Raises:
        ValueError: the comparison has none, being on one workload or unfinished.
    """
    if comparison.profiles is None:
        raise ValueError("profiles: need a finished comparison on several workloads")
    shares = comparison.profiles.profile
    with comparison_figure(comparison, 3.4, lang) as figure:
        x, y = translate("times as long as the fastest"), translate("share of the workloads")
        axes = clean(figure.add_subplot(), x, y)
        for index, (label, look) in enumerate(looks(comparison).items()):
            if label not in shares.index:  # every run of it was set aside
                continue
            axes.step(shares.columns, shares.loc[label], where="post", **look.line, markersize=4,
                      markevery=(2 * index % 24, 24), gid=tag(index, "profile"))  # fmt: skip
        axes.set_xlim(float(shares.columns[0]), float(shares.columns[-1]))
        axes.set_ylim(-0.03, 1.03)
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    return figure
