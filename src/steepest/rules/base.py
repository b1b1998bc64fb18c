"""What a rule is: an optimizer's update as a pure function, with its facts as data beside it.

A rule is a frozen dataclass. Its fields are the hyperparameters, under torch's names. It has two functions:

- `init(param)` gives the state before the first step, by name.
- `update(grad, param, step, *state)` gives the change of the parameter and the new state, in the same order.

Neither touches its inputs or keeps anything. Branches look at settings (`nesterov`), never at values, so one definition
runs on every engine. Hyperparameters may be numbers or arrays (many settings in one call).

Two more functions, for the few rules that need them:

- `evaluation(param, *state)` gives the weights to evaluate, where these are not the parameter itself (Schedule-Free).
- `measure(grad, param, step, *state)` gives numbers that the engine adds up over all parameters of a group and hands to
  each `update` as `shared` (Prodigy). Without an engine that does, `update` takes its own parameter for all there is.
"""

import inspect
import math
from abc import ABC, abstractmethod
from dataclasses import MISSING, Field, dataclass, field, fields
from functools import cache, cached_property
from typing import Any, ClassVar, Literal, Self

from ..base.errors import InvalidValue, UnknownSetting, did_you_mean
from ..base.text import Text
from ..ops import is_zero, maximum, minimum

__all__ = [
    "Hyperparameter", "Rule", "hyperparameter", "memories", "warmed_up", "with_decoupled_decay", "with_weight_decay",
]  # fmt: skip


@dataclass(frozen=True)
class Hyperparameter:
    """The facts of one hyperparameter.

    Args:
        symbol: LaTeX, as the method's paper writes it; one a value for a tuple.
        about: what it is, in a few words.
        within: the allowed interval in the usual notation, such as `[0, 1)`.
        search: the range that a comparison searches on a log scale, or None if it stays at its default.
        keyword: whether an optimizer takes it by name only, as torch does or has something else in its place.
        among: the allowed values, where they are a few names.
    """

    symbol: str | tuple[str, ...]
    about: str
    within: str | None = None
    search: tuple[float, float] | None = None
    keyword: bool = False
    among: tuple[str | None, ...] = ()

    @property
    def limits(self) -> tuple[float, float]:
        """The ends of the allowed interval."""
        return _ends(self.within) if self.within else (-math.inf, math.inf)

    def check(self, owner: str, name: str, value: Any, default: Any) -> None:
        """Raise `InvalidValue` unless the value lies in the interval; arrays of many, symbols, a default None pass."""
        if type(value) is type(default) is float and self.within and _lies_within(value, self.within):
            return  # so it mostly is; a learning rate that changes at every step is checked at every step
        values, usual = (each if isinstance(each, tuple | list) else (each,) for each in (value, default))
        if isinstance(self.symbol, tuple) and len(values) != len(self.symbol):
            raise InvalidValue(f"{owner}: {name} needs {len(self.symbol)} values, got {value!r}")
        if self.among and value not in self.among:
            raise InvalidValue(f"{owner}: {name} must be one of {self.among}, got {value!r}")
        if self.within is None:
            return
        for place, number in enumerate(values):
            if number is None and usual[min(place, len(usual) - 1)] is None:
                continue
            if getattr(number, "ndim", None) == 0:  # a tensor or array of one number
                number = float(number.detach() if hasattr(number, "detach") else number)
            if isinstance(number, int | float):
                if not _lies_within(number, self.within):
                    raise InvalidValue(f"{owner}: {name} must lie in {self.within}, got {value!r}")
            elif isinstance(number, str) or number is None:
                raise InvalidValue(f"{owner}: {name} must be a number, got {value!r}")


def _lies_within(number: float, interval: str) -> bool:
    low, high = _ends(interval)
    above = number >= low if interval[0] == "[" else number > low
    below = number <= high if interval[-1] == "]" else number < high
    return math.isfinite(number) and above and below


@cache
def _ends(interval: str) -> tuple[float, float]:
    low, high = (float(end) for end in interval[1:-1].split(","))
    return low, high


def hyperparameter(
    default: Any,
    symbol: str | tuple[str, ...],
    about: str,
    *,
    within: str | None = "[0, inf)",
    search: tuple[float, float] | None = None,
    keyword: bool = False,
    among: tuple[str | None, ...] = (),
) -> Any:
    """A dataclass field that carries a `Hyperparameter`; switches (bool) and names have no interval."""
    interval = None if isinstance(default, bool) or among else within
    facts = Hyperparameter(symbol, about, interval, search, keyword, among)
    return field(default=default, metadata={"facts": facts})


def memories(
    default: tuple[float, ...], about: str = "memory of the gradients and of their squares", within: str = "[0, 1)"
) -> Any:
    """The hyperparameter `betas`: how much each leaky average keeps of what it was."""
    return hyperparameter(default, tuple(rf"\beta_{i}" for i in range(1, len(default) + 1)), about, within=within)


@dataclass(frozen=True, kw_only=True)
class Rule(ABC):
    """Base of all rules; see the module's text for what a rule promises.

    Class facts (data, so that docs, pages and tests need not know any rule by name):
        title: the name as people write it.
        reference: where the method was published.
        symbols: LaTeX of each state.
        elementwise: whether each coordinate's update depends on that coordinate alone (and on `numbers`).
        least_axes: how many axes a parameter must have at least; 2 for a rule that is for matrices only.
        numbers: the states that are one number a parameter, not one a coordinate; an engine may also keep them as an
            array of the parameter's shape, which is then the same everywhere.
        shared: those of `numbers` that are the same for all parameters of a group; a rule that has any has `measure`.
        eps_stands: where `eps` stands, for rules that have one.
        decay: kind of weight decay: added to the gradient ("coupled"), taken from the parameter ("decoupled"), or that
            times a factor that the rule finds itself ("scaled").
        sparse: settings that must be 0 when the gradient is sparse; None if the rule takes no sparse gradients.
        own_schedule: the learning rate schedule that is part of the method, which a comparison then leaves as it is.
        helps, fails: the method's character, in a sentence each.
    """

    title: ClassVar[str]
    reference: ClassVar[str]
    symbols: ClassVar[dict[str, str]] = {}
    elementwise: ClassVar[bool] = True
    least_axes: ClassVar[int] = 0
    numbers: ClassVar[tuple[str, ...]] = ()
    shared: ClassVar[tuple[str, ...]] = ()
    eps_stands: ClassVar[str | None] = None
    decay: ClassVar[Literal["coupled", "decoupled", "scaled"] | None] = None
    sparse: ClassVar[tuple[str, ...] | None] = None
    own_schedule: ClassVar[str | None] = None
    helps: ClassVar[Text]
    fails: ClassVar[Text]

    lr: float = hyperparameter(1e-3, r"\eta", "learning rate")

    def __post_init__(self) -> None:
        for each in self.hyperparameters().values():
            value = getattr(self, each.name)
            each.metadata["facts"].check(self.title, each.name, value, each.default)
            if isinstance(each.default, bool) and isinstance(value, str | None):
                raise InvalidValue(f"{self.title}: {each.name} must be true or false, got {value!r}")

    @abstractmethod
    def init(self, param: Any) -> dict[str, Any]:
        """The state before the first step, by name, in the order in which `update` takes it.

        A number fills an array of the parameter's shape, an array is taken as it is, None is a state that these
        settings do not need (it stays None).
        """

    @abstractmethod
    def update(self, grad: Any, param: Any, step: Any, *state: Any) -> tuple[Any, ...]:
        """One step: `(delta, *new_state)`, with the new parameter `param + delta`; `step` counts from 1."""

    def evaluation(self, param: Any, *state: Any) -> Any:
        """The weights to evaluate, of the parameter and its state after a step."""
        return param

    def measure(self, grad: Any, param: Any, step: Any, *state: Any) -> tuple[Any, ...]:
        """Numbers to be added up over all parameters of a group, for `update` to take as `shared`."""
        return ()

    @classmethod
    @cache
    def hyperparameters(cls) -> dict[str, "Field[Any]"]:
        """The dataclass fields that a user may set, by name; `.metadata["facts"]` is the `Hyperparameter`."""
        return {each.name: each for each in fields(cls) if each.init}

    @classmethod
    def defaults(cls) -> dict[str, Any]:
        """Every hyperparameter's default, by name."""
        return {name: each.default for name, each in cls.hyperparameters().items() if each.default is not MISSING}

    @cached_property
    def structure(self) -> tuple[Any, ...]:
        """What the arithmetic of `update` depends on beside numbers: the rule, its switches, which settings are 0."""
        return type(self), *(_kind(getattr(self, name)) for name in self.hyperparameters())

    @classmethod
    def configure(cls, **settings: Any) -> Self:
        """The rule with these hyperparameters; an unknown one raises `UnknownSetting` with the nearest known name."""
        for name in settings:
            if name not in cls.hyperparameters():
                hint = did_you_mean(name, cls.hyperparameters())
                raise UnknownSetting(f"{cls.title} has no hyperparameter {name!r}; {hint}")
        return cls(**settings)

    def label(self) -> str:
        """The rule's title with its learning rate and the settings that are not the defaults.

        >>> from steepest.rules import SGD
        >>> SGD(lr=0.6, momentum=0.25).label()
        'SGD lr=0.6, momentum=0.25'
        """
        defaults = self.defaults()
        values = {name: getattr(self, name) for name in defaults}
        shown = {name: value for name, value in values.items() if name == "lr" or value != defaults[name]}
        return f"{self.title} {', '.join(f'{name}={value}' for name, value in shown.items())}"

    @classmethod
    def summary(cls) -> str:
        """The first line of the rule's docstring."""
        return inspect.getdoc(cls).partition("\n")[0]  # type: ignore[union-attr]


def _kind(setting: Any) -> Any:
    if isinstance(setting, bool | str) or setting is None:
        return setting
    return "zero" if is_zero(setting) else "number"


def with_weight_decay(grad: Any, param: Any, weight_decay: Any) -> Any:
    """The gradient of the loss plus `weight_decay / 2 * |param|^2` (coupled, L2); without decay, as it is."""
    return grad if is_zero(weight_decay) else grad + weight_decay * param


def with_decoupled_decay(delta: Any, param: Any, lr: Any, weight_decay: Any) -> Any:
    """The step less `lr * weight_decay` of the parameter (decoupled); without decay, as it is."""
    return delta if is_zero(weight_decay) else delta - lr * weight_decay * param


def warmed_up(step: Any, steps: Any) -> Any:
    """How much of a warm-up of so many steps is over, from 0 to 1."""
    return minimum(step / maximum(steps, 1), 1.0)
