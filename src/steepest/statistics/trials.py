"""The trials of a search: which one won, and how wide the range is in which it hardly matters."""

import math

import numpy as np
import pandas as pd

from .tables import check_runs, is_broken

__all__ = ["best_trials", "range_width", "trial_table"]


def trial_table(runs: pd.DataFrame) -> pd.DataFrame:
    """One row a trial: its first run's facts, medians of its measures over the search seeds, and the share `broken`.

    A miss is infinite, so a trial that misses on half of the seeds or more has missed.
    """
    check_runs(runs, "label", "phase", "trial", "status", "steps_to_target", "final_loss")
    search = runs[runs["phase"] == "search"]
    search = search.assign(broken=is_broken(search).astype(float))
    trials = search.groupby(["label", "trial"], sort=False, dropna=False)
    measures = [name for name in ("steps_to_target", "seconds_to_target", "final_loss") if name in search]
    table = trials.head(1).set_index(["label", "trial"], drop=False)
    table[measures] = trials[measures].median()
    table["broken"] = trials["broken"].mean()
    return table.reset_index(drop=True)


def best_trials(runs: pd.DataFrame) -> pd.DataFrame:
    """The winner among each contestant's trials: first to the target, then lowest final loss; broken ones come last.

    With several search seeds a trial's median decides, and one that broke on fewer of them comes first.

    Args:
        runs: a table of runs.

    Returns:
        One row a contestant, by `label`, with the columns of `runs` and `broken` (share of the trial's runs).

    Raises:
        ValueError: a column is missing, or runs of several workloads.

    >>> runs = pd.DataFrame({
    ...     "label": ["a", "a"], "phase": "search", "trial": [0, 1], "lr": [0.1, 1.0], "status": "finished",
    ...     "steps_to_target": [50.0, 20.0], "final_loss": [0.1, 0.2]})
    >>> float(best_trials(runs).loc["a", "lr"])
    1.0
    """
    order = trial_table(runs).sort_values(["broken", "steps_to_target", "final_loss"], kind="stable")
    return order.groupby("label", sort=False).head(1).set_index("label")


def range_width(lr: "pd.Series[float]", loss: "pd.Series[float]", within: float = 0.05) -> float:
    """How wide the range of learning rates is around the best one in which the loss is hardly worse, as a factor.

    From the best trial outwards to where the loss first exceeds its own best by more than `within` of it: linear in the
    logarithm of the learning rate between a trial and its neighbour. Beyond the last trial nothing is known, and next
    to a broken one the range ends at the sound one, so the width is what has been shown, not more.

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
    place, losses = lr.to_numpy(dtype=float)[order], loss.to_numpy(dtype=float)[order]
    losses = np.where(np.isnan(losses), np.inf, losses)
    if len(place) == 0 or place[0] <= 0 or not np.isfinite(losses.min()):
        return math.nan
    place, best = np.log(place), int(losses.argmin())
    most = losses[best] + within * abs(losses[best])
    right = _reach(place[best:], losses[best:], most)
    left = _reach(place[best::-1], losses[best::-1], most)
    return math.exp(right - left)


def _reach(place: np.ndarray, losses: np.ndarray, most: float) -> float:
    """How far from the first place the losses stay within `most`."""
    beyond = np.flatnonzero(losses > most)
    if len(beyond) == 0:
        return float(place[-1])
    inside, outside = beyond[0] - 1, beyond[0]  # the first of all, the best trial, is inside
    share = (most - losses[inside]) / (losses[outside] - losses[inside])
    return float(place[inside] + share * (place[outside] - place[inside]))
