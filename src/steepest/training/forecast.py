"""How long runs will take, from a few steps of each: before a study is planned for a budget of time."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import torch

from ..rules import Rule
from ..workloads import Problem
from ..workloads.seeding import seeded
from .grid import grid
from .trainer import Trainer

__all__ = ["Forecast", "forecasts", "one_thread"]

BLOCK = 0.02
"""Seconds of a block of steps that is timed."""

BLOCKS = 3
"""Blocks; the middle one counts."""


@dataclass(frozen=True)
class Forecast:
    """Seconds that the parts of a run take.

    Attributes:
        begin: what comes before the first step: weights, and data of its own.
        step: one step.
        measure: one evaluation.

    >>> round(Forecast(begin=1.0, step=0.01, measure=0.1).run(100), 6), len(grid(100))
    (7.9, 58)
    """

    begin: float
    step: float
    measure: float

    def run(self, steps: int, until: int | None = None) -> float:
        """Seconds of a run of `steps`, or of its beginning, to the first measurement at or after `until`."""
        points = [point for point in grid(steps) if until is None or point < until]
        made = steps if until is None else next(point for point in grid(steps) if point >= until)
        return self.begin + made * self.step + (len(points) + 1 + (until is not None)) * self.measure


def forecasts(
    problem: Problem, contestants: Sequence[tuple[Rule, int, str, int]], device: torch.device | str = "cpu"
) -> list[Forecast]:
    """Time the parts of a run of each contestant, on one thread as in a study; takes some tenths of a second each.

    Args:
        problem: what is trained.
        contestants: rule, batch size (0: the problem's own), schedule and number of steps of each.
        device: where to train.

    Returns:
        One forecast each.
    """
    found = []
    with seeded(0, device), one_thread():
        problem.begin(0, device)  # data are read or made once in a process
        for rule, size, schedule, steps in contestants:
            started = time.perf_counter()
            trainer = Trainer(problem, rule, 0, steps, size, schedule, device)
            begin = time.perf_counter() - started
            trainer.spend(1)  # loads and compiles
            trainer.measure()
            period = trainer.whole_periods(1)
            block = _seconds(trainer, partial(trainer.spend, period))
            count = trainer.whole_periods(min(BLOCK / max(block, 1e-6), steps // BLOCKS))
            step = _seconds(trainer, partial(trainer.spend, count))
            found.append(Forecast(begin, step, _seconds(trainer, trainer.measure)))
    return found


def _seconds(trainer: Trainer, act: Callable[[], object]) -> float:
    """The middle time of a call, or of each step that it makes, in a few calls, the device's work included."""
    seconds = []
    for _ in range(BLOCKS):
        started, begun = time.perf_counter(), trainer.spent
        act()
        trainer.synchronize()
        seconds.append((time.perf_counter() - started) / max(1, trainer.spent - begun))
    return sorted(seconds)[BLOCKS // 2]


@contextmanager
def one_thread() -> Iterator[None]:
    """One core a run: faster than two on one small model, and the same result for any number of jobs."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
