"""Repeated steps of several groups, and of groups of which some parameters rest."""

import pytest
import torch

import steepest
from steepest.base.errors import InvalidValue

from .stepping import parameters, train


@pytest.mark.parametrize("name", ["Adam", "NAdam"])
def test_several_groups_are_repeated_with_their_own_settings(argument_blocks, name):
    reached = []
    for fused in (None, False):
        params = parameters()
        groups = [{"params": [param], "lr": 0.1 / (place + 1)} for place, param in enumerate(params)]
        optimizer = getattr(steepest, name)(groups, fused=fused)
        for step in range(6):
            optimizer.param_groups[1]["lr"] *= 0.5
            train(optimizer, params, 1, first=step)
        reached.append(torch.cat([param.detach().flatten() for param in params]))
    torch.testing.assert_close(*reached, rtol=1e-13, atol=1e-14)
    assert len(argument_blocks) == len(params)


def test_a_group_of_several_dtypes_is_repeated(argument_blocks):
    reached = []
    for fused in (None, False):
        dtypes = (torch.bfloat16, torch.float32, torch.bfloat16)
        params = [
            torch.nn.Parameter(param.detach().to(dtype)) for param, dtype in zip(parameters(), dtypes, strict=True)
        ]
        train(steepest.Adam(params, lr=0.1, fused=fused), params, 6)
        reached.append(params)
    assert len(argument_blocks) == 2  # one for each dtype
    torch.testing.assert_close(reached[0][1], reached[1][1])
    torch.testing.assert_close(reached[0][::2], reached[1][::2], rtol=0.01, atol=0.001)  # a unit in the last place


def test_the_engine_counts_parameters_of_all_groups():
    params = parameters()
    optimizer = steepest.Adam([{"params": [param]} for param in params], lr=0.1)
    train(optimizer, params, 1)
    assert optimizer.engine == "fused CPU kernel for 3 parameters"


def test_a_group_that_the_kernel_does_not_take_lets_the_others_repeat(argument_blocks):
    reached = []
    for fused in (None, False):
        params = parameters()
        groups = [{"params": params[:1], "fused": False}, {"params": params[1:], "fused": fused}]
        optimizer = steepest.Adam(groups, lr=0.1)
        train(optimizer, params, 6)
        reached.append(torch.cat([param.detach().flatten() for param in params]))
        if fused is None:
            assert optimizer.engine == "eager for 1 parameters (fused=False); fused CPU kernel for 2 parameters"
    torch.testing.assert_close(*reached, rtol=1e-13, atol=1e-14)
    assert len(argument_blocks) == 1


def test_a_frozen_group_is_seen_when_it_thaws(argument_blocks):
    params = parameters()
    optimizer = steepest.Adam([{"params": params[:1]}, {"params": params[1:]}], lr=0.1)
    train(optimizer, params[1:], 4)
    assert len(argument_blocks) == 1
    train(optimizer, params, 3, first=4)
    assert [optimizer.state[param]["step"].item() for param in params] == [3, 7, 7]


def test_gradients_that_alternate_are_laid_out_each_time(argument_blocks):
    params = parameters()
    optimizer = steepest.Adam(params, lr=0.1)
    for step in range(6):
        optimizer.zero_grad()
        train(optimizer, params[step % 2 :], 1, first=step)
    assert len(argument_blocks) == 6


@pytest.mark.parametrize("way", ["skip", "raise"])
def test_a_gradient_that_is_not_finite_is_seen_in_a_repeated_step(way):
    params = parameters()
    optimizer = steepest.Adam(params, lr=0.1, non_finite=way)
    train(optimizer, params, 3)
    params[1].grad[0] = torch.nan
    before = [param.detach().clone() for param in params]
    if way == "skip":
        optimizer.step()
        assert optimizer.skipped_steps == 1
    else:
        with pytest.raises(InvalidValue, match="not finite"):
            optimizer.step()
    assert all(map(torch.equal, before, params))
