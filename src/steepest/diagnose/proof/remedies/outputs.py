"""The loss and the last activation: one that is there twice or does not fit is removed or replaced."""

from typing import Any

import torch
from torch import Tensor, nn

from ..recording import Outputs
from .remedy import Case, Makers, Remedy, Setup, Untried

__all__ = ["REMEDIES"]


def _no_activation(case: Case) -> list[Remedy]:
    kind = str(case.numbers.get("kind", ""))
    reads: dict[str, Outputs] = {"softmax": _logarithm, "sigmoid": torch.logit}
    read = reads.get(kind) if "share" not in case.numbers else None  # of output_range the loss is the same
    return [Remedy("no_activation", lambda setup: _replace_last(setup, nn.Identity()), read=read)]


def _logarithms(case: Case) -> list[Remedy]:
    kind = case.numbers.get("kind")
    if kind == "softmax":
        change = lambda setup: _replace_last(setup, nn.LogSoftmax(-1))  # noqa: E731
        return [Remedy("log_softmax", change, read=_logarithm)]
    if kind == "logits":
        return [Remedy("log_softmax", lambda setup: setattr(setup, "outputs", _log_softmax), read=_log_softmax)]
    return []


def _logarithm(values: Tensor) -> Tensor:
    return values.clamp_min(1e-30).log()


def _log_softmax(values: Tensor) -> Tensor:
    return values.log_softmax(1 if values.dim() > 2 else -1)


LAST = (nn.Softmax, nn.Sigmoid, nn.ReLU, nn.Tanh, nn.Softplus, nn.LogSigmoid, nn.ReLU6)


def _replace_last(setup: Setup, other: nn.Module) -> None:
    """Replace the activation module whose output is what the model returns."""
    made: dict[int, list[nn.Module]] = {}
    places = [module for module in setup.model.modules() if isinstance(module, LAST)]

    def returns(module: nn.Module, args: Any, output: Any) -> None:
        made.setdefault(id(output), []).append(module)
        kept.append(output)

    kept: list[Any] = []
    handles = [module.register_forward_hook(returns) for module in places]
    try:
        with torch.no_grad():
            output = setup.example.output(setup.model)
    finally:
        for handle in handles:
            handle.remove()
    last = made.get(id(output), [None])[-1]
    if last is None or last is setup.model:
        raise Untried("module")
    for module in setup.model.modules():
        for name, child in module.named_children():
            if child is last:
                setattr(module, name, other)


REMEDIES: Makers = {
    "softmax_twice": _no_activation,
    "output_range": _no_activation,
    "loss_input": _logarithms,
}
"""By the codes of their findings."""
