"""How often an optimizer evaluates the gradient, counted as it calls the closures that its steps are given."""

from typing import Any

import torch

__all__ = ["Evaluations"]


class Evaluations:
    """Counts the calls of closures, from now on.

    >>> weight = torch.nn.Parameter(torch.tensor([1.0]))
    >>> optimizer = torch.optim.LBFGS([weight], max_iter=2)
    >>> counted = Evaluations(optimizer)
    >>> def closure():
    ...     weight.grad = 4 * weight.detach() ** 3
    ...     return (weight.detach() ** 4).sum()
    >>> loss = optimizer.step(closure)
    >>> counted.taken(), counted.taken()
    (2, 0)
    """

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self._made, self._depth = 0, 0  # a step that calls that of its base class goes through the hooks of both
        optimizer.register_step_pre_hook(self._enter)
        optimizer.register_step_post_hook(self._leave)

    def taken(self) -> int:
        """The number of calls since the last time that it was asked for."""
        made, self._made = self._made, 0
        return made

    def _enter(
        self, optimizer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
        self._depth += 1
        if self._depth > 1:
            return None
        return tuple(map(self._counting, args)), {name: self._counting(value) for name, value in kwargs.items()}

    def _leave(self, *_: Any) -> None:
        self._depth -= 1

    def _counting(self, argument: Any) -> Any:
        """A closure that counts its calls; any other argument is itself."""
        if not callable(argument):
            return argument

        def call() -> Any:
            self._made += 1
            return argument()

        return call
