"""The second evaluation of a step of SAM: its gradient, at the worst point nearby, is the one that the rule sees."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ..base.errors import InvalidValue
from ..rules import Rule, Wrapped
from . import sharded
from .settings import later_rule_of

__all__ = ["evaluate_again"]


def evaluate_again(optimizer: Any, closure: Callable[[], Any]) -> None:
    """Go to the worst point, evaluate there, and put the weights back bit by bit; the new gradients stay.

    The norm goes over all parameters of all groups that ascend; each has its own distance.
    """
    ascending: list[tuple[Any, Tensor]] = []
    for group in optimizer.param_groups:
        rule: Rule = later_rule_of(optimizer._class(group), group)
        wrapper = rule.ascending if isinstance(rule, Wrapped) else None
        for param in group["params"] if wrapper is not None else ():
            if param.grad is None:
                continue
            if sharded.is_sharded(param) or param.grad.is_sparse or param.is_complex():
                kind = "sharded parameters" if sharded.is_sharded(param) else "sparse gradients or complex parameters"
                raise InvalidValue(f"{rule.title}: {kind} are not possible")
            sign = -1.0 if group["maximize"] else 1.0
            ascending.append((_Signed(wrapper, sign), param))
    if not ascending:
        return
    before = [param.detach().clone() for _, param in ascending]
    try:
        with torch.no_grad():
            device = before[0].device
            squares = [wrapper.square(param).to(device) for wrapper, param in ascending]
            square = torch.stack(squares).sum()
            for wrapper, param in ascending:
                param.add_(wrapper.ascent(param, square.to(param.device)))
        with torch.enable_grad():
            closure()
    finally:
        with torch.no_grad():
            for (_, param), weights in zip(ascending, before, strict=True):
                param.copy_(weights)


class _Signed:
    """The ascent of a wrapper, of the loss or, where that is maximized, of its negative; in float32 at least."""

    def __init__(self, wrapper: Any, sign: float) -> None:
        self._wrapper, self._sign = wrapper, sign

    def square(self, param: Tensor) -> Tensor:
        grad, weights = _wide(param)
        square: Tensor = self._wrapper.square(grad, weights)
        return square

    def ascent(self, param: Tensor, square: Tensor) -> Tensor:
        grad, weights = _wide(param)
        way: Tensor = self._sign * self._wrapper.ascent(grad, weights, square)
        return way.to(param.dtype)


def _wide(param: Tensor) -> tuple[Tensor, Tensor]:
    assert param.grad is not None
    half = param.dtype in (torch.bfloat16, torch.float16)
    return (param.grad.float(), param.detach().float()) if half else (param.grad, param.detach())
