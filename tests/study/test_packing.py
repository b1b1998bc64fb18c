"""Packed studies: nothing is lost, and a study goes on from one."""

import lzma
import shutil

import pytest

import steepest
from steepest import verbs
from steepest.base.errors import InvalidValue, SteepestError
from steepest.study import Comparison, Store
from steepest.study.packing import is_packed, pack, unpack
from steepest.study.results import STUDY_FILE

from ..studies import rows


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """A small study and its packed copy."""
    home = tmp_path_factory.mktemp("packing")
    steepest.compare("digits", ["sgd", "adam"], trials=2, seeds=2, steps=12, jobs=1, out=home / "study")
    file = home / "steepest-small.sqlite.xz"
    size = pack(home / "study" / STUDY_FILE, file)
    assert size == file.stat().st_size < (home / "study" / STUDY_FILE).stat().st_size / 2
    return home / "study", file


@pytest.fixture
def without_report(monkeypatch):
    monkeypatch.setattr(verbs, "_shown", lambda comparison, folder: comparison)


@pytest.mark.quick
def test_what_is_unpacked_is_the_study(packed, tmp_path):
    folder, file = packed
    unpack(file, tmp_path / "there")
    assert rows(tmp_path / "there") == rows(folder)
    ours, theirs = Comparison.read(folder), Comparison.read(file)
    assert ours.curves.equals(theirs.curves) and ours.timings.equals(theirs.timings)
    assert {**ours.facts} == {**theirs.facts}


@pytest.mark.quick
def test_a_study_goes_on_from_a_packed_one_in_a_folder_of_its_own(packed, tmp_path, monkeypatch, without_report):
    folder, file = packed
    monkeypatch.chdir(tmp_path)
    before, bytes_before = rows(folder), file.read_bytes()
    result = verbs.resume(file, add_seeds=1, jobs=1)
    there = rows(tmp_path / "steepest-small")
    assert result.plan.seeds == 3 and result.complete and rows(folder) == before and file.read_bytes() == bytes_before
    assert {number: there[number] for number in before if before[number]["phase"] != "timing"} == {
        number: row for number, row in before.items() if row["phase"] != "timing"
    }
    assert verbs.resume(file, jobs=1).plan.seeds == 3  # goes on in the folder that is there


@pytest.mark.quick
def test_a_folder_with_another_study_is_left_alone(packed, tmp_path):
    _, file = packed
    steepest.compare("digits", ["sgd(lr=0.1)"], seeds=1, steps=2, jobs=1, out=tmp_path)
    before = (tmp_path / STUDY_FILE).read_bytes()
    with pytest.raises(InvalidValue, match="holds another comparison; choose another folder with --out"):
        unpack(file, tmp_path)
    assert (tmp_path / STUDY_FILE).read_bytes() == before


@pytest.mark.quick
@pytest.mark.parametrize(
    ("content", "message"),
    [(b"nothing", r"is no packed study \("), (lzma.compress(b""), "is no packed study"), (None, "cannot be read")],
)
def test_what_is_no_packed_study_is_told_in_one_line(content, message, tmp_path):
    file = tmp_path / "x.sqlite.xz"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(InvalidValue, match=message):
        unpack(file, tmp_path / "new")
    assert not (tmp_path / "new").exists() and is_packed(file)


@pytest.mark.quick
def test_a_packed_study_that_is_cut_off_is_named_itself(packed, tmp_path):
    whole = packed[1].read_bytes()
    file = tmp_path / "cut.sqlite.xz"
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InvalidValue, match=r"cut\.sqlite\.xz: is cut off"):
        Comparison.read(file)


@pytest.mark.quick
def test_a_study_that_is_being_run_is_not_packed(packed, tmp_path):
    folder, _ = packed
    shutil.copyfile(folder / STUDY_FILE, tmp_path / STUDY_FILE)
    store = Store.open(tmp_path / STUDY_FILE)
    session = store.begin_session()
    store._connection.execute("update runs set state = 'running', session = ? where id = 1", (session,))
    with pytest.raises(SteepestError, match="is being run; pack it when that has ended"):
        pack(tmp_path / STUDY_FILE, tmp_path / "x.sqlite.xz")
    store.end_session(session)
    store._connection.close()
    with pytest.raises(InvalidValue, match=r"ends with \.sqlite\.xz"):
        pack(tmp_path / STUDY_FILE, tmp_path / "x.zip")


def test_the_commands_pack_report_and_go_on(packed, command, tmp_path, monkeypatch):
    folder, _ = packed
    monkeypatch.chdir(tmp_path)
    code, shown, _ = command(f"pack {folder} docs/own.sqlite.xz")
    assert code == 0 and "packed into docs/own.sqlite.xz" in " ".join(shown.split())
    code, shown, errors = command("report docs/own.sqlite.xz --out page --format md")
    assert code == 0 and (tmp_path / "page" / "report.html").exists(), errors
    code, _, errors = command("compare --resume docs/own.sqlite.xz --jobs 1")
    assert code == 0 and (tmp_path / "steepest-own" / STUDY_FILE).exists(), errors
    code, _, errors = command(f"compare --resume {folder} --out elsewhere")
    assert code != 0 and "leave out --out" in errors
