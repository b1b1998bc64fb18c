"""What a notebook shows of a value, drawn by a layer above the value's own."""

from collections.abc import Iterable
from importlib import import_module
from typing import Any

__all__ = ["Displayed"]


class Displayed:
    """A value that shows itself as the last line of a notebook's cell.

    `steepest.notebook` draws it. A value cannot import what draws it, so that module is loaded by name, and only when
    a notebook asks.
    """

    def _repr_mimebundle_(
        self, include: Iterable[str] | None = None, exclude: Iterable[str] | None = None
    ) -> dict[str, Any]:
        bundle: dict[str, Any] = import_module("steepest.notebook").bundle(self)
        return bundle
