"""Workloads: what each promises, the facts of the real data, and all that can be wrong in a user's own file."""

import random
import re
import tokenize
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from steepest import datasets
from steepest.base.errors import InvalidValue, UnknownName
from steepest.base.status import Status
from steepest.rules import SGD, Adam
from steepest.testing import workload_checks
from steepest.training import train
from steepest.workloads import APPLICATIONS, SETS, WORKLOADS, find, summary
from steepest.workloads.supervised import LINES_TO_ADD

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "my_workload.py"
NEEDS_DATA = {"airfoil"}
SMALL = [name for name in WORKLOADS if name not in APPLICATIONS]


@pytest.fixture(params=[*SMALL, str(EXAMPLE)], ids=[*SMALL, "example"])
def workload(request):
    if request.param in NEEDS_DATA:
        request.getfixturevalue(request.param)
    return find(request.param)


# --- every workload ---------------------------------------------------------------------------------------------------


def test_data_are_four_tensors_the_same_each_time(workload):
    first, second = workload.data(), workload.data()
    inputs, targets, held_out_inputs, held_out_targets = first
    assert len(inputs) == len(targets) == workload.examples() > len(held_out_targets) * 0.5
    assert len(held_out_inputs) == len(held_out_targets) > 0
    assert all(torch.equal(*pair) for pair in zip(first, second, strict=True))
    assert all(part.isfinite().all() for part in first)


def test_weights_follow_from_the_seed(workload):
    def weights(seed):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return torch.cat([param.flatten() for param in workload.model().parameters()])

    assert torch.equal(weights(1), weights(1))
    assert not torch.equal(weights(1), weights(2))


def test_it_starts_before_its_target_and_learns(workload):
    run = train(workload, Adam(lr=0.01), seed=1, steps=30)
    assert not workload.reached(run.curve[0].metric)
    assert run.curve[-1].loss < 0.95 * run.curve[0].loss


def test_the_target_can_be_reached(workload):
    run = train(workload, Adam(lr=0.03), seed=1)
    assert run.outcome.status == Status.REACHED


def test_it_says_what_it_is_in_both_languages_and_one_line(workload):
    assert 20 < len(workload.about) <= 120
    assert "\n" not in workload.about + workload.about_zh
    if workload.name in WORKLOADS:
        assert re.search("[一-鿿]", workload.about_zh)
        assert summary(workload.name) == workload.about


def test_at_the_target_is_reached(workload):
    better = 1e-6 if workload.higher_is_better else -1e-6
    assert workload.reached(workload.target)
    assert workload.reached(workload.target + better)
    assert not workload.reached(workload.target - better)
    assert not workload.reached(float("nan"))


def test_every_workload_keeps_the_contract(workload):
    for check in workload_checks(workload).values():
        check()


# --- digits -----------------------------------------------------------------------------------------------------------


def test_digits_are_all_there_and_split_alike():
    train_images, train_digits, held_out, held_out_digits = find("digits").data()
    assert (train_images.shape, held_out.shape) == ((1437, 64), (360, 64))
    assert (float(train_images.min()), float(train_images.max())) == (0.0, 1.0)
    both = torch.cat([train_images, held_out]).double().numpy() * 16
    images, _ = load_digits(return_X_y=True)
    assert sorted(map(tuple, both)) == sorted(map(tuple, images))
    shares = [torch.bincount(digits) / len(digits) for digits in (train_digits, held_out_digits)]
    assert float((shares[0] - shares[1]).abs().max()) < 0.003  # stratified


# --- airfoil ----------------------------------------------------------------------------------------------------------


def test_airfoil_columns_are_standardized_and_as_many_as_in_the_lecture(airfoil):
    inputs, targets, *held_out = find("airfoil").data()
    table = datasets.load("airfoil")
    expected = ((table - table.mean(axis=0)) / table.std(axis=0))[:1500]
    np.testing.assert_allclose(torch.hstack([inputs, targets]).numpy(), expected, atol=1e-5)
    assert torch.equal(inputs, held_out[0])
    assert torch.equal(targets, held_out[1])


def test_the_limit_of_the_learning_rate_on_airfoil_is_the_lectures(airfoil):
    """Full-batch descent converges below 2/lambda_max of the loss's Hessian: 0.953."""
    workload = find("airfoil")
    inputs, targets, *_ = workload.data()
    names = [name for name, _ in workload.model().named_parameters()]
    model = torch.nn.Linear(5, 1)

    def loss(*params):
        output = torch.func.functional_call(model, dict(zip(names, params, strict=True)), inputs)
        return workload.loss(output, targets)

    blocks = torch.autograd.functional.hessian(loss, (torch.zeros(1, 5), torch.zeros(1)))
    sizes = (5, 1)
    hessian = torch.vstack(
        [torch.hstack([block.reshape(size, -1) for block in row]) for size, row in zip(sizes, blocks, strict=True)]
    )
    assert round(2 / float(torch.linalg.eigvalsh(hessian)[-1]), 3) == 0.953


def test_full_batch_descent_on_airfoil_diverges_at_1_and_not_at_0_9(airfoil):
    workload = find("airfoil")
    ended = {lr: train(workload, SGD(lr=lr), 1, steps=150, batch_size=1500).outcome.status for lr in (0.9, 1.0)}
    assert ended == {0.9: Status.REACHED, 1.0: Status.DIVERGED}


# --- a user's own file ------------------------------------------------------------------------------------------------


def test_the_example_is_as_short_as_promised():
    code = set()
    with tokenize.open(EXAMPLE) as file:
        for token in tokenize.generate_tokens(file.readline):
            prose = token.type in (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE) or token.string.startswith('"""')
            if not prose and token.string.strip():
                code.add(token.start[0])
    assert len(code) <= 16


@pytest.mark.quick
def test_a_file_needs_four_parts_and_the_rest_has_defaults(write_workload):
    file = write_workload("del batch_size, steps")
    found = find(file)
    assert found.name == file
    assert found.about == "A plane through 24 points: something that any optimizer solves in a few steps."
    assert (found.batch_size, found.steps, found.target) == (32, 300, 0.1)
    assert (found.metric, found.metric_name, found.higher_is_better) == (found.loss, "held-out loss", False)


def test_a_metric_is_taken_to_be_better_when_higher(write_workload):
    found = find(write_workload("def metric(output, targets): return -loss(output, targets)"))
    assert (found.metric_name, found.higher_is_better) == ("metric", True)
    named = "metric = loss\nmetric_name = 'error'\nhigher_is_better = False"
    found = find(write_workload(named, "named.py"))
    assert (found.metric_name, found.higher_is_better) == ("error", False)


def test_a_file_without_a_docstring_is_called_by_its_name(write_workload):
    assert find(write_workload("__doc__ = None", "quiet.py")).about == "quiet"


@pytest.mark.parametrize("part", LINES_TO_ADD)
def test_a_missing_part_is_named_with_a_line_to_add(part, write_workload):
    file = write_workload(f"del {part}")
    with pytest.raises(InvalidValue) as error:
        find(file)
    message, _, line = str(error.value).partition("add for example:  ")
    assert message.startswith(f"{file}: has no `{part}`")
    assert line == LINES_TO_ADD[part]
    compile(line, "line", "exec")


WRONG = {
    "data = 3": "`data` must be a function; write for example:  def data()",
    "loss = 'mse'": "`loss` must be a function; write for example:  def loss(output, targets)",
    "metric = 3": "`metric` must be a function; write for example:  def metric(output, targets)",
    "target = '0.9'": "`target` must be a finite number, got '0.9'",
    "target = True": "`target` must be a finite number, got True",
    "target = float('nan')": "`target` must be a finite number, got nan",
    "batch_size = 0": "`batch_size` must be a whole number from 1, got 0",
    "batch_size = None": "`batch_size` must be a whole number from 1, got None",
    "batch_size = float('inf')": "`batch_size` must be a whole number from 1, got inf",
    "steps = -5": "`steps` must be a whole number from 1, got -5",
    "steps = 2.5": "`steps` must be a whole number from 1, got 2.5",
    "def data(): return torch.ones(2, 2)": "`data` must return four non-empty tensors",
    "def data(): return [[1.0]] * 4": "`data` must return four non-empty tensors",
    "def data(): return [torch.ones(0, 2)] * 4": "`data` must return four non-empty tensors",
    "def data(): return torch.ones(3, 2), torch.ones(2, 1), torch.ones(1, 2), torch.ones(1, 1)": "`data` inputs and "
    "targets must have the same number of rows",
    "def data(): return 1 / 0": "`data` raised {place}: ZeroDivisionError: division by zero",
    "def model(): return torch.nn.Linear(5, 1)": "`model` raised RuntimeError: mat1 and mat2",
    "def model(): return None": "`model` must return a torch.nn.Module, got None; write for example:  def model()",
    "def loss(output, targets): return output": "`loss` must return a scalar tensor that depends on the model",
    "def loss(output, targets): return (targets ** 2).mean()": "`loss` must return a scalar tensor",
    "def loss(output, targets): return 1.0": "`loss` must return a scalar tensor",
    "def loss(output): return output.mean()": "`loss` raised TypeError",
    "def metric(output, targets): return output": "`metric` raised ValueError: only one element",
    "def metric(output, targets): return '0.5'": "`metric` must return a number, got '0.5'; write for",
    "def data(): return None": "`data` must return four non-empty tensors",
    "model = torch.nn.Linear(2, 1)": "`model` must be a function; write for example:  def model()",
    "def metric(output, targets): return targets.foo": "`metric` raised {place}: AttributeError",
    "only = torch.nn.Linear(64, 10)\ndef model(): return only": "`model` gives the same weights each time",
    "higher_is_better = 'no'": "`higher_is_better` must be True or False, got 'no'",
    "raise RuntimeError('no\\ndata')": "{place}: RuntimeError: no data",
    "import steepest_of_all": "{place}: ModuleNotFoundError: No module named 'steepest_of_all'",
    "def model(:": "{place}: SyntaxError: invalid syntax",
    "import sys; sys.exit(3)": "{place}: SystemExit: 3",
    "import sys\ndef data(): sys.exit('no data')": "`data` raised {place}: SystemExit: no data",
    "import sys\ndef loss(output, targets): sys.exit()": "`loss` raised {place}: SystemExit",
    "import os; os._exit(3)": "{place}: os._exit(3)",
    "import os\ndef model(): os._exit(3)": "`model` raised {place}: os._exit(3)",
}


@pytest.mark.quick
@pytest.mark.parametrize("line", WRONG)
def test_a_mistake_is_said_in_one_line_with_its_place(line, write_workload):
    file = write_workload(line)
    with pytest.raises(InvalidValue) as error:
        find(file)
    assert str(error.value).startswith(f"{file}: ")
    place = f"line {len(Path(file).read_text().splitlines())}"
    assert WRONG[line].format(place=place) in str(error.value)
    assert "\n" not in str(error.value)


def test_data_may_be_arrays_of_numpy(write_workload):
    tensors = find(write_workload())
    arrays = find(
        write_workload("tensors = data\ndef data(): return [part.numpy() for part in tensors()]", "arrays.py")
    )
    runs = [train(problem, Adam(lr=0.1), seed=1, steps=3) for problem in (tensors, arrays)]
    assert runs[0].fingerprint == runs[1].fingerprint
    assert runs[0].curve[-1].loss == runs[1].curve[-1].loss


def test_what_a_file_draws_while_it_is_imported_is_the_same_in_every_process(write_workload):
    drawn = "import random\nimport numpy\nabout_zh = f'{random.random()} {numpy.random.rand()} {torch.rand(())}'"
    first = find(write_workload(drawn, "first.py"), try_out=False).about_zh
    torch.rand(3)
    random.random()
    assert find(write_workload(drawn, "second.py"), try_out=False).about_zh == first


def test_trying_out_a_file_touches_no_global_generator(write_workload):
    before = torch.get_rng_state()
    find(write_workload("def data(): return torch.rand(9, 2), torch.rand(9, 1), torch.rand(3, 2), torch.rand(3, 1)"))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("digts", "unknown workload 'digts'; did you mean 'digits'?"),
        ("mnist", f"unknown workload 'mnist'; known: {', '.join(sorted([*WORKLOADS, *SETS]))}"),
        ("nothing_here.py", "nothing_here.py: no such file"),
        ("no/such/folder", "folder: no such file"),
    ],
)
def test_an_unknown_workload_is_named_with_what_there_is(name, message):
    with pytest.raises(InvalidValue, match=re.escape(message)) as error:
        find(name)
    assert isinstance(error.value, UnknownName) == message.startswith("unknown")
