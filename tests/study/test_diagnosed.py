"""The doctor in studies: every run's findings are stored, and the runs themselves are as they were."""

import json

import pytest

import steepest
from steepest.diagnose.beside import Beside, BesideMany, BesidePlain, first_look
from steepest.diagnose.beside import plain as plain_steps
from steepest.diagnose.signs import guessing
from steepest.findings.catalogue import Finding
from steepest.rules import SGD, Adam
from steepest.study import Comparison
from steepest.study.reading import sound_findings
from steepest.study.results import STUDY_FILE
from steepest.study.store import Store
from steepest.training import train
from steepest.training.population import Member, train_many
from steepest.workloads import find

from ..studies import change

RATES = (1e-5, 0.5, 30.0)


def curve(run):
    return [(point.step, point.train_loss, point.loss, point.metric) for point in run.curve]


@pytest.fixture(scope="module")
def digits():
    return find("digits").replace(steps=240)


def looks(problem, rule):
    """Both that may stand beside a run."""
    look = first_look(problem, rule)
    assert look.is_plain
    return Beside(), BesidePlain(look.record)


@pytest.mark.quick
def test_a_run_with_the_doctor_beside_it_is_the_same_to_the_last_bit(digits):
    for rule in (SGD(lr=0.5), Adam(lr=1e-3), SGD(lr=30.0)):
        plain = train(digits, rule, 1)
        for beside in looks(digits, rule):
            watched = train(digits, rule, 1, observer=beside)
            assert curve(plain) == curve(watched) and plain.fingerprint == watched.fingerprint
            assert beside.seconds > 0 and len(beside.record.ticks) >= 3 and beside.record.steps == 240
            assert [finding.code for finding in beside.findings] == (["lr_high"] if rule.lr == 30.0 else [])


DRAWS = """
import torch
from torch import nn

def data():
    inputs = torch.randn(64, 4, generator=torch.Generator().manual_seed(0))
    return inputs, (inputs[:, 0] > 0).long(), inputs, (inputs[:, 0] > 0).long()

def model():
    return nn.Sequential(nn.Linear(4, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 2))

def loss(output, target):
    return nn.functional.cross_entropy(output + 0.01 * torch.randn_like(output), target)

target, batch_size, steps = 0.999, 8, 40
"""


def test_what_a_plain_step_shows_is_what_the_whole_doctor_sees(write_file):
    problem, rule = find(str(write_file("draws.py", DRAWS))), Adam(lr=1e-2)
    plain = train(problem, rule, 1, schedule="cosine")
    first, second = looks(problem, rule)
    for beside in (first, second):
        assert curve(train(problem, rule, 1, schedule="cosine", observer=beside)) == curve(plain)
    assert second.error is None and first.record.rates == second.record.rates
    assert second._step._before is None and second._step._batch is None  # copies and batch are let go
    pairs = list(zip(first.record.ticks[:3], second.record.ticks[:3], strict=True))
    assert [one.step for one, _ in pairs] == [other.step for _, other in pairs] == [0, 1, 2]
    for one, other in pairs:
        assert one.gain == pytest.approx(other.gain, rel=1e-3)
        for name in ("weight", "gradient", "update", "descent", "zero_rows"):
            assert getattr(one.update, name) == pytest.approx(getattr(other.update, name), rel=1e-5, nan_ok=True)
    losses = list(second.record.losses)
    assert losses == pytest.approx(list(first.record.losses), rel=1e-6)
    assert guessing(second.record) == pytest.approx(0.69, abs=0.05)  # seen in the first look


@pytest.mark.parametrize("more", ["clip_norm = 1.0", "accumulate = 2", "ema = 0.9", "autocast = 'bfloat16'"])
def test_other_steps_than_plain_ones_are_left_to_the_whole_doctor(write_file, more):
    problem = find(str(write_file("more.py", f"{DRAWS}\n{more}\n")))
    assert not first_look(problem, SGD(lr=0.1)).is_plain


def test_a_loss_with_a_state_of_its_own_is_not_computed_again(write_file):
    text = (
        DRAWS.replace("def loss(", "def loss_of(")
        + """
class Counting:
    calls = 0
    def __call__(self, output, target):
        self.calls += 1
        return loss_of(output, target) * (1 + self.calls % 2)

loss = Counting()
"""
    )
    assert not first_look(find(str(write_file("counting.py", text))), SGD(lr=0.1)).is_plain


def test_an_error_beside_a_run_ends_the_looking_only(digits, monkeypatch):
    _, beside = looks(digits, SGD(lr=0.5))
    monkeypatch.setattr(plain_steps.Before, "after", lambda self, raw: 1 / 0)
    assert curve(train(digits, SGD(lr=0.5), 1, observer=beside)) == curve(train(digits, SGD(lr=0.5), 1))
    assert isinstance(beside.error, ZeroDivisionError) and beside.record.ticks == []


def test_a_population_is_the_same_with_signs_of_each_run_beside_it(digits):
    look = first_look(digits, SGD(lr=RATES[1])).record
    members, beside = [Member(SGD(lr=rate), 1) for rate in RATES], BesideMany([look] * 3)
    plain, watched = train_many(digits, members), train_many(digits, members, observer=beside)
    assert list(map(curve, plain)) == list(map(curve, watched))
    found = [[finding.code for finding in beside.findings(place)] for place in range(3)]
    assert found == [["lr_low"], [], ["lr_high"]]
    alone = BesidePlain(look)
    train(digits, SGD(lr=RATES[1]), 1, observer=alone)
    ticks = [record.ticks[2] for record in (beside.record(1), alone.record)]
    assert ticks[0].gain == pytest.approx(ticks[1].gain, rel=1e-2)
    for name in ("weight", "gradient", "update", "descent"):
        assert getattr(ticks[0].update, name) == pytest.approx(getattr(ticks[1].update, name), rel=1e-3)


NAN = """
import torch
from torch import nn

def data():
    inputs = torch.randn(64, 4, generator=torch.Generator().manual_seed(0))
    labels = (inputs[:, 0] > 0).long()
    inputs[40, 2] = torch.nan
    return inputs, labels, inputs[:8], labels[:8]

def model():
    return nn.Linear(4, 2)

loss, target, batch_size, steps = nn.CrossEntropyLoss(), 0.999, 8, 40
"""


@pytest.mark.parametrize("population", ["auto", "off"])
def test_what_was_not_finite_first_is_looked_for_step_by_step(write_file, tmp_path, without_report, population):
    result = steepest.compare(
        str(write_file("gap.py", NAN)), ["sgd"], trials=2, seeds=2, jobs=1, out=tmp_path / "study",
        pictures=False, population=population,
    )  # fmt: skip
    found = [json.loads(text)[0] for text in result.runs["diagnoses"]]
    assert {(each["code"], each["numbers"]["cause"]) for each in found} == {("nan", "input")}
    assert {each["numbers"]["step"] for each in found} <= set(range(8))


WRONG = """
import torch
from torch import nn

def data():
    inputs = torch.randn(64, 4, generator=torch.Generator().manual_seed(0))
    return inputs, (inputs[:, 0] > 0).long(), inputs, (inputs[:, 0] > 0).long()

def model():
    return nn.Sequential(nn.Linear(4, 2), nn.Softmax(1))

loss, target, batch_size, steps = nn.CrossEntropyLoss(), 0.999, 8, 24
"""


@pytest.fixture(scope="module")
def studied(tmp_path_factory):
    """A study of a workload with a mistake, in two worker processes."""
    folder = tmp_path_factory.mktemp("diagnosed")
    (folder / "wrong.py").write_text(WRONG, encoding="utf-8")
    result = steepest.compare(
        str(folder / "wrong.py"), ["sgd", "adam"], trials=3, seeds=2, jobs=2, out=folder / "study", pictures=False,
    )  # fmt: skip
    return folder / "study", result


def test_every_run_of_a_study_has_its_findings_and_the_report_says_them_once(studied):
    from steepest.report.failures import diagnosed_sentences
    from steepest.report.markdown import as_markdown

    folder, _ = studied
    comparison = Comparison.read(folder)
    codes = [[each["code"] for each in json.loads(text)] for text in comparison.runs["diagnoses"]]
    assert all("softmax_twice" in each for each in codes)
    first = diagnosed_sentences(comparison)[0]
    assert first.en.startswith(f"The doctor found in {len(codes)} of {len(codes)} runs: the loss takes logits")
    assert first.zh.startswith(f"{len(codes)} 次运行中有 {len(codes)} 次诊断出：该损失接受 logits")
    assert "The doctor found in" in as_markdown(comparison)


def test_a_study_of_the_sixth_version_gets_a_column_for_what_the_doctor_found(studied, tmp_path):
    (tmp_path / STUDY_FILE).write_bytes((studied[0] / STUDY_FILE).read_bytes())
    change(tmp_path, "alter table runs drop column diagnoses")
    change(tmp_path, "update study set value = '6' where key = 'schema'")
    assert Comparison.read(tmp_path).runs["diagnoses"].isna().all()
    Store.open(tmp_path / STUDY_FILE).close()
    assert Comparison.read(tmp_path).runs["diagnoses"].isna().all()


def test_what_is_no_list_of_findings_is_left_out():
    good = Finding("zero_grad", {"step": 1}).to_json()
    assert sound_findings(f"[{good}]") == f"[{good}]"
    strange = f'[{good}, 3, {{"code": "zero_grad"}}, {{"code": "target_missed", "numbers": {{}}}}]'
    assert json.loads(sound_findings(strange)) == [json.loads(good)]
    assert [sound_findings(text) for text in ("{}", "x", "[" * 9999)] == [None, None, None]
