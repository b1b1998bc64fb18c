"""Failed runs are tried again, a page follows a study that runs, and an optimizer whose runs all failed is told."""

import re
from pathlib import Path

import pytest
import typer

from steepest import compare, verbs
from steepest.base.errors import InvalidValue, UnknownName
from steepest.base.status import Status
from steepest.cli import report
from steepest.cli.results import print_comparison
from steepest.report.failures import failed_sentences
from steepest.study import Comparison
from steepest.study.workers import worker

from ..studies import assert_planned_runs, assert_same_results, change, rows

SETTINGS = {"trials": 5, "seeds": 2, "steps": 20, "search_seeds": 2, "target": 0.3, "jobs": 1}


def study(folder: Path, **more) -> Comparison:
    return compare("quadratic", ["sgd", "adam"], out=folder, **SETTINGS | more)


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Comparison:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verbs, "_shown", lambda comparison, folder: comparison)
        return study(tmp_path_factory.mktemp("whole"))


def failing(monkeypatch, when) -> None:
    """Runs of which `when(rule, seed)` holds raise as where the memory is full."""
    train = worker.train

    def fail(problem, rule, seed, *rest, **more):
        if len(rest) > 2 and when(rule, seed):  # no warm-up
            raise MemoryError("no memory left")
        return train(problem, rule, seed, *rest, **more)

    monkeypatch.setattr(worker, "train", fail)


@pytest.mark.usefixtures("without_report")
@pytest.mark.parametrize("stop_early", [False, True])
def test_failed_runs_are_done_again_with_the_results_of_an_undisturbed_study(tmp_path, whole, stop_early):
    """Trials, the best of them among these, finalists and reports."""
    if stop_early:
        whole = study(tmp_path / "whole", stop_early=True)
    with pytest.MonkeyPatch.context() as patch:
        failing(patch, lambda rule, seed: (rule.lr > 0.02 and seed == 1000) or seed in (1003, 2))
        broken = study(tmp_path, stop_early=stop_early)
    failed = broken.runs[broken.runs["status"] == Status.FAILED]
    assert set(failed["phase"]) == {"search", "report"} and verbs.failed_runs(tmp_path) == len(failed) > 6
    kept = {run: row["attempts"] for run, row in rows(tmp_path, "status != 'failed' and phase != 'timing'").items()}
    result = verbs.resume(tmp_path, retry="failed", jobs=1)
    assert verbs.failed_runs(tmp_path) == 0
    assert_planned_runs(result)
    if not stop_early:
        assert_same_results(result, whole)
        assert all(rows(tmp_path)[run]["attempts"] == count for run, count in kept.items())


@pytest.mark.usefixtures("without_report", "whole")
def test_without_a_failed_run_nothing_is_done_again(tmp_path, monkeypatch):
    before = study(tmp_path)
    monkeypatch.setattr(worker, "train", lambda *_, **__: pytest.fail("trained again"))
    assert_same_results(verbs.resume(tmp_path, retry="failed", jobs=1), before)
    with pytest.raises(UnknownName, match="retry: cannot be 'all'; the runs that can be tried again"):
        verbs.resume(tmp_path, retry="all")


@pytest.mark.usefixtures("without_report")
def test_an_optimizer_whose_runs_all_failed_is_told_and_ends_with_exit_code_1(tmp_path, monkeypatch, capsys):
    failing(monkeypatch, lambda rule, _: rule.title == "SGD")
    result = study(tmp_path)
    (sentence,) = failed_sentences(result)
    assert sentence.en.startswith("SGD: every run failed (") and "no memory left" in sentence.en
    with pytest.raises(typer.Exit) as ended:
        print_comparison(result, tmp_path)
    assert ended.value.exit_code == 1
    assert "--retry failed" in " ".join(capsys.readouterr().out.split())


@pytest.mark.usefixtures("whole", "without_report")
def test_what_is_tried_again_is_told_once_nothing_stands_in_the_way(tmp_path, monkeypatch, command):
    study(tmp_path / "s")
    line = f"compare --resume {tmp_path / 's'} --retry failed --jobs 1"
    code, _, told = command(line)
    assert code == 0 and told.startswith("no run has failed: there is nothing to try again\n")
    monkeypatch.setattr(verbs, "check_code", lambda *_: (_ for _ in ()).throw(InvalidValue("s: a file has changed")))
    assert command(line) == (2, "", "steepest: s: a file has changed\n")


def test_a_page_follows_a_study_until_it_is_finished(tmp_path, monkeypatch, whole, capsys):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verbs, "_shown", lambda comparison, folder: comparison)
        study(tmp_path)
    change(tmp_path, "update runs set state = 'waiting', session = null where phase = 'report' and seed = 2")
    pages = []

    def look(_):
        pages.append((tmp_path / "report.html").read_text())
        if len(pages) == 2:
            change(tmp_path, "update runs set state = 'done' where state = 'waiting'")

    monkeypatch.setattr(report.time, "sleep", look)
    report.command(tmp_path, "csv", None, True)
    assert len(pages) == 3  # one more look, since seeds may be added to a study that is complete
    assert 'http-equiv="refresh" content="5"' in pages[0] and "Not finished: " in pages[0]
    last = (tmp_path / "report.html").read_text()
    assert 'http-equiv="refresh"' not in last and "Not finished" not in last
    assert re.findall(r"Not finished: \d+ of \d+", capsys.readouterr().out)


def test_the_page_of_a_study_that_runs_says_so(tmp_path, whole):
    from dataclasses import replace

    from steepest.report.verdict import unfinished_sentence

    running = replace(whole, running=True)
    assert unfinished_sentence(running).en == f"Running: {len(whole.runs)} of {whole.plan.runs} runs are done; " + (
        "this is no result yet."
    )
    assert not whole.running
