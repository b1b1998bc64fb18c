"""Workloads of batches: steps equal to loops written by hand, batches of any kind, and what can be wrong."""

import re
from collections import namedtuple
from dataclasses import replace
from itertools import count, islice
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from steepest.base.errors import InvalidValue
from steepest.rules import Adam
from steepest.training import train
from steepest.workloads import find
from steepest.workloads.batches import LINES_TO_ADD, FromBatches, kind_of
from steepest.workloads.devices import to_device
from steepest.workloads.recipe import Recipe
from steepest.workloads.seeding import seeded
from steepest.workloads.supervised import Supervised

mse = nn.functional.mse_loss

BATCHES = [(torch.randn(8, 3, generator=generator), torch.randn(8, 1, generator=generator))
           for generator in [torch.Generator().manual_seed(0)] for _ in range(5)]  # fmt: skip


def network() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 1))


def no_decay(model: nn.Module) -> list[dict]:
    matrices, others = ([p for p in model.parameters() if (p.ndim > 1) is wanted] for wanted in (True, False))
    return [{"params": matrices}, {"params": others, "weight_decay": 0.0}]


def problem_of(**recipe) -> FromBatches:
    return FromBatches(
        name="small", about="", about_zh="", model=network, batches=lambda: iter(BATCHES),
        loss=lambda model, batch: mse(model(batch[0]), batch[1]),
        evaluate=lambda model: {"loss": mse(model(BATCHES[0][0]), BATCHES[0][1])}, target=0.0, **recipe,
    )  # fmt: skip


# --- against loops written by hand ------------------------------------------------------------------------------------


def by_hand(steps, groups=None, accumulate=1, clip_norm=None, autocast=None, ema=None, compile=False):
    """A loop in plain torch with all that a file may ask for: losses, model, and the model to evaluate."""
    torch.manual_seed(5)
    model = network()
    if compile:
        model.compile(backend=compile)
    optimizer = torch.optim.SGD(
        groups(model) if groups else model.parameters(), lr=0.05, momentum=0.9, weight_decay=0.1
    )
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(ema)) if ema else None
    scaler = torch.amp.GradScaler("cpu", enabled=autocast == "float16")
    losses, at = [], 0
    for _ in range(steps):
        optimizer.zero_grad()
        mean = []
        for _ in range(accumulate):
            inputs, targets = BATCHES[at % 5]
            at += 1
            with torch.autocast("cpu", getattr(torch, autocast or "bfloat16"), enabled=autocast is not None):
                loss = mse(model(inputs), targets)
            mean.append(loss.detach())
            scaler.scale(loss / accumulate).backward()
        if clip_norm:
            scaler.unscale_(optimizer)
            nn.utils.clip_grad_norm_(model.parameters(), clip_norm)
        scaler.step(optimizer)
        scaler.update()
        if average:
            average.update_parameters(model)
        losses.append(torch.stack(mean).mean())
    evaluated = average.module if average else model
    for ours, theirs in zip(model.buffers(), evaluated.buffers(), strict=True):
        theirs.copy_(ours)
    with torch.no_grad(), torch.autocast("cpu", getattr(torch, autocast or "bfloat16"), enabled=autocast is not None):
        measured = mse(evaluated.eval()(BATCHES[0][0]), BATCHES[0][1])
    return losses, [tensor.clone() for tensor in model.state_dict().values()], measured


RECIPES = {
    "plain": {},
    "groups": {"groups": no_decay},
    "accumulation": {"accumulate": 3},
    "clipping": {"clip_norm": 0.3},
    "bfloat16": {"autocast": "bfloat16"},
    "float16": {"autocast": "float16"},
    "ema": {"ema": 0.9},
    "compiled": {"compile": "eager"},
    "all": {"groups": no_decay, "accumulate": 2, "clip_norm": 0.3, "autocast": "float16", "ema": 0.9},
}


@pytest.mark.quick
@pytest.mark.parametrize("name", RECIPES)
def test_steps_are_those_of_a_loop_written_by_hand_to_the_last_bit(name):
    with torch.random.fork_rng(devices=[]):
        losses, weights, measured = by_hand(12, **RECIPES[name])
    with seeded(5):
        session = problem_of(**RECIPES[name]).begin(5, "cpu")
        groups = session.model.parameters() if session.groups is None else session.groups
        optimizer = torch.optim.SGD(groups, lr=0.05, momentum=0.9, weight_decay=0.1)
        ours = [*session.advance(optimizer, 7), *session.advance(optimizer, 5)]
        assert session.measure()["loss"] == measured
    assert ours == losses
    assert all(map(torch.equal, session.model.state_dict().values(), weights))


@pytest.mark.parametrize("name", RECIPES)
def test_a_session_goes_on_from_a_checkpoint_in_the_middle_of_an_epoch(name):
    problem = problem_of(**RECIPES[name])
    with seeded(5):
        first, second = problem.begin(5, "cpu"), problem.begin(6, "cpu")
        optimizer = torch.optim.SGD(first.model.parameters(), lr=0.05)
        first.advance(optimizer, 3)
        second.load_state_dict(first.state_dict())
        other = torch.optim.SGD(second.model.parameters(), lr=0.05)
        assert first.advance(optimizer, 4) == second.advance(other, 4)
        assert first.measure() == second.measure()


def test_four_tensors_take_the_same_lines(write_workload):
    lines = "accumulate, clip_norm, ema = 2, 0.5, 0.9\ndef groups(model): return [{'params': list(model.parameters())}]"
    problem = find(write_workload(lines))
    assert isinstance(problem, Supervised)
    plain = problem.replace(accumulate=1, clip_norm=None, ema=None, groups=None)
    with seeded(1):
        session, other = problem.begin(1, "cpu"), plain.begin(1, "cpu")
        other.model.load_state_dict(session.model.state_dict())
        losses = other.advance(torch.optim.SGD(other.model.parameters(), lr=0.0), 2)
        (mean,) = session.advance(torch.optim.SGD(session.groups, lr=0.1), 1)
        assert mean == sum(losses) / 2
        grads = torch.cat([param.grad.flatten() for param in session.model.parameters()])
        assert float(grads.norm()) == pytest.approx(0.5, rel=1e-4)
        other.model.load_state_dict(session.model.state_dict())
        assert session.measure() == other.measure()  # the average begins at the weights after the first step


def test_a_float16_step_that_overflows_is_skipped_and_the_next_ones_are_made():
    huge = [(inputs * 1e5, targets) for inputs, targets in BATCHES]
    problem = replace(
        problem_of(autocast="float16"), batches=lambda: iter(huge[:1] + BATCHES), model=lambda: nn.Linear(3, 1)
    )
    with seeded(1):
        session = problem.begin(1, "cpu")
        before = session.model.weight.clone()
        optimizer = torch.optim.SGD(session.model.parameters(), lr=0.01)
        session.advance(optimizer, 1)
        assert torch.equal(session.model.weight, before)
        session.advance(optimizer, 3)
        assert session.model.weight.isfinite().all() and not torch.equal(session.model.weight, before)


def test_parts_in_eval_mode_stay_there_and_the_model_is_measured_in_eval_mode():
    def model():
        made = network()
        made[1].eval()  # frozen statistics
        return made

    modes = []
    problem = replace(problem_of(), model=model)
    problem = replace(problem, evaluate=lambda model: modes.append(
        (model.training, torch.is_grad_enabled())) or {"loss": 0.0})  # fmt: skip
    with seeded(1):
        session = problem.begin(1, "cpu")
        session.measure()
        session.advance(torch.optim.SGD(session.model.parameters(), lr=0.1), 1)
    assert modes == [(False, False)]
    assert [module.training for module in session.model.modules()] == [True, True, False, True, True]
    assert int(session.model[1].num_batches_tracked) == 0


# --- batches of any kind ----------------------------------------------------------------------------------------------


class Sack:
    """Of a library that has its own kind of batch."""

    def __init__(self, tensor):
        self.tensor = tensor

    def to(self, device):
        return Sack(self.tensor.to(device))


def test_batches_of_any_kind_come_to_the_device():
    pair = namedtuple("pair", "inputs targets")
    frozen = np.arange(3.0)
    frozen.flags.writeable = False
    batch = {"pair": pair(torch.ones(2), [torch.ones(1), "a"]), "array": frozen, "sack": Sack(torch.ones(2)),
             "words": np.array(["a"]), "number": 3, "none": None}  # fmt: skip
    moved = to_device(batch, torch.device("meta"))
    assert type(moved["pair"]).__name__ == "pair"
    tensors = [moved["pair"].inputs, moved["pair"].targets[0], moved["array"], moved["sack"].tensor]
    assert [tensor.device.type for tensor in tensors] == ["meta"] * 4
    assert (moved["pair"].targets[1], moved["words"].tolist(), moved["number"], moved["none"]) == ("a", ["a"], 3, None)
    assert kind_of(batch).startswith("{pair: (float32, [float32, str]), array: float64, sack: Sack, words: ")


def test_epochs_are_asked_for_anew_with_what_they_take():
    asked = []

    def batches(seed, batch_size, model):
        asked.append((seed, batch_size, type(model)))
        yield from BATCHES[:2]

    problem = replace(
        problem_of(), batches=batches, takes=("seed", "batch_size", "model"), batch_size=4, own_batch_size=4
    )
    for seed in (1, 1, 2):
        train(problem, Adam(lr=0.01), seed, steps=5)
    seeds = [seed for seed, *_ in asked]
    assert seeds[:3] == seeds[3:6]
    assert len(set(seeds)) == 6
    assert {other[1:] for other in asked} == {(4, nn.Sequential)}


def test_a_stream_without_end_is_asked_for_once_and_never_read_ahead():
    asked = []

    def batches():
        for number in count():
            asked.append(number)
            yield BATCHES[number % 5]

    train(replace(problem_of(), batches=batches), Adam(lr=0.01), 1, steps=7)
    assert asked == list(range(7))


@pytest.mark.parametrize("kind", [list, tuple, torch.utils.data.TensorDataset])
def test_batches_may_be_an_iterable_itself(kind, write_file):
    made = {list: "[torch.ones(2, 1)] * 3", tuple: "(torch.ones(2, 1),) * 3"}.get(
        kind, "torch.utils.data.DataLoader(torch.ones(6, 1), batch_size=2)"
    )
    file = write_file("small.py", SMALL + f"batches = {made}\n")
    assert len(train(find(file), Adam(lr=0.01), 1, steps=7).curve) == 8


@pytest.mark.filterwarnings("ignore:os.fork:RuntimeWarning")  # of jax, which other tests of this process import
def test_workers_of_a_dataloader_draw_from_the_seed(write_file):
    """Which study's workers may start, too."""
    file = write_file("small.py", SMALL + LOADER)
    problem = find(file, try_out=False)
    first, second = (train(problem, Adam(lr=0.01), 3, steps=4).curve[-1] for _ in range(2))
    assert (first.train_loss, first.loss) == (second.train_loss, second.loss)


def test_fingerprints_are_of_the_first_batch_whatever_the_size():
    def digest(seed=1, **changes):
        return train(problem.replace(**changes), Adam(lr=0.01), seed, steps=1).fingerprint

    def batches(seed, batch_size):
        draw = torch.Generator().manual_seed(seed)
        while True:
            yield torch.rand(batch_size, 3, generator=draw), torch.rand(batch_size, 1)

    problem = replace(problem_of(), batches=batches, takes=("seed", "batch_size"), batch_size=8, own_batch_size=8)
    assert digest() == digest(batch_size=4) != digest(seed=2)
    other = lambda seed, batch_size: ((a + 1, b) for a, b in batches(seed, batch_size))  # noqa: E731
    assert digest(batches=other) != digest()


def test_a_metric_that_is_better_when_lower_stands_for_the_loss():
    problem = replace(problem_of(), metric_name="error", evaluate=lambda model: {"error": 0.5})
    point = train(problem, Adam(lr=0.01), 1, steps=1).curve[-1]
    assert (point.loss, point.metric) == (0.5, 0.5)


def test_data_from_the_model_go_on_from_the_ends_of_epochs_only():
    def batches(model):
        yield from [(inputs + model[0].weight.detach().sum(), targets) for inputs, targets in BATCHES[:3]]

    problem = replace(problem_of(), batches=batches, takes=("model",))
    with seeded(5):
        first, second = problem.begin(5, "cpu"), problem.begin(6, "cpu")
        optimizer = torch.optim.SGD(first.model.parameters(), lr=0.05)
        first.advance(optimizer, 2)
        with pytest.raises(InvalidValue, match="in the middle of an epoch"):
            first.state_dict()
        first.advance(optimizer, 4)
        second.load_state_dict(first.state_dict())
        other = torch.optim.SGD(second.model.parameters(), lr=0.05)
        assert first.advance(optimizer, 4) == second.advance(other, 4)


# --- what can be wrong ------------------------------------------------------------------------------------------------

SMALL = '''
"""A line through points."""
import torch
target = 0.1
def model(): return torch.nn.Linear(1, 1)
def batches():
    for _ in range(4): yield torch.rand(8, 1)
def loss(model, batch): return (model(batch) - 2 * batch).square().mean()
def evaluate(model): return {"loss": (model.weight - 2).square().sum()}
'''.lstrip()

LOADER = """
class Noise(torch.utils.data.Dataset):
    def __len__(self): return 8
    def __getitem__(self, index): return torch.randn(1)
def batches(): return torch.utils.data.DataLoader(Noise(), batch_size=4, num_workers=1)
"""

LONG_EPOCH = LOADER.replace("batch_size=4", "sampler=torch.utils.data.RandomSampler(Noise(), num_samples=10**6)")


def test_the_workers_of_a_loader_end_with_their_run(write_file, python):
    """An epoch need not end for that; its order and what its workers draw follow from the seed."""
    file = write_file("long.py", SMALL + LONG_EPOCH)
    out = python(  # a process of its own, which has no other children, and no threads that a fork would lose
        "import multiprocessing\n"
        "from steepest.rules import Adam\n"
        "from steepest.training import train\n"
        "from steepest.workloads import find\n"
        f"problem = find({str(file)!r})\n"
        "ends = [train(problem, Adam(lr=0.01), seed, steps=12).curve[-1].loss for seed in (1, 1, 2)]\n"
        "print(ends[0] == ends[1], ends[0] == ends[2], multiprocessing.active_children())"
    )
    assert out == "True False []\n"


WRONG = {
    "del batches": "has no `batches`; add for example:  def batches()",
    "del evaluate": "has no `evaluate`; add for example:  def evaluate(model)",
    "del batches\ndef data(): return 1": "`evaluate` goes with `batches`; with `data`, write for example:  def metric(",
    "def data(): return 1": "defines both `data` and `batches`, of which one is trained on; leave out one",
    "target = None": "`target` must be a finite number, got None",
    "steps = 0": "`steps` must be a whole number from 1, got 0",
    # the model
    "model = torch.nn.Linear(1, 1)": "`model` must be a function; write for example:  def model()",
    "def model(): return None": "`model` must return a torch.nn.Module, got None; write for example:  def model()",
    "def model(): return torch.nn.ReLU()": "`model` has no parameters to train",
    "def model(): 1 / 0": "`model` raised {place}: ZeroDivisionError",
    "def model():\n    import sys; sys.exit(3)": "`model` raised {place}: SystemExit: 3",
    "def model():\n    import no_such_module": "`model` raised {place}: ModuleNotFoundError: No module",
    "def model(): return torch.nn.Linear(1, 1, device='meta')": "`model` has parameters on the device meta",
    # batches
    "batches = 3": "`batches` must be a function; write for example:  def batches()",
    "batches = iter([1])": "`batches` must be a function; write for example:  def batches()",
    "def batches(epoch): yield 1": "`batches` may take model, seed, batch_size and device, not epoch;",
    "def batches(batch_size): yield 1": "`batches` takes a batch_size; add for example:  batch_size = 32",
    "def batches(): return []": "`batches` gives no batch; write for example:  def batches()",
    "def batches(): return None": "`batches` must return an iterable, got None; write for example:  def batches()",
    "def batches(): return 1 / 0": "`batches` raised {place}: ZeroDivisionError",
    "once = iter([torch.ones(1, 1)])\ndef batches(): return once": "`batches` gives the same iterator each time",
    "once = [torch.ones(1, 1)]\ndef batches():\n    while once: yield once.pop()": "`batches` gives no batch in its",
    "def batches(): yield torch.ones(1, 1); yield {'x': torch.ones(1, 1)}": "`batches` gives first float32, then "
    "{x: float32}; write for example:  yield inputs, targets",
    "def batches(): yield torch.ones(1, 1); yield torch.ones(1, 1).long()": "`batches` gives first float32, then int64",
    "loader = torch.utils.data.DataLoader(torch.ones(8, 1), num_workers=1, persistent_workers=True)\n"
    "def batches(): return loader": "`batches` gives a DataLoader with persistent_workers, which go on with their",
    # the loss
    "def loss(output): return output": "`loss` does not take what it is called with; write for",
    "loss = 3": "`loss` must be a function; write for example:  def loss(model, batch)",
    "def loss(model, batch): return model(batch)": "`loss` must return a scalar tensor, got a tensor of shape (8, 1)",
    "def loss(model, batch): return model(batch).mean().item()": "`loss` must return a scalar tensor, got ",
    "def loss(model, batch): return model(batch).mean().detach()": "`loss` returns a tensor that is cut off",
    "def loss(model, batch): return batch['x']": "`loss` raised {place}: ",
    "def loss(model, batch): return model(batch).mean() * float('nan')": "`loss` gives nan for the first batch",
    "def loss(model, batch): return model(batch.double()).mean()": "`loss` raised {place}: RuntimeError",
    "def loss(model, batch): return model(batch).mean().to('meta')": "`loss` must be on the device of the model",
    "free = torch.ones((), requires_grad=True)\ndef loss(model, batch): return 2 * free": "`loss` depends on no "
    "parameter of the model that it is given; write for example:",
    "def loss(model, batch): return model(batch).mean() * 1j": "`loss` gives what backward() cannot go through: ",
    "def loss(model, batch): value = model(batch).square().mean(); value.backward(); return value": "`loss` gives what "
    "backward() cannot go through: RuntimeError: Trying to backward",
    "scale = torch.nn.Parameter(torch.ones(3))\ndef loss(model, batch): return (scale * model(batch)).mean()": "`loss` "
    "depends on a parameter that is not the model's, of shape (3,), which would stay as it is; make it a part",
    # the evaluation
    "def evaluate(model):\n    x = torch.ones(1, 1, requires_grad=True)\n    model(x).sum().backward()": "`evaluate` "
    "needs gradients, which are off in it ({place}: RuntimeError: element 0 of tensors does not require grad",
    "def evaluate(): return {}": "`evaluate` does not take what it is called with; write",
    "def evaluate(model): return 0.5": "`evaluate` must return a dict of numbers, got 0.5; write for example:",
    "def evaluate(model): return {}": "`evaluate` must return a number named 'loss'; it has nothing; write",
    "metric_name = 'accuracy'": "`evaluate` must return a number named 'accuracy'; it has 'loss'; write for example: "
    " return {'accuracy': ..., 'loss': ...}",
    "metric_name = 'accuracy'\ndef evaluate(model): return {'accuracy': 0.5}": "named 'loss'; it has 'accuracy'; "
    "write for example:  return {'accuracy': ..., 'loss': ...}  (or  higher_is_better = False  if a smaller 'acc",
    "def evaluate(model): return {'loss': torch.ones(2)}": "`evaluate` gave a tensor of shape (2,) for 'loss', not",
    "def evaluate(model): return torch.ones(500)": "`evaluate` must return a dict of numbers, got a tensor of shape",
    "def evaluate(model): return [0.5] * 500": "`evaluate` must return a dict of numbers, got [0.5, 0.5,",
    "def evaluate(model): model.weight.zero_(); return {'loss': 1}": "`evaluate` changes the weights of the model",
    "def evaluate(model): return {'l': 1}": "`evaluate` must return a number named 'loss'; it has 'l'",
    "def evaluate(model): return {'loss': '0.5'}": "`evaluate` gave '0.5' for 'loss', not a number",
    "def evaluate(model): return {'loss': None}": "`evaluate` gave None for 'loss', not a number",
    "def evaluate(model): return {'loss': float('nan')}": "`evaluate` gives nan for 'loss' at the initial weights",
    "def evaluate(model): return model.foo": "`evaluate` raised {place}: AttributeError",
    # groups
    "groups = 3": "`groups` must be a function; write for example:  def groups(model)",
    "def groups(): return []": "`groups` does not take what it is called with; write for example:  def groups(model)",
    "def groups(model): return []": "`groups` must return dicts with 'params'; write for example:  def groups(model)",
    "def groups(model): return list(model.parameters())": "`groups` must return dicts with 'params'; write",
    "def groups(model): return [{'params': [model.weight]}]": "`groups` lacks the parameter bias, which",
    "def groups(model): return [{'params': model.parameters()}, {'params': model.bias}]": "`groups` has the parameter "
    "bias twice; write for example:",
    "def groups(model): return [{'params': [torch.ones(3)]}]": "`groups` has something that is no parameter of the "
    "model: a tensor of shape (3,)",
    "def groups(model): pass": "`groups` must return dicts with 'params'; write",
    "def groups(model): return [{'params': model.parameters(), 'lr': '0.1'}]": "`groups` sets lr to '0.1', which must",
    "def groups(model): return [{'params': model.parameters(), 'weight_decay': -1}]": "`groups` sets weight_decay ",
    "def groups(model): return 1 / 0": "`groups` raised {place}: ZeroDivisionError",
    # facts
    "higher_is_better = 'no'": "`higher_is_better` must be True or False, got 'no'",
    "accumulate = 0": "`accumulate` must be a whole number from 1, got 0",
    "accumulate = True": "`accumulate` must be a whole number from 1, got True",
    "clip_norm = -1": "`clip_norm` must be a finite number above 0, got -1",
    "clip_norm = 'inf'": "`clip_norm` must be a finite number above 0, got 'inf'",
    "autocast = True": "`autocast` must be bfloat16 or float16, got True",
    "autocast = 'half'": "`autocast` must be bfloat16 or float16, got 'half'",
    "ema = 1": "`ema` must be a number between 0 and 1, got 1",
    "compile = 2": "`compile` must be True, or the name of a backend of torch.compile, got 2",
    "compile = 'nonsense'": "`compile`: torch.compile has no backend 'nonsense'; it has ",
    # the model
    "only = torch.nn.Linear(1, 1)\ndef model(): return only": "`model` gives the same weights each time",
    "class Moving(torch.nn.Linear):\n    def forward(self, x): self.to('meta'); return super().forward(x.to('meta'))\n"
    "def model(): return Moving(1, 1)": "`model` went to meta by itself; leave out its calls of .to() and .cuda()",
}


@pytest.mark.parametrize("line", WRONG)
def test_a_mistake_is_said_in_one_line_with_its_place(line, write_file):
    file = write_file("small.py", SMALL + line)
    with pytest.raises(InvalidValue) as error:
        find(file)
    assert str(error.value).startswith(f"{file}: ")
    place = f"line {len(Path(file).read_text().splitlines())}"
    assert WRONG[line].replace("{place}", place) in str(error.value)
    assert "\n" not in str(error.value) and str(error.value).count(str(file)) == 1


@pytest.mark.parametrize("part", LINES_TO_ADD)
def test_a_missing_part_is_named_with_a_line_to_add(part, write_file):
    file = write_file("small.py", SMALL + f"del {part}")
    with pytest.raises(InvalidValue) as error:
        find(file)
    compile(str(error.value).partition("add for example:  ")[2], "line", "exec")


def test_a_mistake_is_told_before_anything_is_stored(command, write_file, tmp_path):
    file = write_file("small.py", SMALL + "def evaluate(model): return {'accuracy': 1}")
    code, _, errors = command(f"compare {file} --out study")
    assert (code, errors.count("\n")) == (2, 1)
    assert "`evaluate` must return a number named 'loss'" in errors
    assert not (tmp_path / "study").exists()


def test_groups_that_an_optimizer_cannot_take_are_told_before_anything_is_stored(command, write_file, tmp_path):
    text = SMALL.replace("Linear(1, 1)", "Sequential(*(torch.nn.Linear(1, 1) for _ in range(3)))")
    text = text.replace("model.weight", "model[0].weight")
    groups = "def groups(model): return [{'params': list(model.parameters()), 'alpha': 1}]"
    code, _, errors = command(f"compare {write_file('small.py', text + groups)} --optimizers muon --out study")
    assert (code, errors.count("\n")) == (2, 1)
    assert "Muon: muon has no alpha, which a group sets" in errors
    assert not (tmp_path / "study").exists()


def test_batches_that_end_later_are_a_failure_of_the_run_that_says_so(write_file):
    file = write_file(
        "small.py", SMALL + "left = [4]\ndef batches():\n    left[0] -= 1\n    yield from [torch.ones(8, 1)] * left[0]"
    )
    problem = find(file)
    with pytest.raises(InvalidValue, match=re.escape("`batches` gives no batch in epoch")):
        train(problem, Adam(lr=0.01), 1, steps=20)


def test_a_file_of_batches_has_facts_and_defaults(write_file):
    problem = find(write_file("small.py", SMALL))
    assert isinstance(problem, FromBatches) and isinstance(problem, Recipe)
    assert (problem.about, problem.metric_name, problem.higher_is_better) == ("A line through points.", "loss", False)
    assert (problem.steps, problem.batch_size, problem.examples(), problem.accumulate) == (300, None, None, 1)
    named = find(write_file("named.py", SMALL + "metric_name = 'r'\ndef evaluate(model): return {'loss': 1, 'r': 0}"))
    assert (named.metric_name, named.higher_is_better) == ("r", True)


def test_batch_sizes_compete_where_batches_take_one(command, write_file, tmp_path, without_report):
    sized = "batch_size = 8\ndef batches(batch_size):\n    for _ in range(4): yield torch.rand(batch_size, 1)\n"
    file = write_file("small.py", SMALL + sized)
    line = f"compare {file} --optimizers 'sgd(lr=0.1)' --batch-size 4,8 --seeds 2 --steps 5 --jobs 1 --out study"
    assert command(line)[0] == 0
    runs = __import__("steepest").study.Comparison.read(tmp_path / "study").runs
    assert {*runs["batch_size"]} == {4, 8}
    assert (runs.groupby("seed")["fingerprint"].nunique() == 1).all()


def test_batches_are_made_only_as_they_are_needed():
    assert [*islice(problem_of().epoch(network(), 0, 0), 2)] == BATCHES[:2]
