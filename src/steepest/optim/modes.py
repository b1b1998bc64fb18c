"""The two modes of a rule whose weights to evaluate are not its parameters (Schedule-Free): training and evaluation.

The mode is kept in the parameter groups, under the name that the authors' code gives it, so a checkpoint has it: in the
mode of evaluation the model's file holds the weights to evaluate, and `train()` finds the parameters again.
"""

from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any

import torch
from torch import Tensor

from ..rules import Rule
from . import eager, sharded

__all__ = ["evaluates_elsewhere", "is_evaluating", "put_back", "to_evaluation", "to_training"]

Group = dict[str, Any]
States = Mapping[Tensor, dict[str, Any]]

MODE = "train_mode"
"""In a group: False in the mode of evaluation; otherwise it is not there."""


def evaluates_elsewhere(rule: type[Rule]) -> bool:
    """Whether a rule's weights to evaluate are others than the parameters."""
    return rule.evaluation is not Rule.evaluation


def is_evaluating(group: Group) -> bool:
    """Whether the parameters of a group hold the weights to evaluate."""
    return group.get(MODE) is False


@torch.no_grad()
def to_evaluation(rules: Iterable[tuple[Rule, Group]], states: States, kept: MutableMapping[Tensor, Tensor]) -> None:
    """Put the weights to evaluate into the parameters of these groups, and into `kept` what they were before."""
    for rule, group in rules:
        for param in group["params"]:
            weights = eager.evaluation(rule, param, states.get(param, {}), group)
            if weights is not None and param not in kept:
                kept[param] = param.detach().clone()
                param.copy_(weights)
        group[MODE] = False


@torch.no_grad()
def to_training(rules: Iterable[tuple[Rule, Group]], states: States, kept: MutableMapping[Tensor, Tensor]) -> None:
    """Put the parameters back, bit by bit as they were where neither weights nor state have changed since."""
    done: set[Tensor] = set()
    for rule, group in rules:
        for param in group["params"]:
            if param in done or "step" not in (state := states.get(param, {})):
                continue
            done.add(param)
            before = kept.pop(param, None)
            if before is None or not _is_evaluation_of(rule, param, before, state, group):
                before = eager.from_evaluation(rule, param, state, group)
            param.copy_(before)
        group.pop(MODE, None)


@torch.no_grad()
def put_back(rules: Iterable[tuple[Rule, Group]], kept: Mapping[Tensor, Tensor]) -> None:
    """Put the parameters back as they were, whatever happened to them."""
    for param, before in kept.items():
        param.copy_(before)
    for _, group in rules:
        group.pop(MODE, None)


def _is_evaluation_of(rule: Rule, param: Tensor, before: Tensor, state: dict[str, Any], group: Group) -> bool:
    """Whether a parameter still holds the weights to evaluate that follow from what it was before."""
    weights = eager.evaluation(rule, before, state, group)
    if weights is None or weights.shape != param.shape:
        return False
    return torch.equal(sharded.local(weights), sharded.local(param).detach())
