"""What several test files share: the real data, a user's files, the command, and one small finished study."""

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import textwrap
from pathlib import Path

import hypothesis
import pytest

# the same examples everywhere, and a busy machine is no failure
hypothesis.settings.register_profile("steepest", derandomize=True, deadline=None)
hypothesis.settings.load_profile("steepest")

collect_ignore = [
    "typing_public.py",  # for mypy only
    "optim/divided_training.py",  # a script, which imports the one beside it
]

pytest.register_assert_rewrite("steepest.testing")

DATA = Path(__file__).parent.parent.parent / "shared" / "data"
AIRFOIL = "airfoil_self_noise.dat"

os.environ.setdefault("OMP_NUM_THREADS", "1")  # tests share the cores among them; torch's threads would fight
os.environ["STEEPEST_LANG"] = "en"  # whatever the locale is, for the commands that tests start, too
if (DATA / AIRFOIL).is_file():
    os.environ.setdefault("STEEPEST_DATA", str(DATA))  # before any test, and for the commands that tests start

SMALL = '''
"""A plane through 24 points: something that any optimizer solves in a few steps."""

import torch

target = 0.1
batch_size = 8
steps = 12

loss = torch.nn.functional.mse_loss


def data():
    inputs = torch.randn(32, 2, generator=torch.Generator().manual_seed(0))
    targets = inputs @ torch.tensor([[1.0], [-2.0]])
    return inputs[:24], targets[:24], inputs[24:], targets[24:]


def model():
    return torch.nn.Linear(2, 1)
'''


# --- which tests, in which order --------------------------------------------------------------------------------------

LONGEST = ("study/test_ray.py", "study/test_faults.py", "study/test_study.py", "optim/test_compiled.py")
"""Files whose tests take longest, and begin first, so that all processes of pytest-xdist end together."""

DOCTESTS = ("base", "statistics")
"""The subpackages whose doctests are in the quick part."""


def has_quick_tests(file: Path) -> bool:
    return "pytest.mark.quick" in file.read_text(encoding="utf-8")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """With `-m quick`, import no file of tests without the mark: that would take longer than the quick tests do."""
    if config.option.markexpr == "quick" and collection_path.suffix == ".py":
        return True if not has_quick_tests(collection_path) else None
    return None


@pytest.hookimpl(tryfirst=True)  # before tests without the mark are left out
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if isinstance(item, pytest.DoctestItem) and item.path.parent.name in DOCTESTS:
            item.add_marker("quick")
    items.sort(key=lambda item: not item.path.as_posix().endswith(LONGEST))


# --- what tests share -------------------------------------------------------------------------------------------------


@pytest.fixture
def airfoil() -> Path:
    """The folder with the airfoil data; a test that asks for it is skipped where the data are not on the machine."""
    folder = Path(os.environ.get("STEEPEST_DATA", DATA))
    if not (folder / AIRFOIL).is_file():
        pytest.skip(f"needs {AIRFOIL}; name its folder in STEEPEST_DATA")
    return folder


@pytest.fixture
def write_workload(tmp_path):
    """Write a user's workload: a small one, with lines at its end that define parts of it anew."""

    def write(more: str = "", name: str = "small.py") -> str:
        file = tmp_path / name
        file.write_text(SMALL.lstrip() + textwrap.dedent(more), encoding="utf-8")
        return str(file)

    return write


@pytest.fixture
def write_file(tmp_path):
    """Write any other file of a user."""

    def write(name: str, text: str) -> str:
        (tmp_path / name).write_text(textwrap.dedent(text), encoding="utf-8")
        return str(tmp_path / name)

    return write


@pytest.fixture
def command(monkeypatch, capsys, tmp_path):
    """Run `steepest ...`, as it would be typed, in this process and an empty folder.

    Gives the exit code, what was printed, and what was complained about.
    """
    from steepest.cli import language, main

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def run(line: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["steepest", *shlex.split(line)])
        with pytest.raises(SystemExit) as ending:
            main()
        language.begin([])
        return ending.value.code or 0, *capsys.readouterr()

    return run


@pytest.fixture(scope="session")
def script() -> str:
    """The installed command itself, for tests of whole processes."""
    found = shutil.which("steepest", path=sysconfig.get_path("scripts"))
    assert found, "the command is not installed in this environment"
    return found


@pytest.fixture(scope="session")
def python():
    """Run a line of Python in a fresh interpreter and return what it printed."""

    def run(code: str) -> str:
        command = [sys.executable, "-W", "error", "-c", code]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout

    return run


@pytest.fixture(scope="module")
def browser():
    """Headless Chromium; a test that asks for it is skipped where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright, which drives the browser")
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("needs Chromium, Debian's `chromium`")
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=program, args=flags)
        yield started
        started.close()


TWICE = {
    "workload": "digits", "optimizers": ["sgd", "adam", "momentum(lr=0.1)"], "trials": 5, "seeds": 4, "searches": 2,
    "search_seeds": 2, "steps": 20, "target": 0.5,
}  # fmt: skip

STUDY = {
    "workload": "digits", "optimizers": ["sgd", "adam", "momentum(lr=0.1)"], "trials": 4, "seeds": 3, "searches": 1,
    "search_seeds": 1, "steps": 20, "target": 0.5,
}  # fmt: skip


@pytest.fixture(scope="session")
def study_settings() -> dict[str, object]:
    """What the finished study was asked for."""
    return STUDY


@pytest.fixture(scope="session")
def study(tmp_path_factory) -> Path:
    """The folder of a small finished study of real data, done in this process. Tests read it and change nothing."""
    import steepest

    folder = tmp_path_factory.mktemp("study")
    steepest.compare(**STUDY, jobs=1, out=folder)
    return folder


@pytest.fixture
def copy(study, tmp_path) -> Path:
    """A copy of the finished study that a test may change."""
    return shutil.copytree(study, tmp_path / "copy")


@pytest.fixture
def no_training(monkeypatch):
    """Nothing may be trained any more, here or in another process."""
    from steepest.study.workers import pool, worker

    def refuse(*_, **__):
        raise AssertionError("trained again")

    monkeypatch.setattr(worker, "train", refuse)
    monkeypatch.setattr(pool.Pool, "submit", refuse)


@pytest.fixture(scope="session")
def comparison(study):
    """The study read back."""
    from steepest.study import Comparison

    return Comparison.read(study)


@pytest.fixture(scope="session")
def study_searched_twice(tmp_path_factory) -> Path:
    """Like `study`, of two searches of each optimizer, with finalists on a second seed."""
    import steepest

    folder = tmp_path_factory.mktemp("twice")
    steepest.compare(**TWICE, jobs=1, out=folder)
    return folder


@pytest.fixture(scope="session")
def comparison_of_two_searches(study_searched_twice):
    """That study read back."""
    from steepest.study import Comparison

    return Comparison.read(study_searched_twice)


@pytest.fixture
def without_report(monkeypatch):
    """Studies of this process write no report: that takes longer than the runs of a small study."""
    from steepest import verbs

    monkeypatch.setattr(verbs, "_shown", lambda comparison, folder: comparison)


@pytest.fixture
def argument_blocks(monkeypatch):
    """How often arguments were laid out for a kernel: a list that grows by one each time."""
    from steepest.optim.cpu import step

    calls = []
    make = step.ArgumentBlock
    monkeypatch.setattr(step, "ArgumentBlock", lambda *arguments: calls.append(1) or make(*arguments))
    return calls
