"""A page for each rule and each wrapper, from their own facts, so that a new one has its page without a line here."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from tools.site.tables import inline, listed, table
from tools.site.words import say

import steepest
from steepest.base.spec import parse
from steepest.program.character import memory, rule_facts
from steepest.program.equivalents import Equivalent, equivalents
from steepest.program.latex import latex
from steepest.program.showing import rule_page
from steepest.rules import OPTIMIZERS, RULES, WRAPPERS, External, Rule, Wrapper, find, wrapped

__all__ = ["rule_pages"]

RIVAL = ("adam", "sgd")
"""Whom the example of a rule's page compares it with; the second one where it is itself the first."""

INSIDE = "sgd"
"""The rule around which a wrapper's page shows it: with the simplest one the wrapper's own part stands out."""


def rule_pages(lang: str, states: Mapping[str, tuple[str, str]]) -> dict[str, str]:
    """All pages by path, with one that lists them.

    Args:
        lang: `"en"` or `"zh"`.
        states: live parts by a rule's name: the part and its state.
    """
    pages = {f"rules/{name}": _rule(name, rule(), lang, states.get(name)) for name, rule in RULES.items()}
    pages |= {f"rules/{name}": _class(name, lang) for name in OPTIMIZERS}
    pages |= {f"rules/wrapper-{name}": _wrapper(name, wrapper, lang) for name, wrapper in WRAPPERS.items()}
    pages["rules/index"] = _index(lang)
    return pages


def _index(lang: str) -> str:
    head = [say(word, lang) for word in ("name", "memory", "helps", "fails")]
    rows = []
    for name, rule in RULES.items():
        character = (getattr(rule.helps, lang), getattr(rule.fails, lang))
        rows.append((f"[{rule.title}]({name}.md)", memory(rule()).short(lang), *character))
    for name, one in _classes():
        character = (getattr(text, lang) for text in (one.memory, one.helps, one.fails))
        rows.append((f"[{one.title}]({name}.md)", *character))
    around = [
        (f"[{wrapper.title}](wrapper-{name}.md)", getattr(wrapper.helps, lang), getattr(wrapper.fails, lang))
        for name, wrapper in WRAPPERS.items()
    ]
    return "\n".join(
        [
            f"# {say('rules', lang)}", "", say("rules_about", lang), table(head, rows),
            f"## {say('wrappers', lang)}", "", say("wrappers_about", lang), table([head[0], *head[2:]], around),
            listed(f"{rule.title} <{name}>" for name, rule in (*RULES.items(), *_classes())),
            listed((f"{one.title} <wrapper-{name}>" for name, one in WRAPPERS.items()), caption=say("wrappers", lang)),
        ]
    )  # fmt: skip


def _classes() -> Iterable[tuple[str, type[External]]]:
    """Steepest's optimizers that are no rules."""
    for name in OPTIMIZERS:
        rule = type(find(name))
        assert issubclass(rule, External)
        yield name, rule


def _class(name: str, lang: str) -> str:
    rule = find(name)
    return "\n".join(
        [
            f"# {rule.title}", "", getattr(OPTIMIZERS[name].summary, lang), "", *_commands(name),
            f"## {say('formula', lang)}", "", *_formulas(rule),
            f"## {say('symbols', lang)}", "", _settings(rule, lang),
            f"## {say('character', lang)}", table(("", ""), rule_page(rule, lang).facts.rows, "facts"),
            f"## {say('in_pytorch', lang)}", "", _documented(type(rule).__name__),
        ]
    )  # fmt: skip


def _commands(name: str) -> Sequence[str]:
    return [f"```sh\nsteepest show {name}\nsteepest compare --optimizers {name},{RIVAL[name == 'adam']}\n```", ""]


def _rule(name: str, rule: Rule, lang: str, live: tuple[str, str] | None) -> str:
    return "\n".join(
        [
            f"# {rule.title}", "", rule.summary(lang), "", *_commands(name),
            f"## {say('formula', lang)}", "", *_formulas(rule),
            f"## {say('symbols', lang)}", "", _states(rule, lang), _settings(rule, lang),
            f"## {say('character', lang)}", _facts(rule, lang),
            f"## {say('live', lang)}", "", _live(name, live, lang), "",
            *_elsewhere(name, lang),
            f"## {say('in_pytorch', lang)}", "", _documented(type(rule).__name__),
        ]
    )  # fmt: skip


def _wrapper(name: str, wrapper: type[Wrapper], lang: str) -> str:
    rule = wrapped(wrapper, RULES[INSIDE])()
    return "\n".join(
        [
            f"# {wrapper.title}", "", wrapper.summary(lang), "",
            f"```sh\nsteepest show \"{name}(adamw)\"\nsteepest compare --optimizers \"adamw,{name}(adamw)\"\n```", "",
            f"## {say('formula', lang)}", "", f"({say('wrapped_example', lang, RULES[INSIDE].title)})", "",
            *_formulas(rule),
            f"## {say('symbols', lang)}", "", _states(rule, lang), _settings(rule, lang),
            f"## {say('character', lang)}", _facts(rule, lang),
            *_elsewhere(name, lang),
            f"## {say('in_pytorch', lang)}", "", _documented(wrapper.__name__),
        ]
    )  # fmt: skip


def _formulas(rule: Rule) -> Iterable[str]:
    for line in latex(rule):
        yield f"$$\n{line}\n$$\n"


def _states(rule: Rule, lang: str) -> str:
    kept = [name for name, value in rule.init(_example(rule)).items() if value is not None]
    if not kept:
        return say("no_states", lang) + "\n"
    named = ", ".join(f"{inline(rule.symbols.get(name, ''))} `{name}`".strip() for name in kept)
    return f"{say('states', lang)} {named}.\n"


def _example(rule: Rule) -> object:
    import numpy as np

    return np.zeros(() if rule.elementwise else (4, 4))


def _settings(rule: Rule, lang: str) -> str:
    """The table of `steepest show`, with symbols as formulas."""
    shown = rule_page(rule, lang).settings
    assert shown is not None
    rows = []
    for name, _, *rest in shown.rows:
        facts = rule.hyperparameters()[name].metadata["facts"]
        symbols = facts.symbol if isinstance(facts.symbol, tuple) else (facts.symbol,)
        is_switch = isinstance(getattr(rule, name), bool)
        rows.append((f"`{name}`", "" if is_switch else ", ".join(map(inline, symbols)), *rest))
    return table(shown.head, rows)


def _facts(rule: Rule, lang: str) -> str:
    facts = rule_facts(rule, lang)
    facts.pop(next(iter(facts)))  # the summary, which stands above
    return table(("", ""), facts.items(), "facts")


def _live(name: str, live: tuple[str, str] | None, lang: str) -> str:
    if live is None:
        return say("no_live", lang, name)
    part, state = live
    up = "../" * (2 if lang == "zh" else 1)
    place = (
        f'<div class="live" data-part="{part}" data-state="{escape(state)}" data-script="{up}live/parts.js"'
        f' data-failed="{escape(say("failed", lang))}" lang="{lang}">{say("loading", lang)}</div>'
    )
    about = say("live_about" if part == "playground" else "paths_about", lang)
    return f"{about}\n\n```{{raw}} html\n{place}\n```"


def _elsewhere(name: str, lang: str) -> Sequence[str]:
    found = [entry for entry in equivalents() if parse(entry.here).name.lower() == name]
    if not found:
        return []
    head = [say(word, lang) for word in ("there", "settings_there", "here", "apart", "differs")]
    rows = [_entry(entry, lang) for entry in found]
    return [f"## {say('elsewhere', lang)}", "", say("elsewhere_about", lang), table(head, rows)]


def _entry(entry: Equivalent, lang: str) -> tuple[str, ...]:
    settings = f"`{entry.settings}`" if entry.settings else ""
    differs = getattr(entry.differs, lang) if entry.differs else ""
    return f"`{entry.there}`", settings, f"`{entry.here}`", f"[{entry.apart:.2g}]{{.number}}", differs


def _documented(name: str) -> str:
    """The optimizer as steepest's name for it has it; of a plugin's rule, which has none there, the way to it."""
    if name not in dir(steepest):
        return f'`steepest.as_optimizer(params, "{name.lower()}")`'
    thing = getattr(steepest, name)
    kind = "autoclass" if isinstance(thing, type) else "autofunction"
    return f"```{{eval-rst}}\n.. currentmodule:: steepest\n\n.. {kind}:: steepest.{name}\n```\n"
