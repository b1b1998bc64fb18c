"""What a step owes to those around it: autograd, other threads, a forked process, hooks and the profiler."""

import subprocess
import sys

import pytest
import torch
from torch.optim import optimizer as torch_optimizer

import steepest
from steepest.optim.cpu import threads

from .stepping import give_gradients, parameters, train

# --- autograd, counters, threads --------------------------------------------------------------------------------------


def test_autograd_is_told_that_parameters_changed():
    """A second backward pass through the old values would give wrong gradients."""
    weight = torch.nn.Parameter(torch.ones(3))
    optimizer = steepest.SGD([weight], lr=0.1)
    for _ in range(3):
        loss = (weight**3).sum()
        loss.backward(retain_graph=True)
        optimizer.step()
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            loss.backward()


@pytest.mark.parametrize("dtype", [torch.float64, torch.int64])
def test_a_step_counter_may_have_another_dtype(dtype):
    param = torch.nn.Parameter(torch.ones(3))
    optimizer = steepest.Adam([param], lr=0.1)
    train(optimizer, [param], 1)
    optimizer.state[param]["step"] = torch.tensor(1, dtype=dtype)
    train(optimizer, [param], 2)
    assert optimizer.state[param]["step"].item() == 3
    assert optimizer.state[param]["step"].dtype == dtype


@pytest.fixture
def three_threads():
    count = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(count)


def test_pythons_threads_stand_in_for_openmp(monkeypatch, three_threads):
    reached = []
    for has_openmp in (True, False):
        if not has_openmp:
            monkeypatch.setattr(threads, "_openmp", lambda: None)
        params = [torch.nn.Parameter(torch.ones(300, 700)), torch.nn.Parameter(torch.ones(11))]
        train(steepest.Adam(params, lr=0.01), params, 5)
        reached.append(torch.cat([param.detach().flatten() for param in params]))
    assert torch.equal(*reached)


def test_parameters_that_share_memory_are_stepped_one_after_the_other(monkeypatch, three_threads):
    """Threads that write to the same numbers at the same time would lose steps."""
    used, run = [], threads.run
    monkeypatch.setattr(threads, "run", lambda *arguments: used.append(arguments[2]) or run(*arguments))
    reached = []
    for fused in (None, False):
        weights = torch.ones(1 << 17, dtype=torch.float64)
        params = [torch.nn.Parameter(weights), torch.nn.Parameter(weights[5:])]
        train(steepest.SGD(params, lr=0.1, momentum=0.9, fused=fused), params, 4)
        reached.append(weights)
    assert used == [1, 1, 1, 1]
    torch.testing.assert_close(*reached, rtol=1e-12, atol=1e-12)


def test_counters_are_on_the_host_whatever_the_default_device():
    params = parameters()
    optimizer = steepest.NAdam(params, lr=0.1)
    give_gradients(params, 0)
    with torch.device("meta"):
        optimizer.step()
    for state in optimizer.state.values():
        assert state["step"].device.type == state["mu_product"].device.type == "cpu"


def test_a_forked_process_can_step():
    """Threads stay with the parent; a child that waited for them would wait forever."""
    code = (
        "import os, torch, steepest\n"
        "torch.set_num_threads(2)\n"
        "param = torch.nn.Parameter(torch.ones(1 << 18))\n"
        "optimizer = steepest.SGD([param], lr=0.125)\n"
        "param.grad = torch.ones(1 << 18)\n"
        "for _ in range(3): optimizer.step()\n"
        "child = os.fork()\n"
        "optimizer.step()\n"
        "correct = bool(param.detach().numpy().min() == param.detach().numpy().max() == 0.5)\n"
        "if not child: os._exit(0 if correct else 1)\n"
        "print(correct, os.waitpid(child, 0)[1])\n"
    )
    said = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=60)
    assert (said.stdout, said.stderr) == ("True 0\n", "")


# --- hooks and profilers ----------------------------------------------------------------------------------------------


def test_the_profiler_sees_the_step():
    params = parameters()
    optimizer = steepest.Adam(params, lr=0.1)
    train(optimizer, params, 2)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        train(optimizer, params, 3)
    assert sum(event.name == "Optimizer.step#Adam.step" for event in profile.events()) == 3


@pytest.mark.parametrize("everywhere", [False, True])
@pytest.mark.parametrize("when", ["pre", "post"])
def test_hooks_are_called_once_a_step(when, everywhere):
    params, calls = parameters(), []
    optimizer = steepest.Adam(params, lr=0.1)
    train(optimizer, params, 2)
    owner, kind = (torch_optimizer, "register_optimizer_step") if everywhere else (optimizer, "register_step")
    hook = getattr(owner, f"{kind}_{when}_hook")(lambda *arguments: calls.append(arguments[0]))
    train(optimizer, params, 3)
    hook.remove()
    train(optimizer, params, 1)
    assert calls == [optimizer] * 3
