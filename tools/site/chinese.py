"""Full-text search in Chinese without a dictionary: every two neighbouring characters are a word.

Sphinx splits Chinese with jieba, a dictionary that has few of the field's terms, and in the browser not at all, so that
a query of two words would find nothing. Pairs of characters need no dictionary, and the query is split as the text is.
"""

import re
from gettext import NullTranslations
from typing import Any

from sphinx.search.zh import SearchChinese

__all__ = ["Pairs", "pairs", "setup"]

HAN = "\u3400-\u9fff"
PIECES = re.compile(rf"[{HAN}]+|[A-Za-z0-9_]+")

SPLITTER = f"""
var splitQuery = (query) => (query.match(/[{HAN}]+|[A-Za-z0-9_]+/g) ?? []).flatMap((piece) =>
  /[{HAN}]/.test(piece) && piece.length > 2
    ? Array.from({{ length: piece.length - 1 }}, (_, i) => piece.slice(i, i + 2))
    : [piece]);
"""


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


class Pairs(SearchChinese):
    """Sphinx's Chinese with another way of splitting."""

    js_splitter_code = SPLITTER
    language_name = "English"  # of the stemmer that comes with it: Sphinx writes this name into the page's code

    def split(self, input: str) -> list[str]:
        words = pairs(input)
        self.latin_terms.update(word for word in words if word.isascii())
        return words


LACKING = {
    "Breadcrumb": "所在位置",
    "Collapse Sidebar": "收起侧栏",
    "Expand Sidebar": "展开侧栏",
    "Color mode": "配色",
    "System Settings": "跟随系统",
}
"""Words of the theme that its Chinese catalogue lacks, or has in English."""


class Completed(NullTranslations):
    """A catalogue, with the words that it lacks."""

    def __init__(self, catalogue: NullTranslations) -> None:
        super().__init__()
        self.add_fallback(catalogue)

    def gettext(self, message: str) -> str:
        return LACKING.get(message) or super().gettext(message)


def _complete(app: Any, config: Any) -> None:
    if config.language.startswith("zh"):
        config.html_theme_options["header_dropdown_text"] = "更多"
        app.translator = Completed(app.translator)


def setup(app: Any) -> dict[str, bool]:
    """Sphinx's entry."""
    app.add_search_language(Pairs)
    app.connect("config-inited", _complete, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
