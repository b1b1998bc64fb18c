"""The tensors that `backward()` is called on, while anybody asks for them."""

import math
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import Tensor

from .autograd import inputs_of, name_of
from .engine import running

__all__ = ["before_backward", "multiple", "noting_roots"]

Listener = Callable[[Tensor | None], None]

_lock = threading.Lock()
_listeners: dict[object, Listener] = {}
_backward = torch.autograd.backward
_in_place = False

LINEAR = ("Neg", "Mul", "Div", "Sum", "Mean", "View", "Squeeze", "Unsqueeze", "Alias", "Clone", "ToCopy")
"""Operations by which a scalar becomes a multiple of itself, if it is their only argument that needs a gradient."""

SHIFTS = ("Rsub", "Sub", "Add")
"""Others by which it does if what is added is 0."""


def _noting(tensors: Any, *args: Any, **kwargs: Any) -> None:
    """`torch.autograd.backward`, which `Tensor.backward` calls, too."""
    if running() == -1:  # checkpointing differentiates a part within a backward pass
        root = tensors if isinstance(tensors, Tensor) else None
        for listener in tuple(_listeners.values()):
            listener(root)
    return _backward(tensors, *args, **kwargs)


def before_backward(listener: Listener) -> Callable[[], None]:
    """Call a function, in any thread, with what is differentiated, before it is; None stands for several at once.

    Returns what ends this.

    >>> end = before_backward(print)
    >>> torch.ones(2, requires_grad=True).sum().backward()
    tensor(2., grad_fn=<SumBackward0>)
    >>> end()
    """
    global _backward, _in_place
    place, key = cast("Any", torch.autograd), object()

    def end() -> None:
        global _in_place
        with _lock:
            _listeners.pop(key, None)
            if not _listeners and place.backward is _noting:  # else what another one put around it stays
                place.backward, _in_place = _backward, False

    with _lock:
        if not _in_place or place.backward is _backward:  # another one has put back what it found before
            _backward, place.backward, _in_place = place.backward, _noting, True
        _listeners[key] = listener
    return end


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
    noted = threading.local()

    def note(root: Tensor | None) -> None:
        noted.roots = [*getattr(noted, "roots", [])[:1], root]

    def roots() -> list[Tensor | None]:
        known, noted.roots = getattr(noted, "roots", []), []
        return known

    end = before_backward(note)
    try:
        yield roots
    finally:
        end()


def multiple(root: Tensor, loss: Tensor) -> float | None:
    """How many times a loss what was differentiated is; None where it is no multiple of it, and none of both is 0.

    >>> loss = torch.ones(2, requires_grad=True).sum()
    >>> multiple(-loss / 4, loss), multiple(loss, loss.mean() / 2), multiple(loss**2, loss)
    (-0.25, 2.0, None)
    """
    if not root.numel() == loss.numel() == 1:
        return None
    whole, part = float(root.detach()), float(loss.detach())
    if not (whole and part and math.isfinite(whole) and math.isfinite(part)):
        return None
    by = LINEAR + SHIFTS * math.isclose(abs(whole), abs(part), rel_tol=1e-6)  # 0 - loss is a multiple, 1 - loss is none
    return whole / part if _leads(root.grad_fn, loss, by) or _leads(loss.grad_fn, root, by) else None


def _leads(node: Any, scalar: Tensor, by: Sequence[str]) -> bool:
    """Whether a node comes of what has one entry by these operations, and of nothing else that needs a gradient."""
    while node is not None and node is not scalar.grad_fn:
        following = inputs_of(node)
        if len(following) != 1 or name_of(node).partition("Backward")[0] not in by:
            return False
        node = following[0]
    return node is not None
