"""The stations: a file each in `stations/`, with its words in English and Chinese and its figure.

A file of `stations/` (TOML; its name is `<row>-<place>-<id>.toml`) has

- `title`, `question`, `told`: texts, each `[English, Chinese]`; a line of `told` is a paragraph,
  and `*words*` are emphasized;
- `fixed`: pieces of texts that have digits and are definitions, such as `"x² + 2y²"`;
- `[guess]`, `[figure]`, `[[formulas]]`, `[[mistakes]]`, `[exercise]`: as `parts/station.js` and `parts/guess.js` of
  the page take them. A formula's `latex` becomes `math`, in which pieces named by `names` are filled in by the page.

A number in a text is a field such as `{end:.3f}`, of the numbers that `numbers/` computes for the station. A text
that is nothing but a field, such as `"{end}"` in `answer`, becomes the number itself.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from ..program.mathml import mathml
from .numbers import NUMBERS, Number

__all__ = ["STATIONS", "Station", "stations_as_data"]

FIELD = re.compile(r"\{(\w+)\}")
TIED = re.compile(" = | (?=%)|/(?=√)")
"""Where no line ends: "x = 3", "7 %", "1/√t"."""


@dataclass(frozen=True)
class Station:
    """A station of the lecture.

    Attributes:
        id: its name in links.
        row: of the lecture.
        facts: its file.
    """

    id: str
    row: int
    facts: Mapping[str, Any]

    def numbers(self) -> dict[str, Number]:
        """The numbers in its words, by name, computed by steepest's rules on its figure's settings."""
        compute = NUMBERS.get(self.id)
        return compute(self.facts) if compute else {}

    def as_data(self) -> dict[str, Any]:
        """The station as the page takes it: every field filled in, every formula as MathML."""
        numbers = self.numbers()
        facts = {name: value for name, value in self.facts.items() if name != "fixed"}
        data: dict[str, Any] = {"id": self.id} | filled(facts, numbers)
        for formula in data.get("formulas", ()):
            if "latex" in formula:
                formula["math"] = mathml(formula.pop("latex"), formula.pop("names", {}))
        return data


def filled(value: Any, numbers: Mapping[str, Number]) -> Any:
    """A value of a file with its fields filled in; LaTeX stays as it is."""
    if isinstance(value, dict):
        return {name: part if name in ("latex", "names") else filled(part, numbers) for name, part in value.items()}
    if isinstance(value, list):
        return [filled(part, numbers) for part in value]
    if isinstance(value, str):
        if match := FIELD.fullmatch(value):
            return numbers[match[1]]
        return written(value, numbers)
    return value


def written(text: str, numbers: Mapping[str, Number]) -> str:
    """A text with numbers in place of its fields; a negative number has a true minus sign; no line ends in a term.

    >>> written("at {end:.3f}", {"end": -0.27385})
    'at −0.274'
    """
    pieces = re.split(r"(\{[^{}]*\})", text)
    filled_in = "".join(
        piece.format_map(numbers).replace("-", "−") if piece.startswith("{") else piece for piece in pieces
    )
    return TIED.sub(
        lambda match: match[0].replace(" ", "\N{NO-BREAK SPACE}").replace("/", "/\N{WORD JOINER}"), filled_in
    )


@cache
def _read() -> tuple[Station, ...]:
    found = []
    for file in sorted((files(__package__) / "stations").iterdir(), key=lambda file: file.name):
        if file.name.endswith(".toml"):
            row, _, name = file.name.removesuffix(".toml").split("-", 2)
            facts = tomllib.loads(file.read_text(encoding="utf-8"))
            found.append(Station(name, int(row), {"row": int(row)} | facts))
    return tuple(found)


STATIONS = _read()
"""In the order in which they are shown."""


@cache
def stations_as_data() -> list[dict[str, Any]]:
    """All stations for the page, computed once: networks are trained for their numbers."""
    return [station.as_data() for station in STATIONS]
