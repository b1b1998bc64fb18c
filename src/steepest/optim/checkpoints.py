"""Checkpoints: matched by name, and refused whole where they are of another rule or lack a state.

A checkpoint does not say which rule it is of, as torch's do not. That follows from the names of its states and of its
settings, which together differ for any two rules (but for SGD and Momentum, which have other defaults only).
"""

from typing import Any

import torch
from torch import Tensor

from ..base.errors import InvalidValue, UnknownSetting
from ..rules import BUILT_IN, WRAPPERS, Rule, Wrapped
from . import sharded
from .low_bits import SCALE
from .settings import later_rule_of

__all__ = ["check_checkpoint", "in_our_order"]

Group = dict[str, Any]
State = dict[str, Any]

COUNTERS = frozenset(("step", "master"))
"""States that no rule names."""

OURS = "non_finite"
"""A setting that torch's optimizers do not have and ours do."""


def in_our_order(title: str, groups: list[dict[str, Any]], state_dict: dict[str, Any]) -> dict[str, Any]:
    """The checkpoint with its groups and parameters in the order of the optimizer's `groups`, matched by name.

    Where a side has no names, or the groups have other names, it is returned as it is: torch then matches by position.

    Raises:
        InvalidValue: some names match at other positions, and others have no match, so that no order is right.
    """
    if not all("param_names" in group for group in (*groups, *state_dict["param_groups"])):
        return state_dict
    ours, saved = ([group["param_names"] for group in side] for side in (groups, state_dict["param_groups"]))
    known = {frozenset(names): group for names, group in zip(saved, state_dict["param_groups"], strict=True)}
    if len(known) == len(groups) and all(frozenset(names) in known for names in ours):
        return state_dict | {"param_groups": [_reordered(known[frozenset(names)], names) for names in ours]}
    here, there = ([name for names in side for name in names] for side in (ours, saved))
    moved = [name for name in {*here} & {*there} if here.index(name) != there.index(name)]
    if moved:
        odd = ", ".join(sorted({*here} ^ {*there}))
        raise InvalidValue(
            f"{title}: the checkpoint does not fit: {min(moved)} stands at another place there, and"
            f" {f'only one side has {odd}' if odd else 'the groups hold other parameters'}"
        )
    return state_dict


def _reordered(group: dict[str, Any], names: list[str]) -> dict[str, Any]:
    keys = dict(zip(group["param_names"], group["params"], strict=True))
    return group | {"param_names": names, "params": [keys[name] for name in names]}


def check_checkpoint(rule_class: type[Rule], groups: list[Group], state_dict: dict[str, Any]) -> None:
    """Refuse a checkpoint for groups of a rule, before anything is loaded.

    Raises:
        InvalidValue: another rule made it, its parameters have other shapes, or a parameter that was stepped lacks a
            state that the rule needs.
    """
    index = 0
    for ours, saved in zip(groups, state_dict["param_groups"], strict=False):
        states = [_present(state_dict["state"].get(key, {})) for key in saved["params"]]
        rule = later_rule_of(rule_class, ours | {name: saved[name] for name in _settings(rule_class, saved)})
        for param, state in zip(ours["params"], states, strict=False):
            _check_state(rule, param, state, index)
            index += 1
        _check_settings(rule_class, ours, saved, {name for state in states for name in state})
        if any(state.get("step", 0) > 0 for state in states) and (missing := _missing(rule.shared, saved)):
            raise InvalidValue(f"{rule.title}: the checkpoint does not fit: a group lacks {missing}")


def _present(state: State) -> State:
    return {name: value for name, value in state.items() if value is not None}


def _settings(rule_class: type[Rule], group: Group) -> set[str]:
    """The names of a rule's settings that a group has."""
    return rule_class.hyperparameters().keys() & group.keys()


def _missing(names: Any, given: Any) -> str:
    return ", ".join(name for name in names if name not in given)


def _check_state(rule: Rule, param: Tensor, state: State, index: int) -> None:
    """Refuse the state of a parameter that another rule made, one of another shape, or one that lacks something."""
    if not state:
        return
    initial = rule.init(sharded.stand_in(rule, param))
    foreign = sorted(set(state) - set(initial) - COUNTERS - {f"{name}{SCALE}" for name in initial})
    if foreign:
        raise InvalidValue(
            f"{rule.title}: the checkpoint is of another optimizer: it holds {', '.join(foreign)}, {rule.title}"
            f" keeps {', '.join(initial) or 'nothing'}"
        )
    for name, value in state.items():
        expected = _shape(rule, name, initial.get(name), param)
        if isinstance(value, Tensor) and expected is not None and value.shape != expected:
            raise InvalidValue(
                f"{rule.title}: the checkpoint does not fit: {name} of parameter {index} has shape"
                f" {tuple(value.shape)} there and {tuple(expected)} here"
            )
    needed = (name for name, value in initial.items() if value is not None and name not in rule.shared)
    # torch's SGD keeps no step; then a state means that at least one was made
    if state and state.get("step", 1) > 0 and (missing := _missing(needed, state)):
        raise InvalidValue(
            f"{rule.title}: the checkpoint does not fit: parameter {index} made a step there and lacks {missing}"
        )


def _shape(rule: Rule, name: str, initial: Any, param: Tensor) -> torch.Size | None:
    """The shape that a state must have; None where the rule does not determine it."""
    if name == "step" or name in rule.numbers or name in rule.shared or name.endswith(SCALE):
        return None
    if isinstance(initial, Tensor):
        return initial.shape
    return param.shape


def _check_settings(rule_class: type[Rule], ours: Group, saved: Group, states: set[str]) -> None:
    """Refuse a group with settings of another rule."""
    title = rule_class.title
    while issubclass(rule_class, Wrapped) and not rule_class.own_states:
        # its states are those of the rule inside, whose checkpoint it takes, and its own settings have defaults
        rule_class = rule_class.inner_class
    own = rule_class.hyperparameters().keys()
    settings = {name for rule in BUILT_IN for name in rule.hyperparameters()} - {*rule_class.shared}
    known = rule_class.foreign_arguments().keys()
    try:
        rule_class.translated({name: saved[name] for name in known & saved.keys()})
    except UnknownSetting as error:
        raise InvalidValue(f"{title}: the checkpoint is of another optimizer: {error}") from None
    # those of a wrapper without states say nothing: the rule inside takes its checkpoint
    wrappers = {name for wrapper in WRAPPERS.values() if not wrapper.symbols for name in wrapper.settings()}
    for name in sorted((settings & saved.keys()) - own - known - ours.keys() - wrappers):
        raise InvalidValue(
            f"{title}: the checkpoint is of another optimizer: it has {name}={saved[name]}, {title} has"
            f" {', '.join(own)}"
        )
    if own <= saved.keys():
        return
    for rule in BUILT_IN:  # a setting may be missing, as older versions had it not; unless then it is another rule's
        is_possible = (OURS in saved or hasattr(torch.optim, rule.__name__)) and states <= {*rule.symbols, *COUNTERS}
        if is_possible and rule.hyperparameters().keys() == settings & saved.keys():
            raise InvalidValue(
                f"{title}: the checkpoint is of another optimizer: {rule.title} has all its settings, and {title} has"
                f" {_missing(own, saved)} too"
            )
