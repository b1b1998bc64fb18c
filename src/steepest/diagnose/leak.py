"""Whether held-out examples are among those that are trained on: rows of inputs, by a checksum of their bits."""

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


class Rows:
    """Checksums of rows of inputs that were trained on, and of those that were held out.

    >>> rows = Rows()
    >>> examples = torch.arange(40.0).reshape(8, 5)
    >>> rows.trained(examples[:6])
    >>> rows.held |= rows.checksums(examples[4:])
    >>> rows.shared
    (2, 6)
    """

    def __init__(self) -> None:
        self.train, self.held = set[int](), set[int]()
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
                self.held |= self.checksums(first)

        handle = model.register_forward_pre_hook(called, with_kwargs=True)
        try:
            yield
        finally:
            handle.remove()

    def checksums(self, inputs: Tensor) -> set[int]:
        """A number for each row with several values in it, from its bits: the same whatever else is in the batch."""
        if not dense(inputs) or inputs.dim() < 2 or inputs.is_complex() or not inputs.numel():
            return set()
        rows = inputs.detach()[:4096].flatten(1)
        if rows.shape[1] < LEAST:
            return set()
        varied = (rows != rows[:, :1]).any(1)
        bits = rows.double().view(torch.int64) if rows.is_floating_point() else rows.to(torch.int64)
        if len(self._factors) < bits.shape[1] or self._factors.device != bits.device:
            generator = torch.Generator().manual_seed(0)
            factors = torch.randint(-(2**62), 2**62, (bits.shape[1],), generator=generator) | 1
            self._factors = factors.to(bits.device)
        mixed = (bits ^ (bits >> 31)) * self._factors[: bits.shape[1]]
        return set((mixed ^ (mixed >> 29)).sum(1)[varied].tolist())
