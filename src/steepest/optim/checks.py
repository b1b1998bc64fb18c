"""Validation of parameters, gradients and states: an error is one clear line that names the tensor."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from difflib import get_close_matches
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter

from ..base.errors import InvalidValue, UnknownSetting
from ..program.record import why_not_recorded
from ..rules import Rule
from . import low_bits, sharded

__all__ = [
    "check_given", "check_names", "check_parameters", "check_state", "check_trainable", "non_finite", "refusal",
]  # fmt: skip

LIKENESS = 0.85
"""From which share of equal letters a name is taken for a misspelt one: `wieght_decay`, but not `max_momentum`."""


def check_parameters(title: str, params: Iterable[Tensor], least_axes: int = 0) -> None:
    """Refuse parameters that have too few axes for a rule. (Integers are frozen: see `check_trainable`.)"""
    for param in params:
        if param.ndim < least_axes:
            raise InvalidValue(f"{title} is for matrices only, got a parameter of shape {tuple(param.shape)}")


def check_given(title: str, params: Any) -> None:
    """Refuse what is no collection of parameters, such as a module."""
    if isinstance(params, torch.nn.Module) or not isinstance(params, Iterable):
        raise InvalidValue(
            f"{title}: params must be parameters or groups of them, such as model.parameters(), got"
            f" {type(params).__name__}"
        )


def check_names(title: str, group: dict[str, Any], known: Collection[str]) -> None:
    """Refuse a group without parameters, and one with a setting that is misspelt.

    Entries of one's own are allowed, as in torch: only those are refused that are nearly the name of a setting.
    """
    if "params" not in group:
        raise InvalidValue(f"{title}: a parameter group needs params, got {', '.join(map(str, group)) or 'nothing'}")
    for name in group.keys() - set(known):
        if meant := get_close_matches(str(name), known, 1, LIKENESS):
            raise UnknownSetting(f"{title}: a parameter group has {name!r}; did you mean {meant[0]!r}?")


def check_trainable(title: str, param: Tensor) -> None:
    """Refuse to step a parameter of integers, as quantized weights are; among the parameters they may be."""
    if not (param.is_floating_point() or param.is_complex()):
        raise InvalidValue(
            f"{title}: a parameter of {param.dtype} has a gradient; only floating point and complex can be trained"
        )


def refusal(
    rule: Rule, param: Tensor, grad: Tensor, state: dict[str, Any], bits: int | None = None, sums: bool = False
) -> str | None:
    """The reason why neither kernels nor lists can step a parameter, but the eager engine can; None if they can.

    Its state is in so many bits (see `low_bits`); the engine can or cannot take `sums` over a tensor.
    """
    if reason := why_not_recorded(rule, sums):
        return reason if rule.elementwise else "the rule needs whole tensors"
    if type(param) not in (Parameter, Tensor) or type(grad) is not Tensor:
        return f"{type(param).__name__} is a tensor of its own kind"
    if grad.layout is not torch.strided:
        return "sparse gradient"
    coded = low_bits.codes_of(rule, bits)
    own = ("step", *rule.numbers, *coded, *(f"{name}{low_bits.SCALE}" for name in coded))
    for name, value in state.items():
        if not isinstance(value, Tensor | None):
            return f"{name} is no tensor"
        if value is not None and name not in own and value.dtype != param.dtype:
            return f"{value.dtype} state of {param.dtype} parameters"
    if any(tensor.is_neg() for tensor in (param, *state.values()) if tensor is not None):
        return "a view with the other sign"
    return None


def check_state(title: str, param: Tensor, state: dict[str, Any], numbers: Collection[str] = ()) -> None:
    """Validate that an elementwise rule's state still fits a parameter that may have been resized or moved meanwhile.

    The step and other `numbers` belong to the parameter as a whole; they may be on another device.
    """
    for name, value in state.items():
        if not isinstance(value, Tensor) or name == "step" or name in numbers or (value.ndim == 0 and param.ndim > 0):
            continue
        if name.endswith(low_bits.SCALE):
            continue
        if value.shape != param.shape:
            raise InvalidValue(
                f"{title}: a parameter changed its shape from {tuple(value.shape)} to {tuple(param.shape)} since its"
                f" {name} was made; make a new optimizer, or delete optimizer.state[param]"
            )
        if value.device != param.device:
            raise InvalidValue(
                f"{title}: a parameter moved from {value.device} to {param.device} since its {name} was made;"
                " move the model before making the optimizer"
            )


def non_finite(groups: Sequence[dict[str, Any]]) -> Iterator[str]:
    """The names, or positions, of the parameters whose gradients hold an infinity or a NaN; on any rank, if sharded."""
    named: list[tuple[str, Tensor]] = []
    for number, group in enumerate(groups):
        names = group.get("param_names") or [f"parameter {i} of group {number}" for i in range(len(group["params"]))]
        named += zip(names, group["params"], strict=True)
    if not any(sharded.is_sharded(param) for _, param in named):
        yield from (name for name, param in named if _is_bad(param.grad))
        return
    params = [param for _, param in named]
    bad, somewhere = sharded.on_any_rank(params, [_is_bad(param.grad) for param in params])
    yield from (name for (name, _), is_bad in zip(named, bad, strict=True) if is_bad)
    if somewhere and not any(bad):
        yield "a parameter on another rank"


def _is_bad(grad: Tensor | None) -> bool:
    if grad is None:
        return False
    own = sharded.local(grad)
    return not bool(torch.isfinite(own.coalesce().values() if own.is_sparse else own).all())
