"""Units that are copies of one another: with equal weights and equal gradients no step tells them apart."""

from collections import Counter
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from .observation import Twins
from .parameters import Before, dense

__all__ = ["twins_in"]


def twins_in(before: Before, units: set[int], owners: dict[int, nn.Module]) -> Iterator[Twins]:
    """Weights most of whose units have twins, as their gradients have: such units stay copies.

    Where no weight of the model has a gradient, all units of a layer are copies if their weights are equal; where any
    has one, as of layers that start at 0 one behind the other, those without may get one later. Hidden units of equal
    weights that are not 0 are copies even if dropout tells their gradients apart a little.
    """
    yield from _parts(before)
    params = [param for _, param, _ in before.params if param.dim() > 1]
    still = not any(bool(gradient.any()) for param in params if (gradient := param.grad) is not None)
    for name, param, _ in before.params:
        owner = owners.get(id(param))
        if owner is None or param.grad is None or not dense(param.grad):
            continue
        if (
            id(param) not in units and isinstance(owner, nn.Linear) and param.dim() == 2 and not still
        ):  # outputs, such as those of a mixture
            if _copies(param.detach(), param.grad.detach(), reached=False) == len(param) > 2:
                yield Twins(name, len(param), len(param), True, "units")
            continue
        for weight, gradient, is_layer in _by_unit(param, param.grad.detach(), owner, id(param) in units):
            equal = is_layer and bool((weight == weight[:1]).all())
            if still or (equal and id(param) in units and bool(weight.any())):
                copies = len(weight) if equal else 0
            else:
                copies = _copies(weight.flatten(1), gradient.flatten(1))
            if copies >= max(2, len(weight) / 2):
                yield Twins(name, copies, len(weight), not still)
                break


def _parts(before: Before) -> Iterator[Twins]:
    """Whole weights that are equal, as those of copies of a module are, and have equal gradients."""
    groups = dict[tuple[torch.Size, float], list[tuple[str, Tensor, Tensor]]]()
    shapes = Counter(param.shape for _, param, _ in before.params)
    for name, param, _ in before.params:
        if param.dim() > 1 and shapes[param.shape] > 1 and param.grad is not None and dense(param.grad):
            mark = param.detach().double().norm().item()
            groups.setdefault((param.shape, mark), []).append((name, param.detach(), param.grad.detach()))
    for (name, weight, gradient), *others in groups.values():
        scale = float(gradient.abs().amax())
        if not others or scale == 0 or bool((weight == weight.flatten()[0]).all()):  # what is set to 1 is no copy
            continue
        copies = [
            other for other in others
            if torch.equal(other[1], weight) and float((other[2] - gradient).abs().amax()) <= 1e-5 * scale
        ]  # fmt: skip
        if copies:
            yield Twins(name, len(copies) + 1, shapes[weight.shape], True, "weights")


def _by_unit(
    param: Tensor, gradient: Tensor, owner: nn.Module, is_layer: bool
) -> Iterator[tuple[Tensor, Tensor, bool]]:
    """A weight and its gradient with a row for each unit, and whether it is known that rows are units.

    Of an embedding they are the columns: the numbers that stand for one symbol. Of a recurrent layer, each unit's rows
    for its gates. Of a matrix in a module that is not torch's, either.
    """
    weight = param.detach()
    if is_layer:
        yield weight, gradient, True
    elif isinstance(owner, nn.Embedding):
        if bool((weight[:1] == weight[:1, :1]).all()):  # a large one is hardly ever looked at further
            yield weight.mT, gradient.mT, True
    elif isinstance(owner, nn.RNNBase | nn.RNNCellBase):
        size = int(owner.hidden_size)
        if param.dim() == 2 and len(weight) % size == 0:
            rows, slopes = (each.reshape(-1, size, each.shape[1]).transpose(0, 1) for each in (weight, gradient))
            yield rows, slopes, True
    elif param.dim() == 2 and not type(owner).__module__.startswith("torch."):
        yield weight.mT, gradient.mT, False
        yield weight, gradient, False


def _copies(weight: Tensor, gradient: Tensor, reached: bool = True) -> int:
    """The number of rows that have a twin: the same weights, and the same gradient to rounding.

    A row that no example reaches, as of a table, has no gradient, and no twin by that, unless it need not be `reached`.
    """
    scale = float(gradient.abs().amax())
    marks = (weight.double() * torch.arange(1, weight.shape[1] + 1, device=weight.device).cos()).sum(1)
    known, group = torch.unique(marks, return_inverse=True)  # rows with different marks are different
    if len(known) > len(weight) / 2 + 1 or not scale > 0:
        return 0
    places = torch.arange(len(weight), device=weight.device)
    first = places.new_full((len(known),), len(weight)).scatter_reduce(0, group, places, "amin")[group]
    alike = (weight == weight[first]).all(1) & ((gradient - gradient[first]).abs().amax(1) <= 1e-5 * scale)
    if reached:
        alike &= gradient.abs().amax(1) > 1e-5 * scale
    sizes = torch.bincount(group[alike], minlength=len(known))
    return int(sizes[sizes > 1].sum())
