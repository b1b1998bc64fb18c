"""A finding of the doctor: a code of `findings/training.toml` with its numbers."""

from dataclasses import dataclass
from typing import Any

from ..base.checks import check_language
from ..findings.catalogue import DIAGNOSES, Finding

__all__ = ["ORDER", "Diagnosis", "add_once", "ranked"]

ORDER = {code: place for place, code in enumerate(DIAGNOSES["findings"])}
"""The precedence of each code."""


@dataclass(frozen=True)
class Diagnosis(Finding):
    """What is wrong with a training, as a code of the catalogue and the numbers of its sentence.

    >>> found = Diagnosis("zero_grad", {"step": 1})
    >>> found.certain, found.first_step, found.advice()
    (True, 1, 'call optimizer.zero_grad() once for each optimizer.step()')
    >>> found.happened("zh")
    '各步之间没有清零梯度：第 1 步时上一步的梯度仍在，新的梯度被加了上去'
    """

    def title(self, lang: str = "en") -> str:
        """What is wrong in a few words, for a heading or a count: `"learning rate too high"`.

        Raises:
            InvalidValue: `lang` is neither `"en"` nor `"zh"`.
        """
        check_language(lang)
        return str(self._entry["title"][lang])

    @property
    def certain(self) -> bool:
        """Whether it is proved exactly; else it is a sign that may err."""
        return bool(self._entry.get("certain", False))

    @property
    def false_alarms(self) -> tuple[int, int] | None:
        """In how many of how many trainings without a mistake it was told, as measured; None if it was not measured.

        These are small trainings of many kinds at learning rates from a third of the best to three times it.
        """
        alarms = self._entry.get("alarms")
        return (int(alarms[0]), int(alarms[1])) if alarms else None

    @property
    def first_step(self) -> int:
        """The step at which it was first so, counted from 0."""
        return int(self.numbers.get("step", 0))


def ranked(found: dict[str, dict[str, object]]) -> list[Diagnosis]:
    """Findings by code as a list, the worst first, without those that another one of them explains."""
    kept = []
    for code, numbers in sorted(found.items(), key=lambda entry: ORDER[entry[0]]):
        reasons = DIAGNOSES["findings"][code].get("unless", [])
        explained = found.keys() - {code} if "*" in reasons else found.keys() & set(reasons)
        if not explained:
            kept.append(Diagnosis(code, numbers))
    return kept


def add_once(findings: list[Finding], code: str, **numbers: Any) -> None:
    """Add a finding to a list, unless there is one with the same code and the same `name` among its numbers."""
    if all((each.code, each.numbers.get("name")) != (code, numbers.get("name")) for each in findings):
        findings.append(Finding(code, numbers))
