"""The fused engine for training on a CPU: all parameters of a group in one call of a compiled kernel.

It takes plain float32, float64 and bfloat16 tensors that lie contiguously in memory; what it does not take it leaves to
the eager engine, with the reason.
"""

from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import Parameter

from ..checks import check_state
from ..rules import Rule
from .kernels import Kernel, Number, build
from .program import record

__all__ = ["NUMBERS", "Job", "inputs_of", "kernel_for", "refusal", "run_in_threads", "step"]

NUMBERS: dict[torch.dtype, Number] = {
    torch.float32: "float32", torch.float64: "float64", torch.bfloat16: "bfloat16",
}  # fmt: skip

SMALL = 1 << 18
"""Elements a thread must have at least: below, waking it takes longer than it saves."""

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
    alike: dict[tuple[Any, ...], list[Job]] = defaultdict(list)
    for job in jobs:
        alike[job[0].dtype, *(job[2][name].item() for name in ("step", *rule.numbers))].append(job)
    for (dtype, done, *numbers), group in alike.items():
        kernel = kernel_for(rule, maximize, NUMBERS[dtype])
        known = {"step": int(done) + 1} | dict(zip(rule.numbers, numbers, strict=True))
        inputs = inputs_of(rule, known, kernel.inputs)
        _run(kernel, rule, inputs, group)
        for name, value in zip(kernel.numbers, kernel.next_numbers(*inputs), strict=True):
            for _, _, state in group:
                state[name].fill_(value)
    torch._foreach_add_([state["step"] for _, _, state in jobs], 1)


def _run(kernel: Kernel, rule: Rule, inputs: Sequence[float], jobs: Sequence[Job]) -> None:
    rows, sizes = [], [0]
    borrowed: list[tuple[Tensor, Tensor]] = []
    kept: list[Tensor] = []  # alive until the kernel, which knows addresses only, has run
    for param, grad, state in jobs:
        arrays = [param, grad, *(state[name] for name in kernel.states)]
        for place, array in enumerate(arrays):
            if array.shape != param.shape or array.device != param.device:
                check_state(rule.title, param, state)
            if not array.is_contiguous() or array.dtype != param.dtype:
                arrays[place] = copy = array.to(param.dtype).contiguous()
                if array is not grad:  # gradients are never written to
                    borrowed.append((array, copy))
                kept.append(copy)
        rows.append([array.data_ptr() for array in arrays])
        sizes.append(param.numel())
    offsets = np.cumsum(sizes)
    scalars = np.array(kernel.scalars(*inputs), dtype=np.float64)
    run_in_threads(kernel, np.array(rows, dtype=np.int64), offsets, scalars)
    for array, copy in borrowed:
        array.copy_(copy)


def run_in_threads(kernel: Kernel, addresses: Any, offsets: Any, scalars: Any) -> None:
    """Let each thread do its share of the elements, this one among them."""
    total = int(offsets[-1])
    threads = min(torch.get_num_threads(), max(1, total // SMALL))
    if threads == 1:
        kernel.run(addresses, offsets, scalars, 0, total)
        return
    edges = [total * i // threads // 64 * 64 for i in range(threads)] + [total]
    parts = [
        _pool(threads).submit(kernel.run, addresses, offsets, scalars, first, last)
        for first, last in pairwise(edges[1:])
    ]
    kernel.run(addresses, offsets, scalars, 0, edges[1])
    for part in parts:
        part.result()


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    """Threads that live as long as the process; a kernel holds no lock while it runs."""
    return ThreadPoolExecutor(threads - 1, thread_name_prefix="steepest")


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


def inputs_of(rule: Rule, known: dict[str, float], names: Sequence[str]) -> list[float]:
    """The values of a kernel's inputs: what is known of the parameter, and the hyperparameters."""
    values = dict(known)
    for name in rule.hyperparameters():
        setting = getattr(rule, name)
        if isinstance(setting, tuple | list):
            values |= {f"{name}_{place}": float(each) for place, each in enumerate(setting)}
        else:
            values[name] = setting
    return [float(values[name]) for name in names]
