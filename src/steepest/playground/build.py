"""Put the page together: script, facts, style and markup, in one file."""

import json
import os
import tempfile
import webbrowser
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path

from ..base.errors import InvalidValue
from ..landscapes.grammar import GRAMMAR
from ..web import page_of, script_of
from .facts import about_as_data, both, landscapes_in_javascript, rules_in_javascript
from .tour import tour_as_data
from .words import SCHEDULES

__all__ = ["build_facts", "build_page", "open_playground", "play", "write_playground"]

LANGUAGES = ("en", "zh")


@cache
def build_facts() -> str:
    """What Python knows, as a JavaScript expression for `useFacts` of `web/core/facts.js`."""
    data = {
        "VERSION": _json(version("steepest")),
        "ABOUT": _json(about_as_data()),
        "SCHEDULES": _json(SCHEDULES),
        "RULES": rules_in_javascript(),
        "LANDSCAPES": landscapes_in_javascript(),
        "TOUR": _json(tour_as_data()),
        "GRAMMAR": _json(GRAMMAR),
    }
    return "{\n" + ",\n".join(f"{name}: {text}" for name, text in data.items()) + "\n}"


def _json(value: object) -> str:
    """Data as JavaScript; a sentence is an array of its two languages."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=both)


def build_page(lang: str | None = None) -> str:
    """The page as text, the same for the same version and language.

    Args:
        lang: `"en"`, `"zh"`, or None to follow the reader's browser.

    Raises:
        InvalidValue: another language.
    """
    if lang is not None and lang not in LANGUAGES:
        raise InvalidValue(f"lang: must be {' or '.join(LANGUAGES)}, got {lang!r}")
    body = '<div data-steepest="playground" data-alone></div>'
    return page_of(body, script_of(build_facts()), title="steepest playground", lang=lang)


def write_playground(file: str | Path, lang: str | None = None) -> Path:
    """Write the playground into a file, whole or not at all; see `play`."""
    return _written(Path(file).expanduser(), build_page(lang))


def _written(path: Path, page: str) -> Path:
    if not path.name:
        raise InvalidValue(f"{path}: is a folder; name a file, such as playground.html")
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_text(page, encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        with suppress(OSError):  # it was never there: the folder is none
            draft.unlink(missing_ok=True)
        raise InvalidValue(f"{path}: cannot be written ({error.strerror}); choose another place") from None
    return path


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
    return open_playground(lang)[0] if save is None else write_playground(save, lang)


def open_playground(lang: str | None = None) -> tuple[Path, bool]:
    """Write a temporary file, and say whether a browser took it; see `play`."""
    page = build_page(lang)  # before a folder is made, as the language may be none
    file = _written(Path(tempfile.mkdtemp(prefix="steepest-")) / "steepest-playground.html", page)
    try:
        return file, webbrowser.open(file.as_uri())
    except webbrowser.Error:
        return file, False
