"""Settings of a parameter group, as a rule takes them: they may be NumPy's, and a schedule may have changed them."""

import math
import operator
import warnings
from typing import Any

import numpy as np
from torch import Tensor

from ..rules import Rule
from ..rules.base import Unchecked

__all__ = ["is_lasting", "later_rule_of", "rule_of"]

Group = dict[str, Any]

ROUNDING = 1e-12
"""How far below 0 a setting may lie that should be 0: schedules that count down end at -1e-18 now and then."""


def rule_of(rule_class: type[Rule], group: Group) -> Rule:
    """The rule with a group's hyperparameters; a wrong one raises `InvalidValue`."""
    return rule_class(**_settings(rule_class, group))


def later_rule_of(rule_class: type[Rule], group: Group) -> Rule:
    """The rule with hyperparameters that may have changed since the group was made.

    As in torch, a learning rate that a schedule sets is taken whatever it is; one that ruins the weights has a warning.
    What lies below 0 by rounding is 0.
    """
    settings = {
        name: 0.0 if _is_number(value) and -ROUNDING <= value < 0 and _starts_at_0(rule_class, name) else value
        for name, value in _settings(rule_class, group).items()
    }
    lr = settings["lr"]
    number = lr
    if isinstance(lr, Tensor) and lr.ndim == 0 and lr.device.type == "cpu":  # one on a device is not read back
        number = float(lr.detach())
    if not _is_number(number) or (0 <= number < math.inf):
        return rule_class(**settings)
    effect = "the step climbs instead of descending" if -math.inf < number < 0 else "the weights will not be numbers"
    rule = rule_class(**settings | {"lr": Unchecked(number)})
    warnings.warn(f"{rule.title}: lr was set to {number!r}: {effect}; look at the schedule", RuntimeWarning, 2)
    return rule


def is_lasting(setting: Any) -> bool:
    """Whether a rule that was made with a setting has its value as long as it is the same object.

    That holds for numbers, and for tensors and lists, which the rule keeps; of an array, which may change, it has a
    copy.
    """
    return not isinstance(setting, np.ndarray) and (not isinstance(setting, list) or _plain(setting, ()) is setting)


def _settings(rule_class: type[Rule], group: Group) -> dict[str, Any]:
    defaults = rule_class.hyperparameters()
    return {name: _plain(group[name], field.default) for name, field in defaults.items()}


def _plain(value: Any, default: Any) -> Any:
    """A setting without NumPy: its numbers are Python's; an array or a tensor of several numbers is a tuple.

    A tensor of one number has no axes, so that a parameter and its states keep their shape.
    """
    if type(value) in (tuple, list):
        plain = type(value)(_plain(number, None) for number in value)
        return value if all(map(operator.is_, plain, value)) else plain
    if isinstance(value, Tensor):
        if isinstance(default, tuple) and value.ndim == 1:
            return value.unbind()
        return value.reshape(()) if value.ndim and value.numel() == 1 else value
    if not isinstance(value, np.generic | np.ndarray):
        return value
    if isinstance(default, tuple) or value.size != 1:
        return tuple(value.tolist()) if value.ndim else value
    return value.item()


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _starts_at_0(rule_class: type[Rule], name: str) -> bool:
    facts = rule_class.hyperparameters()[name].metadata["facts"]
    return facts.within is not None and facts.within.startswith("[0,")
