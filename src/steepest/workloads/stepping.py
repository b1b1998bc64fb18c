"""One update of a training loop, also of an optimizer that computes the gradient itself, by a closure."""

import inspect
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor

__all__ = ["make_step", "needs_closure"]


def make_step(optimizer: torch.optim.Optimizer, compute: Callable[[], Tensor]) -> Tensor:
    """Make one update of an optimizer.

    Args:
        optimizer: any; one such as `torch.optim.LBFGS` calls `compute` as often as it likes.
        compute: clears the gradients, computes the loss, calls `backward()` and returns the loss.

    Returns:
        The loss before the update, detached.

    >>> weight = torch.nn.Parameter(torch.tensor([1.0]))
    >>> def compute():
    ...     weight.grad = None
    ...     loss = (weight**2).sum()
    ...     loss.backward()
    ...     return loss
    >>> float(make_step(torch.optim.SGD([weight], lr=0.25), compute)), weight.tolist()
    (1.0, [0.5])
    """
    if not needs_closure(optimizer):
        loss = compute()
        optimizer.step()
        return loss.detach()
    losses: list[Tensor] = []

    def closure() -> Tensor:
        with torch.enable_grad():
            losses.append(compute().detach())
        del losses[1:-1]  # of those that a line search computes
        return losses[-1]

    optimizer.step(closure)  # type: ignore[arg-type]
    return losses[0] if losses else compute().detach()


def needs_closure(optimizer: Any) -> bool:
    """Whether the optimizer's `step` needs a closure: its argument has no default, or `needs_closure` says so."""
    optimizer_class: Any = type(optimizer)
    return bool(getattr(optimizer, "needs_closure", False)) or _requires_closure(optimizer_class)


@cache
def _requires_closure(optimizer_class: Any) -> bool:
    params = list(inspect.signature(optimizer_class.step).parameters.values())[1:]
    return any(param.default is param.empty and param.kind is param.POSITIONAL_OR_KEYWORD for param in params)
