"""Bad parameters, gradients and checkpoints: one clear line, and nothing half done."""

import copy

import pytest
import torch

import steepest
from steepest.base.errors import InvalidValue


def parameter(*shape):
    param = torch.nn.Parameter(torch.ones(shape))
    param.grad = torch.ones(shape)
    return param


def snapshot(optimizer):
    return repr(optimizer.state_dict())


def test_integer_parameters_with_a_gradient_are_refused():
    counts = torch.nn.Parameter(torch.tensor([1, 2]), requires_grad=False)
    counts.grad = torch.tensor([1, 1])
    optimizer = steepest.SGD([parameter(2), counts])
    with pytest.raises(InvalidValue, match=r"a parameter of torch\.int64 has a gradient; only floating point"):
        optimizer.step()
    assert all(
        torch.equal(param, before)
        for param, before in zip(
            optimizer.param_groups[0]["params"], [torch.ones(2), torch.tensor([1, 2])], strict=True
        )
    )


@pytest.mark.parametrize("name", ["Adam", "SGD", "RMSprop"])
def test_a_parameter_that_changed_its_shape(name):
    param = parameter(3)
    optimizer = getattr(steepest, name)([param], lr=0.1, **({"momentum": 0.9} if name == "SGD" else {}))
    optimizer.step()
    param.data = torch.ones(5)
    param.grad = torch.ones(5)
    with pytest.raises(InvalidValue, match=r"changed its shape from \(3,\) to \(5,\)"):
        optimizer.step()
    assert torch.equal(param.detach(), torch.ones(5))


def test_a_parameter_that_moved_to_another_device():
    param = parameter(3)
    optimizer = steepest.Adam([param])
    optimizer.step()
    optimizer.state[param]["exp_avg"] = torch.ones(3, device="meta")
    with pytest.raises(InvalidValue, match="moved from meta to cpu since its exp_avg was made"):
        optimizer.step()


# --- gradients --------------------------------------------------------------------------------------------------------


@pytest.mark.quick
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_a_step_with_a_bad_gradient_is_skipped_and_counted(bad):
    good, broken = parameter(2), parameter(2)
    optimizer = steepest.Adam([good, broken], lr=0.1, non_finite="skip")
    optimizer.step()
    before, state = good.detach().clone(), snapshot(optimizer)
    broken.grad[1] = bad
    optimizer.step()
    assert optimizer.skipped_steps == copy.deepcopy(optimizer).skipped_steps == 1
    assert torch.equal(good.detach(), before)
    assert snapshot(optimizer) == state
    broken.grad.fill_(1.0)
    optimizer.step()
    assert optimizer.skipped_steps == 1
    assert not torch.equal(good.detach(), before)


def test_a_bad_gradient_raises_with_the_parameters_name():
    layer = torch.nn.Linear(2, 2)
    optimizer = steepest.SGD(layer.named_parameters(), lr=0.1, non_finite="raise")
    before = [param.detach().clone() for param in layer.parameters()]
    layer(torch.ones(1, 2)).sum().backward()
    layer.bias.grad[0] = float("nan")
    with pytest.raises(InvalidValue, match="the gradient of bias is not finite; nothing was stepped"):
        optimizer.step()
    assert all(torch.equal(param, old) for param, old in zip(layer.parameters(), before, strict=True))


def test_a_sparse_gradient_is_looked_at_too():
    table = torch.nn.Embedding(4, 2, sparse=True)
    optimizer = steepest.SGD(table.parameters(), lr=0.1, non_finite="skip")
    (table(torch.tensor([1])) * float("inf")).sum().backward()
    optimizer.step()
    assert optimizer.skipped_steps == 1


def test_by_default_it_steps_as_torch_does():
    ours, theirs = parameter(2), parameter(2)
    for param, library in ((ours, steepest), (theirs, torch.optim)):
        param.grad[0] = float("nan")
        library.SGD([param], lr=0.1).step()
    assert torch.equal(ours.detach().isnan(), theirs.detach().isnan())


def test_an_unknown_choice_is_refused():
    with pytest.raises(InvalidValue, match="non_finite must be None, 'skip' or 'raise', got 'ignore'"):
        steepest.SGD([parameter(1)], non_finite="ignore")


# --- checkpoints ------------------------------------------------------------------------------------------------------


def trained(optimizer_class, *shapes, **settings):
    optimizer = optimizer_class([parameter(*shape) for shape in shapes], lr=0.1, **settings)
    optimizer.step()
    return optimizer


@pytest.mark.parametrize("library", [steepest, torch.optim])
def test_a_checkpoint_of_another_rule(library):
    optimizer = trained(steepest.Adam, (2,))
    before = snapshot(optimizer)
    with pytest.raises(
        InvalidValue, match=r"of another optimizer: it holds square_avg, Adam keeps exp_avg, exp_avg_sq"
    ):
        optimizer.load_state_dict(trained(library.RMSprop, (2,)).state_dict())
    assert snapshot(optimizer) == before


@pytest.mark.parametrize("library", [steepest, torch.optim])
def test_a_checkpoint_of_other_shapes_says_what_differs_and_loads_nothing(library):
    optimizer = trained(steepest.Adam, (2,), (3, 4))
    before = snapshot(optimizer)
    with pytest.raises(InvalidValue, match=r"exp_avg of parameter 1 has shape \(4, 3\) there and \(3, 4\) here"):
        optimizer.load_state_dict(trained(library.Adam, (2,), (4, 3)).state_dict())
    assert snapshot(optimizer) == before


def test_states_keep_their_own_dtype_on_load():
    """Torch would cast float32 moments of bfloat16 parameters down and lose what they had gathered."""
    optimizer = trained(steepest.Adam, (2,))
    saved = optimizer.state_dict()
    half = torch.nn.Parameter(torch.ones(2, dtype=torch.bfloat16))
    other = steepest.Adam([half], lr=0.1)
    other.load_state_dict(saved)
    assert other.state[half]["exp_avg"].dtype == torch.float32
    half.grad = torch.ones_like(half)
    other.step()
    # the moments go on in float32: 0.9 * 0.1 + 0.1 is no bfloat16 number
    torch.testing.assert_close(other.state[half]["exp_avg"], torch.full((2,), 0.19))
    assert other.engine == "eager for 1 parameters (torch.float32 state of torch.bfloat16 parameters)"
