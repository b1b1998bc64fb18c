"""The autograd graph between a loss and what the model returned; it can be read after the backward pass, too."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from torch import Tensor

__all__ = [
    "LAYERS",
    "VIEWS",
    "has_derivatives",
    "leaves",
    "name_of",
    "others_between",
    "path_between",
    "penalized",
    "shape_of",
    "through_views",
    "within",
]

VIEWS = frozenset(
    f"{name}Backward{version}"
    for name in (
        "View", "UnsafeView", "ReshapeAlias", "Squeeze", "Unsqueeze", "Transpose", "Permute", "T", "Alias", "Clone",
        "ToCopy",
        "Slice", "Select", "Expand", "Contiguous", "AsStrided", "Index", "Detach", "Narrow", "Movedim",
    )
    for version in range(4)
)  # fmt: skip
"""Nodes that change the shape of values only, or their precision."""

NORMS = frozenset(
    f"{name}Backward{version}"
    for name in (
        "Pow", "Mul", "Div", "Neg", "Add", "Abs", "Sqrt", "Sum", "Mean", "Dot", "Norm",
        "LinalgVectorNorm", "Stack", "Cat",
    )
    for version in range(4)
)  # fmt: skip
"""Nodes that a penalty on weights is made of, besides `VIEWS`."""

LAYERS = frozenset({"AddmmBackward0", "MmBackward0", "BmmBackward0", "BaddbmmBackward0", "ConvolutionBackward0"})
"""Products with weights, or with other outputs: what comes out has other entries than what goes in."""

MOST = 20_000
"""The most nodes that a walk visits."""


def name_of(node: Any) -> str:
    """The name of a node, without its namespace: `"SoftmaxBackward0"`."""
    name: str = node.name()
    return name.rpartition("::")[2]


def shape_of(node: Any) -> tuple[int, ...]:
    """The shape of what the operation of a node returned; empty where it is unknown."""
    metadata = getattr(node, "_input_metadata", None)
    return tuple(int(size) for size in metadata[0].shape) if metadata else ()


def inputs_of(node: Any) -> list[Any]:
    """The nodes of a node's arguments that need a gradient."""
    return [following for following, _ in node.next_functions if following is not None]


def path_between(loss: Tensor, outputs: Iterable[Tensor]) -> list[Any]:
    """The nodes from a loss to the nearest of the outputs, the output's own node last; empty where there is no path.

    An output that is the loss itself, as models that compute their own loss return it, is no end of a path.
    """
    if loss.grad_fn is None:
        return []
    ends = {output.grad_fn for output in outputs if output.grad_fn is not None and output.grad_fn is not loss.grad_fn}
    before: dict[Any, Any] = {loss.grad_fn: None}
    waiting = [loss.grad_fn]
    for node in waiting:
        if node in ends:
            path = []
            while node is not None:
                path.append(node)
                node = before[node]
            return path[::-1]
        if len(before) > MOST:
            break
        for following in inputs_of(node):
            if following not in before:
                before[following] = node
                waiting.append(following)
    return []


def others_between(loss: Tensor, outputs: Iterable[Tensor], node: Any) -> bool:
    """Whether a loss depends on one of the outputs by a way that does not lead through a node, that of another one."""
    if loss.grad_fn is None:
        return False
    ends = {output.grad_fn for output in outputs if output.grad_fn is not None} - {node, loss.grad_fn}
    known, waiting = {node, loss.grad_fn}, [loss.grad_fn]
    while waiting and len(known) < MOST:
        for following in inputs_of(waiting.pop()):
            if following in ends:
                return True
            if following not in known:
                known.add(following)
                waiting.append(following)
    return bool(waiting)


def penalized(path: Sequence[Any]) -> list[Tensor]:
    """Weights whose norms are added to a loss on its path to an output: parameters with two dimensions or more."""
    known = set(path)
    waiting = [each for node in path[:-1] if name_of(node).startswith("Add") for each in inputs_of(node)]
    found = []
    while waiting and len(known) < MOST:
        node = waiting.pop()
        if node in known:
            continue
        known.add(node)
        variable = getattr(node, "variable", None)
        if isinstance(variable, Tensor) and variable.dim() >= 2:
            found.append(variable)
        elif name_of(node) in NORMS or name_of(node) in VIEWS:
            waiting += inputs_of(node)
    return found


def within(loss: Any, output: Any) -> Iterator[Any]:
    """The nodes from a loss's node on towards the inputs, not beyond the output's own, which is not among them."""
    known, waiting = {loss, output}, [loss]
    while waiting and len(known) < MOST:
        node = waiting.pop()
        yield node
        following = [each for each in inputs_of(node) if each not in known]
        known.update(following)
        waiting += following


def through_views(node: Any) -> Any:
    """The first node, from this one on towards the inputs, that does more than change shape or precision."""
    while name_of(node) in VIEWS and len(inputs_of(node)) == 1:
        node = inputs_of(node)[0]
    return node


def leaves(loss: Tensor) -> Iterator[Tensor]:
    """What a loss was computed from: parameters, and other tensors that require a gradient and are no results."""
    if loss.grad_fn is None:
        return
    known, waiting = {loss.grad_fn}, [loss.grad_fn]
    while waiting and len(known) < MOST:
        node = waiting.pop()
        variable = getattr(node, "variable", None)
        if isinstance(variable, Tensor):
            yield variable
        for following in inputs_of(node):
            if following not in known:
                known.add(following)
                waiting.append(following)


def has_derivatives(loss: Tensor) -> bool:
    """Whether a loss contains derivatives by tensors that require a gradient, as a gradient penalty does."""
    return any("BackwardBackward" in node.name() for node in within(loss.grad_fn, None))
