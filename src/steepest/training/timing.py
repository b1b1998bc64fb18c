"""The time of a training step of several rules, measured in turns, because a machine's speed drifts."""

from collections.abc import Sequence
from time import perf_counter

from ..rules import Rule
from ..workloads import Problem
from ..workloads.seeding import seeded
from .trainer import Trainer

__all__ = ["step_times"]

BLOCK = 0.005
"""Seconds of a block of steps: long for a clock, short beside the changes of a machine's speed."""

ROUNDS = 9
"""Blocks that are timed for each rule; results use their median."""


def step_times(
    problem: Problem, contestants: Sequence[tuple[Rule, int, str]], rounds: int = ROUNDS, block: float = BLOCK
) -> list[list[float]]:
    """Seconds a training step of several rules on one problem, evaluation excluded, measured in turns.

    Each round times a block of steps of every contestant, one after the other, and begins with the next contestant.

    Args:
        problem: what is trained.
        contestants: rule, batch size (0: the problem's own) and schedule of each.
        rounds: number of blocks timed for each contestant.
        block: seconds that a block shall last; at least one step.

    Returns:
        For each contestant, seconds a step in each round.
    """
    with seeded(0):
        trainers = [Trainer(problem, rule, 0, problem.steps, size, schedule) for rule, size, schedule in contestants]
        counts = [_steps_in(trainer, block) for trainer in trainers]
        times: list[list[float]] = [[] for _ in trainers]
        for turn in range(rounds):
            for offset in range(len(trainers)):
                index = (turn + offset) % len(trainers)
                times[index].append(_seconds(trainers[index], counts[index]) / counts[index])
    return times


def _steps_in(trainer: Trainer, block: float) -> int:
    """How many steps fill a block, a whole run at most; the first step, which loads and compiles, is not counted."""
    trainer.advance(1)
    trial = min(_seconds(trainer, 1) for _ in range(2))
    return min(max(1, round(block / max(trial, 1e-9))), trainer.steps)


def _seconds(trainer: Trainer, count: int) -> float:
    started = perf_counter()
    trainer.advance(count)
    return perf_counter() - started
