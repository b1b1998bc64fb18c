"""Parameters in bfloat16 or float16 that lose nothing to rounding, in one of two ways.

Plain rounding to nearest drops every step smaller than half a unit in the last place: with the 8 bits of bfloat16, a
step below a 500th of a weight does nothing, however often it is made. With `master_weights` the state holds the weights
in float32 and the parameter is their rounded image; with `stochastic_rounding` a step is rounded up or down at random,
with probabilities that make the mean exact, at no cost in memory. In both, the rule's states are in float32.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import torch
from torch import Tensor

from ..program.native import NotCompiled
from ..program.record import why_not_recorded
from ..rules import Rule
from . import eager, low_bits, sharded
from .cpu import step as cpu
from .eager import Triple

__all__ = ["complete_state", "is_compensated", "load_kernel", "round_stochastically", "step", "widened", "write_back"]


def is_compensated(param: Tensor, group: dict[str, Any]) -> bool:
    """Whether a parameter is in half precision and its group has `master_weights` or `stochastic_rounding`."""
    return param.dtype in eager.HALF and (group["master_weights"] or group["stochastic_rounding"])


def complete_state(rule: Rule, param: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
    """Set the missing parts of a parameter's state to their initial values; in float32 where `is_compensated`."""
    if is_compensated(param, group):
        wide = param.detach().float()
        eager.complete_state(rule, wide, state)
        if group["master_weights"] and "master" not in state:
            state["master"] = wide
    else:
        eager.complete_state(rule, param, state)
    low_bits.conform(rule, param, state, group["state_bits"])


def load_kernel(rule: Rule, triples: Sequence[Triple], group: dict[str, Any]) -> None:
    """Load or compile the kernel of a step, which may take long or be interrupted, before anything is changed."""
    if why_not_recorded(rule, sums=True) is None and any(param.device.type == "cpu" for param, _, _ in triples):
        with suppress(NotCompiled):  # the eager engine needs no compiler
            for bits in {low_bits.bits_of(param, group["state_bits"]) for param, _, _ in triples}:
                cpu.kernel_for(rule, group["maximize"], "float32", bits)


def step(rule: Rule, triples: Sequence[Triple], group: dict[str, Any]) -> None:
    """One step of each parameter, computed in float32 and rounded by the group's setting."""
    for triple in triples:
        wide, grad, state = widened(triple, group)
        _step_in_float32(rule, (wide, grad, state), group["maximize"], low_bits.bits_of(wide, group["state_bits"]))
        write_back(triple[0], wide, state, group)


def widened(triple: Triple, group: dict[str, Any]) -> Triple:
    """The triple in float32, where its parameter `is_compensated`; else as it is."""
    param, grad, state = triple
    if not is_compensated(param, group):
        return triple
    return (state["master"] if group["master_weights"] else param.detach().float()), grad.float(), state


def write_back(param: Tensor, wide: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
    """Round what was stepped in float32 into its parameter, by the group's setting."""
    if wide is not param:
        param, wide, masters = sharded.local(param), sharded.local(wide), group["master_weights"]
        param.copy_(wide if masters else round_stochastically(wide, param.dtype, seed=int(state["step"])))


def _step_in_float32(rule: Rule, triple: Triple, maximize: bool, bits: int | None) -> None:
    if cpu.refusal(rule, *triple, bits) is None:
        try:
            cpu.FusedStep(rule, [triple], maximize, bits).run(rule, [triple])
            return
        except NotCompiled:
            pass
    eager.step(rule, *triple, maximize, bits)


def round_stochastically(values: Tensor, dtype: torch.dtype, seed: int) -> Tensor:
    """Round float32 to bfloat16 or float16, up or down at random: a value's mean over seeds is the value itself.

    >>> third = torch.full((10_000,), 1 / 3)
    >>> rounded = round_stochastically(third, torch.bfloat16, seed=0)
    >>> len(rounded.unique()), bool((rounded.double().mean() - 1 / 3).abs() < 1e-4)
    (2, True)
    """
    below = _towards_zero(values, dtype)
    above = torch.where(below == values, below, _next_away_from_zero(below, values))
    gap = above.float() - below.float()
    share = torch.where(gap == 0, torch.zeros_like(gap), (values - below.float()) / gap)
    generator = torch.Generator(device=values.device).manual_seed(seed)
    chance = torch.rand(values.shape, generator=generator, device=values.device)
    rounded = torch.where(chance < share, above, below)
    return torch.where(torch.isfinite(values), rounded, values.to(dtype))


def _towards_zero(values: Tensor, dtype: torch.dtype) -> Tensor:
    nearest = values.to(dtype)
    too_far = nearest.float().abs() > values.abs()
    return torch.where(too_far, _step_bits(nearest, -1), nearest)


def _next_away_from_zero(below: Tensor, values: Tensor) -> Tensor:
    """The next representable number; from 0 it goes towards the sign of the value."""
    signed = torch.copysign(below, values.to(below.dtype))
    return _step_bits(signed, 1)


def _step_bits(numbers: Tensor, by: int) -> Tensor:
    """Floating point numbers of one sign are ordered as their bits are."""
    return (numbers.view(torch.int16) + by).view(numbers.dtype)
