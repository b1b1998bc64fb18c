"""A card for each rule: equations, what it stores, when it helps, when it fails, its place in a study."""

from typing import Any

from ..base.text import plain_line
from ..program.character import memory, stability
from ..program.latex import latex
from ..program.mathml import mathml
from ..rules import BUILT_IN, RULES, Rule
from .uses import Results

__all__ = ["cards_as_data"]

LECTURES = ("sgd", "momentum", "adagrad", "rmsprop", "adam")
"""The rules of the lecture, which come first."""


def cards_as_data(results: Results) -> list[dict[str, Any]]:
    """The cards of all rules, those of the lecture first."""
    names = {RULES[name]: name for name in RULES.built_in}
    order = [*(RULES[name] for name in LECTURES), *(rule for rule in BUILT_IN if names[rule] not in LECTURES)]
    return [_card(names[rule], rule(), results) for rule in order]


def _card(name: str, rule: Rule, results: Results) -> dict[str, Any]:
    kept, limit = memory(rule), stability(rule)
    return {
        "id": name,
        "title": rule.title,
        "lecture": name in LECTURES,
        "equations": [mathml(line) for line in latex(rule)] if name in LECTURES else [],
        "stores": [kept.short("en"), kept.short("zh")],
        "limit": [limit.en, limit.zh],
        "helps": [plain_line(rule.helps.en), plain_line(rule.helps.zh)],
        "fails": [plain_line(rule.fails.en), plain_line(rule.fails.zh)],
        "reference": rule.reference,
        "place": results.rules.get(name),
    }
