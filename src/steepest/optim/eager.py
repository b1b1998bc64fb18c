"""The plain engine: the rule's function on torch tensors, one parameter after the other. Works everywhere."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ..rules import Rule
from . import low_bits, sharded
from .sharded import Triple

__all__ = ["HALF", "Triple", "apply", "arguments_of", "complete_state", "evaluation", "from_evaluation", "step", "wide"]

HALF = (torch.bfloat16, torch.float16)


def step(
    rule: Rule, param: Tensor, grad: Tensor, state: dict[str, Any], maximize: bool, bits: int | None = None
) -> None:
    """One step of one parameter; `state` is complete (see `complete_state`) and is brought up to date.

    Where it is in fewer bits than the parameter, the step is made in full precision and then rounded (see `low_bits`).
    """
    if bits is not None:
        after = low_bits.decoded(rule, param, state, bits)
        step(rule, param, grad, after, maximize)
        low_bits.put_back(rule, state, after, bits)
        return
    if param.numel() == 0:  # rules of whole tensors divide by sizes
        state["step"] += 1
        return
    arguments = arguments_of(rule, param, grad, state, maximize)
    apply(rule, param, state, arguments, rule.update(*arguments))


def evaluation(rule: Rule, param: Tensor, state: dict[str, Any], group: dict[str, Any]) -> Tensor | None:
    """The weights to evaluate; None where they are the parameter itself. Shared numbers are in the `group`."""
    if type(rule).evaluation is Rule.evaluation or "step" not in state:
        return None
    real, back = wide(param)
    # float32 weights of a parameter in half precision, where there are some
    weights = state.get("master", real(param))
    return back(rule.evaluation(weights, *_values(rule, param, state, group)))


def from_evaluation(rule: Rule, weights: Tensor, state: dict[str, Any], group: dict[str, Any]) -> Tensor:
    """The parameter whose weights to evaluate these are."""
    real, back = wide(weights)
    if "master" in state:
        return back(state["master"])
    return back(rule.from_evaluation(real(weights), *_values(rule, weights, state, group)))


def arguments_of(
    rule: Rule,
    param: Tensor,
    grad: Tensor,
    state: dict[str, Any],
    maximize: bool,
    shared: dict[str, Any] | None = None,
    like: Tensor | None = None,
) -> tuple[Any, ...]:
    """What the rule's `update` takes; `shared` are the numbers that are not in the state.

    Where the parameter is a part of one, `like` is a tensor of the shape of that, without memory.
    """
    real, _ = wide(param)
    # the step is in place; where autograd records it, it needs the values from before
    inputs = (real(-grad if maximize else grad), real(param.clone() if torch.is_grad_enabled() else param))
    return *inputs, int(state["step"]) + 1, *_values(rule, param, state, shared or {}, like)


def _values(
    rule: Rule, param: Tensor, state: dict[str, Any], shared: dict[str, Any], like: Tensor | None = None
) -> list[Any]:
    real, _ = wide(param)
    state = low_bits.readable(param, state)
    values: list[Any] = []
    for name, start in rule.init(param if like is None else like).items():
        if name in rule.shared and name in shared:
            values.append(shared[name])
        elif name in rule.numbers and start is not None:
            values.append(state[name] if torch.is_grad_enabled() else float(state[name]))
        else:
            values.append(None if start is None else real(state[name]))
    return values


def apply(
    rule: Rule,
    param: Tensor,
    state: dict[str, Any],
    arguments: tuple[Any, ...],
    result: tuple[Any, ...],
    like: Tensor | None = None,
) -> dict[str, Any]:
    """Bring parameter and state up to date; the new shared numbers are handed back. `like`: see `arguments_of`."""
    _, back = wide(param)
    delta, *new = result
    shared = {}
    for name, value in zip(rule.init(param if like is None else like), new, strict=True):
        if name in rule.shared:
            shared[name] = value
        elif name in rule.numbers:
            state[name] = torch.as_tensor(value, dtype=torch.float64, device="cpu")
        elif value is not None:
            # a rule may hand back what it was given; the state must not share memory with what others write to
            shares = any(value is argument for argument in arguments[:2])
            if not isinstance(value, Tensor):
                value = torch.full_like(arguments[1], value)
            value = back(value) if param.is_complex() else value.to(state[name].dtype)
            if value.stride() != state[name].stride():  # those who send or save states expect the order to stay
                value, shares = torch.empty_like(state[name]).copy_(value), False
            state[name] = value.clone() if shares else value
    if param.dtype in HALF:
        param.copy_(arguments[1] + delta)
    else:
        param.add_(back(delta))
    state["step"] += 1
    return shared


def complete_state(rule: Rule, param: Tensor, state: dict[str, Any]) -> None:
    """Set what the rule needs now and does not find in a parameter's state to its initial value."""
    initial = sharded.initial_state(rule, param, state)
    if "step" not in state:
        # torch's SGD keeps no step; a buffer loaded from its checkpoint means that at least one was made
        resumed = any(state.get(name) is not None for name in initial)
        state["step"] = torch.tensor(1.0 if resumed else 0.0, dtype=torch.float32, device="cpu")
    for name, value in initial.items():
        if value is None or state.get(name) is not None or name in rule.shared:
            continue
        if name in rule.numbers:
            state[name] = torch.as_tensor(value, dtype=torch.float64, device="cpu").clone()
        else:
            # a state that begins as the parameter depends on it, which autograd sees where it records the step
            is_setting = rule.elementwise and isinstance(value, Tensor) and value.ndim == 0
            is_whole = isinstance(value, Tensor) and not is_setting
            state[name] = value.clone() if is_whole else _filled_like(param, value)


Conversion = Callable[[Tensor], Tensor]


def wide(param: Tensor) -> tuple[Conversion, Conversion]:
    """To the numbers that a step is computed in, and back.

    A complex number is two real coordinates, as in torch. Half precision is computed in float32 and rounded once.
    """
    if param.is_complex():
        return torch.view_as_real, torch.view_as_complex
    if param.dtype in HALF:
        return Tensor.float, lambda x: x.to(param.dtype)
    return _itself, _itself


def _itself(x: Tensor) -> Tensor:
    return x


def _filled_like(param: Tensor, value: Any) -> Tensor:
    """A state of the parameter's shape with one number, which may be a setting that is a tensor."""
    if isinstance(value, Tensor):
        return torch.zeros_like(param, requires_grad=False) + (value * (1 + 1j) if param.is_complex() else value)
    return torch.full_like(param, complex(value, value) if param.is_complex() else value, requires_grad=False)
