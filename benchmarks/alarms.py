"""How often the doctor errs: its findings in trainings without a mistake, a line each in `alarms.jsonl`; resumable.

A group is a workload, an optimizer and a seed at five learning rates, and at more until the best lies between others.
Of them count those from a third of the best to three times it, if they get at least half of the way to the best one
from their first loss, or from that of guessing where it is lower: what learns a constant output only learns nothing.
What remains to be run is run in an order that mixes workloads and optimizers, so that any part of it is a fair one. The
counts go to `src/steepest/findings/alarms.json`, from where the catalogue, the report and `Diagnosis.false_alarms` have
them.
"""

import json
import math
import random
from collections import Counter
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from statistics import fmean
from typing import Any

import steepest
import steepest.findings
from steepest.diagnose.record import Record
from steepest.diagnose.signs import guessing_level

from .__main__ import machine
from .faults.healthy import FACTORS, OPTIMIZERS, WORKLOADS, run

__all__ = ["measure", "summary"]

ROWS = Path(__file__).parent / "alarms.jsonl"
RESULT = Path(steepest.findings.__file__).parent / "alarms.json"

FIRST_SEED = 3000
"""Seeds from here on are used for nothing else: no threshold was chosen on them."""

Row = dict[str, Any]
Group = tuple[str, str, int]


def measure(seeds: int, write: bool) -> Iterator[str]:
    """Run what is missing, and say what was found; with `write` the counts become part of the catalogue."""
    groups = list(product(WORKLOADS, OPTIMIZERS, range(FIRST_SEED, FIRST_SEED + seeds)))
    random.Random(0).shuffle(groups)
    groups.sort(key=lambda group: group[2])
    rows = _rows()
    for place, (workload, optimizer, seed) in enumerate(groups):
        tried = list(FACTORS)
        while True:
            for factor in tried:
                if (workload, optimizer, seed, factor) not in rows:
                    row = _row(workload, optimizer, seed, factor)
                    rows[workload, optimizer, seed, factor] = row
                    with ROWS.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(row) + "\n")
            best = _best([rows[workload, optimizer, seed, factor] for factor in tried])
            if not 1e-3 < tried[0] < tried[-1] < 1e3 or 0 < best < len(tried) - 1:
                break
            tried = [round(tried[0] / 10**0.5, 4), *tried] if best == 0 else [*tried, round(tried[-1] * 10**0.5, 4)]
        if place % 20 == 19:
            yield f"  {place + 1} of {len(groups)} groups"
    yield from _told(rows)
    counts = summary(list(rows.values()))
    yield json.dumps(counts, indent=1)
    if write:
        RESULT.write_text(json.dumps(counts | {"machine": machine()}, indent=1) + "\n", encoding="utf-8")


def summary(rows: list[Row]) -> Row:
    """The number of trainings that count, of those with an exact finding or a sign, and of those with each code."""
    counted = [row for row in _counted(rows) if row["learns"]]
    slow = [row for row in _counted(rows) if not row["learns"]]
    exact = sum(row["certain"] for row in counted)
    return {
        "trainings": len(counted),
        "workloads": len({row["workload"] for row in counted}),
        "optimizers": len({row["optimizer"] for row in counted}),
        "exact": exact,
        "signs": sum(bool(row["codes"]) for row in counted) - exact,
        "told": dict(sorted(Counter(code for row in counted for code in row["codes"]).items())),
        "hardly_learning": len(slow),
        "told_of_them": sum(bool(row["codes"]) for row in slow),
    }


def _rows() -> dict[Any, Row]:
    text = ROWS.read_text(encoding="utf-8") if ROWS.is_file() else ""
    whole = text[: text.rfind("\n") + 1]
    if whole != text:  # the last line was cut by an end
        ROWS.write_text(whole, encoding="utf-8")
    found = [json.loads(line) for line in whole.splitlines()]
    return {(row["workload"], row["optimizer"], row["seed"], row["factor"]): row for row in found}


def _row(workload: str, optimizer: str, seed: int, factor: float) -> Row:
    doctor = run(steepest.watch, workload, optimizer, factor, seed)
    doctor.close()
    broken = [finding.text() for finding in doctor.unseen if finding.code == "unseen_error"]
    if broken:
        raise RuntimeError(f"{workload}, {optimizer}, seed {seed}: {broken[0]}")
    losses = doctor.record.losses
    last = losses[-20:]
    return {
        "workload": workload, "optimizer": optimizer, "seed": seed, "factor": factor, "start": losses[0],
        "end": fmean(last) if all(map(math.isfinite, last)) else None, "guess": _guess(doctor.record),
        "codes": [finding.code for finding in doctor.findings],
        "certain": any(finding.certain for finding in doctor.findings),
    }  # fmt: skip


def _guess(record: Record) -> float | None:
    """What guessing reaches, or None."""
    level = guessing_level(record)
    return level if math.isfinite(level) else None


def _counted(rows: list[Row]) -> Iterator[Row]:
    """The rows from a third of the best rate to three times it, of whole groups, with whether each `learns`."""
    groups: dict[Group, list[Row]] = {}
    for row in rows:
        groups.setdefault((row["workload"], row["optimizer"], row["seed"]), []).append(row)
    for group in groups.values():
        ordered = sorted(group, key=lambda row: row["factor"])
        place = _best(ordered)
        if not 0 < place < len(ordered) - 1:
            continue  # a better rate may lie beyond those that were tried
        best = ordered[place]
        for row in ordered[place - 1 : place + 2]:
            begin = min(row["start"], row["guess"]) if row.get("guess") is not None else row["start"]
            learns = row["end"] is not None and row["end"] < (begin + best["end"]) / 2
            yield row | {"learns": learns, "times": row["factor"] / best["factor"], "best": best["end"]}


def _best(group: list[Row]) -> int:
    """The place of the row that ends lowest."""
    return min(range(len(group)), key=lambda place: math.inf if group[place]["end"] is None else group[place]["end"])


def _told(rows: dict[Any, Row]) -> Iterator[str]:
    for row in _counted(list(rows.values())):
        if row["codes"]:
            yield (
                f"  {row['workload']}, {row['optimizer']}, {row['times']:.3g} of the best rate, seed {row['seed']}: "
                f"{row['codes']}; ends at {row['end']}, the best at {row['best']:.3g}"
                f"{'' if row['learns'] else ' (hardly learns)'}"
            )
