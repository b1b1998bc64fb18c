"""The doctor in studies: every run's findings are stored, and the runs themselves are as they were."""

import json

import pytest

import steepest
from steepest.diagnose.beside import Beside, BesideMany
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


@pytest.mark.quick
def test_a_run_with_the_doctor_beside_it_is_the_same_to_the_last_bit(digits):
    for rule in (SGD(lr=0.5), Adam(lr=1e-3), SGD(lr=30.0)):
        beside = Beside()
        plain, watched = train(digits, rule, 1), train(digits, rule, 1, observer=beside)
        assert curve(plain) == curve(watched) and plain.fingerprint == watched.fingerprint
        assert beside.seconds > 0 and beside.findings is not None
    assert [finding.code for finding in beside.findings] == ["lr_high"]


def test_a_population_is_the_same_with_signs_of_each_run_beside_it(digits):
    members, beside = [Member(SGD(lr=rate), 1) for rate in RATES], BesideMany()
    plain, watched = train_many(digits, members), train_many(digits, members, observer=beside)
    assert list(map(curve, plain)) == list(map(curve, watched))
    found = [[finding.code for finding in beside.findings(place)] for place in range(3)]
    assert found == [["lr_low"], [], ["lr_high"]]
    alone = Beside()
    train(digits, SGD(lr=RATES[1]), 1, observer=alone)
    ticks = [watching.ticks[2] for watching in (beside._records[1], alone._doctor.record)]
    assert ticks[0].gain == pytest.approx(ticks[1].gain, rel=1e-2)
    for name in ("weight", "gradient", "update", "descent"):
        assert getattr(ticks[0].update, name) == pytest.approx(getattr(ticks[1].update, name), rel=1e-3)


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
    assert first.zh.startswith(f"医生在 {len(codes)} 次运行中的 {len(codes)} 次发现：该损失接受 logits")
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
