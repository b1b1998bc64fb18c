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

    @property
    def needs_closure(self) -> bool:
        """Whether the step of a part needs a closure."""
        return any(getattr(part, "needs_closure", False) for part in self.parts)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Make a step of each.

        A closure is called once, or by the part that needs it, as often as that likes: then the others step by the
        gradients that its last call has left.
        """
        loss, stepping = None, [part for part in self.parts if getattr(part, "needs_closure", False)]
        for part in stepping:
            loss = part.step(closure)  # type: ignore[arg-type]
        if closure is not None and not stepping:
            with torch.enable_grad():
                loss = closure()
        for part in self.parts:
            if part not in stepping:
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
