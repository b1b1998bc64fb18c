"""Functions that the user passes, such as `validation`: called until they raise."""

import math
from collections.abc import Callable
from typing import Any

from ..base.errors import one_line
from ..findings.catalogue import Finding
from .finding import add_once

__all__ = ["Functions"]


class Functions:
    """The user's functions by name.

    Args:
        unseen: where it is said which of them has raised.
        functions: each by its name; None where there is none.

    >>> functions = Functions([], again=lambda: 0.5, validation=None)
    >>> "again" in functions, "validation" in functions, functions("again")
    (True, False, 0.5)
    """

    def __init__(self, unseen: list[Finding], **functions: Callable[..., Any] | None) -> None:
        self._unseen = unseen
        self._functions = {name: function for name, function in functions.items() if function is not None}

    def __contains__(self, name: str) -> bool:
        return name in self._functions

    def get(self, name: str) -> Callable[..., Any] | None:
        """The function itself; None where there is none."""
        return self._functions.get(name)

    def __call__(self, name: str, *args: Any) -> Any:
        """What a function gives; NaN once it has raised, after which it is there no more."""
        try:
            return self._functions[name](*args)
        except Exception as error:  # whatever it raises
            del self._functions[name]
            add_once(self._unseen, "unseen_function", name=name, error=one_line(error))
            return math.nan
