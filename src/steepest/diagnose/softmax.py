"""Softmax over a dimension that is not meant: by the nodes between loss and output, and by those within the model."""

from typing import Any

from torch import Tensor
from torch.utils import _pytree as pytree

from .autograd import inputs_of, name_of, shape_of, through_views
from .observation import Forward

__all__ = ["over_one", "shared_out"]

MOST = 20_000
"""The most nodes of a model that are looked at."""


def over_one(node: Any) -> bool:
    """Whether a softmax goes over a single entry."""
    shape = shape_of(node)
    dim = node._saved_dim - 2**64 if node._saved_dim >= 2**63 else node._saved_dim
    return bool(shape) and -len(shape) <= dim < len(shape) and shape[dim] == 1


def shared_out(forward: Forward, output: Tensor) -> int:
    """The number of examples that a softmax within a model shares a weight of 1 out among; 0 where none does.

    It goes over the first dimension, of as many entries as model and batch have examples, and from there to the output
    each operation keeps that dimension: so it weighs examples against one another, as attention or a gate that was
    written for a single example does. A mean over the elements of one set, which are no examples, does not keep it.
    Inputs are square matrices or the output has the layout of the input where first dimensions may be moments.
    """
    count = int(output.shape[0]) if output.dim() else 0
    args, kwargs = forward.inputs or ((), {})
    inputs = [value for value in pytree.tree_leaves((args, kwargs)) if isinstance(value, Tensor) and value.dim() > 1]
    if count < 2 or not inputs or any(int(value.shape[0]) != count for value in inputs):
        return 0
    others = {int(size) for value in inputs for size in value.shape[1:2]}
    if count in others or (output.dim() > 1 and int(output.shape[1]) in others):
        return 0
    wide = any(value.dim() > 2 for value in inputs)
    known, waiting = {output.grad_fn}, [output.grad_fn]
    while waiting and len(known) < MOST:
        node = waiting.pop()
        if name_of(node) == "SoftmaxBackward0" and _over_first(node, count, wide):
            return count
        for each in inputs_of(node):
            if each not in known and shape_of(each)[:1] == (count,):
                known.add(each)
                waiting.append(each)
    return 0


def _over_first(node: Any, count: int, wide: bool) -> bool:
    """Whether a softmax of results, not of parameters, goes over the first of several dimensions.

    One number for each row may weigh the elements of a set, unless inputs are `wide`: rows of several elements.
    """
    shape = shape_of(node)
    first = node._saved_dim in (0, 2**64 - len(shape), -len(shape))
    under = through_views(inputs_of(node)[0]) if inputs_of(node) else None
    several = len(shape) > 2 or (len(shape) == 2 and (shape[1] > 1 or wide))
    return first and several and count not in shape[1:] and not hasattr(under, "variable")
