"""A study of a stranger is data: nothing that it names is run, and nothing in it does anything where it is shown."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import steepest
from steepest.base.decode import decode
from steepest.base.errors import InvalidValue, SteepestError
from steepest.base.text import visible
from steepest.report.exports import export
from steepest.study import Comparison, Plan, Store
from steepest.study.reading import read_plan, sound_finding
from steepest.study.results import STUDY_FILE

from ..studies import change

ESCAPE = "\x1b]0;title\x07\x1b[31mred\r\u202e"


PARTS = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=9) | st.just("sgd"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["lr", "", "x"]), inner, max_size=2),
    max_leaves=4,
)
"""Whatever may stand in JSON."""


@pytest.fixture
def strange(study, tmp_path):
    """A copy of a finished study, to be spoilt."""
    (tmp_path / "strange").mkdir()
    shutil.copy(study / STUDY_FILE, tmp_path / "strange")
    return tmp_path / "strange"


def rewrite(folder, key, edit) -> None:
    """Change a fact of a study that is JSON."""
    connection = sqlite3.connect(folder / STUDY_FILE)
    (text,) = connection.execute("select value from study where key = ?", (key,)).fetchone()
    data = json.loads(text)
    edit(data)
    with connection:
        connection.execute("update study set value = ? where key = ?", (json.dumps(data), key))
    connection.close()


# --- values -----------------------------------------------------------------------------------------------------------

WRONG: dict[str, tuple[str, str]] = {
    "a path as seed": ("update runs set seed = '1/../../x' where id = 5", "seed is '1/../../x', not a whole number"),
    "a text as number": ("update runs set final_loss = 'low' where id = 5", "final_loss is 'low', not a finite number"),
    "a text in a curve": ("update curves set loss = 'NaN' where run = 2", "loss is 'NaN', not a finite number"),
    "bytes as message": ("update runs set message = x'00ff' where id = 5", "message is b'\\x00\\xff', not a text"),
    "no contestant": ("update runs set contestant = 99 where id = 5", "of a contestant or a trial that is not planned"),
    "no trial": ("update runs set trial = -1 where id = 5", "of a contestant or a trial that is not planned"),
    "no status": ("update runs set status = 'bad' where id = 5", "'bad' is no phase or status"),
    "no plan": ("update study set value = '{]' where key = 'plan'", "plan: is no JSON"),
    "deep plan": (f"update study set value = '{'[' * 99_999}' where key = 'plan'", "plan: is no JSON"),
    "an empty plan": ("update study set value = '{}' where key = 'plan'", "plan: lacks one of workloads, contestants"),
    "no time": ("update study set value = 'then' where key = 'created'", "created, or command: Invalid isoformat"),
    "no versions": ("delete from study where key = 'versions'", "has no versions"),
    "a round of nobody": ("update timings set contestant = 99 where contestant = 0", "has one of a contestant that is"),
    "a round of -1": ("update timings set contestant = -1 where contestant = 0", "has one of a contestant that is"),
    "no time at all": ("update timings set seconds_a_step = 0 where round = 2", "seconds_a_step is not a finite"),
    "endless steps": ("update timings set seconds_a_step = 9e999 where round = 2", "seconds_a_step is not a finite"),
    "a sundial": ("update timings set clock = 'sun' where round = 2", "timings: clock is 'sun', not thread or wall"),
    "steps below 0": ("update runs set steps_to_target = -1 where id = 5", "steps_to_target or seconds_a_step is not"),
    "no step at all": ("update runs set steps_to_target = 0 where id = 5", "steps_to_target or seconds_a_step is not"),
    "time backwards": ("update runs set seconds_a_step = -1 where id = 5", "steps_to_target or seconds_a_step is not"),
    "no table": ("drop table curves", "no such table: curves"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_named_in_one_line(name, strange, command):
    statement, message = WRONG[name]
    change(strange, statement)
    code, printed, complaint = command(f"report {strange} --format csv,tensorboard")
    assert (code, printed, complaint.count("\n")) == (2, "", 1), complaint
    assert message in complaint and str(strange / STUDY_FILE) in complaint
    assert [path.name for path in strange.iterdir()] == [STUDY_FILE]


PLANS = {
    "steps": (lambda plan: plan["contestants"][0].update(steps=0), "'SGD' has a number that makes no sense"),
    "trials": (lambda plan: plan["contestants"][0].update(trials=[{}]), "trials of 'SGD' lack a setting"),
    "ranges": (lambda plan: plan["contestants"][0].update(ranges={"lr": [1, 0]}), "ranges of 'SGD' make no sense"),
    "a text": (lambda plan: plan.update(seeds="3"), "plan.seeds: is '3', not a whole number"),
    "NaN": (lambda plan: plan["workloads"][0].update(target=float("nan")), "target: is nan, not a finite number"),
    "a field": (lambda plan: plan.update(future=1), "plan: has 'future', which this steepest does not know"),
    "labels": (lambda plan: plan["contestants"][0].update(label="Adam"), "two contestants have the same name"),
    "workloads": (lambda plan: plan["workloads"][0].update(name="other"), "workloads are not those of its contestants"),
    "points seed": (lambda plan: plan.update(points_seed=2**62), "has a points_seed that makes no sense"),
    "points below 0": (lambda plan: plan.update(points_seed=-1), "has a points_seed that makes no sense"),
    "a long text": (lambda plan: plan["contestants"][0].update(label="x" * 10**6), "000,002 characters), not a text"),
}  # fmt: skip


MEASURED = "data, model, optimizer from timings"


@pytest.mark.parametrize(("selected", "message"), [
    ("* from timings union all select * from timings", "has two of one contestant in one round"),
    (f"contestant, round, seconds_a_step, null as clock, {MEASURED}", "clock is .*, not thread or wall"),
    (f"contestant, round, null as seconds_a_step, clock, {MEASURED}", "seconds_a_step is not a finite number above 0"),
])  # fmt: skip
def test_timings_of_a_table_without_constraints_are_checked(selected, message, strange):
    for statement in (
        f"create table copied as select {selected}", "drop table timings", "alter table copied rename to timings",
    ):  # fmt: skip
        change(strange, statement)
    with pytest.raises(SteepestError, match=f"timings: {message}"):
        Comparison.read(strange)


@pytest.mark.parametrize("name", PLANS)
def test_a_plan_that_makes_no_sense_is_named(name, strange):
    edit, message = PLANS[name]
    rewrite(strange, "plan", edit)
    with pytest.raises(SteepestError) as caught:
        Comparison.read(strange)
    assert message in str(caught.value)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), part=PARTS)
def test_whatever_stands_in_a_plan_is_a_plan_or_is_refused_in_one_line(comparison, data, part):
    plan = json.loads(comparison.plan.to_json())
    place: object = plan
    while True:
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        if not (isinstance(place[key], dict | list) and place[key]) or data.draw(st.booleans()):
            break
        place = place[key]
    place[key] = part
    try:
        read = read_plan(json.dumps(plan))
    except InvalidValue as refused:
        assert "\n" not in str(refused) and len(str(refused)) < 400
    else:
        assert read.runs > 0 and read.short_names


@pytest.mark.parametrize("winner", ["'x'", "99", "-1", "null", "x'00'"])
def test_a_winner_that_is_none_of_the_trials_is_told(strange, winner):
    column = "contestant = 99" if winner == "null" else f"trial = {winner}"
    change(strange, f"update winners set {column} where contestant = 0 and search = 0")
    store = Store.open(strange / STUDY_FILE)
    with pytest.raises(SteepestError, match="is damaged: the winner of 'SGD' is not one of its trials"):
        store.winners()
    assert Comparison.read(strange).complete
    store.close()


def test_a_plan_reads_back_as_it_was(comparison):
    assert Plan.from_json(comparison.plan.to_json()) == comparison.plan


def test_a_huge_message_is_cut_off(strange, comparison):
    change(strange, "update runs set message = replace(hex(zeroblob(10000000)), '0', 'a') where id = 2")
    messages = Comparison.read(strange).runs["message"]
    assert messages.str.len().max() == 4000


def test_findings_that_cannot_be_said_are_left_out(strange):
    for text in ("{}", "[1]", '{"code": "rises"}', '{"code": "of the future", "numbers": {}}', "[" * 9999):
        assert sound_finding(text) is None
        change(strange, "update runs set finding = ? where id = 2", text)
        assert Comparison.read(strange).runs["finding"].isna().sum() == 1


@pytest.mark.parametrize("value", [True, 1.0, "1", None, 2**63])
def test_only_a_whole_number_is_one(value):
    with pytest.raises(InvalidValue, match=r"seed: is .* not a whole number"):
        decode(int, value, "seed")


# --- control characters -----------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("without_report")
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_no_control_character_reaches_the_terminal(strange, command, lang):
    plan = lambda data: data["contestants"][0].update(label=f"SGD{ESCAPE}")  # noqa: E731
    rewrite(strange, "plan", plan)
    rewrite(strange, "workloads", lambda data: data["digits"].update(about=ESCAPE, about_zh=ESCAPE, metric_name=ESCAPE))
    change(strange, "update runs set status = 'failed', message = ?, finding = ?", f"last {ESCAPE}",
           json.dumps({"code": "run_raised", "numbers": {"words": f"last {ESCAPE}"}}))  # fmt: skip
    code, printed, complaint = command(f"compare --resume {strange} --jobs 1 --lang {lang}")
    assert code in (0, 1), complaint
    assert all(letter.isprintable() or letter == "\n" for letter in printed + complaint)
    assert r"SGD\x1b]0;title\x07\x1b[31mred \u202e" in printed


def test_an_error_shows_control_characters_and_a_file_of_the_user_too(command, tmp_path, write_file):
    file = write_file("mine.py", f"raise ValueError({ESCAPE!r})")
    for line in (f"trace {file}", f"report '{ESCAPE}'"):
        code, printed, complaint = command(line)
        assert code == 2
        assert (printed + complaint[:-1]).isprintable()
        assert r"\x1b[31mred" in complaint


def test_what_is_shown_of_a_text():
    assert visible("学习 🚀 é") == "学习 🚀 é"
    assert visible("a\tb\nc\x00\x9b\ud800", keep="\n") == "a b\nc\\x00\\x9b\\ud800"


# --- nothing is run ---------------------------------------------------------------------------------------------------

RULE = '''
from dataclasses import dataclass
from pathlib import Path
from steepest import Rule
from steepest.rules.base import hyperparameter

Path(__file__).with_name("ran").touch()


@dataclass(frozen=True, kw_only=True)
class Mine(Rule, look=("#123456", "s", "solid")):
    """Descent.

    $$x_t = x_{t-1} - \\\\eta g_t$$
    """

    title = "Mine"
    lr: float = hyperparameter(0.1, r"\\\\eta", "learning rate", search=(1e-3, 1.0))
    share: float = hyperparameter(0.5, "s", "share", within="(0, 1]", search=(0.1, 0.9))

    def init(self, param):
        return {}

    def update(self, grad, param, step):
        return (-self.lr * self.share * grad,)
'''


@pytest.fixture
def users_study(write_file, write_workload, tmp_path):
    """A study of a user's rule, whose files are then taken away, but for one that says when it is run."""
    rule = write_file("mine.py", RULE)
    steepest.compare(write_workload(), f"{rule}:Mine", trials=8, seeds=2, jobs=1, out=tmp_path / "s")
    (tmp_path / "ran").unlink()
    return tmp_path / "s"


def test_reading_a_study_runs_none_of_its_code(users_study, tmp_path, command, monkeypatch):
    code, _, complaint = command(f"report {users_study} --out shown --format csv,md")
    assert code == 0, complaint
    assert not (tmp_path / "ran").exists()
    (tmp_path / "mine.py").unlink()
    (tmp_path / "small.py").unlink()
    before = Comparison.read(users_study)
    assert before.table.index.tolist() == ["Mine"]
    rewrite(users_study, "rules", lambda rules: rules.clear())  # as studies of old
    assert Comparison.read(users_study).edges.columns.tolist() == before.edges.columns.tolist()


@pytest.mark.usefixtures("without_report")
def test_going_on_says_whose_code_runs_and_runs_none_that_has_changed(users_study, tmp_path, command, study):
    change(users_study, "update runs set state = 'waiting' where id = 2")
    change(users_study, "delete from curves where run = 2")
    code, _, complaint = command(f"compare --resume {users_study} --jobs 1")
    assert code == 0
    said = f"going on runs code of {tmp_path}/mine.py, {tmp_path}/small.py"
    assert [line for line in complaint.splitlines() if "code of" in line] == [said]
    (tmp_path / "mine.py").write_text((tmp_path / "mine.py").read_text().replace('"ran"', '"changed"'))
    code, _, complaint = command(f"compare --resume {users_study} --jobs 1")
    assert code == 2 and "mine.py has changed since this study began" in complaint
    assert not (tmp_path / "changed").exists()
    code, _, complaint = command(f"compare --resume {study} --jobs 1")  # which runs nobody else's code
    assert "code of" not in complaint


def test_reading_a_study_imports_no_plugin_that_it_names(strange, tmp_path):
    """An entry point is loaded when its name is asked for."""
    plugin = tmp_path / "site" / "nasty-1.dist-info"
    plugin.mkdir(parents=True)
    (plugin / "METADATA").write_text("Metadata-Version: 2.1\nName: nasty\nVersion: 1\n")
    (plugin / "entry_points.txt").write_text("[steepest.rules]\nnasty = nasty:Nasty\n")
    (plugin.parent / "nasty.py").write_text("raise SystemExit('the plugin was imported')")

    def named_nasty(plan):
        for contestant in plan["contestants"]:
            contestant["rule"] = "nasty"

    rewrite(strange, "plan", named_nasty)
    rewrite(strange, "rules", lambda rules: rules.clear())
    read = (
        "import sys; from steepest.study import Comparison; from steepest.figures.contestants import looks;"
        " study = Comparison.read(sys.argv[1]); looks(study); study.edges; study.table"
    )
    path = os.pathsep.join(filter(None, [str(plugin.parent), os.environ.get("PYTHONPATH", "")]))
    ask = [sys.executable, "-W", "error", "-c", read, str(strange)]
    done = subprocess.run(ask, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")


# --- files ------------------------------------------------------------------------------------------------------------


def test_whatever_a_study_says_files_stay_in_their_folder(strange, tmp_path):
    rewrite(strange, "plan", lambda plan: plan["contestants"][0].update(label="../../up"))
    pytest.importorskip("tensorboard")
    export(Comparison.read(strange), tmp_path / "home", ["tensorboard"])
    assert not (tmp_path / "up").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"strange", "home"}


def test_the_command_of_a_study_is_quoted_anew(strange):
    for command, shown in (
        ("steepest compare digits; rm -rf /", "steepest compare 'digits;' rm -rf /"),
        ("rm -rf /", ""),
        ("steepest compare 'my file.py'", "steepest compare 'my file.py'"),
    ):
        change(strange, "update study set value = ? where key = 'command'", command)
        assert Comparison.read(strange).facts["command"] == shown
