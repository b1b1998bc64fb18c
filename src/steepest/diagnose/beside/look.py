"""The first look at a contestant of a study: what is the same in all of its runs, seen once in a few steps of one."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ...rules import Rule
from ...training.loop import train
from ...training.trainer import Trainer
from ...workloads import Problem
from ..record import Record
from .plain import has_plain_steps
from .run import Beside

__all__ = ["FirstLook", "first_look"]

STEPS = 6
"""Steps of a first look: so many batches of labels tell that they are all the same."""


@dataclass(frozen=True)
class FirstLook:
    """What a first look has seen.

    Attributes:
        record: of its steps: inputs, targets, the loss, and what was proved of model, optimizer and loss.
        is_plain: whether a run's steps are forward, backward and step only, so that `BesidePlain` can observe them.
    """

    record: Record
    is_plain: bool


class _Looking(Beside):
    is_plain = False

    @contextmanager
    def watching(self, trainer: Trainer) -> Iterator[None]:
        self.is_plain = has_plain_steps(trainer)
        with super().watching(trainer):
            yield


def first_look(problem: Problem, rule: Rule, batch_size: int | None = None, device: str = "cpu") -> FirstLook:
    """Look closely at the first steps of a run that is thrown away, with all that a doctor sees.

    Args:
        problem, rule, batch_size, device: of the runs, as for `train`.
    """
    beside = _Looking(budget=1e6)  # all of them are observed
    train(problem, rule, 0, STEPS, batch_size, "constant", device, observer=beside)
    return FirstLook(beside.record, beside.is_plain)
