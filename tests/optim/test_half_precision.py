"""bfloat16 and float16 parameters: float32 arithmetic, and two ways not to lose small steps."""

import pytest
import torch

import steepest
from steepest.base.errors import InvalidValue
from steepest.optim.half import round_stochastically
from steepest.rules import RULES

HALF = (torch.bfloat16, torch.float16)


def optimizer_class(name):
    return getattr(steepest, RULES[name].__name__)


def descend(dtype, steps=200, **settings):
    """Steps of 1e-4 from weights of 1: each is far below the resolution of bfloat16 (1/128) and float16 (1/1024)."""
    param = torch.nn.Parameter(torch.ones(4000, dtype=dtype))
    optimizer = steepest.SGD([param], lr=1e-4, **settings)
    for _ in range(steps):
        param.grad = torch.ones_like(param)
        optimizer.step()
    return param.detach().double(), optimizer


@pytest.mark.parametrize("dtype", HALF)
def test_plain_rounding_loses_small_steps(dtype):
    assert (descend(dtype)[0] == 1).all()


@pytest.mark.parametrize("dtype", HALF)
def test_master_weights_keep_them(dtype):
    reached, optimizer = descend(dtype, master_weights=True)
    (state,) = optimizer.state.values()
    torch.testing.assert_close(state["master"], torch.full((4000,), 0.98), rtol=1e-5, atol=0)
    assert torch.equal(reached, state["master"].to(dtype).double())


@pytest.mark.parametrize("dtype", HALF)
def test_stochastic_rounding_keeps_them_in_the_mean(dtype):
    """The mean of 4,000 weights after 200 roundings: its standard error is below 2e-4, the path 2e-2."""
    reached, _ = descend(dtype, stochastic_rounding=True)
    assert reached.mean().item() == pytest.approx(0.98, abs=1e-3)


@pytest.mark.parametrize("dtype", HALF)
@pytest.mark.parametrize("value", [1 / 3, -1 / 3, 1e-3, -7.77, 255.9, 0.0, 1.0])
def test_stochastic_rounding_is_unbiased_and_goes_to_a_neighbour(dtype, value):
    rounded = round_stochastically(torch.full((100_000,), value), dtype, seed=3).double()
    exact = float(torch.tensor(value))  # the float32 that is rounded
    gap = (rounded.max() - rounded.min()).item()
    assert rounded.min().item() <= exact <= rounded.max().item()
    assert len(rounded.unique()) == (1 if gap == 0 else 2)
    # five standard errors of a mean of 100,000 draws, each within one gap
    assert rounded.mean().item() == pytest.approx(exact, abs=5 * gap * 0.5 / 100_000**0.5)


@pytest.mark.parametrize("dtype", HALF)
def test_what_is_representable_or_not_finite_stays(dtype):
    values = torch.tensor([0.0, 1.0, -2.5, float("inf"), -float("inf"), float("nan")])
    torch.testing.assert_close(round_stochastically(values, dtype, 1).float(), values, equal_nan=True)


def test_the_same_seed_rounds_alike():
    values = torch.linspace(0, 1, 1001)
    first, again, other = (round_stochastically(values, torch.bfloat16, seed) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("name", RULES)
def test_master_weights_are_a_float32_run(name):
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(10, 5, generator=generator).bfloat16()
    half = torch.nn.Parameter(start.clone())
    full = torch.nn.Parameter(start.float())
    careful = optimizer_class(name)([half], lr=0.01, master_weights=True)
    plain = optimizer_class(name)([full], lr=0.01)
    for _ in range(20):
        half.grad = torch.randn(10, 5, generator=generator).bfloat16()
        full.grad = half.grad.float()
        careful.step()
        plain.step()
    assert torch.equal(careful.state[half]["master"], full.detach())
    assert torch.equal(half.detach(), full.detach().bfloat16())


@pytest.mark.parametrize("option", ["master_weights", "stochastic_rounding"])
def test_a_checkpoint_goes_on_bit_by_bit(option):
    def make():
        return steepest.Adam([torch.nn.Parameter(torch.ones(30, dtype=torch.bfloat16))], lr=0.01, **{option: True})

    def train(optimizer, steps):
        (param,) = optimizer.param_groups[0]["params"]
        for step in steps:
            param.grad = torch.full_like(param, 1.0 + step)
            optimizer.step()
        return param

    straight = train(make(), range(10))
    first, second = make(), make()
    half_way = train(first, range(5)).detach().clone()
    second.load_state_dict(first.state_dict())
    second.param_groups[0]["params"][0].data.copy_(half_way)
    assert torch.equal(train(second, range(5, 10)), straight)


def test_both_at_once_are_refused():
    with pytest.raises(InvalidValue, match="choose one"):
        steepest.SGD([torch.nn.Parameter(torch.ones(1))], master_weights=True, stochastic_rounding=True)
