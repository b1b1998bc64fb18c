"""Beside runs that train as one."""

import math
from collections.abc import Sequence
from itertools import groupby
from time import perf_counter
from typing import Any

import torch
from torch import Tensor

from ...training.population import Population
from ..finding import Diagnosis, ranked
from ..parameters import scale_free
from ..record import LayerFacts, Record, StepFacts, Tick
from ..schedule import Schedule
from ..signs import signs_of
from .notes import Notes
from .run import BUDGET

__all__ = ["BesideMany"]

FETCHED = 512
"""Steps after which the losses of a population are fetched from its device."""


class BesideMany:
    """The signs of each run of a population, as the `observer` of `train_many`.

    Runs are functions of stacked weights there, which no hook sees: outputs, targets and modes are not looked at.
    Losses, gradients, steps and the gain of a step are, for all runs at once.

    Args:
        looks: for each run the record of the first look at its contestant (`first_look`); without them what can only be
            seen there is not known.
        budget: share of the population's time.
    """

    def __init__(self, looks: Sequence[Record] | None = None, budget: float = BUDGET) -> None:
        self._looks = looks
        self._notes: list[Notes] = []
        self._schedule = Schedule(budget)
        self._losses: list[tuple[list[int], Tensor]] = []
        self._before: dict[str, Tensor] | None = None

    @property
    def seconds(self) -> float:
        """Time that it has taken so far."""
        return self._schedule.spent

    def record(self, index: int) -> Record:
        """What was seen of one run of the population."""
        self._flush()
        record = self._notes[index].record
        self._notes[index].read_rates(record.steps)
        return record

    def findings(self, index: int) -> list[Diagnosis]:
        """What is wrong with one run of the population, the worst first."""
        record = self.record(index)
        return ranked(signs_of(record, {}) | record.proved)

    def before(self, population: Population, step: int) -> None:
        """Before a step of all runs, whose gradients are there."""
        if not self._notes:
            self._schedule.steps = population.trainers[0].updates
            optimizers = [trainer.optimizer for trainer in population.trainers]
            records = (
                [look.another() for look in self._looks]
                if self._looks is not None
                else [Record(scale_free=scale_free([optimizer])) for optimizer in optimizers]
            )
            self._notes = [Notes(*pair) for pair in zip(records, optimizers, strict=True)]
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
            self._notes[index].record.observe(Tick(step, backwards=1, update=update, gain=gain))
            self._notes[index].read_rates(step + 1)

    def _flush(self) -> None:
        """Losses of all steps, handed to the record of each run."""
        stretches = groupby(self._losses, key=lambda pair: pair[0])
        for members, pairs in stretches:
            rows = torch.stack([losses for _, losses in pairs], 1).tolist()
            for index, row in zip(members, rows, strict=True):
                self._notes[index].add(row)
        self._losses.clear()


def _rows(stack: Tensor) -> Tensor:
    return stack.detach().flatten(1).float()
