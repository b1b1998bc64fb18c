"""The tensors that a thread called `backward()` on, noted while anybody asks for them."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import Tensor

from .engine import running

__all__ = ["noting_roots"]

_lock = threading.Lock()
_noted = threading.local()
_users = 0
_backward = torch.autograd.backward


def _noting(tensors: Any, *args: Any, **kwargs: Any) -> None:
    """`torch.autograd.backward`, which `Tensor.backward` calls, too."""
    if _users and running() == -1:  # checkpointing differentiates a part within a backward pass
        root = tensors if isinstance(tensors, Tensor) else None
        _noted.roots = [*getattr(_noted, "roots", [])[:1], root]
    return _backward(tensors, *args, **kwargs)


@contextmanager
def noting_roots() -> Iterator[Callable[[], list[Tensor | None]]]:
    """Within it, the function it gives returns what this thread differentiated since it was called before.

    That is the first and the last tensor, as far as there are any; None stands for several at once.

    >>> weight = torch.ones(2, requires_grad=True)
    >>> with noting_roots() as roots:
    ...     (3 * weight).sum().backward()
    ...     print(roots(), roots())
    [tensor(6., grad_fn=<SumBackward0>)] []
    """
    global _users, _backward
    place = cast("Any", torch.autograd)

    def roots() -> list[Tensor | None]:
        noted, _noted.roots = getattr(_noted, "roots", []), []
        return noted

    with _lock:
        if not _users:
            _backward, place.backward = place.backward, _noting
        _users += 1
    try:
        yield roots
    finally:
        roots()
        with _lock:
            _users -= 1
            if not _users and place.backward is _noting:
                place.backward = _backward
