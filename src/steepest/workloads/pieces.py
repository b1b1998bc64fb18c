"""Evaluation of a held-out set in pieces, so that it needs no more memory than training does."""

import math
import sys
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

__all__ = ["LITTLE", "PeakBytes", "measured_in_pieces", "rows_at_once"]

LITTLE = 1 << 24
"""Bytes that an evaluation may use in any case: little beside what torch itself takes in a process."""

SAME = 1e-4
"""How far the mean over two parts may be from the value on both, relative to it, where a function is a mean."""

SHIFTS = 4
"""Ways of matching outputs and targets in which that must hold."""

Of = Callable[[Any, Tensor], Tensor]
"""A loss or metric of output and targets."""


class PeakBytes(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """A context that counts the bytes of all tensors made in it that are there at once, at most.

    >>> with PeakBytes() as counted:
    ...     for _ in range(3):
    ...         made = torch.ones(1000)
    >>> counted.peak  # the last one is made before the one before is gone
    8000
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.peak, self._now = 0, 0
        self._known: dict[int, weakref.ref[torch.UntypedStorage]] = {}

    def _count(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        before = {leaf.untyped_storage()._cdata for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)}
        for leaf in tree_leaves(made):
            if isinstance(leaf, Tensor):
                storage = leaf.untyped_storage()
                if storage._cdata not in before and storage._cdata not in self._known:
                    self._add(storage)
        return made

    def _add(self, storage: torch.UntypedStorage) -> None:
        key, size = storage._cdata, storage.nbytes()

        def forget(_: object) -> None:
            self._now -= size
            self._known.pop(key, None)

        self._known[key] = weakref.ref(storage, forget)
        self._now += size
        self.peak = max(self.peak, self._now)


PeakBytes.__torch_dispatch__ = PeakBytes._count  # type: ignore[assignment]
"""Not in the class, where torch would wrap it and load its compiler, which takes a second."""


def rows_at_once(model: nn.Module, inputs: Tensor, batch_size: int) -> int:
    """How many rows a model may be given at once: as many as in training, or more, up to `LITTLE` bytes.

    Two rows tell how many bytes a row takes. A model that cannot be tried so gets all rows.
    """
    if len(inputs) <= max(2, batch_size):
        return len(inputs)
    try:
        is_compiling = "torch._dynamo" in sys.modules  # which takes a second to load
        with PeakBytes() as counted, torch.compiler.set_stance("force_eager") if is_compiling else nullcontext():
            model(inputs[:2])
    except Exception:  # the evaluation itself will tell
        return len(inputs)
    rows: int = max(batch_size, LITTLE * 2 // max(1, counted.peak))
    return min(len(inputs), rows)


def measured_in_pieces(model: nn.Module, inputs: Tensor, targets: Tensor, rows: int, of: Sequence[Of]) -> list[float]:
    """Functions of output and targets, such as loss and metric, from as many rows at a time.

    The outputs of all pieces are put together, so any function comes out as if they had been one. Where they would take
    more than `LITTLE` bytes, functions that are means over rows are computed piece by piece.

    Args:
        model: in eval mode; what it gives for a row must not depend on the other rows.
        inputs, targets: one row an example.
        rows: at a time.
        of: the functions.
    """
    if rows >= len(inputs):
        output = model(inputs)
        return [float(function(output, targets)) for function in of]
    pieces = zip(torch.split(inputs, rows), torch.split(targets, rows), strict=True)
    piece, expected = next(pieces)
    output = model(piece)
    if not _has_rows(output, len(piece)):
        output = model(inputs)
        return [float(function(output, targets)) for function in of]
    size = sum(leaf.nbytes for leaf in tree_leaves(output) if isinstance(leaf, Tensor))
    if size * len(inputs) / len(piece) > LITTLE and all(_is_mean(function, output, expected) for function in of):
        sums = [float(function(output, expected)) * len(piece) for function in of]
        for piece, expected in pieces:
            output = model(piece)
            sums = [
                total + float(function(output, expected)) * len(piece) for total, function in zip(sums, of, strict=True)
            ]
        return [total / len(inputs) for total in sums]
    outputs = [output, *(model(piece) for piece, _ in pieces)]
    del output
    whole = _joined(outputs)
    return [float(function(whole, targets)) for function in of]


def _has_rows(output: Any, count: int) -> bool:
    """Whether an output is a tensor of so many rows, or tuples, lists or dicts of such."""
    if isinstance(output, Tensor):
        return output.ndim > 0 and len(output) == count
    parts = list(output.values()) if isinstance(output, Mapping) else output
    return isinstance(parts, tuple | list) and len(parts) > 0 and all(_has_rows(part, count) for part in parts)


def _joined(outputs: list[Any]) -> Any:
    return _mapped(lambda *tensors: torch.cat(tensors), outputs)


def _mapped(function: Callable[..., Tensor], outputs: list[Any]) -> Any:
    """A function of the tensors that stand in the same place of several outputs of one kind."""
    first = outputs[0]
    if isinstance(first, Tensor):
        return function(*outputs)
    if isinstance(first, Mapping):
        parts = {key: _mapped(function, [output[key] for output in outputs]) for key in first}
        return parts if type(first) is dict else type(first)(**parts)
    parts = [_mapped(function, list(part)) for part in zip(*outputs, strict=True)]  # type: ignore[assignment]
    return type(first)(*parts) if hasattr(first, "_fields") else type(first)(parts)


def _is_mean(function: Of, output: Any, targets: Tensor) -> bool:
    """Whether a function is a mean over rows, judged by a piece, its parts, and outputs that belong to other rows."""
    count, differ = len(targets), False
    for shift in range(min(SHIFTS, count)):
        moved = _mapped(lambda tensor, shift=shift: tensor.roll(shift, 0), [output])
        whole = float(function(moved, targets))
        for cut in {-(-count // parts) for parts in (2, 3, 4)}:
            first, second = (
                float(function(_mapped(lambda tensor, rows=rows: tensor[rows], [moved]), targets[rows]))
                for rows in (slice(cut), slice(cut, None))
            )
            if not math.isclose((first * cut + second * (count - cut)) / count, whole, rel_tol=SAME):
                return False
            differ = differ or first != second  # else a constant would pass for a mean
    return differ
