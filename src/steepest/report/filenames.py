"""Safe and unique names of files and folders, made of texts of users that may hold any characters."""

import re
from collections.abc import Iterable

__all__ = ["file_names"]

MOST = 60
"""Characters of a name, at most; leaves room for a number and an ending."""


def file_names(texts: Iterable[str]) -> dict[str, str]:
    """A name of a file or folder for each text, all different even on file systems that ignore case.

    >>> file_names(["Adam", "adam", "../../etc", "a/b|c"])
    {'Adam': 'Adam', 'adam': 'adam-2', '../../etc': 'etc', 'a/b|c': 'a_b_c'}
    """
    names: dict[str, str] = {}
    taken: set[str] = set()
    for text in texts:
        stem = re.sub(r"[^\w\-.=, ()]+", "_", text).strip(" ._")[:MOST] or "unnamed"
        name, number = stem, 1
        while name.casefold() in taken:
            number += 1
            name = f"{stem}-{number}"
        taken.add(name.casefold())
        names[text] = name
    return names
