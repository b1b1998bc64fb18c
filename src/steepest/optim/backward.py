"""A step in backward: each parameter is stepped as soon as its gradient is complete, and the gradient is freed.

The gradients of a model are so never all alive: beside the weights and states there is the gradient of one parameter at
a time, and what autograd holds for the next ones.
"""

import math
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Variable

from ..base.errors import InvalidValue
from . import modes, sharded
from .group import GroupCache
from .reports import Report

__all__ = ["StepInBackward"]


class StepInBackward:
    """The steps that `backward()` makes for an optimizer, until `remove()`; made by `Optimizer.step_in_backward`.

    It is a context manager, too: at its end the optimizer steps as usual again.

    Attributes:
        last_norm: the norm of all gradients of the last backward, before they were clipped; None before the first, and
            where `clip_last_norm` is not set.
    """

    def __init__(
        self, optimizer: Any, model: nn.Module | None, clip_value: float | None, clip_last_norm: float | None
    ) -> None:
        self._optimizer, self._name = optimizer, type(optimizer).__name__
        for setting, bound in (("clip_value", clip_value), ("clip_last_norm", clip_last_norm)):
            if bound is not None and not (isinstance(bound, int | float) and 0 < bound < math.inf):
                raise InvalidValue(f"{self._name}: {setting} must be a number above 0, got {bound!r}")
        self._clip_value, self._clip_last_norm = clip_value, clip_last_norm
        self._check_model(model)
        self.last_norm: float | None = None
        self._squares: list[Tensor] = []
        self._paused = False
        self._caches: dict[Tensor, GroupCache] = {}
        self._hooks: dict[Tensor, Any] = {}
        for index in range(len(optimizer.param_groups)):
            self.check_group(optimizer.param_groups[index])
        for index in range(len(optimizer.param_groups)):
            self.add_group(index)

    def _check_model(self, model: nn.Module | None) -> None:
        """Refuse a model whose gradients are not complete when backward is, or whose other gradients would stay."""
        distributed = torch.distributed
        if model is None:
            if distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1:
                raise InvalidValue(f"{self._name}: name the model: gradients may be averaged over processes later")
            return
        if not isinstance(model, nn.Module):
            raise InvalidValue(f"{self._name}: model must be a torch.nn.Module, got {model!r}")
        for module in model.modules():
            if isinstance(module, nn.parallel.DistributedDataParallel):
                raise InvalidValue(
                    f"{self._name}: DistributedDataParallel averages gradients after they are complete; step as usual"
                )
        own = {id(param) for group in self._optimizer.param_groups for param in group["params"]}
        for name, param in model.named_parameters():
            if param.requires_grad and id(param) not in own:
                raise InvalidValue(
                    f"{self._name}: {name} is trained by another optimizer, or none; freeze it or add it"
                )

    def check_group(self, group: dict[str, Any]) -> None:
        """Refuse a group whose steps need more than one parameter's gradient."""
        rule = self._optimizer._class(group)
        if rule.shared:
            raise InvalidValue(f"{self._name}: {rule.title} needs all gradients before a step; step as usual")
        if rule.evaluations != 1:
            raise InvalidValue(f"{self._name}: {rule.title} evaluates the gradient again before a step; step as usual")
        if group["non_finite"] is not None:
            raise InvalidValue(f"{self._name}: non_finite looks at all gradients before a step; set it to None")
        if group["differentiable"]:
            raise InvalidValue(f"{self._name}: differentiable=True is not possible for a step in backward")
        if any(map(sharded.is_sharded, group["params"])):
            raise InvalidValue(f"{self._name}: sharded parameters are stepped after backward; step as usual")

    def add_group(self, index: int) -> None:
        """Step the parameters of a group, which may have been added later, too."""
        for param in self._optimizer.param_groups[index]["params"]:
            if param.requires_grad and param not in self._hooks:
                self._hooks[param] = param.register_post_accumulate_grad_hook(self._hook_of(index))

    def _hook_of(self, index: int) -> Any:
        def step(param: Tensor) -> None:
            if not self._paused:
                self._step(param, self._optimizer.param_groups[index])

        return step

    @torch.no_grad()
    def _step(self, param: Tensor, group: dict[str, Any]) -> None:
        """Step one parameter by its complete gradient, and free that."""
        optimizer = self._optimizer
        if optimizer._evaluating or modes.is_evaluating(group):
            raise RuntimeError(f"{self._name}: a step in evaluation mode would be lost; leave it before backward()")
        self._clip(param)
        cache = self._caches.setdefault(param, GroupCache())
        cache.prepare(optimizer._class(group), group | {"params": [param]}, optimizer.state)()
        param.grad = None

    def _clip(self, param: Tensor) -> None:
        grad = param.grad
        assert grad is not None
        if self._clip_last_norm is not None:
            if not self._squares:  # the first of this backward, at whose end their norm is known
                Variable._execution_engine.queue_callback(self._end_of_backward)  # type: ignore[attr-defined]
            self._squares.append(torch.linalg.vector_norm(grad.coalesce().values() if grad.is_sparse else grad))
            if self.last_norm is not None:
                grad.mul_(min(1.0, self._clip_last_norm / (self.last_norm + 1e-6)))
        if self._clip_value is not None:
            if grad.is_sparse:
                param.grad = grad = grad.coalesce()
                grad.values().clamp_(-self._clip_value, self._clip_value)
            else:
                grad.clamp_(-self._clip_value, self._clip_value)

    def _end_of_backward(self) -> None:
        device = self._squares[0].device
        norms = torch.stack([norm.to(device) for norm in self._squares])
        self.last_norm = float(torch.linalg.vector_norm(norms))
        self._squares = []

    @contextmanager
    def accumulating(self) -> Iterator[None]:
        """Within it, `backward()` adds to the gradients and steps nothing; the next one outside steps by the sums.

        Accumulated gradients are alive meanwhile, all of them: there is no other way to add them up.
        """
        before, self._paused = self._paused, True
        try:
            yield
        finally:
            self._paused = before

    def forget(self) -> None:
        """Forget what was prepared for the next steps: the state is another one."""
        self._caches.clear()

    @property
    def reports(self) -> Counter[Report]:
        """How many parameters were stepped by which engine."""
        return sum((cache.reports for cache in self._caches.values()), Counter[Report]())

    def remove(self) -> None:
        """Let the optimizer step as usual again, at `step()`; a second call does nothing."""
        for hook in self._hooks.values():
            hook.remove()
        self._hooks.clear()
        if self._optimizer._backward is self:
            self._optimizer._backward = None

    def __enter__(self) -> "StepInBackward":
        return self

    def __exit__(self, *error: object) -> None:
        self.remove()
