"""Settings of a group that change after the optimizer was made are taken as torch takes them."""

import math

import numpy as np
import pytest
import torch
from torch.optim.lr_scheduler import LinearLR

import steepest
from steepest.base.errors import InvalidValue

from ..optimizer_cases import STEPS, Problem, Run, alone, assert_same, every_optimizer, pair

ENGINES = {"kernel": {}, "eager": {"fused": False}, "lists": {"foreach": True}}
on_every_engine = pytest.mark.parametrize("switches", ENGINES.values(), ids=ENGINES)


def both(name, switches):
    ours, theirs = pair(name, {})
    ours.optimizer.param_groups[0].update(switches)
    return ours, theirs


def train_with(run, setting, value):
    """Ten steps, of which the last five have another value of a setting."""
    run.train(range(5))
    run.optimizer.param_groups[0][setting] = value
    return run.train(range(5, 10))


@on_every_engine
@every_optimizer
def test_a_schedule_that_ends_below_0_by_rounding_ends_at_0(name, switches):
    """Torch's LinearLR does so for half of all lengths."""
    ends = []
    for steps in range(3, 8):
        run = alone(name, switches)
        scheduler = LinearLR(run.optimizer, end_factor=0.0, total_iters=steps)
        for step in range(steps):
            run.train([step])
            scheduler.step()
        ends.append(run.optimizer.param_groups[0]["lr"])
        before = {key: param.detach().clone() for key, param in run.problem.params.items()}
        run.train([steps])
        moved = [key for key, param in run.problem.params.items() if not torch.equal(param, before[key])]
        assert not moved
    assert min(ends) < 0


@pytest.mark.filterwarnings("ignore:.* lr was set to")
@on_every_engine
@every_optimizer
@pytest.mark.parametrize("lr", [-0.01, math.nan, math.inf, -math.inf])
def test_a_ruinous_learning_rate_of_a_schedule_steps_as_in_torch(name, switches, lr):
    ours, theirs = (train_with(run, "lr", lr) for run in both(name, switches))
    for param, wanted in zip(ours.problem.parameters(), theirs.problem.parameters(), strict=True):
        torch.testing.assert_close(param, wanted, rtol=1e-12, atol=1e-12, equal_nan=True)


@pytest.mark.parametrize(
    ("lr", "effect"),
    [(-0.01, "climbs instead of"), (math.nan, "not be numbers"), (torch.tensor(math.inf), "not be numbers")],
    ids=str,
)
def test_a_ruinous_learning_rate_has_a_warning_before_anything_changes(lr, effect):
    run, undisturbed = (alone("Adam", {}).train(range(5)) for _ in range(2))
    run.optimizer.param_groups[0]["lr"] = lr
    with pytest.raises(RuntimeWarning, match=rf"Adam: lr was set to {float(lr)}: .* {effect}.*; look at the schedule"):
        run.train(range(5, 6))  # warnings are errors here
    run.optimizer.param_groups[0]["lr"] = undisturbed.optimizer.param_groups[0]["lr"]
    assert_same(run.train(range(5, 9)), undisturbed.train(range(5, 9)), tolerance=0)


@pytest.mark.parametrize("rule", ["ScheduleFreeSGD", "Prodigy", "SOAP"])
@pytest.mark.filterwarnings("ignore:.* lr was set to")
def test_rules_of_whole_tensors_take_them_too(rule):
    for lr, finite in ((-1e-18, True), (math.nan, False)):
        run = Run(getattr(steepest, rule)((problem := Problem()).parameters()), problem)
        train_with(run, "lr", lr)
        assert all(bool(param.isfinite().all()) is finite for param in problem.parameters())
        with run.optimizer.evaluating():
            pass


def test_other_settings_stay_within_their_intervals():
    run = alone("Adam", {})
    train_with(run, "weight_decay", -1e-19)
    with pytest.raises(InvalidValue, match=r"Adam: weight_decay must lie in \[0, inf\), got -0.1"):
        train_with(run, "weight_decay", -0.1)


def test_a_constructor_refuses_what_a_schedule_may_set():
    for lr in (-1e-18, math.nan, math.inf):
        with pytest.raises(InvalidValue, match="lr must lie in"):
            steepest.Adam([torch.ones(1, requires_grad=True)], lr=lr)


# --- numbers of NumPy, arrays and tensors of two ----------------------------------------------------------------------

OTHER_TYPES = {
    "lr": [np.float64(0.5), np.float32(0.5), np.array(0.5), np.array([0.5]), np.int64(1)],
    "betas": [
        np.array([0.5, 0.75]), [np.float32(0.5), np.float64(0.75)], (np.float32(0.5), np.array(0.75)),
        torch.tensor([0.5, 0.75], dtype=torch.float64),
    ],
    "weight_decay": [np.float32(0.5)],
    "amsgrad": [np.bool_(True)],
    "maximize": [np.bool_(True)],
}  # fmt: skip


@on_every_engine
@pytest.mark.parametrize(
    ("setting", "value"),
    [
        pytest.param(name, value, id=f"{name}-{type(value).__name__}")
        for name in OTHER_TYPES
        for value in OTHER_TYPES[name]
    ],
)
def test_numbers_of_numpy_and_arrays_of_two_are_numbers(setting, value, switches):
    plain = tuple(map(float, value)) if setting == "betas" else value.item()
    run, wanted = alone("Adam", switches), alone("Adam", switches)
    assert_same(train_with(run, setting, value), train_with(wanted, setting, plain), tolerance=0)
    assert run.optimizer.param_groups[0][setting] is value
    problem = Problem()
    optimizer = steepest.Adam(problem.parameters(), **{setting: value} | switches)
    expected = Run(steepest.Adam((other := Problem()).parameters(), **{setting: plain} | switches), other)
    assert_same(Run(optimizer, problem).train(range(5)), expected.train(range(5)), tolerance=0)


@on_every_engine
@pytest.mark.parametrize("make", [np.array, list, lambda two: [np.float64(two[0]), two[1]], torch.DoubleTensor])
def test_an_array_that_changes_in_place_is_seen(make, switches):
    runs = []
    for kind in (make, tuple):
        run = alone("Adam", switches)
        group = run.optimizer.param_groups[0]
        group["betas"] = kind([0.5, 0.75])
        run.train(range(5))
        if kind is tuple:
            group["betas"] = (0.25, 0.75)
        else:
            group["betas"][0] = 0.25
        runs.append(run.train(range(5, STEPS)))
    assert_same(*runs, tolerance=0)
