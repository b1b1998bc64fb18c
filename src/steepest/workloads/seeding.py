"""The global generators, seeded for a while: torch's of the CPU and of the accelerator in use, NumPy's and Python's.

Torch is imported when a generator is first needed: a study's fork server loads it at the same time as its client.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import torch

__all__ = ["drawing_from", "numpy_state", "random_state", "seeded", "set_random_state", "torch_seeders"]


class _Generator(NamedTuple):
    get_state: Callable[[], Any]
    set_state: Callable[[Any], Any]
    manual_seed: Callable[[int], Any]


def numpy_state() -> tuple[Any, ...]:
    """The state of NumPy's generator; of a list it is set in a fiftieth of the time that an array takes."""
    state: Any = np.random.get_state()
    name, keys, *rest = state
    return name, keys.tolist(), *rest


def _seed_numpy(seed: int) -> None:
    np.random.seed(seed % 2**32)  # it takes 32 bits


OF_NUMPY_AND_PYTHON = [
    _Generator(numpy_state, np.random.set_state, _seed_numpy),
    _Generator(random.getstate, random.setstate, random.seed),
]


@cache
def _of_the_cpu() -> list[_Generator]:
    from torch import default_generator as own

    # not torch.manual_seed, which queues a seed for every accelerator
    return [_Generator(own.get_state, own.set_state, own.manual_seed), *OF_NUMPY_AND_PYTHON]


@contextmanager
def seeded(seed: int, device: "torch.device | str" = "cpu") -> Iterator[None]:
    """Seed the global generators that anything on this device draws from; afterwards they are as before.

    On the CPU no accelerator is touched, not even to ask whether there is one: a process that has initialised one
    cannot fork workers that use it.

    >>> import torch
    >>> with seeded(1):
    ...     first = torch.rand(())
    >>> with seeded(1):
    ...     print(bool(torch.rand(()) == first))
    True
    """
    before = random_state(device)
    try:
        for generator in _generators(device):
            generator.manual_seed(seed)
        yield
    finally:
        set_random_state(before, device)


@contextmanager
def drawing_from(states: list[Any], device: "torch.device | str" = "cpu") -> Iterator[None]:
    """A context in which the generators continue from `states`, of `random_state`; afterwards they are as before.

    Faster than seeding them anew.
    """
    before = random_state(device)
    try:
        set_random_state(states, device)
        yield
    finally:
        set_random_state(before, device)


def random_state(device: "torch.device | str" = "cpu") -> list[Any]:
    """The states of the generators: torch's of the CPU, NumPy's, Python's, then torch's of the accelerator."""
    return [generator.get_state() for generator in _generators(device)]


def set_random_state(states: list[Any], device: "torch.device | str" = "cpu") -> None:
    """Set the generators to states that `random_state` returned for this device."""
    for generator, state in zip(_generators(device), states, strict=True):
        generator.set_state(state)


def torch_seeders(device: "torch.device | str" = "cpu") -> list[Callable[[int], Any]]:
    """What seeds torch's generators that anything on this device draws from."""
    return [generator.manual_seed for generator in _generators(device) if generator not in OF_NUMPY_AND_PYTHON]


def _generators(device: "torch.device | str") -> list[_Generator]:
    import torch

    if device == "cpu" or torch.device(device).type in ("cpu", "meta"):
        return _of_the_cpu()
    device = torch.device(device)
    module = torch.get_device_module(device)
    if device.type == "mps":  # the one kind of which there is only one
        own = _Generator(module.get_rng_state, module.set_rng_state, module.manual_seed)
    else:
        get_state = partial(module.get_rng_state, device)
        own = _Generator(get_state, partial(module.set_rng_state, device=device), partial(_seed, module, device))
    return [*_of_the_cpu(), own]


def _seed(module: Any, device: "torch.device", seed: int) -> None:
    with module.device(device):
        module.manual_seed(seed)
