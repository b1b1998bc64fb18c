"""Outputs and targets, or losses and their weights, of different shapes, which broadcast compares each with each."""

from collections.abc import Iterator, Sequence
from math import prod
from typing import Any

from torch import Tensor

from .autograd import inputs_of, name_of, shape_of, within

__all__ = ["compared_with_all"]

LOSSES = ("MseLoss", "SmoothL1Loss", "HuberLoss", "BinaryCrossEntropy")
ELEMENTWISE = (*LOSSES, "Sub")

LINEAR = (
    "MeanBackward0", "SumBackward0", "NegBackward0", "AddBackward0", "SubBackward0", "RsubBackward1", "MulBackward0",
    "DivBackward0",
)  # fmt: skip
"""Nodes of sums of all entries, of differences, and of products with what is given."""


def compared_with_all(path: Sequence[Any], output: Tensor) -> tuple[int, ...]:
    """The shape of what became differences of each of N examples with each, at the end of a path; empty without."""
    shape = tuple(output.shape)
    count = shape[0] if shape else 0
    if count < 2:
        return ()
    if output.numel() == count:
        for node in path[:-1]:
            elementwise = name_of(node).startswith(ELEMENTWISE) or name_of(node) == "ExpandBackward0"
            if elementwise and shape_of(node) == (count, count) and len(inputs_of(node)) == 1:
                return shape
    elif len(path) > 1 and _of_things(path, output, count):
        return shape
    columns = _columns(path, count) if output.numel() == count or (len(shape) == 2 and shape[1] != count) else iter(())
    return next(columns, ())


def _of_things(path: Sequence[Any], output: Tensor, count: int) -> bool:
    """Whether N outputs of several numbers are compared with N targets each, as a loss of two tensors does it.

    What is meant to be compared with all is laid out by hand, and is no output itself.
    """
    node, wide = path[-2], shape_of(path[-2])
    if wide[:2] != (count, count) or count * prod(wide[2:]) != output.numel() or len(inputs_of(node)) != 1:
        return False
    if name_of(node) == "ExpandBackward0":
        return len(path) > 2 and name_of(path[-3]).startswith(LOSSES)
    return name_of(node).startswith("Sub") and output.dim() > 2


def _columns(path: Sequence[Any], count: int) -> Iterator[tuple[int, ...]]:
    """Shapes of columns of an output, or of losses of its examples, that became a column for each example."""
    for node in within(path[0], path[-1]):
        if name_of(node).startswith(LOSSES):
            expanded = [each for each in inputs_of(node) if name_of(each) == "ExpandBackward0"]
            yield from (given for each in expanded if len(inputs_of(node)) == 1 and (given := _widened(each, count)))
        if name_of(node).startswith(ELEMENTWISE) and (given := _widened(node, count)) and len(given) == 2:
            yield given
    known, waiting = {path[0], path[-1]}, [path[0]]
    while waiting:  # where all pairs are only added up, none is told from another
        node = waiting.pop()
        if name_of(node) == "MulBackward0" and (given := _widened(node, count)):
            yield given
        following = [each for each in inputs_of(node) if each not in known and name_of(each) in LINEAR]
        known.update(following)
        waiting += following


def _widened(node: Any, count: int) -> tuple[int, ...]:
    """The shape of a node's only argument that needs a gradient, if it was one number for each of N times N results."""
    given = [shape_of(each) for each in inputs_of(node)]
    is_one = len(given) == 1 and given[0] in ((count, 1), (1, count), (count,))
    return given[0] if is_one and shape_of(node) == (count, count) else ()
