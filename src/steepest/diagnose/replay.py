"""One more forward pass of a model that leaves no trace: random numbers, buffers and attributes stay as they are."""

import random
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

__all__ = ["Draws", "draws_now", "undisturbed"]

OF_TORCH = frozenset(nn.Module().__dict__)
"""Attributes that torch gives every module."""

Contents = list[Any] | dict[Any, Any] | set[Any] | deque[Any]


@dataclass
class Draws:
    """States of all global generators, and the precision of autocast."""

    torch_state: torch.Tensor
    devices: dict[int, torch.Tensor]
    python: Any
    numpy: Any
    autocast: tuple[str, torch.dtype] | None

    def restore(self) -> None:
        """Let all generators go on from here."""
        torch.set_rng_state(self.torch_state)
        for device, state in self.devices.items():
            torch.cuda.set_rng_state(state, device)
        random.setstate(self.python)
        if self.numpy is not None:
            sys.modules["numpy"].random.set_state(self.numpy)


def draws_now(device: torch.device) -> Draws:
    """The states of the global generators, of Python, NumPy and torch; of an accelerator that of `device`."""
    devices = {}
    if device.type == "cuda":
        index = device.index if device.index is not None else torch.cuda.current_device()
        devices = {index: torch.cuda.get_rng_state(index)}
    numpy = sys.modules["numpy"].random.get_state() if "numpy" in sys.modules else None
    kind = device.type
    autocast = (kind, torch.get_autocast_dtype(kind)) if torch.is_autocast_enabled(kind) else None
    return Draws(torch.get_rng_state(), devices, random.getstate(), numpy, autocast)


@contextmanager
def undisturbed(model: nn.Module, draws: Draws) -> Iterator[None]:
    """Within it the model runs with the random numbers of `draws`, and nothing that it changes remains.

    Buffers are exchanged for copies, so that a graph that holds them stays valid; attributes of modules are put back,
    the contents of lists, dictionaries and sets among them.
    """
    now = draws_now(next((param.device for param in model.parameters()), torch.device("cpu")))
    kept = []
    for module in model.modules():
        attributes = dict(module.__dict__)
        contents = [(value, _copy(value)) for name, value in attributes.items() if _holds(name, value)]
        kept.append((module, attributes, dict(module._buffers), contents))
        for name, buffer in module._buffers.items():
            if buffer is not None:
                module._buffers[name] = buffer.clone()
    draws.restore()
    try:
        if draws.autocast:
            with torch.no_grad(), torch.autocast(draws.autocast[0], draws.autocast[1], cache_enabled=False):
                yield
        else:
            with torch.no_grad():
                yield
    finally:
        for module, attributes, buffers, contents in kept:
            module._buffers.clear()
            module._buffers.update(buffers)
            for name in module.__dict__.keys() - attributes.keys():
                del module.__dict__[name]
            module.__dict__.update(attributes)
            for value, copy in contents:
                _refill(value, copy)
        now.restore()


def _holds(name: str, value: Any) -> bool:
    """Whether an attribute is a container of the user's; those that torch made of a module begin with `_`."""
    return isinstance(value, list | dict | set | deque) and name not in OF_TORCH


def _copy(value: Contents) -> Contents:
    return value.copy()


def _refill(value: Any, copy: Any) -> None:
    if value == copy if not isinstance(value, list | dict | deque) else _same(value, copy):
        return
    value.clear()
    value.extend(copy) if isinstance(value, list | deque) else value.update(copy)


def _same(value: Any, copy: Any) -> bool:
    """Whether two containers hold the same objects, without asking tensors whether they are equal."""
    if len(value) != len(copy):
        return False
    if isinstance(value, dict):
        return all(one is other and value[one] is copy[other] for one, other in zip(value, copy, strict=True))
    return all(one is other for one, other in zip(value, copy, strict=True))
