"""How the steps of whole tensors are divided among processes: who may share them, and a table of who does what."""

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from ..base.errors import InvalidValue
from ..rules import Rule
from . import sharded
from .assigned import Matrix, matrix_of, owners, rounds, states_like, teams
from .settings import later_rule_of

__all__ = ["Distribution", "Share", "group_of"]


@dataclass(frozen=True)
class Share:
    """What one process does in a step for the matrices of a team, when all of them have gradients.

    Attributes:
        matrices: how many it owns.
        flops: floating point operations for these.
        sent, received: bytes.
        states: bytes of the states of all of the team's matrices that lie in the process.
        in_flight: bytes of the values that are sent or returned, at most at a time.
    """

    matrices: int
    flops: int
    sent: int
    received: int
    states: int
    in_flight: int


class Distribution:
    """Who does what in a step of an optimizer; `print` shows it as a table.

    Attributes:
        shares: for each team of processes that have parts or replicas of the same matrices, what each does: by row of
            the mesh, then by place in it.
        gathered: how many parameters every process steps as a whole, as to divide them would cost more.
        elementwise: how many parameters go number by number, and are stepped where they lie.
    """

    def __init__(self, title: str, optimizer: Any) -> None:
        self._title = title
        self._matrices, self.gathered, self.elementwise = _matrices_of(optimizer)
        self._teams = teams(self._matrices)
        self.shares = [_shares(matrices, self._matrices) for matrices in self._teams]

    def __repr__(self) -> str:
        lines = [self._title]
        for matrices, shares in zip(self._teams, self.shares, strict=True):
            rows, width = matrices[0].team.shape
            numbers, flops = sum(matrix.shape.numel() for matrix in matrices), sum(share.flops for share in shares)
            power, unit = _unit(flops)
            lines += [
                f"  {len(matrices)} parameters, {numbers:,} numbers: assigned to {len(shares)} processes (replicas:"
                f" {rows}, parts: {width}), instead of {flops / power:.3g} {unit}flop a step in each",
                *("    " + line for line in _table(shares)),
            ]
        if self.gathered:
            why = ", as to divide it would cost more" if self._teams else ""
            lines.append(f"  {self.gathered} parameters: every process computes all of the step{why}")
        if self.elementwise:
            lines.append(f"  {self.elementwise} parameters go number by number, and are stepped where they lie")
        return "\n".join(lines)


def _table(shares: Sequence[Share]) -> list[str]:
    columns = [
        ["process", *map(str, range(len(shares)))],
        ["owns", *(str(share.matrices) for share in shares)],
        _column("", "flop", [share.flops for share in shares]),
        _column("sends ", "B", [share.sent for share in shares]),
        _column("receives ", "B", [share.received for share in shares]),
        _column("states ", "B", [share.states for share in shares]),
        _column("in flight ", "B", [share.in_flight for share in shares]),
    ]
    widths = [max(map(len, column)) for column in columns]
    return ["  ".join(map(str.rjust, row, widths)) for row in zip(*columns, strict=True)]


def _column(name: str, unit: str, numbers: Sequence[int]) -> list[str]:
    power, prefix = _unit(max(numbers))
    return [f"{name}{prefix}{unit}", *(f"{number / power:.3g}" for number in numbers)]


def _unit(number: int) -> tuple[float, str]:
    """The power of a thousand in which a number is shown, and its prefix."""
    prefixes = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
    return next((pair for pair in prefixes if number >= pair[0]), (1.0, ""))


def _matrices_of(optimizer: Any) -> tuple[dict[Matrix, Rule], int, int]:
    """The parameters whose steps are divided, with their rules; how many are gathered, and how many need no others."""
    matrices: dict[Matrix, Rule] = {}
    gathered = elementwise = 0
    for group in optimizer.param_groups:
        rule = later_rule_of(optimizer._class(group), group)
        names = sharded.names_of(group)
        known: dict[Any, Any] = {}
        for param in group["params"]:
            if not sharded.needs_whole(rule):
                elementwise += 1
            elif matrix := matrix_of(rule, param, names[id(param)], optimizer._over, known=known):
                matrices[matrix] = rule
            else:
                gathered += 1
    return matrices, gathered, elementwise


def _shares(matrices: Sequence[Matrix], rules: dict[Matrix, Rule]) -> list[Share]:
    rows, width = matrices[0].team.shape
    own = owners(matrices, rows * width)
    size = matrices[0].dtype.itemsize
    states = [sum(_states(rules[matrix], matrix, place) for matrix in matrices) for place in range(width)]
    shares = []
    for process, mine in enumerate(own):
        row, place = divmod(process, width)
        sent = received = 0
        for owner, theirs in enumerate(own):
            for matrix in theirs:
                there, at = divmod(owner, width)
                parts = [(matrix.sent(other), matrix.returned(other)) for other in range(width) if other != at]
                if owner == process:
                    received += sum(gives for gives, _ in parts)
                    sent += sum(gets for _, gets in parts)
                elif there == row:
                    sent += matrix.sent(place)
                    received += matrix.returned(place)
                if there == row:  # then to those in the same place of other rows
                    sent += (rows - 1) * matrix.returned(place)
                else:
                    received += matrix.returned(place)
        flight = max((_in_flight(turn, row, place, width) for turn in rounds(own)), default=0)
        flops = sum(matrix.partition.cost for matrix in mine)
        shares.append(Share(len(mine), flops, size * sent, size * received, states[place], size * flight))
    return shares


def _states(rule: Rule, matrix: Matrix, place: int) -> int:
    """Bytes of a matrix's states that lie in a place of a row."""
    like = torch.empty(matrix.shape, dtype=matrix.dtype, device="meta")
    kept = [state for state in states_like(rule, like).values() if isinstance(state, Tensor)]
    shapes = [matrix.part(place) if state.shape == matrix.shape else state.shape for state in kept]
    return sum(map(prod, shapes)) * matrix.dtype.itemsize


def _in_flight(turn: Sequence[Sequence[Matrix]], row: int, place: int, width: int) -> int:
    """How many numbers a process holds at most in a round, of values that are sent or returned."""
    mine = turn[row * width + place]
    of_row = [matrix for own in turn[row * width : (row + 1) * width] for matrix in own]
    gathered = sum(len(matrix.partition.sends) * matrix.shape.numel() for matrix in mine)
    made = sum(prod(matrix.partition.shapes[value]) for matrix in mine for value in matrix.partition.returns)
    return sum(matrix.sent(place) + matrix.returned(place) for matrix in of_row) + gathered + made


# --- who shares the work ----------------------------------------------------------------------------------------------


def group_of(title: str, groups: Sequence[dict[str, Any]], over: Any) -> Any:
    """The group of processes that have the same plain parameters; None if the parameters say it themselves.

    All processes of it have to call this.

    Args:
        title: of the optimizer.
        groups: of its parameters.
        over: a model in `DistributedDataParallel` or sharded by `fully_shard`, a process group, a mesh of one axis; or
            None: all processes.

    Raises:
        InvalidValue: nothing says that the processes have the same parameters and gradients, or they have others.
    """
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        raise InvalidValue(f"{title}: there are no other processes; call torch.distributed.init_process_group() first")
    params = [param for group in groups for param in group["params"]]
    if isinstance(over, nn.Module):
        inside = [module for module in over.modules() if isinstance(module, nn.parallel.DistributedDataParallel)]
        if not inside and not any(map(sharded.is_sharded, over.parameters())):
            raise InvalidValue(
                f"{title}: the model is neither in DistributedDataParallel nor sharded by fully_shard, so each process"
                " has gradients of its own"
            )
        over = inside[0].process_group if inside else None
    elif over is None:
        over = None if any(map(sharded.is_sharded, params)) else torch.distributed.group.WORLD
    elif hasattr(over, "get_group"):  # a mesh
        if over.ndim != 1:
            raise InvalidValue(f"{title}: give a mesh of one axis, got {over.ndim}; or one of it, mesh['name']")
        over = over.get_group()
    if over is None:
        return None
    if not isinstance(over, torch.distributed.ProcessGroup):
        raise InvalidValue(f"{title}: give a model, a process group or a mesh of one axis, got {type(over).__name__}")
    if torch.distributed.get_rank(over) < 0:
        raise InvalidValue(f"{title}: this process is not in the group that shares the work")
    _check_same(title, params, over)
    return over


def _check_same(title: str, params: Iterable[Tensor], over: Any) -> None:
    """Refuse processes that have other parameters, on all of them."""
    params = list(params)
    digest = zlib.crc32(repr([(tuple(param.shape), str(param.dtype)) for param in params]).encode())
    device = params[0].device
    ends = torch.tensor([digest, -digest], dtype=torch.int64, device=device)
    torch.distributed.all_reduce(ends, torch.distributed.ReduceOp.MAX, over)
    largest, least = ends.tolist()
    if largest != -least:
        raise InvalidValue(f"{title}: the processes have parameters of other shapes, or in another order")
