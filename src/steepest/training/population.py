"""Many runs of one problem trained as one: their weights are stacked, and a step of all is a few large operations.

A small network spends its time on calls, not on arithmetic: sixty-four of them that make a step together need a third
of the time that they need one after the other. Runs may differ in rule, rate, schedule and seed; they have batch size
and number of steps in common, and a session that offers itself as functions (`Session.functional`).

Every run begins as it does by itself: the same seeds, weights, batches, initial loss and fingerprint, to the last bit.
Its weights then become a slice of the stack, its gradients too, and its own optimizer steps them, whatever the rule is.
What differs is how the sums within a product of matrices are rounded, in the last bits of a gradient.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.utils._pytree import tree_flatten, tree_unflatten

from ..base.errors import InvalidValue
from ..optim.external import evaluating
from ..optim.replay import Replay
from ..rules import Rule
from ..workloads import Problem
from ..workloads.seeding import seeded
from .chains import Chain, chain_or_stacked
from .grid import grid
from .loop import Record, Run
from .stacked import Stacked, tensors_of
from .trainer import Trainer

__all__ = ["Member", "Population", "PopulationObserver", "train_many"]

Applied = Chain | Stacked

MEASURED = 2
"""Held-out data that are measured at once, relative to those of a step: without gradients they take half the memory."""

LARGEST = 16
"""Held-out data, relative to those of a run's step, above which runs are measured one by one, in the session's own way.
However many runs there are, since what is measured must not depend on that."""

SPARSE = 0.75
"""Share of a population's runs that still train, below which those that ended are taken out of the stack."""


@dataclass(frozen=True)
class Member:
    """One run of a population, as `train` takes it.

    Attributes:
        rule: the optimizer.
        seed: of all random numbers of the run.
        schedule: of the learning rate over the steps, by name.
    """

    rule: Rule
    seed: int
    schedule: str = "constant"


class PopulationObserver(Protocol):
    """What looks at a population without changing it."""

    @property
    def seconds(self) -> float:
        """Time that it has taken so far: it is no time of the runs'."""

    def before(self, population: "Population", step: int) -> None:
        """Called before each step, counted from 0, once the gradients are there."""

    def after(self, population: "Population", step: int, batches: Any, losses: Tensor) -> None:
        """Called after it, with its batches and the losses before it, of all `members`."""


def train_many(
    problem: Problem,
    members: Sequence[Member],
    steps: int | None = None,
    batch_size: int | None = None,
    device: "torch.device | str" = "cpu",
    until: int | None = None,
    observer: PopulationObserver | None = None,
) -> list[Run]:
    """Train many fresh sessions of a problem as one, and measure each on the way; the same runs as those of `train`.

    The same to rounding: losses at the first measurement agree to 1e-5 of themselves in float32, and later ones as
    closely as the training itself keeps two runs together that began so close. The time of a step is divided among the
    runs that make it.

    Args:
        problem: what to train; its session must be `functional`, and pass `sizes.obstacle`.
        members: the runs.
        steps: number of updates; default: the problem's.
        batch_size: examples a step; default (or 0): the problem's.
        device: where to train.
        until: a step after which the runs end, as in `train`.
        observer: looks at the runs; the time that it takes is left out of theirs.

    Returns:
        A `Run` for each member.

    Raises:
        InvalidValue: the session offers no functions.

    >>> from steepest import workloads
    >>> from steepest.rules import SGD
    >>> runs = train_many(workloads.find("digits"), [Member(SGD(lr=lr), seed=1) for lr in (0.1, 0.5)], steps=20)
    >>> [run.outcome.code for run in runs]
    ['target_missed', 'target_missed']
    """
    steps = problem.steps if steps is None else steps
    trainers, records = [], []
    for member in members:
        with seeded(member.seed, device):
            trainers.append(Trainer(problem, member.rule, member.seed, steps, batch_size, member.schedule, device))
            records.append(Record(trainers[-1]))
    population = Population(trainers, [member.seed for member in members], observer)
    step, seconds = 0, [0.0] * len(members)
    for goal in grid(steps):
        alive = list(population.alive)
        started, before = perf_counter(), observer.seconds if observer is not None else 0.0
        train_losses = population.advance(goal - step)
        taken = observer.seconds - before if observer is not None else 0.0
        share = (perf_counter() - started - taken) / len(alive)
        step = goal
        for index, train_loss, measured in zip(alive, train_losses, population.measure(), strict=True):
            seconds[index] += share
            if not records[index].add(step, train_loss, *measured, seconds[index]):
                population.end(index)
        if not population.alive or (until is not None and step >= until):
            break
    return [record.run() for record in records]


class Population:
    """Trainers that make their steps together.

    Args:
        trainers: fresh ones, of one problem, with the same batch size.
        seeds: of each; those of one seed have the same batches.
        observer: looks at each step.

    Attributes:
        trainers: all of them.
        alive: the indices of the trainers that make steps.
        members: the indices of those in the stack, a row each; some may have ended.
        batches: gives the batches of a step, with a row for each run.

    Raises:
        InvalidValue: the session offers no functions.
    """

    def __init__(
        self, trainers: Sequence[Trainer], seeds: Sequence[int], observer: PopulationObserver | None = None
    ) -> None:
        self.observer = observer
        self.trainers, self._problem = trainers, trainers[0].problem
        offers = {seed: trainer.session.functional() for seed, trainer in zip(seeds, trainers, strict=True)}
        functions = [offer for offer in offers.values() if offer is not None]
        if not functions:
            raise InvalidValue(f"{self._problem.name}: its session has no `functional()`, which a population needs")
        self._model = trainers[0].session.model
        first = functions[0]
        self._loss = chain_or_stacked(self._model, first.loss, first.criteria, "loss")
        self._measure: Applied | None = None
        if first.measure is not None:
            self._measure = chain_or_stacked(self._model, first.measure, first.criteria, "")
        numbers = {seed: number for number, seed in enumerate(offers)}
        self._numbers = [numbers[seed] for seed in seeds]
        self.batches = _Batches([offer.batches for offer in functions], self._numbers)
        self._held_out = _Spread([offer.held_out for offer in functions])
        self._made = 0
        self.alive = list(range(len(trainers)))
        self._stack()

    def _stack(self) -> None:
        """Move the weights and buffers of those who are alive into one stack for each name."""
        self.members = list(self.alive)
        models = [tensors_of(self.trainers[index].session.model) for index in self.members]
        self._stacks = {name: torch.stack([model[name].detach() for model in models]) for name in models[0]}
        self._trained = [name for name, own in models[0].items() if own.requires_grad]
        self._params = [[model[name] for name in self._trained] for model in models]
        self._grads = [torch.zeros_like(self._stacks[name]) for name in self._trained]
        self._used = [False] * len(self._trained)
        for name, stack in self._stacks.items():
            for model, own in zip(models, stack, strict=True):
                model[name].data = own
            stack.requires_grad_(name in self._trained)
        self._replays: list[Replay | None] = [None] * len(self.members)
        self._sources = self.batches.sources = [self._numbers[index] for index in self.members]

    def end(self, index: int) -> None:
        """Take out a run, which makes no more steps."""
        self.alive.remove(index)

    def advance(self, count: int) -> list[float]:
        """Make `count` steps of all runs that are alive, and return the mean of each one's training losses."""
        if len(self.alive) < SPARSE * len(self.members):
            self._stack()
        places = [self.members.index(index) for index in self.alive]
        losses = [self._step(places) for _ in range(count)]
        means = (torch.stack(losses).sum(dim=0) / count).tolist()
        return [means[place] for place in places]

    def _step(self, places: Sequence[int]) -> Tensor:
        batches = next(self.batches)
        losses = self.differentiate(batches)
        if self.observer is not None:
            self.observer.before(self, self._made)
        with torch.no_grad():
            for place in places:
                self._update(place, self.trainers[self.members[place]])
        if self.observer is not None:
            self.observer.after(self, self._made, batches, losses)
        self._made += 1
        return losses

    def differentiate(self, batches: Any) -> Tensor:
        """The losses on batches, of which each run has a row; their gradients are then those of the parameters."""
        losses: Tensor = self._loss(self._stacks, batches)
        leaves = [self._stacks[name] for name in self._trained]
        self._take(torch.autograd.grad(losses.sum(), leaves, allow_unused=True))
        return losses.detach()

    def weights(self) -> dict[str, Tensor]:
        """The trained parameters by name, a row for each of `members`; steps change them in place."""
        return {name: self._stacks[name].detach() for name in self._trained}

    def gradients(self) -> dict[str, Tensor]:
        """The gradients of those that the loss uses, as `weights`."""
        return {name: grad for name, grad, used in zip(self._trained, self._grads, self._used, strict=True) if used}

    @torch.no_grad()
    def losses(self, batches: Any) -> Tensor:
        """The losses on batches, with nothing changed."""
        kept = {name: stack if name in self._trained else stack.clone() for name, stack in self._stacks.items()}
        losses: Tensor = self._loss(kept, batches)
        return losses

    def _take(self, grads: Sequence[Tensor | None]) -> None:
        """Put gradients where those of the last step were; a parameter that the loss does not use has None."""
        used = [grad is not None for grad in grads]
        if used != self._used:
            self._used, self._replays = used, [None] * len(self.members)
            for place, params in enumerate(self._params):
                for param, stack, is_used in zip(params, self._grads, used, strict=True):
                    param.grad = stack[place] if is_used else None
        for stack, grad in zip(self._grads, grads, strict=True):
            if grad is not None:
                stack.copy_(grad)

    def _update(self, place: int, trainer: Trainer) -> None:
        changed, replay = trainer.set_rates(self._made), self._replays[place]
        if replay is None or not replay.step(changed):
            trainer.optimizer.step()
            self._replays[place] = Replay.of(trainer.optimizer)

    def measure(self) -> list[tuple[float, float]]:
        """Loss and metric of all runs that are alive, at their weights to evaluate."""
        if self._measure is not None and self._held_out.size <= LARGEST * self.batches.size:
            with suppress(Exception):  # such as a metric that looks at values; what else is wrong is told below
                return self._measure_together(self._measure)
        self._measure = None
        return [self.trainers[index].measure() for index in self.alive]

    @torch.no_grad()
    def _measure_together(self, function: Applied) -> list[tuple[float, float]]:
        """In pieces that take no more memory than a training step does."""
        count = len(self.members)
        piece = max(1, int(MEASURED * count * self.batches.size / max(1, self._held_out.size)))
        numbers: dict[str, list[float]] = {}
        with ExitStack() as stack:
            for index in self.alive:
                stack.enter_context(evaluating(self.trainers[index].optimizer))
            self._model.eval()
            stack.callback(self._model.train)
            for first in range(0, count, piece):
                rows = slice(first, first + piece)
                stacks = {name: own[rows] for name, own in self._stacks.items()}
                found = function(stacks, self._held_out.of(self._sources[rows]))
                for name, values in found.items():
                    numbers.setdefault(name, []).extend(values.tolist())
        rows_by_index = {index: place for place, index in enumerate(self.members)}
        return [
            self._problem.read_measure({name: values[rows_by_index[index]] for name, values in numbers.items()})
            for index in self.alive
        ]


class _Spread:
    """Data of several sources, spread to the rows of a stack: each run has a copy of its source's.

    A copy, because products of matrices of one run round the same then, whoever else is in the population.

    Attributes:
        size: numbers of one run.
    """

    def __init__(self, data: Sequence[Any]) -> None:
        flat = [tree_flatten(own) for own in data]
        self._leaves, self._spec = [leaves for leaves, _ in flat], flat[0][1]
        self._same = all(a is b for leaves in self._leaves for a, b in zip(leaves, self._leaves[0], strict=True))
        self.size = sum(leaf.numel() for leaf in self._leaves[0])
        self._last: tuple[object, Any] = None, None

    def of(self, sources: Sequence[int]) -> Any:
        """The data with a row for each of these numbers of a source; those of the last call if they are the same."""
        key = len(sources) if self._same else tuple(sources)
        if key != self._last[0]:
            self._last = (
                key,
                tree_unflatten([self._rows(place, sources) for place in range(len(self._leaves[0]))], self._spec),
            )
        return self._last[1]

    def _rows(self, place: int, sources: Sequence[int]) -> Tensor:
        if self._same:
            leaf: Tensor = self._leaves[0][place]
            return leaf.expand(len(sources), *leaf.shape).contiguous()
        return torch.stack([self._leaves[source][place] for source in sources])

    def is_of(self, data: Sequence[Any]) -> bool:
        """Whether these are the same objects."""
        flat = [tree_flatten(own)[0] for own in data]
        return all(
            a is b for one, other in zip(flat, self._leaves, strict=True) for a, b in zip(one, other, strict=False)
        )


class _Batches:
    """The batches of several seeds, with a row for each run.

    Attributes:
        size: numbers in the last one, of one run.
    """

    def __init__(self, iterators: Sequence[Iterator[Any]], sources: Sequence[int]) -> None:
        self._iterators, self.sources = iterators, sources
        self._last: _Spread | None = None

    @property
    def size(self) -> int:
        return self._last.size if self._last else 1

    def __next__(self) -> Any:
        data = [next(iterator) for iterator in self._iterators]
        if self._last is None or not self._last.is_of(data):  # the whole set each time, if that is a batch
            self._last = _Spread(data)
        return self._last.of(self.sources)
