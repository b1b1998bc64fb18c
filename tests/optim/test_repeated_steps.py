"""A repeated step sees whatever changed since the last: each case changes something behind the optimizer's back."""

import weakref
from collections import defaultdict

import pytest
import torch

import steepest
from steepest.base.errors import InvalidValue

from .stepping import give_gradients, parameters, train

# --- what may change --------------------------------------------------------------------------------------------------


def data_of_a_parameter(optimizer, params):
    params[0].data = params[0].data.clone() * 2


def data_at_the_same_place(optimizer, params):
    params[2].data = params[2].data.t()


def a_state(optimizer, params):
    optimizer.state[params[1]] = {name: value.clone() for name, value in optimizer.state[params[1]].items()}
    optimizer.state[params[1]]["exp_avg"] *= 0.5


def a_tensor_of_a_state(optimizer, params):
    optimizer.state[params[1]]["exp_avg"] = torch.ones(5, dtype=torch.float64)


def data_of_a_state(optimizer, params):
    optimizer.state[params[1]]["exp_avg_sq"].data = torch.ones(5, dtype=torch.float64)


def values_of_a_state(optimizer, params):
    optimizer.state[params[1]]["exp_avg_sq"].fill_(2.0)


def a_step_counter(optimizer, params):
    optimizer.state[params[1]]["step"] = torch.tensor(100.0)


def value_of_a_step_counter(optimizer, params):
    optimizer.state[params[1]]["step"].fill_(100.0)


def forgotten_state(optimizer, params):
    del optimizer.state[params[-1]]


def learning_rate(optimizer, params):
    optimizer.param_groups[0]["lr"] = 0.5


def learning_rate_in_place(optimizer, params):
    optimizer.param_groups[0]["betas"][0].fill_(0.5)


def direction(optimizer, params):
    optimizer.param_groups[0]["maximize"] = True


def decay_from_zero(optimizer, params):
    optimizer.param_groups[0]["weight_decay"] = 0.1


def fewer_parameters(optimizer, params):
    optimizer.param_groups[0]["params"].pop()


def another_list_of_parameters(optimizer, params):
    optimizer.param_groups[0]["params"] = params[:-1]


def a_parameter_more(optimizer, params):
    params.append(torch.nn.Parameter(torch.ones(7, dtype=torch.float64)))
    optimizer.param_groups[0]["params"].append(params[-1])


def another_parameter(optimizer, params):
    params[1] = torch.nn.Parameter(torch.ones(5, dtype=torch.float64))
    optimizer.param_groups[0]["params"][1] = params[1]


def a_group_more(optimizer, params):
    params.append(torch.nn.Parameter(torch.ones(7, dtype=torch.float64)))
    optimizer.add_param_group({"params": [params[-1]], "lr": 0.3})


def a_tensor_inside_a_parameter(optimizer, params):
    torch.utils.swap_tensors(params[0], torch.nn.Parameter(params[0].detach() * 2))


def other_states(optimizer, params):
    states = {param: {name: value.clone() for name, value in state.items()} for param, state in optimizer.state.items()}
    optimizer.state = defaultdict(dict, states)
    optimizer.state[params[0]]["exp_avg"].fill_(3.0)


def other_groups(optimizer, params):
    optimizer.param_groups = [dict(group, lr=0.5) for group in optimizer.param_groups]


def a_checkpoint(optimizer, params):
    saved = optimizer.state_dict()
    for state in saved["state"].values():
        state["exp_avg"] = state["exp_avg"] * 2
    optimizer.load_state_dict(saved)


CHANGES = [
    data_of_a_parameter, data_at_the_same_place, a_state, a_tensor_of_a_state, data_of_a_state, values_of_a_state,
    a_step_counter, value_of_a_step_counter, forgotten_state, learning_rate, learning_rate_in_place, direction,
    decay_from_zero, fewer_parameters, a_parameter_more, another_parameter,
    another_list_of_parameters, a_group_more,
    a_tensor_inside_a_parameter, other_states, other_groups, a_checkpoint,
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_between_steps_is_seen(change):
    reached = []
    for fused in (None, False):
        params = parameters()
        betas = (torch.tensor(0.9, dtype=torch.float64), 0.99)
        optimizer = steepest.Adam(params, lr=0.1, betas=betas, fused=fused)
        train(optimizer, params, 3)
        change(optimizer, params)
        train(optimizer, params, 3, first=3)
        reached.append(torch.cat([param.detach().flatten() for param in params]))
    torch.testing.assert_close(*reached, rtol=1e-13, atol=1e-14)
    unchanged = parameters()
    train(steepest.Adam(unchanged, lr=0.1, betas=(0.9, 0.99)), unchanged, 6)
    before = torch.cat([param.detach().flatten() for param in unchanged])
    assert reached[0].shape != before.shape or not torch.allclose(reached[0], before)


def test_a_setting_changed_inside_a_list_is_seen():
    reached = []
    for fused in (None, False):
        params = parameters()
        optimizer = steepest.Adam(params, lr=0.1, betas=[0.9, 0.99], fused=fused)
        train(optimizer, params, 3)
        optimizer.param_groups[0]["betas"][0] = 0.5
        train(optimizer, params, 3, first=3)
        reached.append(torch.cat([param.detach().flatten() for param in params]))
    torch.testing.assert_close(*reached, rtol=1e-13, atol=1e-14)


def test_a_parameter_cut_off_at_the_same_place_is_refused():
    params = parameters()
    optimizer = steepest.Adam(params, lr=0.1)
    train(optimizer, params, 3)
    params[1].data = params[1].data[:3]
    give_gradients(params, 4)
    with pytest.raises(InvalidValue, match="changed its shape"):
        optimizer.step()


def test_a_state_that_lacks_its_last_tensor_is_not_stepped_with_the_old_one():
    params = parameters()
    optimizer = steepest.Adam(params, lr=0.1)
    train(optimizer, params, 3)
    del optimizer.state[params[-1]]["exp_avg_sq"]
    with pytest.raises(KeyError, match="exp_avg_sq"):
        optimizer.step()


def test_a_state_set_to_none_starts_anew():
    """As torch's SGD takes it."""
    reached = []
    for fused in (None, False):
        params = parameters()
        optimizer = steepest.SGD(params, lr=0.1, momentum=0.9, fused=fused)
        train(optimizer, params, 3)
        optimizer.state[params[1]]["momentum_buffer"] = None
        train(optimizer, params, 3, first=3)
        reached.append(torch.cat([param.detach().flatten() for param in params]))
    torch.testing.assert_close(*reached, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("foreach", [None, True])
def test_a_counter_that_is_a_plain_number_goes_to_the_eager_engine(foreach):
    params = parameters()
    optimizer = steepest.Adam(params, lr=0.1, foreach=foreach)
    train(optimizer, params, 2)
    optimizer.state[params[0]]["step"] = 7
    train(optimizer, params, 1)
    assert "step is no tensor" in optimizer.engine
    assert optimizer.state[params[0]]["step"] == 8


# --- gradients --------------------------------------------------------------------------------------------------------


def transposed(grad):
    return grad.T.contiguous().T if grad.ndim == 2 else grad


def expanded(grad):
    return grad.flatten()[0].expand(grad.shape)


GRADIENTS = {"transposed": transposed, "expanded": expanded, "sparse": lambda grad: grad.to_sparse(1)}


@pytest.mark.parametrize("kind", GRADIENTS)
def test_a_gradient_of_another_kind_is_seen(kind):
    reached = []
    for fused in (None, False):
        param = torch.nn.Parameter(torch.arange(12.0, dtype=torch.float64).reshape(4, 3))
        optimizer = steepest.SGD([param], lr=0.1, fused=fused)
        for step in range(6):
            give_gradients([param], step)
            if step >= 3:
                param.grad = GRADIENTS[kind](param.grad)
            optimizer.step()
        reached.append(param.detach())
    torch.testing.assert_close(*reached, rtol=1e-14, atol=0)


ORDERS = {
    "contiguous": lambda: torch.randn(4, 3, 2, 2, dtype=torch.float64),
    "channels last": lambda: torch.randn(4, 3, 2, 2, dtype=torch.float64).to(memory_format=torch.channels_last),
    "one pixel": lambda: torch.randn(4, 3, 1, 1, dtype=torch.float64).to(memory_format=torch.channels_last),
    "transposed": lambda: torch.randn(3, 4, dtype=torch.float64).t(),
    "with gaps": lambda: torch.randn(4, 6, dtype=torch.float64)[:, ::2],
}  # fmt: skip


@pytest.mark.parametrize("gradients", ["in the same order", "contiguous"])
@pytest.mark.parametrize("order", ORDERS)
def test_parameters_are_stepped_in_the_order_in_which_they_lie(order, gradients, argument_blocks):
    reached = []
    for fused in (None, False):
        torch.manual_seed(2)
        param = torch.nn.Parameter(ORDERS[order]())
        strides = param.stride()
        optimizer = steepest.Adam([param], lr=0.1, fused=fused)
        for _ in range(6):
            values = torch.randn(param.shape, dtype=torch.float64)
            param.grad = torch.empty_like(param).copy_(values) if gradients == "in the same order" else values
            optimizer.step()
        reached.append(param.detach())
        assert param.stride() == strides
    torch.testing.assert_close(*reached, rtol=1e-13, atol=1e-14)
    in_place = order in ("contiguous", "one pixel") or (gradients == "in the same order" and order != "with gaps")
    assert len(argument_blocks) == (1 if in_place else 6)


class OwnKind(torch.Tensor):
    """As distributed tensors are: the memory behind it is not what it says."""


def test_a_gradient_of_a_type_of_its_own_is_seen():
    params = parameters()
    optimizer = steepest.SGD(params, lr=0.1)
    train(optimizer, params, 3)
    params[1].grad = params[1].grad.as_subclass(OwnKind)
    optimizer.step()
    assert "OwnKind" in optimizer.engine or "tensor of its own kind" in optimizer.engine


@pytest.mark.parametrize("first", [0, 3])
def test_a_gradient_that_is_the_negative_of_what_lies_in_memory(first):
    """As the imaginary part of a conjugate is, of which autograd may make the gradient of a number."""
    reached = []
    for fused in (None, False):
        param = torch.nn.Parameter(torch.tensor(1.0))
        optimizer = steepest.SGD([param], lr=0.1, fused=fused)
        for step in range(6):
            param.grad = torch.tensor(1.0 + step)
            if step >= first:
                param.grad = torch.complex(torch.zeros(()), param.grad).conj().imag
                assert param.grad.is_neg()
            optimizer.step()
        reached.append(param.detach())
    torch.testing.assert_close(*reached, rtol=1e-6, atol=0)


def test_a_gradient_that_comes_and_goes():
    reached = []
    for fused in (None, False):
        params = parameters()
        optimizer = steepest.Adam(params, lr=0.1, fused=fused)
        for step in range(9):
            give_gradients(params, step)
            if step % 4 == 2:
                params[1].grad = None
            if step < 5:
                params[2].grad = None
            optimizer.step()
        reached.append(torch.cat([param.detach().flatten() for param in params]))
        assert [optimizer.state[param]["step"].item() for param in params] == [9, 7, 4]
    torch.testing.assert_close(*reached, rtol=1e-14, atol=1e-15)


def test_frozen_parameters_do_not_stand_in_the_way(argument_blocks):
    params = parameters()
    optimizer = steepest.Adam(params, lr=0.1)
    for seed in range(4):
        give_gradients(params[:2], seed)
        optimizer.step()
    assert len(argument_blocks) == 1
    assert optimizer.engine == "fused CPU kernel for 2 parameters"


@pytest.mark.parametrize("name", ["NAdam", "ScheduleFreeAdamW", "Adam"])
def test_new_gradients_and_a_schedule_need_no_new_arguments(argument_blocks, name):
    """Also of rules that keep numbers, one for a parameter."""
    params = parameters(torch.float32)
    optimizer = getattr(steepest, name)(params, lr=0.1)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
    for seed in range(5):
        give_gradients(params, seed)
        optimizer.step()
        schedule.step()
    assert len(argument_blocks) == 1


def test_gradients_may_be_of_another_dtype():
    reached = []
    for fused in (None, False):
        param = torch.nn.Parameter(torch.ones(3))
        param.grad_dtype = None  # any
        optimizer = steepest.SGD([param], lr=0.1, fused=fused)
        for step in range(4):
            param.grad = torch.full((3,), 1.0 + step, dtype=torch.float32 if step < 2 else torch.float64)
            optimizer.step()
        reached.append(param.detach())
    torch.testing.assert_close(*reached)


def test_gradients_are_let_go():
    """No argument block keeps one."""
    params = parameters()
    optimizer = steepest.Adam(params, lr=0.1)
    train(optimizer, params, 3)
    held = [weakref.ref(param.grad) for param in params]
    optimizer.step()
    optimizer.zero_grad()
    assert all(each() is None for each in held)
