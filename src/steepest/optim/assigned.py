r"""Steps of whole tensors, each computed by the one process that it is assigned to.

Where $P$ processes have the parts of a matrix (FSDP2), or the same matrix (DDP), a rule that needs the whole would be
computed $P$ times. Instead each matrix has one owner. Processes compute what goes element by element on their parts;
the owner gets from each what the rest needs, computes it, and sends each its part of the result (see `partition`).

States stay where they are without it: cut like the parameter, or the same in every process. So a checkpoint is as
usual, and who owns a matrix may change from step to step: matrices are given out by falling cost, each to the process
with the least to do, over all groups of the optimizer.

A matrix of $N$ numbers whose update sends $f$ and returns $r$ values of its shape ($f = r = 1$ for Muon and NorMuon,
with or without decay) costs, beside the owner's arithmetic:

| numbers that a process | sends | receives |
| --- | --- | --- |
| of $S$ that have parts, and own it | $r N (S - 1) / S$ | $f N (S - 1) / S$ |
| of $S$ that have parts, and do not | $f N / S$ | $r N / S$ |
| of $R$ that have all of it, and own it | $r N (R - 1)$, or less through others | 0 |
| of $R$ that have all of it, and do not | 0 | $r N$ |

On a mesh of $R$ rows of $S$ (HSDP) the owner's row does the first two, then its processes send what they have, $r N /
S$, to those of the other rows. Memory: states as without it; while a round lasts, the values that are sent and
returned of at most `ROUND` bytes of matrices an owner (at least one matrix).
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from ..rules import Rule
from . import eager, half, sharded
from .eager import Triple
from .partition import Partition, partition
from .team import Team, chunks, team_of

__all__ = ["Assigned", "Matrix", "matrix_of", "owners", "rounds", "states_like", "teams"]

LEAST = 32
"""Operations for each number from which on it is worth to send the step of a tensor that every process has."""

ROUND = 32 << 20
"""Bytes of matrices that an owner computes before it sends their results."""


@dataclass(frozen=True, eq=False)
class Matrix:
    """A parameter whose step is divided.

    Attributes:
        name: of the parameter.
        dtype: of the numbers that are computed and sent.
        shape: of the whole parameter.
        axis: along which it is cut into parts.
        partition: its update, divided.
    """

    name: str
    team: Team
    axis: int
    shape: torch.Size
    dtype: torch.dtype
    device: torch.device
    partition: Partition = field(repr=False)

    @cached_property
    def lengths(self) -> list[int]:
        """Of the parts, along the axis."""
        return chunks(self.shape[self.axis], self.team.shape[1]) if self.shape else [1]

    def part(self, place: int) -> torch.Size:
        """The shape of the part in a place of a row."""
        return torch.Size((*self.shape[: self.axis], self.lengths[place], *self.shape[self.axis + 1 :]))

    def shape_of(self, value: int, place: int) -> torch.Size:
        """The shape in which a value is sent to, or from, a place of a row."""
        return self.part(place) if self.partition.is_divided(value) else self.partition.shapes[value]

    def sent(self, place: int) -> int:
        """How many numbers the process in this place sends to the owner."""
        return len(self.partition.sends) * self.part(place).numel()

    def returned(self, place: int) -> int:
        """How many numbers the process in this place gets from the owner."""
        return sum(self.shape_of(value, place).numel() for value in self.partition.returns)


def matrix_of(
    rule: Rule, param: Tensor, name: str, over: Any, step: int = 1, known: dict[Any, Partition | None] | None = None
) -> Matrix | None:
    """The division of a parameter's step among processes.

    Args:
        rule: with its settings.
        param: a `DTensor`, or a plain tensor.
        name: of the parameter.
        over: the group of the processes that have the same plain tensors, if any.
        step: its number.
        known: divisions of parameters of the same rule, by shape, dtype and step.

    Returns:
        None where the step cannot be divided; or would send more than to gather the whole everywhere does, as the
        rule's states of other shapes, which every process has, are larger than the parameter; or where every process
        has the whole and it takes no more than some sums, as LAMB's does.
    """
    team = team_of(param, over)
    if team is None or param.numel() == 0 or param.is_complex():
        return None
    dtype = torch.float32 if param.dtype in eager.HALF else param.dtype
    known = {} if known is None else known
    key = param.shape, dtype, step
    if key not in known:
        like = torch.empty(param.shape, dtype=dtype, device="meta")
        known[key] = partition(rule, like, step, states_like(rule, like))
    division = known[key]
    if division is None or division.everywhere > param.numel():
        return None
    if not sharded.is_sharded(param) and division.cost < LEAST * param.numel():
        return None
    return Matrix(name, *team, param.shape, dtype, sharded.local(param).device, division)


def states_like(rule: Rule, like: Tensor) -> dict[str, Any]:
    """The states of a parameter, as tensors without memory; numbers and None as they are."""
    states: dict[str, Any] = {}
    for name, value in rule.init(like).items():
        is_number = value is None or name in rule.numbers
        shape = value.shape if isinstance(value, Tensor) else like.shape
        states[name] = value if is_number else torch.empty(shape, dtype=like.dtype, device="meta")
    return states


# --- who computes what, and when --------------------------------------------------------------------------------------


def owners(matrices: Sequence[Matrix], count: int) -> list[list[Matrix]]:
    """The matrices of each of so many processes: by falling cost, each to the one with the least cost so far."""
    costs, own = [0] * count, [list[Matrix]() for _ in range(count)]
    for matrix in sorted(matrices, key=lambda matrix: -matrix.partition.cost):
        least = min(range(count), key=costs.__getitem__)
        costs[least] += matrix.partition.cost
        own[least].append(matrix)
    return own


def rounds(own: Sequence[Sequence[Matrix]]) -> list[list[list[Matrix]]]:
    """For each round the matrices of each process, at most `ROUND` bytes of them if there are several."""
    cut = []
    for matrices in own:
        parts: list[list[Matrix]] = []
        size = 0
        for matrix in matrices:
            more = matrix.shape.numel() * matrix.dtype.itemsize
            if not parts or size + more > ROUND:
                parts, size = [*parts, []], 0
            parts[-1].append(matrix)
            size += more
        cut.append(parts)
    return [[parts[turn] if turn < len(parts) else [] for parts in cut] for turn in range(max(map(len, cut)))]


# --- the step ---------------------------------------------------------------------------------------------------------


@dataclass
class _Opened:
    """The part of a matrix that lies here, in the midst of a step."""

    parts: sharded.LocalParts
    wide: Triple
    arguments: tuple[Any, ...]
    values: dict[int, Tensor]


@dataclass(frozen=True, eq=False)
class _Step:
    """The step of one matrix in this process."""

    rule: Rule
    triple: Triple
    group: dict[str, Any]

    def open(self, matrix: Matrix) -> _Opened:
        """Compute what goes element by element."""
        parts = sharded.LocalParts([self.triple])
        wide = half.widened(parts.triples[0], self.group)
        arguments = eager.arguments_of(self.rule, *wide, self.group["maximize"], like=_like(matrix))
        return _Opened(parts, wide, arguments, matrix.partition.before(arguments))

    def close(self, matrix: Matrix, opened: _Opened, returned: dict[int, Tensor]) -> None:
        """Bring parameter and state up to date."""
        param, _, state = opened.wide
        result = tuple(map(_owned, matrix.partition.after(opened.values | returned)))
        eager.apply(self.rule, param, state, opened.arguments, result, like=_like(matrix))
        half.write_back(opened.parts.triples[0][0], param, state, self.group)
        opened.parts.put_back()


def _like(matrix: Matrix) -> Tensor:
    return torch.empty(matrix.shape, dtype=matrix.dtype, device="meta")


def _owned(value: Any) -> Any:
    """A tensor with memory of its own: one that was received lies among others."""
    if isinstance(value, Tensor) and value.untyped_storage().nbytes() > value.nbytes:
        return value.clone()
    return value


class Assigned:
    """The divided steps of all groups of an optimizer: collected group by group, then made at once.

    Args:
        over: the group of the processes that have the same plain tensors, if any.
    """

    def __init__(self, over: Any = None) -> None:
        self.over = over
        self._steps: dict[Matrix, _Step] = {}
        self._known: dict[int, tuple[Rule, dict[Any, Partition | None]]] = {}
        self._names: dict[int, dict[int, str]] = {}

    def take(self, rule: Rule, triple: Triple, group: dict[str, Any]) -> bool:
        """Whether a parameter's step can be divided; if so, it is made by `run`."""
        param, grad, state = triple
        if not sharded.needs_whole(rule) or (self.over is None and not sharded.is_sharded(param)):
            return False
        if group["differentiable"] or grad.is_sparse:
            return False
        _, known = self._known.setdefault(id(rule), (rule, {}))
        if id(group) not in self._names:
            self._names[id(group)] = sharded.names_of(group)
        name = self._names[id(group)][id(param)]
        matrix = matrix_of(rule, param, name, self.over, int(state["step"]) + 1, known)
        if matrix is not None:
            self._steps[matrix] = _Step(rule, triple, group)
        return matrix is not None

    def run(self) -> None:
        """Make the steps that were taken and not made yet."""
        steps, self._steps = self._steps, {}
        for matrices in teams(steps):
            _run(matrices, steps)


def teams(matrices: Iterable[Matrix]) -> list[list[Matrix]]:
    """Those that are sent together: of the same processes, and of one dtype and device."""
    alike: dict[Any, list[Matrix]] = defaultdict(list)
    for matrix in matrices:
        alike[matrix.team, matrix.dtype, matrix.device].append(matrix)
    return list(alike.values())


def _run(matrices: Sequence[Matrix], steps: dict[Matrix, _Step]) -> None:
    team = matrices[0].team
    count, width = team.shape
    for turn in rounds(owners(matrices, count * width)):
        _Round(team, [turn[row * width : (row + 1) * width] for row in range(count)], steps).run()


class _Round:
    """Some matrices of each owner.

    Args:
        turn: by row and place, the matrices of each process.
    """

    def __init__(self, team: Team, turn: Sequence[Sequence[Sequence[Matrix]]], steps: dict[Matrix, _Step]) -> None:
        self._team, self._turn, self._steps = team, turn, steps
        self._row, self._place = team.place
        self._mine = turn[self._row][self._place]
        self._of_row = [matrix for own in turn[self._row] for matrix in own]
        any_matrix = next(matrix for row in turn for own in row for matrix in own)
        self._empty = torch.empty(0, dtype=any_matrix.dtype, device=any_matrix.device)

    def run(self) -> None:
        """Compute before, send, compute the whole, return, compute after."""
        opened = {matrix: self._steps[matrix].open(matrix) for matrix in self._of_row}
        whole = self._gathered(opened)
        results, failure = {}, None
        try:
            for matrix in self._mine:
                common = matrix.partition.common(opened[matrix].values)
                results[matrix] = matrix.partition.whole(whole.pop(matrix) | common)
        except Exception as error:
            failure = error
        self._stop_if_one_failed(failure)
        for row, numbers in self._returned(results):
            self._close(row, numbers, opened)

    def _gathered(self, opened: dict[Matrix, _Opened]) -> dict[Matrix, dict[int, Tensor]]:
        """The values that the owned matrices need, whole."""
        values = {matrix: [part.values[index] for index in matrix.partition.sends] for matrix, part in opened.items()}
        if self._team.row is None:
            return {matrix: dict(zip(matrix.partition.sends, values[matrix], strict=True)) for matrix in self._mine}
        row, places = self._turn[self._row], range(self._team.shape[1])
        sent = self._flat(value for matrix in self._of_row for value in values[matrix])
        sizes = [sum(matrix.sent(self._place) for matrix in own) for own in row]
        received = self._team.exchange(
            sent, sizes, [sum(matrix.sent(place) for matrix in self._mine) for place in places]
        )
        pieces: dict[tuple[Matrix, int], list[Tensor]] = defaultdict(list)
        shapes = [
            ((matrix, index), matrix.part(place))
            for place in places
            for matrix in self._mine
            for index in matrix.partition.sends
        ]
        for key, piece in _cut(received, shapes):
            pieces[key].append(piece)
        return {
            matrix: {index: torch.cat(pieces[matrix, index], matrix.axis) for index in matrix.partition.sends}
            for matrix in self._mine
        }

    def _stop_if_one_failed(self, failure: Exception | None) -> None:
        rank = torch.distributed.get_rank()
        failed = self._team.largest(0 if failure is None else rank + 1, self._empty.device)
        if failure is not None:
            raise failure
        if failed:
            raise RuntimeError(
                f"rank {failed - 1} could not make its part of this step: its own error says why; go on from a"
                " checkpoint"
            )

    def _returned(self, results: dict[Matrix, dict[int, Tensor]]) -> Iterable[tuple[int, Tensor]]:
        """For each row, the results of its matrices for the parts in this place of a row, as flat numbers."""
        width = self._team.shape[1]
        pieces = [
            results[matrix][index].split_with_sizes(matrix.lengths, matrix.axis)[place]
            if width > 1 and matrix.partition.is_divided(index)
            else results[matrix][index]
            for place in range(width)
            for matrix in self._mine
            for index in matrix.partition.returns
        ]
        own = self._flat(pieces)
        results.clear()
        if self._team.row is not None:
            sizes = [sum(matrix.returned(place) for matrix in self._mine) for place in range(width)]
            got = [sum(matrix.returned(self._place) for matrix in matrices) for matrices in self._turn[self._row]]
            own = self._team.exchange(own, sizes, got)
        for row, by_place in enumerate(self._turn):
            size = sum(matrix.returned(self._place) for matrices in by_place for matrix in matrices)
            numbers = own if row == self._row else self._empty.new_empty(size)
            if size:
                self._team.from_row(row, numbers)
            yield row, numbers

    def _close(self, row: int, numbers: Tensor, opened: dict[Matrix, _Opened]) -> None:
        matrices = [matrix for own in self._turn[row] for matrix in own]
        shapes = [
            ((matrix, index), matrix.shape_of(index, self._place))
            for matrix in matrices
            for index in matrix.partition.returns
        ]
        values = dict(_cut(numbers, shapes))
        for matrix in matrices:
            step = self._steps[matrix]
            part = opened.pop(matrix) if matrix in opened else step.open(matrix)
            step.close(matrix, part, {index: values[matrix, index] for index in matrix.partition.returns})

    def _flat(self, tensors: Iterable[Tensor]) -> Tensor:
        return torch.cat([self._empty, *(tensor.reshape(-1) for tensor in tensors)])


def _cut(numbers: Tensor, shapes: Sequence[tuple[Any, torch.Size]]) -> list[tuple[Any, Tensor]]:
    """Flat numbers as tensors of these shapes, one after the other."""
    pieces = numbers.split_with_sizes([shape.numel() for _, shape in shapes]) if shapes else ()
    return [(key, piece.view(shape)) for (key, shape), piece in zip(shapes, pieces, strict=True)]
