"""The page of a watched training as data: what its pictures show, and what becomes of a disk that takes no file."""

import json
import math
from dataclasses import replace

import pytest
import torch
from torch import nn

import steepest
from steepest.base.errors import InvalidValue
from steepest.diagnose.curve import Curve
from steepest.diagnose.finding import Diagnosis
from steepest.diagnose.proof import Proof, Trial
from steepest.diagnose.record import LayerFacts, LossFacts, Record, StepFacts, Tick
from steepest.findings.catalogue import DIAGNOSES, LESSONS, TRAINING, Finding
from steepest.report.diagnosis.losses import MOST_POINTS
from steepest.report.diagnosis.losses import loss as loss_picture
from steepest.report.diagnosis.maps import MOST_COLUMNS, PER_DECADE, ZERO
from steepest.report.diagnosis.page import picture_of, state_of
from steepest.report.diagnosis.pictures import PICTURES, pictures_of


def trained(zeroed=True, steps=30, **options):
    """A doctor that has watched a small classifier."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    with steepest.watch(model, optimizer, budget=1.0, **options) as doctor:
        for _ in range(steps):
            inputs = torch.randn(32, 8)
            if zeroed:
                optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(inputs), (inputs[:, 0] > 0).long())
            loss.backward()
            optimizer.step()
            doctor.step(loss)
    return doctor


def record_of(losses, layers=(), steps=range(10)):
    """A record with one observed step after another."""
    facts = {"step": StepFacts(list(layers), raw=1.0, descent=0.01)}
    ticks = [
        Tick(step, 32, 1, [], LossFacts("cross_entropy", 1.0, 1.0, {0: 8, 1: 24}), facts["step"], 0.9) for step in steps
    ]
    return Record(losses=Curve(losses), ticks=ticks, observed=len(ticks))


# --- the catalogue ----------------------------------------------------------------------------------------------------


@pytest.mark.quick
def test_every_finding_has_a_lesson_with_a_picture_that_exists():
    codes = {code for code, entry in DIAGNOSES["findings"].items() if "title" in entry}
    assert codes == LESSONS.keys()
    for code, lesson in LESSONS.items():
        tables = [value for value in lesson.values() if isinstance(value, dict) and "en" not in value]
        assert bool(tables) == ("by" in lesson), code
        pictures = lesson["picture"].values() if isinstance(lesson["picture"], dict) else [lesson["picture"]]
        limits = lesson["limits"].values() if isinstance(lesson["limits"], dict) else [lesson["limits"]]
        assert set(pictures) <= PICTURES.keys(), code
        assert all(hasattr(TRAINING, name) for names in limits for name in names), code
        assert lesson["mark"] in ("at", "on", "start", "all"), code
        assert set(lesson["why"]) == {"en", "zh"}, code


def test_every_variant_of_too_high_a_rate_has_a_picture():
    assert (
        LESSONS["lr_high"]["picture"].keys()
        == DIAGNOSES["phrases"]["sign"].keys()
        == LESSONS["lr_high"]["limits"].keys()
    )
    assert picture_of(Finding("lr_high", {"sign": "grown"})) == "weights"


# --- pictures ---------------------------------------------------------------------------------------------------------


@pytest.mark.quick
def test_of_a_million_losses_a_picture_keeps_what_stands_out():
    losses = [2.0 + 0.001 * (step % 7) for step in range(1_000_000)]
    losses[3], losses[777_777], losses[500_000] = 9.0, 40.0, 0.5
    losses[700_000:700_400] = [math.nan] * 400
    picture = loss_picture(record_of(losses))
    line, steps = picture["lines"][0], picture["steps"]
    assert len(steps) <= MOST_POINTS and steps == sorted(set(steps)) and steps[:4] == [0, 1, 2, 3]
    assert max(value for value in line["high"] if value) == 40.0 and min(value for value in line["low"] if value) == 0.5
    assert line["values"][3] == line["low"][3] == 9.0  # the first steps are single
    place = max(place for place, step in enumerate(steps) if step <= 777_777)
    assert line["high"][place] == 40.0 and 2.0 < line["values"][place] < 3.0  # a mean of many
    assert picture["gaps"] == [[700_000, 700_399]] and picture["end"] == 999_999
    assert "400 are not finite" in picture["alt"][0] and "400 个不是有限数" in picture["alt"][1]


def test_of_thinned_losses_a_picture_keeps_what_stands_out():
    record = record_of([2.0] * 400_000)
    for step, loss in ((123_456, 40.0), (200_000, 0.5), (399_990, math.nan)):
        record.losses.correct(step, loss)
    record.losses.fold()
    assert record.losses.nbytes < 2**20
    picture = loss_picture(record)
    line, steps = picture["lines"][0], picture["steps"]
    assert len(steps) <= MOST_POINTS and steps == sorted(set(steps)) and picture["end"] == 399_999
    assert max(value for value in line["high"] if value) == 40.0 and min(value for value in line["low"] if value) == 0.5
    place = max(place for place, step in enumerate(steps) if step <= 123_456)
    assert line["high"][place] == 40.0 and 2.0 < line["values"][place] < 3.0
    assert picture["gaps"] == [[399_990, 399_990]] and "1 are not finite" in picture["alt"][0]


def test_a_line_has_no_number_where_no_loss_is_finite_and_ends_soon_after_the_last_one():
    picture = loss_picture(record_of([3.0, math.inf, 2.0, *[math.nan] * 500]))
    assert picture["lines"][0]["values"][:4] == [3.0, None, 2.0, None] and picture["end"] == 6
    assert picture["gaps"] == [[1, 1], [3, 502]] and picture["steps"] == list(range(7))
    assert loss_picture(record_of([math.nan] * 50)) is None
    assert loss_picture(record_of([1.0, -2.0]))["axis"] == "linear"
    assert loss_picture(record_of([100.0, 1.0]))["axis"] == "log"


def test_a_map_has_a_row_for_each_layer_and_its_cells_are_exact_to_two_percent():
    layers = [LayerFacts("a.weight", 100, 2.0, 30.0, 0.01, 0.25), LayerFacts("b.weight", 4, 1.0, 0.0, 0.0, math.nan)]
    made = pictures_of(record_of([1.0] * 10, layers))
    update, silent, gradient = (made[name] for name in ("update", "silent", "gradient"))
    assert update["rows"] == ["a.weight", "b.weight"] and update["steps"] == list(range(10))
    assert 10 ** (update["cells"][0][0] / PER_DECADE) == pytest.approx(0.005, rel=0.024)
    assert 10 ** (gradient["cells"][0][9] / PER_DECADE) == pytest.approx(3.0, rel=0.024)
    assert update["cells"][1] == gradient["cells"][1] == [ZERO] * 10
    assert silent["rows"] == ["a.weight"] and silent["cells"] == [[25] * 10]
    assert made["batches"]["cells"] == [[25] * 10, [75] * 10]


def test_of_many_layers_and_steps_a_map_has_the_weights_at_evenly_spread_steps():
    layers = [LayerFacts(f"{index}.{kind}", 10, 1.0, 1.0, 0.1) for index in range(200) for kind in ("weight", "bias")]
    update = pictures_of(record_of([1.0] * 1000, layers, range(0, 1000, 4)))["update"]
    assert update["rows"] == [f"{index}.weight" for index in range(200)] and update["all"] == 200
    assert len(update["steps"]) == MOST_COLUMNS and (update["steps"][0], update["steps"][-1]) == (0, 996)
    gaps = {later - earlier for earlier, later in zip(update["steps"], update["steps"][1:], strict=False)}
    assert gaps == {4, 8}


def test_a_record_without_numbers_has_no_pictures():
    assert pictures_of(Record()) == {}


@pytest.mark.parametrize("validated", [False, True])
def test_losses_on_held_out_data_stand_at_their_steps(validated):
    record = record_of([1.0] * 20)
    record.validation = [(3, 0.7), (11, 0.9), (12, math.nan)] if validated else []
    lines = loss_picture(record)["lines"]
    assert len(lines) == 1 + validated
    assert not validated or {place: value for place, value in enumerate(lines[1]["values"]) if value} == {
        3: 0.7,
        11: 0.9,
    }


# --- the state --------------------------------------------------------------------------------------------------------


def test_the_state_of_a_page_is_plain_data_with_both_languages():
    doctor = trained(zeroed=False)
    trial = Trial("start", 0, "recorded", [[2.0, math.nan], [3.0, 1.0]], [[1.0, 0.1], [2.0, 0.3]],
                  [math.inf, 1.0], [0.1, 0.3], [1.0, 0.7], 0.85, 0.5, 0.95, 0.95, "proved")  # fmt: skip
    doctor.proofs.append(Proof("zero_grad", "proved", "zeroed", {}, (trial,)))
    state = json.loads(json.dumps(state_of(doctor), allow_nan=False))
    [finding] = state["findings"]
    assert finding["code"] == "zero_grad" and finding["certain"] and finding["picture"] == "norms"
    assert finding["mark"] == [doctor.findings[0].first_step, 29]
    assert finding["happened"][0].startswith("Gradients are not zeroed between steps: at step ")
    assert finding["advice"][1].endswith("调用一次 optimizer.zero_grad()。")
    [proof] = finding["proofs"]
    assert proof["text"][0].startswith("Proved: with gradients zeroed") and proof["text"][1].startswith("已证实：")
    [tried] = proof["pictures"]
    assert [line["values"] for line in tried["lines"]] == [[2.5, 1.0], [1.5, 0.2]]  # medians; what is finite
    assert tried["axis"] == "log" and tried["title"] == ["Tried from the start", "试验：从头训练"]
    looked = {entry["code"]: entry["found"] for kind in state["looked"].values() for entry in kind}
    assert looked.keys() == LESSONS.keys() and [code for code, found in looked.items() if found] == ["zero_grad"]


def test_a_page_says_how_to_run_the_training_again():
    doctor = trained()
    doctor.origin = replace(doctor.origin, command="python my/<b>.py --epochs 3")
    state = state_of(doctor)
    facts = {fact["name"][0]: fact["value"] for fact in state["facts"]}
    assert state["name"] == "<b>.py" and facts["command"][0] == "python my/<b>.py --epochs 3"
    assert facts["seed"] == ["torch.manual_seed(0)"] * 2 and facts["model"][0] == "Sequential, 467 parameters"
    assert facts["optimizer"][0].startswith("SGD(lr=0.05, momentum=0, ") and "torch " in facts["versions"][0]
    assert "torch.manual_seed(0)\nmodel = Sequential(...)\n" in state["code"]
    assert state["lead"] == ["Nothing was found.", "没有发现问题。"]
    assert "30 steps were watched" in state["counts"][0] and "after 200 steps" in state["counts"][0]
    assert "after 200" not in state_of(trained(steps=220))["counts"][0]


def test_a_finding_of_whose_picture_there_are_no_numbers_is_shown_by_the_loss():
    doctor = trained()
    doctor._ranked = (doctor.record.steps, [Diagnosis("rounding", {"kind": "half", "step": 40, "share": 0.5})])
    [finding] = state_of(doctor)["findings"]
    assert finding["picture"] == "loss" and finding["mark"] == [29, 29] and finding["limits"] == [["unmoved", "0.3"]]


# --- files ------------------------------------------------------------------------------------------------------------


def test_a_report_is_one_file_and_may_be_written_while_the_training_runs(tmp_path):
    torch.manual_seed(0)
    model = nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    doctor = steepest.watch(model, optimizer)
    assert doctor.report(tmp_path / "none.html").is_file()  # before the first step
    for step in range(4):
        loss = model(torch.randn(8, 4)).square().mean()
        loss.backward()
        optimizer.step()
        doctor.step(loss)
        assert doctor.report(tmp_path / "run.html", lang="zh") == tmp_path / "run.html", step
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["none.html", "run.html"]
    assert '<html lang="zh">' in (tmp_path / "run.html").read_text(encoding="utf-8")
    assert doctor.record.steps == 4 and all(finding.code != "unseen_error" for finding in doctor.unseen)


@pytest.mark.parametrize(
    ("file", "lang", "told"),
    [
        ("missing/run.html", None, r"missing/run\.html: cannot be written \(No such file or directory\)"),
        ("run.txt", None, r"run\.txt: a page is an \.html file"),
        ("", None, "is a folder; name a file in it"),
        ("run.html", "fr", "^lang: must be en or zh, got 'fr'$"),
    ],
)
def test_what_cannot_be_written_is_one_line_and_the_training_goes_on(file, lang, told, tmp_path):
    doctor = trained(steps=3)
    with pytest.raises(InvalidValue, match=told) as raised:
        doctor.report(tmp_path / file, lang=lang)
    assert "\n" not in str(raised.value) and not list(tmp_path.iterdir())
    doctor.step(1.0)


def test_a_full_disk_leaves_the_page_before_as_it_was(tmp_path, monkeypatch):
    import errno
    import os
    from pathlib import Path

    doctor = trained(steps=3)
    page = doctor.report(tmp_path / "run.html")
    before = page.read_bytes()

    def full(self, content):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(InvalidValue, match=r"cannot be written \(No space left on device\)"):
        doctor.report(page)
    assert page.read_bytes() == before and len(list(tmp_path.iterdir())) == 1


def test_of_several_processes_the_first_one_writes(tmp_path, monkeypatch):
    monkeypatch.setattr("steepest.diagnose.doctor.rank", lambda: 1)
    doctor = trained(steps=3)
    assert doctor.report(tmp_path / "run.html") == tmp_path / "run.html" and not list(tmp_path.iterdir())
