"""Put the page together: script, facts, style and markup, in one file."""

import json
import tempfile
import webbrowser
from functools import cache
from importlib.metadata import version
from pathlib import Path

from ..base.checks import check_language
from ..landscapes.geometry import CONSTANTS
from ..landscapes.grammar import GRAMMAR
from ..web import Page, script_of
from .facts import about_as_data, both, findings_as_data, landscapes_in_javascript, rules_in_javascript
from .tour import tour_as_data
from .words import SCHEDULES

__all__ = ["build_facts", "build_page", "open_playground", "play"]


@cache
def build_facts() -> str:
    """Rules, landscapes, schedules, tour and texts: the JavaScript argument of `useFacts` of `web/core/facts.js`."""
    data = {
        "VERSION": _json(version("steepest")),
        "ABOUT": _json(about_as_data()),
        "SCHEDULES": _json(SCHEDULES),
        "RULES": rules_in_javascript(),
        "LANDSCAPES": landscapes_in_javascript(),
        "TOUR": _json(tour_as_data()),
        "GRAMMAR": _json(GRAMMAR),
        "FINDINGS": _json(findings_as_data()),
        "GEOMETRY": _json(CONSTANTS),
    }
    return "{\n" + ",\n".join(f"{name}: {text}" for name, text in data.items()) + "\n}"


def _json(value: object) -> str:
    """Data as JavaScript; a sentence is an array of its two languages."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=both)


def build_page(lang: str | None = None) -> Page:
    """The page, the same for the same version and language.

    Args:
        lang: `"en"`, `"zh"`, or None to follow the reader's browser.

    Raises:
        InvalidValue: another language.
    """
    if lang is not None:
        check_language(lang)
    body = '<div data-steepest="playground" data-alone></div>'
    return Page.of(body, script_of(build_facts()), title="steepest playground", lang=lang)


def play(save: str | Path | None = None, lang: str | None = None) -> Path:
    """Open the playground in the browser, or save it: one file that needs no network and no server.

    In it every elementwise rule runs on every landscape, and on formulas of your own.

    Args:
        save: the file to write, such as `"playground.html"`, without opening it; None writes a temporary one and opens
            it, where there is a browser.
        lang: `"en"`, `"zh"`, or None to follow the reader's browser.

    Returns:
        The file.

    Raises:
        InvalidValue: another language, or the file cannot be written.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     play(save=f"{folder}/playground.html", lang="en").name
    'playground.html'
    """
    return open_playground(lang)[0] if save is None else build_page(lang).save(save)


def open_playground(lang: str | None = None) -> tuple[Path, bool]:
    """Write a temporary file, and say whether a browser took it; see `play`."""
    page = build_page(lang)  # before a folder is made, as the language may be none
    file = page.save(Path(tempfile.mkdtemp(prefix="steepest-")) / "steepest-playground.html")
    try:
        return file, webbrowser.open(file.as_uri())
    except webbrowser.Error:
        return file, False
