"""Figures of a search: final loss against learning rate, and the best result against the number of trials."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from ..statistics import budget_curve
from ..statistics.trials import trial_table
from ..study import Comparison
from .contestants import LARGEST, comparison_figure, looks, make_log, tag
from .looks import Look
from .style import GREY, clean, translate, whole_steps

__all__ = ["Sensitivity", "budgets", "draw_budget", "draw_learning_rates", "sensitivity", "trend"]

MANY = 40
"""Trials of a contestant up to which all contestants' are joined by lines; more are drawn as dots with a trend."""

ABOVE = 1.03
"""Height of the lowest crosses of broken trials, in heights of the frame: where no loss could be read off."""

BINS = 24
"""Bins of learning rates of a trend."""

# --- learning rates ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sensitivity:
    """One contestant's trials, sorted by learning rate.

    Attributes:
        lr: learning rates of the sound trials, shape (n,).
        loss: their final losses, shape (n,); the median over several search seeds.
        broken_lr: learning rates of the broken trials.
        stopped: learning rates and losses of the trials that were stopped early, shape (n, 2).
        winners: learning rate and loss of the chosen trial of each search; empty if all broke.
        alone: whether nothing but the learning rate was searched.
    """

    lr: np.ndarray
    loss: np.ndarray
    broken_lr: np.ndarray
    stopped: np.ndarray
    winners: list[tuple[float, float]]
    alone: bool = True


def sensitivity(comparison: Comparison, label: str) -> Sensitivity:
    """The data of `draw_learning_rates` for one contestant."""
    runs = comparison.runs
    trials = trial_table(runs[runs["label"] == label]).sort_values("lr", kind="stable")
    broken = trials["broken"] > 0
    sound, stopped = trials[~broken & ~trials["stopped"]], trials[trials["stopped"]]
    rates = [settings.get("lr") for settings in comparison.winners.get(label, ())]
    chosen = sound[sound["lr"].isin(rates or [comparison.table["lr"].get(label)])]
    winners = list(zip(chosen["lr"], chosen["final_loss"].clip(-LARGEST, LARGEST), strict=True))
    alone = trials["settings"].nunique() == trials["lr"].nunique() if "settings" in trials else True
    lr, loss = (sound[name].to_numpy(dtype=float).clip(-LARGEST, LARGEST) for name in ("lr", "final_loss"))
    broken_lr = trials.loc[broken, "lr"].to_numpy(dtype=float)
    return Sensitivity(lr, loss, broken_lr, stopped[["lr", "final_loss"]].to_numpy(dtype=float), winners, alone)


def trend(lr: np.ndarray, loss: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Middles and median losses of the bins of learning rates that are not empty, even on a log scale; both (m,).

    A rate of 0 has no place there.
    """
    lr, loss = lr[lr > 0], loss[lr > 0]
    if not len(lr):
        return lr, loss
    log_lr = np.log(lr)
    bins = np.clip(((log_lr - log_lr.min()) / max(np.ptp(log_lr), 1e-12) * BINS).astype(int), 0, BINS - 1)
    filled = np.unique(bins)
    middles = np.exp(log_lr.min() + (filled + 0.5) / BINS * np.ptp(log_lr))
    return middles, np.array([np.median(loss[bins == index]) for index in filled])


def draw_learning_rates(comparison: Comparison, lang: str | None = None) -> Figure:
    """Draw the final loss of every trial against its learning rate; broken trials are crosses above the frame."""
    data = {label: sensitivity(comparison, label) for label in looks(comparison)}
    broken = [label for label in data if len(data[label].broken_lr)]
    many = any(len(own.lr) > MANY for own in data.values())
    spacing = min(0.03, 0.2 / max(1, len(broken)))
    with comparison_figure(comparison, 4.3, lang) as figure:
        axes = clean(figure.add_subplot(), translate("learning rate"), translate("final loss"))
        for index, (label, look) in enumerate(looks(comparison).items()):
            _draw_sensitivity(axes, data[label], look, index, many)
            if label in broken:  # each at a height of its own, so that crosses at one rate do not hide each other
                _draw_broken(axes, data[label], look, index, ABOVE + spacing * broken[::-1].index(label))
        if broken:
            axes.text(
                0, ABOVE, translate("went wrong"), transform=axes.transAxes, va="center", color=GREY, fontsize="small"
            )
        make_log(axes, "x", subs=(1.0,))
        make_log(axes, "y")
    return figure


def _draw_sensitivity(axes: Axes, data: Sensitivity, look: Look, index: int, many: bool) -> None:
    x, y = data.lr, data.loss
    if many and len(data.lr):
        _draw_dots(axes, data, look, tag(index, "trials"))
        x, y = trend(data.lr, data.loss)
    # where another setting differs too, a line from trial to trial would suggest a function of the learning rate
    line = look.dash if data.alone or many else "none"
    axes.plot(x, y, color=look.colour, linestyle=line, marker=look.marker, markersize=4.5, gid=tag(index, "trend"))
    if len(data.stopped):  # their losses are those of fewer steps: no part of the valley
        axes.plot(*data.stopped.T, ".", color=look.colour, alpha=0.35, markersize=4, gid=tag(index, "stopped"))
    if data.winners:
        axes.plot(*zip(*data.winners, strict=True), marker=look.marker, markersize=11, markerfacecolor="none",
                  markeredgewidth=1.8, color=look.colour, linestyle="none", gid=tag(index, "best"))  # fmt: skip


def _draw_broken(axes: Axes, data: Sensitivity, look: Look, index: int, height: float) -> None:
    crosses = data.broken_lr[:: max(1, len(data.broken_lr) // MANY)]
    axes.plot(crosses, np.full(len(crosses), height), marker="x", markersize=5, color=look.colour, linestyle="none",
              transform=axes.get_xaxis_transform(), clip_on=False, gid=tag(index, "broken"))  # fmt: skip


def _draw_dots(axes: Axes, data: Sensitivity, look: Look, name: str) -> None:
    """All trials as one path of points: a marker for each would make a page of 10,000 trials heavy."""
    points = np.repeat(np.column_stack([data.lr, data.loss]), 2, axis=0)
    codes = np.tile([Path.MOVETO, Path.LINETO], len(data.lr))
    dots = PathPatch(Path(points, codes), edgecolor=look.colour, facecolor="none", linewidth=2.2, alpha=0.35,
                     capstyle="round", gid=name)  # fmt: skip
    axes.add_patch(dots)
    axes.update_datalim(points)


# --- budget -----------------------------------------------------------------------------------------------------------


def budgets(comparison: Comparison) -> pd.DataFrame:
    """The data of `draw_budget`: rows are numbers of trials k, columns contestants, values the median best of k trials.

    In steps or seconds to the target; NaN where the median draw misses. More than `MANY` values of k are thinned out,
    evenly on a log scale.
    """
    medians = budget_curve(comparison.runs, comparison.measure)["median"].replace(np.inf, np.nan).unstack("label")
    most = len(medians)
    chosen = np.unique(np.geomspace(1, most, min(most, MANY)).round().astype(int)) if most > MANY else medians.index
    return medians.loc[list(chosen)]


def draw_budget(comparison: Comparison, lang: str | None = None) -> Figure:
    """Draw the steps (or seconds) to the target of the best of k trials against k, in the median draw of k trials.

    A line begins where that draw reaches the target.
    """
    medians = budgets(comparison)
    seconds = comparison.measure == "seconds_to_target"
    with comparison_figure(comparison, 3.6, lang) as figure:
        needs = translate("seconds to target" if seconds else "steps to target")
        axes = clean(figure.add_subplot(), translate("trials"), needs)
        for index, (label, look) in enumerate(looks(comparison).items()):
            if label in medians:
                axes.plot(medians.index, medians[label], **look.line, markersize=4,
                          markevery=max(1, len(medians) // 8), gid=tag(index, "budget"))  # fmt: skip
        if medians.index.max() > MANY:
            make_log(axes, "x")
        else:
            whole_steps(axes)
        make_log(axes, "y")
    return figure
