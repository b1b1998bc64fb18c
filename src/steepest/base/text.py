"""Sentences for people, in English and in Chinese."""

from dataclasses import dataclass

__all__ = ["Text", "plain_line"]


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
