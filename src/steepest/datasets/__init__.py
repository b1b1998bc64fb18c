"""Data sets for workloads: `find` gives their files, `load` their content; `steepest data` lists them.

What a data set is stands in `catalogue.py`, one fact in one place; a new one is a record there and a function in
`loading.py`. Nothing here imports torch.
"""

from typing import Any

from .catalogue import DATASETS
from .getting import NotHere, Watch, dataset, find, get, watch_with
from .locating import cache
from .record import Dataset, File

__all__ = ["DATASETS", "Dataset", "File", "NotHere", "Watch", "cache", "dataset", "find", "get", "load", "watch_with"]


def load(name: str) -> Any:
    """The content of a data set as arrays or text, read once in a process.

    What it is, the functions of `steepest.datasets.loading` say: `digits`, `airfoil`, `clothes`, `language`,
    `quatrains`, `spelling`, `emoji`, `proteins`, `stamps`.

    Raises:
        UnknownName: none has this name.
        NotHere: it is not here and cannot be fetched.

    >>> load("digits").shape
    (1797, 65)
    """
    from .loading import content  # imports numpy

    return content(name)
