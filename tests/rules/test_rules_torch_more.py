"""The rules that torch has too, beyond those of `optimizer_cases`: the same path, for any three settings together."""

import copy
import inspect
from itertools import combinations as subsets
from itertools import product

import pytest
import torch

from steepest.optim import SWITCHES, as_optimizer
from steepest.rules.adadelta import Adadelta
from steepest.rules.adafactor import Adafactor
from steepest.rules.adamax import Adamax
from steepest.rules.muon import Muon
from steepest.rules.nadam import NAdam
from steepest.rules.radam import RAdam
from steepest.rules.rprop import Rprop

from ..optimizer_cases import SHAPES, STEPS, Problem, Run, assert_same, combinations, covering, spell

# --- facts ------------------------------------------------------------------------------------------------------------

SWITCH = (False, True)
OURS = {rule.__name__: as_optimizer(rule) for rule in (Adadelta, Adamax, NAdam, RAdam, Rprop, Adafactor, Muon)}
SETTINGS = {
    "Adadelta": {
        "lr": (20.0,),
        "rho": (0.9, 0.5),
        "eps": (1e-6, 1e-2),
        "weight_decay": (0, 0.1),
        "maximize": SWITCH,
    },
    "Adamax": {
        "lr": (0.02,),
        "betas": ((0.9, 0.999), (0.5, 0.9)),
        "eps": (1e-8, 1e-2),
        "weight_decay": (0, 0.1),
        "maximize": SWITCH,
    },
    "NAdam": {
        "lr": (0.02,),
        "betas": ((0.9, 0.999), (0.5, 0.9)),
        "eps": (1e-8, 1e-2),
        "weight_decay": (0, 0.1),
        "momentum_decay": (4e-3, 0, 0.5),
        "decoupled_weight_decay": SWITCH,
        "maximize": SWITCH,
    },
    # 0.9 and 0.999 cross the limit after a few steps, 0.5 never does, 0.6 and 2/3 are where the formula divides by 0
    "RAdam": {
        "lr": (0.02,),
        "betas": ((0.9, 0.999), (0.5, 0.9), (0.9, 0.5), (0.9, 0.6), (0.9, 2 / 3)),
        "eps": (1e-8, 1e-2),
        "weight_decay": (0, 0.1),
        "decoupled_weight_decay": SWITCH,
        "maximize": SWITCH,
    },
    "Rprop": {
        "lr": (0.02,),
        "etas": ((0.5, 1.2), (0.7, 1.6)),
        "step_sizes": ((1e-6, 50.0), (1e-2, 0.05)),
        "maximize": SWITCH,
    },
    "Adafactor": {
        "lr": (0.02, 0.9),
        "beta2_decay": (-0.8, -0.3),
        "eps": ((None, 1e-3), (1e-2, 2.0)),
        "d": (1.0, 1.5),
        "weight_decay": (0, 0.1),
        "maximize": SWITCH,
    },
    "Muon": {
        "lr": (0.05,),
        "weight_decay": (0, 0.1),
        "momentum": (0.95, 0),
        "nesterov": SWITCH,
        "ns_coefficients": ((3.4445, -4.775, 2.0315), (2.0, -1.5, 0.5)),
        "ns_steps": (5,),
        "eps": (1e-7, 10.0),
        "adjust_lr_fn": (None, "match_rms_adamw"),
    },
}
"""The values that are tried of each setting; `lr` gives a visible descent."""

RICH = {name: {key: options[-1] for key, options in table.items()} for name, table in SETTINGS.items()}
RICH["Muon"] = {"lr": 0.05, "ns_steps": 2, "adjust_lr_fn": "original"}

MATRICES = {"Muon": {"weight": (3, 2), "wide": (2, 4), "square": (3, 3), "row": (1, 3)}}
"""The shapes of the parameters, for rules that do not take those of `Problem`."""

CASES = [
    pytest.param(name, settings, id=f"{name}-{spell(settings)}")
    for name, table in SETTINGS.items()
    for settings in covering(combinations(table))
]

every_optimizer = pytest.mark.parametrize("name", SETTINGS)
every_case = pytest.mark.parametrize(("name", "settings"), CASES)


@pytest.fixture(autouse=True)
def torch_in_the_parameters_precision(monkeypatch):
    """Torch keeps NAdam's product in the default dtype, and does Muon's iteration in bfloat16; ours is more exact."""
    torch.set_default_dtype(torch.float64)
    monkeypatch.setattr(torch.Tensor, "bfloat16", torch.Tensor.clone)
    yield
    torch.set_default_dtype(torch.float32)


class Matrices(Problem):
    """The same problem with parameters of other shapes."""

    def __init__(self, shapes, dtype=torch.float64):
        super().__init__(dtype)
        generator = torch.Generator().manual_seed(7)
        normal = lambda *shape: torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)  # noqa: E731
        self.params = {name: normal(*shape).requires_grad_() for name, shape in shapes.items()}
        self.targets = {name: normal(STEPS, *shape) for name, shape in shapes.items()}


def problem_for(name, dtype=torch.float64):
    return Matrices(MATRICES[name], dtype) if name in MATRICES else Problem(dtype)


def names_for(name):
    return MATRICES.get(name, SHAPES)


def pair(name, settings, dtype=torch.float64):
    """Ours and torch's, each on its own copy of the problem."""
    runs = []
    for optimizer_class in (OURS[name], getattr(torch.optim, name)):
        problem = problem_for(name, dtype)
        runs.append(Run(optimizer_class(problem.parameters(), **settings), problem))
    return runs


def train(run, name, steps=range(STEPS), names=None):
    return run.train(steps, names or names_for(name))


# --- the same path ----------------------------------------------------------------------------------------------------


@every_optimizer
def test_any_three_values_are_tried_together(name):
    settings = [case.values[1] for case in CASES if case.values[0] == name]
    for three in subsets(SETTINGS[name], 3):
        seen = [tuple(row[key] for key in three) for row in settings]
        assert all(values in seen for values in product(*(SETTINGS[name][key] for key in three)))


@every_case
def test_equals_torch(name, settings):
    ours, theirs = pair(name, settings)
    assert_same(train(ours, name), train(theirs, name))
    start = problem_for(name).params
    assert all(not torch.equal(param, start[key]) for key, param in ours.problem.params.items())


@every_optimizer
@pytest.mark.parametrize("settings", [{}, RICH], ids=["plain", "rich"])
def test_equals_torch_in_float32(name, settings):
    torch.set_default_dtype(torch.float32)
    settings = settings.get(name, {})
    ours, theirs = pair(name, settings, torch.float32)
    assert_same(train(ours, name), train(theirs, name))


@every_optimizer
def test_late_gradient_counts_its_own_steps(name):
    late, *others = names_for(name)
    ours, theirs = pair(name, RICH[name])
    for run in (ours, theirs):
        train(run, name, range(20), others)
        assert late not in {key for key, param in run.problem.params.items() if param in run.optimizer.state}
        train(run, name, range(20, STEPS))
    assert_same(ours, theirs)


@every_optimizer
def test_zero_gradients_are_not_skipped(name):
    ours, theirs = pair(name, RICH[name])
    for run in (ours, theirs):
        for param in run.problem.parameters():
            param.grad = torch.zeros_like(param)
        run.optimizer.step()
    assert_same(ours, theirs)


@pytest.mark.parametrize("name", ["Adadelta", "Adamax", "NAdam", "RAdam"])
def test_complex_numbers_are_two_real_ones(name):
    runs = []
    for optimizer_class in (OURS[name], getattr(torch.optim, name)):
        problem = Problem(torch.complex128)
        runs.append(Run(optimizer_class(problem.parameters(), **RICH[name]), problem).train())
    assert_same(*runs)


@pytest.mark.parametrize("name", ["Adafactor", "Muon"])
def test_complex_matrices_are_refused(name):
    param = torch.nn.Parameter(torch.ones(2, 2, dtype=torch.complex128))
    param.grad = torch.ones_like(param)
    with pytest.raises(RuntimeError, match="does not support complex parameters"):
        OURS[name]([param]).step()


def test_muon_takes_matrices_only():
    param = torch.nn.Parameter(torch.ones(3))
    param.grad = torch.ones(3)
    with pytest.raises(ValueError, match=r"Muon is for matrices only, got a parameter of shape \(3,\)"):
        OURS["Muon"]([param])


# --- bfloat16 in torch's Muon -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(64, 64), (96, 32), (32, 96)], ids=str)
def test_muon_differs_from_torchs_by_its_bfloat16_alone(shape, monkeypatch):
    """Torch rounds the matrix to 8 bits and each of 5 passes twice more: a step is off by about a percent of itself."""
    monkeypatch.undo()
    generator = torch.Generator().manual_seed(0)
    gradient = torch.randn(shape, generator=generator, dtype=torch.float32)
    steps = []
    for optimizer_class in (OURS["Muon"], torch.optim.Muon):
        param = torch.nn.Parameter(torch.zeros(shape, dtype=torch.float32))
        param.grad = gradient.clone()
        optimizer_class([param], lr=1.0).step()
        steps.append(param.detach())
    ours, theirs = steps
    apart = float((ours - theirs).norm() / theirs.norm())
    assert 1e-3 < apart < 3e-2
    # and so is torch's own from what it does in full precision
    monkeypatch.setattr(torch.Tensor, "bfloat16", torch.Tensor.clone)
    param = torch.nn.Parameter(torch.zeros(shape, dtype=torch.float32))
    param.grad = gradient.clone()
    torch.optim.Muon([param], lr=1.0).step()
    assert float((param.detach() - ours).norm() / ours.norm()) < 1e-5


# --- the same call ----------------------------------------------------------------------------------------------------


@every_optimizer
def test_every_argument_of_torch_with_its_default(name):
    ours, theirs = (inspect.signature(each).parameters for each in (OURS[name], getattr(torch.optim, name)))
    assert {key: ours[key].default for key in theirs} == {key: each.default for key, each in theirs.items()}
    either = inspect.Parameter.POSITIONAL_OR_KEYWORD
    wanted = [key for key, each in theirs.items() if each.kind == either and key not in SWITCHES]
    assert list(ours)[: len(wanted)] == wanted


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("Adadelta", {"rho": 1.1}),
        ("Adadelta", {"rho": -0.1}),
        ("Adamax", {"betas": (1.0, 0.9)}),
        ("NAdam", {"momentum_decay": -1.0}),
        ("RAdam", {"betas": (0.9, 1.0)}),
        ("Adafactor", {"beta2_decay": 0.1}),
        ("Adafactor", {"d": 0.5}),
        ("Adafactor", {"eps": (-1.0, 1e-3)}),
        ("Adafactor", {"eps": (None, -1.0)}),
        ("Muon", {"adjust_lr_fn": "match_rms"}),
        ("Muon", {"ns_coefficients": (1.0, 2.0)}),
        ("Muon", {"ns_steps": 100}),
    ],
    ids=str,
)
def test_what_torch_refuses_is_refused(name, settings):
    """Torch finds a wrong number of coefficients or steps of Muon only in its first step."""
    for optimizer_class in (OURS[name], getattr(torch.optim, name)):
        with pytest.raises(ValueError, match=next(iter(settings)) if optimizer_class is OURS[name] else None):
            param = torch.nn.Parameter(torch.ones(2, 2))
            param.grad = torch.ones(2, 2)
            optimizer_class([param], **settings).step()


# --- checkpoints ------------------------------------------------------------------------------------------------------


@every_optimizer
def test_state_has_the_names_and_shapes_of_torch(name):
    ours, theirs = (train(run, name, range(2)).optimizer.state_dict()["state"] for run in pair(name, RICH[name]))
    for index, state in theirs.items():
        shapes = {key: value.shape for key, value in state.items()}
        assert {key: ours[index][key].shape for key in shapes} == shapes
        assert ours[index].keys() - shapes.keys() <= {"step"}  # torch's Muon does not count


def resumed(run, optimizer_class, settings):
    """A run that goes on from a copy of another's parameters and checkpoint."""
    problem = copy.deepcopy(run.problem)
    other = Run(optimizer_class(problem.parameters(), **settings), problem)
    other.optimizer.load_state_dict(copy.deepcopy(run.optimizer.state_dict()))
    return other


@every_optimizer
@pytest.mark.parametrize("to_torch", [True, False], ids=["ours to torch", "torch to ours"])
def test_checkpoints_travel(name, to_torch):
    giver, taker = pair(name, RICH[name])[:: 1 if to_torch else -1]
    train(giver, name, range(20))
    other = resumed(giver, type(taker.optimizer), RICH[name])
    train(other, name, range(20, STEPS))
    assert_same(other, train(giver, name, range(20, STEPS)))


@every_optimizer
def test_resumes_bit_by_bit(name):
    run, _ = pair(name, RICH[name])
    train(run, name, range(20))
    other = resumed(run, OURS[name], RICH[name])
    assert_same(train(other, name, range(20, STEPS)), train(run, name, range(20, STEPS)), 0)
