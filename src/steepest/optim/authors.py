"""Checkpoints of the authors' own packages, `schedulefree` and `prodigyopt`, as our rules of the same method have them.

Both count steps once for a group, under `k`. schedulefree keeps its sums there too; prodigyopt keeps states flat.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ..base.errors import InvalidValue
from ..rules import Rule
from .modes import MODE

__all__ = ["translated"]

State = dict[str, Any]
Group = dict[str, Any]

STEPS = "k"
REPORTS = (STEPS, "scheduled_lr", "d_max", "d_hat", "d_denom", "fsdp_in_use")
"""Numbers in a group that are for reading or follow from others."""


def translated(
    rule_of: Callable[[Group], type[Rule]], groups: list[Group], state_dict: dict[str, Any]
) -> dict[str, Any]:
    """The checkpoint for these groups in our form; one that is not of such a package is returned as it is.

    Raises:
        InvalidValue: a setting that our rule does not have.
    """
    pairs = list(zip(groups, state_dict["param_groups"], strict=False))
    if not all(STEPS in saved and STEPS not in ours for ours, saved in pairs):
        return state_dict
    states, param_groups = dict(state_dict["state"]), []
    for ours, saved in pairs:
        for key, param in zip(saved["params"], ours["params"], strict=False):
            if state := states.get(key):
                states[key] = _state(rule_of(ours), state, saved, param)
        param_groups.append(_group(rule_of(ours), saved))
    return state_dict | {"state": states, "param_groups": param_groups}


def _state(rule_class: type[Rule], state: State, group: Group, param: Tensor) -> State:
    """A parameter's state with its count of steps and its numbers, in the parameter's shape."""
    own = {name: group[name] for name in rule_class.numbers if name in group and name not in rule_class.shared}
    shaped = {
        name: value.expand(param.shape) if value.ndim == 0 else value.view(param.shape)
        for name, value in state.items()
        if isinstance(value, Tensor) and (value.ndim == 0 or value.numel() == param.numel())
    }
    step = torch.tensor(float(state["step"] if "step" in state else group[STEPS]), dtype=torch.float32, device="cpu")
    return state | shaped | {name: _number(value) for name, value in own.items()} | {"step": step}


def _number(value: Any) -> Tensor:
    return torch.tensor(float(value), dtype=torch.float64, device="cpu")


def _group(rule_class: type[Rule], group: Group) -> Group:
    own = rule_class.hyperparameters().keys()
    if "silent_sgd_phase" in group:  # RAdamScheduleFree
        raise InvalidValue(f"{rule_class.title}: the checkpoint is of another optimizer: it has silent_sgd_phase")
    without_effect = {name for name, other in rule_class.foreign_arguments().items() if other.takes(group.get(name))}
    dropped = {*REPORTS, *rule_class.numbers, *without_effect} - {*rule_class.shared} - own
    kept = {name: value for name, value in group.items() if name not in dropped}
    if kept.get(MODE):
        del kept[MODE]
    if "lr_correction" in own:  # schedulefree before 1.3 corrected the learning rate; it did not report it
        kept["lr_correction"] = "scheduled_lr" not in group
    return kept
