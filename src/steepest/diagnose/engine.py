"""What autograd is doing: which backward pass runs, whether it adds to gradients, and what is done at its end."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Variable

__all__ = ["adds_gradients", "at_end", "in_transform", "running"]


def running() -> int:
    """The number of the backward pass that runs in this thread; -1 if none does.

    >>> weight = torch.ones(2, requires_grad=True)
    >>> handle = weight.register_hook(lambda gradient: print(running() == -1))
    >>> weight.sum().backward()
    False
    >>> running()
    -1
    """
    number: int = torch._C._current_graph_task_id()
    return number


def in_transform() -> bool:
    """Whether a transformation of torch.func runs, in which tensors stand for others."""
    return torch._C._functorch.peek_interpreter_stack() is not None


def adds_gradients(params: Iterable[Tensor]) -> bool:
    """Whether the backward pass that runs adds to `.grad` of any of these, as `torch.autograd.grad` does not.

    True where none of them can be asked, such as tensors without views.
    """
    asked = False
    for param in params:
        with suppress(RuntimeError), torch.enable_grad():
            node: Any = param.view_as(param).grad_fn
            asked = True
            try:
                if torch._C._will_engine_execute_node(node.next_functions[0][0]):  # type: ignore[attr-defined]
                    return True
            except RuntimeError:  # the gradient of this parameter is what was asked for
                return False
    return not asked


def at_end(action: Callable[[], object]) -> None:
    """Do something once the backward pass that runs has ended."""
    engine: Any = Variable._execution_engine  # type: ignore[attr-defined]
    engine.queue_callback(action)
