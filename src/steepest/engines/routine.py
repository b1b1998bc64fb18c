"""A fused step remembered: if nothing but numbers has changed since, the next one looks around no further.

Looking around (which engine, which kernel, is everything in place) costs more than the arithmetic of a small network. A
routine holds what came of it, and sees at each step that it still holds: the same tensors at the same places, in order.
Gradients are other tensors each time, so they are looked at each time.
"""

import operator
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, Self

import torch
from torch import Tensor

from ..rules import Rule
from .cpu import NUMBERS, Job, Task, kernel_for, readable, settings_of, tensors_of

__all__ = ["Routine"]

Group = dict[str, Any]
States = dict[Tensor, dict[str, Any]]

FLAGS = operator.itemgetter(
    "maximize", "differentiable", "foreach", "fused", "capturable", "master_weights", "stochastic_rounding"
)
GRADIENT = operator.attrgetter("grad")
KIND = operator.attrgetter("dtype", "layout", "is_cpu")
END = object()


class Routine:
    """What the last fused step of a group found.

    Attributes:
        report: what that step said of its engine.
    """

    def __init__(self, report: str, task: Task, rule: Rule, jobs: Sequence[Job], group: Group) -> None:
        self.report, self._task, self._rule, self._flags = report, task, rule, FLAGS(group)
        self._params, _, self._states = zip(*jobs, strict=True)
        self._resting = [param for param in group["params"] if param.grad is None]
        self._objects = [*self._find(group, {param: state for param, _, state in jobs})]
        count, tensors = len(jobs), tensors_of(task.kernel, jobs)
        task.addresses[:] = [each.data_ptr() for each in tensors]
        self._kept = tensors[:count] + tensors[2 * count :]
        self._addresses = [each.data_ptr() for each in self._kept]
        self._gradient_addresses: list[int] = []
        self._sizes = [param.numel() for param in self._params]
        self._gradient_kinds = [(self._params[0].dtype, torch.strided, True)] * count
        self._settings_are_tensors = any(isinstance(each, Tensor) for each in settings_of(rule).values())
        task.set(rule)

    @classmethod
    def of(cls, report: str, rule: Rule, jobs: Sequence[Job], group: Group) -> Self | None:
        """The routine of a step that the fused engine just made of all these; None if the next will need more."""
        dtype = jobs[0][0].dtype
        if any(param.dtype != dtype for param, _, _ in jobs):
            return None
        kernel = kernel_for(rule, group["maximize"], NUMBERS[dtype])
        tensors = tensors_of(kernel, jobs)
        if any(a is not b for a, b in zip(tensors, readable(kernel, tensors, len(jobs)), strict=True)):
            return None
        return cls(report, Task(kernel, [param for param, _, _ in jobs]), rule, jobs, group)

    def step(self, rule: Rule, group: Group, states: States) -> bool:
        """Make the step; False, and nothing done, if something is not as it was."""
        if FLAGS(group) != self._flags or not all(map(operator.is_, self._find(group, states), self._objects)):
            return False
        if (rule is not self._rule or self._settings_are_tensors) and not self._adopt(rule):
            return False
        return self.repeat()

    def repeat(self) -> bool:
        """Make the step where settings and states are known to be as they were; False if the tensors are not."""
        if [*map(Tensor.data_ptr, self._kept)] != self._addresses or not all(map(Tensor.is_contiguous, self._params)):
            return False
        if not self._takes(grads := [*map(GRADIENT, self._params)]):
            return False
        if (addresses := [*map(Tensor.data_ptr, grads)]) != self._gradient_addresses:
            self._gradient_addresses = addresses
            self._task.addresses[len(grads) : 2 * len(grads)] = addresses
        self._task.run()
        return True

    def _find(self, group: Group, states: States) -> Iterator[Any]:
        """All objects that must stay the same, with an end behind them, so that none can be missing or too many."""
        return chain(group["params"], map(states.get, self._params), *map(dict.values, self._states), (END,))

    def _takes(self, grads: list[Any]) -> bool:
        """Whether the gradients are such as the kernel reads."""
        return (
            set(map(type, grads)) == {Tensor}
            and [*map(KIND, grads)] == self._gradient_kinds
            and [*map(Tensor.numel, grads)] == self._sizes
            and all(map(Tensor.is_contiguous, grads))
            and not any(param.grad is not None for param in self._resting)
        )

    def _adopt(self, rule: Rule) -> bool:
        """Take another rule's hyperparameters, if its structure is the same."""
        if rule.structure != self._rule.structure:
            return False
        self._rule = rule
        self._task.set(rule)
        return True
