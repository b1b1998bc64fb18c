"""A fused step remembered: if nothing but numbers has changed since, the next one looks around no further.

Looking around (which engine, which kernel, is everything in place) costs more than the arithmetic of a small network. A
routine holds what came of it, and sees at each step that it still holds: the same tensors, of the same kind, in order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from ..rules import Rule
from .cpu import NUMBERS, Job, inputs_of, kernel_for, run_in_threads
from .kernels import Kernel

__all__ = ["Routine"]

FLAGS = ("maximize", "differentiable", "fused", "master_weights", "stochastic_rounding")


@dataclass(frozen=True)
class Routine:
    """What the last fused step of a group found."""

    structure: tuple[Any, ...]
    flags: tuple[Any, ...]
    kernel: Kernel
    params: list[Tensor]
    states: list[dict[str, Any]]
    arrays: list[tuple[Tensor, ...]]
    steps: list[Tensor]
    offsets: Any
    dtype: torch.dtype

    @classmethod
    def of(cls, rule: Rule, jobs: Sequence[Job], group: dict[str, Any]) -> Self | None:
        """The routine of a step that the fused engine just made of all these; None if they are not alike."""
        dtype = jobs[0][0].dtype
        if rule.numbers or any(param.dtype != dtype for param, _, _ in jobs):
            return None
        kernel = kernel_for(rule, group["maximize"], NUMBERS[dtype])
        states = [state for _, _, state in jobs]
        return cls(
            structure=rule.structure,
            flags=tuple(group[name] for name in FLAGS),
            kernel=kernel,
            params=[param for param, _, _ in jobs],
            states=states,
            arrays=[tuple(state[name] for name in kernel.states) for state in states],
            steps=[state["step"] for state in states],
            offsets=np.cumsum([0, *(param.numel() for param, _, _ in jobs)]),
            dtype=dtype,
        )

    def step(self, rule: Rule, group: dict[str, Any], states: dict[Tensor, dict[str, Any]]) -> bool:
        """Make the step; False, and nothing done, if something is not as it was."""
        if rule.structure != self.structure or any(
            group[name] is not flag for name, flag in zip(FLAGS, self.flags, strict=True)
        ):
            return False
        done = {step.item() for step in self.steps}
        if len(done) != 1 or len(self.params) != len(group["params"]):
            return False
        addresses = self._addresses(group["params"], states)
        if addresses is None:
            return False
        inputs = inputs_of(rule, {"step": int(done.pop()) + 1}, self.kernel.inputs)
        table = np.array(addresses, dtype=np.int64).reshape(len(self.params), -1)
        run_in_threads(self.kernel, table, self.offsets, np.array(self.kernel.scalars(*inputs), dtype=np.float64))
        torch._foreach_add_(self.steps, 1)
        return True

    def _addresses(self, params: list[Tensor], states: dict[Tensor, dict[str, Any]]) -> list[int] | None:
        """Where everything lies, a tensor after the other; None if something is not what it was."""
        found: list[int] = []
        names, dtype = self.kernel.states, self.dtype
        for place, param in enumerate(params):
            grad, state, arrays = param.grad, states[param], self.arrays[place]
            if (
                param is not self.params[place]
                or grad is None
                or type(grad) is not Tensor
                or grad.dtype is not dtype
                or param.dtype is not dtype
                or grad.layout is not torch.strided
                or not (grad.is_contiguous() and param.is_contiguous())
                or state is not self.states[place]
                or state["step"] is not self.steps[place]
                or not param.numel() == grad.numel() == self.offsets[place + 1] - self.offsets[place]
            ):
                return None
            found += param.data_ptr(), grad.data_ptr()
            for name, array in zip(names, arrays, strict=True):
                if state[name] is not array or not array.is_contiguous() or array.numel() != param.numel():
                    return None
                found.append(array.data_ptr())
        return found
