"""Studies of older versions: read as they are, brought up to date once, and continued by their own protocol."""

import json
import math
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

import steepest
from steepest import verbs
from steepest.base.errors import SteepestError
from steepest.study import Comparison, Store
from steepest.study.results import STUDY_FILE
from steepest.study.schema import SCHEMA_VERSION

from ..studies import assert_planned_runs, change, rows, winners_in

VERSION_1 = Path(__file__).parent.parent / "data" / "study_of_version_1.sqlite"

VERSION_1 = Path(__file__).parent.parent / "data" / "study_of_version_1.sqlite"

# --- older versions ---------------------------------------------------------------------------------------------------


@pytest.fixture
def old(tmp_path) -> Path:
    """A study that the first version began: 6 of 11 runs done, one in the hands of a process that is no more."""
    (tmp_path / "old").mkdir()
    shutil.copy(VERSION_1, tmp_path / "old" / STUDY_FILE)
    return tmp_path / "old"


def rows_of_version_1() -> list[sqlite3.Row]:
    connection = sqlite3.connect(VERSION_1)
    connection.row_factory = sqlite3.Row
    found = connection.execute("select * from runs where state = 'done' order by id").fetchall()
    connection.close()
    return found


def test_a_study_of_the_first_version_is_read(old):
    comparison = Comparison.read(old)
    before = rows_of_version_1()
    assert len(before) == len(comparison.runs) == 6
    assert comparison.plan.runs == 11
    for row, now in zip(before, comparison.runs.itertuples(), strict=True):
        for name in ("id", "phase", "seed", "lr", "status", "message", "final_loss", "final_metric", "seconds_a_step"):
            assert getattr(now, name) == row[name], name
        assert now.steps_to_target == (math.inf if row["steps_to_target"] is None else row["steps_to_target"])
    assert list(comparison.runs["label"]) == ["SGD", "Adam", "Momentum lr=0.1", "SGD", "Adam", "Momentum lr=0.1"]
    starts = comparison.curves[comparison.curves["step"] == 0].set_index("run")
    assert (comparison.runs.set_index("id")["initial_loss"] == starts["loss"]).all()
    assert (comparison.runs.set_index("id")["best_metric"] == comparison.curves.groupby("run")["metric"].max()).all()
    assert (comparison.target, comparison.workload["metric_name"]) == (0.3, "accuracy")


@pytest.mark.usefixtures("without_report")
def test_a_study_of_the_first_version_goes_on(old):
    assert "limits" not in Comparison.read(old).facts["rules"]
    verbs.resume(old, jobs=1)
    comparison = Comparison.read(old)
    assert comparison.complete
    assert "limits" in comparison.facts["rules"]  # now that code has run anyway
    assert set(comparison.runs["seed"][comparison.runs["phase"] == "search"]) == {0}  # as it began
    again = steepest.compare("digits", ["sgd(lr=1.03)", "adam(lr=0.103)", "momentum(lr=0.1)"], seeds=2, steps=6,
                             target=0.3, jobs=1)  # fmt: skip
    done = {row["id"] for row in rows_of_version_1()}
    new = comparison.runs[~comparison.runs["id"].isin(done)].merge(again.runs, on=["lr", "seed"])
    assert len(new) == 5
    assert (new["final_loss_x"] == new["final_loss_y"]).all()
    assert new["fingerprint_x"].notna().all()


def test_a_study_of_the_first_version_is_brought_up_to_date_once(old):
    for _ in range(2):
        store = Store.open(old / STUDY_FILE)
        assert store.fact("schema") == str(SCHEMA_VERSION)
        assert store.counts() == {"done": 6, "waiting": 5}
        store.close()


def test_where_an_old_file_cannot_be_brought_up_to_date_it_is_read_as_it_is(old, monkeypatch):
    before = (old / STUDY_FILE).read_bytes()
    assert len(Comparison.read(old).runs) == 6

    def fail(*_):
        raise sqlite3.OperationalError("attempt to write a readonly database")

    monkeypatch.setattr("steepest.study.file.migrate", fail)
    with pytest.raises(SteepestError, match="written by an older steepest and cannot be brought up to date here"):
        Store.open(old / STUDY_FILE)
    assert (old / STUDY_FILE).read_bytes() == before
    assert [path.name for path in old.iterdir()] == [STUDY_FILE]


@pytest.fixture
def second(study, tmp_path) -> Path:
    """A finished study as the second version left it, which stored no findings."""
    (tmp_path / "second").mkdir()
    shutil.copy(study / STUDY_FILE, tmp_path / "second")
    make_third(tmp_path / "second")
    change(tmp_path / "second", "alter table runs drop column finding")
    change(tmp_path / "second", "update study set value = '2' where key = 'schema'")
    return tmp_path / "second"


def test_a_study_of_the_second_version_gets_a_column_for_findings(second, study):
    now, before = Comparison.read(second).runs, Comparison.read(study).runs
    new = ["finding", "diagnoses", "default"]
    pd.testing.assert_frame_equal(now.drop(columns=new), before.drop(columns=new))
    assert not now["default"].any()
    assert now["finding"].isna().all() and before["finding"].notna().all()
    store = Store.open(second / STUDY_FILE)
    assert store.fact("schema") == str(SCHEMA_VERSION)
    store.close()


@pytest.fixture
def third(study, tmp_path) -> Path:
    """A finished study as the third version left it, with one search of each optimizer."""
    (tmp_path / "third").mkdir()
    shutil.copy(study / STUDY_FILE, tmp_path / "third")
    make_third(tmp_path / "third")
    return tmp_path / "third"


def make_third(folder: Path) -> None:
    """The tables of winners and timings and the plan as the third version had them."""
    make_fourth(folder)
    change(folder, "alter table winners rename to now")
    change(folder, "create table winners (contestant integer primary key, trial integer not null,"
                   " among integer not null)")  # fmt: skip
    change(folder, "insert into winners select contestant, trial, among from now")
    change(folder, "drop table now")
    change(folder, "alter table timings drop column clock")
    for key in ("plan", "first_plan"):
        for name in ("searches", "finalists", "points_seed"):
            change(folder, f"update study set value = json_remove(value, '$.{name}') where key = '{key}'")
    change(folder, "update study set value = '3' where key = 'schema'")


def test_a_study_of_the_third_version_keeps_its_winners_and_its_protocol(third, study):
    file = (third / STUDY_FILE).read_bytes()
    now, before = Comparison.read(third), Comparison.read(study)
    assert (third / STUDY_FILE).read_bytes() == file
    assert now.runs["diagnoses"].isna().all()
    pd.testing.assert_frame_equal(
        now.runs.drop(columns="diagnoses"), before.runs.drop(columns="diagnoses").assign(default=False)
    )
    same = ["workload", "label", "round", "seconds_a_step"]
    pd.testing.assert_frame_equal(now.timings[same], before.timings[same])
    assert set(now.timings["clock"]) == {"wall"}
    assert (now.plan.searches, now.plan.finalists, now.plan.points_seed) == (1, None, 0)
    assert now.complete
    for _ in range(2):
        store, ours = Store.open(third / STUDY_FILE), Store.open(study / STUDY_FILE)
        assert store.fact("schema") == str(SCHEMA_VERSION)
        assert winners_in(store) == winners_in(ours) != []
        assert store.ready_to_choose() == []
        store.close()
        ours.close()


@pytest.mark.usefixtures("without_report")
def test_a_study_of_the_third_version_goes_on_by_its_own_protocol(third):
    """With more trials and seeds, every trial still runs on every seed of the one search."""
    before = rows(third)
    result = verbs.resume(third, add_trials=2, add_seeds=1, jobs=1)
    assert result.complete
    assert_planned_runs(result)
    assert set(result.runs["search"]) == {0}
    assert len(result.runs) == 2 * (6 + 4) + (1 + 4)
    kept = {run: row for run, row in rows(third).items() if run in before}
    assert {run: row["final_loss"] for run, row in kept.items()} == {
        run: row["final_loss"] for run, row in before.items()
    }


VERSION_4 = {
    "study": "key value",
    "sessions": "id place process started seen versions",
    "runs": "id contestant phase trial seed state session attempts status message finding last_step steps_to_target"
    " seconds_a_step initial_loss final_loss best_loss final_metric best_metric fingerprint",
    "winners": "contestant search trial among",
    "timings": "contestant round seconds_a_step clock",
    "curves": "run step train_loss loss metric seconds",
}
"""The columns of version 4's tables."""

PLAN_4 = (
    "workloads contestants seeds trials search_seeds schedule ranges first_search_seed searches finalists points_seed"
)
CONTESTANT_4 = "workload label rule batch_size steps schedule ranges trials"
"""The fields of version 4's plan, and of its contestants."""


def make_fourth(folder: Path) -> None:
    """The tables and the plan as the fourth version had them: without whatever was added since."""
    with closing(sqlite3.connect(folder / STUDY_FILE)) as connection:
        for (table,) in connection.execute("select name from sqlite_master where type = 'table'").fetchall():
            if table not in VERSION_4:
                connection.execute(f"drop table {table}")
                continue
            for _, column, *_ in connection.execute(f"pragma table_info({table})").fetchall():
                if column not in VERSION_4[table].split():
                    connection.execute(f"alter table {table} drop column {column}")
        plans = connection.execute("select key, value from study where key in ('plan', 'first_plan')").fetchall()
        for key, text in plans:
            plan = {name: value for name, value in json.loads(text).items() if name in PLAN_4.split()}
            kept = CONTESTANT_4.split()
            plan["contestants"] = [{name: each[name] for name in kept} for each in plan["contestants"]]
            connection.execute("update study set value = ? where key = ?", (json.dumps(plan), key))
        connection.execute("update study set value = '4' where key = 'schema'")
        connection.commit()


@pytest.fixture
def fourth(study, tmp_path) -> Path:
    """A finished study as the fourth version left it, which trained on the CPU only."""
    (tmp_path / "fourth").mkdir()
    shutil.copy(study / STUDY_FILE, tmp_path / "fourth")
    make_fourth(tmp_path / "fourth")
    return tmp_path / "fourth"


@pytest.mark.usefixtures("without_report")
def test_a_study_of_the_fourth_version_is_what_it_was_and_goes_on(fourth, study):
    file = (fourth / STUDY_FILE).read_bytes()
    now, before = Comparison.read(fourth), Comparison.read(study)
    assert (fourth / STUDY_FILE).read_bytes() == file
    assert now.runs["diagnoses"].isna().all()
    pd.testing.assert_frame_equal(
        now.runs.drop(columns="diagnoses"), before.runs.drop(columns="diagnoses").assign(default=False)
    )
    pd.testing.assert_frame_equal(now.curves, before.curves)
    assert (now.plan, set(now.runs["device"])) == (replace(before.plan, default_trial=False), {"cpu"})
    done = rows(fourth)
    result = verbs.resume(fourth, add_seeds=1, jobs=1)
    assert result.complete
    assert len(result.runs) == len(before.runs) + len(before.plan.contestants)
    assert {run: row["final_loss"] for run, row in rows(fourth).items() if run in done} == {
        run: row["final_loss"] for run, row in done.items()
    }
