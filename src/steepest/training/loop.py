"""One run: a problem trained by one rule from one seed, measured on a fixed grid of steps."""

import math
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Protocol

from ..findings.catalogue import Finding
from ..rules import Rule
from ..workloads import Problem
from ..workloads.seeding import seeded
from .curve import Point
from .fingerprint import fingerprint
from .grid import grid
from .outcome import outcome_of
from .trainer import Trainer

if TYPE_CHECKING:
    import torch

__all__ = ["Observer", "Record", "Run", "train"]


class Observer(Protocol):
    """What looks at a run without changing it."""

    @property
    def seconds(self) -> float:
        """Time that it has taken between two steps so far: it is no time of the run's."""

    def watching(self, trainer: Trainer) -> AbstractContextManager[object]:
        """The context in which the trainer makes all of its steps."""


@dataclass
class Run:
    """The result of a run: its curve, how it ended, and a fingerprint of the problem that it solved.

    The fingerprint is a hash of the data, of the initial weights and of the initial loss, to the last bit.
    """

    outcome: Finding
    curve: list[Point] = field(default_factory=list)
    steps_to_target: float = math.inf
    fingerprint: str = ""

    @property
    def seconds_a_step(self) -> float:
        """Mean time of one update, measuring excluded."""
        last = self.curve[-1]
        return last.seconds / last.step if last.step else math.nan


class Record:
    """What a run has shown so far, from its first measurement on; the trainer has made no step yet."""

    def __init__(self, trainer: Trainer) -> None:
        loss, metric = trainer.measure()
        self._reached, self._steps_to_target = trainer.problem.reached, math.inf
        self._curve = [Point(0, loss, loss, metric, 0.0)]
        self._fingerprint = fingerprint(trainer.session, loss)

    def add(self, step: int, train_loss: float, loss: float, metric: float, seconds: float) -> bool:
        """Add a measurement; whether the run goes on, which it does as long as its losses are finite."""
        self._curve.append(Point(step, train_loss, loss, metric, seconds))
        if not (math.isfinite(loss) and math.isfinite(train_loss)):
            return False
        if self._reached(metric) and math.isinf(self._steps_to_target):
            self._steps_to_target = step
        return True

    def run(self) -> Run:
        """The run, which has ended."""
        outcome = outcome_of(self._curve, self._steps_to_target)
        return Run(outcome, self._curve, self._steps_to_target, self._fingerprint)


def train(
    problem: Problem,
    rule: Rule,
    seed: int,
    steps: int | None = None,
    batch_size: int | None = None,
    schedule: str = "constant",
    device: "torch.device | str" = "cpu",
    until: int | None = None,
    observer: Observer | None = None,
) -> Run:
    """Train a fresh session of a problem by a rule, and measure it on the way.

    The seed decides the initial weights, the order of the examples and all other random numbers of the session while it
    trains, for every rule, so runs of one seed are paired. (The global generators of torch, NumPy and Python are seeded
    for the run and afterwards as they were.) What a measurement draws has a seed of its own.

    Args:
        problem: what to train.
        rule: the optimizer.
        seed: of all random numbers of the run.
        steps: number of updates; default: the problem's.
        batch_size: examples a step; default (or 0): the problem's.
        schedule: of the learning rate over the steps, by name.
        device: where to train.
        until: a step after which the run ends, at its next measurement; what it has done is the beginning of the whole
            run. Default: all steps.
        observer: looks at the run; the time that it takes is left out of the run's.

    Returns:
        A `Run`. One that diverges ends early and says so.

    Raises:
        InvalidValue: a batch size for a problem that has none, or a session that returns invalid losses or measures.
    """
    steps = problem.steps if steps is None else steps
    with seeded(seed, device):
        trainer = Trainer(problem, rule, seed, steps, batch_size, schedule, device)
        record, step, seconds = Record(trainer), 0, 0.0
        with observer.watching(trainer) if observer is not None else nullcontext():
            for goal in grid(steps):
                started, before = perf_counter(), observer.seconds if observer is not None else 0.0
                train_loss = trainer.advance(goal - step)
                trainer.synchronize()
                seconds += perf_counter() - started
                seconds -= observer.seconds - before if observer is not None else 0.0
                step = goal
                goes_on = record.add(step, train_loss, *trainer.measure(), seconds)
                if not goes_on or (until is not None and step >= until):
                    break
    return record.run()
