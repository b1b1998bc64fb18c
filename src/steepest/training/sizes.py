"""How many runs of a problem are best trained as one: whether a population gives the same, and whether it is faster."""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from time import perf_counter, thread_time
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..base.modules import last_words
from ..rules import SGD, Rule
from ..workloads import Problem
from ..workloads.seeding import random_state, seeded
from ..workloads.stepping import needs_closure
from .population import Population
from .trainer import Trainer

if TYPE_CHECKING:
    from ..workloads import Session

__all__ = ["SIZES", "best_size", "draws", "obstacle", "population_size"]

SIZES = (4, 16, 64)
"""Numbers of runs that are tried, in this order: more as long as that makes a run cheaper."""

PAYS = 0.75
"""The time of a run in a population, relative to a run by itself, above which it is trained by itself."""

BETTER = 0.9
"""The time of a run in a larger population, relative to the smaller one, above which the smaller is large enough."""

HOPELESS, ENOUGH = 0.02, 0.1
"""Seconds of a step of a population above which a larger one is not tried where this one does not pay, since then calls
are no large share of it; and seconds of steps that are measured, if these are fewer than 15."""

LONGEST = 60.0
"""Seconds of a population above which a larger one is not tried: its runs are stored when all have ended."""

STEPS = 3
"""Steps that are compared."""

TOLERANCE = 1000
"""Largest difference of a loss, or of a gradient relative to its largest number, in units of rounding."""


def population_size(
    problem: Problem, rule: Rule, batch_size: int | None = None, choice: str = "auto",
    device: "torch.device | str" = "cpu", steps: int | None = None,
) -> int:  # fmt: skip
    """How many runs of an optimizer train as one; 0: each trains by itself.

    Args:
        problem: what is trained.
        rule: the optimizer, at any of its settings.
        batch_size: examples a step; default (or 0): the problem's.
        choice: "auto": as many as train fastest, if that pays; "on": also where it does not.
        device: where to train.
        steps: of a run; default: the problem's.
    """
    if _obstacle(problem, batch_size, str(device)) or draws(problem, rule, batch_size, device):
        return 0
    size = _best_size(problem, batch_size, str(device), steps)
    return size or (SIZES[1] if choice == "on" else 0)


@cache  # of a problem, once in a process
def _obstacle(problem: Problem, batch_size: int | None, device: str) -> str:
    return obstacle(problem, batch_size, device)


@cache
def _best_size(problem: Problem, batch_size: int | None, device: str, steps: int | None) -> int:
    return best_size(problem, batch_size, device, steps)


def obstacle(problem: Problem, batch_size: int | None = None, device: "torch.device | str" = "cpu") -> str:
    """Why a population does not train a problem as run by run does; empty: it does.

    Two runs make their first steps both ways; losses, gradients and buffers must agree to rounding, and nothing may be
    drawn.

    Args:
        problem: what is trained.
        batch_size: examples a step; default (or 0): the problem's.
        device: where to train.
    """
    try:
        return _difference(problem, batch_size, device)
    except (Exception, SystemExit) as error:  # code of the user's that cannot be called on many runs at once
        return last_words(error)


def _difference(problem: Problem, batch_size: int | None, device: "torch.device | str") -> str:
    seeds, trainers = (0, 1), []
    with seeded(0, device):
        for seed in (*seeds, *seeds):
            with seeded(seed, device):
                trainers.append(Trainer(problem, SGD(lr=0.01), seed, STEPS, batch_size, "constant", device))
        alone, stacked = trainers[:2], trainers[2:]
        if any(trainer.session.functional() is None for trainer in stacked):
            return "the session has no `functional()`"
        population, agree = Population(stacked, seeds), True
        for _ in range(STEPS):
            losses = [trainer.advance(1) for trainer in alone]
            together = population.advance(1)
            pairs = [(torch.tensor(losses), torch.tensor(together))]
            for one, other in zip(alone, stacked, strict=True):
                pairs += _tensors(one.session, other.session)
            agree = agree and all(_agree(a, b) for a, b in pairs)
        batches = next(population.batches)
        before = random_state(device)
        population.differentiate(batches)
        if _drawn(before, device):
            return "the loss draws random numbers"
    return "" if agree else "losses or gradients differ"


def _tensors(one: "Session", other: "Session") -> Iterator[tuple[Tensor, Tensor]]:
    """Gradients and buffers of two sessions, in pairs; a missing gradient is no tensor."""
    empty = torch.zeros(0)
    for a, b in zip(one.model.parameters(), other.model.parameters(), strict=True):
        yield empty if a.grad is None else a.grad, empty if b.grad is None else b.grad
    yield from zip(one.model.buffers(), other.model.buffers(), strict=True)


def _agree(one: Tensor, other: Tensor) -> bool:
    if one.shape != other.shape:
        return False
    if not one.is_floating_point():
        return torch.equal(one, other)
    scale = float(one.abs().max()) if one.numel() else 0.0
    return torch.allclose(one, other, rtol=0.0, atol=TOLERANCE * torch.finfo(one.dtype).eps * scale)


def draws(problem: Problem, rule: Rule, batch_size: int | None = None, device: "torch.device | str" = "cpu") -> bool:
    """Whether the steps of an optimizer draw random numbers, which runs of a population would draw from one stream.

    An optimizer that needs a closure computes its gradients itself, and does not fit in there either.
    """
    with seeded(0, device):
        trainer = Trainer(problem, rule, 0, STEPS, batch_size, "constant", device)
        if needs_closure(trainer.optimizer):
            return True
        trainer.advance(1)
        before = random_state(device)
        trainer.optimizer.step()
        return _drawn(before, device)


def best_size(
    problem: Problem, batch_size: int | None = None, device: "torch.device | str" = "cpu", steps: int | None = None
) -> int:
    """The number of runs that train fastest as one, by steps of SGD; 0 where that does not pay.

    Measured in a fraction of a second for a small problem.

    Args:
        problem, batch_size, device: as for `obstacle`.
        steps: of a run; default: the problem's. Where a population would take long, a smaller one must do.
    """
    steps = problem.steps if steps is None else steps
    with seeded(0, device):
        alone = _seconds(_trainers(problem, batch_size, 1, device)[0].advance)
        best, size = PAYS * alone, 0
        for count in SIZES:
            trainers = _trainers(problem, batch_size, count, device)
            seconds = _seconds(Population(trainers, [index % 2 for index in range(count)]).advance) / count
            if seconds < best * (BETTER if size else 1):
                best, size = seconds, count
                if seconds * count * steps > LONGEST:
                    break
            elif size or seconds * count > HOPELESS:
                break
    return size


def _trainers(problem: Problem, batch_size: int | None, count: int, device: "torch.device | str") -> list[Trainer]:
    """Of two seeds, as the trials of two searches are."""
    made = []
    for index in range(count):
        with seeded(index % 2, device):
            made.append(Trainer(problem, SGD(lr=0.01), index % 2, problem.steps, batch_size, "constant", device))
    return made


def _seconds(advance: Callable[[int], object]) -> float:
    """Seconds of a step: the least of a few blocks of them, since other programs only lengthen it."""
    clock = thread_time if torch.get_num_threads() == 1 else perf_counter
    advance(1)
    times: list[float] = []
    while len(times) < 5 and sum(times) < ENOUGH:
        started = clock()
        advance(3)
        times.append((clock() - started) / 3)
    return min(times)


def _drawn(before: Sequence[object], device: "torch.device | str") -> bool:
    """Whether the generators' states have changed."""
    after = random_state(device)
    return any(not _equal(a, b) for a, b in zip(before, after, strict=True))


def _equal(one: object, other: object) -> bool:
    return torch.equal(one, other) if isinstance(one, Tensor) and isinstance(other, Tensor) else one == other
