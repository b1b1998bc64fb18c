"""`steepest compare` from end to end: what it prints, what it writes, and runs that raise."""

import re
import subprocess
from pathlib import Path

import pandas as pd
import pytest

import steepest
from steepest.base.errors import InvalidValue
from steepest.study import Comparison
from steepest.study.workers import worker

TINY = "--trials 4 --seeds 2 --searches 1 --search-seeds 1 --jobs 1"

MINE = """
from dataclasses import dataclass

from steepest import Rule
from steepest.rules.base import hyperparameter


@dataclass(frozen=True, kw_only=True)
class HalfStep(Rule):
    title = "Half step"
    reference = "this test"
    lr: float = hyperparameter(1e-3, "x", "learning rate", search=(1e-2, 1.0))

    def init(self, param):
        return {}

    def update(self, grad, param, step):
        return (-0.5 * self.lr * grad,)
"""


def left_behind(folder: Path) -> set[str]:
    return {str(each.relative_to(folder)) for each in folder.rglob("*") if "__pycache__" not in each.parts}


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_target_that_the_initial_weights_meet_is_told_before_the_study(lang, command, write_workload, monkeypatch):
    def stop(*_, **__):
        raise InvalidValue("begins")

    monkeypatch.setattr("steepest.verbs.run_comparison", stop)
    told = {"en": "is met before the first step (", "zh": "第一步之前就已达到目标"}[lang]
    for target, is_told in ((1e9, True), (0.1, False)):
        _, _, errors = command(f"compare {write_workload()} --optimizers sgd --target {target:g} {TINY} --lang {lang}")
        assert "begins" in errors and (told in errors) is is_told


def words(text: str) -> str:
    """The text in one line, whatever the width of the terminal, without the frames of help pages."""
    return " ".join(re.sub(r"[│╭╮╰╯─]", " ", text).split())


def test_the_installed_command_compares_and_draws_in_one_go(script, tmp_path):
    """The whole way as a user goes it, in a process of its own."""
    ask = "compare --optimizers sgd,adam --trials 2 --seeds 2 --steps 10 --target 0.4 --jobs 1"
    done = subprocess.run([script, *ask.split()], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert (done.returncode, "Warning" in done.stderr) == (0, False)
    assert done.stderr.splitlines()[-1] == "28 of 28 runs"  # two searches of two trials, on three seeds each
    for text in ("Handwritten digits", "target: accuracy ≥ 0.4", "learning", "SGD", "Adam", "100%"):
        assert text in done.stdout
    assert re.search("gets there first|tie: 2 seeds cannot tell them apart", words(done.stdout))
    assert "report: steepest-digits/report.html" in done.stdout
    folder = tmp_path / "steepest-digits"
    figures = {
        f"figures/{name}.{ending}" for name in ("budget", "curves", "learning_rates") for ending in ("png", "svg")
    }
    tables = {f"{name}.csv" for name in ("runs", "curves", "table", "contestants", "trials", "timings", "ratios")}
    files = {"study.sqlite", "report.html", "figures", *tables}
    assert left_behind(folder) == figures | files
    assert left_behind(tmp_path) == {"steepest-digits"} | {f"steepest-digits/{each}" for each in figures | files}
    assert Comparison.read(folder).facts["command"] == f"steepest {ask}"


@pytest.mark.quick
def test_a_users_workload_and_rules_compete_with_ours(command, write_workload, write_file, tmp_path):
    file, mine = write_workload(), write_file("mine.py", MINE)
    code, printed, _ = command(f"compare {file} --optimizers adam,{mine},'sgd(lr=0.1)' {TINY}")
    assert code == 0
    assert "A plane through 24 points" in printed
    for label in ("Adam", "Half step", "SGD lr=0.1"):
        assert re.search(f"^{label} ", printed, re.MULTILINE)
    assert (tmp_path / "steepest-small" / "report.html").is_file()
    assert len(Comparison.read(tmp_path / "steepest-small").runs) == 4 + 4 + 1 + 3 * 2


def test_batch_sizes_compete_in_seconds(command, airfoil, tmp_path):
    """Row 10 of the lecture, smaller."""
    code, printed, _ = command(
        f"compare airfoil --optimizers 'sgd(lr=0.1)' --batch-size 10,100,all {TINY} --steps 4 --out row10"
    )
    comparison = Comparison.read(tmp_path / "row10")
    assert code == 0
    assert comparison.measure == "seconds_to_target"
    assert [each.batch_size for each in comparison.plan.contestants] == [10, 100, 1500]
    noise = comparison.gradient_noise
    assert noise[10] > 2 * noise[100] > noise[1500] == 0
    for size in (10, 100, "all"):
        assert f"SGD lr=0.1 (batch {size})" in printed
    assert "gradient noise" in (tmp_path / "row10" / "report.html").read_text()


@pytest.mark.usefixtures("without_report")
def test_what_a_user_writes_is_printed_as_it_is(command, write_workload):
    """Brackets are rich's mark-up; here they are a user's."""
    file = write_workload("__doc__ = 'Images [bold]of[/c] things'\nmetric_name = '[red]loss'\nmetric = loss")
    code, printed, complaint = command(f"compare {file} --optimizers sgd {TINY} --out [study]")
    assert (code, "error" in complaint) == (0, False)
    assert "Images [bold]of[/c] things" in printed
    assert "[red]loss" in printed
    assert "report: [study]/report.html" in printed


@pytest.mark.usefixtures("without_report")
def test_ctrl_c_keeps_what_is_done_and_the_same_command_goes_on(command, monkeypatch):
    """In this process; tests/test_study.py does it with several."""
    train, calls = worker.train, []

    def interrupted(workload, rule, seed, steps, *more, **named):
        if steps > 1:  # not to warm up
            calls.append(rule)
            if len(calls) in (4, 6):
                raise KeyboardInterrupt
        return train(workload, rule, seed, steps, *more, **named)

    monkeypatch.setattr(worker, "train", interrupted)
    ask = f"compare digits --optimizers sgd,adam {TINY} --steps 12 --target 0.3 --out study"
    for done in (3, 4):  # again while it goes on, in the second run of that time
        code, printed, complaint = command(ask)
        assert (code, printed) == (130, "")
        stopped = f"stopped: {done} of 12 runs are kept in study; steepest compare --resume study goes on from there"
        assert stopped in complaint
        kept = Comparison.read("study").runs
        assert len(kept) == done
    assert command(ask)[0] == 0
    assert len(calls) == 12 + 2
    runs = Comparison.read("study").runs
    clock = ["seconds_a_step", "seconds_to_target"]  # measured apart, when all was done
    again = runs[runs["id"].isin(kept["id"])].drop(columns=clock)
    pd.testing.assert_frame_equal(again, kept.drop(columns=clock), check_dtype=False)


@pytest.mark.usefixtures("without_report")
def test_a_study_is_extended_and_nothing_is_done_twice(command, write_workload):
    file = write_workload()
    assert command(f"compare {file} --optimizers sgd,adam {TINY} --out study")[0] == 0
    before = Comparison.read("study").runs.set_index("id")
    code, printed, _ = command(
        "compare --resume study --add-rules 'lion,sgd(lr=0.1)' --range lion.lr=0.001:0.1 --add-seeds 1 --jobs 1"
    )
    assert code == 0
    for label in ("SGD", "Adam", "Lion", "SGD lr=0.1"):
        assert re.search(f"^{label} ", printed, re.MULTILINE)
    after = Comparison.read("study")
    assert after.complete
    assert len(after.runs) == 3 * (4 + 3) + 1 + 3
    same = after.runs.set_index("id").loc[before.index]
    assert (same[["label", "seed", "final_loss"]] == before[["label", "seed", "final_loss"]]).all(axis=None)
    protocol = {"trials": 4, "seeds": 3, "searches": 1, "search_seeds": 1}
    whole = steepest.compare(
        file, ["sgd", "adam", "lion", "sgd(lr=0.1)"], ranges={"lion.lr": (0.001, 0.1)}, **protocol, jobs=1
    )
    assert after.table["final_loss"].to_dict() == whole.table["final_loss"].to_dict()
    code, printed, _ = command("compare --resume study/study.sqlite --jobs 1")  # nothing to do
    assert code == 0
    assert Path(printed.rpartition("report: ")[2].strip()) == Path("study/report.html")
    assert command(f"compare {file} --optimizers sgd,adam {TINY} --out study")[0] == 0  # nor for the first command
    pd.testing.assert_frame_equal(Comparison.read("study").runs, after.runs)


def test_several_workloads_are_one_study(command, write_workload, tmp_path):
    one, other = write_workload(), write_workload("target = 0.5", "other.py")
    code, printed, _ = command(f"compare {one} {other} --optimizers sgd,adam {TINY}")
    study = tmp_path / "steepest-small-other"
    assert code == 0
    assert printed.count("A plane through 24 points") == 2
    assert "report: steepest-small-other/report.html" in printed
    assert (study / "report.html").is_file()
    both = Comparison.read(study)
    assert both.complete
    assert list(both.by_workload()) == [one, other]
    assert [each.target for each in both.by_workload().values()] == [0.1, 0.5]
    assert list(both.profiles.score.index) == ["SGD", "Adam"]
    with pytest.raises(InvalidValue, match=r"choose one of \.by_workload\(\)"):
        _ = both.table


@pytest.mark.usefixtures("without_report")
def test_a_search_is_widened_beyond_its_edge(command, write_workload):
    file = write_workload("steps = 2\ntarget = 1e-6")  # in two steps the largest steps are best
    trials = "--trials 8 --seeds 2 --search-seeds 1"
    ask = f"compare {file} --optimizers sgd,adam --range sgd.lr=1e-4:1e-2 {trials} --jobs 1 --out study"
    code, printed, _ = command(ask)
    assert code == 0
    assert "* SGD: its best lr, " in printed
    code, printed, _ = command(f"{ask} --widen")
    assert code == 0
    comparison = Comparison.read("study")
    assert comparison.complete
    sgd, adam = comparison.plan.contestants
    assert sgd.ranges == {"lr": (1e-4, 0.1)}
    assert len(sgd.trials) == len(adam.trials) == 2 * (8 + 4)
    reported = comparison.runs[comparison.runs["phase"] == "report"].groupby("label")["lr"].unique()
    assert len(reported["SGD"]) == 2  # of each search the best
    assert all(1e-2 < lr < 1e-1 for lr in reported["SGD"])


@pytest.mark.usefixtures("without_report")
@pytest.mark.parametrize("option", ["--resume study", "--out study"])
def test_a_study_does_not_go_on_with_other_code(option, command, write_workload, write_file):
    file, mine = write_workload(), write_file("mine.py", MINE)
    ask = f"compare {file} --optimizers sgd,mine.py {TINY} --out study"
    assert command(ask)[0] == 0
    write_file("mine.py", MINE.replace("-0.5", "-0.25"))
    code, printed, complaint = command(ask if "out" in option else f"compare {option} --add-seeds 2")
    assert (code, printed, complaint.count("\n")) == (2, "", 1)
    assert f"study: {mine} has changed since this study began" in complaint
    assert "begin another in a new folder (--out), or put the old code back" in complaint
    code, printed, _ = command(f"compare {file} --optimizers sgd,mine.py {TINY}")
    assert "report: steepest-small/report.html" in printed
    write_file("mine.py", MINE)
    _, printed, _ = command(f"compare {file} --optimizers sgd,mine.py {TINY}")
    assert "report: steepest-small-2/report.html" in printed


# --- runs that raise --------------------------------------------------------------------------------------------------

LUCK = """
models, linear = 0, model


def model():
    global models
    models += 1
    return linear()


def loss(output, targets):
    if models > {models}:
        raise RuntimeError("out of <b>luck</b>")
    return torch.nn.functional.mse_loss(output, targets)
"""
TRIED, OF_A_RULE = 1, 1 + 2
"""Models that a worker makes beside its runs: to see whether that works, and before the first run of each optimizer to
look at it once, and to see twice whether its runs repeat."""


def last_words(file: str) -> str:
    (place,) = [n for n, line in enumerate(Path(file).read_text().splitlines(), 1) if "raise" in line]
    return f"{Path(file).name}, line {place}: RuntimeError: out of <b>luck</b>"


@pytest.mark.usefixtures("without_report")
def test_runs_that_raise_have_failed_with_their_last_words_and_the_rest_counts(write_workload, command):
    file = write_workload(LUCK.format(models=TRIED + 2 * OF_A_RULE + 5))
    code, printed, _ = command(f"compare {file} --optimizers sgd,adam {TINY} --out study")
    runs = Comparison.read("study").runs
    assert list(runs["status"] == "failed") == [False] * 5 + [True] * 7
    assert set(runs["message"][5:]) == {last_words(file)}
    assert code == 0
    (adam,) = re.findall("^Adam .*", printed, re.MULTILINE)
    assert adam.endswith("50%")  # of its four trials
    assert "No run worked" not in printed


def test_where_every_run_fails_the_reason_is_the_verdict(write_workload, command):
    file = write_workload(LUCK.format(models=TRIED + OF_A_RULE))
    code, printed, complaint = command(f"compare {file} --optimizers sgd,adam {TINY} --out study")
    assert code == 1
    assert f"Every run failed: {last_words(file)}; correct the file that raises it." in printed
    assert "best learning rate" not in printed
    assert "Traceback" not in complaint
    page = Path("study/report.html").read_text()
    assert page.count("out of &lt;b&gt;luck&lt;/b&gt;") == 2  # the verdict in two languages
    assert "<b>luck" not in page


@pytest.mark.quick
def test_an_exit_in_a_users_code_is_told_wherever_it_is(write_file, command):
    late = write_file("late.py", """
    import sys
    import torch
    from steepest.workloads import Problem, Session

    class Training(Session):
        def __init__(self):
            self.model = torch.nn.Linear(1, 1)

        def advance(self, optimizer, steps):
            return [0.0] * steps

        def measure(self):
            return {"loss": 1.0}

    class Late(Problem):
        target, batch_size = 0.1, 4

        def begin(self, seed, device):
            return Training()

        def examples(self):
            sys.exit("not now")
    """)  # fmt: skip
    code, _, complaint = command(f"compare {late} --batch-size 1,2")
    assert code == 2
    assert complaint == f"steepest: {late}: line 23: SystemExit: not now\n"
