"""Runs that solved different problems are set aside: equal seeds must have equal fingerprints.

A fingerprint is a hash of the data, the initial weights and the initial loss; it is computed when a run begins.
"""

import re
from collections import Counter
from dataclasses import dataclass

import numpy as np
import pandas as pd

__all__ = ["SetAside", "equal_fingerprints"]


@dataclass(frozen=True)
class SetAside:
    """Runs of one seed that solved another problem than the rest; `str` gives a sentence that says so.

    Attributes:
        workload: its name, or "" where the table does not say.
        seed: the seed of the runs.
        labels: the contestants that the runs belong to.
        runs: number of runs set aside.
        kept: number of runs of this seed that stay.
        devices: what these runs were done on, and what the others, where that differs; else empty.
    """

    workload: str
    seed: int
    labels: tuple[str, ...]
    runs: int
    kept: int
    devices: tuple[str, ...] = ()

    def __str__(self) -> str:
        where = f"{self.workload}, seed {self.seed}" if self.workload else f"seed {self.seed}"
        return (
            f"{where}: {_count(self.runs)} ({', '.join(self.labels)}) had other data, initial weights or initial loss"
            f" than the {_count(self.kept)} they would be compared with, and cannot be; {self._why}"
        )

    @property
    def _why(self) -> str:
        if self.devices:
            return f"they were done on {self.devices[0]}, the others on {self.devices[1]}, which rounds differently"
        return "did the workload, its data or a library change since?"


def _count(runs: int) -> str:
    return "1 run" if runs == 1 else f"{runs} runs"


def equal_fingerprints(runs: pd.DataFrame) -> tuple[pd.DataFrame, list[SetAside]]:
    """The runs that can be compared, and a report of those that cannot.

    All runs of one workload and seed must have one fingerprint. Where they do not, the fingerprint that most of them
    have stays (of equally many, that of the first run). A run without a fingerprint, such as one that failed before it
    began, stays as well.

    Args:
        runs: a table of runs with the columns `seed` and `fingerprint`, and `workload` if there are several. Without
            `fingerprint` every run stays.

    Returns:
        The rows that stay, and a `SetAside` for each seed that lost some.

    >>> runs = pd.DataFrame({
    ...     "workload": "digits", "label": ["a", "b", "c"], "seed": 1, "fingerprint": ["f0", "f0", "77"]})
    >>> stay, aside = equal_fingerprints(runs)
    >>> list(stay["label"]), aside[0].labels
    (['a', 'b'], ('c',))
    """
    if "fingerprint" not in runs:
        return runs, []
    keys = [name for name in ("workload", "seed") if name in runs]
    numbered = runs.reset_index(drop=True)
    with_fingerprint = numbered[numbered["fingerprint"].notna()]
    excluded, reports = np.zeros(len(runs), dtype=bool), []
    for _, rows in with_fingerprint.groupby(keys, sort=False):
        most = Counter(rows["fingerprint"]).most_common(1)[0][0]
        other = rows[rows["fingerprint"] != most]
        if len(other):
            workload = str(rows["workload"].iloc[0]) if "workload" in rows else ""
            excluded[other.index] = True
            labels = tuple(map(str, other["label"].unique()))
            kept = rows.drop(index=other.index)
            devices = _devices(other), _devices(kept)
            reports.append(
                SetAside(
                    workload, int(rows["seed"].iloc[0]), labels, len(other), len(kept),
                    devices if devices[0] != devices[1] else (),
                )
            )  # fmt: skip
    return runs[~excluded], reports


def _devices(runs: pd.DataFrame) -> str:
    """The devices of runs, without the numbers that tell two of one kind apart."""
    if "device" not in runs:
        return ""
    return ", ".join(sorted({re.sub(r":\d+", "", str(device)) for device in runs["device"].dropna()}))
