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
from .engine import at_end, in_transform, running
from .finding import Diagnosis
from .roots import noting_roots

__all__ = ["Everywhere", "everywhere"]

SOON = 3
"""Steps within which a model that no optimizer has parameters of is left for one that they have."""


class Everywhere:
    """What `everywhere` has found.

    Attributes:
        doctor: that of the first model that was trained; None before its first call.
        roots: gives the first and the last tensor that was differentiated since it was called before.
    """

    def __init__(self, budget: float, tell: Callable[[Diagnosis], object] | None) -> None:
        self.doctor: Doctor | None = None
        self._budget, self._tell, self._depth = budget, tell, 0
        self._optimizers: list[weakref.ref[torch.optim.Optimizer]] = []
        self._averages: weakref.WeakSet[nn.Module] = weakref.WeakSet()
        self._watched: list[torch.optim.Optimizer] = []
        self._may_change, self._missed = True, 0
        self._model: nn.Module | None = None
        self._calls = 0
        self._transformed: Callable[[], nn.Module | None] = lambda: None
        self._pass = -1
        self.roots: Callable[[], list[Any]] = list

    def _made(self, optimizer: torch.optim.Optimizer) -> None:
        self._optimizers.append(weakref.ref(optimizer))

    def _averaging(self, averaged: AveragedModel) -> None:
        """A moving average of a model was made, before it is trained or while it is."""
        self._averages.add(averaged)
        if self.doctor is not None and self.doctor.is_average(averaged.module):
            self.doctor.follow_average(averaged)

    def _called(self, module: nn.Module) -> None:
        """The outermost call of a module: whether it is the model that is trained.

        One whose parameters are in no optimizer may be: then the optimizers were made for another model. It is left
        where one of which they have parameters is called soon, since it is a teacher, or part of the loss.
        """
        if not torch.is_grad_enabled() or not self._optimizers:
            return
        if in_transform():  # its parameters are others now
            self._transformed = weakref.ref(module)
            return
        own = {id(param) for param in module.parameters() if param.requires_grad}
        there = [optimizer for reference in self._optimizers if (optimizer := reference()) is not None]
        made = [
            optimizer
            for optimizer in there
            if any(id(param) in own for group in optimizer.param_groups for param in group["params"])
        ]
        if not own or not there or (self.doctor is not None and not made):
            return
        if self.doctor is not None:
            self.doctor.close()
        self._may_change, self._watched, self._model = not made, made or there, module
        self.doctor = watch(module, self._watched, self._budget, tell=self._tell)
        for averaged in self._averages:
            if self.doctor.is_average(cast("AveragedModel", averaged).module):
                self.doctor.follow_average(averaged)

    def _stepped(self, optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
        if self.doctor is None and (module := self._transformed()) is not None:
            self._called(module)
            return
        if self.doctor is None or not self._watched:
            return
        if optimizer is self._watched[-1]:
            number = running()
            if number == -1:
                self._step()
            elif number != self._pass:  # an optimizer that steps in the backward pass: others follow
                self._pass = number
                at_end(self._step)
        elif not any(optimizer is each for each in self._watched):
            self._missed += 1
            self.roots()  # what was differentiated for it

    def _step(self) -> None:
        """A step of the model that is watched: its loss was differentiated last, or first of several in one call."""
        assert self.doctor is not None
        roots = self.roots()
        self.doctor.step(roots[0 if self._calls == 1 else -1] if roots else None)
        self._calls = 0
        self._may_change = self._may_change and self.doctor.record.steps < SOON

    def end(self) -> None:
        """Close the doctor, and say what else was trained."""
        if self.doctor is not None:
            self.doctor.close()
            if self._missed:
                self.doctor.say_unseen("unseen_others", steps=self._missed)


@contextmanager
def everywhere(budget: float = 0.05, tell: Callable[[Diagnosis], object] | None = None) -> Iterator[Everywhere]:
    """Watch the first model that is trained within this context.

    The model is the outermost module that is called with gradients once an optimizer exists, one that the optimizer has
    parameters of before others; the loss is the last tensor that `backward()` was called on; a step is one of the last
    optimizer that has parameters of the model. Steps of other optimizers are counted, and `doctor.unseen` says so. A
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
        if seen._may_change and seen._depth == 0:
            seen._called(self)
        seen._calls += self is seen._model
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
        with noting_roots() as seen.roots:
            yield seen
    finally:
        optimizers.__init__ = make
        averages.__init__ = average
        modules.__call__ = call
        hook.remove()
        seen.end()
