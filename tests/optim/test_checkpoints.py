"""Checkpoints travel between steepest and torch, find their parameters by name, and go on bit by bit."""

import copy
import io
import subprocess
import sys

import pytest
import torch
from torch.optim.lr_scheduler import CosineAnnealingLR

import steepest
from steepest.base.errors import InvalidValue
from steepest.rules import RULES

from ..optimizer_cases import LIBRARIES, STEPS, Problem, Run, assert_same

MIDDLE = STEPS // 2

RICH = {
    "SGD": {"momentum": 0.9, "dampening": 0.3, "weight_decay": 0.1},
    "Adagrad": {"lr_decay": 0.02, "weight_decay": 0.1, "initial_accumulator_value": 0.5},
    "RMSprop": {"momentum": 0.9, "weight_decay": 0.1, "centered": True},
    "Adam": {"weight_decay": 0.1, "amsgrad": True, "maximize": True},
    "AdamW": {"weight_decay": 0.1, "amsgrad": True},
    "NAdam": {"weight_decay": 0.1, "momentum_decay": 0.1, "decoupled_weight_decay": True},
    "RAdam": {"weight_decay": 0.1, "betas": (0.9, 0.95)},
    "Adadelta": {"rho": 0.8, "weight_decay": 0.1},
    "Adamax": {"weight_decay": 0.1, "betas": (0.8, 0.9)},
}
"""The optimizers whose checkpoints travel, each with the settings under which it keeps all the state it ever keeps."""

travellers = pytest.mark.parametrize(
    ("name", "settings"),
    [pytest.param(name, each, id=f"{name}-{kind}")
     for name, rich in RICH.items() for kind, each in {"plain": {}, "rich": rich}.items()],
)  # fmt: skip
both_ways = pytest.mark.parametrize(
    ("giver", "taker"), [LIBRARIES, LIBRARIES[::-1]], ids=["ours to torch", "torch to ours"]
)


def through_a_file(state):
    """Written by torch.save and read back, allowing nothing but plain data and tensors."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    buffer.seek(0)
    return torch.load(buffer, weights_only=True)


# --- between steepest and torch ---------------------------------------------------------------------------------------


@pytest.fixture
def products_in_float64():
    """Torch keeps NAdam's product in the default dtype."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def in_groups(problem):
    """The parameters in two groups with learning rates of their own."""
    weight, *others = problem.parameters()
    return [{"params": [weight], "lr": 0.03}, {"params": others, "lr": 0.01}]


class Scheduled(Run):
    """A run under a scheduler, whose whole state goes into a file and comes back from there."""

    def __init__(self, library, name, settings, groups, problem):
        params = in_groups(problem) if groups else problem.parameters()
        super().__init__(getattr(library, name)(params, **settings), problem)
        self.scheduler = CosineAnnealingLR(self.optimizer, T_max=STEPS)

    def train(self, steps):
        for step in steps:
            super().train([step])
            self.scheduler.step()
        return self

    def save(self):
        return {"optimizer": self.optimizer.state_dict(), "scheduler": self.scheduler.state_dict()}

    def load(self, saved):
        self.scheduler.load_state_dict(saved["scheduler"])
        self.optimizer.load_state_dict(saved["optimizer"])
        return self


@pytest.mark.usefixtures("products_in_float64")
@travellers
@both_ways
@pytest.mark.parametrize("groups", [False, True], ids=["one group", "two groups"])
def test_the_run_goes_on_in_the_other_library_as_if_nothing_happened(name, settings, giver, taker, groups):
    run = Scheduled(giver, name, settings, groups, Problem()).train(range(MIDDLE))
    other = Scheduled(taker, name, settings, groups, copy.deepcopy(run.problem)).load(through_a_file(run.save()))
    before = copy.deepcopy(other.problem)
    assert_same(other.train(range(MIDDLE, STEPS)), run.train(range(MIDDLE, STEPS)), tolerance=1e-12)
    assert all(not torch.equal(param, before.params[key]) for key, param in other.problem.params.items())


@pytest.mark.usefixtures("products_in_float64")
@travellers
@both_ways
def test_there_and_back_again(name, settings, giver, taker):
    """A checkpoint passed on by the other library without a step is the same checkpoint."""
    run = Scheduled(giver, name, settings, True, Problem()).train(range(MIDDLE))
    between = Scheduled(taker, name, settings, True, copy.deepcopy(run.problem)).load(through_a_file(run.save()))
    other = Scheduled(giver, name, settings, True, copy.deepcopy(run.problem)).load(through_a_file(between.save()))
    assert_same(other.train(range(MIDDLE, STEPS)), run.train(range(MIDDLE, STEPS)), tolerance=0)


# --- by name ----------------------------------------------------------------------------------------------------------

HALVES = range(MIDDLE), range(MIDDLE, STEPS)


def trained(library=steepest, order=("weight", "bias", "head", "scale"), rename=str):
    """A run over the first half whose optimizer knows its parameters by name."""
    problem = Problem()
    pairs = [(rename(name), problem.params[name]) for name in order]
    return Run(library.Adam(pairs, lr=0.02, amsgrad=True), problem).train(HALVES[0])


def resumed(run, given, saved=None):
    """A fresh Adam of ours on a copy of the run's problem; `given(params)` is what it is made of."""
    problem = copy.deepcopy(run.problem)
    optimizer = steepest.Adam(given(problem.params), lr=0.5)
    optimizer.load_state_dict(through_a_file(saved or run.optimizer.state_dict()))
    return Run(optimizer, problem)


def backwards(params):
    return [(name, params[name]) for name in reversed(params)]


@pytest.mark.parametrize("library", LIBRARIES, ids=["ours", "torch"])
def test_state_finds_its_parameter_by_name(library):
    run = trained(library)
    other = resumed(run, backwards)
    assert other.optimizer.param_groups[0]["param_names"] == ["scale", "head", "bias", "weight"]
    assert_same(other.train(HALVES[1]), run.train(HALVES[1]), tolerance=0 if library is steepest else 1e-12)
    again = resumed(other, dict.items)
    assert_same(again.train(HALVES[0]), other.train(HALVES[0]), tolerance=0)


def test_groups_find_their_settings_by_name():
    """The settings of a group go with its parameters, not with its place."""
    problem = Problem()
    (weight, bias, head, scale), make = problem.params.items(), steepest.Adam
    groups = [{"params": [weight, head], "lr": 0.03, "weight_decay": 0.1}, {"params": [bias, scale], "lr": 0.01}]
    run = Run(make(groups), problem).train(HALVES[0])
    other = resumed(run, lambda params: [
        {"params": [("scale", params["scale"]), ("bias", params["bias"])]},
        {"params": [("head", params["head"]), ("weight", params["weight"])]},
    ])  # fmt: skip
    assert [group["weight_decay"] for group in other.optimizer.param_groups] == [0.0, 0.1]
    assert_same(other.train(HALVES[1]), run.train(HALVES[1]), tolerance=0)


def test_other_names_at_the_same_places_go_by_place():
    """A wrapper, such as DistributedDataParallel, puts a word before every name."""
    run = trained(rename="module.{}".format)
    other = resumed(run, dict.items)
    assert_same(other.train(HALVES[1]), run.train(HALVES[1]), tolerance=0)


def test_one_side_without_names_goes_by_place():
    run = trained()
    for other in (resumed(run, lambda params: list(params.values())), resumed(resumed(run, dict.values), dict.items)):
        assert_same(other.train(HALVES[1]), copy.deepcopy(run).train(HALVES[1]), tolerance=0)


def test_some_names_moved_and_some_unknown_is_refused_and_loads_nothing():
    run = trained()
    optimizer = steepest.Adam([(name.replace("bias", "shift"), param) for name, param in backwards(run.problem.params)])
    with pytest.raises(InvalidValue, match="head stands at another place there, and only one side has bias, shift"):
        optimizer.load_state_dict(run.optimizer.state_dict())
    assert not optimizer.state


def test_parameters_that_changed_their_group_are_refused():
    run = trained()
    pairs = backwards(run.problem.params)
    optimizer = steepest.Adam([{"params": pairs[:1]}, {"params": pairs[1:]}])
    with pytest.raises(InvalidValue, match="bias stands at another place there, and the groups hold other parameters"):
        optimizer.load_state_dict(run.optimizer.state_dict())


# --- bit by bit -------------------------------------------------------------------------------------------------------

MATRICES = ((3, 4), (2, 3), (5, 2))
KINDS = {
    "float32": (torch.float32, {}),
    "float64": (torch.float64, {}),
    "bfloat16": (torch.bfloat16, {}),
    "bfloat16 with master weights": (torch.bfloat16, {"master_weights": True}),
    "bfloat16, stochastic rounding": (torch.bfloat16, {"stochastic_rounding": True}),
}
MORE = RICH | {"Prodigy": {"d0": 0.01}}
SETTINGS = {rule.__name__: {"lr": 20 * rule.defaults()["lr"]} | MORE.get(rule.__name__, {}) for rule in RULES.values()}
"""For each rule settings that move weights of 8 bits too."""


def gradients(seed, steps=5):
    """Around a slope, so that rules which measure how far they have come see that they get somewhere."""
    generator = torch.Generator().manual_seed(seed)
    return [[1 + torch.randn(shape, generator=generator) for shape in MATRICES] for _ in range(steps)]


def follow(optimizer, steps):
    params = optimizer.param_groups[0]["params"]
    for step in steps:
        for param, grad in zip(params, step, strict=True):
            param.grad = grad.to(param.dtype)
        optimizer.step()
    return [param.detach().clone() for param in params]


def start(name, dtype, settings):
    generator = torch.Generator().manual_seed(1)
    params = [torch.nn.Parameter(torch.randn(shape, generator=generator).to(dtype)) for shape in MATRICES]
    return getattr(steepest, name)(params, **settings)


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_new_object_goes_on_bit_by_bit(name, kind):
    dtype, switches = KINDS[kind]
    settings = SETTINGS[name] | switches
    optimizer, other = start(name, dtype, settings), start(name, dtype, settings)
    middle = follow(optimizer, gradients(2))
    for param, reached in zip(other.param_groups[0]["params"], middle, strict=True):
        param.data.copy_(reached)
    other.load_state_dict(through_a_file(optimizer.state_dict()))
    ends = follow(optimizer, gradients(3))
    assert all(map(torch.equal, follow(other, gradients(3)), ends))
    assert not any(map(torch.equal, middle, ends))


GO_ON = """
import sys, torch, steepest
runs = torch.load(sys.argv[1], weights_only=True)
for name, run in runs.items():
    params = [torch.nn.Parameter(each) for each in run["params"]]
    optimizer = getattr(steepest, name)(params, **run["settings"])
    optimizer.load_state_dict(run["optimizer"])
    for step in run["gradients"]:
        for param, grad in zip(params, step, strict=True):
            param.grad = grad
        optimizer.step()
    run["params"] = [param.detach() for param in params]
torch.save(runs, sys.argv[1])
"""


def test_a_fresh_process_goes_on_bit_by_bit_with_every_rule(tmp_path):
    file, runs, ends = tmp_path / "runs.pt", {}, {}
    for name, settings in SETTINGS.items():
        optimizer = start(name, torch.float32, settings)
        middle, state = follow(optimizer, gradients(2)), copy.deepcopy(optimizer.state_dict())
        runs[name] = {"params": middle, "settings": settings, "optimizer": state, "gradients": gradients(3)}
        ends[name] = follow(optimizer, gradients(3))
    torch.save(runs, file)
    subprocess.run([sys.executable, "-W", "error", "-c", GO_ON, str(file)], check=True, timeout=100)
    for name, run in torch.load(file, weights_only=True).items():
        assert all(map(torch.equal, run["params"], ends[name])), name
