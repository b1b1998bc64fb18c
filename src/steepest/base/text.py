"""Sentences for people, in English and in Chinese."""

import re
from dataclasses import dataclass

__all__ = ["Text", "plain_line", "visible"]

INVISIBLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Characters that steer a terminal, turn the direction of writing or end a line, and halves of characters."""


@dataclass(frozen=True)
class Text:
    """A sentence in English and in Chinese.

    >>> Text("a saddle", "鞍点").zh
    '鞍点'
    """

    en: str
    zh: str


def plain_line(line: str) -> str:
    """A docstring's line without its mark-up."""
    return line.replace("$", "").replace("`", "")


def visible(text: str, keep: str = "") -> str:
    r"""A text of somebody else in which nothing steers a terminal: control characters are written out as `\x1b`.

    Args:
        text: such as a label, a path or a message.
        keep: control characters that stay, such as the end of a line; another blank one becomes a space.

    >>> visible("SGD\n\x1b[31m")
    'SGD \\x1b[31m'
    """
    if text.isprintable():
        return text

    def shown(match: re.Match[str]) -> str:
        character = match[0]
        return character if character in keep else " " if character.isspace() else ascii(character)[1:-1]

    return INVISIBLE.sub(shown, text)
