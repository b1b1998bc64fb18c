"""`steepest diagnose`: a script as it is, and a workload, with the doctor beside them."""

import re

import pytest
import torch
from rich.cells import cell_len
from torch import nn

from steepest.base.errors import InvalidValue
from steepest.cli import terminal
from steepest.diagnose import Diagnosis
from steepest.diagnose.everywhere import everywhere

SCRIPT = """
import sys

import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
optimizer = torch.optim.SGD(model.parameters(), float(sys.argv[1]))
inputs = torch.randn(64, 8)
labels = (inputs[:, 0] > 0).long()
for _ in range(20):
    loss = nn.CrossEntropyLoss()(model(inputs), labels)
    loss.backward()
    optimizer.step()
print("rate", sys.argv[1:], __name__)
sys.exit(int(sys.argv[2]))
"""


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "train.py"
    path.write_text(SCRIPT, encoding="utf-8")
    return path


@pytest.mark.quick
def test_a_script_runs_as_it_is_and_its_mistake_is_told(script, command):
    code, printed, complaint = command(f"diagnose {script} -- 0.01 4")
    assert code == 4
    assert "rate ['0.01', '4'] __main__" in printed and "20 steps, 8 of them observed" in printed
    assert "gradients are not zeroed between steps" in printed and "found: gradients are not zeroed" in complaint


def test_advice_is_tried_after_the_script_has_ended(script, command, monkeypatch):
    code, printed, _ = command(f"diagnose {script} --prove -- 0.5 4")
    assert code == 4 and ": with gradients zeroed before each step, from the start the loss" in printed
    code, printed, _ = command(f"diagnose {script} --prove --lang zh -- 0.5 0")
    assert code == 0 and "每步之前清零梯度，从头训练，未参与试验的已记录批次的损失最终为" in printed

    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("steepest.diagnose.doctor.prove", interrupted)
    code, printed, complaint = command(f"diagnose {script} --prove -- 0.01 4")
    assert code == 130 and "interrupted" in complaint and "gradients are not zeroed" in printed


def test_what_a_script_raises_is_printed_after_what_was_found(script, command):
    code, printed, complaint = command(f"diagnose {script} --lang zh -- 0.01 four")
    assert code == 1 and "各步之间没有清零梯度" in printed
    assert "ValueError: invalid literal for int() with base 10: 'four'" in complaint


def test_a_workload_is_trained_by_the_optimizer_that_is_named(write_workload, command):
    code, printed, _ = command(f"diagnose {write_workload()} --optimizer 'sgd(lr=0.1)'")
    assert code == 0 and "12 steps" in printed and "nothing was found" in printed


def test_a_page_is_written_whatever_the_script_ends_with(script, command, tmp_path):
    page = tmp_path / "run.html"
    code, printed, _ = command(f"diagnose {script} --report {page} -- 0.01 four")
    assert code == 1 and f"report: {page}" in printed
    assert "<title>steepest diagnose: train.py</title>" in page.read_text(encoding="utf-8")


def test_a_page_that_cannot_be_written_at_the_end_is_one_line_after_what_was_found(script, command, monkeypatch):
    def refuse(self, file, lang):
        raise InvalidValue(f"{file}: cannot be written (No space left on device); choose another place")

    monkeypatch.setattr("steepest.diagnose.Doctor.report", refuse)
    code, printed, complaint = command(f"diagnose {script} --report run.html -- 0.01 0")
    assert code == 2 and "gradients are not zeroed between steps" in printed
    assert complaint.splitlines()[-1].startswith("steepest: run.html: cannot be written (No space left on device)")


@pytest.mark.parametrize("width", [40, 60, 80])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_in_a_terminal_a_finding_is_a_paragraph_of_its_width(lang, width, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("FORCE_COLOR", "1")
    text = Diagnosis("zero_grad", {"step": 1}).text(lang)
    terminal.paragraph(text, "found: ")
    lines = re.sub(r"\x1b\[\d*m", "", capsys.readouterr().out).split("\n")
    assert lines[-2:] == ["", ""] and all(cell_len(line) <= width for line in lines) and len(lines) > 4 - width // 50
    assert "".join(lines).replace(" ", "") == f"found: {text}".replace(" ", "")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("diagnose missing.py", "missing.py: no such file"),
        ("diagnose digits --budget 2", "budget: must be a share of the time, above 0 and at most 1, got 2.0"),
        ("diagnose digits extra", "digits: a workload takes no arguments, got extra"),
        ("diagnose digitz", "unknown workload 'digitz'"),
        ("diagnose digits --report run.txt", "run.txt: a page is an .html file"),
        (
            "diagnose digits --report missing/run.html",
            "missing/run.html: cannot be written (No such file or directory)",
        ),
    ],
)
def test_bad_input_is_one_line(arguments, told, command):
    code, _, complaint = command(arguments)
    assert code == 2 and told in complaint and "Traceback" not in complaint


def test_nothing_of_torch_remains_changed():
    before = torch.optim.Optimizer.__init__, nn.Module.__call__, torch.Tensor.backward
    with pytest.raises(ZeroDivisionError), everywhere():
        raise ZeroDivisionError
    assert (torch.optim.Optimizer.__init__, nn.Module.__call__, torch.Tensor.backward) == before


def test_an_optimizer_of_another_model_is_found_stale():
    torch.manual_seed(0)
    with everywhere() as seen:
        model = nn.Linear(4, 2)
        optimizer = torch.optim.Adam(model.parameters(), 1e-3)
        model = nn.Linear(4, 2)
        for _ in range(6):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(torch.randn(8, 4)), torch.randint(2, (8,))).backward()
            optimizer.step()
    assert [finding.code for finding in seen.doctor.findings] == ["foreign_params"]
