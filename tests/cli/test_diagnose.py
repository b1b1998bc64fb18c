"""`steepest diagnose`: a script as it is, and a workload, with the doctor beside them."""

import pytest
import torch
from torch import nn

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


def test_what_a_script_raises_is_printed_after_what_was_found(script, command):
    code, printed, complaint = command(f"diagnose {script} --lang zh -- 0.01 four")
    assert code == 1 and "各步之间没有清零梯度" in printed
    assert "ValueError: invalid literal for int() with base 10: 'four'" in complaint


def test_a_workload_is_trained_by_the_optimizer_that_is_named(write_workload, command):
    code, printed, _ = command(f"diagnose {write_workload()} --optimizer 'sgd(lr=0.1)'")
    assert code == 0 and "12 steps" in printed and "nothing was found" in printed


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("diagnose missing.py", "missing.py: no such file"),
        ("diagnose digits --budget 2", "budget: must be a share of the time, above 0 and at most 1, got 2.0"),
        ("diagnose digits extra", "digits: a workload takes no arguments, got extra"),
        ("diagnose digitz", "unknown workload 'digitz'"),
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
