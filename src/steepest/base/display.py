"""What a notebook shows of a value, drawn by a layer above the value's own."""

import sys
from collections.abc import Iterable
from importlib import import_module
from typing import Any

__all__ = ["Displayed", "in_notebook", "without_styles"]


class Displayed:
    """A value that shows itself as the last line of a notebook's cell.

    `steepest.notebook.display` draws it. A value cannot import what draws it, so that module is loaded by name, and
    only when a notebook asks.
    """

    def _repr_mimebundle_(
        self, include: Iterable[str] | None = None, exclude: Iterable[str] | None = None
    ) -> dict[str, Any]:
        bundle: dict[str, Any] = import_module("steepest.notebook.display").bundle(self)
        return bundle


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook, rather than a script, a terminal or a worker.

    >>> in_notebook()
    False
    """
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return hasattr(shell, "kernel")


def without_styles(html: str) -> str:
    """HTML that is seen only where a front end takes styles, scripts, frames and formulas out of what it shows.

    That is done to notebooks that are not trusted, and by sites that show a notebook without its kernel; pictures stay.

    >>> without_styles("<p>x</p>")
    '<style>.steepest-still { display: none }</style><div class="steepest-still"><p>x</p></div>'
    """
    return f'<style>.steepest-still {{ display: none }}</style><div class="steepest-still">{html}</div>'
