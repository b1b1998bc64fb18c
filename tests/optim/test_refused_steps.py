"""A step that cannot be made is refused before anything is changed, also where others of its parameters could step."""

import warnings

import pytest
import torch

import steepest
from steepest.base.errors import InvalidValue
from steepest.optim.cpu import step as cpu
from steepest.program import native
from steepest.program.native import NotCompiled

from .stepping import give_gradients, parameters


def all_of(optimizer, params):
    """Copies of parameters and states."""
    states = [value for param in params for value in optimizer.state[param].values()]
    return [tensor.detach().clone() for tensor in [*params, *states]]


@pytest.mark.filterwarnings("ignore:Sparse invariant checks")
@pytest.mark.parametrize("fused", [None, False])
def test_a_sparse_gradient_that_the_rule_refuses(fused):
    params = parameters()
    groups = [{"params": params[:2]}, {"params": params[2:], "weight_decay": 0.1}]
    optimizer = steepest.Adam(groups, lr=0.1, fused=fused)
    give_gradients(params, 0)
    optimizer.step()
    before = all_of(optimizer, params)
    params[2].grad = params[2].grad.to_sparse(1)
    with pytest.raises(InvalidValue, match="with sparse gradients weight_decay must be 0"):
        optimizer.step()
    assert all(map(torch.equal, before, all_of(optimizer, params)))


def test_a_complex_parameter_that_the_rule_refuses():
    params = [torch.nn.Parameter(torch.eye(3, dtype=dtype)) for dtype in (torch.float32, torch.complex64)]
    for param in params:
        param.grad = torch.ones_like(param)
    optimizer = steepest.Muon(params, lr=0.1)
    with pytest.raises(RuntimeError, match="does not support complex parameters"):
        optimizer.step()
    assert all(torch.equal(param, torch.eye(3, dtype=param.dtype)) for param in params)


@pytest.mark.parametrize("settings", [{"master_weights": True}, {"stochastic_rounding": True}])
@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeWarning])
def test_half_precision_whose_kernel_is_interrupted_or_raises_its_warning(monkeypatch, settings, error):
    params = parameters(torch.float32) + parameters(torch.bfloat16)
    optimizer = steepest.Adam([{"params": params[:3]}, {"params": params[3:], **settings}], lr=0.1)
    give_gradients(params, 0)
    before = [param.detach().clone() for param in params]

    calls, build = [], cpu.kernel_for

    def kernel_for(*key):
        calls.append(key)
        if len(calls) == 2:  # the first is of the group in single precision
            raise error
        return build(*key)

    monkeypatch.setattr(cpu, "kernel_for", kernel_for)
    with pytest.raises(error):
        optimizer.step()
    assert all(map(torch.equal, before, params))
    assert all(state["step"] == 0 for state in optimizer.state.values())


def test_a_warning_that_is_an_error_is_raised_before_the_step_and_once(monkeypatch):
    monkeypatch.setattr(native, "_warned", set())

    def load(text):
        native._warn("compiler", "no kernel could be compiled")
        raise NotCompiled("no compiler")

    monkeypatch.setattr("steepest.optim.cpu.kernels.load", load)
    monkeypatch.setattr("steepest.optim.cpu.step._kernels", {})
    params = parameters()
    before = [param.detach().clone() for param in params]
    optimizer = steepest.Adam(params, lr=0.1)
    give_gradients(params, 0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(RuntimeWarning, match="no kernel could be compiled"):
            optimizer.step()
        assert all(map(torch.equal, before, params))
        optimizer.step()
    assert optimizer.engine == "eager for 3 parameters (no compiler)"
    assert not any(map(torch.equal, before, params))
