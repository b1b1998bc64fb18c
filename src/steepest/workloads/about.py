"""What is known of a workload without training it: its settings, its data sets, and what was measured on it."""

import ast
import inspect
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..datasets.catalogue import DATASETS
from ..datasets.record import Dataset
from . import FAMILIES, PLUGINS, _module, file_of

__all__ = ["datasets_of", "measured_on", "settings_of"]


def settings_of(name: str) -> dict[str, tuple[Any, str]]:
    """The settings of a family: default and description, by name; empty for a workload that has none.

    >>> settings_of("clothes")["width"]
    (16, 'channels of the first layer; the second has twice as many.')
    """
    function = _family(name)
    if function is None:
        return {}
    told = _arguments(inspect.getdoc(function) or "")
    return {
        setting: (parameter.default, told.get(setting, ""))
        for setting, parameter in inspect.signature(function).parameters.items()
    }


def _family(name: str) -> Callable[..., Any] | None:
    if name in FAMILIES:
        return getattr(_module(name), name)  # type: ignore[no-any-return]
    plugin = PLUGINS.get(name) if name in PLUGINS.plugins else None
    return plugin if inspect.isfunction(plugin) else None


def _arguments(docstring: str) -> dict[str, str]:
    """The descriptions under `Args:`, by name."""
    block = re.search(r"(?m)^Args:\n((?:    .*\n?|\n)+)", docstring + "\n")
    if block is None:
        return {}
    entries = re.split(r"(?m)^    (?=\w+:)", block[1])
    pairs = [entry.partition(":") for entry in entries if entry.strip()]
    return {name.strip(): " ".join(text.split()) for name, _, text in pairs}


def datasets_of(name: str) -> list[Dataset]:
    """The data sets that a workload's file loads, itself or by the modules of workloads that it imports.

    >>> [data.name for data in datasets_of("captions")]
    ['emoji']
    """
    seen: dict[Path, None] = {}
    loaded: dict[str, None] = {}
    _walk(file_of(name), seen, loaded)
    return [DATASETS[data] for data in loaded]


def _walk(file: Path, seen: dict[Path, None], loaded: dict[str, None]) -> None:
    if file in seen:
        return
    seen[file] = None
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        match node:
            case ast.Call(func=ast.Attribute(attr="load"), args=[ast.Constant(value=str(data))]) if data in DATASETS:
                loaded[data] = None
            case ast.ImportFrom(module=str(module), level=1):
                inside = file.parent / f"{module.replace('.', '/')}.py"
                if inside.exists():
                    _walk(inside, seen, loaded)


def measured_on(name: str) -> dict[str, Any] | None:
    """What `python -m benchmarks.targets` measured on a workload, which lies beside it; None where it was not."""
    file = file_of(name).parent / "measured" / f"{name}.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else None
