"""The trials of a search: the winner of each contestant, and the width of the range of good learning rates."""

import math

import numpy as np
import pandas as pd

from .tables import STOPPED, check_runs, is_broken

__all__ = ["MISS", "best_trials", "finalists", "range_width", "relative_sizes", "trial_table"]

MISS = 4.0
"""Value of a missed target in a trial's mean over its seeds, as a multiple of the contestant's slowest success."""

ORDER = ("stopped", "broken", "mean_steps", "final_loss")


def trial_table(runs: pd.DataFrame) -> pd.DataFrame:
    """One row a trial: columns of its first run, medians of its measures over its seeds, and more.

    A miss is infinite, so a trial that misses on half of the seeds or more has missed. The other columns are `broken`,
    the share of its runs that broke, `stopped`, whether it was stopped early, `runs`, their number, and `mean_steps`,
    the geometric mean of the steps to the target over the seeds, where a miss counts as `MISS` times the contestant's
    slowest success. Where batch sizes were searched, steps count as many times as their batch has the examples of the
    contestant's smallest.
    """
    check_runs(runs, "label", "phase", "trial", "status", "steps_to_target", "final_loss")
    search = runs[runs["phase"] == "search"]
    steps = search["steps_to_target"].astype(float) * relative_sizes(search)
    slowest = steps.where(np.isfinite(steps)).groupby(search["label"]).transform("max")
    logs = np.log(steps.where(np.isfinite(steps), (MISS * slowest).fillna(np.inf)))
    search = search.assign(broken=is_broken(search).astype(float), stopped=search["status"] == STOPPED, log_steps=logs)
    trials = search.groupby(["label", "trial"], sort=False, dropna=False)
    measures = [name for name in ("steps_to_target", "seconds_to_target", "final_loss") if name in search]
    table = trials.head(1).set_index(["label", "trial"], drop=False).drop(columns="log_steps")
    table[measures] = trials[measures].median()
    table["broken"] = trials["broken"].mean()
    table["stopped"] = trials["stopped"].any()
    table["runs"] = trials.size()
    table["mean_steps"] = np.exp(trials["log_steps"].mean())
    return table.reset_index(drop=True)


def relative_sizes(runs: pd.DataFrame) -> "pd.Series[float]":
    """For each run, its batch size relative to the smallest of its contestant; 1 where nothing is known of any."""
    if "batch_size" not in runs:
        return pd.Series(1.0, runs.index)
    sizes = runs["batch_size"].clip(lower=1).astype(float)
    return sizes / sizes.groupby(runs["label"]).transform("min")


def finalists(runs: pd.DataFrame, count: int) -> list[int]:
    """The most promising trials of one search, by the first seed that all of them ran on.

    One seed is luck: the best of many trials on it is seldom the best. So the first few run on more seeds.

    Args:
        runs: the runs of the search, of one contestant.
        count: number of trials that go on.

    Returns:
        The `trial`s, the best one first.

    >>> runs = pd.DataFrame({
    ...     "label": "a", "phase": "search", "trial": [0, 1, 2], "seed": 1000, "status": "finished",
    ...     "steps_to_target": [50.0, 20.0, 30.0], "final_loss": [0.1, 0.2, 0.1]})
    >>> finalists(runs, 2)
    [1, 2]
    """
    first = runs[runs["seed"] == runs["seed"].min()]
    steps = first["steps_to_target"] * relative_sizes(first)  # examples count, where batch sizes were searched
    order = first.assign(
        broken=is_broken(first), stopped=first["status"] == STOPPED, steps_to_target=steps
    ).sort_values(["stopped", "broken", "steps_to_target", "final_loss"], kind="stable")
    return [int(trial) for trial in order["trial"].head(count)]


def best_trials(runs: pd.DataFrame) -> pd.DataFrame:
    """The winner among each contestant's trials: first to the target, then lowest final loss; broken ones come last.

    The mean over the seeds decides (see `trial_table`), among the trials that ran on the most seeds; one that broke on
    fewer of them comes first. Once there are report runs, the winner is among the trials whose settings they have.

    Args:
        runs: a table of runs.

    Returns:
        One row a contestant, by `label`, with the columns of `runs`, `broken`, `runs` and `mean_steps`.

    Raises:
        ValueError: a column is missing, or runs of several workloads.

    >>> runs = pd.DataFrame({
    ...     "label": ["a", "a"], "phase": "search", "trial": [0, 1], "lr": [0.1, 1.0], "status": "finished",
    ...     "steps_to_target": [50.0, 20.0], "final_loss": [0.1, 0.2]})
    >>> float(best_trials(runs).loc["a", "lr"])
    1.0
    """
    trials = trial_table(runs)
    reports = runs[(runs["phase"] == "report") & runs["trial"].notna()]
    reported = set(zip(reports["label"], reports["trial"], strict=True))
    is_reported = np.array([key in reported for key in zip(trials["label"], trials["trial"], strict=True)], dtype=bool)
    trials = trials.assign(is_reported=is_reported)
    order = trials.sort_values(
        ["is_reported", "runs", *ORDER], ascending=[False, False, *[True] * len(ORDER)], kind="stable"
    )
    return order.groupby("label", sort=False).head(1).set_index("label").drop(columns=["is_reported", "stopped"])


def range_width(lr: "pd.Series[float]", loss: "pd.Series[float]", within: float = 0.05) -> float:
    """Width of the range of learning rates around the best one in which the loss is hardly worse, as a factor.

    From the best trial outwards to where the loss first exceeds its own best by more than `within` of it: linear in the
    logarithm of the learning rate between a trial and its neighbour. The range ends at the last trial, and next to a
    broken trial at the sound one, so the width is a lower bound.

    Args:
        lr: learning rate of each trial, above 0.
        loss: its final loss; NaN or inf where the trial broke.
        within: how much worse, relative to the best.

    Returns:
        Highest over lowest learning rate, 1 or more; NaN where every trial broke or a learning rate is not above 0.

    >>> range_width(pd.Series([0.001, 0.01, 0.1]), pd.Series([2.0, 1.0, 1.1]))  # up to halfway to 0.1 on a log scale
    3.54...
    """
    order = np.argsort(lr.to_numpy(), kind="stable")
    rates, losses = lr.to_numpy(dtype=float)[order], loss.to_numpy(dtype=float)[order]
    losses = np.where(np.isnan(losses), np.inf, losses)
    if len(rates) == 0 or rates[0] <= 0 or not np.isfinite(losses.min()):
        return math.nan
    log_rates, best = np.log(rates), int(losses.argmin())
    most = losses[best] + within * abs(losses[best])
    right = _crossing(log_rates[best:], losses[best:], most)
    left = _crossing(log_rates[best::-1], losses[best::-1], most)
    return math.exp(right - left)


def _crossing(log_rates: np.ndarray, losses: np.ndarray, most: float) -> float:
    """Log learning rate at which the losses, from the best trial outwards, first exceed `most`; else the last one."""
    beyond = np.flatnonzero(losses > most)
    if len(beyond) == 0:
        return float(log_rates[-1])
    inside, outside = beyond[0] - 1, beyond[0]  # the first of all, the best trial, is inside
    share = (most - losses[inside]) / (losses[outside] - losses[inside])
    return float(log_rates[inside] + share * (log_rates[outside] - log_rates[inside]))
