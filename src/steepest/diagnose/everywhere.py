"""A doctor for code that does not know of it: the first model that is trained is watched, whatever loop trains it."""

import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import nn
from torch.optim.optimizer import register_optimizer_step_post_hook
from torch.optim.swa_utils import AveragedModel

from .doctor import Doctor, watch
from .finding import Diagnosis
from .roots import noting_roots

__all__ = ["Everywhere", "everywhere"]


class Everywhere:
    """What `everywhere` has found.

    Attributes:
        doctor: that of the first model that was trained; None before its first call.
        root: gives the tensor that was differentiated last.
    """

    def __init__(self, budget: float, tell: Callable[[Diagnosis], object] | None) -> None:
        self.doctor: Doctor | None = None
        self._budget, self._tell, self._depth = budget, tell, 0
        self._optimizers: weakref.WeakSet[torch.optim.Optimizer] = weakref.WeakSet()
        self._averages: weakref.WeakSet[nn.Module] = weakref.WeakSet()
        self._watched: list[torch.optim.Optimizer] = []
        self.root: Callable[[], Any] = lambda: None

    def _made(self, optimizer: torch.optim.Optimizer) -> None:
        self._optimizers.add(optimizer)

    def _averaging(self, averaged: AveragedModel) -> None:
        """A moving average of a model was made, before it is trained or while it is."""
        self._averages.add(averaged)
        if self.doctor is not None and self.doctor.is_average(averaged.module):
            self.doctor.follow_average(averaged)

    def _called(self, module: nn.Module) -> None:
        """The outermost call of a module: whether it is the model that is trained."""
        if not torch.is_grad_enabled() or not self._optimizers:
            return
        own = {id(param) for param in module.parameters() if param.requires_grad}
        if not own:
            return
        made = [
            optimizer
            for optimizer in self._optimizers
            if any(id(param) in own for group in optimizer.param_groups for param in group["params"])
        ]
        self._watched = made or list(self._optimizers)  # none of them: they were made for another model
        self.doctor = watch(module, self._watched, self._budget, tell=self._tell)
        for averaged in self._averages:
            if self.doctor.is_average(cast("AveragedModel", averaged).module):
                self.doctor.follow_average(averaged)

    def _stepped(self, optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
        if self.doctor is not None and self._watched and optimizer is self._watched[-1]:
            self.doctor.step(self.root())


@contextmanager
def everywhere(budget: float = 0.05, tell: Callable[[Diagnosis], object] | None = None) -> Iterator[Everywhere]:
    """Watch the first model that is trained within this context.

    The model is the outermost module that is called with gradients once an optimizer exists; the loss is the last
    tensor that `backward()` was called on; a step is one of the last optimizer that has parameters of the model. A
    `torch.optim.swa_utils.AveragedModel` with the same parameters is followed as `watch(averaged=...)` would do.

    Args:
        budget: share of the time, as of `watch`.
        tell: called with each new finding.

    >>> model = nn.Linear(4, 1)
    >>> with everywhere() as seen:
    ...     optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    ...     for _ in range(3):
    ...         model(torch.randn(8, 4)).square().mean().backward()
    ...         optimizer.step()
    >>> [finding.code for finding in seen.doctor.findings]
    ['zero_grad']
    """
    seen = Everywhere(budget, tell)
    optimizers, modules, averages = (cast("Any", each) for each in (torch.optim.Optimizer, nn.Module, AveragedModel))
    make, call, average = optimizers.__init__, modules.__call__, averages.__init__

    def making(self: torch.optim.Optimizer, *args: Any, **kwargs: Any) -> None:
        make(self, *args, **kwargs)
        seen._made(self)

    def averaging(self: AveragedModel, *args: Any, **kwargs: Any) -> None:
        average(self, *args, **kwargs)
        seen._averaging(self)

    def calling(self: nn.Module, *args: Any, **kwargs: Any) -> Any:
        if seen.doctor is None and seen._depth == 0:
            seen._called(self)
        seen._depth += 1
        try:
            return call(self, *args, **kwargs)
        finally:
            seen._depth -= 1

    hook = register_optimizer_step_post_hook(seen._stepped)
    optimizers.__init__ = making
    averages.__init__ = averaging
    modules.__call__ = calling
    try:
        with noting_roots() as seen.root:
            yield seen
    finally:
        optimizers.__init__ = make
        averages.__init__ = average
        modules.__call__ = call
        hook.remove()
        if seen.doctor is not None:
            seen.doctor.close()
