"""The random numbers of a training step: each batch has a seed of its own, made of the run's seed and its number.

So what a step draws depends on nothing that came before: not on how often the run was measured, on whether it was
resumed, on what its optimizer draws, or on how many numbers an earlier step happened to need.
"""

import random
from typing import Any

import numpy as np
import torch

from .seeding import numpy_state, torch_seeders

__all__ = ["StepDraws", "epoch_seed"]

BLOCK = 256
"""Seeds that are made at a time."""

EPOCHS = 1 << 32
"""Beside a run's seed: the seeds of its epochs, as 0, 1, ... in this place are blocks of those of its batches."""


class StepDraws:
    """Seeds the global generators before each batch: torch's always, NumPy's and Python's where something draws there.

    Seeding these two takes longer than a small step allows. So, until a session has drawn from one, that generator
    runs in step with a copy: each draws a number, and they differ only if something has drawn in between.

    Args:
        seed: of the run.
        device: whose generator is seeded, too.
    """

    def __init__(self, seed: int, device: torch.device | str) -> None:
        self._seed, self._seeders = seed % 2**64, torch_seeders(device)
        self._first, self._seeds = 0, list[int]()
        self._global: list[_NumPy | _Python] = [_NumPy(self._seed % 2**32), _Python(self._seed)]

    def begin(self, index: int) -> None:
        """Seed for the batch of this number: whatever makes it, and the forward and backward pass."""
        place = index - self._first
        if not 0 <= place < len(self._seeds):
            block, place = divmod(index, BLOCK)
            self._first = block * BLOCK
            self._seeds = np.random.SeedSequence((self._seed, block)).generate_state(BLOCK).tolist()
        seed = self._seeds[place]
        for seeder in self._seeders:
            seeder(seed)
        for generator in self._global:
            if generator.used:
                generator.seed(seed)
            elif generator.draw() != generator.draw_copy():  # someone else's draws, such as an optimizer's
                generator.copy_back()

    def end(self) -> None:
        """Note which generators the session has drawn from; to be called before the optimizer's step."""
        for generator in self._global:
            if not generator.used and generator.draw() != generator.draw_copy():
                generator.used = True

    def note(self, before: list[Any]) -> None:
        """The same, where the session has set the generators itself: to these states of `random_state`."""
        for generator, state in zip(self._global, before[1:], strict=False):
            generator.used = generator.used or generator.state() != state

    def state(self) -> list[bool]:
        """What `load` needs to go on: of which generators the session draws."""
        return [generator.used for generator in self._global]

    def load(self, state: list[bool], count: int) -> None:
        """Go on from where `count` batches have been had."""
        for generator, used in zip(self._global, state, strict=True):
            generator.used = used
            generator.rewind(2 * count)


class _NumPy:
    def __init__(self, seed: int) -> None:
        self.used, self._start = False, seed
        self.draw = np.random.random_sample
        self.rewind(0)

    def rewind(self, count: int) -> None:
        self._copy = np.random.RandomState(self._start)
        self._copy.random_sample(count)
        self.draw_copy = self._copy.random_sample

    def copy_back(self) -> None:
        np.random.set_state(self._copy.get_state())

    def state(self) -> Any:
        return numpy_state()

    def seed(self, seed: int) -> None:
        np.random.seed(seed ^ 0x9E3779B9)  # not torch's, whose generator is of the same kind


class _Python:
    def __init__(self, seed: int) -> None:
        self.used, self._start = False, seed
        self.draw = random.random
        self.rewind(0)

    def rewind(self, count: int) -> None:
        self._copy = random.Random(self._start)
        for _ in range(count):
            self._copy.random()
        self.draw_copy = self._copy.random

    def copy_back(self) -> None:
        random.setstate(self._copy.getstate())

    def state(self) -> Any:
        return random.getstate()

    def seed(self, seed: int) -> None:
        random.seed(seed)


def epoch_seed(seed: int, epoch: int) -> int:
    """The seed of an epoch: a number of 32 bits, which every library's generators take."""
    state: Any = np.random.SeedSequence((seed % 2**64, EPOCHS, epoch)).generate_state(1)
    return int(state[0])
