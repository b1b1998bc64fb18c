"""Whether a finding's advice helps: pairs of short trainings, and what the interval of their gains says."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from ...base.errors import InvalidValue, one_line
from ...findings.catalogue import TRYING, Finding
from ...statistics.intervals import bootstrap_interval
from ..record import Record
from ..target import Target
from .arms import Held, left_alone, on_batches, on_validation, run, seed_all, untouched
from .recording import MOST_BATCHES, Batch, OwnBatch, Recording
from .remedies import REMEDIES, SEEN, Case, Remedy, Setup, Untried
from .result import Proof, Start, Trial, Verdict

if TYPE_CHECKING:
    from ..finding import Diagnosis

__all__ = ["LEAST_BATCHES", "Patient", "gain_between", "prove", "verdict_of"]

LEAST_BATCHES = 4
"""The fewest batches of which each pair can leave one out."""

LEARNT = 0.01
"""Share of the first loss below which a loss counts as learnt: how far below makes no difference."""

SCREENING = 10_000
"""Where the seeds of the first runs begin, in which one of several remedies is chosen: the pairs have others."""

Loss = Callable[[nn.Module, Any], Tensor]


@dataclass
class Patient:
    """A training of which an advice can be tried.

    Attributes:
        target: what is trained.
        record: what was seen of it.
        recording: what was kept of it.
        validation: computes the loss on held-out data.
        alone: whether the model runs in one process, unsharded.
    """

    target: Target
    record: Record
    recording: Recording
    validation: Callable[[], Any] | None = None
    alone: bool = True


def prove(
    patient: Patient | None,
    unseen: Sequence[Finding],
    finding: "Diagnosis",
    batches: Iterable[Any] | None = None,
    loss: Loss | None = None,
    pairs: int = 5,
    steps: int = 100,
    tell: Callable[[int, int], object] | None = None,
) -> Proof:
    """Try a finding's advice, see `Doctor.prove`.

    Args:
        patient: the training; None of a copy of a doctor.
        unseen: what the doctor cannot see in it.
        finding: the finding.
        batches, loss, pairs, steps, tell: as of `Doctor.prove`.

    Raises:
        InvalidValue: `pairs` or `steps` are too few, or only one of `batches` and `loss` was passed.
    """
    for name, value, least in (("pairs", pairs, 4), ("steps", steps, 10)):
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise InvalidValue(f"{name}: must be a whole number of at least {least}, got {value!r}")
    if (batches is None) != (loss is None):
        raise InvalidValue("batches, loss: pass both of them, or none")
    blind = {each.code for each in unseen}
    try:
        if patient is None:
            raise Untried("copied")
        if not patient.alone:
            raise Untried("shards")
        if blind & {"unseen_optimizer", "unseen_closure"}:
            raise Untried("optimizer")
        with untouched(patient.target.device):
            own = [] if batches is None or loss is None else _own(batches, loss)
            return _tried(patient, finding, own or list(patient.recording.batches), pairs, steps, tell)
    except Untried as cannot:
        return Proof(finding.code, "untried", numbers=cannot.numbers)
    except Exception as error:  # whatever a user's module, loss or optimizer raises
        return Proof(finding.code, "untried", numbers={"untried": "error", "error": one_line(error)})


def _own(batches: Iterable[Any], loss: Loss) -> list[Batch]:
    return [OwnBatch(loss, batch) for batch in islice(batches, MOST_BATCHES)]


def _tried(
    patient: Patient, finding: "Diagnosis", batches: list[Batch], pairs: int, steps: int,
    tell: Callable[[int, int], object] | None,
) -> Proof:  # fmt: skip
    make = REMEDIES.get(finding.code)
    remedies = make(Case(finding.numbers, patient.record, batches)) if make is not None else []
    if not remedies:
        raise Untried("by_hand")
    _check(patient, batches)
    starts = remedies[0].starts
    if patient.recording.initial is None:
        starts = tuple(start for start in starts if start == "now")
        if not starts:
            raise Untried("no_start", size=patient.recording.state_size / 1e6)
    if finding.code in SEEN and patient.validation is None:
        starts = tuple(start for start in starts if start == "start")
        if not starts:
            raise Untried("validation")
    if not all(bool(param.isfinite().all()) for param in patient.target.model.parameters()):
        starts = tuple(start for start in starts if start == "start")
        if not starts:
            raise Untried("lost")
    bench = Bench(patient, batches, pairs, steps, tell)
    bench.total = 2 * pairs * len(starts) + len(remedies) * (len(remedies) > 1)
    chosen = bench.best(remedies, starts[0]) if len(remedies) > 1 else remedies[0]
    confidence = 1 - (1 - TRYING.confidence) / len(starts)
    trials = tuple(bench.trial(chosen, start, confidence) for start in starts)
    return Proof(finding.code, _together(trials), chosen.phrase, dict(chosen.numbers), trials)


def _check(patient: Patient, batches: list[Batch]) -> None:
    several = len(patient.target.optimizers) > 1 and patient.recording.backwards > 1
    if not patient.target.optimizers or several:
        raise Untried("optimizer")
    if len(batches) < LEAST_BATCHES:
        if patient.recording.incomplete > len(batches):
            raise Untried("loss")
        raise Untried("few_batches", count=len(batches), least=LEAST_BATCHES)


@dataclass
class Bench:
    """Runs of one finding's trials, counted for whoever waits.

    Attributes:
        total: the number of runs that there will be.
    """

    patient: Patient
    batches: Sequence[Batch]
    pairs: int
    steps: int
    tell: Callable[[int, int], object] | None
    total: int = 0
    _made: int = field(default=0, init=False)

    def setup(self, start: Start) -> Setup:
        """A copy with things left alone."""
        patient = self.patient
        return left_alone(patient.target, patient.recording, patient.record, start, self.batches[0])

    def advised(self, remedy: Remedy, start: Start, seed: int) -> Setup:
        """A copy that follows a remedy; what the remedy draws comes from the seed."""
        setup = self.setup(start)
        seed_all(seed)
        remedy.change(setup)
        return setup

    def run(self, setup: Setup, seed: int, held: Held | None = None) -> tuple[list[float], float]:
        """Train on all batches but a fold of them, in an order that the seed decides, and judge on that fold."""
        folds = min(self.pairs, len(self.batches))
        left_out = [batch for place, batch in enumerate(self.batches) if place % folds == seed % folds]
        others = [batch for place, batch in enumerate(self.batches) if place % folds != seed % folds]
        generator = torch.Generator().manual_seed(seed)
        rounds = -(-self.steps * setup.backwards // len(others))
        order = [others[place] for _ in range(rounds) for place in torch.randperm(len(others), generator=generator)]
        made = run(setup, order, held or on_batches(left_out), self.steps, seed)
        self._made += 1
        if self.tell is not None:
            self.tell(self._made, self.total)
        return made

    def best(self, remedies: Sequence[Remedy], start: Start) -> Remedy:
        """The remedy that ends lowest in one run each; those that cannot be carried out are left out."""
        ends, cannot = [], None
        for remedy in remedies:
            try:
                _, end = self.run(self.advised(remedy, start, SCREENING), SCREENING)
                ends.append((end if math.isfinite(end) else math.inf, remedy))
            except Untried as reason:
                cannot = reason
        if not ends and cannot is not None:
            raise cannot
        return min(ends, key=lambda pair: pair[0])[1]

    def trial(self, remedy: Remedy, start: Start, confidence: float) -> Trial:
        """Pairs of runs, and what the interval of their gains says."""
        patient, held = self.patient, None
        if patient.validation is not None and _fits(self.advised(remedy, start, 0), patient.target.model):
            held = on_validation(patient.target.model, patient.target.device, patient.validation)
        sides: tuple[list[Any], list[Any]] = [], []
        for seed in range(self.pairs):
            alone = self.setup(start)
            alone.read = remedy.read
            sides[0].append(self.run(alone, seed, held))
            sides[1].append(self.run(self.advised(remedy, start, seed), seed, held))
        alone_ends, advised_ends = ([end for _, end in side] for side in sides)
        firsts = [min(alone[0], advised[0]) for (alone, _), (advised, _) in zip(*sides, strict=True)]
        gains = [gain_between(*pair) for pair in zip(alone_ends, advised_ends, firsts, strict=True)]
        interval = bootstrap_interval(gains, confidence)
        low, high = max(interval.low, -1.0), min(interval.high, 1.0)
        return Trial(
            start, 0 if start == "start" else patient.record.steps,
            "recorded" if held is None else "validation",
            [losses for losses, _ in sides[0]], [losses for losses, _ in sides[1]], alone_ends, advised_ends,
            gains, interval.mean, low, high, confidence, verdict_of(interval.mean, low, high),
        )  # fmt: skip


def _fits(setup: Setup, model: nn.Module) -> bool:
    """Whether the model can compute with the tensors of a setup, so that held-out data says something of it."""
    kinds = [type(module) for module in setup.model.modules()] == [type(module) for module in model.modules()]
    return kinds and setup.inputs is None and setup.outputs is None


def gain_between(alone: float, advised: float, first: float = 0.0) -> float:
    """The gain of a pair, as `Trial` defines it, whose lower first loss is `first`.

    >>> gain_between(2.0, 0.5), gain_between(0.5, 2.0), gain_between(float("nan"), 0.5), gain_between(1e-5, 0.0, 1.0)
    (0.75, -0.75, 1.0, 0.001)
    """
    if not (math.isfinite(alone) and math.isfinite(advised)):
        return float(math.isfinite(advised)) - float(math.isfinite(alone))
    larger = max(abs(alone), abs(advised), LEARNT * abs(first) if math.isfinite(first) else 0.0)
    return max(-1.0, min(1.0, (alone - advised) / larger)) if larger else 0.0


def verdict_of(gain: float, low: float, high: float) -> Verdict:
    """What an interval of gains says: they are there, they are not, or neither is sure.

    >>> verdict_of(0.5, 0.3, 0.7), verdict_of(0.0, -0.01, 0.01), verdict_of(0.1, -0.2, 0.4)
    ('proved', 'refuted', 'open')
    """
    if low > 0 and gain >= TRYING.gain:
        return "proved"
    return "refuted" if high < TRYING.gain else "open"


def _together(trials: Sequence[Trial]) -> Verdict:
    verdicts = [trial.verdict for trial in trials]
    if "proved" in verdicts:
        return "proved"
    return "refuted" if all(verdict == "refuted" for verdict in verdicts) else "open"
