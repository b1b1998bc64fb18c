"""The values of a step that are the same for all elements of a parameter, in float64, for many parameters at once.

Each parameter counts its own steps, and the rule's numbers of a parameter are its own too. Both are read on the host,
where they are kept unless a CUDA graph is to record the step; then all of it happens on the parameters' device, on a
vector with a number for each of them, and nothing is read back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor

from ...program.operations import OPERATIONS
from ...program.record import Operation, Program, Value, settings
from ...rules import Rule
from .functions import uniform_values

__all__ = ["Row", "Uniform", "place_counters"]

Row = float | list[float] | Tensor
"""A uniform value of many parameters: the number of all of them, or a number for each."""

States = Sequence[dict[str, Any]]


def place_counters(rule: Rule, states: States, device: torch.device) -> None:
    """Move step counters and numbers to a device, where they were made or loaded on another."""
    for state in states:
        for name in ("step", *rule.numbers):
            if state[name].device != device:
                state[name] = state[name].to(device, torch.float32 if name == "step" else _widest(device))


@dataclass(frozen=True)
class Uniform:
    """The uniform part of a rule's program.

    Attributes:
        operations: those to be done once for each parameter.
        results: what the arithmetic of the elements takes, then the new states that are one number.
        conditions: for each that the arithmetic takes, whether it is true or false.
    """

    operations: list[Operation]
    results: list[Any]
    conditions: list[bool]

    @classmethod
    def of(cls, program: Program) -> Self:
        """The uniform part of a program."""
        taken, operations = uniform_values(program), program.uniform()
        true_or_false = {operation.result.name for operation in operations if OPERATIONS[operation.kind].condition}
        return cls(
            operations=operations,
            results=[*taken, *(program.outputs[name] for name in program.numbers)],
            conditions=[value.name in true_or_false for value in taken],
        )

    def on_host(self, rule: Rule, states: States) -> list[Row]:
        """The results from counters on the host, as numbers, or lists where the counters differ."""
        names = ("step", *rule.numbers)
        known = {name: float(value) for name, value in settings(rule).items()}
        counters = [tuple(state[name].item() for name in names) for state in states]
        results = {
            counter: self._evaluate(known | dict(zip(names, counter, strict=True)) | {"step": counter[0] + 1})
            for counter in dict.fromkeys(counters)
        }
        if len(results) == 1:
            return next(iter(results.values()))
        return [list(row) for row in zip(*(results[counter] for counter in counters), strict=True)]

    def on_device(self, rule: Rule, states: States) -> list[Row]:
        """The results from counters on the device: numbers where they come from settings alone, otherwise vectors."""
        device = states[0]["step"].device
        wide = _widest(device)
        known = {
            name: value.detach().reshape(()).to(device, wide) if isinstance(value, Tensor) else float(value)
            for name, value in settings(rule).items()
        }
        known |= {name: torch.stack([state[name] for state in states]).to(wide) for name in ("step", *rule.numbers)}
        results = self._evaluate(known | {"step": known["step"] + 1})
        return [result.expand(len(states)) if isinstance(result, Tensor) else result for result in results]

    def _evaluate(self, known: dict[str, Any]) -> list[Any]:
        values = dict(known)

        def value(operand: Any) -> Any:
            return values[operand.name] if isinstance(operand, Value) else operand

        for operation in self.operations:
            call = _where if operation.kind == "where" else OPERATIONS[operation.kind].call
            values[operation.result.name] = call(*map(value, operation.operands))
        return [value(result) for result in self.results]


def _where(condition: Any, a: Any, b: Any) -> Any:
    """Two plain numbers become a tensor of float64, not of torch's default."""
    if not isinstance(condition, Tensor):
        return a if condition else b
    wide = _widest(condition.device)
    parts = (value if isinstance(value, Tensor) else torch.full_like(condition, value, dtype=wide) for value in (a, b))
    return torch.where(condition, *parts)


def _widest(device: torch.device) -> torch.dtype:
    """float64, where the device has it."""
    narrow = device.type == "mps" or (device.type == "xpu" and not torch.xpu.get_device_properties(device).has_fp64)
    return torch.float32 if narrow else torch.float64
