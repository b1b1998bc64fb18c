"""A user's file runs once in a process, sees the modules beside it, and runs again only when something has changed."""

import importlib
import sys
import threading
from pathlib import Path

import pytest

import steepest
from steepest import rules, verbs, workloads
from steepest.base.errors import InvalidValue
from steepest.base.modules import check_syntax, digests, importing, load
from steepest.study import Comparison

LOGGED = """
import os
from pathlib import Path

with open(Path(__file__).with_suffix(".log"), "a") as log:
    log.write(f"{os.getpid()}\\n")
"""

RULE = """
from dataclasses import dataclass

from steepest import Rule
from steepest.base.text import Text
from steepest.rules.base import hyperparameter


@dataclass(frozen=True, kw_only=True)
class Mine(Rule):
    "Descends."

    title = "Mine"
    reference = "none"
    helps = fails = Text("", "")

    lr: float = hyperparameter(0.1, "e", "learning rate", search=(0.01, 1.0))

    def init(self, param):
        return {}

    def update(self, grad, param, step):
        return (-self.lr * grad,)
"""


@pytest.fixture
def write(tmp_path):
    """Write a file, with its folder."""

    def write(name: str, text: str) -> Path:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    return write


@pytest.fixture(autouse=True)
def unchanged_imports():
    """No test leaves modules of its files to another."""
    path, modules = [*sys.path], {*sys.modules}
    yield
    sys.path[:] = path
    for name in sys.modules.keys() - modules:
        file = getattr(sys.modules[name], "__file__", None)
        if file and not Path(file).is_relative_to(sys.prefix) and "pytest-of" in file:
            del sys.modules[name]


def runs(file: Path) -> list[str]:
    """The process of every run of a file that logs them."""
    return file.with_suffix(".log").read_text().split()


def test_a_file_that_hides_a_library_is_named(write):
    write("tabnanny.py", "")
    file = write("mine.py", "import tabnanny\nfrom tabnanny import check\n")
    with pytest.raises(InvalidValue, match=r"mine.py: line 2: ImportError: .*; tabnanny.py beside it hides the"):
        load(file)


def test_a_folder_is_called_one(tmp_path):
    with pytest.raises(InvalidValue, match="is a folder"):
        load(tmp_path)


@pytest.mark.quick
@pytest.mark.parametrize("folder", ["new\nline", "right\u200fto left", "half\udcff"])
def test_a_path_that_no_study_can_store_is_refused_and_any_other_is_not(folder, tmp_path):
    for name in (folder, "a b 学 习 é 😀"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mine 文.py").write_text("x = 1")
    for read in (load, check_syntax):
        with pytest.raises(
            InvalidValue, match="its path has a line break or another character that nobody sees"
        ) as told:
            read(tmp_path / folder / "mine 文.py")
        assert str(told.value).isprintable()
        read(tmp_path / "a b 学 习 é 😀" / "mine 文.py")


@pytest.mark.parametrize("jobs", [1, 2])
def test_each_file_runs_once_in_a_process(jobs, write, write_workload):
    rule = write("mine.py", LOGGED + RULE)
    workload = Path(write_workload(LOGGED))
    steepest.compare(
        str(workload), [f"{rule}", "sgd"], trials=2, seeds=2, steps=3, jobs=jobs, out=rule.parent / "study"
    )
    for file in (rule, workload):
        processes = runs(file)
        assert len(processes) == len(set(processes)) <= (1 if jobs == 1 else 1 + jobs)


def test_a_file_is_found_again_without_running_it(write):
    file = write("mine.py", LOGGED + RULE)
    found = {type(rules.find(f"{file}:Mine(lr={lr})")) for lr in (0.1, 0.2)}
    found |= {type(rules.find(str(file))), rules.resolve_all(str(file))[0].rule_class}
    steepest.trace(f"{file}:Mine", "bowl", steps=2)
    steepest.map_basin([f"{file}:Mine", "sgd"], "bowl", size=4, steps=2)
    assert len(found) == 1
    assert len(runs(file)) == 1


def test_threads_share_one_run(write):
    file = write("slow.py", LOGGED + "import time\ntime.sleep(0.2)\n")
    threads = [threading.Thread(target=load, args=(file,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(runs(file)) == 1


# --- modules beside it ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("jobs", [1, 2])
def test_files_import_the_modules_beside_them_everywhere(jobs, write, write_workload):
    write("helper.py", "steps = 12\n\n\ndef half(x):\n    return x / 2\n")
    write("late.py", "shift = 0.0\n")
    rule = write("mine.py", "from helper import half\n" + RULE.replace("-self.lr * grad", "-half(self.lr) * grad"))
    workload = write_workload(
        """
        from helper import steps

        plain = data


        def data():
            from late import shift  # when it is called

            inputs, *others = plain()
            return inputs + shift, *others
        """
    )
    folder = rule.parent / "study"
    result = steepest.compare(workload, f"{rule}:Mine", trials=2, seeds=1, jobs=jobs, out=folder)
    assert set(result.runs["status"]) <= {"finished", "reached the target"}, set(result.runs["message"])
    assert str(rule.parent) not in sys.path[:1]


def test_namesakes_in_two_folders_are_not_mixed_up(write):
    for number, folder in enumerate(("one", "two")):
        write(f"{folder}/helper.py", f"number = {number}\n")
        write(f"{folder}/deep/__init__.py", f"number = {number}\n")
        write(
            f"{folder}/work.py", "import deep, helper\n\n\ndef late():\n    import helper\n    return helper.number\n"
        )
    one, two = (load(write(f"{folder}/other.py", "import work")).module for folder in ("one", "two"))
    for number, module in enumerate((one, two)):
        assert module.work.helper.number == module.work.deep.number == number
        with importing(Path(module.__file__).parent):
            assert module.work.late() == number
    assert load(one.work.__file__).module is one.work
    assert load(two.work.__file__).module is two.work


def test_a_comparison_on_two_folders_with_namesakes(write, write_workload):
    small = Path(write_workload()).read_text()
    for number, folder in enumerate(("one", "two")):
        write(f"{folder}/settings.py", f"number = {number}\n")
    text = (
        small + "\n\ndef metric(output, targets):\n    import settings\n    return output.sum() * 0 + settings.number\n"
    )
    files = [str(write(f"{folder}/work.py", text)) for folder in ("one", "two")]
    result = steepest.compare(files, "sgd(lr=0.1)", seeds=1, steps=2, jobs=1)
    assert {file: set(part.runs["final_metric"]) for file, part in result.by_workload().items()} == {
        files[0]: {0.0}, files[1]: {1.0},
    }  # fmt: skip


def test_a_module_that_the_user_imported_from_elsewhere_stays_theirs(write, monkeypatch):
    write("notebook/helper.py", "where = 'notebook'\n")
    write("work/helper.py", "where = 'work'\n")
    monkeypatch.syspath_prepend(str(write("notebook/x.py", "").parent))
    import helper

    assert load(write("work/work.py", "import helper")).module.helper.where == "work"
    assert sys.modules["helper"] is helper
    assert helper.where == "notebook"


@pytest.mark.parametrize("name", ["json.py", "random.py", "math.py", "torch.py", "my-rules.v2.py"])
def test_a_file_with_the_name_of_a_library_leaves_the_library_alone(name, write):
    if name != "my-rules.v2.py":
        importlib.import_module(name.removesuffix(".py"))
    before = sys.modules.get(name.removesuffix(".py"))
    assert load(write(name, "x = 1")).module.x == 1
    assert sys.modules.get(name.removesuffix(".py")) is before


@pytest.mark.parametrize("name", ["tabnanny", "colorsys"])
def test_a_file_with_the_name_of_a_library_may_import_that_library(name, write, monkeypatch):
    monkeypatch.delitem(sys.modules, name, raising=False)
    module = load(write(f"{name}.py", f"import {name} as library\nown = 1\n")).module
    assert module.own == 1
    assert not hasattr(module.library, "own")
    assert module.library is sys.modules[name]


# --- changes ----------------------------------------------------------------------------------------------------------


def test_a_file_that_was_edited_runs_again(write):
    file = write("mine.py", RULE)
    first = rules.find(f"{file}:Mine")
    file.write_text(RULE.replace("0.1, ", "0.2, "))
    assert (first.lr, rules.find(f"{file}:Mine").lr) == (0.1, 0.2)


def test_a_module_beside_it_that_was_edited_runs_again_with_it_and_nothing_else(write):
    write("helper.py", "lr = 0.1\n")
    write("other.py", LOGGED)
    imports = "import other\nfrom helper import lr\n"
    file = write("mine.py", imports + RULE.replace("hyperparameter(0.1", "hyperparameter(lr"))
    first = rules.find(f"{file}:Mine")
    write("helper.py", "lr = 0.2\n")
    assert (first.lr, rules.find(f"{file}:Mine").lr) == (0.1, 0.2)
    assert len(runs(file.with_name("other.py"))) == 1


def test_an_edited_workload_is_tried_out_anew(write_workload):
    file = write_workload("steps = 10")
    assert workloads.find(file).steps == 10
    write_workload("steps = 20")
    assert workloads.find(file).steps == 20


def test_a_file_that_raised_is_tried_again(write):
    file = write("mine.py", "import helper\n" + RULE)
    with pytest.raises(InvalidValue, match=r"mine\.py: line 1: ModuleNotFoundError: No module named 'helper'"):
        rules.find(f"{file}:Mine")
    write("helper.py", "")
    assert rules.find(f"{file}:Mine").title == "Mine"


def test_a_file_that_runs_itself_is_told_the_remedy(write):
    file = write("mine.py", RULE + "\n\nimport steepest\n\nsteepest.trace(__file__ + ':Mine', 'bowl')\n")
    with pytest.raises(InvalidValue, match=r"runs itself without end; put its end behind `if __name__ =="):
        rules.find(f"{file}:Mine")


def test_a_file_with_several_rules_is_told_to_name_one(write):
    file = write(
        "mine.py", RULE + RULE.partition("@dataclass")[2].join(["\n\n@dataclass", ""]).replace("Mine", "Other")
    )
    with pytest.raises(InvalidValue, match=r"mine\.py: defines Mine, Other; name one, for example .*mine\.py:Mine"):
        rules.find(str(file))
    assert [each.label for each in rules.resolve_all(str(file))] == ["Mine", "Other"]


def test_digests_are_of_the_file_and_of_all_that_it_imports_beside_it(write):
    write("a.py", "import b, torch\n")
    write("b.py", "def late():\n    from pieces import part\n")
    write("pieces/__init__.py", "import a\n")
    write("pieces/part.py", "")
    write("unused.py", "")
    write("loose/inner/one.py", "")  # a folder without __init__.py
    write("loose/inner/two.py", "")
    write("named.py", "from loose.inner import two\n")
    text = "from a import b\nfrom . import unused\nimport loose.inner.one\nimportlib.import_module('named')\n"
    names = {Path(file).name for file in digests(write("main.py", text))}
    assert names == {"main.py", "a.py", "b.py", "__init__.py", "part.py", "one.py", "two.py", "named.py"}


@pytest.mark.parametrize("edited", ["mine.py", "helper.py"])
def test_a_study_does_not_go_on_with_edited_files(edited, write, write_workload):
    write("helper.py", "")
    rule = write("mine.py", "import helper\n" + RULE)
    folder = rule.parent / "study"
    planned = {"trials": 2, "seeds": 2, "steps": 3, "jobs": 1, "out": folder}

    def edit(store):
        write(edited, rule.with_name(edited).read_text() + "\n")

    with pytest.raises(InvalidValue, match=rf"{edited} has changed since this study began, so it stops here; put the"):
        steepest.compare(write_workload(), f"{rule}:Mine", **planned, on_progress=edit)
    assert not Comparison.read(folder).complete


def test_a_study_whose_rule_file_is_gone_is_read_and_says_so_when_it_shall_go_on(write, write_workload):
    searched = 'hyperparameter(0.9, "b", "memory of the gradients", within="[0, 1)", search=(0.5, 0.9))'
    text = RULE.replace("    def init", f"    beta: float = {searched}\n\n    def init")
    rule = write("mine.py", text.replace("-self.lr", "-self.lr * self.beta"))
    folder = rule.parent / "study"
    steepest.compare(write_workload(), f"{rule}:Mine", trials=2, seeds=1, steps=3, jobs=1, out=folder)
    rule.unlink()
    comparison = Comparison.read(folder)
    assert {"lr", "beta"} <= set(comparison.plan.contestants[0].ranges)
    assert set(comparison.edges["name"]) <= {"lr", "beta"}
    steepest.write_report(comparison, folder)
    with pytest.raises(InvalidValue, match=rf"study: this study needs {rule}, which is gone; put it back to go on"):
        verbs.resume(folder, add_seeds=1, jobs=1)
