"""The command line from end to end: what it prints, what it writes, and one clear line for whatever is wrong."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import steepest
from steepest import cli
from steepest.base.errors import InvalidValue
from steepest.landscapes import LANDSCAPES
from steepest.rules import RULES
from steepest.schedules import SCHEDULES
from steepest.study import Comparison, Store
from steepest.study.workers import worker
from steepest.workloads import WORKLOADS

HEAVY = ("torch", "sympy", "matplotlib", "pandas", "sklearn", "scipy", "numba")
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


def words(text: str) -> str:
    """The text in one line, whatever the width of the terminal, without the frames of help pages."""
    return " ".join(re.sub(r"[│╭╮╰╯─]", " ", text).split())


# --- help and lists ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("--help", ["Watch, compare and use", "trace", "compare", "list", "Start with: steepest compare"]),
        ("trace --help", ["--on", "--f", "--start", "--lr", "--steps", "--set", "--schedule", "--noise", "--seed",
                          "--save", "--surface", "steepest trace sgd adam --on rosenbrock"]),
        ("compare -h", ["--optimizers", "--trials", "--seeds", "--steps", "--target", "--batch-size", "--jobs",
                        "--searches", "--search-seeds", "--points-seed",
                        "--range", "--schedule", "--widen", "--on", "--timeout", "--out", "--resume",
                        "--add-rules", "--add-seeds", "--add-trials",
                        "steepest compare airfoil --optimizers sgd --batch-size 1,10,100,all"]),
        ("list --help", ["List the rules, landscapes, schedules and workloads"]),
    ],
    ids=["steepest", "trace", "compare", "list"],
)  # fmt: skip
def test_help_names_every_option_and_shows_an_example(arguments, expected, command):
    code, printed, complaint = command(arguments)
    assert (code, complaint) == (0, "")
    for each in expected:
        assert each in words(printed)


def test_list_has_a_line_for_everything(command):
    code, printed, _ = command("list")
    lines = {line.split()[0]: words(line) for line in printed.splitlines() if line.strip()}
    assert code == 0
    for name in [*RULES, *LANDSCAPES, "quadratic", *SCHEDULES, *WORKLOADS]:
        assert len(lines[name].split()) > 2, name
    for name, rule in RULES.items():
        assert lines[name] == f"{name} {rule.summary()}".replace("$", "").replace("`", "")


@pytest.mark.parametrize("arguments", ["list", "--help", "compare --help", "trace --help", "--version"])
def test_what_should_answer_at_once_loads_nothing_heavy(arguments, python):
    heavy = {*HEAVY, *["numpy"] * (arguments != "list")}
    printed = python(
        "import sys\nfrom steepest.cli import main\n"
        f"sys.argv = ['steepest', *{arguments.split()}]\n"
        "try:\n    main()\nexcept SystemExit as ending:\n"
        f"    print('LOADED', ending.code, sorted({heavy} & set(sys.modules)))"
    )
    assert printed.splitlines()[-1] == "LOADED 0 []"


def test_each_command_is_a_file_and_a_name():
    files = {file.stem for file in Path(cli.__file__).parent.glob("*.py")}
    others = {"__init__", "help_words", "language", "options", "terminal", "words", "interrupts"}
    assert files - others == set(cli.COMMANDS)


def test_the_version_is_that_of_the_package(command):
    assert command("--version") == (0, f"steepest {steepest.__version__}\n", "")


# --- trace ------------------------------------------------------------------------------------------------------------

LECTURE = [
    ("sgd --f 'x*cos(0.15*pi*x)' --start 10 --lr 2 --steps 10", "x = (-1.528166)"),
    ("sgd --on 'x1**2 + 2*x2**2' --start -5,-2 --lr 0.1 --steps 20", "x = (-0.057646, -0.000073)"),
    ("sgd(momentum=0.25) --f '0.1*x1**2 + 2*x2**2' --start=-5,-2 --lr 0.6 --steps 20", "x = (-0.126340, -0.186632)"),
    ("sgd --set momentum=0.25 --on ravine --start -5,-2 --lr 0.6 --steps 20", "x = (-0.126340, -0.186632)"),
]


@pytest.mark.parametrize(("arguments", "end"), LECTURE)
def test_trace_prints_the_lectures_values(arguments, end, command):
    code, printed, complaint = command(f"trace {arguments}")
    assert (code, complaint) == (0, "")
    assert end in printed


def test_trace_prints_what_happened_and_why_in_a_line_each(command):
    _, printed, _ = command("trace sgd --on ravine --lr 0.6 --steps 20")
    what, why = printed.splitlines()[-2:]
    assert what == "  diverged: the value rises from step 1 on, to 5.6e+06; try a smaller learning rate"
    assert why.startswith("  The learning rate 0.6 is above the stability limit 2/λ = 0.5 along y") and why.endswith(
        "-1.4."
    )


def test_trace_prints_how_a_typed_formula_was_read(command):
    code, printed, complaint = command("trace sgd --f '1/2x sin²(2πx) + |y|' --start 1,1 --lr 0.01 --steps 5")
    assert (code, complaint) == (0, "")
    assert printed.splitlines()[1] == "  f(x, y) = x sin(2 π x)²/2 + |y|"
    assert "f(x, y)" not in command("trace sgd --on saddle --start 1,1 --lr 0.01 --steps 5")[1]


@pytest.mark.parametrize(
    ("ending", "start"), [("png", b"\x89PNG\r\n\x1a\n"), ("svg", b"<?xml version="), ("pdf", b"%PDF-")]
)
def test_trace_draws_to_the_file_that_was_asked_for(ending, start, command, tmp_path):
    code, printed, _ = command(f"trace sgd adam --lr 0.001 --steps 20 --save path.{ending}")
    assert code == 0
    assert "SGD lr=0.001" in printed
    assert "Adam lr=0.001" in printed
    assert printed.endswith(f"drawn to path.{ending}\n")
    assert left_behind(tmp_path) == {f"path.{ending}"}
    assert (tmp_path / f"path.{ending}").read_bytes().startswith(start)


@pytest.mark.quick
def test_a_path_that_diverges_is_a_result(command):
    code, printed, complaint = command("trace sgd --f x**2 --start 1 --lr 1.1 --steps 5000")
    assert (code, complaint) == (0, "")
    assert "diverge" in printed


# --- compare ----------------------------------------------------------------------------------------------------------


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
    files = {"study.sqlite", "runs.csv", "curves.csv", "table.csv", "report.html", "figures"}
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

    def interrupted(workload, rule, seed, steps, *more):
        if steps > 1:  # not to warm up
            calls.append(rule)
            if len(calls) in (4, 6):
                raise KeyboardInterrupt
        return train(workload, rule, seed, steps, *more)

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
    code, printed, _ = command("compare --resume study --add-rules 'lion,sgd(lr=0.1)' --add-seeds 1 --jobs 1")
    assert code == 0
    for label in ("SGD", "Adam", "Lion", "SGD lr=0.1"):
        assert re.search(f"^{label} ", printed, re.MULTILINE)
    after = Comparison.read("study")
    assert after.complete
    assert len(after.runs) == 3 * (4 + 3) + 1 + 3
    same = after.runs.set_index("id").loc[before.index]
    assert (same[["label", "seed", "final_loss"]] == before[["label", "seed", "final_loss"]]).all(axis=None)
    protocol = {"trials": 4, "seeds": 3, "searches": 1, "search_seeds": 1}
    whole = steepest.compare(file, ["sgd", "adam", "lion", "sgd(lr=0.1)"], **protocol, jobs=1)
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
calls = 0


def loss(output, targets):
    global calls
    calls += 1
    if calls > {calls}:
        raise RuntimeError("out of <b>luck</b>")
    return torch.nn.functional.mse_loss(output, targets)
"""
A_RUN, WARMING_UP, REPEATING = 12 + 2 * 13, 1 + 2 * 2, 2 * (5 + 2 * 2)
"""How often a worker asks for the loss: at each of 12 steps or 1, and as loss and as metric at each measurement."""


def last_words(file: str) -> str:
    (place,) = [n for n, line in enumerate(Path(file).read_text().splitlines(), 1) if "raise" in line]
    return f"{Path(file).name}, line {place}: RuntimeError: out of <b>luck</b>"


@pytest.mark.usefixtures("without_report")
def test_runs_that_raise_have_failed_with_their_last_words_and_the_rest_counts(write_workload, command):
    file = write_workload(LUCK.format(calls=2 * (WARMING_UP + REPEATING) + 5 * A_RUN + 4))
    code, printed, _ = command(f"compare {file} --optimizers sgd,adam {TINY} --out study")
    runs = Comparison.read("study").runs
    assert list(runs["status"] == "failed") == [False] * 5 + [True] * 7
    assert set(runs["message"][5:]) == {last_words(file)}
    assert code == 0
    (adam,) = re.findall("^Adam .*", printed, re.MULTILINE)
    assert adam.endswith("50%")  # of its four trials
    assert "1 of" not in printed


def test_where_every_run_fails_the_reason_is_the_verdict(write_workload, command):
    file = write_workload(LUCK.format(calls=10))
    code, printed, complaint = command(f"compare {file} --optimizers sgd,adam {TINY} --out study")
    assert code == 1
    assert f"Every run failed: {last_words(file)}; correct the file that raises it." in printed
    assert "best learning rate" not in printed
    assert "Traceback" not in complaint
    page = Path("study/report.html").read_text()
    assert page.count("out of &lt;b&gt;luck&lt;/b&gt;") == 2  # the verdict in two languages
    assert "<b>luck" not in page


# --- bad input --------------------------------------------------------------------------------------------------------

BAD = {
    "trace sgdd": "unknown rule 'sgdd'; did you mean 'sgd'?",
    "trace newton": "unknown rule 'newton'; known: ",
    "trace sgd --on rosenbrok": "unknown landscape 'rosenbrok'; did you mean 'rosenbrock'? (or a formula",
    "trace sgd --on quadratic(foo=3)": "quadratic takes condition, rotation",
    "trace sgd --start 1": "start: rosenbrock has 2 coordinates, got 1 number",
    "trace sgd --start 1,2,3": "start: rosenbrock has 2 coordinates, got 3 numbers",
    "trace sgd --start a,b": "--start 'a,b': write numbers with commas between, for example -1.2,1",
    "trace sgd --start nan,1": "start: must be finite numbers",
    "trace sgd --lr -0.1": "SGD: lr must lie in [0, inf), got -0.1",
    "trace sgd --lr nan": "SGD: lr must lie in [0, inf), got nan",
    "trace adam --set betas=0.9,1.0": "Adam: betas must lie in [0, 1), got (0.9, 1.0)",
    "trace adam --set beta=0.9": "Adam has no hyperparameter 'beta'; did you mean 'betas'?",
    "trace adam --set betas": "--set 'betas': write it as name=value, for example momentum=0.9",
    "trace adam --set eps=tiny": "cannot read the value 'tiny'",
    "trace sgd(lr=": "cannot read 'sgd(lr='",
    "trace sgd --steps 0": "steps: must be a whole number from 1, got 0",
    "trace sgd --noise -1": "noise: must be a finite number from 0, got -1.0",
    "trace sgd --schedule cosin": "unknown schedule 'cosin'; did you mean 'cosine'?",
    "trace sgd --schedule exponential(a=1)": "wrong arguments; write for example exponential(rate=0.1)",
    "trace sgd --save path.txt": "path.txt: a figure is a .png, .svg or .pdf file",
    "trace sgd --save blocked/path.png": "blocked/path.png: cannot be written",
    "trace sgd --surface": "--surface draws a picture; say where to, for example --save surface.png",
    "trace nothing.py:Rule": "nothing.py: no such file",
    "compare digts": "unknown workload 'digts'; did you mean 'digits'? (or the path of your own file",
    "compare nothing.py": "nothing.py: no such file",
    "compare raises.py": "raises.py: line 3: RuntimeError: no data today",
    "compare lacks.py": "lacks.py: has no `target`; add for example:  target = 0.95",
    "compare digits --optimizers adm": "unknown rule 'adm'; did you mean 'adam'?",
    "compare digits --optimizers ,": "optimizers: name at least one",
    "compare digits --optimizers sgd,sgd": "optimizers: 'SGD' is there twice",
    "compare digits --optimizers sgd(lr=-1)": "SGD: lr must lie in [0, inf), got -1",
    "compare digits --optimizers lacks.py": "lacks.py: defines no rule; write a dataclass that derives from",
    "compare digits --trials 0": "trials: must be a whole number from 1, got 0",
    "compare digits --seeds 0": "seeds: must be a whole number from 1, got 0",
    "compare digits --steps -1": "steps: must be a whole number from 1, got -1",
    "compare digits --target nan": "target: must be a finite number, got nan",
    "compare digits --jobs 0": "jobs: must be a whole number from 1, got 0",
    "compare digits --batch-size ,": "batch-size: name at least one",
    "compare digits --batch-size 10,some": "batch-size: must be whole numbers from 1, or all; got 'some'",
    "compare digits zipf --target 0.5": "target: one number cannot suit several workloads",
    "compare digits --range lr": "--range 'lr': write it as name=low:high, for example lr=1e-4:1",
    "compare digits --range lion.lr=1e-4:1": "range: no optimizer here has 'lion.lr' to search",
    "compare digits --schedule cosin": "unknown schedule 'cosin'; did you mean 'cosine'?",
    "compare digits --on mars": "on: unknown place 'mars'; known: processes, ray",
    "compare digits --timeout 0": "timeout: must be seconds above 0, got 0.0",
    "compare --resume nowhere": "nowhere: holds no study.sqlite",
    "compare --resume blocked": "blocked: holds no study.sqlite",
    "compare digits --resume nowhere": "--resume goes on with a study as it was planned; leave out a workload",
    "compare digits --searches 3 --seeds 2": "searches: must be at most 2, got 3",
    "compare digits --points-seed -1": "points-seed: must be a whole number from 0, got -1",
    "compare --resume nowhere --searches 3": "--resume goes on with a study as it was planned; leave out --searches",
    "compare --resume nowhere --points-seed 3": "with a study as it was planned; leave out --points-seed",
    "compare --resume nowhere --trials 3": "--resume goes on with a study as it was planned; leave out --trials",
    "compare --resume nowhere --range lr=1:2": "--resume goes on with a study as it was planned; leave out --range",
    "compare --add-seeds 3": "say which study to extend, with --resume FOLDER",
    "compare --add-rules adam": "say which study to extend, with --resume FOLDER",
    "compare digits --out blocked": "blocked: cannot be written (File exists); choose another folder with --out",
    "compare digits --out blocked/below": "blocked/below: cannot be written (Not a directory); choose another folder",
}


@pytest.fixture
def a_folder_with_traps(write_workload, write_file, tmp_path):
    write_file("raises.py", "import torch\n\nraise RuntimeError('no data today')\n")
    write_file("blocked", "a file where a folder should be")
    write_workload("del target", "lacks.py")
    return tmp_path


@pytest.mark.parametrize("arguments", BAD)
def test_bad_input_gets_one_clear_line_and_leaves_nothing(arguments, command, a_folder_with_traps):
    before = left_behind(a_folder_with_traps)
    code, printed, complaint = command(arguments)
    assert (code, printed) == (2, "")
    assert complaint.startswith("steepest: ")
    assert BAD[arguments] in complaint
    assert complaint.count("\n") == 1
    assert left_behind(a_folder_with_traps) == before


FORMULAS = {
    "x*cosh(y) + foo(x)": (12, "unknown function 'foo'"),
    "x**2 + z": (7, "unknown name 'z'"),
    "x**2 +": (6, "is missing here"),
    "__import__('os').system('touch evil')": (0, "unknown function '__import__'"),
    "x**2 & y": (5, "'&' is not allowed"),
    "3": (0, "has no coordinate"),
    "9**9**9**9 + x": (3, "is not a finite real number"),
}


@pytest.mark.parametrize("formula", FORMULAS)
def test_a_formula_that_is_none_is_shown_with_a_mark_under_the_place(formula, command, tmp_path):
    code, printed, complaint = command(f"trace sgd --f {shlex.quote(formula)}")
    column, reason = FORMULAS[formula]
    message, text, mark = complaint.splitlines()
    assert (code, printed) == (2, "")
    assert message.startswith("steepest: formula: ")
    assert reason in message
    assert text == f"    {formula}"
    assert mark == f"    {' ' * column}^"
    assert left_behind(tmp_path) == set()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ("trce", "No such command 'trce'. Did you mean 'trace'?"), ("compare --trials many", "valid integer"),
        ("trace", "Missing argument"), ("compare --trails 3", "No such option: --trails"),
    ],
)  # fmt: skip
def test_wrong_usage_says_so_and_where_help_is(arguments, reason, command, tmp_path):
    code, printed, complaint = command(arguments)
    assert (code, printed) == (2, "")
    assert reason in words(complaint)
    assert "steepest" in complaint
    assert "-h" in complaint
    assert left_behind(tmp_path) == set()


# --- the last line of defence -----------------------------------------------------------------------------------------


def raise_value_error(**_):
    raise ValueError("what nobody thought of")


def test_an_error_of_ours_is_owned_in_one_line(command, monkeypatch):
    monkeypatch.setattr(cli, "run", raise_value_error)
    monkeypatch.delenv("STEEPEST_DEBUG", raising=False)
    code, _, complaint = command("list")
    assert (code, complaint.count("\n")) == (70, 1)
    assert "internal error, ValueError: what nobody thought of; please report it (STEEPEST_DEBUG=1" in complaint


def test_whoever_debugs_sees_the_place(monkeypatch):
    monkeypatch.setattr(cli, "run", raise_value_error)
    monkeypatch.setenv("STEEPEST_DEBUG", "1")
    with pytest.raises(ValueError, match="what nobody thought of"):
        cli.main()


def test_the_package_runs_as_a_module():
    ask = [sys.executable, "-m", "steepest", "trace", "sgd", "--on", "nowhere"]
    done = subprocess.run(ask, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("steepest: unknown landscape 'nowhere'")


def test_a_study_on_a_full_disk_is_no_internal_error(command, monkeypatch, tmp_path):
    start = Store._transaction

    def full(store):
        store._connection.execute("pragma max_page_count = 1")  # as a disk without room
        return start(store)

    monkeypatch.setattr(Store, "_transaction", full)
    code, _, complaint = command(f"compare digits --optimizers sgd {TINY} --steps 5 --out {tmp_path / 's'}")
    assert code == 2
    assert "s/study.sqlite: cannot be written (database or disk is full); its finished runs are kept" in complaint


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (PermissionError(13, "Permission denied", "/there"), "steepest: /there: Permission denied"),
        (OSError(28, "No space left on device", "a.png"), "steepest: a.png: cannot be written (No space left on"),
        (MemoryError(), "steepest: the memory is full"),
    ],
)
def test_what_the_machine_refuses_is_no_internal_error(error, told, monkeypatch, capsys):
    def refuse(**_):
        raise error

    monkeypatch.setattr(cli, "run", refuse)
    with pytest.raises(SystemExit) as ending:
        cli.main()
    assert ending.value.code == 2
    assert capsys.readouterr().err.startswith(told)


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="needs Linux's device that is always full")
def test_an_output_that_takes_nothing_more_is_no_error_of_ours():
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "steepest", "list"], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith("steepest: the output: cannot be written (No space left on device)")


@pytest.mark.parametrize("arguments", ["trace sgd --f", "map basin sgd --f"])
def test_an_empty_formula_is_not_the_default_landscape(arguments, command):
    code, out, complaint = command(f"{arguments} ''")
    assert (code, out) == (2, "")
    assert complaint.startswith("steepest: formula: is empty")


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
