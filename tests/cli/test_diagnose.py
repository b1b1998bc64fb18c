"""`steepest diagnose`: a script as it is, and a workload, with the doctor beside them."""

import re
import subprocess
import sys

import pytest
import torch
from rich.cells import cell_len
from torch import nn

from steepest.base.errors import InvalidValue
from steepest.cli import terminal
from steepest.cli.diagnose import _is_workload
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
    assert re.search(r"\nsteepest: /.*run\.html: cannot be written \(No space left on device\).*\n$", complaint)


@pytest.mark.parametrize("width", [40, 60, 80])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_in_a_terminal_a_finding_is_a_paragraph_of_its_width(lang, width, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("FORCE_COLOR", "1")
    text = Diagnosis("zero_grad", {"step": 1}).text(lang)
    terminal.paragraph(text, "found")
    lines = re.sub(r"\x1b\[\d*m", "", capsys.readouterr().out).split("\n")
    assert lines[-2:] == ["", ""] and all(cell_len(line) <= width for line in lines) and len(lines) > 4 - width // 50
    assert "".join(lines).replace(" ", "") == f"found: {text}".replace(" ", "")


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_percentage_stands_on_one_line(lang, monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    text = Diagnosis("clip", {"kind": "norm", "ratio": 25.0, "share": 0.925, "norm": 3.0}).text(lang)
    for width in range(30, 60):
        monkeypatch.setenv("COLUMNS", str(width))
        terminal.paragraph(text)
        lines = capsys.readouterr().out.split("\n")
        assert sum("92.5 %" in line for line in lines) == 1 and all(cell_len(line) <= width for line in lines)
        assert all(line == line.rstrip() for line in lines)


def test_a_finding_does_not_stand_behind_a_progress_bar(in_folder, command):
    bar = "    import sys; print('\\r|####  |', end='', file=sys.stderr)\n    optimizer.step()"
    in_folder(train=SIX_STEPS.replace("    optimizer.zero_grad()\n", "").replace("    optimizer.step()", bar))
    code, _, complaint = command("diagnose train.py --lang zh")
    assert code == 0 and "|####  |\n发现：各步之间没有清零梯度" in complaint


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("diagnose missing.py", "missing.py: no such file"),
        ("diagnose missing.py --epochs 3", "the script's own arguments come behind --, see"),
        ("diagnose digits --budget 2", "budget: must be a share of the time, above 0 and at most 1, got 2.0"),
        ("diagnose digits extra", "digits: a workload takes no arguments, got extra"),
        ("diagnose -m no_such.module", "no_such.module: no such module; name it as for python -m"),
        ("diagnose digitz", "unknown workload 'digitz'"),
        ("diagnose digits --report run.txt", "run.txt: a page is an .html file"),
        (
            "diagnose digits --report missing/run.html",
            "missing/run.html: cannot be written (No such file or directory)",
        ),
    ],
)
def test_bad_input_is_one_line(arguments, told, command):
    code, printed, complaint = command(arguments)
    assert code == 2 and told in complaint and "Traceback" not in complaint and not printed


SIX_STEPS = """
import torch
model = torch.nn.Linear(4, 2)
optimizer = torch.optim.SGD(model.parameters(), 0.1)
for _ in range(6):
    optimizer.zero_grad()
    torch.nn.functional.cross_entropy(model(torch.randn(8, 4)), torch.arange(8) % 2).backward()
    optimizer.step()
"""


@pytest.fixture
def in_folder(tmp_path, monkeypatch):
    """A function that writes files of a folder, which is the working directory."""

    def write(**files):
        for name, content in files.items():
            path = tmp_path / f"{name.replace('__', '/')}.py"
            path.parent.mkdir(exist_ok=True)
            path.write_text(content, encoding="utf-8")

    monkeypatch.chdir(tmp_path)
    return write


def test_a_script_may_go_to_another_folder(in_folder, command, tmp_path):
    (tmp_path / "other").mkdir()
    in_folder(
        beside_it="WORD = 'found it'",
        train=f"import os\n{SIX_STEPS}\nos.chdir('other')\nimport beside_it\nprint(beside_it.WORD, __file__)",
    )
    code, printed, _ = command("diagnose train.py --report run.html")
    assert code == 0 and f"found it {tmp_path / 'train.py'}" in printed
    assert (tmp_path / "run.html").exists() and not list((tmp_path / "other").iterdir())


def test_a_module_of_a_package_is_run_by_its_name(in_folder, command):
    in_folder(
        kit__parts="WORD = 'relative'",
        kit__train=f"from .parts import WORD\n{SIX_STEPS}\nimport sys\nprint(WORD, sys.argv[1:], __name__)",
    )
    code, printed, _ = command("diagnose -m kit.train -- --epochs 3")
    assert code == 0 and "relative ['--epochs', '3'] __main__" in printed and "6 steps" in printed


@pytest.mark.parametrize("option", ["train.py", "-m train"])
def test_a_trace_begins_in_the_script(option, in_folder, command):
    in_folder(train="def inner():\n    return 1 / 0\n\ninner()")
    code, _, complaint = command(f"diagnose {option}")
    assert code == 1 and complaint.splitlines()[0] == "Traceback (most recent call last):"
    assert "train.py" in complaint.splitlines()[1] and "cli/diagnose.py" not in complaint and "runpy" not in complaint


def test_what_else_a_script_trains_is_counted(in_folder, command):
    in_folder(train=SIX_STEPS * 3)
    code, printed, _ = command("diagnose train.py")
    assert code == 0 and printed.startswith("6 steps") and "made 12 steps that are not looked at" in printed


FORKS = """
import os, sys
child = os.fork()
if not child:
    sys.exit(3)
print("child:", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.parametrize(
    ("after", "printed"),
    [
        (FORKS, "child: 3\n6 steps, 5 of them observed\n"),
        ("import sys; sys.stdout = open('log.txt', 'w')", "6 steps, 5 of them observed\n"),
        ("import sys; sys.stderr.close()", "6 steps, 5 of them observed\n"),
        ("import sys; sys.stdout.close(); raise SystemExit('ended')", ""),
    ],
    ids=["fork", "replaced", "errors closed", "output closed"],
)
def test_what_a_script_makes_of_its_process_ends_with_it(after, printed, in_folder, tmp_path):
    in_folder(train=f"{SIX_STEPS}\n{after}")
    run = subprocess.run(
        [sys.executable, "-m", "steepest", "diagnose", "train.py", "--lang", "en"], capture_output=True, text=True
    )
    assert run.stdout.startswith(printed) and run.stdout.count("6 steps") == bool(printed)
    assert "Traceback" not in run.stderr and "internal error" not in run.stderr
    if not printed:
        assert run.returncode == 1 and run.stderr.startswith("ended\n6 steps, 5 of them observed\n")


@pytest.mark.parametrize(
    ("text", "workload"),
    [
        ("target = torch.randn(64, 1)\nmodel = torch.nn.Linear(1, 1)", False),
        ("inputs, target = data[0]\nfor _ in range(9): train()", False),
        ("data = table.values\ntarget = table.price.values", False),
        ("class Mine(ProblemBase): pass", False),
        ("target = 0.9\ndef model(): pass", True),
        ("target, steps = 0.9, 30\nmodel = Network", True),
        ("target = 0.9\nmodel = functools.partial(Network, 3)", True),
        ("target = 0.9\nbatches = lambda: loader", True),
        ("class Mine(workloads.Problem): pass", True),
    ],
)
def test_a_script_with_a_tensor_named_target_is_no_workload(text, workload, in_folder):
    in_folder(train=text)
    assert _is_workload("train.py") is workload


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
