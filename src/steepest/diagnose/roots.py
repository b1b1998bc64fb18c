"""The tensors that a thread called `backward()` on, noted while anybody asks for them, or found from within a hook."""

import math
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, cast

import torch
from torch import Tensor

from .autograd import inputs_of, name_of
from .engine import running

__all__ = ["multiple", "noting_roots", "root_of_pass"]

_lock = threading.Lock()
_noted = threading.local()
_users = 0
_backward = torch.autograd.backward

LINEAR = ("Neg", "Mul", "Div", "Sum", "Mean", "View", "Squeeze", "Unsqueeze", "Alias", "Clone", "ToCopy")
"""Operations by which a scalar becomes a multiple of itself, if it is their only argument that needs a gradient."""


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


def root_of_pass() -> Tensor | None:
    """Within a hook of a backward pass: the one tensor that it was called on; None where that cannot be known.

    The frames of the caller tell. Hooks on an accelerator run in threads of their own, which have none.

    >>> weight = torch.ones(2, requires_grad=True)
    >>> handle = weight.register_hook(lambda gradient: print(root_of_pass()))
    >>> (3 * weight).sum().backward()
    tensor(6., grad_fn=<SumBackward0>)
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_name == "_engine_run_backward":
            roots = frame.f_locals.get("t_outputs", ())
            return roots[0] if len(roots) == 1 and isinstance(roots[0], Tensor) else None
        frame = frame.f_back
    return None


def multiple(root: Tensor, loss: Tensor) -> float | None:
    """How many times a loss what was differentiated is; None where it is no multiple of it, and none of both is 0.

    >>> loss = torch.ones(2, requires_grad=True).sum()
    >>> multiple(-loss / 4, loss), multiple(loss, loss.mean() / 2), multiple(loss**2, loss)
    (-0.25, 2.0, None)
    """
    if not (root.numel() == loss.numel() == 1 and (_leads(root.grad_fn, loss) or _leads(loss.grad_fn, root))):
        return None
    whole, part = float(root.detach()), float(loss.detach())
    return whole / part if whole and part and math.isfinite(whole) and math.isfinite(part) else None


def _leads(node: Any, scalar: Tensor) -> bool:
    """Whether a node is a multiple of what has one entry, computed from nothing else that needs a gradient."""
    while node is not None and node is not scalar.grad_fn:
        following = inputs_of(node)
        if len(following) != 1 or name_of(node).partition("Backward")[0] not in LINEAR:
            return False
        node = following[0]
    return node is not None
