"""Checks of a rule that is not built in: an omission in a user's file or in a plugin is named in one line."""

import inspect
import sys
from collections.abc import Callable
from dataclasses import MISSING, fields
from functools import cache
from typing import Any

from ..base.errors import InvalidValue, SteepestError
from ..base.modules import last_words
from .base import Rule

__all__ = ["check_class"]

SHAPE = (4, 3)
"""Of the matrix on which a rule is tried out."""


@cache
def check_class(rule_class: type[Rule]) -> None:
    """See that a rule can be made with its defaults, and make two steps of a small matrix.

    Raises:
        InvalidValue: something is missing, raises, or returns a value of the wrong kind; what, and in which line.
    """
    name, own = rule_class.__name__, vars(rule_class)
    annotations = inspect.get_annotations(rule_class).values()
    if "__dataclass_fields__" not in own and any("ClassVar" not in str(annotation) for annotation in annotations):
        raise InvalidValue(f"{name}: write @dataclass(frozen=True, kw_only=True) above the class")
    if inspect.isabstract(rule_class):
        raise InvalidValue(f"{name}: must define {' and '.join(sorted(rule_class.__abstractmethods__))}")
    for setting in fields(rule_class):
        if setting.init and setting.default is MISSING and setting.default_factory is MISSING:
            raise InvalidValue(f"{name}: the hyperparameter {setting.name} needs a default")
    try:
        _try_out(rule_class())
    except SteepestError:
        raise
    except Exception as error:
        file = getattr(sys.modules.get(rule_class.__module__), "__file__", None) or inspect.getfile(rule_class.update)
        hint = "; a rule never branches on values: use steepest.ops.where" if "truth value" in str(error) else ""
        raise InvalidValue(f"{name}: {last_words(error, file)}{hint}") from error


def _try_out(rule: Rule) -> None:
    """Make steps with arrays; where that fails, with tensors, if torch is loaded: the rule may be written for these."""
    import numpy as np  # not above: the table of rules answers without it

    try:
        _make_steps(rule, np.ones)
    except Exception as error:
        torch = sys.modules.get("torch")
        if torch is None or not _works(rule, torch.ones):
            raise error


def _works(rule: Rule, ones: Callable[[tuple[int, ...]], Any]) -> bool:
    try:
        _make_steps(rule, ones)
    except Exception:
        return False
    return True


def _make_steps(rule: Rule, ones: Callable[[tuple[int, ...]], Any]) -> None:
    name, param = type(rule).__name__, ones(SHAPE)
    state = rule.init(param)
    if not isinstance(state, dict):
        raise InvalidValue(f"{name}: `init` must return a dict of states by name, got {state!r}")
    values = [
        value if value is None or hasattr(value, "shape") or key in rule.numbers else value * ones(SHAPE)
        for key, value in state.items()
    ]
    for step in (1, 2):
        result = rule.update(0.5 * ones(SHAPE), param, step, *values)
        expected = ", ".join(("the change of the parameter", *state))
        if not isinstance(result, tuple | list) or len(result) != 1 + len(state):
            raise InvalidValue(f"{name}: `update` must return a tuple of {1 + len(state)}: ({expected},)")
        delta, *values = result
        if tuple(getattr(delta, "shape", ())) != SHAPE:
            raise InvalidValue(f"{name}: the first value that `update` returns must have the parameter's shape")
        param = param + delta
