"""Whether a model's output is a linear function of its inputs although it has several layers."""

from typing import Any

from .autograd import LAYERS, VIEWS, inputs_of, name_of, through_views
from .last import last_activation

__all__ = ["stacked"]

KEEPING = VIEWS | {"TBackward0", "AddBackward0", "NativeBatchNormBackward0", "CudnnBatchNormBackward0", "MeanBackward1"}
"""Nodes through which a linear function stays one; batch normalization, too, once its statistics are fixed."""

MOST = 200
"""The most nodes that are looked at: whoever stacks more layers has put something between them."""


def stacked(node: Any) -> int:
    """The number of layers with weights from an output's node to the inputs, if nothing between them is nonlinear.

    0 where something is, with a single layer, and where a layer is narrower than both ends: a matrix of low rank, or an
    encoder and a decoder, are made of such layers on purpose. An activation at the very end changes nothing.
    """
    node = through_views(node)
    if last_activation(node) is not None:
        node = inputs_of(node)[0] if inputs_of(node) else node
    widths, seen, waiting = list[tuple[int, int]](), {node}, [node]
    while waiting:
        node = waiting.pop()
        name = name_of(node)
        following = [each for each in inputs_of(node) if _weight(each) is None]
        if name in LAYERS:
            weights = [weight for each in inputs_of(node) if (weight := _weight(each)) is not None and weight.dim() > 1]
            if len(weights) != 1 or len(following) > 1:
                return 0
            wide = weights[0].shape
            widths.append((int(wide[1]), int(wide[0])))
        elif name not in KEEPING or (name == "AddBackward0" and len(following) > 1):
            return 0
        for each in following:
            if each not in seen:
                seen.add(each)
                waiting.append(each)
        if len(seen) > MOST:
            return 0
    if len(widths) < 2:
        return 0
    ends, between = (widths[-1][0], widths[0][1]), [out for _, out in widths[1:]]
    return 0 if min(between) < min(ends) else len(widths)


def _weight(node: Any) -> Any:
    """The parameter that a node is, perhaps transposed; None for what depends on other nodes."""
    while name_of(node) in ("TBackward0", "TransposeBackward0", "PermuteBackward0") and len(inputs_of(node)) == 1:
        node = inputs_of(node)[0]
    return getattr(node, "variable", None)
