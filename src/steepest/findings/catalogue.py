"""The catalogue of findings: a code with numbers becomes a status and sentences in English and Chinese."""

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from types import SimpleNamespace
from typing import Any

from ..base.checks import check_language
from ..base.display import Displayed
from ..base.numbers import general, percent, point
from ..base.status import Status
from ..base.translation import in_chinese, joined_parts

__all__ = [
    "ALARMS", "CATALOGUE", "DIAGNOSES", "LESSONS", "LIMITS", "PROOFS", "TRAINING", "TRYING", "Finding", "phrase",
]  # fmt: skip


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((files(__package__) / name).read_text(encoding="utf-8"))


CATALOGUE = _read("catalogue.toml")
"""`thresholds`, `findings` and `phrases` of paths and runs, as `catalogue.toml` describes them."""

DIAGNOSES = _read("training.toml")
"""The same of what can be found in a training, in the order of precedence."""

ALARMS: dict[str, Any] = json.loads((files(__package__) / "alarms.json").read_text(encoding="utf-8"))
"""How often each of them was told in trainings without a mistake, as `python -m benchmarks.doctor healthy` measured."""

for _code, _entry in DIAGNOSES["findings"].items():
    if "title" in _entry and ALARMS["trainings"]:
        _entry["alarms"] = [ALARMS["told"].get(_code, 0), ALARMS["trainings"]]

PROOFS = _read("proofs.toml")
"""The same of what came of trying the advice of such a finding."""

LESSONS = _read("lessons.toml")
"""By code of these, what a page tells of it beside its sentence: its meaning, and which picture shows it."""

LIMITS = SimpleNamespace(**CATALOGUE["thresholds"])
TRAINING = SimpleNamespace(**DIAGNOSES["thresholds"])
TRYING = SimpleNamespace(**PROOFS["thresholds"])

ENTRIES: dict[str, dict[str, Any]] = CATALOGUE["findings"] | DIAGNOSES["findings"] | PROOFS["findings"]
PHRASES: dict[str, Any] = CATALOGUE["phrases"] | DIAGNOSES["phrases"] | PROOFS["phrases"]

FIELD = re.compile(r"\{(\w+)(?:\[(\w+)\])?(?::(\w+|%))?\}")
SEMICOLON = {"en": "; ", "zh": "；"}
SPACE = re.compile(r" (?=[，；：。（）]|$)")
"""A space that Chinese does not have: numbers stand apart from characters, not from punctuation."""


@dataclass(frozen=True)
class Finding(Displayed):
    """What was found on a path or in a run, as a code of the catalogue and the numbers of its sentence.

    Attributes:
        code: the key in the catalogue.
        numbers: numbers, points and words by name.

    >>> found = Finding("rises", {"step": 3, "value": 5.6e6})
    >>> found.status, found.step, found.happened("zh")
    (<Status.DIVERGED: 'diverged'>, 3, '发散：从第 3 步起函数值一直上升，到 5.6e+06')
    >>> print(found)
    diverged: the value rises from step 3 on, to 5.6e+06; try a smaller learning rate
    """

    code: str
    numbers: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        former = ENTRIES.get(self.code, {}).get("former", {})
        if not former.keys() <= self.numbers.keys():
            object.__setattr__(self, "numbers", former | dict(self.numbers))

    @classmethod
    def from_json(cls, text: str) -> "Finding":
        """The finding that `to_json` wrote; a point comes back as a list."""
        return cls(**json.loads(text))

    def to_json(self) -> str:
        """Code and numbers as a text that `from_json` reads back."""
        return json.dumps({"code": self.code, "numbers": dict(self.numbers)})

    @property
    def status(self) -> Status:
        """How a path or run ended; of an explanation, which is no end, `Status.FINISHED`."""
        return Status[self._entry.get("status", "FINISHED")]

    @property
    def step(self) -> int | None:
        """The step at which it ended; None for the last one."""
        return self.numbers.get("step")

    @property
    def message(self) -> str:
        """The English text."""
        return self.text()

    @property
    def _entry(self) -> dict[str, Any]:
        return ENTRIES[self.code]

    def text(self, lang: str = "en") -> str:
        """What happened and, after a semicolon, what to try.

        Raises:
            InvalidValue: `lang` is neither `"en"` nor `"zh"`.
        """
        check_language(lang)
        return SEMICOLON[lang].join(filter(None, (self.happened(lang), self.advice(lang))))

    def happened(self, lang: str = "en") -> str:
        """What happened, without advice."""
        return _written(self._entry[lang], self.numbers, lang)

    def advice(self, lang: str = "en") -> str:
        """What to try; empty where there is nothing to try.

        An entry whose advice is another learning rate says by `unrated` what else there is, for rules without one.
        """
        kind = "unrated" if self.numbers.get("unrated") and "unrated" in self._entry else "advice"
        return _written(self._entry.get(kind, {}).get(lang, ""), self.numbers, lang)

    def __str__(self) -> str:
        return self.text()


def _written(template: str, numbers: Mapping[str, Any], lang: str) -> str:
    text = _filled(template, numbers, lang)
    return SPACE.sub("", text) if lang == "zh" else text


def _filled(template: str, numbers: Mapping[str, Any], lang: str) -> str:
    """A template of the catalogue with its fields replaced."""

    def fill(match: re.Match[str]) -> str:
        name, key, form = match.groups()
        if key is not None:
            return _filled(phrase(name, numbers[key], lang), numbers, lang)
        value = numbers[name]
        if isinstance(value, list):
            template = phrase(str(form), "each", lang)
            return phrase(str(form), "joined", lang).join(_filled(template, entry, lang) for entry in value)
        return in_chinese(value) if lang == "zh" and isinstance(value, str) else _shown(value, form)

    if lang == "en":
        return FIELD.sub(fill, template)
    parts, end = [], 0
    for match in FIELD.finditer(template):
        parts += [template[end : match.start()], fill(match)]
        end = match.end()
    return joined_parts([*parts, template[end:]])


def phrase(name: str, variant: Any, lang: str = "en") -> str:
    """The text of a variant of a phrase of the catalogue.

    >>> phrase("basin", "escaped", "zh")
    '逃逸'
    """
    text: str = PHRASES[name][str(variant).lower()][lang]
    return text


def _shown(value: Any, form: str | None) -> str:
    if isinstance(value, str):
        return value
    if form == "d":
        return str(value)
    if form == "%":
        return percent(value)
    digits = 4 if form is None else int(form)
    return point(value, digits) if isinstance(value, tuple) else general(value, digits)
