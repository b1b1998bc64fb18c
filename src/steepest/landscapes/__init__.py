"""Landscapes, the objectives of paths: all built-in ones by name, and `find` for names, families and typed formulas.

A new one is a decorated formula in a file here and a name in that file's `LANDSCAPES`; a family is a function of its
settings that returns a landscape.
"""

import inspect
from collections.abc import Callable
from typing import Any

from ..base.errors import InvalidValue, UnknownName, did_you_mean
from ..base.plugins import Registry
from ..base.spec import parse
from . import lecture, multimodal, saddles, valleys
from .base import Landscape, landscape
from .custom import formula, is_formula
from .quadratics import quadratic

__all__ = ["FAMILIES", "LANDSCAPES", "Landscape", "find", "formula", "landscape", "quadratic"]


def _check_landscape(name: str, loaded: Any) -> Landscape:
    if not isinstance(loaded, Landscape):
        raise InvalidValue(f"{loaded!r} is no landscape; decorate a formula with steepest.landscapes.landscape")
    if loaded.name != name:
        raise InvalidValue(f"the name of this landscape must be {loaded.name}")
    loaded.gradient(loaded.start)  # that it can be differentiated
    return loaded


LANDSCAPES: Registry[Landscape] = Registry(
    {on.name: on for file in (lecture, saddles, valleys, multimodal) for on in file.LANDSCAPES},
    "steepest.landscapes", _check_landscape,
)  # fmt: skip
"""By name; landscapes of plugins come last."""

FAMILIES: dict[str, Callable[..., Landscape]] = {"quadratic": quadratic}
"""Functions that return a landscape for settings, by name."""


def find(on: str | Landscape) -> Landscape:
    """A landscape by name, by family such as `quadratic(condition=100)`, or by formula; a landscape is itself.

    Raises:
        UnknownName: no landscape has this name and it is no formula.
        InvalidValue: a formula that is not one (the message points at the place), or wrong settings of a family.

    >>> find("rosenbrock").minima, find("x**2").dims, find("quadratic(condition=100)").name
    (((1.0, 1.0),), 1, 'quadratic(condition=100, rotation=0)')
    """
    if isinstance(on, Landscape):
        return on
    if not isinstance(on, str):
        raise InvalidValue(f"landscape: expected a name, a formula or a landscape, got {on!r}")
    if on.strip() in LANDSCAPES:
        return LANDSCAPES[on.strip()]
    if on.strip().partition("(")[0].strip() in FAMILIES:
        return _member(on)
    if is_formula(on):
        return formula(on)
    raise UnknownName(f"unknown landscape {on!r}; {did_you_mean(on, LANDSCAPES)} (or a formula such as 'x**2')")


def _member(text: str) -> Landscape:
    spec = parse(text, nested=False)
    try:
        return FAMILIES[spec.name](*spec.args, **dict(spec.kwargs))
    except TypeError:
        settings = ", ".join(inspect.signature(FAMILIES[spec.name]).parameters)
        raise InvalidValue(f"{text!r}: {spec.name} takes {settings}") from None
