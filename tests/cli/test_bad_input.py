"""Bad input gets one clear line and leaves nothing behind."""

import re
import shlex
from pathlib import Path

import pytest


def left_behind(folder: Path) -> set[str]:
    return {str(each.relative_to(folder)) for each in folder.rglob("*") if "__pycache__" not in each.parts}


def words(text: str) -> str:
    """The text in one line, whatever the width of the terminal, without the frames of help pages."""
    return " ".join(re.sub(r"[│╭╮╰╯─]", " ", text).split())


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
    "map sweep adam --over beta.0=0:0.9": "Adam has no hyperparameter 'beta'; it has lr, betas",
    "map sweep adam --over lr=1e-3:1": "over: name two hyperparameters, such as lr and betas.0, got lr",
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
    "compare digits --range lr": "--range 'lr': write it as name=low:high or name=value,value, for example lr=1e-4:1",
    "compare digits --range lion.lr=1e-4:1": "range: no optimizer here has 'lion.lr' to search",
    "compare digits --schedule cosin": "unknown schedule 'cosin'; did you mean 'cosine'?",
    "compare digits --on mars": "on: unknown place 'mars'; known: processes, ray",
    "compare digits --timeout 0": "timeout: must be seconds above 0, got 0.0",
    "compare --resume nowhere": "nowhere: holds no study.sqlite",
    "compare --resume blocked": "blocked: holds no study.sqlite",
    "compare digits --resume nowhere": "--resume goes on with a study as it was planned; leave out a workload",
    "compare digits --searches 3 --seeds 2": "searches: must be at most 2, got 3",
    "compare digits --points-seed -1": "points-seed: must be a whole number from 0 to 1000000000000, got -1",
    f"compare digits --points-seed {10**23}": "points-seed: must be a whole number from 0 to 1000000000000, got 1000",
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
        ("trce", "No such command 'trce'. Did you mean 'trace'? See "), ("compare --trials many", "valid integer"),
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


@pytest.mark.parametrize("arguments", ["trace sgd --f", "map basin sgd --f"])
def test_an_empty_formula_is_not_the_default_landscape(arguments, command):
    code, out, complaint = command(f"{arguments} ''")
    assert (code, out) == (2, "")
    assert complaint.startswith("steepest: formula: is empty")
