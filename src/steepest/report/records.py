"""Every run as other programs log runs: its hyperparameters, its results, and its measurements."""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import pandas as pd

from ..statistics import BROKEN
from ..study import Comparison
from .filenames import file_names

__all__ = ["MEASUREMENTS", "MOST_TRIALS", "RESULTS", "RunRecord", "records"]

MEASUREMENTS = ("train_loss", "loss", "metric")

RESULTS = (
    "steps_to_target", "seconds_to_target", "seconds_a_step", "final_loss", "best_loss", "final_metric", "best_metric",
)  # fmt: skip

MOST_TRIALS = 1000
"""Runs of searches that are exported one by one, at most; of more, only the winners' runs are. The tables have all."""


@dataclass(frozen=True)
class RunRecord:
    """One run.

    Attributes:
        folder: of its own: `WORKLOAD/OPTIMIZER/seed-N`, of a trial `WORKLOAD/OPTIMIZER/trials/T-seed-N`.
        workload, optimizer: its short name, and the contestant's label.
        hyperparameters: what the run was made with, beside its seed: rule, settings, batch size, schedule, steps.
        facts: `phase` ("report" or "search"), `seed`, `trial`, `status`, `message`, `device`, `fingerprint`.
        results: see `RESULTS`; those that are finite numbers.
        curve: its measurements; see `steepest.study.tables`.
        worked: whether it neither diverged nor failed.
    """

    folder: PurePosixPath
    workload: str
    optimizer: str
    hyperparameters: dict[str, str | float | int | bool]
    facts: dict[str, str | int]
    results: dict[str, float]
    curve: pd.DataFrame
    worked: bool


def records(study: Comparison) -> Iterator[RunRecord]:
    """The runs on fresh seeds, and those of the searches, unless they are more than `MOST_TRIALS`."""
    names = study.plan.short_names
    workloads = file_names(names.values())
    labels = file_names(contestant.label for contestant in study.plan.contestants)
    schedules = {(own.workload, own.label): own.schedule for own in study.plan.contestants}
    curves = {int(str(run)): curve for run, curve in study.curves.groupby("run")}
    runs = study.runs
    if (runs["phase"] == "search").sum() > MOST_TRIALS:
        runs = runs[runs["phase"] == "report"]
    for row in runs.to_dict("records"):
        is_trial = row["phase"] == "search"
        own = f"trials/{row['trial']:.0f}-seed-{row['seed']}" if is_trial else f"seed-{row['seed']}"
        fixed: dict[str, str | float | int | bool] = {
            "optimizer": row["label"], "rule": row["rule"], "steps": row["steps"],
            "schedule": schedules[row["workload"], row["label"]],
        }  # fmt: skip
        if row["batch_size"]:
            fixed["batch_size"] = row["batch_size"]
        facts: dict[str, str | int] = {"phase": row["phase"], "seed": row["seed"]}
        facts |= {"trial": int(row["trial"])} if not math.isnan(row["trial"]) else {}
        texts = ("status", "message", "device", "fingerprint")
        facts |= {name: row[name] for name in texts if isinstance(row.get(name), str)}
        results = {name: float(row[name]) for name in RESULTS if _is_finite(row.get(name))}
        yield RunRecord(
            PurePosixPath(workloads[names[row["workload"]]]) / labels[row["label"]] / own, names[row["workload"]],
            row["label"], fixed | json.loads(row["settings"]), facts, results,
            curves.get(row["id"], study.curves.head(0)), row["status"] not in BROKEN,
        )  # fmt: skip


def _is_finite(value: Any) -> bool:
    return value is not None and math.isfinite(value)
