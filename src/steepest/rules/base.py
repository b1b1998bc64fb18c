"""The base class of rules: an optimizer's update as a pure function, with its facts as data beside it.

A rule is a frozen dataclass. Its fields are the hyperparameters, under torch's names. It has two functions:

- `init(param)` returns the state before the first step, by name.
- `update(grad, param, step, *state)` returns the change of the parameter and the new state, in the same order.

Both are pure: they modify no input and store nothing. They branch on settings (`nesterov`), never on values, so one
definition runs on every engine. Hyperparameters may be numbers or arrays (many settings in one call).

More functions, for the few rules that need them:

- `evaluation(param, *state)` returns the weights to evaluate, if these are not the parameter itself (Schedule-Free);
  `from_evaluation(weights, *state)` is its inverse.
- `measure(grad, param, step, *state)` returns numbers that the engine sums over all parameters and passes to each
  `update` as `shared` (Prodigy). Where `shared` is None, `update` measures its own parameter only.

Every engine runs the same definition; by hand, on plain numbers:

    >>> from steepest.rules import SGD
    >>> sgd = SGD(lr=0.1, momentum=0.9)
    >>> delta, velocity = sgd.update(2.0, 5.0, 1, *sgd.init(5.0).values())
    >>> delta, velocity
    (-0.2, 2.0)
"""

import inspect
import math
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Set
from dataclasses import MISSING, Field, dataclass, field, fields
from functools import cache, cached_property
from types import MappingProxyType
from typing import Any, ClassVar, Literal, Self

from ..base.display import Displayed
from ..base.errors import InvalidValue, UnknownSetting, did_you_mean
from ..base.text import Text
from ..ops import is_zero, maximum, minimum, norm, where
from .foreign import Foreign, only, renamed, translated
from .words import CHINESE

__all__ = [
    "Hyperparameter", "Rule", "Unchecked", "hyperparameter", "is_look", "is_switch", "is_whole", "memories",
    "trust_ratio", "warmed_up", "with_decoupled_decay", "with_weight_decay",
]  # fmt: skip


Look = tuple[str, str, str]
MARKERS = ".,ov^<>12348spP*hH+xXDd|_"
DASHES = ("solid", "dashed", "dotted", "dashdot")

GENERAL = {"learning_rate": "lr", "epsilon": "eps", "wd": "weight_decay"}
"""Names that hyperparameters have elsewhere, for every rule that has them."""


class Unchecked(float):
    """A number that a rule takes for a hyperparameter whatever it is, and hands on to a rule that it is made of."""


@dataclass(frozen=True)
class Hyperparameter:
    """The facts of one hyperparameter.

    Args:
        symbol: LaTeX, as in the method's paper; for a tuple, one symbol a value.
        about: its meaning, in a few words of both languages.
        within: the allowed interval in the usual notation, such as `[0, 1)`; None: any value.
        search: the range that a comparison searches on a log scale, or None if it stays at its default.
        keyword: whether an optimizer takes it by name only, since torch's has none, or another one, at its position.
        among: the allowed values, where they are a few names.
        none: the value that None stands for, as in the authors' code; None: it stands for nothing, or for itself.
        near_one: whether it matters how near it is to 1, as for the memory of an average, so that a comparison searches
            it on a log scale of that distance.
    """

    symbol: str | tuple[str, ...]
    about: Text
    within: str | None = None
    search: tuple[float, float] | None = None
    keyword: bool = False
    among: tuple[str | None, ...] = ()
    none: Any = None
    near_one: bool = False

    def __post_init__(self) -> None:
        if self.within is not None and not re.fullmatch(r"[\[(][^,]+,[^,]+[\])]", self.within):
            raise InvalidValue(f"within: write an interval such as '[0, 1)', got {self.within!r}")
        if self.search is not None and not 0 < self.search[0] < self.search[1] < math.inf:
            raise InvalidValue(f"search: write a range above 0 such as (1e-4, 1.0), got {self.search!r}")

    @property
    def limits(self) -> tuple[float, float]:
        """The ends of the allowed interval."""
        return _ends(self.within) if self.within else (-math.inf, math.inf)

    def check(self, owner: str, name: str, value: Any, default: Any, whole: bool = False) -> None:
        """Raise `InvalidValue` unless the value is a number in the interval, and a `whole` one where it has to be.

        A list has a number for each of many trajectories. Arrays of many, symbols and a default None pass.
        """
        if type(value) is type(default) is float and self.within and _lies_within(value, self.within):
            return  # the common case, kept fast: a learning rate under a schedule is checked at every step
        many = isinstance(self.symbol, tuple)
        values = value if many and isinstance(value, tuple | list) else (value,)
        defaults = default if isinstance(default, tuple | list) else (default,)
        if many and len(values) != len(self.symbol):
            raise InvalidValue(f"{owner}: {name} needs {len(self.symbol)} values, got {value!r}")
        if self.among and value not in self.among:
            raise InvalidValue(f"{owner}: {name} must be one of {self.among}, got {value!r}")
        if self.within is None:
            return
        for index, each in enumerate(values):
            if each is None and defaults[min(index, len(defaults) - 1)] is None:
                continue
            for number in each if isinstance(each, tuple | list) else (each,):
                if wrong := _wrong(number, self.within, whole):
                    raise InvalidValue(f"{owner}: {name} must {wrong}, got {value!r}")


def _wrong(number: Any, interval: str, whole: bool) -> str:
    """What a number would have to be or do and does not; empty where all is well."""
    if isinstance(number, Unchecked):
        return ""
    if getattr(number, "ndim", None) == 0:  # a tensor or array of one number
        number = float(number.detach() if hasattr(number, "detach") else number)
    if not isinstance(number, int | float):
        return "" if hasattr(number, "__sub__") and not isinstance(number, complex | Set) else "be a number"
    if not _lies_within(number, interval):
        return f"lie in {interval}"
    return "be a whole number" if whole and number != int(number) else ""


def _lies_within(number: float, interval: str) -> bool:
    low, high = _ends(interval)
    try:
        number = float(number)
    except OverflowError:  # a whole number beyond all floats
        return False
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
    about: str | Text,
    *,
    within: str | None = "[0, inf)",
    search: tuple[float, float] | None = None,
    keyword: bool = False,
    among: tuple[str | None, ...] = (),
    none: Any = None,
    near_one: bool = False,
) -> Any:
    """A dataclass field with a `Hyperparameter` as its metadata `facts`; see there for the arguments.

    Switches (bool) and names (`among`) have no interval. A phrase in `rules/words.py` needs no `Text`.
    """
    if isinstance(about, str):
        about = Text(about, CHINESE.get(about, about))
    interval = None if isinstance(default, bool) or among else within
    facts = Hyperparameter(symbol, about, interval, search, keyword, among, none, near_one)
    return field(default=default, metadata={"facts": facts})


def memories(
    default: tuple[float, ...], about: str = "memory of the gradients and of their squares", within: str = "[0, 1)"
) -> Any:
    r"""The hyperparameter `betas`: for each exponential average the weight of its old value, with symbols $\beta_i$."""
    symbols = tuple(rf"\beta_{i}" for i in range(1, len(default) + 1))
    return hyperparameter(default, symbols, about, within=within, near_one=True)


@dataclass(frozen=True, kw_only=True)
class Rule(Displayed, ABC):
    """Base of all rules; the module's docstring says which conditions `init` and `update` fulfil.

    Class facts (data, so that docs, pages and tests need not know any rule by name):
        title: the name as people write it; default: the name of the class.
        reference: where the method was published.
        symbols: LaTeX of each state.
        elementwise: whether each coordinate's update depends on that coordinate alone (and on `numbers`). A rule that
            takes no more beside than sums or means over the whole tensor keeps the CPU's kernel.
        least_axes: the number of axes that a parameter must have at least; 2 for a rule for matrices.
        numbers: the states that are one number a parameter, not one a coordinate; an engine may also keep them as an
            array of the parameter's shape, which is then the same everywhere.
        shared: those of `numbers` that are the same for all parameters, whatever their groups; a rule that has any has
            `measure`, and in `shared_settings` the settings that all groups must have the same for it.
        eps_stands: the place of `eps` in the formula, for rules that have one.
        decay: kind of weight decay: added to the gradient ("coupled"), subtracted from the parameter ("decoupled"), or
            the latter times a factor that the rule computes itself ("scaled").
        sparse: settings that must be 0 when the gradient is sparse; None if the rule takes no sparse gradients.
        evaluations: how often a step evaluates the gradient; each counts as a step where runs are compared. None: as
            often as it likes, so that they are counted as they are made.
        rate_matters: whether a larger or smaller learning rate is worth a try where a path ends badly: not where a line
            search finds the length of each step, or where there is none.
        own_schedule: the learning rate schedule that is part of the method, which a comparison then leaves as it is.
        partner: of a rule for matrices only, the spec of the rule that trains the other parameters of a network.
        look: colour (`#rrggbb`), Matplotlib's marker, and dash (solid, dashed, dotted, dashdot) in every picture; None:
            one that follows from the name. It is given as an argument of the class statement, and not inherited:
            `class Mine(Rule, look=("#0072B2", "o", "solid"))`.
        foreign: arguments of other implementations, by name: see `foreign.Foreign`. It is an argument of the class
            statement too, and not inherited.
        helps, fails: the method's character, in a sentence each; default: nothing is said.
    """

    title: ClassVar[str]
    reference: ClassVar[str] = "unpublished"
    symbols: ClassVar[dict[str, str]] = {}
    elementwise: ClassVar[bool] = True
    least_axes: ClassVar[int] = 0
    numbers: ClassVar[tuple[str, ...]] = ()
    shared: ClassVar[tuple[str, ...]] = ()
    shared_settings: ClassVar[tuple[str, ...]] = ()
    eps_stands: ClassVar[str | None] = None
    decay: ClassVar[Literal["coupled", "decoupled", "scaled"] | None] = None
    sparse: ClassVar[tuple[str, ...] | None] = None
    evaluations: ClassVar[int | None] = 1
    rate_matters: ClassVar[bool] = True
    own_schedule: ClassVar[str | None] = None
    partner: ClassVar[str] = "adamw"
    look: ClassVar[Look | None] = None
    foreign: ClassVar[Mapping[str, Foreign]] = {}
    helps: ClassVar[Text] = Text("", "")
    fails: ClassVar[Text] = Text("", "")

    lr: float = hyperparameter(1e-3, r"\eta", "learning rate")

    def __init_subclass__(
        cls, look: "Look | None" = None, foreign: Mapping[str, Foreign] | None = None, **more: Any
    ) -> None:
        super().__init_subclass__(**more)
        cls.title = vars(cls).get("title", cls.__name__)
        for sentence in ("helps", "fails"):
            if isinstance(text := getattr(cls, sentence), str):  # of one language
                setattr(cls, sentence, Text(text, text))
        if look is not None and not is_look(look):
            example = ("#0072B2", "o", "solid")
            raise InvalidValue(f"{cls.title}: look must be a colour, marker and dash such as {example}, got {look!r}")
        cls.look, cls.foreign = look, foreign or {}

    def __post_init__(self) -> None:
        for name, hyper in self.hyperparameters().items():
            value = getattr(self, name)
            if value is None and (none := hyper.metadata["facts"].none) is not None:
                object.__setattr__(self, name, value := none)
            hyper.metadata["facts"].check(self.title, name, value, hyper.default, is_whole(hyper))
            if isinstance(hyper.default, bool) and not is_switch(value):
                raise InvalidValue(f"{self.title}: {name} must be true or false, got {value!r}")

    @abstractmethod
    def init(self, param: Any) -> dict[str, Any]:
        """The state before the first step, by name, in the order in which `update` takes it.

        Args:
            param: the parameter, of any shape.

        Returns:
            By name: an array; a number, which stands for an array of the parameter's shape (for a state in `numbers`,
            for itself); or None for a state that these settings do not need, and which stays None.
        """

    @abstractmethod
    def update(self, grad: Any, param: Any, step: Any, *state: Any) -> tuple[Any, ...]:
        """One step.

        Args:
            grad: gradient at the parameter, of its shape.
            param: the parameter before the step.
            step: number of this step for this parameter, from 1.
            *state: as `init` or the last step returned it.

        Returns:
            `(delta, *new_state)`; the new parameter is `param + delta`.
        """

    def evaluation(self, param: Any, *state: Any) -> Any:
        """The weights to evaluate, computed from the parameter and its state after a step."""
        return param

    def from_evaluation(self, weights: Any, *state: Any) -> Any:
        """The parameter, computed from the weights to evaluate and the same state."""
        raise NotImplementedError(f"{self.title}: define from_evaluation, the inverse of evaluation")

    def measure(self, grad: Any, param: Any, step: Any, *state: Any) -> tuple[Any, ...]:
        """Numbers of one parameter that the engine sums over all and passes to `update` as `shared`."""
        return ()

    def partner_lr(self, rows: int, columns: int) -> Any:
        """The learning rate of the partner of a rule for matrices, in a network whose largest matrix has this size."""
        return self.lr

    @classmethod
    @cache
    def hyperparameters(cls) -> dict[str, "Field[Any]"]:
        """The dataclass fields that a user may set, by name; `.metadata["facts"]` is the `Hyperparameter`.

        A field that was declared without facts, as `beta: float = 0.9`, has its name as symbol; any value is allowed.
        """
        settings = {hyper.name: hyper for hyper in fields(cls) if hyper.init}
        for name, hyper in settings.items():
            if "facts" not in hyper.metadata:
                hyper.metadata = MappingProxyType({**hyper.metadata, "facts": _plain_facts(name, hyper.default)})
        return settings

    @classmethod
    def defaults(cls) -> dict[str, Any]:
        """Every hyperparameter's default, by name."""
        return {name: hyper.default for name, hyper in cls.hyperparameters().items() if hyper.default is not MISSING}

    @classmethod
    @cache
    def foreign_arguments(cls) -> Mapping[str, Foreign]:
        """Arguments of other implementations, with those that any rule may have, and the settings that are fixed."""
        own = cls.hyperparameters()
        general = {name: renamed(here) for name, here in GENERAL.items() if here in own}
        if "betas" in own:
            count = len(own["betas"].metadata["facts"].symbol)
            pair = only(instead=f"write betas=({', '.join(['...'] * count)}), with {count} numbers")
            general |= dict.fromkeys(("b1", "b2", "beta1", "beta2", "beta_1", "beta_2"), pair)
        fixed = {
            setting.name: only(setting.default, instead=f"it is always {setting.default} in {cls.title}; leave it out")
            for setting in fields(cls)
            if not setting.init
        }
        return {name: argument for name, argument in (general | fixed | dict(cls.foreign)).items() if name not in own}

    @classmethod
    def translated(cls, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Settings with those that other implementations take under the names here, or refused: see `foreign`."""
        return translated(cls.title, settings, cls.foreign_arguments())

    @cached_property
    def structure(self) -> tuple[Any, ...]:
        """A key of the arithmetic of `update`: the rule, its switches, and which settings are 0, without their values.

        Two rules of equal structure record the same program, so compiled kernels are cached by it.
        """
        return type(self), *(_kind(getattr(self, name)) for name in self.hyperparameters())

    @property
    def decays_apart(self) -> bool:
        r"""Whether the step is that at a weight decay of 0, minus $\eta \lambda x$."""
        return self.decay == "decoupled" or getattr(self, "decoupled_weight_decay", False)

    @classmethod
    def configure(cls, **settings: Any) -> Self:
        """The rule with these hyperparameters.

        Raises:
            UnknownSetting: the rule has no such hyperparameter; the message suggests the nearest name.
            InvalidValue: a value outside its interval.
        """
        settings = cls.translated(settings)
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
        return f"{self.title} {', '.join(f'{name}={value}' for name, value in shown.items())}".strip()

    @classmethod
    def summary(cls, lang: str = "en") -> str:
        """The first line of the rule's docstring; with "zh" its translation in `rules/words.py`, if there is one."""
        line = inspect.getdoc(cls).partition("\n")[0]  # type: ignore[union-attr]
        return CHINESE.get(line, line) if lang == "zh" else line


def _plain_facts(name: str, default: Any) -> Hyperparameter:
    symbol = rf"\mathrm{{{name}}}".replace("_", r"\_")
    many = isinstance(default, tuple)
    symbols = tuple(f"{symbol}_{i}" for i in range(1, len(default) + 1)) if many else symbol
    return Hyperparameter(symbols, Text(name, name))


def is_whole(setting: "Field[Any]") -> bool:
    """Whether a hyperparameter is declared to be a whole number."""
    return setting.type in (int, int | None, "int", "int | None")


def is_switch(value: Any) -> bool:
    """Whether it is true or false; 1 and 0 are, and NumPy's."""
    return (isinstance(value, int) and value in (0, 1)) or type(value).__name__ in ("bool", "bool_")


def is_look(look: Any) -> bool:
    """Whether it is a colour, one of Matplotlib's markers, and a dash."""
    if not (isinstance(look, tuple) and len(look) == 3 and all(isinstance(part, str) for part in look)):
        return False
    colour, marker, dash = look
    is_colour = re.fullmatch("#[0-9A-Fa-f]{6}", colour) is not None
    return is_colour and len(marker) == 1 and marker in MARKERS and dash in DASHES


def _kind(setting: Any) -> Any:
    if isinstance(setting, bool | str) or setting is None:
        return setting
    return "zero" if is_zero(setting) else "number"


def with_weight_decay(grad: Any, param: Any, weight_decay: Any) -> Any:
    r"""Coupled (L2) decay: $g + \lambda x$, the gradient of the loss plus $\frac{\lambda}{2} \lVert x \rVert^2$."""
    return grad if is_zero(weight_decay) else grad + weight_decay * param


def with_decoupled_decay(delta: Any, param: Any, lr: Any, weight_decay: Any) -> Any:
    r"""Decoupled decay: $\Delta - \eta \lambda x$, the step minus a share of the parameter."""
    return delta if is_zero(weight_decay) else delta - lr * weight_decay * param


def trust_ratio(param: Any, direction: Any, share: Any = 1.0, eps: Any = 0.0) -> Any:
    r"""What makes a direction a share of a tensor's own length: $\tau \lVert x \rVert / (\lVert u \rVert + \epsilon)$.

    It is 1 where either length is 0.
    """
    length, radius = norm(direction), norm(param)
    ratio = share * radius / (where(length > 0, length, 1.0) + eps)
    return where(radius > 0, where(length > 0, ratio, 1.0), 1.0)


def warmed_up(step: Any, steps: Any) -> Any:
    r"""The factor of a linear warm-up, $\min(1, t / T)$: 0 to 1 over `steps` steps."""
    return minimum(step / maximum(steps, 1), 1.0)
