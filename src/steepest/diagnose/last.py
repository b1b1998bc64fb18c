"""The last activation of a model, by the graph behind its output, and the numbers that it can give."""

import math
from collections.abc import Sequence
from typing import Any

from .autograd import VIEWS, inputs_of, name_of, through_views

__all__ = ["LAST", "last_activation", "last_of", "limiting", "reach"]

LAST = {
    "ReluBackward0": "relu", "ThresholdBackward0": "relu", "ClampMinBackward0": "relu", "SigmoidBackward0": "sigmoid",
    "TanhBackward0": "tanh", "SoftmaxBackward0": "softmax", "LogSoftmaxBackward0": "log_softmax", "ExpBackward0": "exp",
    "SoftplusBackward0": "softplus", "LogSigmoidBackward0": "log_sigmoid", "HardtanhBackward0": "hardtanh",
    "HardsigmoidBackward0": "hardsigmoid", "SinBackward0": "sin", "CosBackward0": "cos", "ErfBackward0": "erf",
    "ClampBackward1": "clamp",
}  # fmt: skip
"""Activations by the nodes of the graph that they leave."""

REACHES: dict[str, tuple[float, float]] = {
    "relu": (0.0, math.inf), "sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0), "softmax": (0.0, 1.0), "exp": (0.0, math.inf),
    "softplus": (0.0, math.inf), "hardsigmoid": (0.0, 1.0), "sin": (-1.0, 1.0), "cos": (-1.0, 1.0), "erf": (-1.0, 1.0),
    "LSTM": (-1.0, 1.0), "GRU": (-1.0, 1.0), "normalize": (-1.0, 1.0),
}  # fmt: skip
"""The numbers that each of them can give."""

JOINS = ("StackBackward0", "CatBackward0")
"""Nodes whose results are those of all their arguments side by side, as the states of all moments are."""

STATES = {"MkldnnRnnLayerBackward0": "LSTM", "CudnnRnnBackward0": ""}
"""Recurrent layers that are one node. Of the first kind are LSTMs without projections only."""

CUDNN = {1: "tanh", 2: "LSTM", 3: "GRU"}
"""The modes of a recurrent layer of cuDNN; 0 is one with ReLU, and not limited."""


def last_activation(node: Any, place: int = 0) -> str | None:
    """The last activation that a model's output, or what was made of it, went through; None without one.

    The state of a recurrent layer goes through a gate last, which leaves it between -1 and 1: `"LSTM"` or `"GRU"`.

    Args:
        node: the output's.
        place: which of the results of that node the output is.
    """
    node, place = _through(node, place)
    name = name_of(node)
    if name == "ClampBackward1" and node._saved_min == 0 and node._saved_max is None:
        return "relu"
    if name in LAST:
        return LAST[name]
    if name in JOINS:
        kinds = [last_activation(each, number) if each is not None else None for each, number in node.next_functions]
        return kinds[0] if kinds and len(set(kinds)) == 1 else None
    if name in STATES and place < 2:  # the third result is the state of the cells, which no gate limits
        return STATES[name] or (CUDNN.get(node._saved_mode) if not node._saved_proj_size else None)
    if _is_normalized(node):
        return "normalize"
    if _is_gated(node):
        return "LSTM"
    return "GRU" if _is_mixed(node) else None


def limiting(node: Any) -> str | None:
    """The same, where it limits what comes out; one that cuts off below 0 is `"relu"` wherever it cuts off above."""
    kind, node = last_activation(node), through_views(node)
    if kind in ("clamp", "hardtanh"):
        low = node._saved_min if kind == "clamp" else node._saved_min_val
        return "relu" if low is not None and float(low) >= 0 else None
    return kind


def last_of(path: Sequence[Any]) -> str | None:
    """The last activation of the output that a path of nodes ends at."""
    before = path[-2].next_functions if len(path) > 1 else ()
    return last_activation(path[-1], next((place for node, place in before if node is path[-1]), 0))


def reach(path: Sequence[Any]) -> tuple[float, float]:
    """The least and the largest number that the last activation of the output at the end of a path can give.

    >>> import torch
    >>> weight = torch.ones(3, requires_grad=True)
    >>> reach([weight.sigmoid().grad_fn]), reach([torch.nn.functional.hardtanh(weight, -2, 2).grad_fn])
    ((0.0, 1.0), (-2.0, 2.0))
    """
    kind, last = last_of(path), through_views(path[-1])
    if name_of(last) == "HardtanhBackward0":
        return float(last._saved_min_val), float(last._saved_max_val)
    if name_of(last) == "ClampBackward1":
        low, high = last._saved_min, last._saved_max
        return -math.inf if low is None else float(low), math.inf if high is None else float(high)
    return REACHES.get(kind or "", (-math.inf, math.inf))


def _through(node: Any, place: int) -> tuple[Any, int]:
    """The first node that does more than a view, and which of its results was viewed."""
    while name_of(node) in VIEWS and len(inputs_of(node)) == 1:
        node, place = next((each, number) for each, number in node.next_functions if each is not None)
    return node, place


def _is_normalized(node: Any) -> bool:
    """Whether numbers are divided by their norm, or by that and a little more."""
    if name_of(node) != "DivBackward0" or len(inputs_of(node)) != 2:
        return False
    given, norm = (_through(each, 0)[0] for each in inputs_of(node))
    while (
        name_of(norm) in ("ClampMinBackward0", "ClampBackward1", "AddBackward0", *VIEWS) and len(inputs_of(norm)) == 1
    ):
        norm = inputs_of(norm)[0]
    is_norm = name_of(norm) in ("LinalgVectorNormBackward0", "NormBackward1", "NormBackward2")
    return is_norm and any(_through(each, 0)[0] is given for each in inputs_of(norm))


def _is_gated(node: Any) -> bool:
    """Whether a number between -1 and 1 is multiplied by one between 0 and 1, as an LSTM does last."""
    factors = [name_of(_through(each, 0)[0]) for each in inputs_of(node)] if name_of(node) == "MulBackward0" else []
    return sorted(factors) == ["SigmoidBackward0", "TanhBackward0"]


def _is_mixed(node: Any) -> bool:
    r"""Whether a state is mixed with a new one, $n + z (h - n)$, $n$ by tanh and $z$ by a sigmoid, as a GRU does."""
    if name_of(node) != "AddBackward0" or len(inputs_of(node)) != 2:
        return False
    for mixed, new in (inputs_of(node), inputs_of(node)[::-1]):
        factors = inputs_of(mixed) if name_of(mixed) == "MulBackward0" and name_of(new) == "TanhBackward0" else []
        gates = [each for each in factors if name_of(_through(each, 0)[0]) == "SigmoidBackward0"]
        ways = [each for each in factors if name_of(each) == "SubBackward0" and new in inputs_of(each)]
        if gates and ways:
            return True
    return False
