"""The doctor beside runs of `steepest.training`: one by itself, or many that train as one."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from functools import wraps
from time import perf_counter
from typing import Any

import torch
from torch import Tensor

from ..training.population import Population
from ..training.trainer import Trainer
from .doctor import Doctor
from .finding import Diagnosis, ranked
from .parameters import scale_free
from .record import LayerFacts, Record, StepFacts, Tick
from .roots import noting_roots
from .schedule import Schedule
from .signs import settle, signs_of
from .target import unwrapped_optimizer

__all__ = ["BUDGET", "Beside", "BesideMany"]

BUDGET = 0.05
"""Share of a run's time that observing takes."""


FETCHED = 512
"""Steps after which the losses of a population are fetched from its device."""


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
    def findings(self) -> list[Diagnosis]:
        """What is wrong with the run, the worst first."""
        return self._doctor.findings if self._doctor is not None else []

    @contextmanager
    def watching(self, trainer: Trainer) -> Iterator[None]:
        """Watch the steps that the trainer makes within this context."""
        optimizer: Any = trainer.optimizer
        own, step = vars(optimizer).get("step"), optimizer.step
        watched = trainer.session.model, [unwrapped_optimizer(optimizer)], self._budget, None, None, None
        with noting_roots() as root, Doctor(*watched, keep=0, steps=trainer.updates) as doctor:
            self._doctor = doctor

            @wraps(step)
            def stepping(*args: Any, **kwargs: Any) -> Any:
                returned = step(*args, **kwargs)
                doctor.step(root())
                return returned

            optimizer.step = stepping  # a hook that stayed would take our optimizers' shorter way from them
            try:
                yield
            finally:
                del optimizer.step
                if own is not None:
                    optimizer.step = own


class BesideMany:
    """The signs of each run of a population, as the `observer` of `train_many`.

    Runs are functions of stacked weights there, which no hook sees: outputs, targets and modes are not looked at.
    Losses, gradients, steps and the gain of a step are, for all runs at once.

    Args:
        budget: share of the population's time.
    """

    def __init__(self, budget: float = BUDGET) -> None:
        self._records: list[Record] = []
        self._schedule = Schedule(budget)
        self._losses: list[tuple[list[int], Tensor]] = []
        self._before: dict[str, Tensor] | None = None

    @property
    def seconds(self) -> float:
        """Time that it has taken so far."""
        return self._schedule.spent

    def findings(self, index: int) -> list[Diagnosis]:
        """What is wrong with one run of the population, the worst first."""
        self._flush()
        record = self._records[index]
        return ranked(signs_of(record, {}) | record.proved)

    def before(self, population: Population, step: int) -> None:
        """Before a step of all runs, whose gradients are there."""
        if not self._records:
            self._schedule.steps = population.trainers[0].updates
            self._records = [Record(scale_free=scale_free([trainer.optimizer])) for trainer in population.trainers]
        self._started = perf_counter()
        due = self._schedule.due(step)
        self._before = {name: stack.clone() for name, stack in population.weights().items()} if due else None

    def after(self, population: Population, step: int, batches: Any, losses: Tensor) -> None:
        """After it, with the losses before it."""
        self._losses.append((list(population.members), losses))
        if len(self._losses) >= FETCHED:
            self._flush()
        if self._before is not None:
            self._look(population, step, batches, losses, self._before)
            self._before = None
            self._schedule.observed(step, perf_counter() - self._started)

    def _look(self, population: Population, step: int, batches: Any, losses: Tensor, before: dict[str, Tensor]) -> None:
        gradients = population.gradients()
        names = [name for name in before if name in gradients]
        after = population.weights()
        flat = [[_rows(each[name]) for name in names] for each in (before, gradients, after)]
        changes = [new - old for old, new in zip(flat[0], flat[2], strict=True)]
        norms = torch.stack(
            [torch.stack([rows.norm(dim=1) for rows in kind]) for kind in (flat[0], flat[1], changes)]
        ).tolist()
        descent = torch.zeros_like(losses)
        for change, gradient in zip(changes, flat[1], strict=True):
            descent -= (change * gradient).sum(dim=1)
        gains = ((losses - population.losses(batches)) / descent).tolist()
        for place, index in enumerate(population.members):
            if index not in population.alive:
                continue
            layers = [
                LayerFacts(name, rows.shape[1], *(norms[kind][layer][place] for kind in range(3)))
                for layer, (name, rows) in enumerate(zip(names, flat[0], strict=True))
            ]
            update = StepFacts(layers, descent=float(descent[place]))
            update.finite = all(math.isfinite(layer.gradient) for layer in layers)
            gain = gains[place] if update.finite and update.descent > 0 else math.nan
            record = self._records[index]
            record.observe(Tick(step, backwards=1, update=update, gain=gain))
            groups = population.trainers[index].optimizer.param_groups
            rates = [float(group["lr"]) for group in groups if isinstance(group.get("lr"), int | float)]
            known = record.rates or [(rate, rate, rate) for rate in rates]
            record.rates = [
                (first, max(high, rate), rate) for (first, high, _), rate in zip(known, rates, strict=False)
            ]

    def _flush(self) -> None:
        """Losses of all steps, handed to the record of each run."""
        for members, losses in self._losses:
            for index, loss in zip(members, losses.tolist(), strict=True):
                record = self._records[index]
                if "nan" not in record.proved:
                    record.losses.append(loss)
                    if record.losses.is_full:
                        settle(record)
                    if not math.isfinite(loss):
                        step = record.steps - 1
                        ratio = record.growth(step)
                        record.prove("nan", step=step, cause="growth" if ratio > 3 else "loss", ratio=ratio)
        self._losses.clear()


def _rows(stack: Tensor) -> Tensor:
    return stack.detach().flatten(1).float()
