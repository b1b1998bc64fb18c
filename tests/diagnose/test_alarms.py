"""The counts of false alarms: which trainings count, how they go on, and where a finding has them from."""

import json
import sys
from pathlib import Path

import pytest

from steepest.diagnose.finding import Diagnosis
from steepest.findings.catalogue import ALARMS, DIAGNOSES

sys.path.append(str(Path(__file__).parents[2]))

from benchmarks import alarms
from benchmarks.faults.healthy import FACTORS, NEW, OPTIMIZERS, WORKLOADS


def row(factor, end, codes=(), certain=False, workload="mlp", start=2.0):
    given = {"workload": workload, "optimizer": "SGD", "seed": alarms.FIRST_SEED, "factor": factor}
    return given | {"start": start, "end": end, "codes": list(codes), "certain": certain}


def test_rates_about_the_best_count_if_they_learn_and_the_best_is_known():
    ends = (1.5, 0.6, 0.5, 1.4, None)
    rows = [
        row(factor, end, ["spike"] if end == 0.6 else ["lr_high"]) for factor, end in zip(FACTORS, ends, strict=True)
    ]
    edge = [
        row(factor, end, ["nan"], True, "cnn") for factor, end in zip(FACTORS, (1.5, 1.2, 1.0, 0.8, 0.6), strict=True)
    ]
    counts = alarms.summary(rows + edge)
    assert counts["trainings"] == 2 and counts["told"] == {"lr_high": 1, "spike": 1}
    assert (counts["exact"], counts["signs"], counts["hardly_learning"], counts["told_of_them"]) == (0, 2, 1, 1)


@pytest.mark.parametrize(("guess", "learns"), [(0.8, 2), (None, 3), (5.0, 3)])
def test_what_learns_a_constant_output_only_does_not_count(guess, learns):
    ends = (1.5, 0.78, 0.3, 0.32, None)
    rows = [row(factor, end) | {"guess": guess} for factor, end in zip(FACTORS, ends, strict=True)]
    counts = alarms.summary(rows)
    assert (counts["trainings"], counts["hardly_learning"]) == (learns, 3 - learns)


def test_what_was_run_is_not_run_again(tmp_path, monkeypatch):
    monkeypatch.setattr(alarms, "ROWS", tmp_path / "rows.jsonl")
    monkeypatch.setattr(alarms, "RESULT", tmp_path / "counts.json")
    monkeypatch.setattr(alarms, "WORKLOADS", {"mlp": None})
    monkeypatch.setattr(alarms, "OPTIMIZERS", {"SGD": None})
    run = []

    def trained(workload, optimizer, seed, factor):
        run.append(factor)
        return row(factor, 0.01 * abs(factor - 20.0))  # best at 10, which 31.6 shows

    monkeypatch.setattr(alarms, "_row", trained)
    list(alarms.measure(1, True))
    assert run == [*FACTORS, 31.6228]
    first = len(run)
    with (tmp_path / "rows.jsonl").open("a") as file:
        file.write('{"workload": "mlp", "optim')  # ended while it wrote
    list(alarms.measure(1, True))
    assert len(run) == first
    assert json.loads((tmp_path / "counts.json").read_text())["trainings"] == 3


def test_a_finding_knows_how_often_it_was_told_of_trainings_without_a_mistake(monkeypatch):
    monkeypatch.setitem(DIAGNOSES["findings"]["spike"], "alarms", [2, 412])
    assert Diagnosis("spike", {"step": 0}).false_alarms == (2, 412)
    monkeypatch.delitem(DIAGNOSES["findings"]["spike"], "alarms")
    assert Diagnosis("spike", {"step": 0}).false_alarms is None
    assert set(ALARMS["told"]) <= DIAGNOSES["findings"].keys()


def test_enough_kinds_and_optimizers():
    assert len(WORKLOADS) >= 20 and len(OPTIMIZERS) >= 8 and len(NEW) >= 5 and NEW.keys() <= WORKLOADS.keys()


@pytest.mark.parametrize("workload", NEW)
def test_the_new_workloads_run(workload):
    taken = alarms.run(alarms.steepest.watch, workload, "AdamW", 1.0, 7, steps=4)
    assert taken.record.steps == 4 and not any(finding.code == "unseen_error" for finding in taken.unseen)
