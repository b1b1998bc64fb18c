"""The last step of an optimizer made again, without the checks that take longer than the step of a small network.

For callers who own all the tensors: parameters, gradients and states lie where they lay, as those of a population do.
"""

from typing import Any

import torch

from .cpu.arguments import ArgumentBlock
from .optimizer import Optimizer

__all__ = ["Replay"]


class Replay:
    """Repeats an optimizer's last step from the gradients that are now where the last ones were.

    autograd is not told that the parameters change.

    >>> from steepest import SGD
    >>> weight = torch.nn.Parameter(torch.ones(2))
    >>> weight.grad, optimizer = torch.ones(2), SGD([weight], lr=0.25)
    >>> optimizer.step()
    >>> replay = Replay.of(optimizer)
    >>> replay.step()
    True
    >>> weight.data
    tensor([0.5000, 0.5000])
    """

    def __init__(self, parts: list[tuple[dict[str, Any], ArgumentBlock]]) -> None:
        self._parts = parts
        self._settings = [_settings(group) for group, _ in parts]

    @classmethod
    def of(cls, optimizer: torch.optim.Optimizer) -> "Replay | None":
        """That of an optimizer whose last step was one of fused kernels alone; None for any other."""
        if not isinstance(optimizer, Optimizer) or optimizer._has_hooks():
            return None
        parts = []
        for group, cache in zip(optimizer.param_groups, optimizer._caches, strict=True):
            fused = cache.fused
            if fused is None or group["non_finite"] is not None or isinstance(group["lr"], torch.Tensor):
                return None
            if not group["lr"]:  # a kernel of its own
                return None
            parts += [(group, block) for block in fused.blocks]
        return cls(parts)

    def step(self, rates_changed: bool = False) -> bool:
        """Make the step; `rates_changed`: at the groups' learning rates as they are now.

        Returns:
            False, and nothing is done, where a learning rate is 0 or another setting has changed: the optimizer must
            make this step itself.
        """
        if not rates_changed:
            for _, block in self._parts:
                block.again()
            return True
        rates = [float(group["lr"]) for group, _ in self._parts]
        if not all(rates) or [_settings(group) for group, _ in self._parts] != self._settings:
            return False
        for (_, block), rate in zip(self._parts, rates, strict=True):
            block.again(rate)
        return True


def _settings(group: dict[str, Any]) -> list[Any]:
    """All that a group sets but for its learning rate and the parameters."""
    return [value for name, value in group.items() if name not in ("lr", "params")]
