"""The rules in CONTRIBUTING.md and in README, written into a file as they stand there, and used."""

import re
from pathlib import Path

import pytest

from steepest.base.modules import load
from steepest.figures.looks import PALETTE, colors_and_marks
from steepest.rules import BUILT_IN
from steepest.testing import rule_checks

ROOT = Path(__file__).parent.parent.parent
GUIDE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


@pytest.fixture
def rule_file(tmp_path) -> Path:
    (text,) = re.findall(r"^## Add a rule: .*?```python\n(.*?)```", GUIDE, re.DOTALL | re.MULTILINE)
    file = tmp_path / "mine.py"
    file.write_text(text, encoding="utf-8")
    return file


def test_it_is_traced_and_competes(rule_file, write_workload, command):
    code, printed, complaint = command("trace mine.py sgd --on bowl --lr 0.1 --steps 40")
    assert (code, complaint) == (0, "")
    assert "Sign momentum lr=0.1" in printed
    workload = write_workload()
    code, printed, _ = command(f"compare {workload} --optimizers mine.py,sgd --trials 2 --seeds 1 --jobs 1 --out study")
    assert code == 0
    assert "Sign momentum" in printed


def test_it_keeps_the_contract(rule_file):
    for check in rule_checks(load(rule_file).module.SignMomentum).values():
        check()


@pytest.mark.parametrize("document", ["README.md", "docs/zh/write.md"])
def test_the_rule_of_readme_is_the_example(document):
    text = (ROOT / document).read_text(encoding="utf-8")
    example = (ROOT / "examples/mine.py").read_text(encoding="utf-8").partition("\n\n")[2]
    assert f"```python\n{example}```" in text


def test_the_example_is_shown_and_keeps_the_contract(command):
    code, printed, _ = command(f"show {ROOT}/examples/mine.py --lang en")
    assert code == 0 and "xₜ = xₜ₋₁ - η sign(mₜ)" in printed
    for check in rule_checks(load(ROOT / "examples/mine.py").module.SignMomentum).values():
        check()


def test_the_look_of_a_rule_does_not_depend_on_the_others():
    """The colours of the first 21 rules, as they were when they followed from the place in the list."""
    assert [rule.look[0] for rule in BUILT_IN if rule.look][: len(PALETTE)] == list(PALETTE)
    assert colors_and_marks("muon").colour == "#785a87"
    assert colors_and_marks("SignMomentum", look=("#112233", "s", "dotted")).colour == "#112233"
