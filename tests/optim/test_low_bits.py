"""States in 8 and 16 bits: the code against its definition, engines against the eager one, checkpoints both ways."""

import copy
import io
import pickle
from fractions import Fraction
from functools import partial

import pytest
import torch

import steepest
from steepest.base.errors import InvalidValue, UnknownSetting
from steepest.optim import low_bits
from steepest.optim.low_bits import BLOCK, LEAST, SIGNED, UNSIGNED, decode, encode, noise, seed_of
from steepest.program.record import why_not_recorded
from steepest.program.signs import never_negative
from steepest.rules import RULES

from .list_steps import ELEMENTWISE, optimizer_class

SHAPES = ((64, 100), (5,), (3, 4, 401))
"""One in whole blocks, one that is too small, one with a last block of 236."""

either_code = pytest.mark.parametrize("code", [SIGNED, UNSIGNED], ids=["signed", "unsigned"])
every_elementwise = pytest.mark.parametrize("name", ELEMENTWISE)
both = pytest.mark.parametrize("bits", [8, 16])


def parameters(dtype=torch.float32, shapes=SHAPES):
    generator = torch.Generator().manual_seed(0)
    return [torch.nn.Parameter(torch.randn(shape, generator=generator).to(dtype)) for shape in shapes]


def train(optimizer, steps=6, first=0):
    """Steps whose gradients depend on the number of the step alone; the parameters."""
    params = [param for group in optimizer.param_groups for param in group["params"]]
    for step in range(first, first + steps):
        generator = torch.Generator().manual_seed(step)
        for param in params:
            scale = torch.exp(2 * torch.randn(param.shape, generator=generator))
            param.grad = (scale * torch.randn(param.shape, generator=generator)).to(param.dtype)
        optimizer.step()
    return params


def states(optimizer):
    """All states as plain tensors, parameter by parameter."""
    return [
        {name: value.clone() for name, value in optimizer.state[param].items() if isinstance(value, torch.Tensor)}
        for group in optimizer.param_groups
        for param in group["params"]
    ]


def assert_equal_states(actual, expected):
    for one, other in zip(actual, expected, strict=True):
        assert one.keys() == other.keys()
        for name in one:
            assert one[name].dtype == other[name].dtype and torch.equal(one[name], other[name]), name


# --- the code ---------------------------------------------------------------------------------------------------------


def representable(code):
    """The numbers that a code has, in units, as exact fractions: multiples of 2^(e - 4) in [2^e, 2^(e + 1)), less 1."""
    sizes = [Fraction(16 + m, 16) * 2**e - 1 for e in range(code.largest + 1) for m in range(16)]
    return sorted({*sizes, *(-size for size in sizes)}) if code.signed else sizes


@pytest.mark.quick
@either_code
def test_codes_stand_for_the_numbers_of_the_definition(code):
    numbers = representable(code)
    kinds = torch.arange(-127 if code.signed else 0, 128 if code.signed else 256, dtype=torch.int16).to(code.dtype)
    found = decode(kinds, torch.tensor([0.25]))
    assert [Fraction(number) * 4 for number in found.tolist()] == numbers


@either_code
@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e25])
def test_a_number_becomes_a_neighbour(code, scale):
    """In both ways of rounding; to nearest the error is half a step at most, and what is coded is coded the same."""
    values = torch.randn(10 * BLOCK + 7, generator=torch.Generator().manual_seed(0)) * scale
    values = values if code.signed else values.abs()
    numbers = torch.tensor([float(number) for number in representable(code)], dtype=torch.float64)
    codes, units = encode(values, code)
    exact = values.double() / units.double().repeat_interleave(BLOCK)[: values.numel()]
    above = torch.searchsorted(numbers, exact).clamp(1, len(numbers) - 1)
    low, high = numbers[above - 1], numbers[above]
    assert (exact <= numbers[-1]).all()
    nearest = decode(codes, units).double() / units.double().repeat_interleave(BLOCK)[: values.numel()]
    tolerance = 1e-6 * exact.abs() + 1e-6
    assert ((nearest - exact).abs() <= (high - low) / 2 + tolerance)[exact > numbers[1]].all()
    assert torch.equal(encode(decode(codes, units), code, None, units)[0], codes)
    random, same = encode(values, code, noise(seed_of(3, 0), values.numel(), 0, values.device))
    rounded = decode(random, same).double() / units.double().repeat_interleave(BLOCK)[: values.numel()]
    near = (rounded - low).abs().minimum((rounded - high).abs())
    assert torch.equal(same, units) and (near <= tolerance)[exact > numbers[1]].all()
    assert (rounded[values != 0] != nearest[values != 0]).any()


@either_code
def test_the_least_power_of_two_that_holds_a_block_is_its_unit(code):
    top = float(representable(code)[-1])
    for largest, unit in ((top, 1.0), (top * 1.0001, 2.0), (top / 2 * 1.0001, 1.0), (top / 2, 0.5)):
        assert encode(torch.tensor([largest, 1.0]), code)[1].item() == unit


@either_code
def test_rounding_at_random_has_the_right_mean(code):
    """Of 4000 draws, within 5 standard errors; nothing is drawn for a number that has a code."""
    unit = 2.0 ** (7 - code.largest)
    values = torch.tensor([200.0, 13.37, 5.01, 0.3, 0.07, unit]).repeat_interleave(4000)
    random = noise(seed_of(1, 0), values.numel(), 1, values.device)
    units = torch.full((-(-values.numel() // BLOCK),), unit)
    found = decode(*encode(values, code, random, units)).double().view(6, -1)
    errors = found.mean(1) - values.view(6, -1)[:, 0].double()
    assert (errors.abs() <= 5 * found.std(1) / 4000**0.5 + 1e-5).all()
    assert found[5].unique().tolist() == [unit]
    assert all(len(row.unique()) == 2 for row in found[1:5])


def test_random_bits_of_a_step_are_uniform_and_of_neighbours_unlike():
    bits = noise(seed_of(1, 0), 1 << 16, 0, torch.device("cpu")).double()
    assert abs(bits.mean() / 65535 - 0.5) < 0.005 and abs(bits.std() / 65535 - 12**-0.5) < 0.005
    others = [
        noise(seed_of(2, 0), 1 << 16, 0, bits.device),
        noise(seed_of(1, 0), 1 << 16, 1, bits.device),
        bits.roll(1),
    ]
    for other in others:
        assert abs(torch.corrcoef(torch.stack([bits, other.double()]))[0, 1]) < 0.02
    later = noise(seed_of(1, 0), 10, 0, bits.device, first=1000)
    assert torch.equal(later.double(), bits[1000:1010])


@either_code
@pytest.mark.parametrize("bad", [torch.inf, torch.nan])
def test_what_is_not_finite_makes_its_block_nan(code, bad):
    values = torch.ones(2 * BLOCK)
    values[3] = bad
    found = decode(*encode(values, code))
    assert found[:BLOCK].isnan().all() and ((found[BLOCK:] - 1).abs() < 1 / 16).all()


def test_a_second_moment_is_never_rounded_to_0():
    """The step would be divided by eps."""
    values = torch.tensor([1.0, 1e-20, 0.0])
    for random in (None, torch.zeros(3, dtype=torch.int32)):
        found = decode(*encode(values, UNSIGNED, random))
        assert found[1] > 0 and found[2] == 0


@every_elementwise
def test_states_called_never_negative_are_so(name):
    """And those with a sign become negative in some run, so that the proof misses none."""
    torch.manual_seed(0)
    rule = RULES[name]
    optimizer = optimizer_class(name)([torch.nn.Parameter(torch.randn(500, dtype=torch.float64))])
    lowest = {}
    (param,) = optimizer.param_groups[0]["params"]
    for _ in range(30):
        param.grad = torch.randn_like(param)
        optimizer.step()
        for state in low_bits.codes_of(rule(), 8):
            lowest[state] = min(lowest.get(state, 0.0), optimizer.state[param][state].min().item())
    assert {state for state, least in lowest.items() if least >= 0} == never_negative(rule()) & lowest.keys()


# --- engines ----------------------------------------------------------------------------------------------------------


def run(name, bits, dtype=torch.float32, steps=6, shapes=SHAPES, **switches):
    optimizer = optimizer_class(name)(parameters(dtype, shapes), state_bits=bits, **switches)
    params = train(optimizer, steps)
    return torch.cat([param.detach().flatten() for param in params]), optimizer


@every_elementwise
@both
def test_the_fused_kernel_rounds_as_the_eager_engine(name, bits):
    """Bit by bit, in float64, whose last digits change no code but by a rare chance that these seeds do not have."""
    found, optimizer = run(name, bits, torch.float64)
    expected, eager = run(name, bits, torch.float64, fused=False)
    assert optimizer.engine == "fused CPU kernel for 3 parameters" and eager.engine.startswith("eager")
    torch.testing.assert_close(found, expected, rtol=1e-13, atol=1e-13)
    for one, other in zip(states(optimizer), states(eager), strict=True):
        for state in low_bits.codes_of(optimizer.rule_class(), bits):
            if one[state].dtype in low_bits.CODES:
                assert torch.equal(one[state], other[state]), state


@pytest.mark.parametrize("switches", [{}, {"foreach": True}, {"capturable": True}], ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@both
def test_engines_agree(switches, dtype, bits):
    found, optimizer = run("adam", bits, dtype, **switches)
    expected, eager = run("adam", bits, dtype, fused=False)
    allowed = 2e-2 if dtype == torch.bfloat16 else 1e-6
    torch.testing.assert_close(found, expected, rtol=allowed, atol=allowed)
    for one, other in zip(states(optimizer), states(eager), strict=True):
        for name in ("exp_avg", "exp_avg_sq"):
            assert (one[name].float() != other[name].float()).double().mean() <= 1e-3


def test_pieces_of_lists_draw_the_same(monkeypatch):
    from steepest.optim import compiled

    expected, _ = run("ademamix", 8, foreach=True)
    monkeypatch.setattr(compiled, "PIECE", 1 << 10)
    found, optimizer = run("ademamix", 8, foreach=True)
    assert torch.equal(found, expected)
    assert "lists" in optimizer.engine


def test_a_compiled_step(monkeypatch):
    """Traced, without the code that torch would generate."""
    from steepest.optim import compiled

    real = torch.compile
    monkeypatch.setattr(compiled, "_compiled", {})
    monkeypatch.setattr(torch, "compile", lambda function, **options: real(function, backend="aot_eager", **options))
    found, optimizer = run("adam", 8, fused=True, capturable=True)
    assert optimizer.engine == "torch.compile for 3 parameters"
    expected, eager = run("adam", 8, capturable=True)
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)
    for one, other in zip(states(optimizer), states(eager), strict=True):
        assert (one["exp_avg"] != other["exp_avg"]).double().mean() <= 1e-3


def test_a_capturable_step_reads_nothing_back():
    params = [torch.nn.Parameter(torch.empty(LEAST, device="meta"))]
    optimizer = steepest.Adam(params, state_bits=8, capturable=True)
    for _ in range(2):
        params[0].grad = torch.empty_like(params[0])
        optimizer.step()
    assert optimizer.state[params[0]]["exp_avg"].dtype == torch.int8


@pytest.mark.parametrize("layout", ["channels last", "transposed", "with gaps"])
@pytest.mark.parametrize("switches", [{}, {"foreach": True}, {"fused": False}], ids=str)
def test_the_order_in_memory(layout, switches):
    """Blocks follow memory, so that a transposed parameter is stepped as the same numbers that lie in a row."""
    ends = []
    for plain in (True, False):
        generator = torch.Generator().manual_seed(0)
        flat, grad = (torch.randn(6 * 8 * 10 * 10, generator=generator) for _ in range(2))
        view = {
            "channels last": lambda x: x.view(6, 10, 10, 8).permute(0, 3, 1, 2),
            "transposed": lambda x: x.view(60, 80).T,
            "with gaps": lambda x: torch.stack([x, x], 1).view(60, 160)[:, ::2],
        }[layout]
        param = torch.nn.Parameter(flat if plain else view(flat))
        optimizer = steepest.Adam([param], lr=0.1, state_bits=8, **switches)
        for step in range(4):
            param.grad = (step - 1.5) * (grad if plain else view(grad))
            optimizer.step()
        ends.append(param.detach())
    expected = view(ends[0])
    torch.testing.assert_close(ends[1], expected, rtol=1e-6, atol=1e-6)


def test_small_tensors_and_copies_of_parameters_stay_exact():
    _, optimizer = run("schedulefreeadamw", 8)
    large, small, _ = (optimizer.state[param] for param in optimizer.param_groups[0]["params"])
    assert large["exp_avg_sq"].dtype == torch.uint8 and large["z"].dtype == torch.float32
    assert small["exp_avg_sq"].dtype == torch.float32
    edge = parameters(shapes=[(LEAST - 1,), (LEAST,)])
    train(optimizer := steepest.Adam(edge, state_bits=8), 1)
    assert [optimizer.state[param]["exp_avg"].dtype for param in edge] == [torch.float32, torch.int8]


@pytest.mark.parametrize(("bits", "bytes_each"), [(8, 2.1), (16, 4.0), (None, 8.0)])
def test_bytes_of_the_states(bits, bytes_each):
    params = parameters(shapes=[(300, 300)])
    train(optimizer := steepest.Adam(params, state_bits=bits), 1)
    size = sum(value.nbytes for name, value in optimizer.state[params[0]].items() if name != "step")
    assert bytes_each - 0.1 <= size / params[0].numel() <= bytes_each


def test_averages_with_long_memories_keep_their_mean():
    """To nearest, an average that moves by a ten-thousandth a step would stand still."""
    params = parameters(shapes=[(LEAST,)])
    optimizer = steepest.AdEMAMix(params, lr=0.0, betas=(0.9, 0.999, 0.9999), state_bits=8)
    for _ in range(300):
        params[0].grad = torch.ones_like(params[0])
        optimizer.step()
    for name, beta in (("exp_avg_fast", 0.9), ("exp_avg_sq", 0.999), ("exp_avg_slow", 0.9999)):
        found = optimizer.state_dict()["state"][0][name].double().mean().item()
        assert found == pytest.approx(1 - beta**300, rel=0.02), name


# --- half precision ---------------------------------------------------------------------------------------------------


def test_bfloat16_without_a_master_copy_trains():
    """Least squares with steps below half a unit in the last place: rounded to nearest, nothing would move."""
    target = torch.linspace(0.5, 1.5, LEAST)
    ends = {}
    for rounding in (True, False):
        param = torch.nn.Parameter(torch.ones(LEAST, dtype=torch.bfloat16))
        optimizer = steepest.Adam([param], lr=5e-4, state_bits=8, stochastic_rounding=rounding)
        for _ in range(1500):
            param.grad = (param.detach().float() - target).to(torch.bfloat16)
            optimizer.step()
        ends[rounding] = (param.detach().float() - target).abs().mean().item()
        assert optimizer.state[param].keys() == {"step", "exp_avg", "exp_avg_sq", "exp_avg_scale", "exp_avg_sq_scale"}
    assert ends[True] < 0.01 < 0.1 < ends[False]


@pytest.mark.parametrize("switch", ["stochastic_rounding", "master_weights"])
@both
def test_half_precision_resumes_exactly(switch, bits):
    straight = steepest.Adam(parameters(torch.bfloat16), state_bits=bits, **{switch: True})
    train(straight, 8)
    first = steepest.Adam(parameters(torch.bfloat16), state_bits=bits, **{switch: True})
    params = [torch.nn.Parameter(param.detach().clone()) for param in train(first, 4)]
    second = steepest.Adam(params, state_bits=bits, **{switch: True})
    second.load_state_dict(first.state_dict())
    train(second, 4, first=4)
    for one, other in zip(params, straight.param_groups[0]["params"], strict=True):
        assert torch.equal(one, other)
    assert_equal_states(states(second), states(straight))


# --- checkpoints ------------------------------------------------------------------------------------------------------


@every_elementwise
@both
def test_a_run_goes_on_exactly(name, bits):
    """By the eager engine, as the others round as it does; with a kernel: `test_half_precision_resumes_exactly`."""
    kind = partial(optimizer_class(name), fused=False)
    straight = kind(parameters(), state_bits=bits)
    train(straight, 8)
    first = kind(parameters(), state_bits=bits)
    params = [torch.nn.Parameter(param.detach().clone()) for param in train(first, 5)]
    file = io.BytesIO()
    torch.save(first.state_dict(), file)
    file.seek(0)
    second = kind(params, state_bits=bits)
    second.load_state_dict(torch.load(file, weights_only=True))
    train(second, 3, first=5)
    for one, other in zip(params, straight.param_groups[0]["params"], strict=True):
        assert torch.equal(one, other)
    assert_equal_states(states(second), states(straight))


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda optimizer: pickle.loads(pickle.dumps(optimizer))])
def test_copies_go_on_exactly(copied):
    optimizer = steepest.Adam(parameters(), state_bits=8)
    train(optimizer, 3)
    other = copied(optimizer)
    train(optimizer, 3, first=3), train(other, 3, first=3)
    for one, two in zip(*(each.param_groups[0]["params"] for each in (optimizer, other)), strict=True):
        assert torch.equal(one, two)
    assert_equal_states(states(other), states(optimizer))


@both
def test_to_torch_and_back(bits):
    """On with the numbers of the codes by torch; what comes back is coded anew, not by the units of before."""
    ours = steepest.Adam(params := parameters(), state_bits=bits)
    train(ours, 4)
    theirs = torch.optim.Adam(params)
    theirs.load_state_dict(ours.state_dict())
    full = steepest.Adam(copied := [torch.nn.Parameter(param.detach().clone()) for param in params])
    full.load_state_dict(ours.state_dict())
    assert {value.dtype for state in states(full) for value in state.values()} == {torch.float32}
    assert not any(low_bits.names_of(state) for state in full.state.values())
    train(theirs, 3, first=4), train(full, 3, first=4)
    for param, other in zip(params, copied, strict=True):
        torch.testing.assert_close(param, other, rtol=1e-6, atol=1e-6)
    back = steepest.Adam(params, state_bits=bits)
    back.load_state_dict(theirs.state_dict())
    for key, state in back.state_dict()["state"].items():
        wanted = theirs.state_dict()["state"][key]
        for name in ("exp_avg", "exp_avg_sq"):
            error = (state[name] - wanted[name]).abs()
            assert (error <= wanted[name].abs() / 16 + wanted[name].abs().max() / 1000).all(), name


@pytest.mark.parametrize("saved", [None, 8, 16])
@pytest.mark.parametrize("ours", [None, 8, 16])
def test_the_bits_are_the_optimizers_own(saved, ours):
    source = steepest.Adam(parameters(), state_bits=saved)
    train(source, 2)
    optimizer = steepest.Adam(parameters(), state_bits=ours)
    optimizer.load_state_dict(source.state_dict())
    assert optimizer.param_groups[0]["state_bits"] == ours
    dtype = {None: torch.float32, 8: torch.int8, 16: torch.bfloat16}[ours]
    assert optimizer.state[optimizer.param_groups[0]["params"][0]]["exp_avg"].dtype == dtype
    train(optimizer, 1)
    assert optimizer.engine == "fused CPU kernel for 3 parameters"


def test_a_checkpoint_holds_no_codes():
    optimizer = steepest.Adam(parameters(), state_bits=8)
    train(optimizer, 2)
    for state in optimizer.state_dict()["state"].values():
        assert {value.dtype for value in state.values()} == {torch.float32}
    assert optimizer.state[optimizer.param_groups[0]["params"][0]]["exp_avg"].dtype == torch.int8


def test_a_setting_that_changes_later():
    """The states follow at the next step."""
    optimizer = steepest.Adam(parameters(), state_bits=None)
    (param, *_) = train(optimizer, 2)
    seen = []
    for bits in (8, 16, 8, None):
        optimizer.param_groups[0]["state_bits"] = bits
        train(optimizer, 1)
        seen.append(optimizer.state[param]["exp_avg"].dtype)
        assert optimizer.engine == "fused CPU kernel for 3 parameters"
    assert seen == [torch.int8, torch.bfloat16, torch.int8, torch.float32]


def test_groups_have_their_own_bits():
    first, second, third = parameters()
    optimizer = steepest.Adam([{"params": [first, second], "state_bits": 8}, {"params": [third], "state_bits": 16}])
    optimizer.add_param_group({"params": parameters()[:1]})
    train(optimizer, 2)
    kinds = [optimizer.state[group["params"][0]]["exp_avg"].dtype for group in optimizer.param_groups]
    assert kinds == [torch.int8, torch.bfloat16, torch.float32]
    other = copy.deepcopy(optimizer)
    other.load_state_dict(optimizer.state_dict())
    assert [group["state_bits"] for group in other.param_groups] == [8, 16, None]
    assert_equal_states(states(other), states(optimizer))


def test_weights_to_evaluate_of_coded_states():
    optimizer = steepest.ScheduleFreeAdamW(parameters(), state_bits=8)
    params = train(optimizer, 3)
    before = [param.detach().clone() for param in params]
    with optimizer.evaluating():
        assert not torch.equal(params[0], before[0])
    assert all(map(torch.equal, params, before))


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bits", [4, 32, True, "8"])
def test_other_numbers_of_bits_are_refused(bits):
    with pytest.raises(InvalidValue, match=r"Adam: state_bits must be None .* 16 or 8, got"):
        steepest.Adam(parameters(), state_bits=bits)


@pytest.mark.parametrize("name", [name for name, rule in RULES.items() if why_not_recorded(rule(), sums=True)])
def test_rules_for_whole_tensors_are_refused(name):
    with pytest.raises(UnknownSetting, match=r"go number by number: .* needs whole tensors$"):
        optimizer_class(name)(parameters(shapes=[(80, 80)]), state_bits=8)


def test_settings_that_do_not_go_with_it_are_refused():
    with pytest.raises(UnknownSetting, match=r"RMSProp: state_bits=8 .* the difference of two moments"):
        steepest.RMSprop(parameters(), centered=True, state_bits=8)
    with pytest.raises(UnknownSetting, match="state_bits=8 is not possible with differentiable=True"):
        steepest.Adam(parameters(), differentiable=True, state_bits=8)
    with pytest.raises(InvalidValue, match="state_bits=8 is not possible with complex parameters"):
        steepest.Adam([torch.nn.Parameter(torch.ones(LEAST, dtype=torch.complex64))], state_bits=8)
    with pytest.raises(InvalidValue, match="`fused` and `foreach` cannot be `True` together"):
        steepest.Adam(parameters(), foreach=True, fused=True, state_bits=8)


def test_sparse_gradients_are_refused_and_nothing_is_stepped():
    table = torch.nn.Embedding(100, 64, sparse=True)
    optimizer = steepest.Adam(table.parameters(), state_bits=8)
    table(torch.tensor([1, 2])).sum().backward()
    before = table.weight.detach().clone()
    with pytest.raises(InvalidValue, match=r"Adam: state_bits=8 does not support sparse gradients"):
        optimizer.step()
    assert torch.equal(table.weight, before)


def test_a_failed_group_is_not_added():
    optimizer = steepest.RMSprop(parameters())
    with pytest.raises(UnknownSetting):
        optimizer.add_param_group({"params": parameters()[:1], "centered": True, "state_bits": 8})
    assert len(optimizer.param_groups) == 1
