"""Numbers and texts as pictures have them: four digits, None for what is not finite, both languages in one list."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ...base.text import Text

__all__ = ["Picture", "pair", "short", "shorts", "spread"]

Picture = dict[str, Any]
"""A picture as data for JSON; `pictures.py` says what it is made of."""


def short(value: float) -> float | None:
    """A number to four digits, as many as pictures show; None where it is not finite.

    >>> short(0.123456), short(float("nan"))
    (0.1235, None)
    """
    return float(f"{value:.4g}") if math.isfinite(value) else None


def shorts(values: Iterable[float]) -> list[float | None]:
    """The same of many numbers."""
    return [short(float(value)) for value in values]


def pair(text: Text) -> list[str]:
    """A text as data: English and Chinese."""
    return [text.en, text.zh]


def spread(values: Sequence[Any], most: int) -> list[Any]:
    """So many of the values, evenly spread, the first and the last among them.

    >>> spread(range(100), 4)
    [0, 33, 66, 99]
    """
    if len(values) <= most:
        return list(values)
    return [values[place] for place in np.unique(np.linspace(0, len(values) - 1, most).round().astype(int))]
