"""What is said of runs that failed: the commonest cause first, and a remedy."""

import math

import pytest

from steepest.base.status import Status
from steepest.base.text import Text
from steepest.findings.catalogue import Finding
from steepest.report.failures import all_failed, diagnosed_sentences, failed_sentences
from steepest.report.page import render
from steepest.report.verdict import verdict_sentence, verdict_texts
from steepest.study.jobs import columns_of

from .comparisons import reports, run, study_of, trials

pytestmark = pytest.mark.quick


def test_where_every_run_failed_the_commonest_reason_is_given():
    rows = reports("a", [math.inf] * 3, **columns_of(Finding("run_raised", {"words": "line 2: ValueError: no"})))
    rows[0] |= columns_of(Finding("run_raised", {"words": "line 3: TypeError: no"}))
    text = verdict_sentence(study_of(rows))
    assert text == Text(
        "Every run failed: line 2: ValueError: no; correct the file that raises it.",
        "所有运行都失败了：第 2 行：ValueError: no；请修正出错的文件。",
    )


MISSED = {"steps_to_target": math.inf}
RAISED = columns_of(Finding("run_raised", {"words": "line 2: ValueError: no"})) | MISSED


def test_where_most_runs_of_an_optimizer_failed_the_cause_is_told_and_no_advice_about_steps():
    rows = reports("a", [math.inf] * 3, **RAISED)
    rows[0] |= {"status": "finished", "finding": None}  # the trial went well
    study = study_of(rows)
    assert verdict_texts(study)[0] == Text(
        "No optimizer reached the target on most seeds: 3 of the 3 runs on fresh seeds failed, such as: line 2:"
        " ValueError: no; correct the file that raises it.",
        "没有优化器在多数种子上达到目标：新种子上的 3 次运行中有 3 次失败了，例如：第 2 行：ValueError: no；"
        "请修正出错的文件。",
    )
    assert all_failed(study) == []
    (sentence,) = failed_sentences(study)
    assert sentence == Text(
        "3 runs failed (a: 3 of 4), such as: line 2: ValueError: no. Try again with: steepest compare --resume FOLDER"
        " --retry failed",
        "有 3 次运行失败（a：4 次中 3 次），例如：第 2 行：ValueError: no。重试：steepest compare --resume 文件夹"
        " --retry failed",
    )


def test_where_most_trials_failed_the_cause_is_told_though_some_reports_went_well():
    rows = [*trials("a", [math.inf] * 3, **RAISED), *(run("a", "report", seed, math.inf, lr=0.001) for seed in (1, 2))]
    headline, _ = verdict_texts(study_of(rows, seeds=2))
    assert headline.en.startswith(
        "No optimizer reached the target on most seeds: 3 of the 5 runs failed, such as: line 2"
    )
    assert "：5 次运行中有 3 次失败了，例如：" in headline.zh
    diverged = [row | {"status": "diverged"} if row["status"] == "failed" else row for row in rows]
    assert "give more steps" in verdict_texts(study_of(diverged, seeds=2))[0].en


def test_where_most_runs_diverged_smaller_learning_rates_are_the_advice():
    rows = reports("a", [math.inf] * 3, status="diverged", message="the loss grew")
    rows[0] |= {"status": "finished"}
    study = study_of(rows)
    assert (
        "3 of the 3 runs on fresh seeds diverged, such as: the loss grew; search smaller" in verdict_sentence(study).en
    )
    assert failed_sentences(study) == []  # it would diverge again


def test_failed_runs_of_several_optimizers_are_one_sentence_and_those_that_never_worked_have_their_own():
    rows = [*reports("a", [10, 11, 12]), *reports("b", [20, 21, math.inf]), *reports("c", [math.inf] * 3, **RAISED)]
    rows[3] |= RAISED
    rows[7] |= RAISED | columns_of(Finding("run_raised", {"words": "out of luck"}))
    study = study_of(rows)
    of_c, of_others = failed_sentences(study)
    assert of_c.en.startswith("c: every run failed (4), such as: line 2: ValueError: no. Try again with: ")
    assert of_others.en.startswith("2 runs failed (a: 1 of 4 and b: 1 of 4), such as: line 2: ValueError: no. Try")
    assert all_failed(study) == ["c"]
    assert "2 runs failed (a: 1 of 4 and b: 1 of 4)" in render(study, {"w": {}})
    assert failed_sentences(study_of(reports("a", [10, 11, 12]))) == []


NO_NUMBERS = dict.fromkeys(("final_metric", "best_metric", "final_loss"), math.nan) | {"steps_to_target": math.inf}


@pytest.mark.parametrize(
    ("status", "did", "remedy"),
    [
        (Status.TIMED_OUT, "ran out of time", "give a run more time (--timeout)"),
        (Status.DIVERGED, "diverged", "search smaller learning rates"),
        (Status.NON_FINITE, "became non-finite", "look for a division by zero"),
    ],
)
def test_where_no_run_worked_there_is_a_remedy(status, did, remedy):
    rows = [row | NO_NUMBERS | {"status": status, "message": "alas"} for row in reports("a", [1, 2, 3])]
    text = verdict_sentence(study_of(rows))
    assert text.en.startswith(f"Every run {did}: alas; {remedy}")
    assert not text.zh.isascii()
    mixed = [rows[0] | {"status": Status.FAILED}, *rows[1:]]
    assert verdict_sentence(study_of(mixed)).en.startswith(f"No run worked: 3 of 4 {did}, such as: alas; {remedy}")


def test_a_loss_that_is_no_number_at_the_start_is_the_workloads_fault():
    start = {"status": Status.NON_FINITE, "initial_loss": math.nan}
    rows = [row | NO_NUMBERS | start for row in reports("a", [1, 2, 3])]
    assert verdict_sentence(study_of(rows)).en == (
        "Every run became non-finite: the loss is not a finite number before the first step; correct the workload: no"
        " optimizer has made a step yet."
    )


def found(*codes):
    numbers = {"sign": "leap", "step": 3, "loss": 9.0, "ratio": 4.0, "heavy": False}
    return "[" + ", ".join(Finding(code, numbers).to_json() for code in codes) + "]"


def test_failed_trials_are_counted_by_the_worst_finding_of_the_doctor():
    fresh = [run("a", "report", seed, 9, lr=0.001) for seed in (1, 2, 3)]
    rows = [*trials("a", [math.inf] * 3 + [20], diagnoses=found("lr_high", "spike")), *fresh]
    rows[1]["diagnoses"] = found("lr_low")
    rows[2]["diagnoses"] = found()
    assert diagnosed_sentences(study_of(rows)) == [
        Text(
            "1 of 3 failed trials of a: learning rate too high; 1: learning rate too low.",
            "a 的 3 次失败试验中有 1 次：学习率过高；1 次：学习率过低。",
        )
    ]
    rows[0] |= {"status": Status.STOPPED}
    assert diagnosed_sentences(study_of(rows))[0].en == "1 of 2 failed trials of a: learning rate too low."
    assert diagnosed_sentences(study_of(reports("b", [5, 6, 7]))) == []


def test_what_was_proved_in_most_runs_is_said_once_of_the_workload():
    proved = found("zero_grad", "lr_high")
    fresh = [run("a", "report", seed, 9, lr=0.001, diagnoses=proved) for seed in (1, 2, 3)]
    rows = [*trials("a", [math.inf] * 2, diagnoses=proved), *fresh]
    first, second = diagnosed_sentences(study_of(rows))
    assert first.en.startswith("The doctor found in 5 of 5 runs: gradients are not zeroed between steps")
    assert second.en == "2 of 2 failed trials of a: learning rate too high."
