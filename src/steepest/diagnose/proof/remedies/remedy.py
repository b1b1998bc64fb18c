"""What a remedy is, and the training that it changes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from ...record import Record
from ..recording import Batch, Outputs
from ..result import Start

__all__ = ["SEEN", "Case", "Makers", "Remedy", "Setup", "Untried"]

BOTH: tuple[Start, ...] = ("start", "now")

SEEN = frozenset({"eval_mode", "dropout"})
"""Findings whose remedy raises the loss on batches that were trained on: from now on only held-out data can tell."""


class Untried(Exception):
    """The advice cannot be tried, for a reason of the catalogue."""

    def __init__(self, reason: str, **numbers: Any) -> None:
        super().__init__(reason)
        self.numbers = {"untried": reason, **numbers}


@dataclass
class Setup:
    """A training that is about to run, on copies.

    Attributes:
        model, optimizers: the copies.
        zeroes: whether gradients are zeroed before each step.
        steps: whether the optimizer steps.
        backwards: batches whose gradients are summed in a step.
        factor: factor of what is differentiated.
        clip: the norm that gradients are clipped to; None: not clipped.
        inputs: applied to each floating-point input.
        outputs: applied to what the loss is computed from.
        read: applied to it, instead, where the loss is only read.
        example: a batch, for what a remedy has to see running.
    """

    model: nn.Module
    optimizers: list[torch.optim.Optimizer]
    example: Batch
    zeroes: bool = True
    steps: bool = True
    backwards: int = 1
    factor: float = 1.0
    clip: float | None = None
    inputs: Outputs | None = None
    outputs: Outputs | None = None
    read: Outputs | None = None

    def groups(self) -> list[dict[str, Any]]:
        """The groups of all optimizers."""
        return [group for optimizer in self.optimizers for group in optimizer.param_groups]


@dataclass(frozen=True)
class Case:
    """What is known where an advice is to be tried."""

    numbers: Mapping[str, Any]
    record: Record
    batches: Sequence[Batch]


@dataclass(frozen=True)
class Remedy:
    """One way of following an advice.

    Attributes:
        phrase: a variant of the phrase `remedy` of the catalogue.
        change: makes a setup follow the advice; may raise `Untried`.
        numbers: those of the phrase.
        starts: where it may begin.
        read: how outputs are read where things are left alone, so that both losses are of one kind.
    """

    phrase: str
    change: Callable[[Setup], Any]
    numbers: Mapping[str, Any] = field(default_factory=dict)
    starts: tuple[Start, ...] = BOTH
    read: Outputs | None = None


Makers = dict[str, Callable[[Case], list[Remedy]]]
"""The remedies of each finding that has any, by code; of several the best in a first run is tried in earnest."""
