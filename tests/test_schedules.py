"""Schedules: their exact factors, and how they are asked for."""

import math

import pytest

from steepest.base.errors import InvalidValue, UnknownName
from steepest.schedules import SCHEDULES, constant, cosine, exponential, find, inverse_sqrt, warmup_cosine

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
        ("linear", "unknown schedule 'linear'; known: constant, cosine, exponential, inverse_sqrt, warmup_cosine"),
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
