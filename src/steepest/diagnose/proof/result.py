"""What came of trying a finding's advice: a verdict with its trials, as plain numbers."""

from dataclasses import dataclass, field
from typing import Any, Literal

from ...findings.catalogue import Finding

__all__ = ["Proof", "Start", "Trial", "Verdict"]

Start = Literal["start", "now"]
Verdict = Literal["proved", "refuted", "open", "untried"]


@dataclass(frozen=True)
class Trial:
    r"""Pairs of short runs from one state, each pair on the same batches with the same random numbers.

    In each pair one run leaves things alone and the other one follows the advice. Both end with a learning rate that
    falls to 0. Their gain is

    $$\frac{L_\mathrm{alone} - L_\mathrm{advised}}
           {\max(|L_\mathrm{alone}|, |L_\mathrm{advised}|, |L_\mathrm{first}| / 100)}$$

    a share of the larger loss: above 0 where the advice lowers it; 1 or -1 where only one of the two is finite. A loss
    below a hundredth of the first one, the lower of both, counts as learnt.

    Attributes:
        start: whether the runs begin with the initial state, or with that of now.
        step: the step of the training whose state they begin with.
        judged: what the losses at the end are from: recorded batches that were left out of the pair, or the user's
            function for held-out data.
        alone, advised: the loss of each training step, a list a pair; NaN where it was not finite.
        alone_ends, advised_ends: the loss by which a pair is judged, a number a pair; not finite after divergence.
        gains: the gain of each pair.
        gain, low, high: mean gain and its interval.
        confidence: of the interval.
        verdict: what the interval says.
    """

    start: Start
    step: int
    judged: Literal["recorded", "validation"]
    alone: list[list[float]]
    advised: list[list[float]]
    alone_ends: list[float]
    advised_ends: list[float]
    gains: list[float]
    gain: float
    low: float
    high: float
    confidence: float
    verdict: Verdict


@dataclass(frozen=True)
class Proof:
    """Whether a finding's advice helps, from running it.

    Attributes:
        code: the code of the finding whose advice was tried.
        verdict: `"proved"`: it helps, from the start or from now on; `"refuted"`: it does not, neither way; `"open"`:
            the trials cannot tell; `"untried"`: it could not be run.
        remedy: what was done, a variant of the phrase `remedy` of the catalogue; empty if untried.
        numbers: numbers of that phrase, such as the factor of the learning rate; if untried, the reason by name.
        trials: from the start, from now on, or both.

    >>> proof = Proof("shape", "untried", numbers={"untried": "by_hand"})
    >>> print(proof)
    not tried: this advice changes code that a copy of model and optimizer does not have
    """

    code: str
    verdict: Verdict
    remedy: str = ""
    numbers: dict[str, Any] = field(default_factory=dict)
    trials: tuple[Trial, ...] = ()

    @property
    def finding(self) -> Finding:
        """The verdict as a code of the catalogue with the numbers of its sentence."""
        entries = [
            {
                "begun": trial.start, "judged": trial.judged, "gain": trial.gain, "low": trial.low, "high": trial.high,
                "confidence": trial.confidence, "pairs": len(trial.gains), "steps": len(trial.advised[0]),
                "alone": middle(trial.alone_ends), "advised": middle(trial.advised_ends),
            }
            for trial in self.trials
        ]  # fmt: skip
        return Finding(self.verdict, self.numbers | {"remedy": self.remedy, "trials": entries})

    def text(self, lang: str = "en") -> str:
        """The verdict, what was done, and what came of it.

        Raises:
            InvalidValue: `lang` is neither `"en"` nor `"zh"`.
        """
        return self.finding.text(lang)

    def __str__(self) -> str:
        return self.text()


def middle(losses: list[float]) -> float:
    """The median, with losses that are not finite at the upper end."""
    ordered = sorted(losses, key=lambda loss: loss if loss == loss else float("inf"))
    return ordered[len(ordered) // 2]
