"""Rules and landscapes as JavaScript: functions printed from their one definition, facts as data beside them."""

import itertools
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from .. import landscapes
from ..base.errors import InvalidValue
from ..base.plugins import Registry
from ..base.text import Text
from ..figures.looks import colors_and_marks
from ..findings.catalogue import CATALOGUE, Finding
from ..landscapes import Landscape
from ..landscapes.geometry import is_quadratic
from ..program.algebra import print_node
from ..program.javascript import equation, functions, landscape_functions, linear_step
from ..program.latex import at, equations, of_landscape, symbol_of
from ..program.mathml import mathml
from ..rules import BUILT_IN, RULES, Reference, Rule
from .looks import dark
from .words import GROUPS, OTHERS

__all__ = [
    "FAMILY", "about_as_data", "both", "findings_as_data", "landscapes_in_javascript", "rules_in_javascript",
    "switches",
]  # fmt: skip

FAMILY = ("quadratic", "quadratic(condition=100, rotation=30)")
"""Members of the family of quadratic bowls that the page offers beside the named landscapes."""

VARIANTS = 6
"""Looks of one rule, for as many settings of it in one picture."""


def both(text: Text) -> list[str]:
    """A text as data for the page: `[English, Chinese]`."""
    return [text.en, text.zh]


@cache
def _phrases() -> list[Text]:
    """The meanings of all settings of built-in rules, each once."""
    facts = [field.metadata["facts"] for rule in BUILT_IN for field in rule.hyperparameters().values()]
    return list(dict.fromkeys(fact.about for fact in facts))


def about_as_data() -> list[list[str]]:
    """The meanings of settings; a setting refers to its own by place."""
    return list(map(both, _phrases()))


def findings_as_data() -> dict[str, Any]:
    """The catalogue of findings, with the text of each status."""
    findings = {
        code: entry | ({"status": Finding(code).status} if "status" in entry else {})
        for code, entry in CATALOGUE["findings"].items()
    }
    return CATALOGUE | {"findings": findings}


# --- rules ------------------------------------------------------------------------------------------------------------


def rules_in_javascript(more: Sequence[Reference] = ()) -> str:
    """An object of all elementwise rules by name; `more` are a user's, of a file.

    Raises:
        InvalidValue: one of a user's needs whole tensors, has no program, or is called as another.
    """
    printed = dict(_printed(RULES, lambda name: _rule(name, RULES[name]) if RULES[name].elementwise else None))
    for reference in more:
        if reference.name in printed:
            raise InvalidValue(f"{reference.text}: the playground has a rule {reference.name!r}; rename the class")
        printed[reference.name] = _rule(reference.name, reference.rule_class)
    return _object(printed.items())


def _printed(registry: Registry[Any], to_javascript: Callable[[str], str | None]) -> Iterator[tuple[str, str]]:
    """Everything by name as JavaScript, without plugins that cannot be printed."""
    for name in registry:
        try:
            text = to_javascript(name)
        except (Exception, SystemExit) as error:
            if name in registry.built_in:
                raise
            registry.leave_out(name, error)
            continue
        if text is not None:
            yield name, text


def _rule(name: str, rule: type[Rule]) -> str:
    usual, (lines, values) = rule(), _equations(rule)
    facts = {
        "id": name,
        "title": usual.title,
        "looks": [_look(name, variant, rule) for variant in range(VARIANTS)],
        "settings": list(_settings(usual)),
        "switches": switches(rule),
        "parts": parts(rule),
        "equations": lines,
        "helps": both(usual.helps),
        "fails": both(usual.fails),
        "reference": usual.reference,
    }
    variants = _object((key, _variant(form)) for key, form in _variants(rule))
    computed = _object((str(line), text) for line, text in values.items())
    return f"{{facts: {_json(facts)}, values: {computed}, variants: {variants}}}"


def switches(rule: type[Rule]) -> list[str]:
    """The switches that the page offers: not those that make one rule into another that has a name of its own."""
    fixed = {
        name
        for other in BUILT_IN
        for name, field in other.__dataclass_fields__.items()
        if other.elementwise and not field.init
    }
    return [name for name, value in rule.defaults().items() if isinstance(value, bool) and name not in fixed]


def parts(rule: type[Rule]) -> list[str]:
    """The names of the settings that remove a state when they are 0, such as `momentum` of SGD."""
    return [name for name, value in _numbers(rule) if _keeps(rule, name, 0.0) != _keeps(rule, name, some(value))]


def some(default: float) -> float:
    """A number that a setting may have and that is not 0; a whole one where it has to be."""
    return 1 if isinstance(default, int) else 0.125


def _numbers(rule: type[Rule]) -> list[tuple[str, float]]:
    """The settings that are plain numbers, with their defaults."""
    return [(name, value) for name, value in rule.defaults().items() if not isinstance(value, bool | tuple)]


def _keeps(rule: type[Rule], name: str, value: float) -> list[str]:
    try:
        return [state for state, start in rule(**{name: value}).init(0.0).items() if start is not None]
    except InvalidValue:  # it may not be 0, or not as small as that
        return _keeps(rule, name, rule.defaults()[name])


def _variants(rule: type[Rule]) -> Iterator[tuple[str, Rule]]:
    """The rule in each of its forms, by a key with a digit for each switch, then for each part: 0 if it is off.

    What is not off has a number other than 0, so that it stays to be set.
    """
    full = replace(rule(), **{name: some(value) for name, value in _numbers(rule) if value == 0})
    for flags in itertools.product((False, True), repeat=len(switches(rule))):
        for there in itertools.product((False, True), repeat=len(parts(rule))):
            missing = {name: 0.0 for name, is_there in zip(parts(rule), there, strict=True) if not is_there}
            switched = dict(zip(switches(rule), flags, strict=True))
            yield _key((*flags, *there)), replace(full, **switched, **missing)


def _key(flags: Iterable[bool]) -> str:
    return "".join(str(int(flag)) for flag in flags)


def _variant(rule: Rule) -> str:
    averaged = type(rule).evaluation is not Rule.evaluation  # over all steps, so that its step never settles
    linear = None if averaged else linear_step(rule)
    return "\n".join(["{", *functions(rule), *(linear or []), "}"])


def _settings(rule: Rule) -> Iterator[list[Any]]:
    """Name, place in a tuple, symbol, what it is, default, interval (None for a switch) of each setting."""
    for name, field in rule.hyperparameters().items():
        facts, value = field.metadata["facts"], getattr(rule, name)
        if isinstance(value, tuple):
            for i, number in enumerate(value):
                yield [name, i, mathml(symbol_of(rule, f"{name}_{i}")), _about(facts.about), number, facts.within]
        elif not isinstance(value, bool):
            yield [name, None, mathml(symbol_of(rule, name)), _about(facts.about), value, facts.within]
        elif name in switches(type(rule)):
            yield [name, None, "", _about(facts.about), value, None]


def _about(text: Text) -> int | list[str]:
    """The place among the phrases of built-in rules, or the text."""
    return _phrases().index(text) if text in _phrases() else both(text)


def _equations(rule: type[Rule]) -> tuple[dict[str, Any], dict[int, str]]:
    """All lines that its equations may have, and which of them stand there, by switches and by what is exactly 0.

    The key has a digit for each switch, then one for each setting that may be left out: 0 if it is 0. A line is the
    name of what it defines, and MathML. The second result has right sides as JavaScript, by the place of the line, of
    what no run keeps: the decayed gradient, and parts that have a letter of their own.
    """
    defaults = dict(_numbers(rule))
    optional = [name for name, value in defaults.items() if value == 0 or name in parts(rule)]
    names = _names_of_symbols(rule())
    places: dict[str, int] = {}
    lines, values, chosen = [], {}, {}
    for flags in itertools.product((False, True), repeat=len(switches(rule))):
        for there in itertools.product((False, True), repeat=len(optional)):
            kept = zip(optional, there, strict=True)
            settings = {name: some(defaults[name]) if is_there else 0.0 for name, is_there in kept}
            shown = equations(replace(rule(), **settings, **dict(zip(switches(rule), flags, strict=True))))
            named = names | {left: left for left, _ in shown if left not in names}
            for left, right in shown:
                line = f"{left} = {print_node(right)}"
                if line not in places:
                    places[line] = len(places)
                    lines.append([named[left], mathml(line, named)])
                    if left not in names or left == "g_t":
                        values[places[line]] = f"(n) => {equation(right, named)}"
            chosen[_key((*flags, *there))] = [places[f"{left} = {print_node(right)}"] for left, right in shown]
    return {"lines": lines, "optional": optional, "of": chosen}, values


def _names_of_symbols(rule: Rule) -> dict[str, str]:
    """What has a number at a step, by its LaTeX; a name with @ in front is a value before the step."""
    names = {r"\nabla f(x_{t-1})": "grad", "g_t": "g", "x_t": "x", "x_{t-1}": "@x", "t": "step"}
    for name in rule.hyperparameters():
        value = getattr(rule, name)
        keys = [f"{name}_{i}" for i in range(len(value))] if isinstance(value, tuple) else [name]
        names |= {symbol_of(rule, key): key for key in keys if not isinstance(value, bool)}
    symbols = {name: symbol_of(rule, name) for name, start in rule.init(0.0).items() if start is not None}
    for name, symbol in (symbols | rule.symbols).items():
        names |= {at(symbol, "t"): name, at(symbol, "t-1"): f"@{name}"}
    return names


def _look(name: str, variant: int, rule: type[Rule]) -> str:
    """Colour on light and on dark paper, marker, dashes."""
    look = colors_and_marks(name, variant) if name in RULES else colors_and_marks(name, variant, look=rule.look)
    return f"{look.colour} {dark(look.colour)} {look.marker} {','.join(f'{length:g}' for length in look.dashes)}"


# --- landscapes -------------------------------------------------------------------------------------------------------


def landscapes_in_javascript() -> str:
    """An object of all landscapes by name."""
    printed = _printed(landscapes.LANDSCAPES, lambda name: _landscape(name, landscapes.find(name)))
    return _object([*printed, *((name, _landscape(name, landscapes.find(name))) for name in FAMILY)])


def _group(on: Landscape) -> Text:
    """The group of a landscape in the list of the page: that of the file that defines it."""
    package, _, file = on.formula.__module__.rpartition(".")
    return GROUPS[file] if package == landscapes.__name__ else OTHERS


def _landscape(name: str, on: Landscape) -> str:
    facts = {
        "id": name,
        "title": both(on.title or _title(on)),
        "group": both(_group(on)),
        "dims": on.dims,
        **({"names": on.letters} if on.letters else {}),
        "window": on.window,
        "start": on.start,
        "minima": on.minima,
        "localMinima": on.local_minima,
        "saddles": on.saddles,
        "minimum": on.minimum,
        "quadratic": is_quadratic(on),
        "about": both(on.about),
        "source": on.source,
        "equation": mathml(of_landscape(on, slopes=False)[0]),
        "formula": formula_text(on),
    }
    return "\n".join([f"{{facts: {_json(facts)},", *landscape_functions(on), "}"])


def _title(on: Landscape) -> Text:
    """Its name with a capital; in Chinese what stands before the colon, without a formula."""
    before = on.about.zh.partition("：")[0].partition("，")[0]
    return Text(on.name.replace("_", " ").capitalize(), re.split(r"(?<=[\u4e00-\u9fff]) ", before)[0])


def formula_text(on: Landscape) -> str:
    """A landscape's formula as a user may type it.

    >>> formula_text(landscapes.find("wavy"))
    'x*cos(0.15*pi*x)'
    """
    from sympy.printing.str import StrPrinter

    class Typed(StrPrinter):  # type: ignore[misc]
        """SymPy's text, with all digits of a float, and multiples of pi as such."""

        def _print_Float(self, expression: Any) -> str:
            value = float(expression)
            share = round(value / math.pi, 6)
            if abs(share) == 1 and share * math.pi == value:
                return "pi" if share > 0 else "-pi"
            if share and share * math.pi == value:
                return f"{share:g}*pi"
            return "e" if value == math.e else repr(value)

    return str(Typed().doprint(on.expression))


# --- text -------------------------------------------------------------------------------------------------------------


def _object(entries: Iterable[tuple[str, str]]) -> str:
    return "{\n" + "\n".join(f"{json.dumps(name)}: {text}," for name, text in entries) + "\n}"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
