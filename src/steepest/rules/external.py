"""Classes of `torch.optim.Optimizer`, most of them of other authors, as contestants: with settings, but no equation.

A class becomes a rule whose hyperparameters are those of its `__init__`, with its own defaults. Whatever trains a model
or follows a path can so take one where it takes a rule; what needs the update as a function (maps, the playground)
refuses it in one line.
"""

import inspect
import re
import sys
import warnings
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, make_dataclass
from functools import cache
from types import ModuleType
from typing import Any, ClassVar, Self, TypeGuard

from ..base.errors import InvalidValue, SteepestError
from ..base.guards import exits_raised
from ..base.modules import files_of, is_library, last_words
from ..base.text import Text
from .base import Hyperparameter, Rule, hyperparameter, is_look
from .foreign import Foreign

__all__ = ["REQUIRED", "External", "external", "is_optimizer", "optimizers_in"]

AROUND = (1e-3, 1e2)
"""The ends of the learning rates that are searched, as multiples of the class's default."""

WITHOUT_DEFAULT = (1e-5, 1.0)
"""The learning rates that are searched where a class has no default."""

COUNTS = re.compile(r"(^|_)(steps?|iters?|epochs?|size|freq|frequency|every|interval|history|warmup|k|n|num)(_|$)")
"""Names of settings that are whole numbers; of any other, a default such as 0 is a number as well."""


class _Required:
    """In the place of a default that a class does not have."""

    def __repr__(self) -> str:
        return "required"


REQUIRED = _Required()


@dataclass(frozen=True, kw_only=True)
class External(Rule):
    """An optimizer that is a class of `torch.optim.Optimizer`; steepest runs it, and knows no equation of it.

    Class facts, beside those of `Rule`:
        optimizer_class: the class. If its `step` needs a closure that computes the gradient anew, then `evaluations` is
            None.
        positional: names of the settings that it takes by position only, in order.
        memory: what it stores, in a sentence; default: nothing is said.
        axes: the numbers of axes of the parameters that it takes, of those that were tried; empty: any.
        made_of: the arguments of `external` that made it.
        by_default: the range of learning rates around the class's default that is searched unless the user gives
            another; None where there is another reason for the range.
    """

    optimizer_class: ClassVar[Any]
    positional: ClassVar[tuple[str, ...]] = ()
    memory: ClassVar[Text] = Text("", "")
    axes: ClassVar[frozenset[int]] = frozenset()
    made_of: ClassVar[tuple[Any, ...]] = ()
    by_default: ClassVar[tuple[float, float] | None] = None

    def init(self, param: Any) -> dict[str, Any]:
        """Raise `InvalidValue`."""
        raise self._no_equation()

    def update(self, grad: Any, param: Any, step: Any, *state: Any) -> tuple[Any, ...]:
        """Raise `InvalidValue`."""
        raise self._no_equation()

    def _no_equation(self) -> InvalidValue:
        return InvalidValue(
            f"{self.title}: is a class of optimizers, of which steepest has no equation; trace, without starts, and"
            " compare run it"
        )

    @classmethod
    @cache
    def foreign_arguments(cls) -> Mapping[str, Foreign]:
        """None: its own names are the only ones."""
        return {}

    @property
    def given(self) -> dict[str, Any]:
        """The settings that are not the defaults, by name."""
        values = {name: getattr(self, name) for name in self.hyperparameters()}
        defaults = self.defaults()
        return {name: value for name, value in values.items() if not _same(value, defaults[name])}

    @property
    def missing(self) -> list[str]:
        """Names of the settings that the class requires and that are not given."""
        return [name for name in self.hyperparameters() if getattr(self, name) is REQUIRED]

    def make(self, params: Iterable[Any]) -> Any:
        """The `torch.optim.Optimizer` of these parameters.

        Raises:
            InvalidValue: the class refuses them, or a setting; in its own words.
        """
        if self.missing:
            name = self.missing[0]
            raise InvalidValue(f"{self.title}: needs {name}; write {type(self).__name__}({name}=...)")
        settings = self.given
        args = [settings.pop(name, self.defaults()[name]) for name in self.positional]
        try:
            optimizer = self.optimizer_class(params, *args, **settings)
        except SteepestError:
            raise
        except (Exception, SystemExit) as error:
            raise InvalidValue(f"{self.title}: {_words(error, self.optimizer_class)}") from error
        if self.evaluations is None:
            optimizer.needs_closure = True
        return optimizer

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle it by its class, since no module has the rule by name."""
        return _made_again, (*self.made_of, self.given)

    @classmethod
    def configure(cls, **settings: Any) -> Self:
        """The optimizer at these settings, tried on a small matrix; raises as `Rule.configure` does."""
        rule = super().configure(**settings)
        if any(getattr(value, "ndim", 0) for value in settings.values()):  # an array of many settings
            raise rule._no_equation()
        if not rule.missing:
            with _quietly():
                rule.make([_weight(2)])
        return rule


def is_optimizer(value: Any) -> TypeGuard[Hashable]:
    """Whether it is a class of optimizers in the sense of torch, with a step of its own."""
    torch = sys.modules.get("torch")
    base = getattr(getattr(torch, "optim", None), "Optimizer", None)
    return base is not None and isinstance(value, type) and issubclass(value, base) and value.step is not base.step  # type: ignore[attr-defined]


def optimizers_in(module: ModuleType) -> dict[str, Hashable]:
    """The classes of optimizers that a module has, by name."""
    return {name: value for name, value in vars(module).items() if is_optimizer(value)}


def external(optimizer_class: Any, origin: str = "", search: tuple[float, float] | None = None) -> type[External]:
    """The rule that a class of optimizers becomes.

    Args:
        optimizer_class: the class.
        origin: the package that it comes from, for its title; empty: the user's file.
        search: learning rates to search by default; None: those of the rule, of a class that derives from one of
            steepest's optimizers; of any other around its default.

    Raises:
        InvalidValue: it cannot make a step of a small matrix.

    >>> import torch
    >>> rprop = external(torch.optim.Rprop, "torch")
    >>> rprop.title, rprop.by_default, rprop.defaults()["etas"]
    ('Rprop (torch)', (1e-05, 1.0), (0.5, 1.2))
    """
    return _external(optimizer_class, origin, search)


def _made_again(*made_of: Any) -> External:
    *arguments, given = made_of
    return external(*arguments)(**given)


@cache
def _external(optimizer_class: Any, origin: str, search: tuple[float, float] | None) -> type[External]:
    made_of = (optimizer_class, origin, search)
    name = optimizer_class.__name__
    declared = _declared(optimizer_class)
    title = f"{name} ({origin})" if origin else name
    settings, positional = _settings(optimizer_class)
    ours = getattr(optimizer_class, "rule_class", None)
    own_schedule = "constant" if "schedulefree" in name.lower() else None
    if isinstance(ours, type) and issubclass(ours, Rule):
        search = search or ours.hyperparameters()["lr"].metadata["facts"].search
        own_schedule = ours.own_schedule
    known_settings: Mapping[str, Hyperparameter] = declared.pop("settings", {})
    look = declared.pop("look", None)
    search = search or (known_settings["lr"].search if "lr" in known_settings else None)
    by_default = None
    if "lr" in settings and search is None:
        rate = settings["lr"]
        known = isinstance(rate, int | float) and rate > 0
        by_default = (float(f"{rate * AROUND[0]:.3g}"), float(f"{rate * AROUND[1]:.3g}")) if known else WITHOUT_DEFAULT
    fields: list[tuple[str, Any, Any]] = []
    for setting, default in settings.items():
        if setting in known_settings:
            kind = int if type(default) is int else Any
            fields.append((setting, kind, field(default=default, metadata={"facts": known_settings[setting]})))
            continue
        ends = (by_default or search) if setting == "lr" else None
        symbol = rf"\mathrm{{{setting}}}".replace("_", r"\_")
        symbols = tuple(f"{symbol}_{i}" for i in range(1, len(default) + 1)) if isinstance(default, tuple) else symbol
        about = "learning rate" if setting == "lr" else setting
        fields.append((setting, Any, hyperparameter(default, symbols, about, within=None, search=ends)))
    if "lr" not in settings:
        fields.append(("lr", Any, field(init=False, default=float("nan"))))
    facts = {
        "title": title, "reference": optimizer_class.__module__, "__doc__": inspect.getdoc(optimizer_class) or name,
        "__module__": optimizer_class.__module__, "optimizer_class": optimizer_class, "positional": positional,
        "by_default": by_default, "own_schedule": own_schedule, "rate_matters": "lr" in settings, "made_of": made_of,
        **declared,
    }  # fmt: skip
    made: type[External] = make_dataclass(name, fields, bases=(External,), namespace=facts, frozen=True, kw_only=True)
    made.look = look
    _try_out(made)
    return made


def _declared(optimizer_class: Any) -> dict[str, Any]:
    """The facts of a rule that a class states itself, by name, each if it is of the right kind."""
    kinds: dict[str, Any] = {
        "title": str, "reference": str, "helps": Text, "fails": Text, "memory": Text, "own_schedule": str,
        "rate_matters": bool,
    }  # fmt: skip
    own = vars(optimizer_class)
    declared = {name: own[name] for name, kind in kinds.items() if isinstance(own.get(name), kind)}
    if is_look(own.get("look")):
        declared["look"] = own["look"]
    settings = own.get("settings")
    if isinstance(settings, Mapping) and all(isinstance(facts, Hyperparameter) for facts in settings.values()):
        declared["settings"] = settings
    return declared


# --- the signature ----------------------------------------------------------------------------------------------------


def _settings(optimizer_class: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The settings of a class with their defaults, and the names of those that it takes by position only.

    Where `__init__` hands `**others` on, the settings of the base class count too, and what is in its `defaults`.
    """
    settings: dict[str, Any] = {}
    positional: list[str] = []
    inherited: list[str] = []
    more = False
    for ancestor in optimizer_class.__mro__:
        if "__init__" not in vars(ancestor) or ancestor is sys.modules["torch"].optim.Optimizer:
            continue
        params = list(inspect.signature(ancestor.__init__).parameters.values())[2:]  # after self and the parameters
        more_before = more
        more = any(param.kind is param.VAR_KEYWORD for param in params)
        for param in params:
            if param.kind not in (param.VAR_KEYWORD, param.VAR_POSITIONAL) and param.name not in settings:
                inherited += [param.name] * (more_before and param.default is param.empty)
                settings[param.name] = _default(param)
                if param.kind is param.POSITIONAL_ONLY:
                    positional.append(param.name)
        if not more:
            break
    if more or inherited:
        with suppress(Exception), _quietly():
            optimizer = optimizer_class([_weight(2)])
            for name in inherited:  # the class gives it itself, but may let the user give another
                del settings[name]
                with suppress(Exception):
                    optimizer_class([_weight(2)], **{name: optimizer.defaults[name]})
                    settings[name] = optimizer.defaults[name]
            settings = {**(optimizer.defaults if more else {}), **settings}
    taken = {name for name in settings if hasattr(External, name)} - {"lr", "decay", "sparse"}
    return {name: default for name, default in settings.items() if name not in taken}, tuple(positional)


def _default(param: inspect.Parameter) -> Any:
    value = param.default
    if value is param.empty:
        return REQUIRED
    whole = "int" in str(param.annotation) if param.annotation is not param.empty else COUNTS.search(param.name)
    if isinstance(value, int) and not isinstance(value, bool) and not whole:
        return float(value)  # momentum=0
    if isinstance(value, list):
        return tuple(value)
    if getattr(value, "ndim", None) == 0:  # a tensor of one number
        return float(value)
    try:
        hash(value)
    except TypeError:
        return repr(value)
    return value


def _same(value: Any, default: Any) -> bool:
    if value is default:
        return True
    if isinstance(value, bool) != isinstance(default, bool):  # True is 1, and another setting
        return False
    try:
        return bool(value == default)
    except Exception:  # arrays of several numbers
        return False


# --- trying it out ----------------------------------------------------------------------------------------------------


def _weight(axes: int) -> Any:
    torch = sys.modules["torch"]
    weight = torch.nn.Parameter(torch.full((4, 3, 2, 2)[:axes], 0.5))
    weight.grad = torch.full_like(weight, 0.1)
    return weight


@contextmanager
def _quietly() -> Iterator[None]:
    """Without warnings, and with torch's generator afterwards as it was."""
    torch = sys.modules["torch"]
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]), exits_raised():
        warnings.simplefilter("ignore")
        yield


def _try_out(rule: type[External]) -> None:
    """Make a step of small parameters, to see what kinds the class takes, and whether it needs a closure."""
    rule.evaluations = None if _requires_closure(rule.optimizer_class) else 1
    given = {"lr": 1e-3} if rule.defaults().get("lr") is REQUIRED else {}
    if [name for name, default in rule.defaults().items() if default is REQUIRED and name not in given]:
        return  # who competes gives them
    with _quietly():
        own = rule(**given)
        error = _step_error(own, 2)
        if error is not None and rule.evaluations is not None:
            rule.evaluations = None  # its step may say `closure=None` and need one all the same
            error_without, error = error, _step_error(own, 2)
            if error is not None:
                rule.evaluations, error = 1, error_without
        if error is not None and rule.evaluations is not None and _step_error(own, 2, sparse=True) is not None:
            if isinstance(error, InvalidValue):
                raise error
            raise InvalidValue(f"{rule.title}: {_words(error, rule.optimizer_class)}") from error
        if error is None and _step_error(own, 1) is not None:
            rule.axes = frozenset(axes for axes in (2, 3, 4) if axes == 2 or _step_error(own, axes) is None)
            rule.least_axes = 2


def _requires_closure(optimizer_class: Any) -> bool:
    """Whether `step` has an argument without default."""
    params = list(inspect.signature(optimizer_class.step).parameters.values())[1:]
    return any(param.default is param.empty and param.kind is param.POSITIONAL_OR_KEYWORD for param in params)


def _step_error(rule: External, axes: int, sparse: bool = False) -> BaseException | None:
    """What a step of a parameter with so many axes raises; None if it goes well."""
    weight = _weight(axes)
    if sparse:
        weight.grad = weight.grad.to_sparse(1)
    compute: Callable[[], Any] = lambda: (weight.detach() ** 2).sum()  # noqa: E731
    try:
        optimizer = rule.make([weight])
        if callable(getattr(optimizer, "train", None)):
            optimizer.train()
        optimizer.step(compute) if rule.evaluations is None else optimizer.step()
    except (Exception, SystemExit) as error:
        return error
    return None


def _words(error: BaseException, optimizer_class: type) -> str:
    """An error of a class in one line; with the place of a user's own."""
    return last_words(error, *(file for file in files_of(optimizer_class) if not is_library(file)))
