"""`steepest data`: the list in both languages, and what is said before a data set is fetched."""

import re

import pytest
from rich.cells import cell_len

from steepest.datasets import DATASETS


@pytest.mark.quick
def test_all_data_sets_are_listed_with_licence_size_and_place(command):
    code, shown, _ = command("data")
    assert code == 0
    for name, facts in DATASETS.items():
        assert re.search(rf"^{name}$", shown, re.MULTILINE) and facts.licence.en in shown
    assert "57" not in shown and "30.9 MB" in shown and "topics.py" in shown


def test_the_list_is_chinese_and_fits_a_narrow_terminal(command, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    code, shown, _ = command("data --lang zh")
    lines = [line for line in shown.splitlines() if not line.strip().startswith("/")]  # paths are to be copied
    assert code == 0 and max(map(cell_len, lines)) <= 60
    assert "许可证" in shown and "licence" not in shown and "here" not in shown


@pytest.mark.parametrize(
    ("lang", "line"),
    [("en", "is no folder; name one, or unset it"), ("zh", "不是文件夹；请指明一个文件夹，或取消设置")],
)
def test_a_variable_that_names_no_folder_is_told_below_the_list(command, monkeypatch, lang, line):
    monkeypatch.setenv("STEEPEST_DATA", "/none/there")
    assert line in command(f"data --lang {lang}")[1].splitlines()[-1]
    monkeypatch.delenv("STEEPEST_DATA")
    assert line not in command(f"data --lang {lang}")[1]


def test_one_that_is_here_is_not_fetched(command):
    code, shown, complaint = command("data get digits language")
    assert (code, complaint) == (0, "")
    assert re.match(r"digits: /.*digits\.csv\.gz\nlanguage: /.*topics\.py\n$", shown)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_licence_size_and_source_are_said_before_fetching(command, monkeypatch, tmp_path, lang):
    monkeypatch.setenv("STEEPEST_DATA", str(tmp_path))
    monkeypatch.setenv("STEEPEST_CACHE", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # nothing is there
    code, shown, complaint = command(f"data get airfoil --lang {lang}")
    facts, source, failure, *more = complaint.splitlines()
    assert (code, shown, more) == (2, "", [])
    assert facts.startswith("airfoil: ") and "CC BY 4.0" in source and "0.1 MB" in source and "UCI" in source
    assert failure.startswith("steepest: airfoil") and "steepest data get airfoil" in failure
    assert bool(re.search("[一-鿿]", failure)) == (lang == "zh")


def test_a_wrong_name_is_told_before_anything_is_fetched(command):
    code, shown, complaint = command("data get airfoil cloths")
    assert (code, shown) == (2, "") and "did you mean 'clothes'?" in complaint
