"""What the first layers of a model get, and what its outputs do where that changes a little."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from .parameters import dense
from .record import InputFacts

__all__ = ["data_for", "facts_of", "nudged", "nudged_inputs", "roughness"]

LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.RNNBase, nn.RNNCellBase)
"""Layers whose inputs should be of the size of 1."""

NUDGE = 0.01
"""The change of each number of an input, in standard deviations of it over the batch."""

MOST_COLUMNS = 4096
"""The most columns of a table that are looked at one by one."""


def data_for(module: nn.Module, args: tuple[Any, ...]) -> Tensor | None:
    """The input of a layer that is trained, if it is data: no result of what is trained; else None."""
    if not isinstance(module, LAYERS) or not args or not isinstance(args[0], Tensor):
        return None
    value, trained = args[0], any(param.requires_grad for param in module.parameters(recurse=False))
    return value if trained and not value.requires_grad and value.is_floating_point() and dense(value) else None


def facts_of(value: Tensor) -> InputFacts:
    """Moments of an input, and of a table how far the sizes of its columns lie apart."""
    values = value.detach().float()
    finite = bool(values.isfinite().all())
    facts = InputFacts(math.nan, math.nan, value.numel(), finite)
    if finite and values.dim() == 2 and len(values) >= 8 and values.shape[1] <= MOST_COLUMNS:
        facts.apart = _apart(values)
    values = values if finite else values[values.isfinite()]
    if values.numel():
        spread, mean = torch.std_mean(values, correction=0)
        facts.mean, facts.deviation = float(mean), float(spread)
    return facts


def _apart(table: Tensor) -> float:
    """The largest size of any column over the smallest one, of those that vary and are mostly not 0."""
    varies = (table.amax(0) > table.amin(0)) & ((table != 0).float().mean(0) > 0.5)
    sizes = table.abs().amax(0)[varies]
    return float(sizes.amax() / sizes.amin()) if len(sizes) > 1 else 1.0


def _nudged(value: Tensor) -> Tensor:
    generator = torch.Generator().manual_seed(0)  # none of the training's
    noise = torch.randn(value.shape, generator=generator).to(value)
    return value + NUDGE * noise * value.std(0, correction=0, keepdim=True)


@contextmanager
def nudged(modules: Sequence[nn.Module]) -> Iterator[None]:
    """Within it the inputs of layers change a little at random, as those of other examples nearby would."""

    def nudge(module: nn.Module, args: tuple[Any, ...]) -> Any:
        known = bool(args) and isinstance(args[0], Tensor) and args[0].is_floating_point() and args[0].dim() > 0
        return (_nudged(args[0]), *args[1:]) if known else None

    handles = [module.register_forward_pre_hook(nudge) for module in modules]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def nudged_inputs(inputs: Any) -> Any:
    """The inputs of a model, changed a little at random where they are numbers."""
    return pytree.tree_map(
        lambda value: (
            _nudged(value) if isinstance(value, Tensor) and value.is_floating_point() and value.dim() else value
        ),
        inputs,
    )


def roughness(outputs: Tensor, moved: Tensor) -> float:
    r"""Mean squared change of outputs over their variance between examples, and over the square of `NUDGE`.

    It is about 1 of a linear function, whatever its size, and grows with the square of the frequencies of one that
    oscillates. NaN where rounding may be a part of it, or where most outputs are at an end of an activation.
    """
    eps = torch.finfo(outputs.dtype).eps
    outputs, moved = outputs.double(), moved.double()
    apart, size = float((outputs - outputs.mean(0)).square().sum()), float(outputs.square().sum())
    ended = float((outputs == outputs.amin(0)).double().mean()) > 0.5
    if ended or not apart > (100 * eps / NUDGE) ** 2 * size:
        return math.nan
    return float((moved - outputs).square().sum()) / apart / NUDGE**2
