"""Put the page together: script, facts, style and markup, in one file."""

import json
import os
import tempfile
import webbrowser
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from html import escape
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ..base.checks import check_language
from ..base.display import in_notebook
from ..base.errors import InvalidValue
from ..base.language import default_language
from ..base.text import Text
from ..landscapes import find
from ..landscapes.geometry import CONSTANTS
from ..landscapes.grammar import GRAMMAR
from ..paths.rates import CONSTANTS as RATES
from ..paths.rates import proposed_rate
from ..paths.tracing import trace
from ..program.record import why_not_recorded
from ..rules import External, Reference, resolve_all
from ..web import Page, check_page_file, script_of
from .facts import about_as_data, both, findings_as_data, landscapes_in_javascript, rules_in_javascript
from .tour import tour_as_data
from .words import SCHEDULES

__all__ = ["build_facts", "build_page", "open_playground", "play"]

LANDSCAPE, STEPS = "ravine", 60
"""With which it opens, as `web/core/state.js` has it where a link says nothing of steps."""

OPENING = ("sgd(lr=0.4)", "momentum(lr=0.1, momentum=0.8)", "adam(lr=0.4)")
"""What it shows in a notebook where no rules are asked for."""

MOST_RULES = 6
"""That it shows at a time, as `web/core/state.js` says."""


def build_facts(more: Sequence[Reference] = ()) -> str:
    """Rules, landscapes, schedules, tour and texts: the JavaScript argument of `useFacts` of `web/core/facts.js`.

    `more` are rules of a user's files.
    """
    return _facts_with(more) if more else _facts()


@cache
def _facts() -> str:
    return _facts_with(())


def _facts_with(more: Sequence[Reference]) -> str:
    data = {
        "VERSION": _json(version("steepest")),
        "ABOUT": _json(about_as_data()),
        "SCHEDULES": _json(SCHEDULES),
        "RULES": rules_in_javascript(more),
        "LANDSCAPES": landscapes_in_javascript(),
        "TOUR": _json(tour_as_data()),
        "GRAMMAR": _json(GRAMMAR),
        "FINDINGS": _json(findings_as_data()),
        "GEOMETRY": _json(CONSTANTS),
        "RATES": _json(RATES),
    }
    return "{\n" + ",\n".join(f"{name}: {text}" for name, text in data.items()) + "\n}"


def _json(value: object) -> str:
    """Data as JavaScript; a sentence is an array of its two languages."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=both)


def build_page(lang: str | None = None, rules: str | Sequence[str] = ()) -> Page:
    """The page, the same for the same version, language and rules.

    Args:
        lang: `"en"`, `"zh"`, or None to follow the reader's browser.
        rules: what it shows as it opens, such as `"adam(lr=0.5)"`, or rules of your own beside the built-in ones,
            `"mine.py"` or `"mine.py:Mine"`; the first six, each at its own learning rate or at one that suits.

    Raises:
        InvalidValue: another language, or a rule that cannot run in the page.
    """
    if lang is not None:
        check_language(lang)
    own = _chosen(rules)
    for reference in own:
        if reason := why_not_recorded(reference.rule()):
            raise InvalidValue(f"{reference.text}: cannot run in the playground: {reason}")
    more = tuple(reference for reference in own if reference.source is not None)
    state = f' data-state="{escape(_link_to(own))}"' if own else ""
    body = f'<div data-steepest="playground"{state} data-alone></div>'
    return Page.of(body, script_of(build_facts(more)), title="steepest playground", lang=lang)


def _chosen(rules: str | Sequence[str]) -> list[Reference]:
    texts = [rules] if isinstance(rules, str) else rules
    return [reference for text in texts for reference in _rules_in(text)]


def _rules_in(text: str) -> list[Reference]:
    """As `resolve_all`; where a file has rules, its classes of optimizers, which have no equation, are left out."""
    found = resolve_all(text)
    return [reference for reference in found if not issubclass(reference.rule_class, External)] or found


def _link_to(rules: Sequence[Reference]) -> str:
    """The text of a link that shows these rules, each at its own learning rate or at one that suits.

    >>> _link_to([*resolve_all("sgd"), *resolve_all("adam(lr=0.5)")])
    'on=ravine&rule=sgd(lr=0.2)&rule=adam(lr=0.5)'
    """
    shown = []
    for reference in rules[:MOST_RULES]:
        inside = ",".join(f"{name}={value}" for name, value in _settings(reference).items())
        shown.append(f"&rule={reference.name}({inside})".replace(" ", ""))
    return "".join([f"on={LANDSCAPE}", *shown])


def _settings(reference: Reference) -> dict[str, Any]:
    settings = dict(reference.settings)
    settings.setdefault("lr", proposed_rate(reference.rule(), find(LANDSCAPE)))
    return settings


def play(save: str | Path | None = None, lang: str | None = None, rules: str | Sequence[str] = ()) -> Path:
    """Open the playground in the browser, or save it: one file that needs no network and no server.

    In a notebook it is shown below the cell instead. In it every elementwise rule runs on every landscape, and on
    formulas of your own.

    Args:
        save: the file to write, such as `"playground.html"`, without opening it; None writes a temporary one and opens
            it, where there is a browser.
        lang: `"en"`, `"zh"`, or None to follow the reader's browser.
        rules: what it shows as it opens, and rules of your own beside the built-in ones, such as `"mine.py"`.

    Returns:
        The file.

    Raises:
        InvalidValue: another language, a rule that cannot run in a page, or the file cannot be written.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     play(save=f"{folder}/playground.html", lang="en").name
    'playground.html'
    """
    if save is not None:
        check_page_file(save)
        return build_page(lang, rules).save(save)
    if not in_notebook():
        return open_playground(lang, rules)[0]
    from IPython.display import display

    page = replace(build_page(lang, rules or OPENING), still=_still(rules or OPENING))
    display(page)  # type: ignore[no-untyped-call]
    return _Written(page.save(Path(tempfile.mkdtemp(prefix="steepest-")) / "steepest-playground.html"))


class _Written(type(Path())):  # type: ignore[misc]
    """A file, of which a cell shows nothing more."""

    def _ipython_display_(self) -> None:
        pass


def _still(rules: str | Sequence[str]) -> str:
    """The picture with which the playground opens."""
    from ..figures.html import picture
    from ..figures.paths import draw_paths

    lang = default_language(os.environ)
    shown = _chosen(rules)[:MOST_RULES]
    paths = [trace(reference.rule(lr=_settings(reference)["lr"]), LANDSCAPE, steps=STEPS) for reference in shown]
    return picture(
        draw_paths(paths, lang=lang), getattr(Text("the playground, as it opens", "实验台打开时的样子"), lang)
    )


def open_playground(lang: str | None = None, rules: str | Sequence[str] = ()) -> tuple[Path, bool]:
    """Write a temporary file, and say whether a browser took it; see `play`."""
    page = build_page(lang, rules)  # before a folder is made, as the language may be none
    file = page.save(Path(tempfile.mkdtemp(prefix="steepest-")) / "steepest-playground.html")
    try:
        return file, webbrowser.open(file.as_uri())
    except webbrowser.Error:
        return file, False
