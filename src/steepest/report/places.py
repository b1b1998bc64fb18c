"""What workloads and contestants are called where their names must be short, or the names of files."""

import re
from collections.abc import Iterable
from pathlib import Path

from ..comparison import Plan

__all__ = ["file_names", "titles"]

MOST = 60
"""Characters of a name, which leaves room for a number behind it and for an ending."""


def titles(plan: Plan) -> dict[str, str]:
    """By workload, what it is called: a user's file without its folder, unless another has the same name."""
    stems = {each.name: Path(each.name).stem for each in plan.workloads}
    names = list(stems.values())
    return {name: stem if names.count(stem) == 1 else name for name, stem in stems.items()}


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
