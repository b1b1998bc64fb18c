"""The fused engine for training on a CPU: all parameters of a group in one call of a compiled kernel.

It takes plain float32, float64 and bfloat16 tensors; others are left to the eager engine, with the
reason.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ...program.record import Program, record
from ...program.signs import with_signs_of_factors
from ...rules import Rule
from .. import checks
from ..eager import Triple
from ..low_bits import bits_of, codes_of
from .arguments import ArgumentBlock, has_no_gaps, order_of
from .kernels import Kernel, Number, build

__all__ = ["FusedStep", "kernel_for", "program_of", "refusal"]

NUMBERS: dict[torch.dtype, Number] = {
    torch.float32: "float32", torch.float64: "float64", torch.bfloat16: "bfloat16",
}  # fmt: skip


def refusal(rule: Rule, param: Tensor, grad: Tensor, state: dict[str, Any], bits: int | None = None) -> str | None:
    """The reason why this engine cannot step a parameter, whose state is in so many bits; None if it can."""
    on_host = param.device.type == "cpu"
    if reason := checks.refusal(rule, param, grad, state, bits, sums=on_host):
        return reason
    if not on_host:
        return f"on {param.device.type}"
    if bits is not None and not _in_order(param, [state[name] for name in codes_of(rule, bits)]):
        return "the blocks of its states are in another order"
    return None if param.dtype in NUMBERS else f"{param.dtype} parameters"


def _in_order(param: Tensor, states: Sequence[Tensor]) -> bool:
    """Whether the elements of states lie in memory in the order of the parameter's, which has no gaps."""
    return has_no_gaps(param) and all(order_of(state) == order_of(param) for state in states)


class FusedStep:
    """A step of parameters that `refusal` does not refuse, by one kernel for each dtype, and for coded states.

    To make it loads or compiles the kernels and lays out their arguments, and changes nothing; `run` makes the step.

    Args:
        rule: of the group.
        triples: the parameters; those that are large enough have their states in so many bits.
        maximize: climb.
        bits: None for the parameter's own.

    Raises:
        NotCompiled: a kernel cannot be compiled on this machine, or not step these parameters.
    """

    def __init__(self, rule: Rule, triples: Sequence[Triple], maximize: bool, bits: int | None = None) -> None:
        self._structure, self._maximize, self._count = rule.structure, maximize, len(triples)
        places: dict[tuple[torch.dtype, int | None], list[int]] = defaultdict(list)
        for index, (param, _, _) in enumerate(triples):
            places[param.dtype, bits_of(param, bits)].append(index)
        kernels = {kind: kernel_for(rule, maximize, NUMBERS[kind[0]], kind[1]) for kind in places}
        self._parts = [
            (None if len(places) == 1 else chosen, ArgumentBlock(kernels[kind], rule.title, _chosen(triples, chosen)))
            for kind, chosen in places.items()
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


def kernel_for(rule: Rule, maximize: bool, number: Number, bits: int | None = None) -> Kernel:
    """The kernel of a rule's structure, with states in so many bits, built once in a process."""
    codes = {name: str(dtype).removeprefix("torch.") for name, dtype in codes_of(rule, bits).items()}
    key = (rule.structure, maximize, number, *codes.items())
    if key not in _kernels:
        _kernels[key] = build(program_of(rule, maximize), number, codes)
    return _kernels[key]


def program_of(rule: Rule, maximize: bool = False) -> Program:
    """The program that a rule's kernel is printed from."""
    program = record(rule, maximize, sums=True)
    return with_signs_of_factors(program, rule) if program.passes else program  # so that passes read less
