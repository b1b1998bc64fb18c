"""Wrapped rules as optimizers: the engines agree, checkpoints travel, and all that torch's optimizers do works."""

import copy
import pickle

import pytest
import torch

import steepest
from steepest import rules
from steepest.base.errors import InvalidValue, UnknownSetting
from steepest.optim import as_optimizer
from steepest.rules import class_named, find

WRAPPERS = ("Cautious", "CautiousDecay", "Lookahead", "Averaged", "Centralized", "Clipped")
INSIDE = {"SGD": {"momentum": 0.9, "weight_decay": 0.1}, "AdamW": {}, "Lion": {}, "Muon": {}}
SHAPES = ((5, 7), (3,), (3, 2, 2, 2), ())
MATRICES = ((5, 7), (6, 4))

every_pair = pytest.mark.parametrize(
    ("wrapper", "rule"), [(wrapper, rule) for wrapper in WRAPPERS for rule in INSIDE], ids="-".join
)


def make(wrapper, rule, dtype=torch.float64, **settings):
    generator = torch.Generator().manual_seed(0)
    shapes = MATRICES if rule == "Muon" else SHAPES
    params = [torch.nn.Parameter(torch.randn(shape, generator=generator).to(dtype)) for shape in shapes]
    own = {"k": 3} if wrapper == "Lookahead" else {"max_rms": 0.8} if wrapper == "Clipped" else {}
    kind = getattr(steepest, wrapper)(getattr(steepest, rule))
    return params, kind(params, lr=0.02, **INSIDE[rule], **own, **settings)


def train(params, optimizer, steps=7, seed=1):
    generator = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        for param in params:
            noise = torch.randn(param.shape, generator=generator, dtype=torch.float64)
            param.grad = (param.detach().double() + noise).to(param.dtype)
        optimizer.step()
    return torch.cat([param.detach().flatten().double() for param in params])


@every_pair
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_the_engines_agree(wrapper, rule, dtype):
    eager = train(*make(wrapper, rule, dtype, fused=False))
    kernel = train(*make(wrapper, rule, dtype))
    lists = train(*make(wrapper, rule, dtype, foreach=True))
    allowed = 1e-13 if dtype is torch.float64 else 4e-6 if rule == "Muon" else 2e-6
    torch.testing.assert_close(kernel, eager, rtol=0, atol=allowed)
    torch.testing.assert_close(lists, eager, rtol=0, atol=allowed)


@pytest.mark.parametrize("rule", ["SGD", "AdamW", "Lion"])
@pytest.mark.parametrize("wrapper", ["CautiousDecay", "Lookahead", "Averaged", "Centralized", "Clipped"])
def test_a_wrapper_keeps_the_fused_kernel(wrapper, rule):
    params, optimizer = make(wrapper, rule, torch.float32)
    train(params, optimizer, 2)
    assert optimizer.engine == "fused CPU kernel for 4 parameters"


@pytest.mark.parametrize("wrapper", ["Centralized", "Clipped"])
@pytest.mark.parametrize("rule", INSIDE)
def test_gradients_stay_as_they_were(wrapper, rule):
    params, optimizer = make(wrapper, rule)
    for param in params:
        param.grad = torch.full_like(param, 3.0)
    optimizer.step()
    assert all(bool((param.grad == 3.0).all()) for param in params)


@every_pair
def test_maximizing_is_minimizing_the_negative(wrapper, rule):
    up, down = make(wrapper, rule, maximize=True), make(wrapper, rule)
    generator = torch.Generator().manual_seed(5)
    for _ in range(4):
        for mine, other in zip(up[0], down[0], strict=True):
            other.grad = torch.randn(mine.shape, generator=generator, dtype=mine.dtype)
            mine.grad = -other.grad
        up[1].step()
        down[1].step()
    assert all(torch.equal(mine, other) for mine, other in zip(up[0], down[0], strict=True))


@every_pair
@pytest.mark.parametrize("way", ["pickle", "copy", "state_dict"])
def test_a_checkpoint_goes_on_bit_by_bit(wrapper, rule, way):
    params, optimizer = make(wrapper, rule)
    train(params, optimizer, 4)
    if way == "state_dict":
        others, other = make(wrapper, rule)
        with torch.no_grad():
            for mine, theirs in zip(others, params, strict=True):
                mine.copy_(theirs)
        other.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    else:
        other = pickle.loads(pickle.dumps(optimizer)) if way == "pickle" else copy.deepcopy(optimizer)
        others = other.param_groups[0]["params"]
        assert type(other) is type(optimizer)
    assert torch.equal(train(others, other, 4, seed=2), train(params, optimizer, 4, seed=2))


def test_a_wrapper_without_states_takes_and_gives_the_checkpoints_of_its_rule():
    params, _ = make("Clipped", "AdamW")
    plain = steepest.AdamW(params, lr=0.02)
    train(params, plain, 3)
    clipped = steepest.Clipped(steepest.AdamW)(params, lr=0.5, max_rms=0.3)
    clipped.load_state_dict(plain.state_dict())
    assert (clipped.param_groups[0]["lr"], clipped.param_groups[0]["max_rms"]) == (0.02, 0.3)
    train(params, clipped, 1)
    plain.load_state_dict(clipped.state_dict())
    assert plain.state[params[0]]["step"] == 4


WITHOUT_STATES = [name for name, wrapper in rules.WRAPPERS.items() if not wrapper.symbols]


@pytest.mark.quick
@pytest.mark.parametrize("wrapper", WITHOUT_STATES)
@pytest.mark.parametrize(("inner", "others"), [("adamw", ["lamb", "adam", "lion"]), ("sgd", ["adadelta", "signum"])])
def test_a_wrapper_takes_the_checkpoints_that_its_rule_takes_and_no_others(wrapper, inner, others):
    def made(spec):
        param = torch.nn.Parameter(torch.ones(3, 2))
        optimizer = as_optimizer(class_named(spec))([param], lr=0.25)

        def closure():
            param.grad = torch.ones_like(param)
            return 0.0

        optimizer.step(closure)
        return optimizer

    wrapped, plain = made(f"{wrapper}({inner})"), made(inner)
    for giver, taker in ((wrapped, plain), (plain, wrapped)):
        giver.param_groups[0]["lr"] = 0.125
        taker.load_state_dict(copy.deepcopy(giver.state_dict()))
        assert taker.param_groups[0]["lr"] == 0.125
        taker.param_groups[0]["lr"] = 0.25
    for other in others:
        checkpoint = made(other).state_dict()
        for taker in (plain, wrapped):
            with pytest.raises(InvalidValue, match=r"the checkpoint (is of another optimizer|does not fit)"):
                taker.load_state_dict(copy.deepcopy(checkpoint))


def test_a_checkpoint_that_lacks_the_wrappers_state_is_refused_whole():
    params, lookahead = make("Lookahead", "AdamW")
    plain = steepest.AdamW(params)
    train(params, plain, 2)
    with pytest.raises(InvalidValue, match=r"Lookahead AdamW: the checkpoint .* lacks slow"):
        lookahead.load_state_dict(plain.state_dict())
    train(params, lookahead, 2)
    with pytest.raises(InvalidValue, match="AdamW: the checkpoint is of another optimizer: it holds slow"):
        plain.load_state_dict(lookahead.state_dict())


def test_groups_and_schedulers_have_settings_of_their_own():
    first, second = (torch.nn.Parameter(torch.ones(3, dtype=torch.float64)) for _ in range(2))
    kind = steepest.Lookahead(steepest.SGD)
    optimizer = kind([{"params": [first], "k": 1, "alpha": 0.5}, {"params": [second], "lr": 0.2}], lr=0.1, k=2)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5)
    first.grad, second.grad = torch.ones_like(first), torch.ones_like(second)
    optimizer.step()
    scheduler.step()
    assert first.tolist() == pytest.approx([0.95] * 3)
    assert second.tolist() == pytest.approx([0.8] * 3)
    assert [group["lr"] for group in optimizer.param_groups] == [0.05, 0.1]


def test_half_precision_with_master_weights_averages_in_float32():
    params, optimizer = make("Averaged", "AdamW", torch.bfloat16, master_weights=True, ema_decay=0.5)
    exact, reference = make("Averaged", "AdamW", torch.float32, ema_decay=0.5)
    with torch.no_grad():
        for mine, other in zip(exact, params, strict=True):
            mine.copy_(other)
    generator = torch.Generator().manual_seed(1)
    for _ in range(6):
        for mine, other in zip(params, exact, strict=True):
            mine.grad = torch.randn(mine.shape, generator=generator).to(mine.dtype)
            other.grad = mine.grad.float()
        optimizer.step()
        reference.step()
    with optimizer.evaluating(), reference.evaluating():
        for mine, other in zip(params, exact, strict=True):
            torch.testing.assert_close(mine.float(), other, rtol=2**-7, atol=1e-6)


def test_sparse_gradients_are_refused():
    weight = torch.nn.Parameter(torch.ones(4, 2))
    optimizer = steepest.Clipped(steepest.SGD)([weight], lr=0.1)
    weight.grad = torch.sparse_coo_tensor(torch.tensor([[1]]), torch.ones(1, 2), (4, 2), check_invariants=True)
    with pytest.raises((InvalidValue, RuntimeError), match="sparse"):
        optimizer.step()
    assert torch.equal(weight.detach(), torch.ones(4, 2))


def test_a_wrapper_takes_a_class_of_either_kind_a_rule_or_a_spec():
    assert steepest.Cautious(steepest.AdamW) is steepest.Cautious(steepest.AdamW)
    assert steepest.Cautious(steepest.AdamW).rule_class is type(find("cautious(adamw)"))
    assert (
        steepest.Cautious(find("adamw(lr=0.1)"))
        == steepest.Cautious("adamw(lr=0.1)")
        == find("cautious(adamw(lr=0.1))")
    )
    assert steepest.Lookahead("sgd", lr=0.1, k=3) == find("lookahead(sgd(lr=0.1), k=3)")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: steepest.Cautious(torch.optim.AdamW), "Cautious: needs an optimizer of steepest or a rule, got AdamW"),
        (lambda: steepest.Cautious(steepest.MuonWith), "MuonWith has several rules; wrap these"),
        (lambda: steepest.Cautious(steepest.AdamW, lr=0.1), "give lr with the parameters, to what this call returns"),
        (lambda: steepest.Cautious(3), "needs an optimizer of steepest or a rule, got 3"),
    ],
)
def test_what_is_no_rule_is_told(make, message):
    with pytest.raises(InvalidValue, match=message):
        make()


def test_a_misspelt_argument_is_told():
    with pytest.raises(UnknownSetting, match="has no argument 'kk'; did you mean 'k'"):
        steepest.Lookahead(steepest.SGD)([torch.nn.Parameter(torch.ones(1))], kk=3)


def test_muon_with_takes_wrapped_rules_and_their_checkpoints():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Linear(4, 4), torch.nn.Linear(4, 2))
    settings = {"muon": "cautious(muon)", "partner": "lookahead(adamw, k=2)"}
    optimizer = steepest.MuonWith(model, **settings)
    assert {group["rule"] for group in optimizer.param_groups} == {"cautious(muon)", "lookahead(adamw)"}
    train(list(model.parameters()), optimizer, 3)
    other = steepest.MuonWith(model, **settings)
    other.load_state_dict(optimizer.state_dict())
    assert other.param_groups[1]["k"] == 2


def test_a_wrapped_rule_for_matrices_trains_the_rest_wrapped_in_the_same_way():
    from steepest.optim.routing import optimizer_of

    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Linear(4, 4), torch.nn.Linear(4, 2))
    optimizer = optimizer_of(find("lookahead(muon, k=7)"), model)
    assert {group["rule"] for group in optimizer.param_groups} == {"lookahead(muon)", "lookahead(adamw)"}
    assert {group["k"] for group in optimizer.param_groups} == {7}
