"""Units that are copies of one another: with equal weights and equal gradients no step tells them apart."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from .parameters import Before, dense

__all__ = ["twins_in"]


def twins_in(
    before: Before, units: set[int], owners: dict[int, nn.Module]
) -> Iterator[tuple[str, int, int]]:  # fmt: skip
    """Names of weights most of whose rows have twins, as their gradients have: such units stay copies; how many of all.

    Of an embedding they are the columns: the numbers that stand for one symbol. Of a recurrent layer, each unit's rows.
    """
    for name, param, _ in before.params:
        owner = owners.get(id(param))
        table = isinstance(owner, nn.Embedding)
        units_in = owner.hidden_size if isinstance(owner, nn.RNNBase) and "weight_ih" in name else 0
        if not (id(param) in units or table or units_in) or param.grad is None or not dense(param.grad):
            continue
        if table and not bool((param[:1] == param[:1, :1]).all()):  # a large one is hardly ever looked at further
            continue
        weight, gradient = param.detach().flatten(1), param.grad.detach().flatten(1)
        if table:
            weight, gradient = weight.mT, gradient.mT
        if units_in:  # each unit has a row for each gate
            weight, gradient = (
                each.reshape(-1, units_in, each.shape[1]).transpose(0, 1) for each in (weight, gradient)
            )
        weight, gradient = weight.flatten(1), gradient.flatten(1)
        copies = _copies(weight, gradient) if len(weight) > 1 else 0
        if copies >= max(2, len(weight) / 2):
            yield name, copies, len(weight)


def _copies(weight: Tensor, gradient: Tensor) -> int:
    """The number of rows that have a twin: the same weights, and the same gradient to rounding."""
    scale = float(gradient.abs().amax())
    marks = (weight.double() * torch.arange(1, weight.shape[1] + 1, device=weight.device).cos()).sum(1)
    known, group = torch.unique(marks, return_inverse=True)  # rows with different marks are different
    if len(known) > len(weight) / 2 + 1 or not scale > 0:
        return 0
    places = torch.arange(len(weight), device=weight.device)
    first = places.new_full((len(known),), len(weight)).scatter_reduce(0, group, places, "amin")[group]
    alike = (weight == weight[first]).all(1) & ((gradient - gradient[first]).abs().amax(1) <= 1e-5 * scale)
    sizes = torch.bincount(group[alike], minlength=len(known))
    return int(sizes[sizes > 1].sum())
