"""The project's own faulty programs: the mistake is named first, and the repaired program is silent."""

import sys
from pathlib import Path

import pytest

import steepest
from steepest.datasets.getting import NotHere
from steepest.findings.catalogue import DIAGNOSES

sys.path.append(str(Path(__file__).parents[2]))

from benchmarks.faults import PROGRAMS
from benchmarks.faults.healthy import WORKLOADS, run

CODES = DIAGNOSES["findings"]
LONGER = {  # what shows only after a while, with the number of steps
    "evaluated_on_the_way": 160, "never_stepped": 110, "gap_in_a_table": 60, "zero_by_zero": 130, "lost_steps": 40,
    "fast_regression": 40, "fast_autoencoder": 60, "negative_error": 160, "misaligned_table": 220, "tiny_targets": 40,
    "slow_regression": 220, "halved_each_batch": 120, "clipped_norm": 40, "raw_table": 40, "sorted_images": 60,
    "strong_decoupled_decay": 120, "few_examples": 150, "skipped_always": 40, "grown_each_step": 60, "same_images": 40,
    "repeated_before_the_split": 40, "scheduled_before": 12, "likelihood_minimized": 100,
    "blocks_without_their_skip": 8, "masks_all_empty": 20, "angles_by_acos": 60, "signals_as_recorded": 20,
    "lion_at_the_rate_of_sgd": 20, "rates_by_depth": 8, "uniform_weights_on_decibels": 8,
    "labels_with_a_newline": 40, "attention_to_an_empty_basket": 60, "hooks_that_clamp": 12,
    "plateau_of_the_wrong_direction": 280, "ten_convolutions_from_a_hundredth": 4, "unfrozen_but_in_no_group": 300,
    "unfrozen_behind_the_optimizer": 300,
    "log_likelihood_without_minus": 160, "the_divergence_of_the_code_with_its_sign_lost": 160,
    "last_batch_of_one_patient": 60,
}  # fmt: skip
QUICK = {
    "never_zeroed",
    "copied_after",
    "plain_list",
    "cut_code",
    "sigmoid_twice",
    "differences_by_hand",
    "half_precision",
}
SLOW = {
    "convolutions_only",
    "embedding_without_graph",
    "softmax_outside",
    "one_at_a_time",
    "maximized",
    "average_without_underscores",
}
UNTOLD = {"likeness_as_loss", "frozen_without_weights"}
"""Of the first a similarity is minimized, which no graph tells from a distance. Of the second random layers are frozen,
as pretrained ones are meant to be."""

TRIED = [
    pytest.param(name, LONGER.get(name, 12), marks=pytest.mark.quick if name in QUICK else ())
    for name, program in PROGRAMS.items()
    if name in LONGER or (name not in SLOW | UNTOLD and any(CODES[code].get("certain") for code in program.truth))
]


def test_the_suite_has_programs_of_every_code():
    assert len(PROGRAMS) >= 45 and sum(program.held for program in PROGRAMS.values()) >= 15
    shown = {code for program in PROGRAMS.values() for code in program.truth}
    assert shown == {
        code for code, entry in CODES.items() if not (code.startswith("unseen_") or "information" in entry)
    }
    assert all(program.about.endswith(".") for program in PROGRAMS.values())


@pytest.mark.filterwarnings("ignore:std.*degrees of freedom")  # the mistake of one of them
@pytest.mark.parametrize(("name", "steps"), TRIED)
def test_the_mistake_is_named_first_and_the_repaired_program_is_silent(name, steps):
    program = PROGRAMS[name]
    try:
        doctor = program.run(steepest.watch, 0, False, steps)
    except NotHere as missing:
        pytest.skip(str(missing))
    assert [finding.code for finding in doctor.unseen if finding.code == "unseen_error"] == []
    assert doctor.findings, f"{name}: {program.about} Nothing was found."
    found = doctor.findings[0]
    assert found.code in program.truth, doctor.text()
    for lang in ("en", "zh"):
        assert len(found.happened(lang)) > 8 and "{" not in found.text(lang)
    assert program.run(steepest.watch, 0, True, steps).findings == []


@pytest.mark.parametrize("workload", ["mlp", "regression", "binary", "autoencoder, sigmoid", "recurrent"])
def test_trainings_without_a_mistake_are_silent(workload):
    doctor = run(steepest.watch, workload, "AdamW", 1.0, seed=0, steps=60)
    assert workload in WORKLOADS and doctor.findings == []
