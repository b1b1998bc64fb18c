"""All rules by name. A new one is a file here and a line below."""

from pathlib import Path

from ..base.errors import InvalidValue, UnknownName, did_you_mean
from ..base.modules import load_file
from ..base.spec import parse
from .adadelta import Adadelta
from .adafactor import Adafactor
from .adagrad import Adagrad
from .adam import Adam, AdamW
from .adamax import Adamax
from .ademamix import AdEMAMix
from .base import Rule
from .lamb import LAMB
from .lion import Lion, Signum
from .muon import Muon
from .nadam import NAdam
from .prodigy import Prodigy
from .radam import RAdam
from .rmsprop import RMSprop
from .schedule_free import ScheduleFreeAdamW, ScheduleFreeSGD
from .sgd import SGD, Momentum, Nesterov
from .soap import SOAP

__all__ = [
    "LAMB", "RULES", "SGD", "SOAP", "AdEMAMix", "Adadelta", "Adafactor", "Adagrad", "Adam", "AdamW", "Adamax", "Lion",
    "Momentum", "Muon", "NAdam", "Nesterov", "Prodigy", "RAdam", "RMSprop", "Rule", "ScheduleFreeAdamW",
    "ScheduleFreeSGD", "Signum", "find", "names_in_file",
]  # fmt: skip

RULES: dict[str, type[Rule]] = {
    rule.__name__.lower(): rule
    for rule in (
        SGD, Momentum, Adagrad, RMSprop, Adam, AdamW,
        Nesterov, Adadelta, Adamax, NAdam, RAdam, Signum, Lion, AdEMAMix,
        LAMB, ScheduleFreeSGD, ScheduleFreeAdamW, Prodigy, Adafactor, Muon, SOAP,
    )
}  # fmt: skip


def find(rule: "str | Rule | type[Rule]", **hyperparameters: object) -> Rule:
    """A rule by name or spec, such as `adam(lr=0.1)`, with further hyperparameters; a rule is itself.

    A rule of your own file is `mine.py:MyRule`, with settings in parentheses if you like.

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
    known = _rules_in_file(spec.file) if spec.file else RULES
    name = spec.name if spec.file else spec.name.lower()
    if name not in known:
        raise UnknownName(f"unknown rule {spec.name!r}; {did_you_mean(spec.name, known)}")
    if spec.args:
        raise InvalidValue(f"{rule!r}: name the settings, for example {spec.name}(lr={spec.args[0]!r})")
    return known[name].configure(**dict(spec.kwargs) | hyperparameters)


def names_in_file(path: str | Path) -> list[str]:
    """The names of the rules that a user's file defines.

    Raises:
        InvalidValue: the file is missing, raises, or defines no rule.
    """
    return list(_rules_in_file(path))


def _rules_in_file(path: str | Path) -> dict[str, type[Rule]]:
    module = load_file(path)
    found = {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, Rule) and value.__module__ == module.__name__
    }
    if not found:
        raise InvalidValue(f"{path}: defines no rule; write a dataclass that derives from steepest.Rule")
    return found
