"""All rules by name. A new one is a file here and its class in `BUILT_IN`; those of plugins come by entry points.

A class of `torch.optim.Optimizer` in a user's file or in an installed module counts as a rule, too: see `external.py`.
"""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any, NamedTuple

from ..base.errors import InvalidValue, SteepestError, UnknownName, did_you_mean
from ..base.guards import exits_raised
from ..base.installed import load_module
from ..base.modules import Source, importing, is_library, load
from ..base.plugins import Registry
from ..base.spec import Spec, parse
from ..base.text import Text, visible
from .adabelief import AdaBelief
from .adadelta import Adadelta
from .adafactor import Adafactor
from .adagrad import Adagrad
from .adam import Adam, AdamW
from .adamax import Adamax
from .adan import Adan
from .ademamix import AdEMAMix
from .adopt import ADOPT
from .averaged import Averaged
from .base import Rule
from .cautious import Cautious, CautiousDecay
from .elements import with_elements
from .external import External, external, is_optimizer, optimizers_in
from .gradients import Centralized, Clipped
from .lamb import LAMB
from .lars import LARS
from .lion import Lion, Signum
from .lookahead import Lookahead
from .mars import MARS
from .muon import Muon
from .nadam import NAdam
from .normuon import NorMuon
from .prodigy import Prodigy
from .prodigy_schedule_free import ProdigyScheduleFree
from .psgd_kron import PSGDKron
from .radam import RAdam
from .rmsprop import RMSprop
from .rprop import Rprop
from .schedule_free import ScheduleFreeAdamW, ScheduleFreeRAdam, ScheduleFreeSGD
from .sgd import SGD, Momentum, Nesterov
from .shampoo import Shampoo
from .sharpness import ASAM, SAM
from .soap import SOAP
from .stable_adamw import StableAdamW
from .validation import check_class
from .wrapper import Wrapped, Wrapper, wrapped

__all__ = [
    "ADOPT", "ASAM", "LAMB", "LARS", "MARS", "OPTIMIZERS", "RULES", "SAM", "SGD", "SOAP", "WRAPPERS", "AdEMAMix",
    "AdaBelief", "Adadelta", "Adafactor", "Adagrad", "Adam", "AdamW", "Adamax", "Adan", "Averaged", "Cautious",
    "CautiousDecay", "Centralized", "Clipped", "External", "Lion", "Lookahead", "Momentum", "Muon", "NAdam",
    "Nesterov", "NorMuon", "PSGDKron", "Prodigy", "ProdigyScheduleFree", "RAdam", "RMSprop", "Reference", "Rprop",
    "Rule", "ScheduleFreeAdamW", "ScheduleFreeRAdam", "ScheduleFreeSGD", "Shampoo", "Signum", "StableAdamW", "Wrapped",
    "Wrapper", "check_numbers", "class_named", "find", "names", "resolve", "resolve_all", "wrapped",
]  # fmt: skip

BUILT_IN: tuple[type[Rule], ...] = (
    SGD, Momentum, Adagrad, RMSprop, Adam, AdamW,
    Nesterov, Adadelta, Adamax, NAdam, RAdam, Signum, Lion, AdEMAMix,
    LAMB, ScheduleFreeSGD, ScheduleFreeAdamW, Prodigy, Adafactor, Muon, SOAP,
    AdaBelief, ADOPT, Adan, StableAdamW, MARS, LARS, Rprop,
    NorMuon, ScheduleFreeRAdam, ProdigyScheduleFree, Shampoo, PSGDKron,
)  # fmt: skip


def _check_rule(name: str, loaded: Any) -> type[Rule]:
    if not (isinstance(loaded, type) and issubclass(loaded, Rule)):
        raise InvalidValue(f"{loaded!r} is no rule; name a dataclass that derives from steepest.Rule")
    if loaded.__name__.lower() != name:
        raise InvalidValue(f"the name of {loaded.__name__} must be {loaded.__name__.lower()}")
    check_class(loaded)
    _check_partner(loaded)
    return loaded


def _check_partner(rule: type[Rule]) -> None:
    """See that the partner of a rule for matrices is there; one of a plugin or a file is not loaded for that."""
    if rule.least_axes < 2:
        return
    try:
        spec = parse(str(rule.partner))
        name = spec.name.lower()
        if spec.file is None and name not in RULES.built_in and name not in RULES.plugins:
            raise UnknownName(f"unknown rule {spec.name!r}; {did_you_mean(name, RULES.built_in)}")
        if spec.file is None and name in RULES.built_in:
            RULES.built_in[name].configure(**dict(spec.kwargs))
    except SteepestError as error:
        raise InvalidValue(f"{rule.__name__}: partner: {error}") from error


RULES = Registry({rule.__name__.lower(): rule for rule in BUILT_IN}, "steepest.rules", _check_rule)
"""By name in small letters; rules of plugins come last."""


class Named(NamedTuple):
    """A class of optimizers of steepest's that has a name: its spec, and what it is, so that a list imports nothing."""

    spec: str
    summary: Text


OPTIMIZERS = {
    "lbfgs": Named(
        "steepest:LBFGS",
        Text(
            "L-BFGS with a line search: a step of Newton's method whose curvature the last gradients tell.",
            "带线搜索的 L-BFGS：由最近的梯度估计曲率的牛顿步。",
        ),
    )
}
"""Steepest's optimizers that are no rules, by name: classes whose step evaluates the gradient as often as it likes, so
that it is no function of one gradient. Each becomes an `External` when it is named, as this imports torch."""


WRAPPERS: dict[str, type[Wrapper]] = {
    wrapper.__name__.lower(): wrapper
    for wrapper in (Cautious, CautiousDecay, Lookahead, Averaged, Centralized, Clipped, SAM, ASAM)
}
"""By name in small letters: `lookahead(adamw)` is AdamW in a Lookahead."""


def names() -> tuple[str, ...]:
    """All names that a spec may begin with."""
    return (*RULES, *OPTIMIZERS, *WRAPPERS)


def class_named(name: str) -> type[Rule] | None:
    """The rule with this name in small letters, such as `adamw` or `lookahead(adamw)`; None if there is none."""
    outer, bracket, rest = name.partition("(")
    if not bracket:
        return RULES.get(name)
    inner = class_named(rest.removesuffix(")"))
    return None if inner is None or outer not in WRAPPERS else wrapped(WRAPPERS[outer], inner)


@dataclass(frozen=True)
class Reference:
    """A rule as a user wrote it, with its file loaded.

    Attributes:
        text: its spec, which names the same rule in whatever folder it is read.
        name: of the rule, in small letters.
        rule_class: the rule.
        settings: those that the spec gives.
        source: the user's file that defines it, if one does.
        module: the installed module that defines it, if one was named.
    """

    text: str
    name: str
    rule_class: type[Rule]
    settings: Mapping[str, Any]
    source: Source | None = None
    module: str | None = None

    def rule(self, **more: object) -> Rule:
        """The rule at these settings and at more, which take precedence; `betas.1` is the second of `betas`."""
        if not issubclass(self.rule_class, External):  # which judges its settings itself
            check_numbers(self.rule_class, self.settings)
        return self.rule_class.configure(**with_elements({**self.settings, **more}, self.rule_class.defaults()))

    @property
    def label(self) -> str:
        """The title of the rule with the settings that the spec gives."""
        settings = ", ".join(f"{name}={value}" for name, value in self.settings.items())
        return visible(f"{self.rule_class.title} {settings}").strip()


def check_numbers(rule: type[Rule], settings: Mapping[str, Any]) -> None:
    """Raise `InvalidValue` where a typed setting has several numbers in the place of one: these are no arrays."""
    for name, value in settings.items():
        if name not in rule.hyperparameters():  # that is told with the nearest name
            continue
        default = rule.defaults().get(name)
        inside = value if isinstance(default, tuple | list) and isinstance(value, tuple | list) else [value]
        if any(isinstance(number, tuple | list | dict | set) for number in inside):
            kind = "numbers" if isinstance(default, tuple | list) else "one number"
            raise InvalidValue(f"{rule.title}: {name} must be {kind}, got {value!r}")


def find(rule: "str | Rule | type[Rule] | Reference", **hyperparameters: object) -> Rule:
    """A rule by name or spec, such as `adam(lr=0.1)`, with further hyperparameters; a rule is itself.

    A rule of your own file is `mine.py:MyRule`, with settings in parentheses if you like; a class of optimizers of an
    installed package is `torch.optim:Rprop`.

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
    if not isinstance(rule, str | Reference):
        raise InvalidValue(f"rule: expected a name or a rule, got {rule!r}")
    return (resolve(rule) if isinstance(rule, str) else rule).rule(**hyperparameters)


def resolve(text: str) -> Reference:
    """The rule that a spec names; its file, if it has one, is loaded.

    Raises:
        UnknownName, InvalidValue: as `find`.

    >>> resolve("adam(lr=0.1)").label
    'Adam lr=0.1'
    """
    if text.strip().endswith(".py"):
        first, *others = resolve_all(text)
        if others:
            names = [parse(reference.text).name for reference in (first, *others)]
            raise InvalidValue(f"{text}: defines {', '.join(names)}; name one, for example {text.strip()}:{names[0]}")
        return first
    spec = parse(text)
    if spec.inner is not None:
        return _wrapped(spec)
    if spec.module:
        return _in_module(text.strip(), spec)
    if spec.file is None and spec.name.lower() in OPTIMIZERS:
        module, _, name = OPTIMIZERS[spec.name.lower()].spec.partition(":")
        return _in_module(text.strip(), replace(spec, name=name, module=module))
    source = load(spec.file) if spec.file else None
    known: Mapping[str, type[Rule]] = _rules_in(source, spec.name) if source else RULES
    name = spec.name if source else spec.name.lower()
    if name not in known and name in WRAPPERS:
        raise UnknownName(f"{spec.name} is a wrapper of rules; name one inside it, for example {name}(adamw)")
    if name not in known:
        module, dot, last = spec.name.rpartition(".")
        near = known if source else (*known, *OPTIMIZERS)
        hint = f"write {module}:{last} for a class of an installed module" if dot else did_you_mean(spec.name, near)
        raise UnknownName(f"unknown rule {spec.name!r}; {hint}")
    if spec.args:
        raise InvalidValue(f"{text!r}: name the settings, for example {spec.name}(lr={spec.args[0]!r})")
    if source:
        _check(known[name], source)
        text = f"{source.path}:{text.strip().rpartition('.py:')[2]}"
    return Reference(text, spec.name.lower(), known[name], known[name].translated(dict(spec.kwargs)), source)


def _wrapped(spec: Spec) -> Reference:
    """The rule that a spec such as `lookahead(adamw(lr=0.1), k=6)` names."""
    assert spec.inner is not None
    if (name := spec.name.lower()) not in WRAPPERS:
        known = f"{spec.name} is a rule: name its settings, for example {spec.name}(lr=0.1)"
        raise UnknownName(known if name in RULES else f"unknown wrapper {spec.name!r}; {did_you_mean(name, WRAPPERS)}")
    if spec.args:
        raise InvalidValue(f"{spec.name}: name the settings behind the rule, for example {spec.name}(adamw, lr=0.1)")
    inner = resolve(spec.inner)
    rule = wrapped(WRAPPERS[name], inner.rule_class)
    own = spec.kwargs[len(parse(spec.inner).kwargs) :]
    settings = rule.translated(dict(own))
    for setting in settings.keys() & inner.settings.keys():
        raise InvalidValue(f"{spec.name}: {setting} is given inside and outside; leave out one")
    settings = {**inner.settings, **settings}
    text = f"{name}({', '.join([inner.text, *(f'{setting}={value!r}' for setting, value in own)])})"
    return Reference(text, rule.__name__.lower(), rule, settings, inner.source, inner.module)


def _in_module(text: str, spec: Spec) -> Reference:
    """The class that a spec such as `torch.optim:SGD(momentum=0.9)` names: an optimizer, or a rule."""
    assert spec.module is not None
    module = load_module(spec.module, text)
    if own := _own_file(module):
        return resolve(f"{own}:{text.partition(':')[2]}")
    value = getattr(module, spec.name, None)
    if isinstance(value, type) and issubclass(value, Rule):
        check_class(value)
        rule: type[Rule] = value
    elif is_optimizer(value):
        namesake = RULES.built_in.get(spec.name.lower()) if spec.module.partition(".")[0] == "torch" else None
        declared = namesake.hyperparameters()["lr"].metadata["facts"].search if namesake else None
        rule = external(value, spec.module.partition(".")[0], declared)
    elif value is None:
        raise UnknownName(f"{text}: {spec.module} has no {spec.name!r}; {_nearest(spec.name, module)}")
    else:
        raise InvalidValue(f"{text}: is no torch.optim.Optimizer with a step of its own; {_nearest('', module)}")
    if spec.args:
        raise InvalidValue(f"{text!r}: name the settings, for example {spec.name}(lr={spec.args[0]!r})")
    settings = rule.translated(dict(spec.kwargs))
    return Reference(text, spec.name.lower(), rule, settings, module=spec.module)


def _own_file(module: ModuleType) -> str | None:
    """The file of a module that is no package's: beside the user's script, where worker processes do not look."""
    file = str(getattr(module, "__file__", None) or "")
    is_file = file.endswith(".py") and not file.endswith("__init__.py") and "." not in module.__name__
    return file if is_file and not is_library(file) else None


def _nearest(name: str, module: ModuleType) -> str:
    found = optimizers_in(module)
    return did_you_mean(name, found) if found else "it has no optimizers"


def resolve_all(text: str) -> list[Reference]:
    """As `resolve`; a path that ends in `.py` names every rule and every class of optimizers in the file.

    Raises:
        InvalidValue: the file is missing, raises, or defines none.
    """
    if not text.strip().endswith(".py"):
        return [resolve(text)]
    source = load(text.strip())
    rules = _rules_in(source)
    for rule in rules.values():
        _check(rule, source)
    return [Reference(f"{source.path}:{name}", name.lower(), rule, {}, source) for name, rule in rules.items()]


def _check(rule: type[Rule], source: Source) -> None:
    if issubclass(rule, External):  # which was tried when it was made
        return
    try:
        with importing(source.path.parent), exits_raised():
            check_class(rule)
            _check_partner(rule)
    except SteepestError as error:
        raise InvalidValue(f"{source.path}: {error}") from error


def _rules_in(source: Source, wanted: str | None = None) -> dict[str, type[Rule]]:
    """The rules and classes of optimizers that a file defines; of the latter only `wanted`, if that is one."""
    own = {
        name: value
        for name, value in vars(source.module).items()
        if isinstance(value, type) and value.__module__ == source.module.__name__
    }
    rules: dict[str, type[Rule]] = {name: value for name, value in own.items() if issubclass(value, Rule)}
    rules = {name: rule for name, rule in rules.items() if not inspect.isabstract(rule)} or rules  # without their bases
    classes = {name: value for name, value in own.items() if is_optimizer(value)}
    public = {name: value for name, value in classes.items() if not name.startswith("_")} or classes
    if not rules and not classes:
        kinds = "a dataclass that derives from steepest.Rule, or a torch.optim.Optimizer"
        raise InvalidValue(f"{source.path}: defines no rule; write {kinds}")
    with importing(source.path.parent):
        try:
            chosen = {wanted: classes[wanted]} if wanted in classes else {} if wanted in rules else public
            return rules | {name: external(value) for name, value in chosen.items()}
        except SteepestError as error:
            raise InvalidValue(f"{source.path}: {error}") from error
