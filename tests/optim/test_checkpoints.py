"""Checkpoints travel between steepest and torch, find their parameters by name, and go on bit by bit."""

import copy
import io
import subprocess
import sys

import prodigyopt
import pytest
import schedulefree
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


# --- what is refused whole --------------------------------------------------------------------------------------------

ALIKE = {("SGD", "Momentum"), ("Momentum", "SGD")}
"""Rules that differ in a default, which a checkpoint has."""


def refused(optimizer, saved):
    """The message with which a checkpoint is refused; None if it is taken. A refusal leaves all as it was."""
    before = repr(optimizer.state_dict())
    try:
        optimizer.load_state_dict(copy.deepcopy(saved))
    except InvalidValue as error:
        assert repr(optimizer.state_dict()) == before
        return str(error)
    return None


def stepped(library, name, **settings):
    params = [torch.nn.Parameter(torch.ones(shape)) for shape in MATRICES]
    optimizer = getattr(library, name)(params, **settings)
    follow(optimizer, gradients(2, steps=2))
    return optimizer


@pytest.mark.parametrize("giver", SETTINGS)
def test_a_checkpoint_of_another_rule_is_refused(giver):
    saved = stepped(steepest, giver).state_dict()
    taken = {taker for taker in SETTINGS if refused(start(taker, torch.float32, {}), saved) is None}
    assert taken == {giver} | {taker for taker in SETTINGS if (giver, taker) in ALIKE}


@pytest.mark.parametrize(
    "giver", ["SGD", "RMSprop", "Adagrad", "Adadelta", "Adam", "AdamW", "Adamax", "NAdam", "RAdam"]
)
def test_a_checkpoint_of_another_rule_of_torch_is_refused(giver):
    """Torch's AdamW is its Adam with a setting that ours has too."""
    saved = stepped(torch.optim, giver).state_dict()
    taken = {taker for taker in SETTINGS if refused(start(taker, torch.float32, {}), saved) is None}
    assert taken == {giver} | {"SGD": {"Momentum"}, "AdamW": {"Adam"}}.get(giver, set())


@pytest.mark.parametrize("name", SETTINGS)
def test_a_checkpoint_that_lacks_a_state_is_refused(name):
    settings = SETTINGS[name]
    whole = stepped(steepest, name, **settings).state_dict()
    for state in whole["state"][1].keys() - {"step"}:
        saved = copy.deepcopy(whole)
        del saved["state"][1][state]
        message = refused(start(name, torch.float32, settings), saved)
        assert (
            message is None if whole["state"][1][state] is None else f"made a step there and lacks {state}" in message
        )


def test_a_checkpoint_of_prodigy_that_lacks_its_distance_is_refused():
    saved = stepped(steepest, "Prodigy").state_dict()
    del saved["param_groups"][0]["d"]
    assert refused(start("Prodigy", torch.float32, {}), saved).endswith("does not fit: a group lacks d")


def test_a_setting_of_ones_own_in_a_group_is_no_other_rule():
    """Also under a name that another rule's setting has."""
    params = [torch.nn.Parameter(torch.ones(shape)) for shape in MATRICES]
    optimizers = [steepest.Adam([{"params": params, "lr_scale": 0.5, "momentum": 0.1}]) for _ in range(2)]
    follow(optimizers[0], gradients(2))
    assert refused(optimizers[1], optimizers[0].state_dict()) is None


# --- of the authors' own packages -------------------------------------------------------------------------------------

AUTHORS = {
    "ScheduleFreeSGD": (schedulefree.SGDScheduleFree, {"lr": 0.3, "momentum": 0.8, "warmup_steps": 5}),
    "ScheduleFreeAdamW": (schedulefree.AdamWScheduleFree, {"lr": 0.05, "warmup_steps": 5, "r": 0.5}),
    "Prodigy": (prodigyopt.Prodigy, {"d0": 1e-2, "use_bias_correction": True}),
}


def authors_run(name, **settings):
    problem = Problem()
    problem.params["bias"].data.zero_()  # for which prodigyopt keeps a single 0
    optimizer_class, defaults = AUTHORS[name]
    run = Run(optimizer_class(in_groups_with_decay(problem), **defaults | settings), problem)
    if hasattr(run.optimizer, "train"):
        run.optimizer.train()
    return run.train(HALVES[0])


def in_groups_with_decay(problem):
    weight, *others = problem.parameters()
    return [{"params": [weight], "weight_decay": 0.1}, {"params": others}]


@pytest.mark.parametrize("mode", ["train", "eval"])
@pytest.mark.parametrize("name", AUTHORS)
def test_a_checkpoint_of_the_authors_code_goes_on(name, mode):
    theirs = authors_run(name)
    if hasattr(theirs.optimizer, mode):
        getattr(theirs.optimizer, mode)()
    problem = copy.deepcopy(theirs.problem)
    ours = Run(getattr(steepest, name)(in_groups_with_decay(problem)), problem)
    ours.optimizer.load_state_dict(through_a_file(theirs.optimizer.state_dict()))
    for run in (ours, theirs):
        if hasattr(run.optimizer, "train"):
            run.optimizer.train()
    assert_same(ours.train(HALVES[1]), theirs.train(HALVES[1]))
    assert ours.optimizer.param_groups[0].keys() - ours.optimizer.defaults.keys() <= {"params", "d", "d_numerator"}


def test_a_checkpoint_of_older_schedulefree_corrects_the_learning_rate():
    """Before its version 1.3, which began to report the learning rate of a step."""
    saved = authors_run("ScheduleFreeAdamW").optimizer.state_dict()
    for group in saved["param_groups"]:
        del group["scheduled_lr"]
    problem = Problem()
    optimizer = steepest.ScheduleFreeAdamW(in_groups_with_decay(problem))
    optimizer.load_state_dict(saved)
    assert all(group["lr_correction"] for group in optimizer.param_groups)


def test_a_checkpoint_of_the_authors_code_with_settings_that_ours_has_not_is_refused():
    for settings in ({"growth_rate": 1.02}, {"decouple": False}, {"beta3": 0.9}, {"slice_p": 2}):
        saved = authors_run("Prodigy", **settings).optimizer.state_dict()
        assert "Prodigy" in refused(steepest.Prodigy(in_groups_with_decay(Problem())), saved)
    problem = Problem()
    other = Run(schedulefree.RAdamScheduleFree(in_groups_with_decay(problem)), problem)
    other.optimizer.train()
    saved = other.train(range(9)).optimizer.state_dict()
    message = refused(steepest.ScheduleFreeAdamW(in_groups_with_decay(Problem())), saved)
    assert message.endswith("of another optimizer: it has silent_sgd_phase")


@pytest.mark.parametrize("giver", AUTHORS)
def test_a_checkpoint_of_the_authors_code_for_another_rule_is_refused(giver):
    saved = authors_run(giver).optimizer.state_dict()
    takers = {name: getattr(steepest, name)(in_groups_with_decay(Problem())) for name in SETTINGS if name not in WHOLE}
    assert {name for name, optimizer in takers.items() if refused(optimizer, saved) is None} == {giver}


WHOLE = ("Muon", "NorMuon")
"""For matrices only, which the problem has others than."""
