"""What a workload's file sets that nothing would read is told before anything is stored."""

import math
from types import SimpleNamespace

import pandas as pd
import pytest

import steepest
from steepest import verbs
from steepest.base.errors import InvalidValue

pytestmark = pytest.mark.usefixtures("without_report")

FILE = """
import torch

def data(): return torch.ones(8, 2), torch.ones(8, 1), torch.ones(4, 2), torch.ones(4, 1)
def model(): return torch.nn.Linear(2, 1)
def loss(output, targets): return torch.nn.functional.mse_loss(output, targets)

target = 1e-9
"""


def compare(workload, optimizers=("sgd(lr=0.1)",), steps=2, **more):
    return steepest.compare(workload, optimizers, steps=steps, seeds=1, trials=1, jobs=1, **more)


@pytest.fixture
def nothing_stored(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    yield
    assert not list(tmp_path.glob("**/study.sqlite"))


GROUPS = "def groups(model): return [dict(params=[param]) for param in model.parameters()]"


@pytest.mark.parametrize("optimizer", ["torch.optim:LBFGS", "torch.optim:Muon"])
def test_an_optimizer_of_one_group_names_the_file_that_makes_several(optimizer, write_file, nothing_stored):
    file = write_file("grouped.py", FILE + GROUPS)
    with pytest.raises(InvalidValue) as error:
        compare(file, optimizers=[optimizer], steps=40)
    assert str(error.value).endswith(
        f"; it trains without the `groups` of {file}: leave them out there, or leave out this optimizer"
    )
    assert "；去掉 " in error.value.text("zh")
    with pytest.raises(InvalidValue) as error:  # which fails without groups, too
        compare(file, optimizers=["torch.optim:SparseAdam"])
    assert "without the `groups`" not in str(error.value)


@pytest.mark.parametrize("setting", ["weight_decy", "learnig_rate"])
def test_a_misspelt_setting_of_a_group_is_told(setting, write_file, nothing_stored):
    file = write_file(
        "grouped.py", FILE + f"def groups(model): return [dict(params=[*model.parameters()], {setting}=0)]"
    )
    with pytest.raises(InvalidValue, match=f"grouped.py: `groups` sets '{setting}', which no optimizer has; "):
        compare(file)


def test_a_setting_that_some_optimizer_has_may_stand_in_a_group(write_file):
    file = write_file(
        "grouped.py", FILE + "def groups(model): return [dict(params=[*model.parameters()], betas=(0, 0))]"
    )
    compare(file, optimizers=["sgd(lr=0.1)"])


@pytest.mark.parametrize(("line", "meant"), [("acumulate = 4", "accumulate"), ("batchsize = 4", "batch_size")])
def test_a_line_that_is_nearly_one_that_is_missing_is_told(line, meant, write_file, nothing_stored):
    with pytest.raises(InvalidValue, match=f"is read by nothing; did you mean `{meant}`"):
        compare(write_file("misspelt.py", FILE + line))


def test_a_line_that_is_nearly_one_that_is_there_is_the_files_own(write_file):
    compare(write_file("both.py", FILE + "step = 4\nsteps = 2"))


def test_ranges_that_are_no_dict_are_told(write_file, nothing_stored):
    with pytest.raises(InvalidValue, match=r"ranges: must be a dict such as .*, got 3"):
        compare(write_file("plain.py", FILE), ranges=3)


def test_a_listed_setting_that_is_no_number_is_told(write_file, nothing_stored):
    with pytest.raises(InvalidValue, match="settings: adam: point 2: lr must be a number, got True"):
        compare(write_file("plain.py", FILE), optimizers=["adam"], settings={"adam": [{"lr": 0.1}, {"lr": True}]})


@pytest.mark.parametrize(("first", "steps", "told"), [
    (["a"], [9.0, 9.0], True), (["a", "b"], [9.0, 9.0], False),
    ([], [9.0, math.inf], False), ([], [math.inf, math.inf], True),
])  # fmt: skip
def test_seeds_are_added_until_one_is_first_while_any_run_reaches_the_target(first, steps, told):
    runs = pd.DataFrame({"phase": "report", "steps_to_target": steps})
    assert verbs._is_told(SimpleNamespace(runs=runs, verdict=SimpleNamespace(first=first))) == told


CLOSURES = """
import torch

class Raises(torch.optim.Optimizer):
    def __init__(self, params, lr=0.1):
        super().__init__(params, dict(lr=lr))

    def step(self, closure):
        raise RuntimeError("no good")

class Often(Raises):
    def step(self, closure):
        for _ in range(30):
            loss = closure()
        return loss
"""


@pytest.mark.parametrize(
    ("name", "words"),
    [("Raises", "RuntimeError: no good"), ("Often", "first update evaluates the gradient 30 times, and a run has 2")],
)
def test_a_class_that_could_not_make_an_update_is_told(name, words, write_file, nothing_stored):
    file = write_file("closures.py", CLOSURES)
    with pytest.raises(InvalidValue, match=words) as error:
        compare(write_file("plain.py", FILE), optimizers=[f"{file}:{name}"])
    assert "\n" not in str(error.value)
    assert "closure:" not in str(error.value)


def test_a_run_has_steps_for_an_update(write_file, nothing_stored):
    with pytest.raises(InvalidValue, match="SAM SGD: an update evaluates the gradient 2 times, and a run has 1 step"):
        compare(write_file("plain.py", FILE), optimizers=["sam(sgd)"], steps=1)


OWN_LOOP = """
import torch
from steepest.workloads import Problem, Session

class Loop(Session):
    def __init__(self):
        self.model = torch.nn.Linear(2, 1)

    def advance(self, optimizer, steps):
        losses = []
        for _ in range(steps):
            optimizer.zero_grad()
            loss = self.model(torch.ones(1, 2)).square().sum()
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
        return losses

    def measure(self):
        return {"loss": self.model(torch.ones(1, 2)).square().sum().detach()}

class Own(Problem):
    target, steps = 0.1, 10

    def begin(self, seed, device):
        return Loop()
"""


@pytest.mark.parametrize("optimizer", ["lbfgs", "sam(sgd)", "torch.optim:LBFGS"])
def test_a_loop_that_gives_no_closure_is_told_how_to(optimizer, write_file, nothing_stored):
    with pytest.raises(InvalidValue, match=r": own.py, line 15: .*; its step needs a closure: make steps") as error:
        compare(write_file("own.py", OWN_LOOP), optimizers=[optimizer], steps=10)
    assert "；它的 step 需要闭包：请用 " in error.value.text("zh")
