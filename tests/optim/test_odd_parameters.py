"""Parameters that are there all the same: frozen integers, empty matrices, one twice; counters as plain numbers."""

import pytest
import torch

import steepest
from steepest.base.errors import InvalidValue
from steepest.optim import as_optimizer
from steepest.optim.routing import MuonWith
from steepest.rules import RULES, WRAPPERS, class_named

ENGINES = {"kernel": {}, "eager": {"fused": False}, "lists": {"foreach": True}}
on_every_engine = pytest.mark.parametrize("switches", ENGINES.values(), ids=ENGINES)
every_rule = pytest.mark.parametrize("name", RULES)
WRAPPED = [f"{name}(sgd)" for name, wrapper in WRAPPERS.items() if wrapper.evaluations == 1]


def optimizer_class(name):
    return as_optimizer(class_named(name))


def parameters(*shapes, dtype=torch.float32):
    generator = torch.Generator().manual_seed(0)
    return [torch.nn.Parameter(torch.randn(shape, generator=generator).to(dtype)) for shape in shapes]


def train(optimizer, params, steps=range(3), late=()):
    """Every gradient belongs to its parameter, whatever the order in the optimizer; some are missing in some steps."""
    for step in steps:
        for index, param in enumerate(params):
            generator = torch.Generator().manual_seed(100 * step + index)
            missing = (index, step) in late
            param.grad = None if missing else torch.randn(param.shape, generator=generator).to(param.dtype)
        optimizer.step()
    return [param.detach().clone() for param in params]


# --- frozen integers --------------------------------------------------------------------------------------------------


@on_every_engine
@every_rule
def test_frozen_integers_among_the_parameters_change_nothing(name, switches):
    """As the quantized weights of QLoRA, given by `model.parameters()`."""
    quantized = torch.nn.Parameter(torch.ones(6, 1, dtype=torch.uint8), requires_grad=False)
    params, others = parameters((3, 4), (2, 5)), parameters((3, 4), (2, 5))
    optimizer = optimizer_class(name)([params[0], quantized, params[1]], **switches)
    plain = optimizer_class(name)(others, **switches)
    assert all(map(torch.equal, train(optimizer, params), train(plain, others)))
    with optimizer.evaluating():
        assert torch.equal(quantized, torch.ones_like(quantized))
    again = optimizer_class(name)([params[0], quantized, params[1]], **switches)
    again.load_state_dict(optimizer.state_dict())
    assert quantized not in again.state


def test_muon_and_its_partner_take_them_too():
    quantized = torch.nn.Parameter(torch.ones(6, 6, dtype=torch.uint8), requires_grad=False)
    params = parameters((3, 4), (4, 4), (4, 2), (4,))
    before = [param.detach().clone() for param in params]
    reached = train(MuonWith([*params, quantized]), params)
    assert not any(map(torch.equal, reached, before))


# --- empty matrices ---------------------------------------------------------------------------------------------------


@on_every_engine
@pytest.mark.parametrize("name", [*RULES, *WRAPPED])
@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (2, 0, 3)], ids=str)
def test_an_empty_matrix_steps(name, switches, shape):
    (empty,), params, others = parameters(shape), parameters((3, 4)), parameters((3, 4))
    optimizer, plain = optimizer_class(name)([empty, *params], **switches), optimizer_class(name)(others, **switches)
    for step in range(3):
        empty.grad = torch.ones_like(empty)
        reached, wanted = train(optimizer, params, [step]), train(plain, others, [step])
        assert torch.equal(*reached, *wanted)
    assert int(optimizer.state[empty]["step"]) == 3
    again = optimizer_class(name)([*parameters(shape), *params], **switches)
    again.load_state_dict(optimizer.state_dict())


# --- the same parameter twice -----------------------------------------------------------------------------------------


@on_every_engine
@pytest.mark.parametrize("name", ["SGD", "Adam", "RMSprop"])
def test_a_parameter_that_is_there_twice_steps_twice_with_torchs_warning(name, switches):
    reached = []
    for library, settings in ((steepest, switches), (torch.optim, {"foreach": False})):
        first, second = parameters((3,), (2,))
        with pytest.warns(UserWarning, match="duplicate parameters"):
            optimizer = getattr(library, name)([first, second, first], lr=0.1, **settings)
        reached.append(train(optimizer, [first, second], range(5)))
        assert int(optimizer.state[first].get("step", 10)) == 10
    for ours, theirs in zip(*reached, strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.filterwarnings("ignore:optimizer contains a parameter group with duplicate")
def test_what_is_captured_cannot_step_one_twice():
    (param,) = parameters((3,))
    optimizer = steepest.Adam([param, param], capturable=True)
    with pytest.raises(InvalidValue, match="capturable=True is not possible here: a parameter is there twice"):
        train(optimizer, [param])


# --- counters ---------------------------------------------------------------------------------------------------------

KINDS = {
    **{kind: (torch.float32, switches) for kind, switches in ENGINES.items()},
    "master weights": (torch.bfloat16, {"master_weights": True}),
    "stochastic rounding": (torch.bfloat16, {"stochastic_rounding": True}),
}
of_every_kind = pytest.mark.parametrize("kind", KINDS)


@of_every_kind
@every_rule
def test_counters_may_be_plain_numbers(name, kind):
    reached = []
    dtype, switches = KINDS[kind]
    for is_plain in (True, False):
        params = parameters((3, 4), (2, 5), dtype=dtype)
        optimizer = optimizer_class(name)(params, lr=0.05, **switches)
        train(optimizer, params)
        if is_plain:
            for state in optimizer.state.values():
                state["step"] = int(state["step"])
                state |= {key: float(state[key]) for key in RULES[name].numbers if key in state}
        reached.append(train(optimizer, params, range(3, 6)))
        with optimizer.evaluating():
            reached[-1] += [param.detach().clone() for param in params]
        assert [float(optimizer.state[param]["step"]) for param in params] == [6, 6]
    for plain, usual in zip(*reached, strict=True):
        torch.testing.assert_close(plain, usual, rtol=1e-5 if dtype == torch.float32 else 0, atol=1e-6)


@of_every_kind
@every_rule
def test_counters_stay_on_the_host_whatever_the_default_device(name, kind):
    dtype, switches = KINDS[kind]
    reached = []
    for device in ("meta", None):
        params = parameters((3, 4), (2, 5), dtype=dtype)
        grads = [torch.ones_like(param) for param in params]
        torch.set_default_device(device)
        try:
            optimizer = optimizer_class(name)(params, **switches)
            for _ in range(3):
                for param, grad in zip(params, grads, strict=True):
                    param.grad = grad
                optimizer.step()
            optimizer.eval()
            optimizer.train()
            optimizer.load_state_dict(optimizer.state_dict())
            optimizer.step()
        finally:
            torch.set_default_device(None)
        reached.append([param.detach() for param in params])
        values = [value for state in optimizer.state.values() for value in state.values()]
        assert {value.device.type for value in values if isinstance(value, torch.Tensor)} == {"cpu"}
    assert all(map(torch.equal, *reached))


@on_every_engine
@every_rule
def test_nothing_depends_on_the_order_of_the_parameters(name, switches):
    """Nor on the order of those that have made fewer steps; per-parameter numbers are each one's own."""
    late = {(2, 0), (2, 3), (1, 4)}
    reached = []
    for order in ((0, 1, 2, 3), (3, 2, 1, 0), (2, 0, 3, 1)):
        params = parameters((3, 2), (4, 4), (2, 5), (70, 3))
        optimizer = optimizer_class(name)([params[index] for index in order], lr=0.05, **switches)
        train(optimizer, params, range(6), late)
        states = [value for param in params for value in dict(sorted(optimizer.state[param].items())).values()]
        reached.append([*params, *(value for value in states if value is not None)])
    assert all(map(torch.equal, reached[0], reached[1]))
    assert all(map(torch.equal, reached[0], reached[2]))
