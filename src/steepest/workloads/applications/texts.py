"""Texts of a user: a file, and its characters as numbers."""

from collections import Counter
from collections.abc import Iterable
from functools import cache
from shlex import quote

import torch
from torch import Tensor

from ...base.errors import InvalidValue
from ..own import Own

__all__ = ["RARE", "alphabet_of", "as_numbers", "read_text"]

RARE = "□"
"""In place of a character that training texts have once at most."""


@cache
def read_text(name: str, own: Own) -> str:
    """The text of a file in UTF-8, read once in a process.

    Args:
        name: of the workload, for the error.
        own: the file.

    Raises:
        InvalidValue: it cannot be read.
    """
    try:
        return own.path.read_text("utf-8-sig")
    except OSError as error:
        raise InvalidValue(f"{name}: {own.path} cannot be read ({error.strerror})") from None
    except UnicodeError as error:
        likely = "UTF-16" if getattr(error, "object", b"")[:2] in (b"\xff\xfe", b"\xfe\xff") else "GB18030"
        raise InvalidValue(
            f"{name}: {own.path} is not in UTF-8; if it is in {likely}, this helps:"
            f"  iconv -f {likely} -t UTF-8 {quote(str(own.path))} > utf8.txt"
        ) from None


def alphabet_of(texts: Iterable[str], first: str = "") -> str:
    """Some characters, a sign for rare ones, and those that come more than once, the most frequent first.

    >>> alphabet_of(["a tall tale"], first="|")
    '|□al t'
    """
    counts = Counter(character for text in texts for character in text)
    for character in first + RARE:
        del counts[character]
    return first + RARE + "".join(character for character, count in counts.most_common() if count > 1)


def as_numbers(text: str, alphabet: str) -> Tensor:
    """The places of characters in an alphabet, shape (length,).

    >>> as_numbers("late", "|□al t").tolist()
    [3, 2, 5, 1]
    """
    places = _places(alphabet)
    return torch.tensor([places.get(character, places[RARE]) for character in text], dtype=torch.long)


@cache
def _places(alphabet: str) -> dict[str, int]:
    return {character: index for index, character in enumerate(alphabet)}
