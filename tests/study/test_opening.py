"""Studies that cannot be opened, or only read: the cause in one line, and reading works wherever it can."""

import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
from contextlib import closing, contextmanager
from pathlib import Path

import pandas as pd
import pytest

from steepest.base.errors import SteepestError
from steepest.base.translation import in_chinese
from steepest.study import Comparison, Store, opening
from steepest.study.results import STUDY_FILE

from ..studies import change, small_plan

# --- files that are no study ------------------------------------------------------------------------------------------


def nothing(file: Path, study: Path) -> None:
    file.touch()


def truncated(file: Path, study: Path) -> None:
    file.write_bytes((study / STUDY_FILE).read_bytes()[:20_000])


def overwritten(file: Path, study: Path) -> None:
    whole = bytearray((study / STUDY_FILE).read_bytes())
    whole[4096:60_000] = os.urandom(60_000 - 4096)
    file.write_bytes(whole)


def picture(file: Path, study: Path) -> None:
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(5000))


def text(file: Path, study: Path) -> None:
    file.write_text("this is no database, and it is long enough to be taken for one" * 20)


def folder(file: Path, study: Path) -> None:
    file.mkdir()


def pipe(file: Path, study: Path) -> None:
    os.mkfifo(file)


def loop(file: Path, study: Path) -> None:
    file.symlink_to(file.name)


def device(file: Path, study: Path) -> None:
    file.symlink_to("/dev/zero")


def other_tables(file: Path, study: Path) -> None:
    sqlite3.connect(file).execute("create table study (a)").connection.close()


def schema(value):
    def spoil(file: Path, study: Path) -> None:
        shutil.copy(study / STUDY_FILE, file)
        change(file.parent, "update study set value = ? where key = 'schema'", value)

    return spoil


DAMAGED = {
    "nothing": (nothing, ": holds no study.sqlite"),
    "truncated": (truncated, "study.sqlite: is damaged (database disk image is malformed)"),
    "overwritten": (overwritten, "study.sqlite: is damaged"),
    "a picture": (picture, "study.sqlite: is not a study of steepest; choose another folder"),
    "a text": (text, "study.sqlite: is not a study of steepest; choose another folder"),
    "a folder": (folder, "study.sqlite: is a folder, not a study of steepest"),
    "a pipe": (pipe, "study.sqlite: is a pipe or a device, not a study of steepest"),
    "a device": (device, "study.sqlite: is a pipe or a device, not a study of steepest"),
    "a loop of links": (loop, "study.sqlite: cannot be read (Too many levels of symbolic links)"),
    "other tables": (other_tables, "study.sqlite: is not a study of steepest; choose another folder"),
    "of the future": (schema("99"), "study.sqlite: was written by a newer steepest; update with pip install"),
    "of no version": (schema("three"), "study.sqlite: is not a study of steepest; choose another folder"),
    "of version 0": (schema("0"), "study.sqlite: is not a study of steepest; choose another folder"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_what_is_no_study_is_told_in_one_line(name, study, tmp_path, command):
    spoil, message = DAMAGED[name]
    (tmp_path / "s").mkdir()
    spoil(tmp_path / "s" / STUDY_FILE, study)
    for line in ("report s", "report s/study.sqlite", "compare --resume s"):
        code, printed, complaint = command(line)
        assert (code, printed, complaint.count("\n")) == (2, "", 1), (line, complaint)
        assert (message if name != "a folder" or line != "report s/study.sqlite" else "holds no") in complaint, line
    assert [path.name for path in (tmp_path / "s").iterdir()] == [STUDY_FILE]


@pytest.mark.parametrize("name", [name for name in DAMAGED if name != "nothing"])
def test_a_new_study_goes_over_none_of_them(name, study, tmp_path, command):
    (tmp_path / "s").mkdir()
    DAMAGED[name][0](tmp_path / "s" / STUDY_FILE, study)
    code, _, complaint = command("compare digits --optimizers 'sgd(lr=0.1)' --seeds 1 --steps 2 --jobs 1 --out s")
    assert (code, complaint.count("\n")) == (2, 1), complaint
    assert "internal error" not in complaint


# --- files that cannot be written -------------------------------------------------------------------------------------


@contextmanager
def nobody():
    """A user who may write nothing here, also where the tests run as root, whom no permission stops."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def elsewhere():
    """A folder that every user can reach, which is taken away whatever its permissions are."""
    with tempfile.TemporaryDirectory(prefix="steepest-test-") as name:
        Path(name).chmod(0o755)
        yield Path(name)
        for path in Path(name).rglob("*"):
            if not path.is_symlink():
                path.chmod(0o755)


@pytest.fixture
def killed(study, elsewhere) -> Path:
    """A study whose process was killed: its newest run, with the message "the last", is in the log only."""
    home = elsewhere / "killed"
    home.mkdir()
    shutil.copy(study / STUDY_FILE, home)
    die = f"""
        import os
        from pathlib import Path
        from steepest.study import Store
        store = Store.open(Path({str(home / STUDY_FILE)!r}))
        store.begin_session()
        store._connection.execute("update runs set message = 'the last' where id = 2")
        os.kill(os.getpid(), 9)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(die)], check=False, timeout=60)
    assert sorted(path.name for path in home.iterdir()) == [STUDY_FILE, f"{STUDY_FILE}-shm", f"{STUDY_FILE}-wal"]
    return home


def test_a_study_in_a_folder_that_cannot_be_written_is_read(study, elsewhere, comparison):
    home = elsewhere / "s"
    home.mkdir()
    shutil.copy(study / STUDY_FILE, home)
    (home / STUDY_FILE).chmod(0o444)
    home.chmod(0o555)
    with nobody():
        found = Comparison.read(home)
    pd.testing.assert_frame_equal(found.runs, comparison.runs)
    pd.testing.assert_frame_equal(found.curves, comparison.curves)


@pytest.mark.parametrize("with_index", [True, False])
def test_the_study_of_a_killed_process_is_read_whole_in_such_a_folder(killed, with_index):
    if not with_index:
        (killed / f"{STUDY_FILE}-shm").unlink()
    killed.chmod(0o555)
    before = {path.name: path.read_bytes() for path in killed.iterdir() if not path.name.endswith("-shm")}
    with nobody():
        assert "the last" in set(Comparison.read(killed).runs["message"])
    assert {path.name: path.read_bytes() for path in killed.iterdir() if not path.name.endswith("-shm")} == before


@pytest.mark.parametrize("hidden", [".", STUDY_FILE])
def test_what_may_not_be_read_is_told(study, elsewhere, hidden):
    home = elsewhere / "s"
    home.mkdir()
    shutil.copy(study / STUDY_FILE, home)
    (home / hidden).chmod(0)
    with nobody(), pytest.raises(SteepestError, match=r"study\.sqlite: cannot be read \(Permission denied\)$"):
        Comparison.read(home)


def test_a_study_that_cannot_be_written_does_not_go_on(study, elsewhere, command):
    home = elsewhere / "s"
    home.mkdir()
    shutil.copy(study / STUDY_FILE, home)
    change(home, "update runs set state = 'waiting' where id = 2")
    (home / STUDY_FILE).chmod(0o444)
    home.chmod(0o555)
    with nobody():
        code, _, complaint = command(f"compare --resume {home} --jobs 1")
    assert (code, complaint.count("\n")) == (2, 1), complaint
    assert f"{home / STUDY_FILE}: cannot be written" in complaint


def test_reading_changes_nothing_and_leaves_nothing(study, tmp_path):
    shutil.copy(study / STUDY_FILE, tmp_path)
    before = (tmp_path / STUDY_FILE).read_bytes()
    Comparison.read(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {STUDY_FILE: before}


def test_a_locked_study_is_told(study, tmp_path, monkeypatch, command):
    monkeypatch.setattr(opening, "PATIENCE", 0.1)
    shutil.copy(study / STUDY_FILE, tmp_path)
    change(tmp_path, "update runs set state = 'waiting' where id = 2")
    with closing(sqlite3.connect(tmp_path / STUDY_FILE, isolation_level=None)) as other:
        other.execute("pragma locking_mode = exclusive")
        other.execute("begin exclusive")
        other.execute("update study set value = '' where key = 'nothing'")
        for line in (f"compare --resume {tmp_path} --jobs 1",):
            code, _, complaint = command(line)
            assert (code, complaint.count("\n")) == (2, 1), complaint
            assert "is locked by another process; try again when that has ended" in complaint


# --- copies -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def used(tmp_path):
    """A study while a session works on it."""
    (tmp_path / "used").mkdir()
    facts = {"workloads": '{"digits": {"name": "digits", "about": "", "about_zh": "", "metric_name": "accuracy",'
             ' "higher_is_better": true}}', "code": "{}"}  # fmt: skip
    store = Store.create(tmp_path / "used" / STUDY_FILE, small_plan({"a": 3, "b": 1}), facts)
    session = store.begin_session()
    task = store.take(session)
    store.finish(task, session, {"status": "finished", "message": "well"})
    yield store
    store.close()


def test_a_copy_without_its_log_says_so(used, tmp_path, command):
    copy = tmp_path / "copy"
    copy.mkdir()
    shutil.copy(used.file, copy)
    for line in (f"report {copy}", f"compare --resume {copy}", f"compare digits --out {copy}"):
        code, _, complaint = command(line)
        assert (code, complaint.count("\n")) == (2, 1), complaint
        assert "study.sqlite: was copied while its study ran, without study.sqlite-wal" in complaint
    shutil.copy(f"{used.file}-wal", copy)
    assert len(Comparison.read(copy).runs) == 1
    assert len(Comparison.read(used.file.parent).runs) == 1


def test_every_cause_is_there_in_chinese():
    for cause in {*opening.CAUSES.values(), opening.CANNOT_WRITE}:
        assert re.search("[一-鿿]", in_chinese(f"s/study.sqlite: {cause.format('why')}")), cause
    assert "请两个文件一起复制" in in_chinese(opening._needs_log(Path("s/study.sqlite")))


def test_a_study_that_has_ended_or_was_killed_needs_no_log(used, killed, tmp_path):
    used.end_session(1)
    used.close()
    copies = [tmp_path / name for name in "abc"]
    for copy in copies:
        copy.mkdir()
    shutil.copy(used.file, copies[0])
    assert len(Comparison.read(copies[0]).runs) == 1
    sqlite3.connect(killed / STUDY_FILE).execute("select * from runs").connection.close()  # folds the log into it
    assert not (killed / f"{STUDY_FILE}-wal").exists()
    assert "the last" in set(Comparison.read(killed).runs["message"])


def test_a_copy_with_its_log_becomes_a_study_of_its_own(killed, tmp_path):
    copy = shutil.copytree(killed, tmp_path / "copy")
    Store.open(copy / STUDY_FILE).close()
    assert not (copy / f"{STUDY_FILE}-wal").exists()
    assert "the last" in set(Comparison.read(copy).runs["message"])


@pytest.mark.parametrize("replaced", [False, True])
def test_a_study_deleted_while_it_runs_stops_and_says_so(replaced, tmp_path, write_workload, command):
    delete = """
    import pathlib, torch

    def model():
        for file in pathlib.Path(__file__).parent.glob("s/study.sqlite*"):
            file.unlink()
            REPLACE
        return torch.nn.Linear(2, 1)
    """.replace("REPLACE", "file.write_bytes(b'')" if replaced else "pass")
    workload = write_workload("import torch\n")
    started = command(f"compare {workload} --optimizers 'sgd(lr=0.1)' --seeds 2 --jobs 1 --out first")
    assert started[0] == 0
    workload = write_workload(delete, "deleting.py")
    code, _, complaint = command(f"compare {workload} --optimizers 'sgd(lr=0.1)' --seeds 2 --jobs 1 --out s")
    assert (code, complaint.count("internal")) == (2, 0), complaint
    assert "study.sqlite: was deleted or replaced while the study ran" in complaint.splitlines()[-1]
