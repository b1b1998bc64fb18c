"""Checks of a rule that is not built in: an omission in a user's file or in a plugin is named in one line."""

import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import MISSING, fields
from functools import cache
from typing import Any

from ..base.errors import InvalidValue, SteepestError
from ..base.modules import files_of, last_words, place_in_users_file
from .base import Rule

__all__ = ["check_class", "on_arrays"]

SHAPE = (4, 3)
"""Of the matrix on which a rule is tried out."""

STEPS = 12
"""That are tried: more than a warm-up, or a period such as Lookahead's, has by default."""


@cache
def check_class(rule_class: type[Rule]) -> None:
    """See that a rule can be made with its defaults, and make a few steps of a small matrix.

    Raises:
        InvalidValue: something is missing, raises, or returns a value of the wrong kind or no number; what, and in
            which line.
    """
    name, own = rule_class.__name__, vars(rule_class)
    annotations = inspect.get_annotations(rule_class).values()
    if "__dataclass_fields__" not in own and any("ClassVar" not in str(annotation) for annotation in annotations):
        raise InvalidValue(f"{name}: {_line(rule_class)}write @dataclass(frozen=True, kw_only=True) above the class")
    if inspect.isabstract(rule_class):
        missing = " and ".join(sorted(rule_class.__abstractmethods__))
        raise InvalidValue(f"{name}: {_line(rule_class)}must define {missing}")
    for setting in fields(rule_class):
        if setting.init and setting.default is MISSING and setting.default_factory is MISSING:
            raise InvalidValue(f"{name}: {_line(rule_class)}the hyperparameter {setting.name} needs a default")
    try:
        _try_out(rule_class())
    except SteepestError:
        raise
    except (Exception, SystemExit) as error:
        hint = "; a rule never branches on values: use steepest.ops.where" if "truth value" in str(error) else ""
        raise InvalidValue(f"{name}: {last_words(error, *files_of(rule_class))}{hint}") from error


@contextmanager
def on_arrays(rule: Rule) -> Iterator[None]:
    """A context in which an error of a user's rule, called with arrays of NumPy, is told with its line."""
    try:
        yield
    except SteepestError:
        raise
    except (Exception, SystemExit) as error:
        if type(rule).__module__.partition(".")[0] == "steepest":
            raise
        place = place_in_users_file(error)
        words = " ".join(f"{place and f'{place}: '}{type(error).__name__}: {error}".split())
        if isinstance(error, TypeError | ValueError):  # as functions of torch or math raise, and `if` does
            words += "; here a rule gets arrays of NumPy: use operators and steepest.ops, and no `if` on values"
        raise InvalidValue(f"{rule.title}: {words}") from error


def _line(defined: Any) -> str:
    """`line 12: `, where a class or function begins; empty where that is not known."""
    try:
        return f"line {inspect.getsourcelines(defined)[1]}: "
    except (OSError, TypeError):
        return ""


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
        raise InvalidValue(f"{name}: {_line(rule.init)}`init` must return a dict of states by name, got {state!r}")
    values = [
        value if value is None or hasattr(value, "shape") or key in rule.numbers else value * ones(SHAPE)
        for key, value in state.items()
    ]
    update = f"{name}: {_line(rule.update)}"
    for step in range(1, STEPS + 1):
        result = rule.update(0.5 * ones(SHAPE), param, step, *values)
        expected = ", ".join(("the change of the parameter", *state))
        if not isinstance(result, tuple | list) or len(result) != 1 + len(state):
            raise InvalidValue(f"{update}`update` must return a tuple of {1 + len(state)}: ({expected},)")
        delta, *values = result
        if tuple(getattr(delta, "shape", ())) != SHAPE:
            raise InvalidValue(f"{update}the first value that `update` returns must have the parameter's shape")
        if not bool((delta - delta == 0).all()):
            given = f"step {step}, gradient 0.5 and parameter {float(param[0, 0]):.3g}"
            raise InvalidValue(f"{update}`update` returns {float(delta[0, 0])} for {given}; it must return numbers")
        param = param + delta
