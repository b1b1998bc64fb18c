"""Where the time of a training step goes: getting the batch, the model's forward and backward pass, the optimizer."""

import math
import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any, NamedTuple

import torch

from ..rules import Rule
from ..workloads import Problem
from ..workloads.seeding import seeded
from .timing import StepTimes
from .trainer import Trainer

__all__ = ["StepParts", "step_parts"]

BLOCK = 0.02
"""Seconds of a block of steps: several times what putting an epoch's batches in order takes."""

ROUNDS = 3
"""Blocks of each contestant: shares are shown to a percent, so fewer than for the time of a step."""


class StepParts(NamedTuple):
    """Seconds a step.

    Attributes:
        data: of getting batches; NaN where the session does not say (it has no `next_batch`): then they are part of
            `model`.
        model: of all the rest: forward and backward pass, clipping, accumulation.
        optimizer: of `optimizer.step`, without the closure that it may call.
    """

    data: float
    model: float
    optimizer: float


def step_parts(
    problem: Problem, contestants: Sequence[tuple[Rule, int, str]], times: StepTimes, rounds: int = ROUNDS,
    block: float = BLOCK, device: torch.device | str = "cpu",
) -> list[list[StepParts]]:  # fmt: skip
    """The parts of a training step of several rules on one problem, measured in turns.

    This is a pass of its own: a device is waited for around each part, so that steps take longer than they would.

    Args:
        problem, contestants, rounds, block, device: as for `steepest.training.step_times`.
        times: of whole steps: for the number of steps in a block, and the clock.

    Returns:
        For each contestant, the parts in each round.
    """
    with seeded(0, device):
        watches = [
            _Stopwatch(Trainer(problem, rule, 0, problem.steps, size, schedule, device), times.clock)
            for rule, size, schedule in contestants
        ]
        seconds = [max(1e-6, median(own)) for own in times.seconds]
        counts = [watch.trainer.whole_periods(block / each) for watch, each in zip(watches, seconds, strict=True)]
        for watch in watches:  # the first step loads and compiles
            watch.time(1)
        made: list[list[StepParts]] = [[] for _ in watches]
        for _ in range(rounds):
            for watch, count, parts in zip(watches, counts, made, strict=True):
                parts.append(watch.time(count))
    return made


class _Stopwatch:
    """A trainer whose batches and whose optimizer's steps are timed."""

    def __init__(self, trainer: Trainer, clock: str) -> None:
        self.trainer = trainer
        self._clock = time.thread_time if clock == "thread" else time.perf_counter
        self._seconds = {"data": 0.0, "optimizer": 0.0}
        session, optimizer = trainer.session, trainer.optimizer
        self._tells_data = session.next_batch is not None
        if session.next_batch is not None:
            session.next_batch = self._timed("data", session.next_batch)
        self._step = self._timed("optimizer", optimizer.step)
        optimizer.step = self._stepping  # type: ignore[method-assign]

    def time(self, count: int) -> StepParts:
        """Make at least so many steps, and return the seconds of one."""
        self._seconds = dict.fromkeys(self._seconds, 0.0)
        begun = self._now()
        made = self.trainer.spend(count)
        whole = self._now() - begun
        data, optimizer = self._seconds["data"], self._seconds["optimizer"]
        rest = max(0.0, whole - data - optimizer)
        return StepParts(data / made if self._tells_data else math.nan, rest / made, optimizer / made)

    def _now(self) -> float:
        self.trainer.synchronize()
        return self._clock()

    def _timed(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **kwargs: Any) -> Any:
            begun = self._now()
            try:
                return function(*args, **kwargs)
            finally:
                self._seconds[part] += self._now() - begun

        return timed

    def _stepping(self, closure: Callable[[], Any] | None = None, **kwargs: Any) -> Any:
        """A step of the optimizer; a closure is the model's work, and perhaps gets batches, whoever calls it."""
        if closure is None:
            return self._step(**kwargs)

        def evaluate() -> Any:
            begun = self._now()
            try:
                return closure()
            finally:
                self._seconds["optimizer"] -= self._now() - begun

        return self._step(evaluate, **kwargs)
