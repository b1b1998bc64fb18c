"""Messages of errors in Chinese. The library raises English ones; the command line shows their translations.

The catalogue `messages_zh.toml` has the templates of the messages: what an f-string says around its fields, with `{}`
in the place of each. A message is compared with them, so that raising an error stays one line in one language.
"""

import re
import tomllib
from functools import cache
from importlib.resources import files

__all__ = ["in_chinese"]

FIELD = re.compile(r"\{(\d)\}")


def in_chinese(message: str) -> str:
    """A message in Chinese, its fields too where they stand in the catalogue; what does not stand there as it is.

    >>> in_chinese("unknown rule 'adm'; did you mean 'adam'?")
    "没有优化器 'adm'；是否想写 'adam'？"
    >>> in_chinese("out of memory")
    'out of memory'
    """
    if message[:1] in ("'", '"'):  # what a user wrote
        return message
    for pieces, chinese in _templates():
        values = _fields(message, pieces)
        if values is not None:
            return FIELD.sub(lambda field: in_chinese(values[int(field[1])]), chinese)  # noqa: B023
    return message


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
