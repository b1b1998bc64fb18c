"""The tables of the report as data: rows of numbers and texts, without any layout."""

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ..base.numbers import setting, settings_text
from ..base.status import Status
from ..base.text import Text
from ..base.translation import in_chinese
from ..findings.catalogue import Finding
from ..statistics import budget_curve
from ..statistics.budget import longest_budget
from ..study import Comparison
from ..study.ranges import Range
from .code import spec_of
from .words import STATUSES

__all__ = [
    "chosen_budgets", "ending_text", "fingerprints", "only_learning_rates", "packed_runs", "part_shares", "plan_rows",
    "result_rows",
]  # fmt: skip

BUDGETS = (1, 5, 20)
"""Numbers of trials k for which the table shows the best of k trials."""

# --- one workload -----------------------------------------------------------------------------------------------------


def result_rows(comparison: Comparison) -> list[dict[str, Any]]:
    """The table of results: one row a contestant that has runs, the first to the target on top.

    The columns are those of `Comparison.table`, and

    - `settings`: the winner's, as text; `at_end`: whether one of them lies at the end of its range;
    - `ratio`, `low_ratio`, `high_ratio`: to the first contestant (NaN for itself); `word`: the conclusion from them;
    - `margin`: half the interval of the final metric; `budgets`: the row of `chosen_budgets`;
    - `parts`: the shares of data, model and optimizer in the time of a step (of data NaN where the workload does not
      tell); None where they were not measured.
    """
    settings, named = comparison.chosen, not only_learning_rates(comparison)
    ratios = comparison.ratios.to_dict("index")
    budgets, at_end = chosen_budgets(comparison).T.to_dict("list"), set(comparison.edges["label"])
    parts = part_shares(comparison)
    rows: list[dict[str, Any]] = []
    for label, record in zip(comparison.table.index, comparison.table.to_dict("records"), strict=True):
        row = {str(name): value for name, value in record.items()}
        rows.append(row | {
            "label": label, "settings": settings_text(settings.get(label, {}), named), "at_end": label in at_end,
            "margin": (row["high"] - row["low"]) / 2, "budgets": budgets.get(label, []),
            "parts": parts.get(str(label)),
            **_against_the_first(ratios.get(label), row[comparison.measure], comparison.complete),
        })  # fmt: skip
    return rows


def _against_the_first(ratio: Mapping[Any, Any] | None, spent: float, complete: bool) -> dict[str, Any]:
    """Columns that compare a contestant with the first, which has no ratio itself; empty until all runs are done."""
    if ratio is None or not complete:
        word = Text("", "") if not complete else MISSED if math.isinf(spent) else Text("first", "第一")
        return {"ratio": math.nan, "low_ratio": math.nan, "high_ratio": math.nan, "word": word}
    word = _word(ratio["word"], ratio["more_seeds"])
    return {"ratio": ratio["ratio"], "low_ratio": ratio["low"], "high_ratio": ratio["high"], "word": word}


def part_shares(comparison: Comparison) -> dict[str, tuple[float, float, float]]:
    """By label, the shares of getting data, of the model and of the optimizer in the time of a step."""
    shares = comparison.parts.div(comparison.parts.sum(axis=1), axis=0)
    return {str(label): (row["data"], row["model"], row["optimizer"]) for label, row in shares.iterrows()}


MISSED = Text("missed", "未到达")


def _word(word: str, more_seeds: float) -> Text:
    if word == "tie":
        if math.isnan(more_seeds):
            return Text("tie", "打平")
        seeds = "1 more seed" if more_seeds == 1 else f"{more_seeds:.0f} more seeds"
        return Text(f"tie; about {seeds} would tell", f"打平；再加约 {more_seeds:.0f} 个种子可分")
    return {"slower": Text("slower", "较慢"), "faster": Text("faster", "较快")}[word]


def only_learning_rates(study: Comparison) -> bool:
    """Whether every contestant searches the learning rate only, or nothing."""
    contestants = study.plan.contestants
    return all(set(settings) <= {"lr"} for contestant in contestants for settings in contestant.trials[:1])


def chosen_budgets(comparison: Comparison) -> pd.DataFrame:
    """Steps (or seconds) to the target of the best of k trials, in the median draw; inf where that draw misses.

    For each k of `BUDGETS` that is below the number of trials made, and for that number if it is at most the largest.

    Returns:
        Rows are contestants, columns numbers of trials; empty without a search. A contestant with nothing to search has
        the value of its one trial everywhere; NaN where a contestant has had fewer trials.
    """
    most = longest_budget(comparison.runs)
    if most < 2:
        return pd.DataFrame()
    chosen = [k for k in BUDGETS if k < most] + [most] * (most <= max(BUDGETS))
    medians = budget_curve(comparison.runs, comparison.measure, max(chosen))["median"].unstack("k")
    labels = [contestant.label for contestant in comparison.plan.contestants if not contestant.ranges]
    fixed = medians.index.intersection(labels)
    medians.loc[fixed] = medians.loc[fixed].ffill(axis=1)
    return medians[chosen]


# --- the study --------------------------------------------------------------------------------------------------------


def plan_rows(study: Comparison) -> list[dict[str, Any]]:
    """The table of the plan: one row a label, with rule, schedule and ranges, and steps × batch size by workload."""
    rows: list[dict[str, Any]] = []
    for label in dict.fromkeys(contestant.label for contestant in study.plan.contestants):
        named = [contestant for contestant in study.plan.contestants if contestant.label == label]
        first = named[0]
        rows.append({
            "label": label, "rule": first.rule, "schedule": first.schedule,
            "ranges": "; ".join(f"{name} {_searched(stored)}" for name, stored in first.ranges.items())
            or ", ".join(first.trials[0]) * (len(first.trials) > 1),
            "lengths": [
                f"{contestant.steps:,}" + f" × {contestant.batch_size:,}" * bool(contestant.batch_size)
                for contestant in named
            ],
        })  # fmt: skip
    return rows


def _searched(stored: Range | str) -> str:
    return stored if isinstance(stored, str) else f"{stored[0]:g} – {stored[1]:g}"


def fingerprints(runs: pd.DataFrame, names: Mapping[str, str]) -> list[tuple[str, str]]:
    """Pairs of a seed (after its workload, if there are several) and the first 12 digits of its fingerprint."""
    problems = runs.dropna(subset="fingerprint").drop_duplicates(["workload", "seed"])
    several = len(names) > 1
    return [
        (f"{names[str(row.workload)]} {row.seed}" if several else str(row.seed), str(row.fingerprint)[:12])
        for row in problems.sort_values(["workload", "seed"]).itertuples()
    ]


# --- every run --------------------------------------------------------------------------------------------------------

RUN_COLUMNS = ("label", "phase", "seed", "steps_to_target", "final_loss", "final_metric", "status", "message")


def ending_text(status: str, message: str, finding: str | None) -> Text:
    """How a run ended, from these columns of its row."""
    if status in (Status.REACHED, Status.FINISHED):  # a run that went well needs no more words
        return STATUSES[status]
    if finding is None:  # of an old study: its message is English
        return Text(message, f"{STATUSES[status].zh}：{in_chinese(message)}")
    return Text(message, Finding.from_json(finding).text("zh"))


def packed_runs(study: Comparison, names: Mapping[str, str]) -> dict[str, dict[str, object]]:
    """Every run for the page's script, in columns, compactly: `numbers`, or distinct `texts` with a code for each run.

    Every searched hyperparameter is a column of its own, named `set:` and its name; `spec` is what to type for them.
    """
    runs = study.runs
    packed = {"workload": _texts(runs["workload"].map(dict(names)))} if len(names) > 1 else {}
    codes, texts = pd.factorize(runs["settings"])
    settings = [json.loads(text) for text in texts]
    searched = list(dict.fromkeys(name for trial in settings for name in trial))
    settings_columns = {
        f"set:{name}": _setting([trial.get(name, math.nan) for trial in settings], codes) for name in searched
    }
    settings_columns["spec"] = _specs(study)
    for name in RUN_COLUMNS:
        packed |= {name: _numbers(runs[name]) if runs[name].dtype.kind in "fi" else _texts(runs[name])}
        packed |= settings_columns if name == "seed" else {}
    return packed | {"message": _endings(runs)}


def _specs(study: Comparison) -> dict[str, object]:
    """What to type for the optimizer of each run, at its settings; those of the run itself are left out."""
    contestants = {(one.workload, one.label): one for one in study.plan.contestants}
    codes, keys = pd.factorize(pd.MultiIndex.from_frame(study.runs[["workload", "label", "settings"]]))
    texts = []
    for workload, label, settings in keys:
        one = contestants[workload, label]
        tuples = study.facts_of_rule(one.rule).get("tuples")
        texts.append(spec_of(one.rule, one.rule_settings(json.loads(settings)), tuples))
    return {"texts": texts, "codes": codes.tolist()}


def _endings(runs: pd.DataFrame) -> dict[str, object]:
    """The endings as `_texts` packs texts, with `zh` beside `texts`."""
    columns = runs[["status", "message", "finding"]].astype(object)
    codes, rows = pd.factorize(pd.Series(list(columns.where(columns.notna(), None).itertuples(index=False))))
    texts = [ending_text(*row) for row in rows]
    return {"texts": [text.en for text in texts], "zh": [text.zh for text in texts], "codes": codes.tolist()}


def _numbers(values: "np.ndarray | pd.Series[float]") -> dict[str, object]:
    return {"numbers": [_four_digits(value) for value in np.asarray(values, dtype=float).tolist()]}


def _setting(values: list[Any], codes: np.ndarray) -> dict[str, object]:
    """A searched setting of every run: numbers, or texts where one is none."""
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return _numbers(np.array(values, dtype=float)[codes])
    return _texts(pd.Series([setting(value) for value in values])[codes])


def _four_digits(value: float) -> float | None:
    """A number rounded to the four digits that the page shows; whole numbers, such as steps, stay exact."""
    if not math.isfinite(value):
        return None
    return int(value) if value.is_integer() and abs(value) < 1e9 else float(f"{value:.4g}")


def _texts(column: "pd.Series[str]") -> dict[str, object]:
    codes, texts = pd.factorize(column.fillna("").astype(str))
    return {"texts": list(texts), "codes": codes.tolist()}
