"""The content of `steepest show`, as text and tables: a rule, a landscape, or what differs between two rules."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import ndiff
from typing import Any

from .. import landscapes, rules
from ..base.checks import LANGUAGES
from ..base.errors import InvalidValue, UnknownName, did_you_mean
from ..base.numbers import general
from ..base.spec import MODULE
from ..base.text import Text
from ..landscapes import Landscape
from ..landscapes.custom import is_formula
from ..rules import External, Rule
from .character import Facts, memory, rule_facts, word
from .latex import latex, of_landscape
from .plain import plain
from .record import why_not_recorded

__all__ = ["Difference", "Page", "Table", "difference", "equations", "find", "show"]


@dataclass(frozen=True)
class Table:
    """Rows of text under a heading for each column."""

    head: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


@dataclass(frozen=True)
class Page:
    """One rule or landscape: a title, equations, facts by label, and the settings of a rule."""

    title: str
    equations: list[str]
    facts: Table
    settings: Table | None = None


@dataclass(frozen=True)
class Difference:
    """Equations of two rules, each marked `-`, `+` or blank; the facts and settings in which they differ."""

    equations: list[str]
    facts: Table
    settings: None = None


def find(name: str, others: Sequence[str] = ()) -> Rule | Landscape:
    """A rule or a landscape by name, spec or formula.

    Args:
        name: of it.
        others: names that the message about an unknown one is to know besides: those of workloads.

    Raises:
        UnknownName: there is neither of this name; the message has the nearest.

    >>> find("adm")
    Traceback (most recent call last):
    steepest.base.errors.UnknownName: unknown rule or landscape 'adm'; did you mean 'adam'?
    """
    head = name.partition("(")[0].strip()
    if ".py:" in name or MODULE.match(name) or head.endswith(".py") or head.lower() in rules.names():
        return rules.find(name)
    known = (*landscapes.LANDSCAPES, *landscapes.FAMILIES)
    if head in known or (is_formula(name) and "=" not in name):
        return landscapes.find(name)
    hint = did_you_mean(head, (*rules.names(), *known, *others))
    if others:
        raise UnknownName(f"unknown rule, landscape or workload {head!r}; {hint}")
    raise UnknownName(f"unknown rule or landscape {head!r}; {hint}")


def show(
    names: Sequence[str], *, diff: bool = False, lang: str = "en", others: Sequence[str] = ()
) -> "list[Page | Table | Difference]":
    """What `steepest show` prints: a page each, or several rules side by side, or what differs between two.

    Args:
        names: of rules and landscapes.
        diff: what differs between two rules.
        lang: `"en"` or `"zh"`.
        others: as of `find`.

    Raises:
        InvalidValue: no names, a language other than `en` and `zh`, or `diff` without exactly two rules.
        UnknownName: a name that is neither a rule's nor a landscape's.
    """
    if lang not in LANGUAGES:
        raise InvalidValue(f"--lang: must be one of {', '.join(LANGUAGES)}, got {lang!r}")
    if not names:
        raise InvalidValue("show: name a rule, a landscape or a workload (see steepest list), or give --all")
    subjects = [find(name, others) for name in names]
    chosen = [subject for subject in subjects if isinstance(subject, Rule)]
    if diff:
        if len(names) != 2 or len(chosen) != 2:
            raise InvalidValue("--diff: needs two rules, for example steepest show adam adamw --diff")
        return [difference(chosen[0], chosen[1], lang)]
    if len(chosen) == len(subjects) > 1:
        return [side_by_side(chosen, lang)]
    return [
        rule_page(subject, lang) if isinstance(subject, Rule) else landscape_page(subject, lang) for subject in subjects
    ]


def equations(name: str) -> list[str]:
    """The LaTeX of a rule or a landscape, a line each.

    Raises:
        InvalidValue: a rule that has no program, and no formula in its documentation.
    """
    subject = find(name)
    if not isinstance(subject, Rule):
        return of_landscape(subject)
    if not (lines := latex(subject)):
        raise InvalidValue(f"{why_not_recorded(subject)}; or write its formula between $$ into its docstring")
    return lines


# --- one rule ---------------------------------------------------------------------------------------------------------


def rule_page(rule: Rule, lang: str = "en") -> Page:
    """A rule's equations, settings, memory and character; of a class that is not steepest's, its settings."""
    if isinstance(rule, External):
        return Page(rule.title, latex(rule), _listed(_facts_of_class(rule, lang)), _settings(rule, lang))
    return Page(
        title=f"{rule.title}  ({type(rule).__name__.lower()})",
        equations=latex(rule),
        facts=_listed(rule_facts(rule, lang)),
        settings=_settings(rule, lang),
    )


def _facts_of_class(rule: External, lang: str) -> Facts:
    """What a class declares of itself, by label, and where it is defined."""
    defined = f"{rule.optimizer_class.__module__}.{rule.optimizer_class.__name__}"
    reference = rule.reference if rule.reference != rule.optimizer_class.__module__ else ""
    evaluates = Text("as many gradients a step as it takes", "每步求几次梯度由其自行决定")
    facts = {
        "memory": rule.memory, "evaluates": evaluates if rule.evaluations is None else None, "helps": rule.helps,
        "fails": rule.fails, "reference": Text(reference, reference),
        "class": Text(defined, defined),
    }  # fmt: skip
    return {word(name, lang): said for name, text in facts.items() if text and (said := getattr(text, lang))}


def _settings(rule: Rule, lang: str) -> Table:
    rows = []
    for name, value in settings_of(rule).items():
        facts = rule.hyperparameters()[name].metadata["facts"]
        symbols = facts.symbol if isinstance(facts.symbol, tuple) else (facts.symbol,)
        symbol = "" if isinstance(value, bool) else ", ".join(map(plain, symbols))
        rows.append((name, symbol, _value(value, lang), _interval(facts.within), getattr(facts.about, lang)))
    changed = settings_of(rule) != type(rule).defaults()
    head = ("hyperparameter", "symbol", "value" if changed else "default", "interval", "about")
    return Table(tuple(word(label, lang) for label in head), rows)


def settings_of(rule: Rule) -> dict[str, Any]:
    """Every hyperparameter's value, by name."""
    return {name: getattr(rule, name) for name in rule.hyperparameters()}


def _value(value: Any, lang: str) -> str:
    if isinstance(value, bool):
        return word("on" if value else "off", lang)
    if isinstance(value, tuple | list):
        return ", ".join(_value(number, lang) for number in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _interval(within: str | None) -> str:
    return "" if within is None else within.replace("-inf", "-∞").replace("inf", "∞")


# --- several rules ----------------------------------------------------------------------------------------------------


def side_by_side(chosen: Sequence[Rule], lang: str = "en") -> Table:
    """Each rule's character in a row: what it stores, when it helps, when it fails."""
    head = tuple(word(label, lang) for label in ("rule", "memory", "helps", "fails"))
    rows = []
    for rule in chosen:
        stored = getattr(rule.memory, lang) if isinstance(rule, External) else memory(rule).short(lang)
        rows.append((rule.title, stored, getattr(rule.helps, lang), getattr(rule.fails, lang)))
    return Table(head, rows)


def difference(first: Rule, second: Rule, lang: str = "en") -> Difference:
    """What differs between two rules: the lines of their formulas, their settings, their facts."""
    lines = [line for line in ndiff(latex(first), latex(second)) if not line.startswith("?")]
    ours, theirs = settings_of(first), settings_of(second)
    rows = [
        (name, _value(ours[name], lang) if name in ours else "-", _value(theirs[name], lang) if name in theirs else "-")
        for name in dict.fromkeys([*ours, *theirs])
        if ours.get(name) != theirs.get(name) or (name in ours) != (name in theirs)
    ]
    ours, theirs = rule_facts(first, lang), rule_facts(second, lang)
    names = dict.fromkeys([*ours, *theirs])
    rows += [(name, ours.get(name, ""), theirs.get(name, "")) for name in names if ours.get(name) != theirs.get(name)]
    return Difference(lines, Table(("", first.title, second.title), rows))


# --- a landscape ------------------------------------------------------------------------------------------------------


def landscape_page(on: Landscape, lang: str = "en") -> Page:
    """A landscape's formula, gradient, minima and saddles."""
    minimum = "" if on.minimum is None else f", f = {_number(on.minimum)}"
    facts = {
        "teaches": getattr(on.about, lang),
        "minima": _points(on.minima) + (minimum if on.minima else ""),
        "local": _points(on.local_minima),
        "inflections" if on.dims == 1 else "saddles": _points(on.saddles),
        "start": _points([on.start]),
        "window": " x ".join(f"[{low:g}, {high:g}]" for low, high in on.window),
        "source": on.source,
    }
    return Page(on.name, of_landscape(on), _listed({word(name, lang): text for name, text in facts.items() if text}))


def _listed(facts: Facts) -> Table:
    return Table(("", ""), list(facts.items()))


def _points(points: Sequence[Sequence[float]]) -> str:
    return ", ".join(f"({', '.join(map(_number, point))})" for point in points)


def _number(value: float) -> str:
    return general(value, 6)
