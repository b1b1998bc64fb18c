"""The command line from end to end: its help, what it prints of paths, and errors that are none of the user's."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import steepest
from steepest import cli
from steepest.landscapes import LANDSCAPES
from steepest.rules import RULES
from steepest.schedules import SCHEDULES
from steepest.study import Store
from steepest.workloads import WORKLOADS

HEAVY = ("torch", "sympy", "matplotlib", "pandas", "sklearn", "scipy", "numba")
TINY = "--trials 4 --seeds 2 --searches 1 --search-seeds 1 --jobs 1"


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
        ("list --help", ["List the rules, their wrappers, landscapes"]),
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
    others = {
        "__init__",
        "help_words",
        "language",
        "options",
        "terminal",
        "words",
        "interrupts",
        "results",
        "workload_page",
    }
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
