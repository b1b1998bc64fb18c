"""The time of a training step of several rules, measured in turns, because a machine's speed drifts."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from ..rules import Rule
from ..workloads import Problem
from ..workloads.seeding import seeded
from .trainer import Trainer

try:
    from resource import RUSAGE_THREAD, getrusage
except ImportError:  # not on Windows, nor on macOS
    _waits: Callable[[], int] | None = None
else:

    def _waits() -> int:
        return getrusage(RUSAGE_THREAD).ru_nvcsw


__all__ = ["StepTimes", "step_times"]

BLOCK = 0.005
"""Seconds of a block of steps: long for a clock, short beside the changes of a machine's speed."""

ROUNDS = 15
"""Blocks that are timed for each rule: their spread makes part of every interval of seconds."""


@dataclass
class StepTimes:
    """Seconds of a training step of several contestants.

    Attributes:
        seconds: for each contestant, seconds a step in each round.
        clock: "thread", the processor time of the thread that trains, which other programs do not lengthen, or "wall".
    """

    seconds: list[list[float]]
    clock: str


@dataclass
class _Blocks:
    """The timed blocks of one contestant, by both clocks, how many of them waited, and its generators' states."""

    wall: list[float] = field(default_factory=list)
    thread: list[float] = field(default_factory=list)
    waited: int = 0
    draws: list[Any] | None = None


def step_times(
    problem: Problem, contestants: Sequence[tuple[Rule, int, str]], rounds: int = ROUNDS, block: float = BLOCK,
    device: torch.device | str = "cpu",
) -> StepTimes:  # fmt: skip
    """Seconds a training step of several rules on one problem, evaluation excluded, measured in turns.

    Each round times a block of steps of every contestant, one after the other, and begins with the next contestant, so
    two contestants are compared round by round.

    The clock is that of the thread where this is the whole time of a step: on a processor, with one thread, in steps
    that wait for nothing (data from a disk or from other processes), which the system's count of waits shows. Else it
    is the wall's.

    Args:
        problem: what is trained.
        contestants: rule, batch size (0: the problem's own) and schedule of each.
        rounds: number of blocks timed for each contestant.
        block: seconds that a block shall last; at least one step.
        device: where to train; a block ends when the device has done its work.

    Returns:
        A `StepTimes`.
    """
    with seeded(0, device):
        trainers = [
            Trainer(problem, rule, 0, problem.steps, size, schedule, device) for rule, size, schedule in contestants
        ]
        counts = [_steps_in(trainer, block) for trainer in trainers]
        blocks = [_Blocks() for _ in trainers]
        for turn in range(rounds):
            for offset in range(len(trainers)):
                index = (turn + offset) % len(trainers)
                _time(trainers[index], counts[index], blocks[index])
    one_thread = torch.get_num_threads() == 1 and all(trainer.on_processor for trainer in trainers)
    waits_for_nothing = _waits is not None and all(own.waited <= rounds / 2 for own in blocks)
    clock = "thread" if one_thread and waits_for_nothing else "wall"
    return StepTimes([getattr(own, clock) for own in blocks], clock)


def _steps_in(trainer: Trainer, block: float) -> int:
    """How many steps fill a block, a whole run at most; the first step, which loads and compiles, is not counted."""
    trainer.spend(1)
    trial = _Blocks()
    for _ in range(3):
        _time(trainer, trainer.whole_periods(1), trial)
    return trainer.whole_periods(block / max(min(trial.wall), 1e-6))


def _time(trainer: Trainer, count: int, blocks: _Blocks) -> None:
    if blocks.draws is not None:
        trainer.set_draws(blocks.draws)
    waits = _waits() if _waits else 0
    wall, thread = time.perf_counter(), time.thread_time()
    made = trainer.spend(count)
    trainer.synchronize()
    blocks.thread.append((time.thread_time() - thread) / made)
    blocks.wall.append((time.perf_counter() - wall) / made)
    blocks.waited += bool(_waits and _waits() > waits)
    blocks.draws = trainer.draws()
