"""Sentences for people, in English and in Chinese."""

from dataclasses import dataclass

__all__ = ["Text"]


@dataclass(frozen=True)
class Text:
    """A sentence in English and in Chinese.

    >>> Text("a saddle", "鞍点").zh
    '鞍点'
    """

    en: str
    zh: str
