"""The initial state, and the scale of inputs and targets."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from .remedy import Case, Makers, Remedy, Setup, Untried

__all__ = ["REMEDIES"]


def _initialized(case: Case) -> list[Remedy]:
    return [Remedy("initialized", lambda setup: initialize(setup.model), starts=("start",))]


def _reaching(case: Case) -> list[Remedy]:
    def rectified(setup: Setup) -> None:
        _exchange(setup.model, (nn.Sigmoid, nn.Tanh), nn.ReLU)
        initialize(setup.model)
        for module in setup.model.modules():
            if isinstance(module, nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    return [*_initialized(case), Remedy("rectified", rectified, starts=("start",))]


def _alive(case: Case) -> list[Remedy]:
    def leaky(setup: Setup) -> None:
        _exchange(setup.model, (nn.ReLU,), nn.LeakyReLU)
        initialize(setup.model)

    return [*_initialized(case), Remedy("leaky", leaky, starts=("start",))]


def initialize(model: nn.Module) -> None:
    """Draw all weights anew as torch's own modules do."""
    own = [module for module in model.modules() if callable(getattr(module, "reset_parameters", None))]
    if not own:
        raise Untried("by_hand")
    for module in own:
        module.reset_parameters()  # type: ignore[operator]


def _exchange(model: nn.Module, kinds: tuple[type[nn.Module], ...], other: Callable[[], nn.Module]) -> None:
    found = [
        (module, name) for module in model.modules() for name, child in module.named_children() if type(child) in kinds
    ]
    if not found:
        raise Untried("module")
    for module, name in found:
        setattr(module, name, other())


def _standard_inputs(case: Case) -> list[Remedy]:
    by_width: dict[int, list[Tensor]] = {}
    for batch in case.batches:
        for value in batch.inputs():
            by_width.setdefault(_columns(value).shape[1], []).append(_columns(value))
    moments = {}
    for width, values in by_width.items():
        spread, mean = torch.std_mean(torch.cat(values).double(), 0, correction=0)
        moments[width] = mean, torch.where(spread > 1e-12 * mean.abs(), spread, 1.0)  # a constant column becomes 0
    if not moments:
        return []

    def standardized(value: Tensor) -> Tensor:
        columns = _columns(value)
        if columns.shape[1] not in moments:
            return value
        mean, spread = moments[columns.shape[1]]
        shape = (1, -1, *(1,) * (value.dim() - 2)) if len(mean) > 1 else (1,)
        return ((value.double() - mean.reshape(shape)) / spread.reshape(shape)).to(value.dtype)

    return [Remedy("inputs", lambda setup: setattr(setup, "inputs", standardized), starts=("start",))]


def _columns(value: Tensor) -> Tensor:
    """A column for each feature of a table or channel of images; one for all values of anything else."""
    return value.movedim(1, -1).reshape(-1, value.shape[1]) if value.dim() in (2, 4, 5) else value.reshape(-1, 1)


def _standard_targets(case: Case) -> list[Remedy]:
    mean, deviation = float(case.numbers["mean"]), float(case.numbers["deviation"])
    if not (math.isfinite(mean) and deviation > 0):
        return []

    def change(setup: Setup) -> None:
        setup.outputs = lambda values: values * deviation + mean  # the loss stays in the units of the targets,
        setup.factor /= deviation**2  # its gradient is that of standardized ones

    return [Remedy("targets", change, starts=("start",))]


REMEDIES: Makers = {
    "symmetry": _initialized,
    "init_large": _initialized,
    "vanishing": _reaching,
    "dead_units": _alive,
    "input_scale": _standard_inputs,
    "target_scale": _standard_targets,
}
"""By the codes of their findings."""
