"""A session's parts as functions of its model: what many runs need to be trained as one."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["Functional"]


@dataclass(frozen=True)
class Functional:
    """What a session's `advance` and `measure` compute, as functions of a model.

    `advance` must be: for each batch, clear the gradients, `loss(model, batch).backward()`, step. The functions are
    called on tensors of many runs at once (`torch.vmap`), so they may not look at values: no `if` on a number of the
    model, no `.item()`, and no random numbers.

    Attributes:
        batches: the session's batches, from its next step on, without end: tensors, or tuples, lists or dicts of them,
            of the same shapes at every step.
        loss: of a model and a batch, a scalar.
        held_out: what the model is measured on, tensors likewise.
        measure: of a model in eval mode and `held_out`, scalars by name, as `Session.measure` returns them; None: runs
            are measured one by one.
        criteria: where data are pairs of inputs and targets, "loss" and what else is measured, as functions of the
            model's output for the inputs and of the targets: some models are computed faster if this is known.
    """

    batches: "Iterator[Any]"
    loss: "Callable[[nn.Module, Any], Tensor]"
    held_out: Any = ()
    measure: "Callable[[nn.Module, Any], Mapping[str, Tensor]] | None" = None
    criteria: "Mapping[str, Callable[[Tensor, Tensor], Tensor]] | None" = None
