"""The grammar of a searched setting: intervals, exact values, and the condition under which it is searched.

| text | meaning |
| --- | --- |
| `1e-4:1` | an interval; on a log scale where it is above 0, else on a plain one |
| `0.5:0.9 linear`, `0.5:0.9 log` | the scale said |
| `1-0.5:1-1e-3` | from 0.5 to 0.999, on a log scale of the distance to 1 |
| `16,32,64`, `true,false`, `constant,cosine` | exact values, with equal shares of the trials |
| `1e-5:1 or 0` | an interval or an exact value: every part has an equal share, here a half |
| `0:0.2 if schedule=cosine,constant` | searched where another setting has one of these values, else at its default |
| `true,false if momentum!=0` | searched where it has none of them |
"""

import ast
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..base.errors import InvalidValue
from ..base.spec import split
from ..statistics.ranges import Scale, Span, from_scale

__all__ = ["Condition", "Dimension", "Part", "Value", "checked", "read_dimension", "same", "value_in"]

Value = float | bool | str | tuple[float, ...] | None
"""A setting's value: a number, a switch, a name, several numbers, or nothing."""

DIGITS = 3
"""Significant digits of a point: few, so that a setting can be typed again exactly."""

WORDS: Mapping[str, Value] = {"true": True, "false": False, "none": None}

NAME = re.compile(r"[A-Za-z_][\w+]*(\([^()]*\))?")
"""A value that is a name, or a schedule with its settings."""

NO_NUMBER = re.compile(r"[+-]?(nan|inf|infinity)", re.IGNORECASE)
NOT_FINITE = "{} is no finite number; leave it out"

WRONG = "write it as low:high, for example 1e-4:1, or as values, 16,32,64, or both, 1e-5:1 or 0"

NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
FROM_ONE = re.compile(rf"1\s*-\s*({NUMBER})")
SCALES: Mapping[str, Scale] = {"log": "log", "linear": "linear"}


@dataclass(frozen=True)
class Condition:
    """Another setting that must have (or, unless `equal`, must not have) one of these values."""

    name: str
    values: tuple[Value, ...]
    equal: bool = True

    def holds(self, value: Value) -> bool:
        """Whether it holds where the other setting has this value."""
        return any(same(value, own) for own in self.values) == self.equal

    def __str__(self) -> str:
        return f"{self.name}{'=' if self.equal else '!='}{','.join(map(_written, self.values))}"


Part = Span | Value


@dataclass(frozen=True)
class Dimension:
    """What is searched for one setting; its text in the grammar is `str`.

    Attributes:
        parts: intervals and exact values; each has an equal share of the trials.
        condition: when it is searched; None: always.

    >>> dimension = read_dimension("1e-5:1 or 0 if schedule=cosine")
    >>> str(dimension), dimension.at(0.25, whole=False), dimension.at(0.75, whole=False)
    ('1e-05:1.0 or 0 if schedule=cosine', 0.00316, 0)
    """

    parts: tuple[Part, ...]
    condition: Condition | None = None

    def __str__(self) -> str:
        separator = " or " if self.spans else ","
        condition = f" if {self.condition}" if self.condition else ""
        return separator.join(map(_written, self.parts)) + condition

    @property
    def spans(self) -> list[Span]:
        """The intervals."""
        return [part for part in self.parts if isinstance(part, Span)]

    @property
    def values(self) -> list[Value]:
        """The exact values."""
        return [part for part in self.parts if not isinstance(part, Span)]

    @property
    def is_plain(self) -> bool:
        """Whether it is one interval on its usual scale, which a plan stores as two numbers."""
        return self.condition is None and len(self.parts) == 1 and bool(self.spans) and not self.spans[0].scale

    def part_at(self, position: float) -> tuple[Part, float]:
        """The part at a position in [0, 1), and the position within it."""
        index = min(int(position * len(self.parts)), len(self.parts) - 1)
        return self.parts[index], position * len(self.parts) - index

    def at(self, position: float, whole: bool) -> Value:
        """The value at a position in [0, 1), rounded to three digits; `whole`: to a whole number."""
        part, inside = self.part_at(position)
        return value_in(part, inside, whole) if isinstance(part, Span) else part

    def holds(self, value: Value) -> bool:
        """Whether a value is one that a trial may have; ends and their rounding included."""
        return any(same(value, own) for own in self.values) or any(
            isinstance(value, int | float) and not isinstance(value, bool) and _holds(span, value)
            for span in self.spans
        )


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal, and a switch no number."""
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _holds(span: Span, value: float) -> bool:
    slack = 0.5 * (span.low == math.floor(span.low) and value == math.floor(value))  # rounded to a whole number
    return span.low - slack <= value <= span.high + slack


def value_in(span: Span, position: float, whole: bool) -> float:
    """The inverse of `steepest.statistics.ranges.position`, rounded."""
    value = min(max(from_scale(position, span), span.low), span.high)  # powers and logarithms round at the ends
    if whole:
        return round(value)
    if span.scale == "near one":
        rounded = round(1 - float(f"{1 - value:.{DIGITS}g}"), 15)
    else:
        rounded = float(f"{value:.{DIGITS}g}")
    return rounded if span.low <= rounded <= span.high else value  # a momentum of 0.9996 is not 1


# --- text -------------------------------------------------------------------------------------------------------------


def read_dimension(text: str) -> Dimension:
    """A text of the grammar as data.

    Raises:
        InvalidValue: it is not of the grammar, or its ends are not in order.

    >>> read_dimension("1-0.5:1-1e-3").spans
    [Span(low=0.5, high=0.999, scale='near one')]
    """
    body, condition = _divided(text.strip())
    parts = tuple(_part(part) for whole in re.split(r"\s+or\s+", body) for part in split(whole))
    if not parts or re.search(r"(^|,)\s*(,|$)", body):
        raise InvalidValue(WRONG)
    for index, part in enumerate(parts):
        if not isinstance(part, Span) and any(same(part, earlier) for earlier in parts[:index]):
            raise InvalidValue(f"has {_written(part)} twice; leave out one")
    if sum(isinstance(part, Span) for part in parts) > 1:
        raise InvalidValue("has two intervals; write one, and values behind it")
    if len(parts) == 1 and not isinstance(parts[0], Span) and condition is None:
        raise InvalidValue("is one value, which needs no search; give it in the rule, adam(lr=0.1), or by its option")
    return Dimension(parts, condition)


def _divided(text: str) -> tuple[str, Condition | None]:
    """What stands before and behind `if`."""
    body, marked, condition = text.partition(" if ")
    if not marked:
        return text, None
    written = re.fullmatch(r"\s*([\w.]+)\s*(!?=)\s*(.+)", condition)
    if written is None or " if " in condition:
        raise InvalidValue("write the condition as NAME=VALUE or NAME!=VALUE, for example if momentum!=0")
    name, sign, values = written.groups()
    return body, Condition(name, tuple(_value(value) for value in split(values)), sign == "=")


def _part(text: str) -> Part:
    scale: Scale = ""
    head, _, word = text.strip().rpartition(" ")
    if word in SCALES and head:
        text, scale = head, SCALES[word]
    low, colon, high = text.partition(":")
    if not colon:
        if scale:
            raise InvalidValue(WRONG)
        return _value(text)
    ends = [_end(end.strip()) for end in (low, high)]
    if any(near for _, near in ends):
        if scale:
            raise InvalidValue(f"1-x is a scale of its own; leave out {scale}")
        return checked(Span(min(ends)[0], max(ends)[0], "near one"))
    return checked(Span(ends[0][0], ends[1][0], scale))


def checked(span: Span) -> Span:
    """The interval; raises `InvalidValue` where its ends are not in order or do not fit its scale."""
    low, high, scale = span
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise InvalidValue(f"low must be less than high and both finite, got {low:g}:{high:g}")
    if low > 0 and not math.isfinite(high / low):
        raise InvalidValue(f"{low:g}:{high:g} is too wide; write for example 1e-6:{high:g}")
    if scale == "log" and low <= 0:
        raise InvalidValue(
            f"{low:g}:{high:g} cannot be on a log scale; begin above 0, or add 0 as a value: 1e-6:{high:g} or 0"
        )
    if scale == "near one" and high >= 1:
        raise InvalidValue(f"{low:g}:{high:g} must stay below 1 on the scale of 1-x; write for example 1-0.5:1-1e-3")
    return span


def _end(text: str) -> tuple[float, bool]:
    """A number, and whether it is written as 1-x."""
    near = FROM_ONE.fullmatch(text)
    if near:
        return round(1 - float(near[1]), 15), True
    try:
        return float(text), False
    except ValueError:
        raise InvalidValue(WRONG) from None


def _value(text: str) -> Value:
    text = text.strip()
    if text.lower() in WORDS:
        return WORDS[text.lower()]
    if near := FROM_ONE.fullmatch(text):
        return round(1 - float(near[1]), 15)
    if NO_NUMBER.fullmatch(text):
        raise InvalidValue(NOT_FINITE.format(text))
    if NAME.fullmatch(text):
        return text
    try:
        value = ast.literal_eval(text)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        raise InvalidValue(WRONG) from None
    numbers = value if isinstance(value, tuple) and value else (value,)
    if any(isinstance(number, bool) or not isinstance(number, int | float) for number in numbers):
        raise InvalidValue(WRONG)
    if not all(map(math.isfinite, numbers)):
        raise InvalidValue(NOT_FINITE.format(text))
    return tuple(map(float, value)) if isinstance(value, tuple) else value


def _written(part: Part) -> str:
    if isinstance(part, Span):
        low, high, scale = part
        if scale == "near one":
            return f"1-{round(1 - low, 15)!r}:1-{round(1 - high, 15)!r}"
        return f"{low!r}:{high!r}" + f" {scale}" * bool(scale)
    if isinstance(part, bool) or part is None:
        return str(part).lower()
    return part if isinstance(part, str) else repr(part)
