"""All rules by name. A new one is a file here and a line below."""

from ..errors import InvalidValue, UnknownName, did_you_mean
from ..spec import parse
from .adagrad import Adagrad
from .adam import Adam, AdamW
from .base import Rule
from .rmsprop import RMSprop
from .sgd import SGD, Momentum

__all__ = ["RULES", "SGD", "Adagrad", "Adam", "AdamW", "Momentum", "RMSprop", "Rule", "find"]

RULES: dict[str, type[Rule]] = {
    rule.__name__.lower(): rule
    for rule in (SGD, Momentum, Adagrad, RMSprop, Adam, AdamW)
}  # fmt: skip


def find(rule: "str | Rule | type[Rule]", **hyperparameters: object) -> Rule:
    """A rule by name or spec, such as `adam(lr=0.1)`, with further hyperparameters; a rule is itself.

    Raises:
        UnknownName: no rule has this name.
        UnknownSetting: the rule has no such hyperparameter.
        InvalidValue: a hyperparameter out of its interval.

    >>> find("sgd(lr=0.1)", momentum=0.9)
    SGD(lr=0.1, momentum=0.9, dampening=0.0, weight_decay=0.0, nesterov=False)
    """
    if isinstance(rule, Rule):
        return type(rule).configure(**{name: getattr(rule, name) for name in rule.hyperparameters()} | hyperparameters)
    if isinstance(rule, type) and issubclass(rule, Rule):
        return rule.configure(**hyperparameters)
    if not isinstance(rule, str):
        raise InvalidValue(f"rule: expected a name or a rule, got {rule!r}")
    spec = parse(rule)
    if spec.name.lower() not in RULES:
        raise UnknownName(f"unknown rule {spec.name!r}; {did_you_mean(spec.name, RULES)}")
    if spec.args:
        raise InvalidValue(f"{rule!r}: name the settings, for example {spec.name}(lr={spec.args[0]!r})")
    return RULES[spec.name.lower()].configure(**dict(spec.kwargs) | hyperparameters)
