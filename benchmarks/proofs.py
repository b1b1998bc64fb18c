"""How often trying an advice agrees with what 600 further steps on new batches make of it.

A program with a mistake runs for so many steps under the doctor as any training does, and the advice of its first
finding is tried. The same program runs once more, the same to the last bit, and all of its batches are kept: on those
that follow, copies that are left alone and copies that follow the advice train for 600 steps at a constant learning
rate. Which of the two ends lower on still other batches is the truth.
"""

import json
import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import steepest
from steepest.diagnose.proof import arms
from steepest.diagnose.proof.arms import left_alone, on_batches, run, seed_all, untouched
from steepest.diagnose.proof.experiment import gain_between
from steepest.diagnose.proof.remedies import REMEDIES, Case
from steepest.diagnose.schedule import Schedule

from .faults.parts import Program

FURTHER = 600
"""Steps of the truth."""

JUDGED = 40
"""Batches behind those by which the truth is judged."""

MATTERS = 0.02
"""A gain, or a loss, of less than this share is neither helpful nor harmful."""

STORE = Path(__file__).parent / "proofs.jsonl"


class Every(Schedule):
    """A schedule that observes all steps."""

    def due(self, step: int) -> bool:
        """Whether a step is observed."""
        return True


def _keeping_all(model: Any, optimizer: Any, **options: Any) -> Any:
    doctor = steepest.watch(model, optimizer, keep=2**31, **options)
    observer = doctor._observer
    observer.schedule, observer.alone = Every(1.0), False  # no forward pass is repeated
    observer.recording.most_batches = 10**6
    return doctor


def row_of(program: Program, seed: int, steps: int, pairs: int, arm: int) -> dict[str, Any]:
    """One program: the verdict of each start, and the gain that 600 further steps show."""
    doctor = program.run(steepest.watch, seed, False, steps)
    doctor.close()
    if not doctor.findings:
        return {"code": "", "verdict": "untried", "reason": "nothing found", "trials": []}
    proof = doctor.prove(doctor.findings[0], pairs=pairs, steps=arm)
    target, recording = doctor._observer.target, doctor._observer.recording
    row = {
        "code": proof.code, "verdict": proof.verdict, "remedy": proof.remedy, "batches": len(recording.batches),
        "reason": proof.numbers.get("untried", ""), "error": proof.numbers.get("error", ""), "trials": [],
    }  # fmt: skip
    if not proof.trials:
        return row
    longer = program.run(_keeping_all, seed, False, steps + FURTHER + JUDGED)
    longer.close()
    broken = [finding.text() for finding in longer.unseen if finding.code == "unseen_error"]
    assert not broken, broken
    batches = list(longer._observer.recording.batches)
    for trial in proof.trials:
        begin = 0 if trial.start == "start" else doctor.record.steps
        further, judged = batches[begin : begin + FURTHER], batches[begin + FURTHER :][:JUDGED]
        entry = {
            "start": trial.start,
            "verdict": trial.verdict,
            "gain": trial.gain,
            "low": trial.low,
            "high": trial.high,
        }
        if len(further) < FURTHER // 4 or len(judged) < JUDGED // 4:
            row["trials"].append(entry | {"truth": None})  # after NaN no loss can be recovered
            continue
        ends, firsts = [], []
        with untouched(target.device):
            for follows in (False, True):
                setup = left_alone(target, recording, doctor.record, trial.start, further[0])
                made = REMEDIES[proof.code](Case(doctor.findings[0].numbers, doctor.record, further))
                remedy = next(each for each in made if (each.phrase, dict(each.numbers)) == _named(proof))
                seed_all(seed)
                if follows:
                    remedy.change(setup)
                else:
                    setup.read = remedy.read
                losses, end = _long(setup, further, judged, seed)
                ends.append(end)
                firsts.append(losses[0])
        row["trials"].append(entry | {"truth": gain_between(*ends, min(firsts)), "alone": ends[0], "advised": ends[1]})
    return row


def _named(proof: Any) -> tuple[str, dict[str, Any]]:
    return proof.remedy, dict(proof.numbers)


def _long(setup: Any, further: Any, judged: Any, seed: int) -> tuple[list[float], float]:
    before, arms.DECAY = arms.DECAY, 0.0
    try:
        return run(setup, further, on_batches(judged), FURTHER, seed)
    finally:
        arms.DECAY = before


def proofs(
    programs: dict[str, Program], seeds: int, steps: int, pairs: int, arm: int, store: Path = STORE
) -> Iterator[str]:
    """Measure what is not in the store yet, then say how often trials and truth agree."""
    rows = _read(store)
    for seed in range(seeds):
        for name, program in programs.items():
            key = f"{name}, seed {seed}, {steps} steps, {pairs} x {arm}"
            if key not in rows:
                rows[key] = row_of(program, seed, steps, pairs, arm)
                with store.open("a", encoding="utf-8") as file:
                    file.write(json.dumps({"key": key} | rows[key]) + "\n")
            yield f"  {key}: {_told(rows[key])}"
    keys = [f"{name}, seed {seed}, {steps} steps, {pairs} x {arm}" for seed in range(seeds) for name in programs]
    yield from summary([rows[key] for key in keys])


def _read(store: Path) -> dict[str, dict[str, Any]]:
    if not store.exists():
        return {}
    lines = [json.loads(line) for line in store.read_text(encoding="utf-8").splitlines()]
    return {line.pop("key"): line for line in lines}


def _told(row: dict[str, Any]) -> str:
    trials = [
        f"{trial['start']} {trial['verdict']} {trial['gain']:.1%}, truth {_percent(trial['truth'])}"
        for trial in row["trials"]
    ]
    why = f"{row['reason']} {row.get('error', '')}".strip()
    return f"{row['code']}, {row.get('remedy')}: {row['verdict']} {why}{'; '.join(trials)}"


def _percent(gain: float | None) -> str:
    return "unknown" if gain is None else f"{gain:.1%}"


def summary(rows: list[dict[str, Any]]) -> Iterator[str]:
    """How often trials and truth agree, over all trials whose truth is known."""
    counts = Counter(row["verdict"] for row in rows)
    yield f"{len(rows)} findings: " + ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items()))
    reasons = Counter(row["reason"] for row in rows if row["verdict"] == "untried")
    yield f"not tried because of: {dict(reasons)}"
    trials = [trial for row in rows for trial in row["trials"] if trial["truth"] is not None]
    judged = Counter((trial["verdict"], _kind(trial["truth"])) for trial in trials)
    for verdict in ("proved", "open", "refuted"):
        yield f"  {verdict}: " + ", ".join(f"{judged[verdict, kind]} {kind}" for kind in ("helps", "neither", "harms"))
    total = sum(judged.values())
    right = judged["proved", "helps"] + sum(judged["refuted", kind] for kind in ("neither", "harms"))
    right += judged["open", "neither"]
    if total:
        yield (
            f"{total} trials: agree with {FURTHER} further steps {right} ({right / total:.1%}), "
            f"harmful (proved, and ends higher) {judged['proved', 'harms']} ({judged['proved', 'harms'] / total:.1%})"
        )


def _kind(truth: float) -> str:
    if math.isnan(truth) or abs(truth) < MATTERS:
        return "neither"
    return "helps" if truth > 0 else "harms"
