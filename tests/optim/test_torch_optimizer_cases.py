"""PyTorch's own database of optimizer cases drives our classes: each behaviour that its tests check holds for ours.

The tests follow those of pytorch/test/test_optim.py that use the database. What is not supported stands in two tables,
with the reason. What needs a GPU (recording steps in CUDA graphs, states moved to it) is not here.
"""

import copy
import importlib
import io
import pickle
from functools import partial

import pytest
import torch
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

import steepest
from steepest.rules import RULES

pytest.importorskip("expecttest", reason="torch.testing._internal imports expecttest, which is not installed")
from torch.testing._internal.common_optimizers import OptimizerErrorEnum, optim_db

# --- the database and what of it is not supported ---------------------------------------------------------------------

INFOS = {info.name: info for info in optim_db if info.name.lower() in RULES}

NOT_HERE = {
    "ASGD": "averaged SGD: no rule of this kind yet (Schedule-Free averages too)",
    "LBFGS": "evaluates its closure many times a step; a rule is one evaluation, one step",
    "SparseAdam": "Adam takes sparse gradients itself",
}
"""Torch's optimizers that are no rules here."""

ALLOWED = {
    "lr as a Tensor is not supported for capturable=False and foreach=True": "its number is taken",
    r"betas\[0\] as a Tensor is not supported for capturable=False and foreach=True": "its number is taken",
    "betas must be either both floats or both Tensors": "each is taken as a number",
    "Muon only supports 2D parameters": "more axes are taken for one matrix; a vector is refused at its first step",
}
"""What torch refuses because of its own implementations, and ours takes."""

OWN_WORDS = {
    "Invalid eta values": r"etas must be a number below 1 and one above, got",
    "Invalid ": r"must lie in [\[(].*[\])], got",
    "epsilon1 should be >= 0": r"eps must lie in \[0, inf\)",
    "Clipping threshold d should be >= 1": r"d must lie in \[1, inf\)",
    "beta2_decay should be <= 0": r"beta2_decay must lie in \(-inf, 0\]",
    "Adjust learning rate function arbitrary": "adjust_lr_fn must be one of .* got 'arbitrary'",
}
"""Torch's messages that ours words otherwise; all other messages are torch's."""


def kwargs_of(optimizer_input):
    """A copy, as a scheduler writes into a learning rate that is a tensor; and one of the parameters' dtype."""
    return {
        name: value.double().clone() if isinstance(value, torch.Tensor) else value
        for name, value in optimizer_input.kwargs.items()
    }


CASES = [
    pytest.param(info, each, id=f"{info.name}-{each.desc}")
    for info in INFOS.values()
    for each in info.optim_inputs_func(device="cuda")
]
"""The database's inputs, with those for GPUs."""

every_optimizer = pytest.mark.parametrize("info", INFOS.values(), ids=INFOS)
every_case = pytest.mark.parametrize(("info", "case"), CASES)

# --- a problem --------------------------------------------------------------------------------------------------------

STEPS = 8


@pytest.fixture(autouse=True)
def torch_in_the_parameters_precision(monkeypatch):
    """Torch keeps NAdam's product in the default dtype, and does Muon's iteration in bfloat16; ours is more exact."""
    torch.set_default_dtype(torch.float64)
    monkeypatch.setattr(torch.Tensor, "bfloat16", torch.Tensor.clone)
    yield
    torch.set_default_dtype(torch.float32)


def matrices(dtype=torch.float64, *, contiguous=True):
    """Parameters that every rule takes."""
    generator = torch.Generator().manual_seed(3)
    values = [torch.randn(4, *shape, generator=generator, dtype=torch.float64) for shape in ((3, 2), (1, 4))]
    values = [each[0] if contiguous else each.permute(1, 2, 0)[..., 0] for each in values]
    return [torch.nn.Parameter(each.to(dtype)) for each in values]


def named(params):
    return [(f"layer.{place}", param) for place, param in enumerate(params)]


def loss_of(params):
    """Smooth, with a slope everywhere; its minimum is where no parameter starts."""
    return sum((1 + (param - 2) * (param - 2).conj()).real.sqrt().sum() for param in params)


def close_over(optimizer, params):
    def closure():
        optimizer.zero_grad()
        loss = loss_of(params)
        loss.backward()
        return loss

    return closure


def train(optimizer, params, steps=STEPS, after=()):
    """The losses before each step; what stands in `after` is called with the loss after it."""
    losses = []
    for _ in range(steps):
        losses.append(optimizer.step(close_over(optimizer, params)).detach())
        for each in after:
            each(losses[-1])
    return losses


def make_pair(info, build, **problem):
    """`build(class, params)` for ours and torch's, each with parameters of its own."""
    ours, theirs = matrices(**problem), matrices(**problem)
    return (build(getattr(steepest, info.name), ours), ours), (build(info.optim_cls, theirs), theirs)


def assert_same(actual, expected, tolerance=1e-13):
    """The parameters agree; 1e-13 is 8 steps of about 10 roundings of numbers of order 1, with room to spare."""
    for ours, theirs in zip(actual, expected, strict=True):
        torch.testing.assert_close(ours.detach(), theirs.detach(), rtol=0, atol=tolerance)


def same_training(info, build, **problem):
    """Train both libraries' optimizers and compare; ours and its parameters."""
    (ours, params), (theirs, others) = make_pair(info, build, **problem)
    train(ours, params)
    train(theirs, others)
    assert_same(params, others)
    return ours, params


@pytest.fixture(autouse=True)
def torch_takes_a_cpu_for_an_accelerator(monkeypatch):
    """Torch has capturable steps on accelerators only; this is its own arithmetic for them, on a CPU."""
    for info in INFOS.values():
        module = importlib.import_module(info.optim_cls.__module__)
        if hasattr(module, "_get_capturable_supported_devices"):
            monkeypatch.setattr(module, "_get_capturable_supported_devices", lambda supports_xla=True: ["cpu"])


# --- the cases --------------------------------------------------------------------------------------------------------


def test_every_optimizer_of_torch_is_a_rule_or_named():
    assert {info.name for info in optim_db} == INFOS.keys() | NOT_HERE.keys()


@every_case
@pytest.mark.parametrize("contiguous", [True, False], ids=["contiguous", "not contiguous"])
def test_equals_torch(info, case, contiguous):
    build = lambda optimizer_class, params: optimizer_class(params, **kwargs_of(case))  # noqa: E731
    _, params = same_training(info, build, contiguous=contiguous)
    assert all(not torch.equal(param, start) for param, start in zip(params, matrices(), strict=True))


@every_case
def test_goes_the_right_way(info, case):
    params = matrices()
    losses = train(getattr(steepest, info.name)(params, **kwargs_of(case)), params)
    rises = losses[-1] > losses[0]
    assert rises == case.kwargs.get("maximize", False)


@every_optimizer
def test_errors(info):
    for each in info.optim_error_inputs_func(device="cpu", dtype=torch.float64):
        given, words = each.optimizer_error_input, each.error_regex
        build = partial(getattr(steepest, info.name), given.params or matrices(), **given.kwargs)
        if words in ALLOWED:
            build()
            continue
        expected = next((own for theirs, own in OWN_WORDS.items() if words.startswith(theirs)), words)
        at_step = each.error_on is OptimizerErrorEnum.STEP_ERROR
        with pytest.raises(each.error_type, match=expected):
            build().step() if at_step else build()


# --- settings ---------------------------------------------------------------------------------------------------------


@every_optimizer
@pytest.mark.parametrize("value", [True, False, None])
def test_implementation_flags_of_torch_are_accepted(info, value):
    """`fused` and `foreach` choose among torch's implementations; the numbers are the same."""
    for flag in {"foreach", "fused"} & {*info.supported_impls}:
        same_training(info, lambda optimizer_class, params, flag=flag: optimizer_class(params, **{flag: value}))


@every_optimizer
def test_step_is_differentiable(info):
    """The derivative of the step by the gradient is torch's; where torch has none, it is finite."""
    slopes = []
    for library in (steepest, torch.optim) if "differentiable" in info.supported_impls else (steepest,):
        params = [param.clone() for param in matrices()]
        grads = [torch.full_like(param, 0.3, requires_grad=True) for param in params]
        for param, grad in zip(params, grads, strict=True):
            param.grad = grad
        getattr(library, info.name)(params, differentiable=True).step()
        slopes.append(torch.autograd.grad(loss_of(params), grads))
    assert all(slope.isfinite().all() for slope in slopes[0])
    assert_same(slopes[0], slopes[-1])


@every_optimizer
@pytest.mark.parametrize("shape", [(), (1,)], ids=["0-d", "1-d"])
def test_tensor_lr(info, shape):
    runs = [matrices(), matrices()]
    for params, lr in zip(runs, (torch.full(shape, 0.01), 0.01), strict=True):
        optimizer = getattr(steepest, info.name)(params, lr=lr)
        assert optimizer.param_groups[0]["lr"] is lr
        train(optimizer, params)
    assert_same(*runs, tolerance=0)


@every_optimizer
@pytest.mark.parametrize("setting", ["lr", "weight_decay"])
def test_param_groups(info, setting):
    if setting not in getattr(steepest, info.name)(matrices()).defaults:
        pytest.skip(f"{info.name} has no {setting}")

    def build(optimizer_class, params):
        return optimizer_class([{"params": params[:1], setting: 0.1}, {"params": params[1:]}], lr=0.01)

    optimizer, _ = same_training(info, build)
    assert [group[setting] for group in optimizer.param_groups] == [0.1, (optimizer.defaults | {"lr": 0.01})[setting]]


@pytest.mark.parametrize(
    ("info", "schedulers"),
    [pytest.param(info, each, id=f"{name}-{i}") for name, info in INFOS.items()
     for i, each in enumerate(info.scheduler_inputs)],
)  # fmt: skip
@pytest.mark.parametrize("groups", [False, True], ids=["one group", "two groups"])
def test_schedulers(info, schedulers, groups):
    paths = []
    for library in (steepest, torch.optim):
        params = matrices()
        given = [{"params": params[:1], "lr": 0.02}, {"params": params[1:]}] if groups else params
        optimizer = getattr(library, info.name)(given, lr=0.01)
        made = [scheduler(optimizer) for scheduler in schedulers]
        after = [each.step if "metrics" in each.step.__code__.co_varnames else drop(each.step) for each in made]
        losses = train(optimizer, params, 25, after)
        assert losses[-1] < losses[0]
        paths.append(params)
    assert_same(*paths)


def drop(step):
    return lambda loss: step()


# --- parameters and gradients -----------------------------------------------------------------------------------------


@every_optimizer
def test_complex(info):
    """A complex parameter is two real ones; who does not support that says so."""
    (param, *_), make = matrices(torch.complex128), partial(getattr(steepest, info.name), lr=0.01)
    real = torch.nn.Parameter(torch.view_as_real(param.detach()).clone())
    generator, optimizers = torch.Generator().manual_seed(0), None
    for _ in range(3):
        real.grad = torch.randn(real.shape, generator=generator)
        param.grad = torch.view_as_complex(real.grad)
        if not info.supports_complex:
            with pytest.raises(RuntimeError, match=f"{info.name} does not support complex parameters"):
                make([param]).step()
            return
        optimizers = optimizers or (make([param]), make([real]))
        for optimizer in optimizers:
            optimizer.step()
    assert_same([torch.view_as_real(param)], [real])


@pytest.mark.parametrize("name", [name for name, info in INFOS.items() if info.supports_sparse])
@pytest.mark.parametrize("with_schedulers", [False, True])
def test_rosenbrock_sparse(name, with_schedulers):
    """Coordinate by coordinate with uncoalesced sparse gradients, as with dense ones."""
    settings, schedulers = INFOS[name].metadata_for_sparse
    ends = []
    for sparse in (True, False):
        param = torch.nn.Parameter(torch.tensor([1.5, 1.5]))
        optimizer = getattr(steepest, name)([param], **settings)
        made = [make(optimizer) for make in schedulers] if with_schedulers else []
        for step in range(60):
            x, y = param.tolist()
            slope = 200 * (y - x * x) if step % 2 else -400 * x * (y - x * x) - 2 * (1 - x)
            halves = torch.tensor([slope / 4, slope - slope / 4])
            grad = torch.sparse_coo_tensor([[step % 2] * 2], halves, (2,), check_invariants=True)
            param.grad = grad if sparse else grad.to_dense()
            optimizer.step()
            for each in made:
                each.step(*([torch.tensor(1.0)] if "metrics" in each.step.__code__.co_varnames else []))
        ends.append(param)
    assert_same(ends[:1], ends[1:])
    x, y = ends[0].tolist()
    assert (1 - x) ** 2 + 100 * (y - x * x) ** 2 < 5  # from 56.5


@every_case
def test_step_is_noop_when_params_have_no_grad(info, case):
    params = matrices()
    optimizer = getattr(steepest, info.name)(params, **kwargs_of(case))
    optimizer.step()
    assert_same(params, matrices(), tolerance=0)
    assert not optimizer.state


@every_case
def test_step_is_noop_for_zero_grads(info, case):
    params = matrices()
    optimizer = getattr(steepest, info.name)(params, **kwargs_of(case))
    if "weight_decay" in optimizer.defaults:  # which moves a parameter without a gradient, too
        optimizer = getattr(steepest, info.name)(params, **kwargs_of(case) | {"weight_decay": 0})
    for param in params:
        param.grad = torch.zeros_like(param)
    optimizer.step()
    assert_same(params, matrices(), tolerance=0)
    assert all(int(optimizer.state[param]["step"]) == 1 for param in params)


@every_optimizer
def test_state_after_a_step_is_not_empty_and_has_the_dtype_of_its_parameter(info):
    """Also with parameters of several dtypes in one group; the counter is float32 whatever they are."""
    dtypes = (torch.float64, torch.float32, torch.bfloat16)
    params = [torch.nn.Parameter(torch.ones(2, 3, dtype=dtype)) for dtype in dtypes]
    *_, case = info.optim_inputs_func(device="cpu")
    optimizer = getattr(steepest, info.name)(params, **kwargs_of(case))
    train(optimizer, params, 2)
    numbers = {"step", *optimizer.rule_class.numbers}
    for param in params:
        kept = {name: value for name, value in optimizer.state[param].items() if value is not None}
        assert kept["step"].dtype == torch.float32
        assert {value.dtype for name, value in kept.items() if name not in numbers} <= {param.dtype}


# --- step and its closures and hooks ----------------------------------------------------------------------------------


@every_optimizer
def test_closure(info):
    """Called once, with gradients on, whatever the caller has set; its loss is handed back, and None without one."""
    params, calls = matrices(), []
    optimizer = getattr(steepest, info.name)(params)

    def closure():
        calls.append(torch.is_grad_enabled())
        return close_over(optimizer, params)()

    expected = loss_of(params).detach()
    with torch.no_grad():
        assert torch.equal(optimizer.step(closure), expected)
    expected = loss_of(params).detach()
    assert torch.equal(optimizer.step(closure=closure), expected)
    assert optimizer.step() is None
    assert calls == [True, True]


@every_optimizer
def test_step_hooks(info):
    params, seen = matrices(), []
    optimizer = getattr(steepest, info.name)(params)
    hooks = {
        "own before": optimizer.register_step_pre_hook,
        "own after": optimizer.register_step_post_hook,
        "global before": register_optimizer_step_pre_hook,
        "global after": register_optimizer_step_post_hook,
    }
    handles = [register(lambda *_, word=word: seen.append(word)) for word, register in hooks.items()]
    train(optimizer, params, 1)
    for handle in handles:
        handle.remove()
    assert seen == ["global before", "own before", "own after", "global after"]
    train(optimizer, params, 1)
    assert len(seen) == 4


@every_optimizer
def test_state_dict_hooks(info):
    params, seen = matrices(), []
    optimizer = getattr(steepest, info.name)(params)
    optimizer.register_state_dict_pre_hook(lambda _: seen.append("second"))
    optimizer.register_state_dict_pre_hook(lambda _: seen.append("first"), prepend=True)
    optimizer.register_state_dict_post_hook(lambda _, state: state | {"note": 1})
    optimizer.register_state_dict_post_hook(lambda _, state: state.update(other=state["note"]))
    optimizer.register_load_state_dict_pre_hook(lambda _, state: seen.append(state.pop("note")))
    optimizer.register_load_state_dict_pre_hook(lambda _, state: state | {"note": 2}, prepend=True)
    optimizer.register_load_state_dict_post_hook(lambda _: seen.append("loaded"))
    state = optimizer.state_dict()
    assert (state["note"], state["other"]) == (1, 1)
    optimizer.load_state_dict(state)
    assert seen == ["first", "second", 2, "loaded"]


# --- state dicts ------------------------------------------------------------------------------------------------------


def go_on(info, case, change):
    """Train, load the changed state into a new optimizer of equal parameters, train both on: they end at one place."""
    params = matrices()
    make = partial(getattr(steepest, info.name), **kwargs_of(case))
    optimizer = make(params)
    train(optimizer, params)
    others = copy.deepcopy(params)
    other = make(others)
    other.load_state_dict(change(copy.deepcopy(optimizer.state_dict())))
    train(optimizer, params)
    train(other, others)
    assert_same(others, params, tolerance=0)
    return optimizer, other


@every_case
def test_state_dict_is_deterministic_and_left_as_it_was(info, case):
    given = []
    first, second = go_on(info, case, lambda state: given.extend([copy.deepcopy(state), state]) or state)
    torch.testing.assert_close(first.state_dict(), second.state_dict(), rtol=0, atol=0)
    torch.testing.assert_close(*given, rtol=0, atol=0)


@every_case
def test_can_load_older_state_dict(info, case):
    """A checkpoint from before a flag was there takes its default (the case's own value is that of the constructor)."""

    def without_the_flags(state):
        for group in state["param_groups"]:
            for flag in info.not_og_supported_flags:
                group.pop(flag, None)
        return state

    go_on(info, case, without_the_flags)


@every_case
def test_can_load_a_step_that_is_a_plain_number(info, case):
    def with_plain_steps(state):
        for each in state["state"].values():
            each["step"] = each["step"].item()
        return state

    go_on(info, case, with_plain_steps)


@every_case
def test_save_and_load_with_weights_only(info, case):
    def through_a_file(state):
        buffer = io.BytesIO()
        torch.save(state, buffer)
        buffer.seek(0)
        return torch.load(buffer, weights_only=True)

    go_on(info, case, through_a_file)


@every_optimizer
@pytest.mark.parametrize("giver", [named, list], ids=["named", "nameless"])
@pytest.mark.parametrize("taker", [named, list], ids=["named", "nameless"])
def test_can_load_from_and_to_named_state_dicts(info, giver, taker):
    params, others = matrices(), matrices()
    optimizer = getattr(steepest, info.name)(giver(params))
    train(optimizer, params)
    other = getattr(steepest, info.name)(taker(others))
    other.load_state_dict(optimizer.state_dict())
    assert_same([other.state[param]["step"] for param in others], [optimizer.state[param]["step"] for param in params])
    assert ("param_names" in other.param_groups[0]) == (named in (giver, taker))


@every_case
def test_copies_have_all_public_attributes(info, case):
    params = matrices()
    optimizer = getattr(steepest, info.name)(params, **kwargs_of(case))
    train(optimizer, params)
    for copied in (copy.deepcopy(optimizer), pickle.loads(pickle.dumps(optimizer))):
        public = [{name for name in vars(each) if not name.startswith("_")} for each in (optimizer, copied)]
        assert public[0] == public[1]
        torch.testing.assert_close(copied.state_dict(), optimizer.state_dict(), rtol=0, atol=0)
