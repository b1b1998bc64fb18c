"""Optimizers that others have written, where steepest trains by them: several as one, and the weights to evaluate."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch

__all__ = ["Joined", "evaluating", "start_training"]


class Joined(torch.optim.Optimizer):
    """Several optimizers, each with parameters of its own, as one: a step is a step of each."""

    def __init__(self, parts: Sequence[torch.optim.Optimizer]) -> None:
        super().__init__([{"params": part.param_groups[0]["params"]} for part in parts], {})
        self.parts = parts
        self.param_groups = [group for part in parts for group in part.param_groups]

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Make a step of each; a closure is called once."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for part in self.parts:
            part.step()
        return loss

    def eval(self) -> None:
        """Put the weights to evaluate into the parameters, where a part has others."""
        _call(self.parts, "eval")

    def train(self) -> None:
        """Put the parameters back after `eval()`."""
        _call(self.parts, "train")


def _call(optimizers: Sequence[Any], name: str) -> None:
    for optimizer in optimizers:
        if callable(method := getattr(optimizer, name, None)):
            method()


def start_training(optimizer: torch.optim.Optimizer) -> None:
    """Call `train()`, which some classes (Schedule-Free) need before their first step, where there is one."""
    _call([optimizer], "train")


def evaluating(optimizer: Any) -> AbstractContextManager[None]:
    """A context in which the parameters hold the weights to evaluate; afterwards they are what they were, bit by bit.

    These are the parameters themselves but for optimizers with `eval()` and `train()`, such as Schedule-Free.
    """
    if hasattr(optimizer, "evaluating"):  # one of steepest's own
        return optimizer.evaluating()  # type: ignore[no-any-return]
    if all(callable(getattr(optimizer, name, None)) for name in ("eval", "train")):
        return _evaluating(optimizer)
    return nullcontext()


@contextmanager
def _evaluating(optimizer: Any) -> Iterator[None]:
    params = [param for group in optimizer.param_groups for param in group["params"]]
    with torch.no_grad():
        kept = [param.detach().clone() for param in params]
        optimizer.eval()
    try:
        yield
    finally:
        with torch.no_grad():
            optimizer.train()
            for param, before in zip(params, kept, strict=True):  # going there and back rounds
                param.copy_(before)
