"""The plain engine: the rule's function on torch tensors, one parameter after the other. Works everywhere."""

from typing import Any

import torch
from torch import Tensor

from ..rules import Rule

__all__ = ["complete_state", "step"]


def step(rule: Rule, param: Tensor, grad: Tensor, state: dict[str, Any], maximize: bool) -> None:
    """One step of one parameter; `state` is complete (see `complete_state`) and is brought up to date."""
    # a complex number is two real coordinates, as in torch
    real, back = (torch.view_as_real, torch.view_as_complex) if param.is_complex() else (_itself, _itself)
    initial = rule.init(param)
    values = [None if start is None else real(state[name]) for name, start in initial.items()]
    # the step is in place; autograd, where it looks on, needs the values from before it
    inputs = (real(-grad if maximize else grad), real(param.clone() if torch.is_grad_enabled() else param))
    delta, *new = rule.update(*inputs, int(state["step"]) + 1, *values)
    for name, value in zip(initial, new, strict=True):
        if value is not None:
            # a rule may hand back what it was given; the state must not share memory with what others write to
            state[name] = back(value.clone() if any(value is each for each in inputs) else value)
    param.add_(back(delta))
    state["step"] += 1


def complete_state(rule: Rule, param: Tensor, state: dict[str, Any]) -> None:
    """Set what the rule needs now and does not find in a parameter's state to its initial value."""
    initial = rule.init(param)
    if "step" not in state:
        # torch's SGD keeps no step; a buffer loaded from its checkpoint means that at least one was made
        resumed = any(state.get(name) is not None for name in initial)
        state["step"] = torch.tensor(1.0 if resumed else 0.0, dtype=torch.float32)
    for name, value in initial.items():
        if value is not None and state.get(name) is None:
            state[name] = value.clone() if isinstance(value, Tensor) else _filled_like(param, value)


def _itself(x: Tensor) -> Tensor:
    return x


def _filled_like(param: Tensor, value: float) -> Tensor:
    return torch.full_like(param, complex(value, value) if param.is_complex() else value, requires_grad=False)
