"""The targets of a batch, example by example: their middle, and how far they lie from it."""

import torch
from torch import Tensor

from ..record import ExampleFacts

__all__ = ["FOLDED", "of_labels", "of_targets"]

FOLDED = 64
"""The most numbers of an example that are kept apart: of more, every 64th are added up."""


def of_targets(targets: Tensor) -> ExampleFacts | None:
    """Of targets that are numbers, whose first dimension is that of the examples.

    >>> of_targets(torch.tensor([[0.0, 1.0], [2.0, 1.0]]))
    ExampleFacts(count=2, middle=(1.0, 1.0), variance=1.0)
    """
    if targets.dim() == 0 or len(targets) < 2:
        return None
    return _facts(_folded(targets.reshape(len(targets), -1)))


def of_labels(labels: Tensor, shown: Tensor, count: int) -> ExampleFacts | None:
    """Of classes: an example has the share of each of them among its rows.

    Args:
        labels: the class of each row that is shown.
        shown: of all rows, those of one example after those of another, which have a class.
        count: number of examples.
    """
    if count < 2 or len(shown) % count:
        return None
    places = shown.nonzero().squeeze(-1) // (len(shown) // count)
    table = torch.zeros(count, FOLDED, device=labels.device)
    table.index_put_((places, labels % FOLDED), table.new_ones(()), accumulate=True)
    sizes = table.sum(1, keepdim=True)
    known = sizes.squeeze(-1) > 0
    return _facts(table[known] / sizes[known]) if int(known.sum()) > 1 else None


def _folded(rows: Tensor) -> Tensor:
    size = rows.shape[1]
    if size <= FOLDED:
        return rows
    rows = torch.nn.functional.pad(rows, (0, -size % FOLDED))
    return rows.view(len(rows), -1, FOLDED).sum(1)


def _facts(rows: Tensor) -> ExampleFacts:
    middle = rows.mean(0)
    return ExampleFacts(len(rows), tuple(middle.tolist()), float((rows - middle).square().sum(1).mean()))
