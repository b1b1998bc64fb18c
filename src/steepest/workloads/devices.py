"""Batches of any kind, and the device of a model."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

__all__ = ["device_of", "to_device"]


def to_device(batch: Any, device: torch.device) -> Any:
    """A batch with its tensors, arrays and whatever has a method `to` on a device; arrays become tensors.

    >>> to_device({"x": np.ones(2), "names": ["a", "b"]}, torch.device("cpu"))
    {'x': tensor([1., 1.], dtype=torch.float64), 'names': ['a', 'b']}
    """
    if isinstance(batch, Tensor):
        return batch.to(device, non_blocking=True)
    if isinstance(batch, np.ndarray):
        if batch.dtype.kind not in "biufc":
            return batch
        return torch.from_numpy(batch if batch.flags.writeable else batch.copy()).to(device)
    if isinstance(batch, Mapping) and not hasattr(batch, "to"):
        return {key: to_device(value, device) for key, value in batch.items()}
    if isinstance(batch, tuple | list):
        parts = [to_device(value, device) for value in batch]
        if isinstance(batch, list):
            return parts
        return type(batch)(*parts) if hasattr(batch, "_fields") else tuple(parts)  # a named tuple stays one
    return batch.to(device) if hasattr(batch, "to") else batch


def device_of(model: nn.Module) -> torch.device:
    """Where a model is."""
    return next((param.device for param in model.parameters()), torch.device("cpu"))
