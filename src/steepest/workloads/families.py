"""Families of problems: a function whose settings make one, which names it by those that are not the default."""

import inspect
import os
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from .problem import Problem

__all__ = ["family"]

Settings = ParamSpec("Settings")
Made = TypeVar("Made", bound=Problem)


def family(function: Callable[Settings, Made]) -> Callable[Settings, Made]:
    """Decorate a function that makes problems: a problem has a name that `workloads.find` reads back.

    What it is, where the function leaves that open, is said by the first line of the module and by its `about_zh`. A
    `pathlib.Path` among the settings becomes its text.

    >>> from steepest.workloads.quadratic import quadratic
    >>> quadratic(100.0, dims=5).name, quadratic().name
    ('quadratic(dims=5)', 'quadratic')
    """
    signature = inspect.signature(function)
    defaults = {name: parameter.default for name, parameter in signature.parameters.items()}

    @wraps(function)
    def made(*args: Settings.args, **kwargs: Settings.kwargs) -> Made:
        bound = signature.bind(*args, **kwargs)
        settings: dict[str, Any] = bound.arguments
        settings |= {name: os.fspath(value) for name, value in settings.items() if isinstance(value, os.PathLike)}
        problem = function(*bound.args, **bound.kwargs)
        changed = ", ".join(f"{name}={value!r}" for name, value in settings.items() if value != defaults[name])
        facts = {"name": f"{function.__name__}({changed})" if changed else function.__name__}
        if not vars(problem).get("about"):
            about = (function.__globals__.get("__doc__") or "").partition("\n")[0]
            facts |= {"about": about, "about_zh": function.__globals__.get("about_zh", about)}
        return problem.replace(**facts)

    return made
