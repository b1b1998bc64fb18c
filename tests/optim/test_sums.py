"""Steps that take sums over a tensor, in the fused kernel: equal to the eager engine, whatever threads and tensors."""

from dataclasses import dataclass

import pytest
import torch

import steepest
from steepest.optim.cpu import passes
from steepest.optim.cpu.step import program_of
from steepest.optim.low_bits import LEAST
from steepest.program.record import record, why_not_recorded
from steepest.rules import RULES, Rule, find

LONG = passes.PIECE + 12345
SHAPES = ((LONG,), (64, 100), (5,), (), (0, 3), (2, 3, 4, 5))
"""One of several pieces and an incomplete block, one in whole blocks, small ones, and an empty one."""


def takes_sums(rule):
    return why_not_recorded(rule, sums=True) is None and record(rule, sums=True).passes > 0


RULES_WITH_SUMS = [name for name, rule in RULES.items() if takes_sums(rule())]
WRAPPED = ["cautious(adamw)", "cautious(lion)", "clipped(nadam)", "clipped(cautious(lamb))", "lookahead(cautious(sgd))"]
SOME = ["cautious(adamw)", "lamb", "mars", "clipped(nadam)"]
"""Of the kinds: a sum that decides no state, two sums, one that decides all states, and a rule with numbers."""

every_rule = pytest.mark.parametrize("name", RULES_WITH_SUMS + WRAPPED)
some_rules = pytest.mark.parametrize("name", SOME)


def optimizer_of(name, params, **settings):
    rule = find(name)
    kind = steepest.optim.optimizer.as_optimizer(type(rule)) if "(" in name else getattr(steepest, type(rule).__name__)
    return kind(params, lr=0.01, **settings)


def parameters(dtype=torch.float32, shapes=SHAPES):
    generator = torch.Generator().manual_seed(0)
    return [torch.nn.Parameter(torch.randn(shape, generator=generator).to(dtype)) for shape in shapes]


def train(optimizer, steps=5):
    params = [param for group in optimizer.param_groups for param in group["params"]]
    for step in range(steps):
        generator = torch.Generator().manual_seed(step)
        for param in params:
            noise = torch.randn(param.shape, generator=generator)
            param.grad = (0.5 * param.detach().float() + 2 * noise).to(param.dtype)
        optimizer.step()
    return [param.detach().clone() for param in params]


def assert_near(actual, expected, allowed):
    for one, other in zip(actual, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=allowed)


@pytest.mark.quick
def test_which_rules_take_sums():
    assert set(RULES_WITH_SUMS) == {"lamb", "lars", "stableadamw", "mars"}
    assert all(takes_sums(find(name)) for name in WRAPPED)


@every_rule
def test_the_fused_kernel_is_the_eager_step(name):
    """But for the order in which numbers are added."""
    fused = optimizer_of(name, parameters())
    result = train(fused)
    assert fused.engine == f"fused CPU kernel for {len(SHAPES)} parameters"
    assert_near(result, train(optimizer_of(name, parameters(), fused=False)), 5e-6)


@some_rules
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16], ids=str)
def test_in_every_precision(name, dtype):
    """In bfloat16 the order of a sum decides now and then which neighbour is nearest."""
    result = train(optimizer_of(name, parameters(dtype)))
    expected = train(optimizer_of(name, parameters(dtype), fused=False))
    if dtype is torch.float64:
        assert_near(result, expected, 1e-12)
        return
    for one, other in zip(result, expected, strict=True):
        apart = (one != other).float()
        assert apart.sum() <= 0.01 * apart.numel()
        torch.testing.assert_close(one, other, rtol=2**-6, atol=2**-9)


@pytest.mark.parametrize("name", ["cautious(adamw)", "lamb", "clipped(nadam)"])
def test_sums_do_not_depend_on_the_number_of_threads(name):
    before, results = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 5):
            torch.set_num_threads(threads)
            results.append(train(optimizer_of(name, parameters(shapes=((3 * LONG,), (LONG,), (7,))))))
    finally:
        torch.set_num_threads(before)
    for other in results[1:]:
        assert all(map(torch.equal, other, results[0]))


@some_rules
@pytest.mark.parametrize("bits", [8, 16])
def test_states_in_fewer_bits_are_read_for_sums_too(name, bits):
    """States that a sum decides may be rounded to a neighbour where it is a little different."""
    fused = optimizer_of(name, parameters(), state_bits=bits)
    result = train(fused)
    eager = train(optimizer_of(name, parameters(), state_bits=bits, fused=False))
    assert fused.engine == f"fused CPU kernel for {len(SHAPES)} parameters"
    codes = [value.dtype for param in fused.param_groups[0]["params"] for value in fused.state[param].values()]
    coded = {torch.int8, torch.uint8} if bits == 8 else {torch.bfloat16}
    assert coded <= {*codes}
    for one, other in zip(result, eager, strict=True):
        apart = ((one - other).abs() > 1e-5).float()
        assert apart.sum() <= (0.02 * apart.numel() if one.numel() >= LEAST else 0)


@pytest.mark.parametrize("name", ["cautious(adamw)", "lars"])
def test_the_order_in_memory_does_not_matter(name):
    """Channels last, transposed, with gaps; and gradients in another order than their parameter."""

    def make():
        images = torch.randn((4, 3, 5, 5), generator=torch.Generator().manual_seed(1))
        matrix = torch.randn((6, 8), generator=torch.Generator().manual_seed(2))
        return [
            torch.nn.Parameter(images.to(memory_format=torch.channels_last)),
            torch.nn.Parameter(matrix.T),
            torch.nn.Parameter(matrix.clone()[:, ::2]),
        ]

    assert_near(train(optimizer_of(name, make())), train(optimizer_of(name, make(), fused=False)), 5e-6)


def test_a_wrapper_of_gradients_keeps_the_lists_of_its_rule():
    """Where lists were asked for, and on accelerators: the gradients are changed before."""
    optimizer = optimizer_of("clipped(adamw)", parameters(shapes=((6, 5), (3,))), foreach=True)
    result = train(optimizer)
    assert optimizer.engine == "operations on lists for 2 parameters"
    plain = optimizer_of("clipped(adamw)", parameters(shapes=((6, 5), (3,))))
    assert_near(result, train(plain), 5e-6)
    assert plain.engine == "fused CPU kernel for 2 parameters"


def test_parameters_that_share_memory_are_stepped_one_after_the_other():
    def make():
        matrix = torch.randn((6, 8), generator=torch.Generator().manual_seed(2))
        return [torch.nn.Parameter(matrix), torch.nn.Parameter(matrix[2:4])]

    optimizer = optimizer_of("clipped(adamw)", make())
    assert_near(train(optimizer), train(optimizer_of("clipped(adamw)", make(), fused=False)), 0)
    assert optimizer.engine == "eager for 2 parameters (two of them share memory)"


@pytest.mark.parametrize("settings", [{"master_weights": True}, {"stochastic_rounding": True}], ids=str)
def test_compensated_half_precision(settings):
    result = train(optimizer_of("cautious(adamw)", parameters(torch.bfloat16), **settings))
    expected = train(optimizer_of("cautious(adamw)", parameters(torch.bfloat16), fused=False, **settings))
    for one, other in zip(result, expected, strict=True):
        assert (one != other).float().sum() <= 0.01 * one.numel()


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_what_is_no_number_spreads_as_in_the_eager_engine(wrong):
    ways = []
    for settings in ({}, {"fused": False}):
        params = parameters(shapes=((300,), (5,)))
        optimizer = optimizer_of("clipped(sgd)", params, **settings)
        for param in params:
            param.grad = torch.ones_like(param)
        params[0].grad[7] = wrong
        optimizer.step()
        ways.append([torch.isfinite(param.detach()) for param in params])
    assert all(map(torch.equal, *ways)) and ways[0][1].all()


def test_a_large_tensor_is_summed_to_float64():
    """In float32 alone, a million terms of 0.1 are wrong by more than this."""
    weight = torch.nn.Parameter(torch.zeros(1 << 20))
    weight.grad = torch.full_like(weight, 0.3)
    steepest.Clipped(steepest.SGD)([weight], lr=1.0, max_rms=0.1).step()
    torch.testing.assert_close(weight.detach(), torch.full_like(weight, -0.1), rtol=2e-7, atol=0)


@dataclass(frozen=True, kw_only=True)
class Stages(Rule):
    """A sum of what another sum decides, a number that a sum decides, and two sums in a stage."""

    title = "Stages"
    elementwise = False
    numbers = ("length",)
    symbols = {"average": "m", "length": "l"}

    def init(self, param):
        return {"average": 0.0, "length": 1.0}

    def update(self, grad, param, step, average, length):
        centred = grad - grad.mean() - 0.1 * param.mean()
        average = 0.5 * average + centred / (1 + (centred * centred).mean())
        return -self.lr * average * length, average, 0.5 * length + 0.25 * abs(grad.mean()) * step


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_sums_of_sums_and_numbers_made_of_sums(dtype):
    assert record(Stages(), sums=True).passes == 2
    kind = steepest.optim.optimizer.as_optimizer(Stages)
    shapes = [shape for shape in SHAPES if 0 not in shape]
    fused, eager = kind(parameters(dtype, shapes), lr=0.1), kind(parameters(dtype, shapes), lr=0.1, fused=False)
    assert_near(train(fused), train(eager), 1e-12 if dtype is torch.float64 else 5e-6)
    for mine, other in zip(fused.param_groups[0]["params"], eager.param_groups[0]["params"], strict=True):
        torch.testing.assert_close(fused.state[mine]["length"], eager.state[other]["length"], rtol=2e-6, atol=1e-7)


@pytest.mark.quick
@pytest.mark.parametrize(
    ("name", "arrays"),
    [
        ("clipped(adamw)", ["grad"]),
        ("cautious(adamw)", ["grad", "exp_avg"]),  # the second moment does not decide the sign of a step
        ("cautious(adagrad)", ["grad"]),
        ("cautious(sgd(momentum=0.9))", ["grad", "momentum_buffer"]),
        ("lamb(weight_decay=0.1)", ["param", "grad", "exp_avg", "exp_avg_sq"]),
    ],
)
def test_a_pass_reads_what_its_sums_depend_on_and_no_more(name, arrays):
    assert passes.arrays_read(program_of(find(name)), 1) == arrays


def test_an_elementwise_rule_that_takes_a_sum_is_told():
    @dataclass(frozen=True, kw_only=True)
    class Summing(Rule):
        title = "Summing"

        def init(self, param):
            return {}

        def update(self, grad, param, step):
            return (-self.lr * grad / grad.mean(),)

    assert "it takes a mean over the tensor; say so by elementwise = False" in why_not_recorded(Summing())
