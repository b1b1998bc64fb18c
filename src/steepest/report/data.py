"""What the statements of a report are computed from, as tables, and in short as JSON."""

import json
import math
from dataclasses import asdict
from typing import Any

import pandas as pd

from ..study import Comparison

__all__ = ["as_json", "contestants_of", "ratios_of", "trials_of"]

MOST_TRIALS = 1000
"""Trials whose settings `as_json` has, at most; the tables have all."""


def contestants_of(study: Comparison) -> pd.DataFrame:
    """One row a contestant on each workload: under which conditions it was run, and how it was judged.

    `target` is the value of the metric to reach, from below if `higher_is_better`; `measure` is the column of the runs
    that decides. Ranges are JSON. The other columns are named as those of `Contestant` and `Plan`.
    """
    plan, rows = study.plan, []
    for name, comparison in study.by_workload().items():
        judged = {
            "target": comparison.target, "metric_name": comparison.workload["metric_name"],
            "higher_is_better": comparison.workload["higher_is_better"], "measure": comparison.measure,
        }  # fmt: skip
        for contestant in comparison.plan.contestants:
            rows.append({
                "workload": name, "label": contestant.label, "rule": contestant.rule,
                "batch_size": contestant.batch_size, "steps": contestant.steps, "schedule": contestant.schedule,
                **judged, "ranges": json.dumps(dict(contestant.ranges)), "trials": len(contestant.trials),
                "searches": plan.searches, "finalists": plan.finalists, "points_seed": plan.points_seed,
                "first_search_seed": plan.first_search_seed, "search_seeds": plan.search_seeds, "seeds": plan.seeds,
            })  # fmt: skip
    return pd.DataFrame(rows)


def trials_of(study: Comparison) -> pd.DataFrame:
    """One row a planned trial: `workload`, `label`, `search`, `trial` and its `settings` as JSON."""
    rows = [
        (contestant.workload, contestant.label, number % study.plan.searches, number, json.dumps(dict(settings)))
        for contestant in study.plan.contestants
        for number, settings in enumerate(contestant.trials)
    ]
    return pd.DataFrame(rows, columns=["workload", "label", "search", "trial", "settings"])


def ratios_of(study: Comparison) -> pd.DataFrame:
    """`Comparison.ratios` of all workloads: one row a contestant on each, but the first to the target."""
    tables = [part.ratios.reset_index().assign(workload=name) for name, part in study.by_workload().items()]
    table = pd.concat([table for table in tables if len(table)] or tables[:1], ignore_index=True)
    return table[["workload", *(name for name in table if name != "workload")]]


def as_json(comparison: Comparison) -> str:
    """On one line, what the verdict on one workload is computed from, and what came of it.

    Its `reports` have the steps to the target by label and seed, null for a miss; `timings` the seconds of a step in
    each round; `ratios` and `verdict` are those of the comparison, null for what is not finite.
    """
    contestants, trials = contestants_of(comparison), trials_of(comparison)
    reports = comparison.runs[comparison.runs["phase"] == "report"]
    by_label = {
        "trials": trials.assign(settings=trials["settings"].map(json.loads)).groupby("label", sort=False)["settings"],
        "timings": comparison.timings.groupby("label", sort=False)["seconds_a_step"],
    }
    data: dict[str, Any] = {
        "contestants": contestants.assign(ranges=contestants["ranges"].map(json.loads)).to_dict("records"),
        **{name: {str(label): list(values) for label, values in groups} for name, groups in by_label.items()},
        "reports": {
            str(label): dict(zip(own["seed"].tolist(), own["steps_to_target"], strict=True))
            for label, own in reports.groupby("label", sort=False)
        },
        "ratios": ratios_of(comparison).to_dict("records"),
        "verdict": asdict(comparison.verdict),
    }
    if len(trials) > MOST_TRIALS:
        del data["trials"]
    return json.dumps(_finite(data))


def _finite(value: Any) -> Any:
    """The value with None in the place of every number that is not finite."""
    if isinstance(value, dict):
        return {str(name): _finite(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    if hasattr(value, "item"):  # of NumPy
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
