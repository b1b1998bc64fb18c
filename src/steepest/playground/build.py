"""Put the page together: script, facts, style and markup, in one file."""

import json
import tempfile
import webbrowser
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path

from ..base.checks import check_language
from ..base.display import in_notebook
from ..base.errors import InvalidValue
from ..landscapes import find
from ..landscapes.geometry import CONSTANTS
from ..landscapes.grammar import GRAMMAR
from ..paths.rates import CONSTANTS as RATES
from ..paths.rates import proposed_rate
from ..program.record import why_not_recorded
from ..rules import External, Reference, resolve_all
from ..web import Page, check_page_file, script_of
from .facts import about_as_data, both, findings_as_data, landscapes_in_javascript, rules_in_javascript
from .tour import tour_as_data
from .words import SCHEDULES

__all__ = ["build_facts", "build_page", "open_playground", "play"]


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
        rules: rules of your own, `"mine.py"` or `"mine.py:Mine"`, beside the built-in ones.

    Raises:
        InvalidValue: another language, or a rule that cannot run in the page.
    """
    if lang is not None:
        check_language(lang)
    texts = [rules] if isinstance(rules, str) else rules
    own = tuple(reference for text in texts for reference in _rules_in(text))
    for reference in own:
        if reason := why_not_recorded(reference.rule()):
            raise InvalidValue(f"{reference.text}: cannot run in the playground: {reason}")
    more = tuple(reference for reference in own if reference.source is not None)
    body = '<div data-steepest="playground" data-alone></div>'
    return Page.of(body, script_of(build_facts(more)), title="steepest playground", lang=lang)


def _rules_in(text: str) -> list[Reference]:
    """As `resolve_all`; where a file has rules, its classes of optimizers, which have no equation, are left out."""
    found = resolve_all(text)
    return [reference for reference in found if not issubclass(reference.rule_class, External)] or found


def link_to(rules: str | Sequence[str]) -> str:
    """The end of the page's address that shows these rules, each at its own learning rate or at one that suits.

    >>> link_to(["sgd", "adam(lr=0.5)"])
    '#on=ravine&rule=sgd(lr=0.2)&rule=adam(lr=0.5)'
    """
    texts = [rules] if isinstance(rules, str) else rules
    shown = []
    for reference in (reference for text in texts for reference in _rules_in(text)):
        settings = dict(reference.settings)
        settings.setdefault("lr", proposed_rate(reference.rule(), find("ravine")))
        inside = ",".join(f"{name}={value}" for name, value in settings.items())
        shown.append(f"&rule={reference.name}({inside})".replace(" ", ""))
    return "".join(["#on=ravine", *shown]) if shown else ""


def play(save: str | Path | None = None, lang: str | None = None, rules: str | Sequence[str] = ()) -> Path:
    """Open the playground in the browser, or save it: one file that needs no network and no server.

    In a notebook it is shown below the cell instead. In it every elementwise rule runs on every landscape, and on
    formulas of your own.

    Args:
        save: the file to write, such as `"playground.html"`, without opening it; None writes a temporary one and opens
            it, where there is a browser.
        lang: `"en"`, `"zh"`, or None to follow the reader's browser.
        rules: rules of your own beside the built-in ones, such as `"mine.py"`.

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

    page = build_page(lang, rules)
    display(page)  # type: ignore[no-untyped-call]
    return page.save(Path(tempfile.mkdtemp(prefix="steepest-")) / "steepest-playground.html")


def open_playground(lang: str | None = None, rules: str | Sequence[str] = ()) -> tuple[Path, bool]:
    """Write a temporary file, and say whether a browser took it; see `play`."""
    page = build_page(lang, rules)  # before a folder is made, as the language may be none
    file = page.save(Path(tempfile.mkdtemp(prefix="steepest-")) / "steepest-playground.html")
    try:
        return file, webbrowser.open(file.as_uri() + link_to(rules))
    except webbrowser.Error:
        return file, False
