"""What is kept of a training so that short runs of it can be repeated: its initial state and its last observed batches.

Both are copies, within a number of bytes. Nothing is kept of graphs, gradients and outputs.
"""

import copy
import math
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from ..examine import counterpart
from ..losses import Recovered
from ..observation import Forward
from ..record import Tick
from ..target import Target

__all__ = ["KEPT", "Batch", "Initial", "Outputs", "OwnBatch", "RecordedBatch", "Recording"]

KEPT = 2**29
"""The most bytes that are kept: 512 MiB, the initial state at most half of them."""

MOST_BATCHES = 64
"""The most batches that are kept; the oldest one makes room."""

LARGEST = 2**22
"""The most entries of an output whose gradient is compared with that of the recovered loss."""

Outputs = Callable[[Tensor], Tensor]


class Batch(ABC):
    """A batch on which a model can be trained: its loss as it was differentiated, and as it is read."""

    @abstractmethod
    def losses(
        self, model: nn.Module, inputs: Outputs | None = None, outputs: Outputs | None = None
    ) -> tuple[Tensor, Tensor]:
        """The scalar that is differentiated, and the loss that is compared.

        Args:
            model: what computes the outputs.
            inputs: applied to each floating-point input before.
            outputs: applied to what the loss is computed from.
        """

    @abstractmethod
    def output(self, model: nn.Module, inputs: Outputs | None = None) -> Tensor | None:
        """What the loss is computed from; None where that is not known."""

    @abstractmethod
    def inputs(self) -> list[Tensor]:
        """The floating-point inputs."""


@dataclass
class RecordedBatch(Batch):
    """A call of the model, and the loss of its output as it was recovered from the gradient.

    Attributes:
        args, kwargs: copies of the inputs.
        count, place, shape: number of outputs, and which of them the loss is computed from.
        again: what was differentiated, of new outputs.
        scale: factor between the mean loss and what was differentiated.
        autocast: device type and precision, where the model ran in mixed precision.
        size: bytes of inputs and targets.
    """

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    count: int
    place: int
    shape: torch.Size
    again: Outputs
    scale: float
    autocast: tuple[str, torch.dtype] | None
    size: int

    def losses(
        self, model: nn.Module, inputs: Outputs | None = None, outputs: Outputs | None = None
    ) -> tuple[Tensor, Tensor]:
        output = self.output(model, inputs)
        differentiated = self.again(output if outputs is None else outputs(output))
        return differentiated, differentiated.detach() / self.scale

    def output(self, model: nn.Module, inputs: Outputs | None = None) -> Tensor:
        args, kwargs = self.args, self.kwargs
        if inputs is not None:
            args, kwargs = pytree.tree_map(lambda value: inputs(value) if _real(value) else value, (args, kwargs))
        half = (
            self.autocast is not None and self.autocast[1] == torch.bfloat16
        )  # float16 would need a scaler of its own
        kind, precision = self.autocast or ("cpu", torch.bfloat16)
        with torch.autocast(kind, precision, enabled=half):
            output = counterpart(model(*args, **kwargs), self.count, self.place, self.shape)
        if output is None:
            raise RuntimeError("the model returns outputs of another shape than it did")
        return output

    def inputs(self) -> list[Tensor]:
        return [value for value in pytree.tree_leaves((self.args, self.kwargs)) if _real(value)]


@dataclass
class OwnBatch(Batch):
    """A batch of the user's, with a function for its loss.

    Attributes:
        loss: the loss of a model on a batch.
        batch: whatever the function takes.
    """

    loss: Callable[[nn.Module, Any], Tensor]
    batch: Any

    def losses(
        self, model: nn.Module, inputs: Outputs | None = None, outputs: Outputs | None = None
    ) -> tuple[Tensor, Tensor]:
        if outputs is not None:
            raise RuntimeError("this advice changes outputs, which loss= does not show")
        batch = self.batch
        if inputs is not None:
            batch = pytree.tree_map(lambda value: inputs(value) if _real(value) else value, batch)
        loss = self.loss(model, batch)
        return loss, loss.detach()

    def output(self, model: nn.Module, inputs: Outputs | None = None) -> None:
        return None

    def inputs(self) -> list[Tensor]:
        return [value for value in pytree.tree_leaves(self.batch) if _real(value)]


def _real(value: Any) -> bool:
    return isinstance(value, Tensor) and value.is_floating_point()


@dataclass
class Initial:
    """Weights, buffers, settings and states at the first step.

    Attributes:
        tensors: parameters and buffers of the model, by name, on the CPU.
        others: parameters of the optimizers that are none of the model's, in their order.
        optimizers: settings and states.
    """

    tensors: dict[str, Tensor]
    others: list[Tensor]
    optimizers: list[dict[str, Any]]


@dataclass
class Recording:
    """Copies for trials, within `most` bytes.

    Attributes:
        most_batches: the most batches that are kept; the oldest one makes room.
        initial: the state at the first step; None if it takes more than half of `most`.
        state_size: the bytes that it takes, or would take.
        batches: the last observed batches whose loss could be recovered, the oldest first.
        incomplete: number of observed batches whose loss could not.
        backwards: backward passes in a step.
        modes: the training mode of each module in the last observed step.
    """

    most: int
    most_batches: int = MOST_BATCHES
    initial: Initial | None = None
    state_size: int = 0
    batches: deque[RecordedBatch] = field(default_factory=deque)
    incomplete: int = 0
    backwards: int = 1
    modes: list[bool] = field(default_factory=list)
    _size: int = 0

    @property
    def size(self) -> int:
        """The bytes that are kept."""
        return self._size + (self.state_size if self.initial is not None else 0)

    def begin(self, target: Target) -> None:
        """Keep the initial state."""
        tensors = dict(_state(target.model))
        others = [param for _, _, param in target.stepped() if id(param) not in target.names]
        states = [optimizer.state_dict() for optimizer in target.optimizers]
        kept = [
            value for value in pytree.tree_leaves([state["state"] for state in states]) if isinstance(value, Tensor)
        ]
        self.state_size = _bytes([*tensors.values(), *others, *kept])
        if self.state_size <= self.most // 2 and not target.sharded:
            self.initial = Initial(
                {name: value.detach().to("cpu", copy=True) for name, value in tensors.items()},
                [value.detach().to("cpu", copy=True) for value in others],
                copy.deepcopy(states),
            )

    def keep(
        self, forward: Forward, node: Any, recovered: Recovered | None, tick: Tick, loss: float, target: Target
    ) -> None:
        """Keep the batch of an observed step, if its loss can be computed again from the output with this node."""
        if not self.most:
            return
        self.backwards = max(tick.backwards, 1)
        self.modes = [module.training for module in target.model.modules()]
        scaler = tick.update.scaler if tick.update is not None else 1.0
        again = _checked(forward, node, recovered, tick, loss, scaler)
        if again is None:
            self.incomplete += 1
            return
        function, scale, place = again
        args, kwargs = pytree.tree_map(lambda value: _copied(value), forward.inputs or ((), {}))
        held = [value for value in pytree.tree_leaves((args, kwargs)) if isinstance(value, Tensor)]
        size = _bytes(held + _closed_over(function))
        room = self.most - (self.state_size if self.initial is not None else 0)
        if size > room:
            return
        while self.batches and (self._size + size > room or len(self.batches) >= self.most_batches):
            self._size -= self.batches.popleft().size
        self._size += size
        autocast = forward.draws.autocast
        shape, count = forward.outputs[place].shape, len(forward.outputs)
        self.batches.append(RecordedBatch(args, kwargs, count, place, shape, function, scale, autocast, size))


def _checked(
    forward: Forward, node: Any, recovered: Recovered | None, tick: Tick, loss: float, scaler: float
) -> tuple[Callable[[Tensor], Tensor], float, int] | None:
    """What was differentiated, its factor to the mean loss, and the place of the output; None where it is not sure.

    Its gradient must be the one that was seen, and its value the loss: else more than this output is in the loss.
    """
    place = next((place for place, output in enumerate(forward.outputs) if output.grad_fn is node), None)
    if recovered is None or recovered.again is None or place not in forward.gradients:
        return None
    gradient = forward.gradients[place]
    output, facts = forward.outputs[place].detach(), recovered.facts
    if not (math.isfinite(facts.scale) and facts.scale and math.isfinite(facts.mean) and output.numel() <= LARGEST):
        return None
    again, scale = recovered.again, facts.scale / scaler
    with torch.enable_grad():
        point = (output.clone() if output.dtype == torch.float64 else output.float()).requires_grad_()
        value = again(point)
        (slope,) = torch.autograd.grad(value, point)
    error = float(torch.linalg.vector_norm(slope - gradient.float()))
    if not error <= 1e-2 * float(torch.linalg.vector_norm(gradient.float())):
        return None
    seen = abs(loss)
    size = abs(float(value.detach()))
    values = (size / scaler, size / abs(facts.scale))
    if tick.backwards == 1 and not any(math.isclose(each, seen, rel_tol=2e-2, abs_tol=1e-3) for each in values):
        return None
    return (again if scaler == 1 else lambda new: again(new) / scaler), scale, place


def _state(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    yield from model.named_parameters()
    yield from model.named_buffers()


def _copied(value: Any) -> Any:
    return value.detach().clone() if isinstance(value, Tensor) else value


def _closed_over(function: Callable[[Tensor], Tensor]) -> list[Tensor]:
    """The targets that a recovered loss holds."""
    cells = [cell.cell_contents for cell in function.__closure__ or ()]
    inner = [
        tensor for cell in cells if callable(cell) and hasattr(cell, "__closure__") for tensor in _closed_over(cell)
    ]
    return [cell for cell in cells if isinstance(cell, Tensor)] + inner


def _bytes(tensors: list[Tensor]) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)
