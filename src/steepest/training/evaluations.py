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
        self._made, self._within = 0, False
        optimizer.register_step_pre_hook(self._enter)

    def taken(self) -> int:
        """The number of calls since the last time that it was asked for."""
        made, self._made = self._made, 0
        return made

    def _enter(
        self, optimizer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        counting = [argument if argument is optimizer else self._counting(argument) for argument in args]
        return tuple(counting), {name: self._counting(value) for name, value in kwargs.items()}

    def _counting(self, argument: Any) -> Any:
        """A closure that counts its calls; any other argument is itself.

        A step that calls that of its base class goes through the hooks of both, and a closure that calls another is one
        evaluation: only the outermost call counts.
        """
        if not callable(argument):
            return argument

        def call() -> Any:
            if self._within:
                return argument()
            self._made, self._within = self._made + 1, True
            try:
                return argument()
            finally:
                self._within = False

        return call
