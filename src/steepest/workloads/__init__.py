"""All workloads by name. A new one is a file here and its name in the list below; a user's own lies anywhere."""

import ast
from functools import cache
from importlib import import_module
from pathlib import Path

from ..errors import UnknownName, did_you_mean
from ..modules import load_file
from .base import Workload, from_module

__all__ = ["WORKLOADS", "Workload", "find", "summary"]

WORKLOADS = ("digits", "airfoil")


def find(workload: str) -> Workload:
    """A workload by name, or from a user's file.

    Raises:
        UnknownName: no workload has this name.
        InvalidValue: the file is missing, raises, or lacks a part (which, and a line to add).

    >>> find("digits").target
    0.95
    """
    if workload in WORKLOADS:
        return _built_in(workload)
    if workload.endswith(".py") or "/" in workload:
        return _from_file(Path(workload).expanduser().resolve())
    hint = did_you_mean(workload, WORKLOADS)
    raise UnknownName(f"unknown workload {workload!r}; {hint} (or the path of your own file, such as my_workload.py)")


@cache
def _built_in(name: str) -> Workload:
    return from_module(import_module(f".{name}", __name__), name)


@cache
def _from_file(path: Path) -> Workload:
    return from_module(load_file(path), str(path))


def summary(name: str) -> str:
    """The first line of a built-in workload's docstring, read without running it (that would import torch).

    >>> summary("digits").partition(":")[0]
    'Handwritten digits'
    """
    source = (Path(__file__).parent / f"{name}.py").read_text(encoding="utf-8")
    return (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]
