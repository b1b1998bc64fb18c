"""Plugins: the example is installed and used by every command; what is broken is left out with one line."""

import configparser
import os
import re
import shutil
import subprocess
import sys
import threading
import tomllib
import warnings
from importlib.metadata import EntryPoint
from pathlib import Path

import pandas as pd
import pytest

from steepest import landscapes, rules, workloads
from steepest.base.errors import UnknownName
from steepest.base.plugins import PluginWarning, Registry
from steepest.rules import BUILT_IN, RULES

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "plugin"


def install(name: str, groups: dict[str, dict[str, str]], folder: Path) -> None:
    """The metadata that an installer writes: a distribution with entry points."""
    info = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    parser = configparser.ConfigParser(delimiters="=")
    parser.optionxform = str
    parser.read_dict(groups)
    with (info / "entry_points.txt").open("w", encoding="utf-8") as file:
        parser.write(file)


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """The folder that the example is installed in, as `pip install --target` would."""
    folder = tmp_path_factory.mktemp("site")
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    shutil.copytree(EXAMPLE / "src" / "steepest_example", folder / "steepest_example")
    install(project["name"], project["entry-points"], folder)
    return folder


@pytest.fixture
def run(installed, tmp_path):
    """Run Python with the example installed; gives what is printed, and what is complained about."""

    def run(*arguments: str, code: int = 0) -> tuple[str, str]:
        path = os.pathsep.join([str(installed), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
        environment = os.environ | {"PYTHONPATH": path, "COLUMNS": "200"}
        done = subprocess.run(
            [sys.executable, "-W", "error", "-m", *arguments], cwd=tmp_path, env=environment, capture_output=True,
            text=True, timeout=300,
        )  # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout, done.stderr

    return run


# --- the example ------------------------------------------------------------------------------------------------------


def test_it_is_listed_shown_and_traced(run):
    printed, complaint = run("steepest", "list")
    for name in ("softsignum", "matrixlength", "crater", "rings"):
        assert re.search(rf"^{name} +\w", printed, re.MULTILINE), name
    assert complaint == ""
    assert "gradient at which steps become short" in run("steepest", "show", "softsignum")[0]
    printed, _ = run("steepest", "trace", "softsignum", "sgd", "--on", "crater", "--steps", "50")
    assert "Soft signum lr=0.4" in printed and printed.startswith("crater from (3.000000, 2.000000)")
    printed, _ = run(
        "steepest", "map", "sweep", "softsignum", "--on", "crater", "--over", "lr=1e-3:1", "--over", "beta=0:0.9",
        "--size", "4", "--steps", "5",
    )  # fmt: skip
    assert "Soft signum" in printed


def test_the_playground_has_it(run, tmp_path):
    run("steepest", "play", "--save", "page.html")
    code = (
        "from steepest.playground.facts import landscapes_in_javascript, rules_in_javascript;"
        "print('softsignum' in rules_in_javascript(), '\"Crater\"' in landscapes_in_javascript())"
    )
    (tmp_path / "asked.py").write_text(code)
    assert run("asked")[0] == "True True\n"


def test_it_competes_in_worker_processes_and_its_matrix_rule_trains_a_network(run, tmp_path):
    printed, _ = run(
        "steepest", "compare", "rings", "--optimizers", "softsignum,matrixlength,muon,adam", "--trials", "2", "--seeds",
        "1", "--steps", "10", "--range", "lr=1e-3:0.05", "--jobs", "2", "--out", "study",
    )  # fmt: skip
    statuses = set(pd.read_csv(tmp_path / "study" / "runs.csv")["status"])
    assert statuses <= {"finished", "reached the target"}
    sentences = " ".join(printed.split())
    both = "{} the matrices inside the network; AdamW trains all else, at the {}learning rate"
    assert both.format("Matrix length moves", "same ") in sentences
    assert both.format("Muon moves", "") + " at which" in sentences
    assert drawn(tmp_path / "study")


def drawn(study: Path) -> bool:
    """Whether a figure has the colour of the example's rule."""
    return any("#8b5a2b" in file.read_text(encoding="utf-8") for file in study.rglob("*.svg"))


def test_a_study_of_it_is_read_where_it_is_not_installed(run, tmp_path, command):
    run("steepest", "compare", "rings", "--optimizers", "softsignum(lr=0.01)", "--seeds", "1", "--steps", "2", "--jobs",
        "1", "--out", "study")  # fmt: skip
    code, _, complaint = command(f"report {tmp_path / 'study'}")
    assert (code, complaint) == (0, "")
    assert drawn(tmp_path / "study")


def test_its_own_tests_pass(run):
    run("pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", str(EXAMPLE), str(EXAMPLE / "tests"))


# --- what is broken ---------------------------------------------------------------------------------------------------

BROKEN = {
    "missing = no_such_module:Rule": "ModuleNotFoundError: No module named 'no_such_module'",
    "gone = steepest.rules:NoSuchRule": "AttributeError: module 'steepest.rules' has no attribute 'NoSuchRule'",
    "text = steepest:__version__": "InvalidValue: '0.1.0' is no rule; name a dataclass that derives from steepest.Rule",
    "other = steepest.rules:Adam": "InvalidValue: the name of Adam must be adam",
    "adam = steepest.rules:SGD": "steepest has one of this name, which is used",
}


def registry(*lines: str, monkeypatch) -> Registry:
    """The rules, with plugins of a distribution that nobody installed."""
    entries = [EntryPoint(*map(str.strip, line.split("=")), "steepest.rules") for line in lines]
    monkeypatch.setattr("steepest.base.plugins.entry_points", lambda group: entries)
    return Registry(RULES.built_in, "steepest.rules", rules._check_rule)


@pytest.mark.parametrize("line", BROKEN)
def test_a_broken_plugin_is_left_out_with_one_line(line, monkeypatch):
    known = registry(line, monkeypatch=monkeypatch)
    name, value = map(str.strip, line.split("="))
    message = re.escape(f"a plugin: steepest.rules {name} ({value}) is left out: {BROKEN[line]}")
    with pytest.warns(PluginWarning, match=f"^{message}") as caught:
        assert list(known) == [rule.__name__.lower() for rule in BUILT_IN]
    assert len(caught) == 1
    assert list(known) == list(known.built_in)  # and is not mentioned again
    assert known.get(name) is (rules.Adam if name == "adam" else None)


def test_a_broken_workload_is_not_offered_for_a_misspelled_name(monkeypatch):
    entries = [EntryPoint("digitz", "no_such_module", "steepest.workloads")]
    monkeypatch.setattr("steepest.base.plugins.entry_points", lambda group: entries)
    known = Registry(workloads.PLUGINS.built_in, "steepest.workloads", workloads._check_plugin)
    monkeypatch.setattr(workloads, "PLUGINS", known)
    with pytest.warns(PluginWarning, match="digitz"), pytest.raises(UnknownName, match="did you mean 'digits'"):
        workloads.find("digitzz")


def test_of_two_plugins_of_one_name_the_first_is_used(monkeypatch):
    known = registry("softsgd = steepest.rules:SGD", "softsgd = steepest.rules:Adam", monkeypatch=monkeypatch)
    with pytest.warns(PluginWarning, match="a plugin has one of this name, which is used"):
        assert len(known.plugins) == 1


def test_built_in_names_are_found_without_looking_for_plugins(monkeypatch):
    def fail(group):
        raise AssertionError("looked for plugins")

    monkeypatch.setattr("steepest.base.plugins.entry_points", fail)
    known = Registry(RULES.built_in, "steepest.rules", rules._check_rule)
    assert known["adam"] is rules.Adam and "sgd" in known


def test_threads_load_a_plugin_once(monkeypatch):
    loads = []
    known = registry("slow = steepest.rules:Adam", monkeypatch=monkeypatch)
    monkeypatch.setattr(known, "_check", lambda name, loaded: loads.append(name) or loaded)
    threads = [threading.Thread(target=known.get, args=("slow",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert loads == ["slow"]


def test_the_command_tells_of_a_broken_plugin_in_one_line_and_goes_on(tmp_path, monkeypatch):
    groups = {f"steepest.{kind}": {"broken": "no_such_module:thing"} for kind in ("rules", "landscapes", "workloads")}
    install("broken-things", groups, tmp_path)
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    done = subprocess.run(
        [sys.executable, "-m", "steepest", "list"], env=os.environ | {"PYTHONPATH": path}, capture_output=True,
        text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0 and "adam" in done.stdout
    lines = done.stderr.splitlines()
    assert len(lines) == 3
    for line in lines:
        assert line.startswith("steepest: broken-things 1.0: steepest.") and "no_such_module" in line


def test_no_plugin_is_installed_where_the_tests_run():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(RULES) == len(BUILT_IN)
        assert set(landscapes.LANDSCAPES) == set(landscapes.LANDSCAPES.built_in)
        assert not workloads.PLUGINS.plugins
