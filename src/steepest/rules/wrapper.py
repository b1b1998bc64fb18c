"""Rules made of another rule: a wrapper changes its gradient, its step or its decay, `lookahead(adamw(lr=0.01), k=6)`.

A wrapper has settings and states of its own, and a function `update` around that of the rule, as pure as a rule's.
`wrapped(Lookahead, AdamW)` is a rule like any other: a frozen dataclass with the settings of both, recorded once, so
that every engine, formula, picture and search has it without knowing wrappers.

    >>> from steepest.rules import AdamW, Lookahead
    >>> rule = wrapped(Lookahead, AdamW)(lr=0.1, k=6)
    >>> rule.title, rule.inner, list(rule.init(0.5))
    ('Lookahead AdamW', AdamW(lr=0.1, ...), ['exp_avg', 'exp_avg_sq', 'max_exp_avg_sq', 'slow'])

Where a wrapper's name for a setting or a state is taken, as in a Lookahead of a Lookahead, it has a number: `k_2`;
where its symbol is, a prime: $k'$.
"""

import copyreg
import inspect
import types
from abc import ABC, ABCMeta
from collections.abc import Collection, Mapping
from dataclasses import Field, dataclass, field, fields, replace
from functools import cache, cached_property
from typing import Any, ClassVar

from ..base.errors import InvalidValue
from ..base.text import Text
from .base import Rule
from .external import External
from .foreign import Foreign
from .words import CHINESE

__all__ = ["Wrapped", "Wrapper", "without_decay", "wrapped"]

TAKEN = ("step", "master", "params", "param_names", "rule", "why")
"""Names that parameter groups and states have for themselves."""


@dataclass(frozen=True, kw_only=True)
class Wrapper(ABC):
    """Base of all wrappers. Its fields are settings, as those of a rule; both functions are pure, as a rule's.

    Class facts, as those of `Rule`, and:
        symbols: LaTeX of each state that the wrapper adds, in the order of `init`; it has to name all of them.
        elementwise: whether it needs no more than the number itself; False where it needs the whole tensor.
        evaluations: how often a step evaluates the gradient, where the rule inside does so once.
        marker: Matplotlib's mark of the wrapped rule, which has the colour of the rule inside.
        decay: of the wrapped rule, where it is another than that of the rule inside.
        foreign: arguments of the authors' code: see `foreign.Foreign`.
    """

    title: ClassVar[str]
    reference: ClassVar[str]
    symbols: ClassVar[Mapping[str, str]] = {}
    elementwise: ClassVar[bool] = True
    evaluations: ClassVar[int] = 1
    marker: ClassVar[str]
    decay: ClassVar[str | None] = None
    foreign: ClassVar[Mapping[str, Foreign]] = {}
    helps: ClassVar[Text]
    fails: ClassVar[Text]

    def init(self, param: Any) -> dict[str, Any]:
        """The states that the wrapper adds, before the first step; as `Rule.init`."""
        return {}

    def gradient(self, grad: Any) -> Any:
        """The gradient that the rule inside sees."""
        return grad

    def update(
        self, rule: Rule, grad: Any, param: Any, step: Any, state: tuple[Any, ...], *own: Any, **shared: Any
    ) -> tuple[Any, ...]:
        """One step of the wrapped rule.

        Args:
            rule: the rule inside, with its settings.
            grad, param, step: as those of `Rule.update`.
            state: of the rule inside.
            *own: the wrapper's states, as `init` names them.
            **shared: what a rule that shares numbers takes; it is handed on.

        Returns:
            `(delta, *new_state_of_the_rule, *new_own)`.
        """
        return rule.update(self.gradient(grad), param, step, *state, **shared)

    def evaluation(self, rule: Rule, param: Any, state: tuple[Any, ...], *own: Any) -> Any:
        """The weights to evaluate; see `Rule.evaluation`."""
        return rule.evaluation(param, *state)

    def from_evaluation(self, rule: Rule, weights: Any, state: tuple[Any, ...], *own: Any) -> Any:
        """The parameter, from the weights to evaluate; see `Rule.from_evaluation`."""
        return rule.from_evaluation(weights, *state)

    @classmethod
    def refusal(cls, rule: type[Rule]) -> str | None:
        """Why the wrapper cannot be put around a rule; None if it can."""
        if cls.gradient is Wrapper.gradient and cls.evaluations == 1 and rule.evaluation is not Rule.evaluation:
            return "its weights to evaluate follow from steps that the wrapper would change; wrap the rule inside it"
        if rule.shared and not cls.elementwise:
            return "its steps need sums over all parameters, and the wrapper whole tensors"
        return None

    @classmethod
    def summary(cls, lang: str = "en") -> str:
        """The first line of the wrapper's docstring, as `Rule.summary`."""
        line = inspect.getdoc(cls).partition("\n")[0]  # type: ignore[union-attr]
        return CHINESE.get(line, line) if lang == "zh" else line

    @classmethod
    def settings(cls) -> dict[str, "Field[Any]"]:
        """The wrapper's own settings, by name, with their facts as metadata."""
        return {setting.name: setting for setting in fields(cls)}


class _Kind(ABCMeta):
    """The class of wrapped rules, which no module has by name: they are pickled as what they are made of."""


def _reduced(rule: Any) -> Any:
    return (wrapped, (rule.wrapper_class, rule.inner_class)) if "inner_class" in vars(rule) else rule.__qualname__


copyreg.pickle(_Kind, _reduced)


@dataclass(frozen=True, kw_only=True)
class Wrapped(Rule, metaclass=_Kind):
    """Base of wrapped rules, which `wrapped` makes.

    Class facts, beside those of `Rule`:
        wrapper_class, inner_class: what it is made of.
        own_settings, own_states: the names here of the wrapper's own, by the names there.
    """

    wrapper_class: ClassVar[type[Wrapper]]
    inner_class: ClassVar[type[Rule]]
    own_settings: ClassVar[Mapping[str, str]]
    own_states: ClassVar[Mapping[str, str]]

    def __post_init__(self) -> None:
        super().__post_init__()
        inner = self.inner  # which may refuse settings that do not go together
        if self.least_axes > 1:  # what is no matrix is trained by the partner, wrapped in the same way
            own = {name: getattr(self, here) for name, here in self.own_settings.items()}
            arguments = "".join(f", {name}={value!r}" for name, value in own.items())
            name = self.wrapper_class.__name__.lower()
            object.__setattr__(self, "partner", f"{name}({inner.partner}{arguments})")

    @cached_property
    def inner(self) -> Rule:
        """The rule inside, with its settings."""
        return self.inner_class(**{name: getattr(self, name) for name in self.inner_class.hyperparameters()})

    @cached_property
    def wrapper(self) -> Wrapper:
        """The wrapper, with its settings."""
        return self.wrapper_class(**{name: getattr(self, here) for name, here in self.own_settings.items()})

    @property
    def is_of_gradient(self) -> bool:
        """Whether the wrapper changes the gradient alone: the step is that of the rule inside, on another gradient."""
        return self.wrapper_class.gradient is not Wrapper.gradient or self.wrapper_class.evaluations > 1

    @property
    def ascending(self) -> Any:
        """The wrapper that says where the gradient is evaluated the second time; None where it is not."""
        return self.wrapper if self.wrapper_class.evaluations > 1 else getattr(self.inner, "ascending", None)

    @property
    def decays_apart(self) -> bool:
        """As the rule inside, unless the wrapper decays in its own way."""
        return self.wrapper_class.decay is None and self.inner.decays_apart

    def init(self, param: Any) -> dict[str, Any]:
        """The states of the rule inside, then those of the wrapper."""
        inner, own = self.inner.init(param), self.wrapper.init(param)
        return inner | {self.own_states[name]: value for name, value in own.items()}

    def update(self, grad: Any, param: Any, step: Any, *state: Any, **shared: Any) -> tuple[Any, ...]:
        """The wrapper's update around that of the rule inside."""
        inside, own = self._divided(state)
        return self.wrapper.update(self.inner, grad, param, step, inside, *own, **shared)

    def measure(self, grad: Any, param: Any, step: Any, *state: Any) -> tuple[Any, ...]:
        """What the rule inside measures, of the gradient that it sees."""
        return self.inner.measure(self.wrapper.gradient(grad), param, step, *self._divided(state)[0])

    def partner_lr(self, rows: int, columns: int) -> Any:
        """That of the rule inside."""
        return self.inner.partner_lr(rows, columns)

    def _divided(self, state: tuple[Any, ...]) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        """The state of the rule inside, and the wrapper's."""
        inside = len(state) - len(self.own_states)
        return state[:inside], state[inside:]

    @classmethod
    @cache
    def hyperparameters(cls) -> dict[str, "Field[Any]"]:
        """Those of the rule inside, in its order, then the wrapper's; see `Rule.hyperparameters`."""
        if "inner_class" not in vars(cls):
            return super().hyperparameters()
        own = {setting.name: setting for setting in fields(cls)}
        return {name: own[name] for name in (*cls.inner_class.hyperparameters(), *cls.own_settings.values())}

    @classmethod
    @cache
    def foreign_arguments(cls) -> Mapping[str, Foreign]:
        """Those of the rule inside and of the wrapper's authors."""
        authors = {
            name: replace(argument, name=cls.own_settings[argument.name]) if argument.name else argument
            for name, argument in cls.wrapper_class.foreign.items()
        }
        known = {**cls.inner_class.foreign_arguments(), **authors}
        return {name: argument for name, argument in known.items() if name not in cls.hyperparameters()}


def without_decay(rule: Rule) -> Rule:
    """The rule at a weight decay of 0, which whoever wraps it adds in another way."""
    return replace(rule, weight_decay=0.0)  # type: ignore[call-arg]


@cache
def wrapped(wrapper: type[Wrapper], rule: type[Rule]) -> type[Wrapped]:
    """The rule that a wrapper makes of a rule; the same class for the same two.

    Raises:
        InvalidValue: the wrapper cannot be put around this rule; why.
    """
    if issubclass(rule, External):
        raise InvalidValue(f"{wrapper.title}: {rule.title} is a class of optimizers, of which steepest has no equation")
    if refusal := wrapper.refusal(rule):
        raise InvalidValue(f"{wrapper.title}: cannot wrap {rule.title}: {refusal}")
    given = rule.hyperparameters()
    taken = {*given, *rule.symbols, *TAKEN}
    own_settings = {name: _free(name, taken) for name in wrapper.settings()}
    own_states = {name: _free(name, taken) for name in wrapper.symbols}
    written = _symbols(rule)
    facts = {name: setting.metadata["facts"] for name, setting in wrapper.settings().items()}
    own = {name: replace(known, symbol=_unwritten(known.symbol, written)) for name, known in facts.items()}
    metadata: dict[str, Any] = {name: setting.metadata for name, setting in given.items()}
    metadata |= {own_settings[name]: {"facts": known} for name, known in own.items()}
    settings = given | {own_settings[name]: setting for name, setting in wrapper.settings().items()}
    own_symbols = {own_states[name]: _unwritten(symbol, written) for name, symbol in wrapper.symbols.items()}
    namespace: dict[str, Any] = {
        "__module__": __name__,
        "__doc__": f"{inspect.getdoc(wrapper)}\n\nThe rule inside is {rule.title}: {inspect.getdoc(rule)}",
        "__annotations__": {name: setting.type for name, setting in settings.items()},
        **{name: field(default=setting.default, metadata=metadata[name]) for name, setting in settings.items()},
        "wrapper_class": wrapper,
        "inner_class": rule,
        "own_settings": own_settings,
        "own_states": own_states,
        "title": f"{wrapper.title} {rule.title}",
        "reference": f"{wrapper.reference}; {rule.reference}",
        "symbols": {**rule.symbols, **own_symbols},
        "elementwise": wrapper.elementwise and rule.elementwise,
        "decay": wrapper.decay or rule.decay,
        "evaluations": wrapper.evaluations * (rule.evaluations or 1),
        "partner": f"{wrapper.__name__.lower()}({rule.partner})",
        "helps": wrapper.helps,
        "fails": wrapper.fails,
        **{name: getattr(rule, name) for name in
           ("least_axes", "numbers", "shared", "shared_settings", "eps_stands", "own_schedule")},
    }  # fmt: skip
    evaluates = wrapper.evaluation is not Wrapper.evaluation or rule.evaluation is not Rule.evaluation
    if evaluates:
        namespace |= {"evaluation": _evaluation, "from_evaluation": _from_evaluation}
    look = None if rule.look is None else (rule.look[0], wrapper.marker, "dashdot")
    made = types.new_class(
        f"{wrapper.__name__}({rule.__name__})", (Wrapped,), {"look": look}, lambda body: body.update(namespace)
    )
    result: type[Wrapped] = dataclass(frozen=True, kw_only=True)(made)
    return result


def _free(name: str, taken: Collection[str]) -> str:
    """The name, or the name with the first number with which it is not taken."""
    names = (name if number == 1 else f"{name}_{number}" for number in range(1, len(taken) + 2))
    return next(name for name in names if name not in taken)


def _symbols(rule: type[Rule]) -> set[str]:
    """All that a rule's formulas write for its settings and states."""
    symbols = {*rule.symbols.values()}
    for setting in rule.hyperparameters().values():
        symbol = setting.metadata["facts"].symbol
        symbols |= {*symbol} if isinstance(symbol, tuple) else {symbol}
    return symbols


def _unwritten(symbol: str, written: Collection[str]) -> str:
    """A symbol, with as many primes as make it another one than those that are written."""
    while symbol in written:
        symbol += "'"
    return symbol


def _evaluation(self: Wrapped, param: Any, *state: Any) -> Any:
    """The weights to evaluate, computed from the parameter and its state after a step."""
    inside, own = self._divided(state)
    return self.wrapper.evaluation(self.inner, param, inside, *own)


def _from_evaluation(self: Wrapped, weights: Any, *state: Any) -> Any:
    """The parameter, computed from the weights to evaluate and the same state."""
    inside, own = self._divided(state)
    return self.wrapper.from_evaluation(self.inner, weights, inside, *own)
