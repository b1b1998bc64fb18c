"""A rule's update of a whole tensor, divided: what is computed on parts, and what one process computes of the whole.

A process that has a part of a tensor can compute elementwise operations on it where it lies. The update is recorded on
shapes alone (tensors without memory), and its operations are divided into three:

- *before*: elementwise operations of the parts, such as Muon's average of gradients;
- *whole*: those that need the whole tensor, such as its iteration, on the values that the parts send;
- *after*: elementwise operations of parts with what the whole returns, such as the decay of the weights.

So only the values between them travel: for Muon one matrix there and one back, whatever the states and the decay. No
rule knows of it, and a wrapper's update is divided as any other. The operations are those of the undivided update.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves, tree_map

from ..rules import Rule

__all__ = ["Partition", "partition"]

ELEMENTWISE = frozenset((
    "abs", "add", "and", "atan", "clamp", "cos", "cosh", "div", "exp", "ge", "gt", "le", "log", "lt", "maximum",
    "minimum", "mul", "ne", "neg", "or", "pow", "radd", "rdiv", "rmul", "rpow", "rsub", "sign", "sin", "sinh", "sqrt",
    "sub", "tan", "tanh", "where",
))  # fmt: skip
"""Names of torch's functions whose result at a place depends on that place alone; others may need the whole."""

PRODUCTS = frozenset(("matmul", "rmatmul", "mm"))


@dataclass(frozen=True)
class _Value:
    """In a recorded operation, the place of a tensor that is known only when it is run."""

    index: int


@dataclass(frozen=True)
class _Operation:
    """One call of a torch function.

    Attributes:
        arguments: positional and named ones, with values in place of tensors.
        results: indices of the tensors that it returns.
        cost: floating point operations.
    """

    function: Any
    arguments: tuple[tuple[Any, ...], dict[str, Any]]
    results: tuple[int, ...]
    cost: int

    @cached_property
    def inputs(self) -> list[int]:
        """Indices of the values that it takes."""
        return [leaf.index for leaf in tree_leaves(self.arguments) if isinstance(leaf, _Value)]


@dataclass(frozen=True)
class Partition:
    """The update of a parameter of one shape, at one step.

    Attributes:
        sends: indices of the values that parts send; each has the parameter's shape.
        returns: indices of the values that come back.
        shapes: of all values, by index.
        cost: floating point operations of what needs the whole tensor.
    """

    sends: tuple[int, ...]
    returns: tuple[int, ...]
    shapes: Sequence[torch.Size]
    cost: int
    _param: torch.Size = field(repr=False)
    _inputs: tuple[int, ...] = field(repr=False)
    _before: tuple[_Operation, ...] = field(repr=False)
    _whole: tuple[_Operation, ...] = field(repr=False)
    _after: tuple[_Operation, ...] = field(repr=False)
    _outputs: tuple[Any, ...] = field(repr=False)

    def is_divided(self, index: int) -> bool:
        """Whether a value lies in parts, as the parameter does; another is the same for all parts."""
        return self.shapes[index] == self._param

    @property
    def everywhere(self) -> int:
        """How many numbers of returned values every part needs, as they have another shape than the parameter."""
        return sum(math.prod(self.shapes[index]) for index in self.returns if not self.is_divided(index))

    def before(self, arguments: Iterable[Any]) -> dict[int, Tensor]:
        """The values of a part that are sent, or needed after; `arguments` are those of the update, of the part."""
        given = [leaf for leaf in tree_leaves(list(arguments)) if isinstance(leaf, Tensor)]
        values = dict(zip(self._inputs, given, strict=True))
        later = _needed(self._after, self._outputs)
        return _run(self._before, values, {*self.sends, *later, *self._common()})

    def whole(self, values: dict[int, Tensor]) -> dict[int, Tensor]:
        """The values that are returned, from those that are sent (whole) and those that are the same for all parts."""
        return _run(self._whole, values, set(self.returns))

    def after(self, values: dict[int, Tensor]) -> tuple[Any, ...]:
        """What the update returns, for a part; `values` are those of before and those returned."""
        values = _run(self._after, values, _needed((), self._outputs))
        return tuple(values[out.index] if isinstance(out, _Value) else out for out in self._outputs)

    def common(self, values: dict[int, Tensor]) -> dict[int, Tensor]:
        """Those values that are the same for all parts."""
        return {index: values[index] for index in self._common()}

    def _common(self) -> list[int]:
        return [index for index in self._inputs if not self.is_divided(index)]


# --- recording --------------------------------------------------------------------------------------------------------


class _Recorder(TorchFunctionMode):
    """Records the calls of torch functions on tensors without memory."""

    def __init__(self, inputs: Iterable[Tensor]) -> None:
        super().__init__()
        self.values: list[Tensor] = []
        self.operations: list[_Operation] = []
        self._index: dict[int, int] = {}
        for tensor in inputs:
            self._add(tensor)

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        known = [leaf for leaf in tree_leaves((args, kwargs)) if id(leaf) in self._index]
        args_here, kwargs_here = tree_map(_without_memory, (args, kwargs)) if known else (args, kwargs)
        result = function(*args_here, **kwargs_here)
        tensors = [leaf for leaf in tree_leaves(result) if isinstance(leaf, Tensor)]
        if any(tensor.is_meta and id(tensor) not in self._index for tensor in tensors):
            arguments = tree_map(self.value_of, (args, kwargs))
            cost = _cost(function, known, tensors)
            self.operations.append(_Operation(function, arguments, tuple(map(self._add, tensors)), cost))
        return result

    def value_of(self, leaf: Any) -> Any:
        """The value in place of a recorded tensor; anything else is a constant."""
        return _Value(self._index[id(leaf)]) if id(leaf) in self._index else leaf

    def _add(self, tensor: Tensor) -> int:
        self._index[id(tensor)] = len(self.values)
        self.values.append(tensor)
        return len(self.values) - 1


def _without_memory(leaf: Any) -> Any:
    return leaf.to("meta") if isinstance(leaf, Tensor) else leaf


def _cost(function: Any, inputs: Sequence[Tensor], results: Sequence[Tensor]) -> int:
    inner = 2 * inputs[0].shape[-1] if inputs and _name(function) in PRODUCTS else 1
    return sum(tensor.numel() for tensor in results) * inner


def _name(function: Any) -> str:
    return str(getattr(function, "__name__", "")).strip("_")


# --- division ---------------------------------------------------------------------------------------------------------


def partition(rule: Rule, param: Tensor, step: int, states: dict[str, Any]) -> Partition | None:
    """The division of a rule's update.

    Args:
        rule: with its settings.
        param: a tensor without memory, of the shape and dtype that the update is computed in.
        step: number of the step.
        states: in the order of `init`; tensors without memory, numbers, or None.

    Returns:
        None where the update branches on values, or is computed in several dtypes.
    """
    grad = torch.empty_like(param)
    arguments = [grad, param, step, *states.values()]
    inputs = [leaf for leaf in arguments if isinstance(leaf, Tensor)]
    recorder = _Recorder(inputs)
    try:
        with torch.no_grad(), recorder:
            outputs = rule.update(*arguments)
    except Exception:  # whatever a rule does that cannot be done without values; if it is a mistake, the step says so
        return None
    known = tuple(recorder.value_of(output) for output in outputs)
    shapes = [value.shape for value in recorder.values]
    divided = _divide(param.shape, shapes, len(inputs), recorder.operations, known)
    if any(recorder.values[index].dtype != param.dtype for index in (*divided.sends, *divided.returns)):
        return None
    return divided


def _divide(
    shape: torch.Size,
    shapes: Sequence[torch.Size],
    inputs: int,
    operations: Sequence[_Operation],
    outputs: tuple[Any, ...],
) -> Partition:
    here = set(range(inputs))  # values that parts have before
    before: list[_Operation] = []
    rest: list[_Operation] = []
    touched: set[int] = set()  # values that depend, by elementwise operations, on those of a part
    for operation in operations:
        is_elementwise = _is_elementwise(operation, shape, shapes)
        if is_elementwise and here.issuperset(operation.inputs):
            before.append(operation)
            here.update(operation.results)
            continue
        rest.append(operation)
        parts = {index for index in operation.inputs if index in here and shapes[index] == shape} | touched
        if is_elementwise and parts.intersection(operation.inputs):
            touched.update(operation.results)
    wanted: set[int] = set()  # values that the whole tensor's operations take
    last: list[_Operation] = []
    for operation in reversed(rest):
        if touched.issuperset(operation.results) and wanted.isdisjoint(operation.results):
            last.append(operation)
        else:
            wanted.update(operation.inputs)
    after: list[_Operation] = []
    parts = {index for index in here if shapes[index] == shape}
    for operation in reversed(last):
        if parts.intersection(operation.inputs):
            after.append(operation)
            parts.update(operation.results)
    kept = set(map(id, after))
    whole = [operation for operation in rest if id(operation) not in kept]
    wanted = _needed(whole, ())
    sends = {index for index in wanted & here if shapes[index] == shape}
    again = _computed_again(before, sends, shape, shapes)
    made = {index for operation in whole for index in operation.results}
    returns = sorted(made & _needed(after, outputs))
    return Partition(
        sends=tuple(sorted(sends)),
        returns=tuple(returns),
        shapes=shapes,
        cost=sum(operation.cost for operation in whole),
        _param=shape,
        _inputs=tuple(range(inputs)),
        _before=tuple(before),
        _whole=(*again, *whole),
        _after=tuple(after),
        _outputs=outputs,
    )


def _is_elementwise(operation: _Operation, shape: torch.Size, shapes: Sequence[torch.Size]) -> bool:
    """Whether it computes a tensor of the parameter's shape from such tensors and single numbers, place by place."""
    if _name(operation.function) not in ELEMENTWISE or [shapes[index] for index in operation.results] != [shape]:
        return False
    constants = [leaf for leaf in tree_leaves(operation.arguments) if isinstance(leaf, Tensor)]
    taken = [shapes[index] for index in operation.inputs] + [constant.shape for constant in constants]
    return all(own == shape or len(own) == 0 for own in taken)


def _computed_again(
    before: Sequence[_Operation], sends: set[int], shape: torch.Size, shapes: Sequence[torch.Size]
) -> list[_Operation]:
    """Elementwise operations that the whole repeats, so that fewer values are sent: these are taken out of `sends`."""
    again: list[_Operation] = []
    for operation in reversed(before):
        taken = {index for index in operation.inputs if shapes[index] == shape}
        if sends.issuperset(operation.results) and sends.issuperset(taken):
            sends.difference_update(operation.results)
            again.insert(0, operation)
    return again


def _needed(operations: Iterable[_Operation], outputs: Iterable[Any]) -> set[int]:
    inputs = {index for operation in operations for index in operation.inputs}
    return inputs | {output.index for output in outputs if isinstance(output, _Value)}


# --- running ----------------------------------------------------------------------------------------------------------


def _run(operations: Sequence[_Operation], values: dict[int, Tensor], kept: set[int]) -> dict[int, Tensor]:
    """The kept values after these operations; others are freed as soon as nothing needs them."""
    values = dict(values)
    device = next(iter(values.values())).device if values else torch.device("cpu")
    last = {index: place for place, operation in enumerate(operations) for index in operation.inputs}
    for index in [index for index in values if index not in kept and index not in last]:
        del values[index]
    for place, operation in enumerate(operations):
        args, kwargs = tree_map(lambda leaf: _filled(leaf, values, device), operation.arguments)
        results = [leaf for leaf in tree_leaves(operation.function(*args, **kwargs)) if isinstance(leaf, Tensor)]
        values.update(zip(operation.results, results, strict=True))
        for index in (*operation.inputs, *operation.results):
            if index not in kept and last.get(index, place) <= place:
                values.pop(index, None)
    return values


def _filled(leaf: Any, values: dict[int, Tensor], device: torch.device) -> Any:
    if isinstance(leaf, _Value):
        return values[leaf.index]
    return device if isinstance(leaf, torch.device) and leaf.type == "meta" else leaf
