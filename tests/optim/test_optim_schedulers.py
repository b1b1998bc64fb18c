"""Every scheduler of torch drives our optimizers as it drives torch's: same settings each step, same parameters."""

import math

import pytest
from torch.optim import lr_scheduler
from torch.optim.swa_utils import SWALR

import steepest

from ..optimizer_cases import RICH, STEPS, alone, assert_same, every_optimizer, moved, pair

SCHEDULERS = {
    "LambdaLR": {"lr_lambda": lambda epoch: 0.95**epoch},
    "MultiplicativeLR": {"lr_lambda": lambda epoch: 0.9 if epoch % 2 else 1.05},
    "StepLR": {"step_size": 7, "gamma": 0.5},
    "MultiStepLR": {"milestones": [5, 9, 30], "gamma": 0.5},
    "ConstantLR": {"factor": 0.3, "total_iters": 10},
    "LinearLR": {"start_factor": 0.1, "end_factor": 1.0, "total_iters": 20},
    "ExponentialLR": {"gamma": 0.95},
    "PolynomialLR": {"total_iters": STEPS, "power": 2.0},
    "CosineAnnealingLR": {"T_max": 20},
    "CosineAnnealingWarmRestarts": {"T_0": 10, "T_mult": 2},
    "ReduceLROnPlateau": {"patience": 2, "cooldown": 1, "factor": 0.5},
    "CyclicLR": {"base_lr": 0.001, "max_lr": 0.1, "step_size_up": 7, "mode": "triangular2"},
    "OneCycleLR": {"max_lr": 0.1, "total_steps": STEPS + 1, "three_phase": True},
    "SWALR": {"swa_lr": 0.05, "anneal_epochs": 10},
}
"""Each scheduler with its arguments; those that are made of others stand below."""

CYCLES_MOMENTUM = {"CyclicLR", "OneCycleLR"}
SETTINGS_THAT_MOVE = ("lr", "momentum", "betas", "initial_lr")


def simple(class_name, optimizer):
    arguments = SCHEDULERS[class_name]
    if class_name in CYCLES_MOMENTUM:
        arguments = arguments | {"cycle_momentum": bool({"momentum", "betas"} & optimizer.defaults.keys())}
    return (SWALR if class_name == "SWALR" else getattr(lr_scheduler, class_name))(optimizer, **arguments)


def sequential(optimizer):
    parts = [simple(each, optimizer) for each in ("LinearLR", "ConstantLR", "CosineAnnealingLR")]
    return lr_scheduler.SequentialLR(optimizer, parts, milestones=[10, 25])


def chained(optimizer):
    return lr_scheduler.ChainedScheduler([simple(each, optimizer) for each in ("LinearLR", "ExponentialLR")])


COMPOSED = {"SequentialLR": sequential, "ChainedScheduler": chained}


def schedule(class_name, run):
    """Train under the scheduler; what its settings were at each step."""
    make = COMPOSED.get(class_name, lambda optimizer: simple(class_name, optimizer))
    scheduler = make(run.optimizer)
    # a plateau needs a metric: one that falls, then stays
    metrics = [max(math.exp(-step), 0.1) for step in range(STEPS)]
    seen = []
    for step in range(STEPS):
        run.train([step])
        scheduler.step(*([metrics[step]] if class_name == "ReduceLROnPlateau" else []))
        seen.append([{name: group.get(name) for name in SETTINGS_THAT_MOVE} for group in run.optimizer.param_groups])
    return seen


def test_every_scheduler_of_torch_is_here():
    assert set(lr_scheduler.__all__) - {"LRScheduler"} == (SCHEDULERS.keys() | COMPOSED.keys()) - {"SWALR"}


@every_optimizer
@pytest.mark.parametrize("class_name", [*SCHEDULERS, *COMPOSED])
def test_scheduler_drives_ours_as_it_drives_torch(name, class_name):
    ours, theirs = pair(name, {})
    settings = schedule(class_name, ours)
    assert settings == schedule(class_name, theirs)
    assert settings[0] != settings[-1] or settings[0] != settings[STEPS // 2]
    assert_same(ours, theirs)
    assert moved(ours)


@pytest.mark.parametrize(("before", "after"), [(0.0, 0.9), (0.9, 0.0)], ids=["on", "off"])
def test_momentum_switched_in_the_middle(before, after):
    """SGD alone: torch's RMSprop has no buffer for a momentum that it did not start with."""
    ours, theirs = pair("SGD", {"momentum": before})
    for run in (ours, theirs):
        run.train(range(20))
        run.optimizer.param_groups[0]["momentum"] = after
        run.train(range(20, STEPS))
    assert_same(ours, theirs)


@every_optimizer
@pytest.mark.parametrize("switched", [True, False], ids=["on", "off"])
def test_any_setting_may_be_switched_in_the_middle(name, switched):
    """What a setting needs is there when it is needed, and a run goes on without what it no longer needs."""
    run = alone(name, {} if switched else RICH[name])
    run.train(range(20))
    run.optimizer.param_groups[0].update(RICH[name] if switched else getattr(steepest, name).rule_class.defaults())
    before = {name: param.detach().clone() for name, param in run.problem.params.items()}
    run.train(range(20, STEPS))
    assert all(param.isfinite().all() and not param.equal(before[name]) for name, param in run.problem.params.items())


@every_optimizer
def test_warm_up_by_hand(name):
    """Settings assigned to a group between steps count from the next step."""
    ours, theirs = pair(name, {"weight_decay": 0.1})
    for run in (ours, theirs):
        for step in range(STEPS):
            run.optimizer.param_groups[0].update(lr=0.001 * step, weight_decay=0.1 / (1 + step))
            run.train([step])
    assert_same(ours, theirs)
