"""Calls of dropout's functions, noted while anybody asks for it: how much is dropped, whoever calls them.

Layers of dropout, attention, and `torch.nn.functional` all call the same few functions, so that it does not matter how
a script imports them. (Masks in the graph would tell as much, and reading them runs checkpointed layers again.)
"""

import threading
from collections.abc import Callable
from functools import wraps
from typing import Any

import torch
from torch import nn

__all__ = ["Drops", "dropped_by_layers"]

NAMES = [f"{kind}dropout{place}" for kind in ("", "feature_", "alpha_", "feature_alpha_") for place in ("", "_")]
"""Each takes a tensor, the probability, and whether it trains."""

_home = vars(torch._VF)
_lock = threading.RLock()  # a doctor may be collected, and its drops removed, while this thread has it
_open: list["Drops"] = []


class Drops:
    """The largest probability of dropout in this thread, from when it is made until `remove`.

    >>> drops = Drops()
    >>> _ = torch.nn.functional.dropout(torch.ones(3), 0.25)
    >>> drops.remove()
    >>> drops.share
    0.25
    """

    def __init__(self) -> None:
        self.share = 0.0
        self._thread = threading.get_ident()
        with _lock:
            if not _open:
                _home.update({name: _noting(getattr(torch._VF, name)) for name in NAMES})
            _open.append(self)

    def remove(self) -> None:
        """Note no more of them."""
        with _lock:
            if self in _open:
                _open.remove(self)
                if not _open:
                    for name in NAMES:
                        _home.pop(name, None)

    def _note(self, share: float) -> None:
        if threading.get_ident() == self._thread:
            self.share = max(self.share, share)


def _noting(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def noting(values: Any, p: float, train: bool) -> Any:
        if train and torch.is_grad_enabled():
            for drops in _open:
                drops._note(float(p))
        return function(values, p, train)

    return noting


def dropped_by_layers(model: nn.Module) -> float:
    """The largest probability of any layer with dropout; 0 without one."""
    found = [float(module.p) for module in model.modules() if isinstance(module, nn.modules.dropout._DropoutNd)]
    found += [float(module.dropout) for module in model.modules() if isinstance(module, nn.MultiheadAttention)]
    found += [
        float(module.dropout) for module in model.modules() if isinstance(module, nn.RNNBase) and module.num_layers > 1
    ]
    return max(found, default=0.0)
