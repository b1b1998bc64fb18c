"""The fused engine for training on a CPU: all parameters of a group in one call of a compiled kernel.

It takes plain float32, float64 and bfloat16 tensors; others are left to the eager engine, with the
reason.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ...program.record import record
from ...rules import Rule
from .. import checks
from ..eager import Triple
from .arguments import ArgumentBlock
from .kernels import Kernel, Number, build

__all__ = ["FusedStep", "kernel_for", "refusal"]

NUMBERS: dict[torch.dtype, Number] = {
    torch.float32: "float32", torch.float64: "float64", torch.bfloat16: "bfloat16",
}  # fmt: skip


def refusal(rule: Rule, param: Tensor, grad: Tensor, state: dict[str, Any]) -> str | None:
    """The reason why this engine cannot step a parameter; None if it can."""
    if reason := checks.refusal(rule, param, grad, state):
        return reason
    if param.device.type != "cpu":
        return f"on {param.device.type}"
    return None if param.dtype in NUMBERS else f"{param.dtype} parameters"


class FusedStep:
    """A step of parameters that `refusal` does not refuse, by one kernel for each dtype.

    To make it loads or compiles the kernels and lays out their arguments, and changes nothing; `run` makes the step.

    Raises:
        NotCompiled: a kernel cannot be compiled on this machine.
    """

    def __init__(self, rule: Rule, triples: Sequence[Triple], maximize: bool) -> None:
        self._structure, self._maximize, self._count = rule.structure, maximize, len(triples)
        places: dict[torch.dtype, list[int]] = defaultdict(list)
        for index, (param, _, _) in enumerate(triples):
            places[param.dtype].append(index)
        kernels = {dtype: kernel_for(rule, maximize, NUMBERS[dtype]) for dtype in places}
        self._parts = [
            (None if len(places) == 1 else chosen, ArgumentBlock(kernels[dtype], rule.title, _chosen(triples, chosen)))
            for dtype, chosen in places.items()
        ]
        self.is_in_place = all(block.is_in_place for _, block in self._parts)

    @property
    def blocks(self) -> list[ArgumentBlock]:
        """The arguments of each kernel."""
        return [block for _, block in self._parts]

    def take(self, rule: Rule, triples: Sequence[Triple], maximize: bool) -> bool:
        """Take gradients and settings for another step; False where a tensor or the rule is not as it was."""
        return (
            len(triples) == self._count
            and maximize == self._maximize
            and rule.structure == self._structure
            and all(block.take(_chosen(triples, places)) for places, block in self._parts)
        )

    def run(self, rule: Rule, triples: Sequence[Triple]) -> None:
        """Make the step, of the same parameters."""
        for places, block in self._parts:
            block.run(rule, _chosen(triples, places))


def _chosen(triples: Sequence[Triple], places: Sequence[int] | None) -> Sequence[Triple]:
    """The triples at these indices, or all of them."""
    return triples if places is None else [triples[index] for index in places]


_kernels: dict[Any, Kernel] = {}


def kernel_for(rule: Rule, maximize: bool, number: Number) -> Kernel:
    """The kernel of a rule's structure, built once in a process."""
    key = (rule.structure, maximize, number)
    if key not in _kernels:
        _kernels[key] = build(record(rule, maximize), number)
    return _kernels[key]
