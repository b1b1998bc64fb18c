"""Checks of values that a user gives; the error message names the value and what is allowed."""

from typing import Any

from .errors import InvalidValue

__all__ = ["LANGUAGES", "check_language", "check_whole"]

LANGUAGES = ("en", "zh")


def check_language(lang: str) -> None:
    """Raise `InvalidValue` unless the language is `"en"` or `"zh"`."""
    if lang not in LANGUAGES:
        raise InvalidValue(f"lang: must be {' or '.join(LANGUAGES)}, got {lang!r}")


def check_whole(name: str, value: Any, least: int = 1, most: int | None = None, kind: type = int) -> None:
    """Raise `InvalidValue` unless a value is a whole number within limits.

    Args:
        name: of the value, for the message.
        value: what was given; a boolean is no number.
        least: the smallest that is allowed.
        most: the largest that is allowed, if there is one.
        kind: `int`, or `numbers.Integral` where NumPy's whole numbers will do.
    """
    is_whole = isinstance(value, kind) and not isinstance(value, bool)
    if not is_whole or value < least or (most is not None and value > most):
        limits = f"from {least}" if most is None else f"from {least} to {most}"
        raise InvalidValue(f"{name}: must be a whole number {limits}, got {value!r}")
