"""Performance profiles over several workloads, and the score of each optimizer, as AlgoPerf defines them."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

__all__ = ["Profiles", "performance_profiles", "time_to_target"]

POINTS = 100
"""Number of ratios at which a profile is evaluated."""


@dataclass(frozen=True, eq=False)
class Profiles:
    """Performance profiles and scores, the result of `performance_profiles`.

    Attributes:
        profile: by submission (rows) and ratio (columns, 100 from 1 to the largest), the share of workloads on which
            the submission takes at most that many times as long as the best one.
        score: by submission, the integral of its profile over the ratios, divided by their range: 1 for the best on
            every workload, 0 for one that always misses.
    """

    profile: pd.DataFrame
    score: "pd.Series[float]"


def performance_profiles(times: pd.DataFrame, max_ratio: float = 4.0) -> Profiles:
    """Performance profiles and their scores, as AlgoPerf defines them (Dahl et al. 2023).

    Each time is divided by the best on its workload. A submission's profile at a ratio is the share of workloads on
    which its own ratio is at most that; more than `max_ratio` counts as missed. The score is the integral of the
    profile over the ratios 1 to `max_ratio`, on 100 equally spaced points by the trapezoid rule, divided by
    `max_ratio - 1`. A workload that everyone missed counts as missed by everyone. A score depends on who else is there.

    Args:
        times: seconds to the target; rows are submissions, columns workloads, inf is a miss. See `time_to_target`.
        max_ratio: the largest ratio, above 1.

    Returns:
        A `Profiles`.

    Raises:
        ValueError: no submission or workload, one named twice, a time that is not a number above 0, or a `max_ratio`
            that is not a number above 1.

    >>> times = pd.DataFrame({"digits": [10.0, 20.0], "airfoil": [30.0, np.inf]}, index=["adam", "sgd"])
    >>> performance_profiles(times).score.round(3).to_dict()
    {'adam': 1.0, 'sgd': 0.336}
    """
    if not 1 < max_ratio < np.inf:
        raise ValueError(f"max_ratio: must be a number above 1, got {max_ratio!r}")
    seconds = _checked(times)
    best = seconds.min(axis=0)
    ratios = np.divide(seconds, best, out=np.full_like(seconds, np.inf), where=np.isfinite(best))
    points = np.linspace(1.0, max_ratio, POINTS)
    shares = (ratios[:, :, None] <= points).mean(axis=1)
    score = np.trapezoid(shares, points, axis=1) / (max_ratio - 1.0)
    return Profiles(
        pd.DataFrame(shares, index=times.index, columns=pd.Index(points, name="ratio")),
        pd.Series(score, index=times.index, name="score"),
    )


def _checked(times: pd.DataFrame) -> np.ndarray:
    """The times as an array of floats, after validation."""
    if not isinstance(times, pd.DataFrame):
        raise ValueError(
            f"times: must be a DataFrame (rows submissions, columns workloads), got {type(times).__name__}"
        )
    if times.empty:
        raise ValueError("times: need at least one submission (row) and one workload (column)")
    for kind, names in (("submission", times.index), ("workload", times.columns)):
        if not names.is_unique:
            raise ValueError(f"times: {kind} {names[names.duplicated()][0]!r} is there twice")
    numbers: np.ndarray = times.apply(pd.to_numeric, errors="coerce").to_numpy(dtype=float)
    wrong = np.argwhere(~(numbers > 0))
    if len(wrong):
        row, column = wrong[0]
        where = f"{times.index[row]!r} on {times.columns[column]!r}"
        raise ValueError(f"times: {where}: must be seconds above 0, inf for a miss; got {times.iat[row, column]!s}")
    return numbers


def time_to_target(runs: pd.DataFrame) -> pd.DataFrame:
    """Seconds to the target of each contestant on each workload: best over trials, median over studies, as AlgoPerf.

    A study is one seed of the report: where several trials of a contestant were reported on it, the best one counts. A
    miss is infinite, so one that misses on half of the seeds or more has missed the workload.

    Args:
        runs: a table of runs of any number of workloads.

    Returns:
        The `times` of `performance_profiles`: rows are contestants, columns workloads; NaN where there are no report
        runs.

    Raises:
        ValueError: a column is missing.

    >>> runs = pd.DataFrame({
    ...     "workload": "digits", "label": "adam", "phase": "report", "seed": [1, 2, 3],
    ...     "seconds_to_target": [3.0, np.inf, 5.0]})
    >>> float(time_to_target(runs).loc["adam", "digits"])
    5.0
    """
    for name in ("workload", "label", "phase", "seed", "seconds_to_target"):
        if name not in runs:
            raise ValueError(f"runs: lack the column {name!r}")
    report = runs[runs["phase"] == "report"]
    studies = report.groupby(["label", "workload", "seed"], sort=False)["seconds_to_target"].min()
    times = studies.groupby(level=["label", "workload"], sort=False).median().unstack("workload")
    return times.reindex(index=runs["label"].unique(), columns=runs["workload"].unique())
