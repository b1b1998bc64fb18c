"""The language of the terminal, English or Chinese: one for everything that a command prints."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from string import Formatter
from typing import Any

import typer

from ..base.checks import LANGUAGES, check_language
from ..base.errors import InvalidValue, SteepestError
from ..base.language import VARIABLE, default_language
from ..base.text import Text
from ..base.translation import in_chinese, joined_parts
from .help_words import HELP, PANELS, USAGE
from .words import CHINESE

__all__ = [
    "asked", "begin", "check_variable", "choose", "explain", "language", "say", "translate",
    "translated_help",
]  # fmt: skip

_asked: str | None = None
_used = "en"


def begin(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> None:
    """Choose the language: that of --lang (the last, wherever it stands), or else `default_language`.

    This comes before the arguments are parsed, because parsing prints help and complains. A language that does not
    exist is refused when it is parsed, in the default one.
    """
    global _asked, _used
    _asked = None
    for argument, next_argument in pairwise([*arguments, ""]):
        if argument == "--":  # what follows are names, whatever they look like
            break
        name, equals, value = argument.partition("=")
        if name == "--lang":
            _asked = value if equals else next_argument
    _used = _asked if _asked in LANGUAGES else default_language(environment)


def check_variable(environment: Mapping[str, str] = os.environ) -> None:
    """Raise `InvalidValue` where STEEPEST_LANG names another language than `en` and `zh`."""
    if (named := environment.get(VARIABLE)) and named not in LANGUAGES:
        raise InvalidValue(f"{VARIABLE}: must be {' or '.join(LANGUAGES)}, got {named!r}")


def choose(value: str) -> str:
    """The value of an option --lang as it is parsed: the language of everything; another one is refused."""
    if value or _asked == "":
        check_language(value)
    return _used


def language() -> str:
    """The language of the terminal, "en" or "zh"."""
    return _used


def asked() -> str | None:
    """The language that --lang names; None where it is not there."""
    return _asked


def translate(words: str, *values: object) -> str:
    """English words in the language of the terminal, with the braces filled in; without a translation in English.

    >>> translate("{} of {} runs", 3, 10)
    '3 of 10 runs'
    """
    if not values:  # what users write may hold braces
        return CHINESE.get(words, words) if _used == "zh" else words
    return _filled(CHINESE.get(words, words), values) if _used == "zh" else words.format(*values)


def _filled(template: str, values: Sequence[object]) -> str:
    """As `template.format(*values)`, but for spaces between Chinese characters; see `joined_parts`."""
    parts: list[str] = []
    fields = 0
    for text, name, form, _ in Formatter().parse(template):
        parts.append(text)
        if name is not None:
            parts.append(format(values[int(name or fields)], form or ""))
            fields += 1
    return joined_parts(parts)


def explain(message: object) -> str:
    """An error or a warning of the library, or its text, in the language of the terminal."""
    if isinstance(message, SteepestError):
        return message.text(_used)
    return in_chinese(str(message)) if _used == "zh" else str(message)


def say(text: Text) -> str:
    """A text in the language of the terminal."""
    return str(getattr(text, _used))


# --- help -------------------------------------------------------------------------------------------------------------


@contextmanager
def translated_help(command: Any) -> Iterator[None]:
    """A context in which the help of a command, and of the commands in it, is in the language of the terminal."""
    if _used == "en":
        yield
        return
    from typer import rich_utils

    _translate_help(command, None)
    before = {name: getattr(rich_utils, name) for name in PANELS}
    vars(rich_utils).update(PANELS)
    try:
        yield
    finally:
        vars(rich_utils).update(before)


def _translate_help(command: Any, parent: typer.Context | None) -> None:
    context = typer.Context(command, parent=parent, **command.context_settings)
    command.help, command.epilog = _paragraphs(command.help), _paragraphs(command.epilog)
    for param in command.get_params(context):
        param.help = _paragraphs(param.help)
    usage = command.get_usage
    command.get_usage = lambda context: _replaced(usage(context), USAGE)
    for member in getattr(command, "commands", {}).values():
        _translate_help(member, context)


def _replaced(text: str, words: Mapping[str, str]) -> str:
    for english, chinese in words.items():
        text = text.replace(english, chinese, 1)
    return text


def _paragraphs(text: str | None) -> str | None:
    """A help text, paragraph by paragraph; of an example, which is dim, what it says behind the command."""
    return text and "\n\n".join(map(_paragraph, text.split("\n\n")))


def _paragraph(text: str) -> str:
    line = " ".join(text.split())
    command, wide, about = text.removesuffix("[/dim]").rpartition("  ")
    if text.startswith("[dim]"):
        return f"{command}{wide}{HELP.get(about, about)}[/dim]"
    return HELP.get(line, text)
