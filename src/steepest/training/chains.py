"""A chain of dense layers on the stacked weights of many runs: products of stacks of matrices, without `torch.vmap`.

The networks that a population makes fastest are small, and most small ones are such chains. What vmap takes for each of
their operations is as long as the operation itself.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from .stacked import Stacked

__all__ = ["Chain", "chain_or_stacked"]

ELEMENTWISE = (
    nn.ReLU, nn.Tanh, nn.Sigmoid, nn.GELU, nn.SiLU, nn.LeakyReLU, nn.ELU, nn.Softplus, nn.Identity,
)  # fmt: skip
"""Modules that compute each number from one number."""

Criterion = Callable[[Tensor, Tensor], Tensor]


def chain_or_stacked(
    model: nn.Module, function: Callable[[nn.Module, Any], Any], criteria: Mapping[str, Criterion] | None, name: str
) -> "Chain | Stacked":
    """A function of a model and data on the tensors of many models, the fastest way that there is.

    Args:
        model: any of the models.
        function: of a model and data.
        criteria: what the function computes of the model's output for `data[0]` and of `data[1]`, by name; None where
            it is not of this form.
        name: of the criterion that is the function's result; empty: a dictionary of all of them is.
    """
    layers = None if criteria is None else _layers(model)
    return Stacked(model, function) if layers is None or criteria is None else Chain(layers, criteria, name)


def _layers(model: nn.Module) -> list[tuple[str, nn.Module]] | None:
    """The layers of a chain, with their names; None if a model is none."""
    named = [
        (name, layer) for name, layer in model._modules.items() if layer is not None
    ]  # also one that is there twice
    kinds = (nn.Linear, *ELEMENTWISE)
    plain = type(model) is nn.Sequential and all(type(layer) in kinds for _, layer in named)
    with_hooks = any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
    shared = len({id(own) for _, layer in named for own in layer.parameters()}) < sum(
        len(list(layer.parameters())) for _, layer in named
    )
    return named if plain and not with_hooks and not shared else None


class Chain:
    """Criteria of a chain's output for many models at once; see `chain_or_stacked`.

    >>> chain = Chain([("0", nn.Linear(2, 1))], {"loss": functional.mse_loss}, "loss")
    >>> stacks = {"0.weight": torch.tensor([[[1.0, 0.0]], [[0.0, 2.0]]]), "0.bias": torch.zeros(2, 1)}
    >>> chain(stacks, (torch.tensor([[[3.0, 4.0]], [[3.0, 4.0]]]), torch.zeros(2, 1, 1)))
    tensor([ 9., 64.])
    """

    def __init__(self, layers: list[tuple[str, nn.Module]], criteria: Mapping[str, Criterion], name: str) -> None:
        self._layers, self._criteria, self._name = layers, criteria, name

    def __call__(self, stacks: Mapping[str, Tensor], data: tuple[Tensor, Tensor]) -> Any:
        """The criteria for each row of the stacks and of the data."""
        inputs, targets = data
        if inputs.ndim != 3:
            raise ValueError("a chain takes rows of numbers")
        output = inputs
        for name, layer in self._layers:
            if isinstance(layer, nn.Linear):
                weight = stacks[f"{name}.weight"].mT
                bias = stacks.get(f"{name}.bias")
                output = output @ weight if bias is None else torch.baddbmm(bias[:, None], output, weight)
            else:
                output = layer(output)
        if self._name:
            return _criterion(self._criteria[self._name], output, targets)
        return {name: _criterion(criterion, output, targets) for name, criterion in self._criteria.items()}


def _criterion(criterion: Criterion, output: Tensor, targets: Tensor) -> Tensor:
    """A criterion for each row."""
    is_plain = criterion is functional.cross_entropy and targets.ndim == 2 and targets.dtype == torch.int64
    if is_plain and int(targets.min()) >= 0:  # else there is one to be ignored
        found: Tensor = _CrossEntropy.apply(output, targets)  # type: ignore[no-untyped-call]
        return found
    return Stacked(_NOTHING, lambda _, both: criterion(*both))({}, (output, targets))  # type: ignore[no-any-return]


_NOTHING = nn.Module()


class _CrossEntropy(torch.autograd.Function):
    """The mean over a run's examples, for scores `[runs, examples, classes]`; classes first, as `stacked` says."""

    @staticmethod
    def forward(ctx: Any, scores: Tensor, targets: Tensor) -> Tensor:
        logarithms = torch.log_softmax(scores.mT.contiguous(), dim=1)
        ctx.save_for_backward(logarithms, targets)
        return -logarithms.gather(1, targets[:, None])[:, 0].mean(dim=1)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        logarithms, targets = ctx.saved_tensors
        found = logarithms.exp()
        found.scatter_add_(1, targets[:, None], torch.full_like(targets[:, None], -1, dtype=found.dtype))
        found *= (grad / targets.shape[1])[:, None, None]
        return found.mT, None
