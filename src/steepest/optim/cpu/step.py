"""The fused engine for training on a CPU: all parameters of a group in one call of a compiled kernel.

It takes plain float32, float64 and bfloat16 tensors; what it does not take it leaves to the eager engine, with the
reason.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.graph import increment_version
from torch.nn import Parameter

from ...program.record import record, settings
from ...rules import Rule
from ..checks import check_state
from . import threads
from .kernels import PLAN, Kernel, Number, build

__all__ = [
    "NUMBERS", "Job", "Task", "by_dtype", "kernel_for", "readable", "refusal", "step", "tensors_of",
]  # fmt: skip

NUMBERS: dict[torch.dtype, Number] = {
    torch.float32: "float32", torch.float64: "float64", torch.bfloat16: "bfloat16",
}  # fmt: skip

SMALL = 1 << 15
"""Elements a thread must have at least: below, waking it takes longer than it saves. torch has the same."""

SHARES = PLAN.index("shares")

Job = tuple[Tensor, Tensor, dict[str, Any]]
"""A parameter, its gradient and its complete state."""


def refusal(rule: Rule, param: Tensor, grad: Tensor, state: dict[str, Any]) -> str | None:
    """Why this parameter is not for this engine; None if it is."""
    if not rule.elementwise:
        return "the rule needs whole tensors"
    if type(param) not in (Parameter, Tensor) or type(grad) is not Tensor:
        return f"{type(param).__name__} is a tensor of its own kind"
    if grad.layout is not torch.strided:
        return "sparse gradient"
    if param.device.type != "cpu":
        return f"on {param.device.type}"
    if param.dtype not in NUMBERS:
        return f"{param.dtype} parameters"
    for name, value in state.items():
        if value is not None and value.dtype != param.dtype and name != "step" and name not in rule.numbers:
            return f"{value.dtype} state of {param.dtype} parameters"
    return None


def step(rule: Rule, jobs: Sequence[Job], maximize: bool) -> None:
    """One step of many parameters, all of them taken by `refusal`."""
    for dtype, alike in by_dtype(jobs).items():
        _step_alike(kernel_for(rule, maximize, NUMBERS[dtype]), rule, alike)


def by_dtype(jobs: Sequence[Job]) -> dict[torch.dtype, list[Job]]:
    """The jobs that one kernel can do together."""
    alike: dict[torch.dtype, list[Job]] = defaultdict(list)
    for job in jobs:
        alike[job[0].dtype].append(job)
    return alike


def _step_alike(kernel: Kernel, rule: Rule, jobs: Sequence[Job]) -> None:
    for param, grad, state in jobs:
        for array in (grad, *(state[name] for name in kernel.states)):
            if array.shape != param.shape or array.device != param.device:
                check_state(rule.title, param, state)
    tensors = tensors_of(kernel, jobs)
    copies = readable(kernel, tensors, len(jobs))
    task = Task(kernel, tensors[: len(jobs)])
    task.set(rule)
    task.addresses[:] = [each.data_ptr() for each in copies]
    task.run()
    for place, (tensor, copy) in enumerate(zip(tensors, copies, strict=True)):
        if copy is not tensor and place // len(jobs) != 1:  # those are the gradients, which are never written to
            tensor.copy_(copy)


def tensors_of(kernel: Kernel, jobs: Sequence[Job]) -> list[Tensor]:
    """What a kernel reads, in the order of its addresses."""
    params, grads, states = zip(*jobs, strict=True)
    names = (*kernel.states, "step", *kernel.numbers)
    return [*params, *grads, *(state[name] for name in names for state in states)]


def readable(kernel: Kernel, tensors: Sequence[Tensor], count: int) -> list[Tensor]:
    """Those tensors of a kernel for `count` parameters as it reads them, or copies of them.

    It reads the elements of a parameter in the order in which they lie in memory, and so those of all that belongs to
    it; whichever order (contiguous, channels last, transposed), it must be the same, and without gaps.
    """
    arrays = (2 + len(kernel.states)) * count
    params = [param if _has_no_gaps(param) else param.contiguous() for param in tensors[:count]]
    others = [torch.float32] * count + [torch.float64] * len(kernel.numbers) * count
    return [_like(params[place % count], tensor) for place, tensor in enumerate(tensors[:arrays])] + [
        tensor.to("cpu", dtype) for tensor, dtype in zip(tensors[arrays:], others, strict=True)
    ]


def _has_no_gaps(tensor: Tensor) -> bool:
    if tensor.is_contiguous():
        return True
    size = 1
    for stride, length in sorted(zip(tensor.stride(), tensor.shape, strict=True)):
        if length != 1:
            if stride != size:
                return False
            size *= length
    return True


def _like(param: Tensor, tensor: Tensor) -> Tensor:
    """The tensor, if it lies on the host in the parameter's order and dtype; else a copy that does."""
    if tensor is param or (
        tensor.dtype == param.dtype and tensor.device == param.device and _order(tensor) == _order(param)
    ):
        return tensor
    return torch.empty_like(param.detach()).copy_(tensor.detach())


def _order(tensor: Tensor) -> list[int]:
    """The strides, but for axes of length 1, where they mean nothing."""
    return [stride for stride, length in zip(tensor.stride(), tensor.shape, strict=True) if length != 1]


class Task:
    """What a kernel is told of many parameters, laid out in memory as it reads it: see `kernels.PLAN`.

    Attributes:
        kernel: whose.
        addresses: of `tensors_of`; whoever sets them keeps the tensors alive.
        scalars: what `prepare` computed, a row a parameter.
    """

    def __init__(self, kernel: Kernel, params: Sequence[Tensor]) -> None:
        self.kernel = kernel
        self.addresses = np.zeros((3 + len(kernel.states) + len(kernel.numbers)) * len(params), dtype=np.int64)
        self.scalars = np.zeros((len(params), kernel.scalars))
        self._settings = np.zeros(len(kernel.settings))
        self._offsets = np.cumsum([0, *(param.numel() for param in params)], dtype=np.int64)
        self._params = params
        self._most_shares = max(1, int(self._offsets[-1]) // SMALL)
        tables = (self._offsets, self.addresses, self._settings, self.scalars)
        self._plan = np.array([0, 1, len(params), *(table.ctypes.data for table in tables)], dtype=np.int64)
        self._address = self._plan.ctypes.data

    @property
    def row(self) -> tuple[int, ...]:
        """What native code must know to run it: see `look.TASKS`."""
        shares = self._address + SHARES * self._plan.itemsize
        return self._address, *self.kernel.addresses, self._most_shares, shares

    def set(self, rule: Rule) -> None:
        """Take the hyperparameters of a rule."""
        values = settings(rule)
        self._settings[:] = [float(values[name]) for name in self.kernel.settings]

    def run(self) -> None:
        """Make the step."""
        shares = min(torch.get_num_threads(), self._most_shares)
        self._plan[SHARES] = shares
        self.prepare()
        threads.run(self.kernel.run, self._address, shares)
        increment_version(self._params)  # autograd must know of it, for it may still need what was there

    def prepare(self) -> None:
        """Count the steps, and compute what is the same for all elements of a parameter."""
        self.kernel.prepare(self._address)


# --- which kernel -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Held:
    """Carries a rule past a cache that should not look at it: kernels depend on its structure alone."""

    rule: Rule

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Held)

    def __hash__(self) -> int:
        return 0


def kernel_for(rule: Rule, maximize: bool, number: Number) -> Kernel:
    """The kernel of a rule's structure, built once in a process."""
    return _kernel(rule.structure, maximize, number, _Held(rule))


@cache
def _kernel(structure: tuple[Any, ...], maximize: bool, number: Number, held: _Held) -> Kernel:
    return build(record(held.rule, maximize), number)
