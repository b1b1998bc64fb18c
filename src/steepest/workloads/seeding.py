"""Torch's global generators, seeded for a while: that of the CPU, and that of the accelerator that is in use."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

__all__ = ["random_state", "seeded", "set_random_state"]


class _Generator(NamedTuple):
    get_state: Callable[[], Tensor]
    set_state: Callable[[Tensor], Any]
    manual_seed: Callable[[int], Any]


@contextmanager
def seeded(seed: int, device: torch.device | str = "cpu") -> Iterator[None]:
    """Seed the global generators that layers and tensors on this device draw from; afterwards they are as before.

    On the CPU no accelerator is touched, not even to ask whether there is one: a process that has initialised one
    cannot fork workers that use it.

    >>> with seeded(1):
    ...     first = torch.rand(())
    >>> with seeded(1):
    ...     print(bool(torch.rand(()) == first))
    True
    """
    generators = _generators(device)
    before = [generator.get_state() for generator in generators]
    try:
        for generator in generators:
            generator.manual_seed(seed)
        yield
    finally:
        for generator, state in zip(generators, before, strict=True):
            generator.set_state(state)


def random_state(device: torch.device | str = "cpu") -> list[Tensor]:
    """The states of these generators."""
    return [generator.get_state() for generator in _generators(device)]


def set_random_state(states: list[Tensor], device: torch.device | str = "cpu") -> None:
    """Set them to what `random_state` gave."""
    for generator, state in zip(_generators(device), states, strict=True):
        generator.set_state(state)


def _generators(device: torch.device | str) -> list[_Generator]:
    cpu = torch.default_generator  # torch.manual_seed would queue a seed for every accelerator
    generators = [_Generator(cpu.get_state, cpu.set_state, cpu.manual_seed)]
    device = torch.device(device)
    if device.type in ("cpu", "meta"):
        return generators
    module = torch.get_device_module(device)
    if device.type == "mps":  # the one kind of which there is only one
        own = _Generator(module.get_rng_state, module.set_rng_state, module.manual_seed)
    else:
        get_state = partial(module.get_rng_state, device)
        own = _Generator(get_state, partial(module.set_rng_state, device=device), partial(_seed, module, device))
    return [*generators, own]


def _seed(module: Any, device: torch.device, seed: int) -> None:
    with module.device(device):
        module.manual_seed(seed)
