"""Sparse gradients, as embeddings give them: only the rows that were touched are read and written.

The rows that a gradient leaves out are treated as if the step had not happened to them ("lazy"): for SGD and AdaGrad
that is the dense result, for Adam it is `torch.optim.SparseAdam`, but for the place of eps. Settings that would move
every row, such as weight decay, are refused. A gradient may be sparse in several axes; then its elements are the rows.
"""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from ..base.errors import InvalidValue
from ..ops import is_zero
from ..rules import Rule
from . import half
from .eager import HALF, Triple, wide

__all__ = ["check", "step"]


def step(rule: Rule, triples: Sequence[Triple], group: dict[str, Any]) -> None:
    """One step of each parameter with a sparse gradient; states are complete and are brought up to date."""
    for triple in triples:
        _step(rule, *triple, group)


def _step(rule: Rule, param: Tensor, grad: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
    grad = (grad.float() if param.dtype in HALF else grad.to(param.dtype)).coalesce()  # which adds up what comes twice
    places = tuple(grad.indices())  # of the touched rows, or of elements, by as many axes as the gradient is sparse in
    real, back = wide(param)
    has_master = half.is_compensated(param, group) and group["master_weights"]
    before = state["master"][places] if has_master else real(param[places])
    values = real(grad.values())
    initial = rule.init(param)
    parts = [None if start is None else real(state[name][places]) for name, start in initial.items()]
    delta, *new = rule.update(-values if group["maximize"] else values, before, int(state["step"]) + 1, *parts)
    state["step"] += 1
    after = before + delta
    if has_master:
        state["master"].index_put_(places, after)
    is_random = half.is_compensated(param, group) and not has_master
    rounded = half.round_stochastically(after, param.dtype, int(state["step"])) if is_random else back(after)
    param.index_put_(places, rounded)
    for name, value in zip(initial, new, strict=True):
        if value is not None:
            kept = state[name]
            kept.index_put_(places, back(value) if param.is_complex() else value.to(kept.dtype))


def check(rule: Rule) -> None:
    """Refuse a sparse gradient with which the rule, or one of its settings, would have to touch every row."""
    if rule.sparse is None:
        raise InvalidValue(f"{rule.title} does not support sparse gradients; use a dense embedding (sparse=False)")
    for name in rule.sparse:
        if not is_zero(getattr(rule, name)):
            raise InvalidValue(f"{rule.title}: with sparse gradients {name} must be 0, it would move every row")
