"""Sparse gradients, as embeddings give them: only the rows that were touched are read and written.

The rows that a gradient leaves out are treated as if the step had not happened to them ("lazy"): for SGD and AdaGrad
that is the dense result, for Adam it is `torch.optim.SparseAdam`, but for the place of eps. Settings that would move
every row, such as weight decay, are refused.
"""

from typing import Any

from torch import Tensor

from ..base.errors import InvalidValue
from ..ops import is_zero
from ..rules import Rule

__all__ = ["check", "step"]


def step(rule: Rule, param: Tensor, grad: Tensor, state: dict[str, Any], maximize: bool) -> None:
    """One step of one parameter with a sparse gradient; `state` is complete and is brought up to date."""
    grad = grad.coalesce()
    rows, values = grad.indices()[0], grad.values()
    initial = rule.init(param)
    parts = [None if start is None else state[name][rows] for name, start in initial.items()]
    delta, *new = rule.update(-values if maximize else values, param[rows], int(state["step"]) + 1, *parts)
    param.index_add_(0, rows, delta)
    for name, value in zip(initial, new, strict=True):
        if value is not None:
            state[name].index_copy_(0, rows, value)
    state["step"] += 1


def check(rule: Rule, grad: Tensor) -> None:
    """Refuse a sparse gradient with which the rule, or one of its settings, would have to touch every row."""
    if rule.sparse is None:
        raise InvalidValue(f"{rule.title} does not support sparse gradients; use a dense embedding (sparse=False)")
    if grad.sparse_dim() != 1:
        raise InvalidValue(f"{rule.title}: a sparse gradient must be sparse in its first dimension only")
    for name in rule.sparse:
        if not is_zero(getattr(rule, name)):
            raise InvalidValue(f"{rule.title}: with sparse gradients {name} must be 0, it would move every row")
