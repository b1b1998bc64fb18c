"""Numbers as people read them: in sentences and points (`general`, `point`), in tables (`number` and others)."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

__all__ = [
    "NOTHING", "fixed", "general", "list_en", "list_zh", "number", "percent", "point", "setting", "settings_text",
    "share",
    "signed", "spent", "steps", "times",
]  # fmt: skip

NOTHING = "—"


def general(value: float, digits: int = 4) -> str:
    """A number to so many significant digits, with an exponent where it is very large or small.

    >>> general(0.158489), general(5.6e6, 3), general(float("inf"))
    ('0.1585', '5.6e+06', 'inf')
    """
    return f"{value:.{digits}g}"


def point(values: Iterable[float], digits: int = 4) -> str:
    """A point as people write it; in one dimension a number.

    >>> point((1.0, -0.5)), point([3.0])
    ('(1, -0.5)', '3')
    """
    texts = [general(value, digits) for value in values]
    return texts[0] if len(texts) == 1 else f"({', '.join(texts)})"


def percent(value: float) -> str:
    """A share as a percentage of three digits, near 1 of four.

    >>> percent(0.5), percent(0.99951)
    ('50 %', '99.95 %')
    """
    return f"{general(100 * value, 4 if value > 0.99 else 3)} %"


def fixed(value: float) -> str:
    """A coordinate or value with six digits after the point, with an exponent from 100,000 on.

    >>> fixed(0.5), fixed(-123456.0), fixed(float("nan"))
    ('0.500000', '-1.2346e+05', 'nan')
    """
    if not math.isfinite(value):
        return str(float(value))
    return f"{value:.6f}" if abs(value) < 1e5 else f"{value:.4e}"


def number(value: float | None, digits: int = 3) -> str:
    """A number to so many significant digits; all digits before the point up to a million.

    >>> number(0.15849), number(12345.6), number(2e-7), number(float("inf"))
    ('0.158', '12,346', '2.00e-07', '—')
    """
    if value is None or not math.isfinite(value):
        return NOTHING
    if value == 0:
        return "0"
    size = math.floor(math.log10(abs(value)))
    return f"{value:,.{max(0, digits - 1 - size)}f}" if -5 < size < 6 else f"{value:.{digits - 1}e}"


def steps(value: float, missed: str = NOTHING) -> str:
    """A number of steps to the target, as the terminal, the report and its exports have it; `missed` if there is none.

    >>> steps(1234.0), steps(float("inf")), steps(float("inf"), "missed")
    ('1,234', '—', 'missed')
    """
    return f"{value:,.0f}" if math.isfinite(value) else missed


def spent(value: float, measure: str) -> str:
    """The cost of reaching the target as text; `measure` is the column, `steps_to_target` or `seconds_to_target`.

    >>> spent(72.0, "steps_to_target"), spent(0.01234, "seconds_to_target")
    ('72', '0.0123')
    """
    return steps(value) if measure == "steps_to_target" else number(value)


def signed(value: float, measure: str) -> str:
    """A difference of two such costs, with its sign.

    >>> signed(16.0, "steps_to_target"), signed(-0.25, "seconds_to_target")
    ('+16', '−0.250')
    """
    sign = "+" if value > 0 else "−" if value < 0 else ""
    return sign + spent(abs(value), measure) if math.isfinite(value) else NOTHING


def times(value: float) -> str:
    """A factor: two digits after the point, whole numbers from 10 on.

    >>> times(1.837), times(41.2), times(0.0), times(float("inf")), times(float("nan"))
    ('1.84', '41', '0', '∞', '—')
    """
    if not math.isfinite(value):
        return "∞" if value > 0 else NOTHING
    return f"{value:.2f}" if 0 < value < 10 else f"{value:,.0f}"


def share(value: float) -> str:
    """A share as a percentage.

    >>> share(0.125), share(float("nan"))
    ('12 %', '—')
    """
    return f"{value:.0%}".replace("%", " %") if math.isfinite(value) else NOTHING


def setting(value: Any) -> str:
    """A hyperparameter's value: a number to three digits (of its distance to 1, if it is near), a switch, a name.

    >>> [setting(value) for value in (0.056234, 0.99877, 0.999, True, None, "cosine", [0.9, 0.999], 16)]
    ['0.0562', '0.99877', '0.999', 'true', 'none', 'cosine', '(0.9, 0.999)', '16']
    """
    if isinstance(value, list | tuple):
        return f"({', '.join(map(setting, value))})"
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    if isinstance(value, str):
        return value
    nines = -math.floor(math.log10(1 - value)) - 1 if 0.9 < value < 1 else 0
    return general(value, 3 + nines)


def settings_text(settings: Mapping[str, Any], named: bool = True) -> str:
    """The hyperparameters of a trial; `named` says whether the learning rate is named where it stands alone.

    >>> settings_text({"lr": 0.0562, "momentum": 0.9}), settings_text({"lr": 0.1}, named=False)
    ('lr 0.0562, momentum 0.9', '0.1')
    """
    if not named and list(settings) == ["lr"]:
        return setting(settings["lr"])
    return ", ".join(f"{name} {setting(value)}" for name, value in settings.items())


MANY = 6
"""The most names that a sentence lists; the others are counted."""


def list_en(names: Sequence[str], last_but_one: str = "and") -> str:
    """Names in an English sentence.

    >>> list_en(["SGD"]), list_en(["SGD", "Adam", "Lion"]), list_en(list("abcdefgh"))
    ('SGD', 'SGD, Adam and Lion', 'a, b, c, d, e and 3 others')
    """
    *most, last = names
    if len(names) > MANY:
        most, last = most[: MANY - 1], f"{len(names) - MANY + 1} others"
    return f"{', '.join(most)} {last_but_one} {last}" if most else last


def list_zh(names: Sequence[str], between: str = "、") -> str:
    """Names in a Chinese sentence.

    >>> list_zh(["SGD", "Adam"]), list_zh(list("abcdefgh"))
    ('SGD、Adam', 'a、b、c、d、e等 8 个')
    """
    return between.join(names) if len(names) <= MANY else f"{between.join(names[: MANY - 1])}等 {len(names)} 个"
