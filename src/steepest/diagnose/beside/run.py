"""The doctor beside a run of any kind, whose every step it sees."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from ...training.trainer import Trainer
from ..doctor import Doctor
from ..finding import Diagnosis
from ..record import Record
from ..roots import noting_roots
from ..target import unwrapped_optimizer

__all__ = ["BUDGET", "Beside"]

BUDGET = 0.05
"""Share of a run's time that observing takes."""


class Beside:
    """A doctor beside one run, as the `observer` of `train`: a step is one of its optimizer.

    >>> from steepest import workloads
    >>> from steepest.rules import SGD
    >>> from steepest.training import train
    >>> beside = Beside()
    >>> run = train(workloads.find("digits"), SGD(lr=30.0), seed=1, steps=40, observer=beside)
    >>> beside.findings[0].title()
    'learning rate too high'
    """

    def __init__(self, budget: float = BUDGET) -> None:
        self._budget = budget
        self._doctor: Doctor | None = None

    @property
    def seconds(self) -> float:
        """Time that it has taken so far."""
        return self._doctor.seconds if self._doctor is not None else 0.0

    @property
    def record(self) -> Record:
        """What was seen."""
        return self._doctor.record if self._doctor is not None else Record()

    @property
    def findings(self) -> list[Diagnosis]:
        """What is wrong with the run, the worst first."""
        return self._doctor.findings if self._doctor is not None else []

    @contextmanager
    def watching(self, trainer: Trainer) -> Iterator[None]:
        """Watch the steps that the trainer makes within this context."""
        optimizer: Any = trainer.optimizer
        own, step = vars(optimizer).get("step"), optimizer.step
        watched = trainer.session.model, [unwrapped_optimizer(optimizer)], self._budget, None, None, None
        with noting_roots() as roots, Doctor(*watched, keep=0, steps=trainer.updates) as doctor:
            self._doctor = doctor

            @wraps(step)
            def stepping(*args: Any, **kwargs: Any) -> Any:
                returned = step(*args, **kwargs)
                doctor.step(next(reversed(roots()), None))
                return returned

            optimizer.step = stepping  # a hook that stayed would take our optimizers' shorter way from them
            try:
                yield
            finally:
                del optimizer.step
                if own is not None:
                    optimizer.step = own
