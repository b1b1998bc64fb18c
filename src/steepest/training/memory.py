"""Training that runs out of memory: how that is told, and the largest batch that fits."""

import gc

import torch

from ..rules import Rule
from ..workloads import Problem
from ..workloads.seeding import seeded
from .trainer import Trainer

__all__ = ["is_out_of_memory", "largest_batch"]

WORDS = ("out of memory", "can't allocate memory", "cannot allocate memory", "std::bad_alloc", "alloc_failed")
"""What messages of `RuntimeError` say that have no class of their own: of Apple's devices, the CPU, cuBLAS."""

STEPS = 2
"""Updates of an attempt: the optimizer's states are made in the first, so the second takes the most memory."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error, or one that it was raised from, says that memory did not suffice.

    >>> is_out_of_memory(MemoryError()), is_out_of_memory(ValueError("memory"))
    (True, False)
    """
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, torch.OutOfMemoryError | MemoryError):
            return True
        if isinstance(seen, RuntimeError) and any(words in str(seen).lower() for words in WORDS):
            return True
        seen = seen.__cause__ or seen.__context__
    return False


def largest_batch(problem: Problem, rule: Rule, size: int, seed: int = 0, device: torch.device | str = "cpu") -> int:
    """The largest of the halves of a batch that fits into the device's memory; 0 where not even one example does.

    Each is tried by a measurement and two updates. What else uses the device meanwhile counts.

    Args:
        problem: what to train; it must have a batch size.
        rule: the optimizer.
        size: examples a step that did not fit.
        seed: of the run that they did not fit in.
        device: where.
    """
    while size > 1:
        size //= 2
        if _fits(problem, rule, size, seed, device):
            return size
    return 0


def _fits(problem: Problem, rule: Rule, size: int, seed: int, device: torch.device | str) -> bool:
    gc.collect()
    try:
        with seeded(seed, device):
            trainer = Trainer(problem, rule, seed, STEPS, size, "constant", device)
            trainer.measure()
            for _ in range(STEPS):
                trainer.spend(1)
            trainer.measure()
            trainer.synchronize()
    except Exception:  # of memory, or whatever is wrong with a smaller batch: it is not shown to fit
        return False
    return True
