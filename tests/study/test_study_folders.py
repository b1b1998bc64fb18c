"""The folder of a study: another comparison is not mixed in, what is no study is left alone."""

import sqlite3
from pathlib import Path

import pytest

import steepest
from steepest import verbs
from steepest.base.errors import InvalidValue, SteepestError
from steepest.study import Comparison
from steepest.study.results import STUDY_FILE

from ..studies import change


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


# --- folders ----------------------------------------------------------------------------------------------------------


def test_another_comparison_is_not_mixed_in(copy, study_settings, command):
    before = contents(copy)
    with pytest.raises(InvalidValue, match="holds another comparison; choose another folder with --out, or delete it"):
        steepest.compare(**study_settings | {"steps": 21}, jobs=1, out=copy)
    code, _, complaint = command(f"compare digits --out {copy}")
    assert (code, complaint.count("\n")) == (2, 1)
    assert "holds another comparison" in complaint
    assert contents(copy) == before


def text_file(file: Path) -> None:
    file.write_text("dear diary")


def empty_database(file: Path) -> None:
    sqlite3.connect(file).execute("create table other (x)").connection.close()


def newer_study(file: Path) -> None:
    change(file.parent, "update study set value = '99' where key = 'schema'")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (text_file, "is not a study of steepest; choose another folder"),
        (empty_database, "is not a study of steepest; choose another folder"),
        (newer_study, "was written by a newer steepest; update with pip install -U steepest"),
    ],
)
def test_a_file_that_is_no_study_of_ours_is_left_alone(spoil, message, copy, command):
    if spoil is not newer_study:
        (copy / STUDY_FILE).unlink()
    spoil(copy / STUDY_FILE)
    before = contents(copy)
    with pytest.raises(SteepestError, match=message):
        Comparison.read(copy)
    code, _, complaint = command(f"compare digits --out {copy}")
    assert (code, complaint) == (2, f"steepest: {copy / STUDY_FILE}: {message}\n")
    assert contents(copy) == before


@pytest.mark.parametrize("name", ["file", "file/below", "file/below/it"])
def test_a_folder_that_cannot_be_written_is_named_and_nothing_is_left(name, tmp_path, study_settings, no_training):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InvalidValue, match=r"cannot be written .*; choose another folder"):
        steepest.compare(**study_settings, jobs=1, out=tmp_path / name)
    assert contents(tmp_path) == {"file": b"mine"}


def test_a_folder_without_a_study_cannot_be_read_and_the_studies_beside_it_are_named(tmp_path):
    with pytest.raises(InvalidValue, match=r"holds no study\.sqlite; name the folder that steepest compare has made"):
        Comparison.read(tmp_path / "empty")
    (tmp_path / "steepest-digits").mkdir()
    (tmp_path / "steepest-digits" / "study.sqlite").touch()
    for typed in ("steepest-digts", "steepest-digts/study.sqlite"):
        with pytest.raises(InvalidValue, match=r"holds no study\.sqlite; did you mean 'steepest-digits'\?"):
            Comparison.read(tmp_path / typed)


def test_the_default_folder_is_free_or_holds_the_same_study(monkeypatch, tmp_path, copy, comparison):
    monkeypatch.chdir(tmp_path)
    assert verbs.default_folder(comparison.plan) == Path("steepest-digits")
    copy.rename(tmp_path / "steepest-digits")
    assert verbs.default_folder(comparison.plan) == Path("steepest-digits")
    other = verbs.plan_comparison("digits", "sgd", trials=1, seeds=1)
    assert verbs.default_folder(other) == Path("steepest-digits-2")
