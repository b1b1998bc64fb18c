"""Schedules: their exact factors, and how they are asked for."""

import math

import pytest
import torch
from torch.optim import lr_scheduler

from steepest.base.errors import InvalidValue, UnknownName
from steepest.schedules import (
    SCHEDULES,
    check_scheduler,
    constant,
    cosine,
    exponential,
    find,
    inverse_sqrt,
    is_scheduler,
    linear,
    scheduler,
    warmup_constant,
    warmup_cosine,
    warmup_linear,
    warmup_stable_decay,
)

pytestmark = pytest.mark.quick


def factors(schedule, steps=10):
    return [schedule(step, steps) for step in range(steps)]


def test_constant_is_one():
    assert factors(constant()) == [1.0] * 10


def test_exponential_falls_by_the_same_factor_each_step():
    assert factors(exponential(0.3)) == pytest.approx([math.exp(-0.3 * t) for t in range(10)], rel=1e-15)
    assert exponential(5.0)(10_000, 10_000) == 0.0
    assert factors(exponential(0)) == [1.0] * 10


def test_inverse_sqrt_falls_like_one_over_the_root():
    assert factors(inverse_sqrt(2)) == pytest.approx([1 / math.sqrt(1 + 2 * t) for t in range(10)], rel=1e-15)
    assert inverse_sqrt(0.1)(990, 1000) == 0.1


def test_cosine_falls_from_one_to_zero():
    assert [cosine()(step, 12) for step in (0, 4, 6, 8, 12)] == pytest.approx([1, 0.75, 0.5, 0.25, 0], abs=1e-15)


def test_warmup_rises_in_a_straight_line_then_is_a_cosine():
    ours = factors(warmup_cosine(0.25), steps=20)
    assert ours[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0], rel=1e-15)
    assert ours[5:] == pytest.approx([cosine()(step, 15) for step in range(15)], rel=1e-15)
    assert factors(warmup_cosine(0)) == factors(cosine())
    assert factors(warmup_cosine(0.9), steps=1) == [1.0]


def test_warmup_rises_then_stays_falls_in_a_line_or_does_both():
    assert factors(linear(), 4) == [1.0, 0.75, 0.5, 0.25]
    assert factors(warmup_constant(0.2), 10) == [0.5] + [1.0] * 9
    assert factors(warmup_linear(0.2), 10) == pytest.approx([0.5, 1, 1, *(i / 8 for i in range(7, 0, -1))])
    assert factors(warmup_stable_decay(0.2, 0.4), 10) == [0.5, 1, 1, 1, 1, 1, 1, 0.75, 0.5, 0.25]
    assert factors(warmup_stable_decay(0, 0), 5) == [1.0] * 5
    assert factors(warmup_stable_decay(0, 1), 4) == factors(linear(), 4)
    assert factors(find("warmup(0.2)"), 10) == factors(find("warmup+constant(0.2)"), 10)


def of_torch(make, steps=24, lr=0.3):
    """The learning rates of each step under a scheduler of torch."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=lr, momentum=0.9)
    made, rates = make(optimizer), []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        made.step()
    return rates


@pytest.mark.parametrize(
    ("spec", "make"),
    [
        ("linear", lambda optimizer: lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=24)),
        ("linear", lambda optimizer: lr_scheduler.PolynomialLR(optimizer, total_iters=24)),
        ("cosine", lambda optimizer: lr_scheduler.CosineAnnealingLR(optimizer, T_max=24)),
        ("warmup(0.25)", lambda optimizer: lr_scheduler.LinearLR(optimizer, 1 / 6, total_iters=5)),
        ("warmup+linear(0.25)", lambda optimizer: lr_scheduler.SequentialLR(optimizer, [
            lr_scheduler.LinearLR(optimizer, 1 / 6, total_iters=5),
            lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=18)], [6])),
        ("warmup_stable_decay(0.25, 0.25)", lambda optimizer: lr_scheduler.SequentialLR(optimizer, [
            lr_scheduler.LinearLR(optimizer, 1 / 6, total_iters=5),
            lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=6)], [18])),
    ],
)  # fmt: skip
def test_schedules_are_those_of_torch(spec, make):
    expected = of_torch(make)
    assert [0.3 * factor for factor in factors(find(spec), 24)] == pytest.approx(expected, rel=1e-12, abs=1e-15)
    assert of_torch(lambda optimizer: scheduler(optimizer, spec, 24)) == pytest.approx(expected, rel=1e-12, abs=1e-15)


def test_a_scheduler_of_torch_gets_its_length_and_the_learning_rate_of_the_run():
    name = "torch.optim.lr_scheduler:"
    for spec, make in {
        "OneCycleLR": lambda optimizer: lr_scheduler.OneCycleLR(optimizer, 0.3, total_steps=24),
        "OneCycleLR(pct_start=0.5)": lambda own: lr_scheduler.OneCycleLR(own, 0.3, total_steps=24, pct_start=0.5),
        "CosineAnnealingLR(eta_min=0.1)": lambda own: lr_scheduler.CosineAnnealingLR(own, 24, 0.1),
        "StepLR(5, gamma=0.5)": lambda optimizer: lr_scheduler.StepLR(optimizer, 5, gamma=0.5),
    }.items():
        assert is_scheduler(name + spec)
        assert of_torch(lambda optimizer, spec=spec: scheduler(optimizer, name + spec, 24)) == of_torch(make)
        check_scheduler(name + spec, 24)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("OneCycleLR(max_lr=0.1)", "sets the same learning rates whatever the trial's is; leave out its own"),
        ("CyclicLR(base_lr=0.1, max_lr=0.2)", "sets the same learning rates"),
        ("ReduceLROnPlateau", "step() raised TypeError"),
        ("SequentialLR", "missing 2 required positional arguments"),
        ("StepLR", "missing 1 required positional argument: 'step_size'"),
        ("StpLR(5)", "has no 'StpLR'; did you mean 'StepLR'?"),
        ("math", "is no scheduler"),
        ("EPOCH_DEPRECATION_WARNING", "is no scheduler"),
    ],
)
def test_a_scheduler_that_cannot_be_used_is_told_why(spec, message):
    with pytest.raises(InvalidValue) as caught:
        check_scheduler(f"torch.optim.lr_scheduler:{spec}", 30)
    assert message in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("steps", [1, 2, 7, 1000])
def test_every_schedule_begins_above_zero_and_stays_between_zero_and_one(name, steps):
    ours = factors(find(name), steps)
    assert ours[0] > 0 and all(0 <= factor <= 1 for factor in ours)


def test_a_schedule_is_found_by_name_by_spec_or_is_itself():
    assert find(None)(3, 10) == find("constant")(3, 10) == 1.0
    for spec in ("exponential(0.2)", "exponential(rate=0.2)", " exponential( rate = 0.2 ) "):
        assert factors(find(spec)) == factors(exponential(0.2))

    def mine(step, steps):
        return step / steps

    assert find(mine) is mine


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("cosin", "unknown schedule 'cosin'; did you mean 'cosine'?"),
        (
            "step",
            "unknown schedule 'step'; known: constant, cosine, exponential, inverse_sqrt, linear, warmup_constant",
        ),
        ("warmup(1)", "warmup_constant: warmup must lie in [0, 1), got 1"),
        ("warmup_stable_decay(0.5, 0.6)", "warmup_stable_decay: decay must lie in [0, 1 - warmup], got 0.6"),
        ("torch.optim.lr_scheduler:StepLR(5)", "schedule 'torch.optim.lr_scheduler:StepLR(5)': acts on an optimizer"),
        ("", "unknown schedule ''; known: "),
        ("cosine(1)", "schedule 'cosine(1)': wrong arguments"),
        ("exponential(speed=1)", "schedule 'exponential(speed=1)': wrong arguments"),
        ("exponential('fast')", "schedule \"exponential('fast')\": wrong arguments"),
        ("exponential(-0.1)", "exponential: rate must lie in [0, inf), got -0.1"),
        ("inverse_sqrt(-1)", "inverse_sqrt: rate must lie in [0, inf), got -1"),
        ("inverse_sqrt(1e999)", "inverse_sqrt: rate must lie in [0, inf), got inf"),
        ("warmup_cosine(1)", "warmup_cosine: warmup must lie in [0, 1), got 1"),
        ("warmup_cosine(-0.1)", "warmup_cosine: warmup must lie in [0, 1), got -0.1"),
        ("cosine(", "cannot read 'cosine('"),
        (0.5, "schedule: expected a name or a function, got 0.5"),
    ],
)
def test_a_mistake_is_named(spec, message):
    with pytest.raises(InvalidValue) as caught:
        find(spec)
    assert str(caught.value).startswith(message) and "\n" not in str(caught.value)
    assert isinstance(caught.value, UnknownName) == message.startswith("unknown")
