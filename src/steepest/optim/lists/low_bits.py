"""States in 8 or 16 bits of many parameters at once: read into lists of full precision, and rounded after the step."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import torch
from torch import Tensor

from ..low_bits import load, store

__all__ = ["Coding"]

Columns = Sequence[Sequence[Tensor]]


@dataclass(frozen=True)
class Coding:
    """The columns of states in fewer bits.

    Attributes:
        places: of these columns among all.
        units: a column for each of them; none if they are in 16 bits.
        seeds: of the random bits, a row for each pair of states, a number or a tensor of one for each parameter.
        firsts: of each tensor, the first element that its column holds.
    """

    places: list[int]
    units: Columns
    seeds: Sequence[Sequence[Any]]
    firsts: Sequence[int]

    def of(self, places: Sequence[int], firsts: Sequence[int], units: Columns) -> Self:
        """The same for a part of the lists."""
        return replace(self, units=units, firsts=firsts, seeds=[[row[index] for index in places] for row in self.seeds])

    def read(self, columns: Columns, number: torch.dtype) -> list[Sequence[Tensor]]:
        """The columns with these states as numbers of a kind."""
        result = list(columns)
        for column, place in enumerate(self.places):
            result[place] = [
                load(kept, unit).to(number) for kept, unit in zip(columns[place], self._units(column), strict=True)
            ]
        return result

    def write(self, columns: Columns, wide: Columns) -> None:
        """Round the new numbers of these states, at random, into their columns."""
        for column, place in enumerate(self.places):
            seeds, half = self.seeds[column // 2], column % 2
            rows = zip(wide[place], columns[place], self._units(column), seeds, self.firsts, strict=True)
            for values, kept, unit, seed, first in rows:
                store(values, kept, unit, seed, half, first)

    def _units(self, column: int) -> Sequence[Tensor | None]:
        return self.units[column] if self.units else [None] * len(self.firsts)

    def tensors(self, device: torch.device) -> tuple[Columns, Tensor]:
        """What a compiled function takes of it: the units, and the seeds as a table on the device."""
        rows = [torch.stack([torch.as_tensor(seed, dtype=torch.int64) for seed in row]) for row in self.seeds]
        return self.units, torch.stack(rows).to(device)

    @classmethod
    def from_tensors(cls, places: list[int], units: Columns, seeds: Tensor) -> Self:
        """The coding whose `tensors` these are."""
        return cls(places, units, [row.unbind() for row in seeds.unbind()], [0] * seeds.shape[1])
