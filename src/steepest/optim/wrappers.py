"""Wrappers around optimizers: `steepest.Cautious(steepest.AdamW)(model.parameters(), lr=1e-3)`.

Each wrapper of `steepest.rules` is a function here, of whatever is a rule or has one; see `rules/wrapper.py` for what
the wrapped rule is.
"""

import inspect
from typing import Any

from ..base.errors import InvalidValue
from ..rules import WRAPPERS, Rule, Wrapper, find, wrapped
from .optimizer import Optimizer, as_optimizer
from .signature import example_of_step

__all__ = [wrapper.__name__ for wrapper in WRAPPERS.values()]

EXAMPLE = """

Args:
    rule: a class of steepest's optimizers, of which the result is a class of optimizers too; or a rule, a class of
        rules, or a spec such as `"adamw(lr=0.01)"`, of which it is a rule, or a class of rules.
    **settings: of the wrapped rule, if it is not a class of optimizers.

Raises:
    InvalidValue: the wrapper cannot be put around this rule, or a setting is out of its interval.
    UnknownSetting: a setting that neither the rule nor the wrapper has.

Settings of the result are those of the rule and of the wrapper{own}.

>>> import steepest, torch
>>> model = torch.nn.Linear(2, 1)
>>> optimizer = steepest.{name}(steepest.AdamW)(model.parameters(), lr=0.1)
{step}
>>> steepest.{name}("sgd(lr=0.1)").title
'{title} SGD'

Reference: {reference}.
"""


def _function_of(wrapper: type[Wrapper]) -> Any:
    def wrap(rule: Any, **settings: object) -> Any:
        if isinstance(rule, type) and issubclass(rule, Optimizer):
            if settings:
                name = next(iter(settings))
                raise InvalidValue(f"{wrapper.__name__}: give {name} with the parameters, to what this call returns")
            if not hasattr(rule, "rule_class"):
                raise InvalidValue(f"{wrapper.__name__}: {rule.__name__} has several rules; wrap these")
            return as_optimizer(wrapped(wrapper, rule.rule_class))
        if isinstance(rule, type) and issubclass(rule, Rule):
            return wrapped(wrapper, rule)
        if isinstance(rule, type) or not isinstance(rule, Rule | str):
            kind = rule.__name__ if isinstance(rule, type) else repr(rule)
            raise InvalidValue(f"{wrapper.__name__}: needs an optimizer of steepest or a rule, got {kind}")
        inside = find(rule)
        given = {name: getattr(inside, name) for name in inside.hyperparameters()}
        return wrapped(wrapper, type(inside)).configure(**given | settings)

    wrap.__name__ = wrap.__qualname__ = wrapper.__name__
    wrap.__module__ = __name__
    own = wrapper.settings()
    text = ": " + ", ".join(f"{name} (default {setting.default})" for name, setting in own.items()) if own else ""
    facts = {"name": wrapper.__name__, "title": wrapper.title, "reference": wrapper.reference, "own": text}
    facts["step"] = "\n".join(example_of_step(wrapper.evaluations))
    wrap.__doc__ = (inspect.getdoc(wrapper) or "") + EXAMPLE.format(**facts)
    return wrap


for _name, _wrapper in WRAPPERS.items():
    globals()[_wrapper.__name__] = _function_of(_wrapper)
