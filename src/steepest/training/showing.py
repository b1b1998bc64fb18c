"""What a model does in the course of a run: the pictures that its session shows."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..rules import Rule
from ..workloads import Problem
from ..workloads.seeding import seeded
from .trainer import Trainer

if TYPE_CHECKING:
    import torch

__all__ = ["Shown", "pictures"]


@dataclass(frozen=True)
class Shown:
    """What a session shows after so many steps, and the metric there.

    Attributes:
        step: number of updates.
        metric: the problem's.
        picture: whatever `Session.show` gives.
    """

    step: int
    metric: float
    picture: Any


def pictures(
    problem: Problem,
    rule: Rule,
    seed: int,
    at: Iterable[int],
    steps: int | None = None,
    batch_size: int | None = None,
    schedule: str = "constant",
    device: "torch.device | str" = "cpu",
) -> list[Shown]:
    """Make the same run as `train`, up to the last of some steps, and keep what the session shows at each of them.

    Args:
        problem, rule, seed, steps, batch_size, schedule, device: as for `train`.
        at: numbers of steps, 0 for the start, in any order.

    Returns:
        One for each different step; none, without any training, where the session shows nothing.

    >>> from steepest.rules import Adam
    >>> from steepest.workloads import find
    >>> pictures(find("digits"), Adam(), seed=1, at=(0, 100))  # which has no picture
    []
    """
    made: list[Shown] = []
    with seeded(seed, device):
        trainer = Trainer(problem, rule, seed, problem.steps if steps is None else steps, batch_size, schedule, device)
        done = 0
        for step in sorted(set(at)):
            if step > done:
                trainer.advance(step - done)
                done = step
            _, metric = trainer.measure()
            picture = trainer.show()
            if picture is None:
                break
            made.append(Shown(step, metric, picture))
    return made
