"""What the programs of `fifth` share."""

from collections.abc import Iterable, Iterator
from itertools import chain, islice, repeat
from typing import Any

from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from .parts import generator_of


def loader(*tensors: Tensor, size: int, seed: int) -> DataLoader[Any]:
    """Shuffled batches of one size."""
    return DataLoader(TensorDataset(*tensors), size, shuffle=True, drop_last=True, generator=generator_of(seed))


def epochs(batches: Iterable[Any], steps: int) -> Iterator[Any]:
    """So many batches, epoch after epoch."""
    return islice(chain.from_iterable(repeat(batches)), steps)


def right(outputs: Tensor, targets: Tensor) -> float:
    """The share of rows whose largest output is the target's."""
    return float((outputs.argmax(-1) == targets).float().mean())
