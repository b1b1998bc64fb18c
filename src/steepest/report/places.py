"""Names of files and folders for texts that may hold anything."""

import re
from collections.abc import Iterable

__all__ = ["file_names"]

MOST = 60
"""Characters of a name, which leaves room for a number behind it and for an ending."""


def file_names(texts: Iterable[str]) -> dict[str, str]:
    """A name for a file or a folder for each text, no two the same, also where capitals do not count.

    >>> file_names(["Adam", "adam", "../../etc", "a/b|c"])
    {'Adam': 'Adam', 'adam': 'adam-2', '../../etc': 'etc', 'a/b|c': 'a_b_c'}
    """
    found: dict[str, str] = {}
    taken: set[str] = set()
    for text in texts:
        stem = re.sub(r"[^\w\-.=, ()]+", "_", text).strip(" ._")[:MOST] or "unnamed"
        name, number = stem, 1
        while name.casefold() in taken:
            number += 1
            name = f"{stem}-{number}"
        taken.add(name.casefold())
        found[text] = name
    return found
