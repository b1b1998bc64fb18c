"""Messages of errors in Chinese. The library raises English ones; the command line shows their translations.

The catalogue `messages_zh.toml` has the templates of the messages: what an f-string says around its fields, with `{}`
in the place of each. A message is compared with them, so that raising an error stays one line in one language.
"""

import re
import tomllib
from collections.abc import Iterable
from functools import cache, lru_cache
from importlib.resources import files

__all__ = ["in_chinese", "joined_parts"]

FIELD = re.compile(r"\{(\d)\}")

WIDE = "\u2e80-\u9fff\uff00-\uffef"
"""Chinese characters and their punctuation."""

MEETING = re.compile("[\u3400-\u9fff][A-Za-z0-9]|[A-Za-z0-9][\u3400-\u9fff]")
"""A Chinese character (no punctuation) beside a letter or digit."""

QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")

BEFORE, AFTER = re.compile(f"[{WIDE}] $"), re.compile(f" [{WIDE}]")
"""A Chinese character and a space at the end of a part, and at the beginning of one."""


def in_chinese(message: str) -> str:
    """A message in Chinese, its fields too where they stand in the catalogue; what does not stand there as it is.

    >>> in_chinese("unknown rule 'adm'; did you mean 'adam'?")
    "没有优化器 'adm'；是否想写 'adam'？"
    >>> in_chinese("out of memory")
    'out of memory'
    """
    return _translated(message)[0]


@lru_cache(1000)
def _translated(message: str) -> tuple[str, int]:
    """A message in Chinese, and how many of its characters are those of templates; the most are the best translation.

    A short template may enclose a message that stands in the catalogue, or cut it in two.
    """
    best = message, 0
    if QUOTED.fullmatch(message):  # what a user wrote
        return best
    for pieces, chinese in _templates():
        values = _fields(message, pieces)
        if values is None:
            continue
        fields = list(map(_translated, values))
        known = sum(map(len, pieces)) + sum(count for _, count in fields)
        if known > best[1]:
            parts = FIELD.split(chinese)  # every second one is the number of a field
            parts[1::2] = [fields[int(number)][0] for number in parts[1::2]]
            best = joined_parts(parts), known
    return best


def joined_parts(parts: Iterable[str]) -> str:
    """Parts of a Chinese sentence put together, with a space where a Latin word meets Chinese characters, only there.

    >>> joined_parts(["必须是 ", "数", "，而不是 ", "'a b'"]), joined_parts(["最终", "loss", "为 ", "0.1", "。"])
    ("必须是数，而不是 'a b'", '最终 loss 为 0.1。')
    """
    text = ""
    for part in parts:
        if BEFORE.search(text[-2:]) and re.match(f"[{WIDE}]", part):
            text = text[:-1]
        elif AFTER.match(part) and re.search(f"[{WIDE}]$", text):
            part = part[1:]
        elif MEETING.fullmatch(text[-1:] + part[:1]):
            text += " "
        text += part
    return text


@cache
def _templates() -> list[tuple[list[str], str]]:
    """The English templates, split at their fields, with their translations; those that say most come first."""
    catalogue = tomllib.loads((files(__package__) / "messages_zh.toml").read_text(encoding="utf-8"))
    split = [(english.split("{}"), chinese) for english, chinese in catalogue.items()]
    return sorted(split, key=lambda entry: -len("".join(entry[0])))


def _fields(message: str, pieces: list[str]) -> list[str] | None:
    """The texts between the pieces of a template, each as short as it can be; None where a piece is missing."""
    first, *others = pieces
    if not others:
        return [] if message == first else None
    if not message.startswith(first) or not message.endswith(others[-1]):
        return None
    values, begin, last = [], len(first), len(message) - len(others[-1])
    for piece in others[:-1]:
        end = message.find(piece, begin, last)
        if end < 0:
            return None
        values.append(message[begin:end])
        begin = end + len(piece)
    return [*values, message[begin:last]] if begin <= last else None
