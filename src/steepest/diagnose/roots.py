"""The tensor that a thread called `backward()` on last, noted while anybody asks for it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import Tensor

__all__ = ["noting_roots"]

_lock = threading.Lock()
_last = threading.local()
_users = 0
_backward = torch.autograd.backward


def _noting(tensors: Any, *args: Any, **kwargs: Any) -> None:
    """`torch.autograd.backward`, which `Tensor.backward` calls, too."""
    if _users:
        _last.root = tensors if isinstance(tensors, Tensor) else None
    return _backward(tensors, *args, **kwargs)


@contextmanager
def noting_roots() -> Iterator[Callable[[], Tensor | None]]:
    """Within it, the function it gives returns the tensor that this thread differentiated last, and forgets it.

    >>> weight = torch.ones(2, requires_grad=True)
    >>> with noting_roots() as root:
    ...     (3 * weight).sum().backward()
    ...     print(root(), root())
    tensor(6., grad_fn=<SumBackward0>) None
    """
    global _users, _backward
    place = cast("Any", torch.autograd)

    def root() -> Tensor | None:
        tensor, _last.root = getattr(_last, "root", None), None
        return tensor

    with _lock:
        if not _users:
            _backward, place.backward = place.backward, _noting
        _users += 1
    try:
        yield root
    finally:
        root()
        with _lock:
            _users -= 1
            if not _users and place.backward is _noting:
                place.backward = _backward
