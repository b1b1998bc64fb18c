"""Full-text search: a name such as `weight_decay` is found by its parts, too, and Chinese without a dictionary.

Sphinx splits Chinese with jieba, a dictionary that has few of the field's terms, and in the browser not at all, so
that a query of two words would find nothing. Here every two neighbouring characters are a word: pairs need no
dictionary, and the query is split as the text is.
"""

import re
from collections.abc import Iterable
from typing import Any

from sphinx.search.en import SearchEnglish
from sphinx.search.zh import SearchChinese

__all__ = ["SPLITTER", "Names", "Pairs", "pairs", "setup", "with_parts"]

HAN = "\u3400-\u9fff"
PIECES = re.compile(rf"[{HAN}]+|[A-Za-z0-9_]+")

SPLITTER = f"""
var splitQuery = (query) => (query.match(/[{HAN}]+|[A-Za-z0-9_]+/g) ?? []).flatMap((piece) =>
  /[{HAN}]/.test(piece) && piece.length > 2
    ? Array.from({{ length: piece.length - 1 }}, (_, i) => piece.slice(i, i + 2))
    : [piece]);
"""


def with_parts(words: Iterable[str]) -> list[str]:
    """Words, and behind each name of code its parts.

    >>> with_parts(["the", "weight_decay"])
    ['the', 'weight_decay', 'weight', 'decay']
    """
    made = []
    for word in words:
        parts = [part for part in word.split("_") if part]
        made += [word, *(parts if len(parts) > 1 else [])]
    return made


def pairs(text: str) -> list[str]:
    """Words in letters as they are, of a run of Chinese characters every pair; a single one is its own word.

    >>> pairs("Adam 的学习率")
    ['Adam', '的学', '学习', '习率']
    """
    words = []
    for piece in PIECES.findall(text):
        long = len(piece) > 2 and not piece.isascii()
        words += [piece[i : i + 2] for i in range(len(piece) - 1)] if long else [piece]
    return words


class Names(SearchEnglish):
    """Sphinx's English, with the parts of names."""

    def split(self, input: str) -> list[str]:
        return with_parts(super().split(input))


class Pairs(SearchChinese):
    """Sphinx's Chinese with another way of splitting."""

    js_splitter_code = SPLITTER
    language_name = "English"  # of the stemmer that comes with it: Sphinx writes this name into the page's code

    def split(self, input: str) -> list[str]:
        words = with_parts(pairs(input))
        self.latin_terms.update(word for word in words if word.isascii())
        return words


def setup(app: Any) -> dict[str, bool]:
    """Sphinx's entry."""
    app.add_search_language(Names)
    app.add_search_language(Pairs)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
