"""Whether held-out examples are among those that are trained on: rows of inputs, by a checksum of their bits."""

import math
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from .parameters import dense

__all__ = ["Rows"]

MOST = 2**16
"""The most rows whose checksums are kept, on either side: some 8 MiB."""

LEAST = 4
"""Rows of fewer entries may well be alike by chance."""

SURE = 48.0
"""Bits of a row, were its entries independent, beyond which none is the same as another one by chance."""

SAMPLE = 256, 64
"""Rows and columns from which these bits are estimated."""


class Rows:
    """Checksums of rows of inputs that were trained on, and of those that were held out.

    >>> rows = Rows()
    >>> examples = torch.arange(40.0).reshape(8, 5)
    >>> rows.trained(examples[:6])
    >>> rows.held |= rows.checksums(examples[4:])
    >>> rows.shared
    (2, 6)

    Attributes:
        train, held: checksums on either side.
        chance: the share of held-out rows that are the same as another held-out row by chance, as names and short
            sentences are; 0 where rows have too many different values for that.
    """

    def __init__(self) -> None:
        self.train, self.held = set[int](), set[int]()
        self.chance = 0.0
        self._bits: float | None = None
        self._factors = torch.zeros(0, dtype=torch.int64)

    @property
    def shared(self) -> tuple[int, int]:
        """The number of rows that are on both sides, and of those that were trained on."""
        return len(self.train & self.held), len(self.train)

    def trained(self, inputs: Tensor | None) -> None:
        """Keep the rows of a batch that is trained on."""
        if inputs is not None and len(self.train) < MOST:
            self.train |= self.checksums(inputs)

    @contextmanager
    def holding(self, model: nn.Module) -> Iterator[None]:
        """Within it, what the model is called on is held out."""

        def called(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            first = next((value for value in (*args, *kwargs.values()) if isinstance(value, Tensor)), None)
            if first is not None and len(self.held) < MOST:
                found = self._listed(first)
                whole = tuple(sorted(found))
                if whole not in batches:  # one that is called twice says nothing of rows
                    batches.add(whole)
                    counts.update(found)
                if self._bits is None and found:
                    self._bits = bits_of(first)

        counts, batches = Counter[int](), set[tuple[int, ...]]()
        handle = model.register_forward_pre_hook(called, with_kwargs=True)
        try:
            yield
        finally:
            handle.remove()
        self.held |= counts.keys()
        if counts and self._bits is not None and self._bits < SURE:
            again = sum(count for count in counts.values() if count > 1)
            self.chance = max(self.chance, again / counts.total())

    def checksums(self, inputs: Tensor) -> set[int]:
        """A number for each row with several values in it, from its bits: the same whatever else is in the batch."""
        return set(self._listed(inputs))

    def _listed(self, inputs: Tensor) -> list[int]:
        if not dense(inputs) or inputs.dim() < 2 or inputs.is_complex() or not inputs.numel():
            return []
        rows = inputs.detach()[:4096].flatten(1)
        if rows.shape[1] < LEAST:
            return []
        varied = (rows != rows[:, :1]).any(1)
        bits = rows.double().view(torch.int64) if rows.is_floating_point() else rows.to(torch.int64)
        if len(self._factors) < bits.shape[1] or self._factors.device != bits.device:
            generator = torch.Generator().manual_seed(0)
            factors = torch.randint(-(2**62), 2**62, (bits.shape[1],), generator=generator) | 1
            self._factors = factors.to(bits.device)
        mixed = (bits ^ (bits >> 31)) * self._factors[: bits.shape[1]]
        sums: list[int] = (mixed ^ (mixed >> 29)).sum(1)[varied].tolist()
        return sums


def bits_of(inputs: Tensor) -> float:
    r"""How much rows differ: $-\sum_c \log_2 q_c$, with the share $q_c$ of pairs of rows whose entries $c$ are equal.

    >>> bits_of(torch.eye(4).repeat(16, 1)), bits_of(torch.rand(64, 4))
    (4.0, inf)
    """
    most, wide = SAMPLE
    rows = torch.unique(inputs.detach()[:most].flatten(1), dim=0).cpu()
    count, columns = rows.shape
    if count < 2:
        return 0.0
    bits = 0.0
    chosen = range(0, columns, max(1, columns // wide))
    for column in chosen:
        _, sizes = torch.unique(rows[:, column], return_counts=True)
        alike = float((sizes * (sizes - 1)).sum()) / (count * (count - 1))
        bits += -math.log2(alike) if alike > 0 else math.inf
    return float(round(bits * columns / len(chosen), 1))
