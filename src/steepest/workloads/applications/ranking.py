"""How good an order is: average precision."""

import torch
from torch import Tensor

__all__ = ["average_precision"]


def average_precision(scores: Tensor, is_right: Tensor) -> Tensor:
    r"""The mean over what is right of the precision among all that scores as high or higher.

    $$\sum_n (R_n - R_{n-1}) \, P_n$$

    over the different scores from the highest on, with the recall R and the precision P among all from there up.

    Args:
        scores: shape (n,).
        is_right: whether each is right, bool; where none is, the result is 0.

    >>> average_precision(torch.tensor([0.9, 0.8, 0.7]), torch.tensor([True, False, True]))
    tensor(0.8333)
    """
    scores, order = scores.sort(descending=True)
    is_last = torch.cat([scores[1:] != scores[:-1], torch.ones_like(scores[:1], dtype=torch.bool)])
    right = is_right[order].cumsum(dim=0)[is_last]
    among = torch.arange(1, len(scores) + 1, device=scores.device)[is_last]
    new = right.diff(prepend=torch.zeros_like(right[:1]))
    return (new * right / among).sum() / right[-1].clamp(min=1)
