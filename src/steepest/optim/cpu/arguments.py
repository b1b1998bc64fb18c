"""The argument block of a kernel: where all its tensors lie in memory, laid out as the kernel reads it.

To lay out a block takes longer than the arithmetic of a small network, so it is kept for the next step. There the
address, type, dtype, shape and strides of each tensor are compared: where all are equal, only the addresses of the
gradients are written anew. A block holds numbers only, and keeps no tensor alive.
"""

import operator
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.graph import increment_version

from ...base.errors import InvalidValue
from ...program.native import NotCompiled
from ...program.record import settings
from ...rules import Rule
from ..checks import check_state
from ..eager import Triple
from ..low_bits import BLOCK
from . import threads
from .kernels import PLAN, Kernel
from .passes import PIECE

__all__ = ["ArgumentBlock", "has_no_gaps", "order_of"]

SMALL = 1 << 15
"""Elements a thread must have at least: below, waking it takes longer than it saves. torch has the same."""

SHARES = PLAN.index("shares")

DTYPE = operator.attrgetter("dtype")

DTYPES = {"int8": torch.int8, "uint8": torch.uint8, "bfloat16": torch.bfloat16}
"""Of coded states."""


class ArgumentBlock:
    """The arguments of a kernel for parameters of one dtype; see `kernels.PLAN` for their order in memory.

    Raises `NotCompiled` where a kernel that takes sums would have to step parameters that share memory.

    Attributes:
        addresses: of the tensors (see `tensors_of`), or of copies that the kernel can read.
        scalars: what the kernel computed once a step, a row a parameter.
        is_in_place: whether the kernel reads all tensors where they are, so that the block may be used again.
    """

    def __init__(self, kernel: Kernel, title: str, triples: Sequence[Triple]) -> None:
        _check_shapes(kernel, title, triples)
        params = [param for param, _, _ in triples]
        self._kernel, self._count = kernel, len(params)
        self._arrays = (2 + len(kernel.states)) * len(params)
        self._rule: Rule | None = None
        self._settings = np.zeros(len(kernel.settings))
        self._offsets = np.cumsum([0, *(param.numel() for param in params)], dtype=np.int64)
        self._shares = 1
        self._most_shares = max(1, int(self._offsets[-1]) // SMALL)
        self.scalars = np.zeros((len(params), kernel.scalars))
        tensors = tensors_of(kernel, triples)
        self._copies = readable(kernel, tensors, len(params))
        self.is_in_place = all(map(operator.is_, tensors, self._copies))
        self.addresses = np.array([copy.data_ptr() for copy in self._copies], dtype=np.int64)
        self._spans = _spans(self._offsets) if kernel.passes else np.zeros((0, 3), dtype=np.int64)
        self._partials = np.zeros((len(self._spans), kernel.sums))
        tables = (self._offsets, self.addresses, self._settings, self.scalars)
        places = [table.ctypes.data for table in (*tables, self._spans, self._partials)]
        self._plan = np.array([0, 1, len(params), *places[:4], len(self._spans), *places[4:]], dtype=np.int64)
        self._address = self._plan.ctypes.data
        if (self._most_shares > 1 or kernel.passes) and self._has_overlap():
            if kernel.passes:  # sums of a tensor would be taken before the step of the other
                raise NotCompiled("two of them share memory")
            self._most_shares = 1  # then tensors are stepped one after the other, as in the eager engine
        if self.is_in_place:
            self._copies = []
            self._known_addresses = self._without_gradients(self.addresses.tolist())
            self._known_layout = self._layout(tensors)

    def take(self, triples: Sequence[Triple]) -> bool:
        """Take the gradients of these parameters; False where the block cannot be used for them again.

        That is the case where another tensor than a gradient lies elsewhere, or where any has another type, dtype,
        shape or order of its elements.
        """
        if not self.is_in_place or len(triples) != self._count:
            return False
        try:
            tensors = tensors_of(self._kernel, triples)
            if self._layout(tensors) != self._known_layout:
                return False
            addresses = [*map(Tensor.data_ptr, tensors)]
        except (AttributeError, KeyError, RuntimeError):  # no tensor in a state; a sparse tensor, which has no strides
            return False
        if self._without_gradients(addresses) != self._known_addresses:
            return False
        self.addresses[self._count : 2 * self._count] = addresses[self._count : 2 * self._count]
        return True

    def run(self, rule: Rule, triples: Sequence[Triple]) -> None:
        """Step the parameters, with the hyperparameters of the rule."""
        self.set(rule)
        self._plan[SHARES] = self._shares = min(torch.get_num_threads(), self._most_shares)
        self._run()
        increment_version([param for param, _, _ in triples])  # autograd may still need the values from before
        if not self.is_in_place:
            for index, (tensor, copy) in enumerate(zip(tensors_of(self._kernel, triples), self._copies, strict=True)):
                if copy is not tensor and index // self._count != 1:  # gradients are never written to
                    tensor.copy_(copy)

    def again(self, lr: float | None = None) -> None:
        """Make the last step once more, from what lies in the same gradients now; nothing is checked.

        Args:
            lr: another learning rate, not 0, for which the arithmetic may be another.
        """
        if lr is not None and "lr" in self._kernel.settings:
            self._settings[self._kernel.settings.index("lr")] = lr
            self._rule = None
        self._run()

    def _run(self) -> None:
        """The passes of the kernel, each by all threads; what is between them takes one."""
        self.prepare()
        for reduce, complete in self._kernel.passes:
            threads.run(reduce, self._address, self._shares)
            complete(self._address)
        threads.run(self._kernel.run, self._address, self._shares)

    def set(self, rule: Rule) -> None:
        """Take the hyperparameters of a rule; those of the same rule as before only if they may have changed in it."""
        if rule is not self._rule:
            values = settings(rule)
            self._settings[:] = [float(values[name]) for name in self._kernel.settings]
            self._rule = rule if all(map(_is_fixed, vars(rule).values())) else None

    def prepare(self) -> None:
        """Count the steps, and compute what is the same for all elements of a parameter."""
        self._kernel.prepare(self._address)

    def _layout(self, tensors: Sequence[Tensor]) -> Any:
        """The layout of all tensors but for their addresses: type, dtype, shape, strides, lazy negation."""
        arrays, grads = tensors[: self._arrays], tensors[self._count : 2 * self._count]
        return (
            [*map(type, tensors)],
            [*map(DTYPE, tensors)],
            [*map(Tensor.size, arrays)],
            [*map(Tensor.stride, arrays)],
            any(map(Tensor.is_neg, grads)),  # a view that stands for the negative of what lies in memory
        )

    def _has_overlap(self) -> bool:
        """Whether two parameters or states share memory, which threads must not write to at the same time."""
        written = self._copies[: self._count] + self._copies[2 * self._count : self._arrays]
        spans = sorted((begin := array.data_ptr(), begin + array.nbytes) for array in written)
        return any(begin < end for (_, end), (begin, _) in pairwise(spans))

    def _without_gradients(self, addresses: list[int]) -> list[int]:
        return addresses[: self._count] + addresses[2 * self._count :]


def _spans(offsets: Any) -> Any:
    """The pieces of all tensors, in order, for sums: a row each of the tensor, its first element, and its end."""
    rows = [
        (tensor, first, min(first + PIECE, size))
        for tensor, size in enumerate(np.diff(offsets).tolist())
        for first in range(0, size, PIECE)
    ]
    return np.array(rows, dtype=np.int64).reshape(-1, 3)


def tensors_of(kernel: Kernel, triples: Sequence[Triple]) -> list[Tensor]:
    """The tensors of a kernel in the order of its addresses: parameters, gradients, states, units, step, numbers."""
    params, grads, states = zip(*triples, strict=True)
    names = (*kernel.states, *kernel.scales, "step", *kernel.numbers)
    return [*params, *grads, *(state[name] for name in names for state in states)]


def _is_fixed(setting: Any) -> bool:
    """Whether a setting cannot change while it is the same object, as the value of a tensor or a list can."""
    if isinstance(setting, tuple):
        return all(map(_is_fixed, setting))
    return setting is None or isinstance(setting, int | float | str | type)


def _check_shapes(kernel: Kernel, title: str, triples: Sequence[Triple]) -> None:
    for param, grad, state in triples:
        for array in (grad, *(state[name] for name in kernel.states)):
            if array.shape != param.shape or array.device != param.device:
                check_state(title, param, state)
        for name in kernel.scales:
            if state[name].numel() != -(-param.numel() // BLOCK):
                raise InvalidValue(
                    f"{title}: {name} has {state[name].numel()} numbers; it needs one for each block of {BLOCK}"
                )


# --- copies of tensors that a kernel cannot read as they are ----------------------------------------------------------


def readable(kernel: Kernel, tensors: Sequence[Tensor], count: int) -> list[Tensor]:
    """Those tensors of a kernel for `count` parameters as it reads them, or copies of them.

    It reads the elements of a parameter in the order in which they lie in memory, and so those of all that belongs to
    it; whichever order (contiguous, channels last, transposed), it must be the same, and without gaps.
    """
    arrays = (2 + len(kernel.states)) * count
    params = [param if has_no_gaps(param) else param.contiguous() for param in tensors[:count]]
    kept = [None, None, *(DTYPES.get(kernel.codes.get(name, "")) for name in kernel.states)]
    others = [torch.float32] * (len(kernel.scales) + 1) * count + [torch.float64] * len(kernel.numbers) * count
    return [
        _like(params[index % count], tensor, kept[index // count]) for index, tensor in enumerate(tensors[:arrays])
    ] + [tensor.to("cpu", dtype) for tensor, dtype in zip(tensors[arrays:], others, strict=True)]


def has_no_gaps(tensor: Tensor) -> bool:
    """Whether the elements of a tensor, in some order of its axes, lie next to each other in memory."""
    if tensor.is_contiguous():
        return True
    size = 1
    for stride, length in sorted(zip(tensor.stride(), tensor.shape, strict=True)):
        if length != 1:
            if stride != size:
                return False
            size *= length
    return True


def _like(param: Tensor, tensor: Tensor, dtype: torch.dtype | None) -> Tensor:
    """The tensor, if it lies on the host in the parameter's order and in a dtype, or its own; else a copy that does."""
    if tensor is param or (
        tensor.dtype == (dtype or param.dtype)
        and tensor.device == param.device
        and order_of(tensor) == order_of(param)
        and not tensor.is_neg()
    ):
        return tensor
    return torch.empty_like(param.detach(), dtype=dtype).copy_(tensor.detach())


def order_of(tensor: Tensor) -> list[int]:
    """The strides, but for axes of length 1, where they mean nothing."""
    return [stride for stride, length in zip(tensor.stride(), tensor.shape, strict=True) if length != 1]
