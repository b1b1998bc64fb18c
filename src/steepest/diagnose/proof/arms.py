"""Short trainings on copies: the same batches and random numbers, things left alone or a remedy followed."""

import copy
import math
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FunctionType, MethodType
from typing import Any

import torch
from torch import Tensor, nn

from ...base.errors import one_line
from ..examine import number
from ..record import Record
from ..replay import draws_now, put_back, undisturbed
from ..target import Target
from .recording import Batch, Recording
from .remedies import Setup, Untried
from .result import Start

__all__ = [
    "Held",
    "left_alone",
    "on_batches",
    "on_validation",
    "run",
    "seed_all",
    "standing_in",
    "untouched",
]

DECAY = 0.2
"""The last part of an arm, in which the learning rate falls to 0: what a large one hides by its noise shows."""

Held = Callable[[Setup], float]


@contextmanager
def untouched(device: torch.device) -> Iterator[None]:
    """Within it random numbers may be drawn; afterwards all global generators go on as if none had been."""
    draws = draws_now(device)
    try:
        with torch.enable_grad():
            yield
    finally:
        put_back(draws.restore)


def seed_all(seed: int) -> None:
    """Seed the global generators, so that two arms draw the same."""
    torch.manual_seed(seed)
    random.seed(seed)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(seed)


# --- copies -----------------------------------------------------------------------------------------------------------


def left_alone(target: Target, recording: Recording, record: Record, start: Start, example: Batch) -> Setup:
    """A copy of the training as it is now, or was at the first step, with all its mistakes.

    Raises:
        Untried: something cannot be copied.
    """
    memo: dict[int, Any] = {}
    try:
        model, optimizers = copy.deepcopy((target.model, list(target.optimizers)), memo)
    except Exception as error:  # whatever a user's module raises
        raise Untried("copy", error=one_line(error)) from None
    for module in model.modules():
        for hooks in (module._forward_hooks, module._forward_pre_hooks, module._backward_hooks):
            for key, hook in list(hooks.items()):
                if isinstance(hook, FunctionType | MethodType):  # a logger's; those of parametrizations are objects
                    del hooks[key]
    setup = Setup(model, optimizers, example, backwards=recording.backwards)
    if start == "start":
        _rewind(setup, target, recording, record, memo)
    if len(recording.modes) == len(list(model.modules())):
        for module, mode in zip(model.modules(), recording.modes, strict=True):
            module.training = mode
    setup.zeroes = record.proved.get("zero_grad", {}).get("kind") != "kept"
    setup.steps = "no_step" not in record.proved
    setup.clip = _clipped_at(record)
    if not setup.zeroes and start == "now":
        for _, _, param in target.stepped():
            if param.grad is not None and id(param) in memo:
                memo[id(param)].grad = param.grad.detach().clone()
    return setup


def _rewind(setup: Setup, target: Target, recording: Recording, record: Record, memo: dict[int, Any]) -> None:
    """Put the initial state into copies; learning rates are the largest ones seen, since schedules are not repeated."""
    initial = recording.initial
    if initial is None:
        raise Untried("no_start", size=recording.state_size / 1e6)
    with torch.no_grad():
        for tensors in (setup.model.named_parameters(), setup.model.named_buffers()):
            for name, tensor in tensors:
                if name in initial.tensors and initial.tensors[name].shape == tensor.shape:
                    tensor.copy_(initial.tensors[name])
        others = [param for _, _, param in target.stepped() if id(param) not in target.names]
        for param, value in zip(others, initial.others, strict=False):
            memo[id(param)].copy_(value)
    for optimizer, state in zip(setup.optimizers, initial.optimizers, strict=True):
        if len(state["param_groups"]) == len(optimizer.param_groups):
            optimizer.load_state_dict(copy.deepcopy(state))
        else:
            optimizer.state.clear()
    for group, (_, high, _) in zip(setup.groups(), record.rates, strict=False):
        if high > 0 and not isinstance(group.get("lr"), Tensor):
            group["lr"] = high


def _clipped_at(record: Record) -> float | None:
    """The norm that the training clips gradients to; None where it does not, or not to one norm."""
    steps = [tick.update for tick in record.ticks if tick.update is not None and tick.update.raw > 0]
    norms = sorted(update.gradient for update in steps if update.clipped > 1.01)
    if not norms:
        return None
    middle = norms[len(norms) // 2]
    return middle if norms[-1] - norms[0] <= 0.01 * middle or 2 * len(norms) >= len(steps) else None


@contextmanager
def standing_in(model: nn.Module, copied: nn.Module) -> Iterator[None]:
    """Within it a model computes with the parameters, buffers and modes of its copy.

    The user's function for held-out data refers to the model itself. Its tensors are exchanged, not changed.
    """
    others = dict(copied.named_modules())
    kept: list[tuple[nn.Module, dict[str, Any], dict[str, Any], bool]] = []

    def restore() -> None:
        for module, params, buffers, training in kept:
            module._parameters.update(params)
            module._buffers.update(buffers)
            module.training = training

    try:
        for name, module in model.named_modules():
            other = others.get(name)
            if other is None or type(other) is not type(module):
                raise Untried("module")
            kept.append((module, dict(module._parameters), dict(module._buffers), module.training))
            for key in module._parameters:
                module._parameters[key] = other._parameters.get(key)
            for key in module._buffers:
                module._buffers[key] = other._buffers.get(key)
            module.training = other.training
        yield
    finally:
        put_back(restore)


# --- runs -------------------------------------------------------------------------------------------------------------


def run(setup: Setup, batches: Sequence[Batch], held: Held, steps: int, seed: int) -> tuple[list[float], float]:
    """Train a setup, which is used up; the loss of each step, and the one that it is judged by; NaN after divergence.

    Args:
        setup: what is trained.
        batches: what it is trained on, in their order, over again if they are too few.
        held: the loss of a trained setup by which it is judged.
        steps: number of steps; in the last fifth the learning rate falls to 0.
        seed: of the random numbers.
    """
    seed_all(seed)
    rates = [group.get("lr") for group in setup.groups()]
    params = [param for group in setup.groups() for param in group["params"]]
    losses: list[float] = []
    place = 0
    for step in range(steps):
        left = min(1.0, (steps - step) / max(DECAY * steps, 1.0))
        for group, rate in zip(setup.groups(), rates, strict=True):
            if rate is not None and left < 1:
                group["lr"] = rate * left
        if setup.zeroes:
            for optimizer in setup.optimizers:
                optimizer.zero_grad()
        total = 0.0
        for _ in range(setup.backwards):
            differentiated, loss = batches[place % len(batches)].losses(setup.model, setup.inputs, setup.outputs)
            place += 1
            torch.autograd.backward(setup.factor * differentiated)
            total += number(loss) / setup.backwards
        losses.append(total if math.isfinite(total) else math.nan)
        if not math.isfinite(total):
            return losses + [math.nan] * (steps - len(losses)), math.nan
        if setup.clip is not None:
            torch.nn.utils.clip_grad_norm_([param for param in params if param.grad is not None], setup.clip)
        if setup.steps:
            for optimizer in setup.optimizers:
                optimizer.step()
    return losses, held(setup)


def on_batches(batches: Sequence[Batch]) -> Held:
    """Judge by the mean loss on batches, in evaluation mode."""

    def held(setup: Setup) -> float:
        setup.model.eval()
        outputs = setup.read or setup.outputs
        with torch.no_grad():
            losses = [batch.losses(setup.model, setup.inputs, outputs)[1] for batch in batches]
        return sum(number(loss) for loss in losses) / len(losses)

    return held


def on_validation(model: nn.Module, device: torch.device, validation: Callable[[], Any]) -> Held:
    """Judge by the user's function for held-out data."""

    def held(setup: Setup) -> float:
        with undisturbed(model, draws_now(device)), standing_in(model, setup.model):
            return number(validation())

    return held
