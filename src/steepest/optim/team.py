"""The processes that have the parts, or the replicas, of one parameter, and what they send each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from . import sharded

__all__ = ["Team", "chunks", "team_of"]


@dataclass(frozen=True)
class Team:
    """Rows of processes: those of a row have the parts of a parameter, and every row has all of it.

    Plain tensors under DDP are whole in each process, which is a row of its own; `fully_shard` on a mesh of one axis
    makes one row; on a mesh of two, several (HSDP).

    Attributes:
        rows: the group of the processes in the same place of each row; None if there is one row.
        row: the group of the processes of this row; None if a row is one process.
    """

    rows: Any
    row: Any

    @property
    def shape(self) -> tuple[int, int]:
        """How many rows there are, and how many processes in a row."""
        return _size(self.rows), _size(self.row)

    @property
    def place(self) -> tuple[int, int]:
        """Which row this process is in, and its place there."""
        return _rank(self.rows), _rank(self.row)

    def exchange(self, sent: Tensor, sizes: Sequence[int], received: Sequence[int]) -> Tensor:
        """Send so many numbers to each process of the row, and return so many of each, in the order of their places."""
        result = sent.new_empty(sum(received))
        sharded.collective(dist.all_to_all_single, result, sent, list(received), list(sizes), group=self.row)
        return result

    def from_row(self, number: int, numbers: Tensor) -> None:
        """Give these numbers, of a process in the row of this number, to those in the same place of all rows."""
        if self.rows is not None:
            sharded.collective(dist.broadcast, numbers, src=dist.get_global_rank(self.rows, number), group=self.rows)

    def largest(self, number: int, device: torch.device) -> int:
        """The largest of the numbers that the processes give."""
        groups = [group for group in (self.row, self.rows) if group is not None]
        if not groups:
            return number
        result = torch.tensor(number, dtype=torch.int64, device=device)
        for group in groups:
            sharded.collective(dist.all_reduce, result, dist.ReduceOp.MAX, group=group)
        return int(result)


def team_of(param: Tensor, over: Any) -> tuple[Team, int] | None:
    """The team of a parameter, and the axis along which it is cut into parts.

    Args:
        param: a `DTensor`, or a plain tensor.
        over: the group of the processes that have the same plain tensors; None: they are not known to be the same.

    Returns:
        None where the parts are not pieces along one axis, or nothing says that others have the tensor.
    """
    if not sharded.is_sharded(param):
        return (Team(over, None), 0) if over is not None else None
    from torch.distributed.tensor import Shard

    mesh, placements = param.device_mesh, param.placements  # type: ignore[attr-defined]
    axes = [(axis, placement) for axis, placement in enumerate(placements) if mesh.size(axis) > 1]
    cut = [(axis, placement.dim) for axis, placement in axes if type(placement) is Shard]
    same = [axis for axis, placement in axes if placement.is_replicate()]
    if len(cut) + len(same) < len(axes) or len(cut) > 1 or len(same) > 1:
        return None
    rows, row = (mesh.get_group(found[0]) if found else None for found in (same, [axis for axis, _ in cut]))
    return Team(rows, row), cut[0][1] if cut else 0


def chunks(length: int, parts: int) -> list[int]:
    """The lengths of the parts of an axis, as `torch.chunk` and `DTensor` make them.

    >>> chunks(5, 4), chunks(3, 4)
    ([2, 2, 1, 0], [1, 1, 1, 0])
    """
    longest = -(-length // parts)
    return [max(0, min(longest, length - part * longest)) for part in range(parts)]


def _size(group: Any) -> int:
    return 1 if group is None else dist.get_world_size(group)


def _rank(group: Any) -> int:
    return 0 if group is None else dist.get_rank(group)
