"""Where a study's numbers come from: code and versions that changed, and runs that cannot be repeated, are said."""

import json
import random
from dataclasses import replace
from importlib.metadata import distributions

import numpy as np
import pytest
import torch

import steepest
from steepest import rules, verbs
from steepest.base.errors import InvalidValue
from steepest.report.provenance import DIFFERS, provenance_sentences
from steepest.rules import SGD
from steepest.study import Comparison, code, make_plan
from steepest.training.repeating import first_difference
from steepest.workloads import APPLICATIONS, WORKLOADS, find

from ..studies import change

# --- code -------------------------------------------------------------------------------------------------------------


@pytest.mark.quick
def test_what_trains_belongs_to_the_code_of_a_study(comparison):
    stored = json.loads(comparison.facts["code"])
    parts = {"training/", "optim/", "program/", "workloads/", "ops.py", "schedules.py", "rules/base.py"}
    assert {f"steepest/{part}" for part in parts} <= stored.keys()
    with_partner = code.code_fingerprint(make_plan(find("digits"), ["muon"]))
    assert {"steepest/rules/muon.py", "steepest/rules/adam.py"} <= with_partner.keys()


@pytest.mark.parametrize("part", ["steepest/training/", "steepest/optim/", "steepest/rules/sgd.py"])
def test_a_study_does_not_go_on_with_a_changed_part_of_steepest(part, copy, no_work):
    changed = json.loads(Comparison.read(copy).facts["code"]) | {part: "0" * 64}
    change(copy, "update study set value = ? where key = 'code'", json.dumps(changed))
    with pytest.raises(InvalidValue, match=f"copy: {part} has changed since this study began"):
        verbs.resume(copy, add_seeds=1, jobs=1)


@pytest.fixture
def no_work(monkeypatch):
    monkeypatch.setattr(verbs, "_finish", lambda *arguments: pytest.fail("began to work"))


def test_a_plugin_counts_with_its_version_and_all_files_of_its_package(tmp_path, monkeypatch):
    def fingerprint(version="1.0", text=""):
        code._of_plugin.cache_clear()
        (tmp_path / "bent").mkdir(exist_ok=True)
        (tmp_path / "bent" / "__init__.py").touch()
        (tmp_path / "bent" / "rules.py").write_text(
            "from steepest.rules import SGD\nclass Bent(SGD):\n    title = 'Bent'\n    __module__ = 'bent.rules'\n"
        )
        (tmp_path / "bent" / "deep.py").write_text(text)
        info = tmp_path / "bent-1.0.dist-info"
        info.mkdir(exist_ok=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: bent\nVersion: {version}\n")
        (info / "entry_points.txt").write_text("[steepest.rules]\nbent = bent.rules:Bent\n")
        (dist,) = distributions(path=[str(tmp_path)])
        (entry,) = dist.entry_points
        monkeypatch.setitem(rules.RULES.plugins, "bent", entry)
        return code.code_fingerprint(make_plan(find("digits"), ["bent(lr=0.1)"]))["bent"]

    monkeypatch.syspath_prepend(tmp_path)
    first = fingerprint()
    assert first.startswith("1.0 ")
    assert fingerprint() == first
    assert fingerprint("1.1") == f"1.1 {first.split()[1]}"
    assert fingerprint(text="x = 1") != first


# --- versions ---------------------------------------------------------------------------------------------------------


def test_runs_of_several_versions_are_told_in_terminal_and_report(copy, command):
    assert Comparison.read(copy).versions == {}
    change(
        copy,
        "insert into sessions (id, place, process, started, seen, versions)"
        " select 99, place, process, started, seen, json_set(versions, '$.torch', '1.0') from sessions limit 1",
    )
    change(copy, "update runs set session = 99 where id = 2")
    torchs = [torch.__version__, "1.0"]
    assert Comparison.read(copy).versions == {"torch": torchs}
    code, printed, _ = command(f"report {copy}")
    assert code == 0
    assert f"The runs were made with different versions: torch {torchs[0]} and 1.0." in printed
    page = (copy / "report.html").read_text(encoding="utf-8")
    assert f"各次运行所用的版本不同：torch {torchs[0]}、1.0。" in page
    assert "different versions" in steepest.write_report(copy, formats=["md"])[1].read_text()


# --- runs that cannot be repeated -------------------------------------------------------------------------------------

GENERATOR = np.random.default_rng(0)
LOOSE = {
    "": lambda value: value,
    "numpy": lambda value: value * np.random.uniform(0.5, 1.5),  # the global one, which is seeded
    "python": lambda value: value * random.uniform(0.5, 1.5),
    "generator": lambda value: value * GENERATOR.uniform(0.5, 1.5),
}


@pytest.mark.parametrize("draw", LOOSE)
@pytest.mark.parametrize("part", ["data", "model", "metric", "loss"])
def test_a_part_that_differs_the_second_time_is_found(part, draw):
    plain, loose = find("quadratic"), LOOSE[draw]

    def drawing(*arguments):
        made = getattr(plain, part)(*arguments)
        if part == "data":
            return loose(made[0]), *made[1:]
        if part == "model":
            with torch.no_grad():
                next(made.parameters()).copy_(loose(next(made.parameters())))
            return made
        return loose(made) if part == "metric" or torch.is_grad_enabled() else made

    found = first_difference(replace(plain, **{part: drawing}), SGD(lr=0.1), 3, steps=10)
    expected = {"metric": "measure", "loss": "training"}.get(part, part) if draw == "generator" else ""
    assert found == expected


@pytest.mark.parametrize("name", sorted({*WORKLOADS} - {"airfoil", *APPLICATIONS}))
def test_our_own_workloads_can_be_repeated(name):
    assert first_difference(find(name), SGD(lr=0.1), 3, steps=10) == ""


NOISY = """
import numpy
generator = numpy.random.default_rng()

def loss(output, targets):
    noise = generator.uniform(0.9, 1.1) if torch.is_grad_enabled() else 1.0
    return torch.nn.functional.mse_loss(output, targets) * noise
"""


def test_a_workload_that_cannot_be_repeated_is_told_in_terminal_and_report(write_workload, command, tmp_path):
    file = write_workload(NOISY)
    ask = f"compare {file} --optimizers 'sgd(lr=0.1),adam(lr=0.1)' --seeds 2 --jobs 1 --out study"
    code, printed, _ = command(ask)
    assert code == 0
    assert "small is not reproducible: the first steps of one seed differ each time, although" in printed
    page = (tmp_path / "study" / "report.html").read_text(encoding="utf-8")
    assert "small 不可复现：同一种子的前几步每次都不同" in page
    repeats = json.loads(Comparison.read(tmp_path / "study").facts["repeats"])
    assert repeats == {file: {"SGD lr=0.1": "training", "Adam lr=0.1": "training"}}


def test_what_can_be_repeated_is_not_mentioned_and_one_optimizer_is_named(copy, comparison):
    repeats = json.loads(comparison.facts["repeats"])
    assert repeats == {"digits": {"SGD": "", "Adam": "", "Momentum lr=0.1": ""}}
    assert provenance_sentences(comparison) == []
    for part, text in DIFFERS.items():
        repeats["digits"]["Adam"] = part
        change(copy, "update study set value = ? where key = 'repeats'", json.dumps(repeats))
        (sentence,) = provenance_sentences(Comparison.read(copy))
        assert sentence.en.startswith(f"digits is not reproducible with Adam: {text.en}, although")
        assert sentence.zh.startswith(f"digits 不可复现（Adam）：{text.zh}")


def test_a_report_is_written_where_each_optimizer_lacks_another_trial(copy):
    """Set aside, as those of a workload whose data differ between processes."""
    for contestant in (0, 1):
        change(copy, "update runs set fingerprint = ? where phase = 'search' and contestant = ? and trial = ?",
               f"{contestant}", contestant, contestant)  # fmt: skip
    assert steepest.write_report(copy)
    assert len(Comparison.read(copy).set_aside) == 1
