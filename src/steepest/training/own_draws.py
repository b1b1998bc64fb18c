"""Random numbers that an optimizer draws come from a stream of its own, so that they change nothing about the data."""

from collections.abc import Callable
from typing import Any

import torch

from ..program.record import why_not_recorded
from ..rules import BUILT_IN, Rule
from ..workloads.seeding import random_state, seeded, set_random_state

__all__ = ["may_draw", "separate_draws"]

STEPPING = 0x57E9
"""Combined with a run's seed, by exclusive or, into the seed of what its optimizer draws."""


def may_draw(rule: Rule, optimizer: torch.optim.Optimizer) -> bool:
    """Whether a step could draw random numbers: not that of a rule of ours, of a recorded one, or of torch's own."""
    if type(optimizer).__module__.startswith("torch.optim."):
        return False
    return type(rule) not in BUILT_IN and why_not_recorded(rule, sums=True) is not None


def separate_draws(optimizer: torch.optim.Optimizer, seed: int, device: torch.device | str) -> None:
    """Let the steps of an optimizer draw from a stream of their own; a closure draws the same at each call.

    Saving and setting the generators takes some 0.1 ms a step. A session that seeds each batch needs none of it.
    """
    with seeded(seed ^ STEPPING, device):
        own = [random_state(device)]
    outer: list[list[Any]] = []
    depth = [0]  # a step that calls that of its base class goes through the hooks of both

    def enter(optimizer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]] | None:
        depth[0] += 1
        if depth[0] > 1:
            return None
        before = random_state(device)
        outer[:] = [before]
        set_random_state(own[0], device)

        def drawing(closure: Callable[[], Any]) -> Callable[[], Any]:
            def call() -> Any:
                inner = random_state(device)
                set_random_state(before, device)
                try:
                    return closure()
                finally:
                    outer[:] = [random_state(device)]
                    set_random_state(inner, device)

            return call

        args = tuple(drawing(value) if callable(value) and value is not optimizer else value for value in args)
        return args, {name: drawing(value) if callable(value) else value for name, value in kwargs.items()}

    def leave(*_: Any) -> None:
        depth[0] -= 1
        if depth[0]:
            return
        own[0] = random_state(device)
        set_random_state(outer[0], device)

    optimizer.register_step_pre_hook(enter)
    optimizer.register_step_post_hook(leave)
