"""Families: what their problems are called, and what is said of them."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image

from steepest.workloads import find
from steepest.workloads.applications.clothes import clothes
from steepest.workloads.families import family
from steepest.workloads.problem import Problem
from steepest.workloads.quadratic import quadratic

pytestmark = pytest.mark.quick

about_zh = "本模块的中文说明。"


@dataclass(frozen=True, kw_only=True)
class Task(Problem):
    about: str = ""
    target: float = 0.5

    def begin(self, seed, device):
        raise NotImplementedError


@family
def task(width: int = 4, own: bool = False):
    return Task(about="Of one's own." if own else "")


def test_a_name_has_the_settings_that_are_not_the_default():
    assert [problem.name for problem in (task(), task(4), task(5), task(own=True, width=3))] == [
        "task", "task", "task(width=5)", "task(width=3, own=True)",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "make",
    [
        lambda: clothes(3, folder="a b"),
        lambda: clothes(folder=Path("a b")),
        lambda: quadratic(spectrum=(2, 1), noise=0.5),
    ],
)
def test_a_name_is_read_back(make, tmp_path, monkeypatch):
    for kind in "xy":
        (tmp_path / "a b" / kind).mkdir(parents=True)
        Image.new("L", (4, 4)).save(tmp_path / "a b" / kind / "0.png")
    monkeypatch.chdir(tmp_path)
    assert find(make().name, try_out=False).name == make().name


def test_what_a_problem_leaves_open_is_said_by_the_module():
    assert task().about == "Families: what their problems are called, and what is said of them."
    assert task().about_zh == about_zh
    assert task(own=True).about == "Of one's own." and task(own=True).about_zh == ""


def test_the_settings_of_a_family_stay_those_of_its_function():
    with pytest.raises(TypeError):
        task(depth=2)
    assert task.__doc__ is None and task.__wrapped__.__name__ == "task"
