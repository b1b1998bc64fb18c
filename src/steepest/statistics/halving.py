"""Successive halving: which trials of a search go on, by what they have reached after the same number of steps."""

import numpy as np
import pandas as pd

__all__ = ["ahead"]


def ahead(curves: pd.DataFrame, pause: float, target: float, higher_is_better: bool) -> list[int]:
    """The trials of a search in their order at a step: first those at the target, the earliest first, then by metric.

    A trial is judged by its first measurement at or after `pause`, and by those before. One that has none, since it
    broke earlier, is left out.

    Args:
        curves: one measurement a row: `trial`, `step`, `metric` (NaN comes last).
        pause: the step.
        target: value of the metric to reach.
        higher_is_better: which way the metric goes.

    Returns:
        The `trial`s, the best one first; equal ones by their number.

    >>> curves = pd.DataFrame({
    ...     "trial": [0, 0, 0, 1, 1, 1, 2, 2], "step": [0, 5, 10, 0, 5, 10, 0, 5],
    ...     "metric": [0.1, 0.5, 0.6, 0.1, 0.9, 0.7, 0.1, 0.8]})
    >>> ahead(curves, 10, target=0.9, higher_is_better=True), ahead(curves, 5, target=0.95, higher_is_better=True)
    ([1, 0], [1, 2, 0])
    """
    if curves.empty:
        return []
    judged = curves[curves["step"] >= pause].groupby("trial")["step"].min()
    curves = curves.assign(until=curves["trial"].map(judged))
    seen = curves[curves["step"] <= curves["until"]]  # False where NaN
    sign = 1.0 if higher_is_better else -1.0
    reached = seen[(seen["step"] > 0) & (sign * seen["metric"] >= sign * target)].groupby("trial")["step"].min()
    at_pause = seen[seen["step"] == seen["until"]].set_index("trial")["metric"]
    order = pd.DataFrame({
        "reached": reached.reindex(judged.index).fillna(np.inf), "metric": -sign * at_pause.reindex(judged.index),
    }).rename_axis("trial").reset_index()  # fmt: skip
    return [int(trial) for trial in order.sort_values(["reached", "metric", "trial"])["trial"]]
