"""One more forward pass of a model that leaves no trace: random numbers, buffers and attributes stay as they are."""

import random
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from .state import State, Unrepeatable

__all__ = ["Draws", "Unrepeatable", "draws_now", "put_back", "undisturbed"]


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


def put_back(*actions: Callable[[], object]) -> None:
    """Run actions to their end: all of them once more where Ctrl-C comes in between, and only then does it go on.

    Args:
        actions: each sets what was kept before, so that it may run twice.
    """
    try:
        for action in actions:
            action()
    except BaseException:
        for action in actions:
            action()
        raise


@contextmanager
def undisturbed(model: nn.Module, draws: Draws, inputs: Iterable[Any] | None = None) -> Iterator[None]:
    """Within it the model runs with the random numbers of `draws`, and nothing that it changes remains.

    See `State` for what is put back.

    Args:
        model: what runs.
        draws: where generators begin.
        inputs: of the forward pass that is about to be repeated; None: a function of the user's runs, who wants it to.

    Raises:
        Unrepeatable: a forward pass on `inputs` might leave a trace.
    """
    now = draws_now(next((param.device for param in model.parameters()), torch.device("cpu")))
    state = State(model)
    try:  # from here on Ctrl-C may come at any line
        state.keep(inputs or ())
        if inputs is not None and state.obstacle:
            raise Unrepeatable(state.obstacle, state.error)
        draws.restore()
        if draws.autocast:
            with torch.no_grad(), torch.autocast(draws.autocast[0], draws.autocast[1], cache_enabled=False):
                yield
        else:
            with torch.no_grad():
                yield
    finally:
        put_back(state.restore, now.restore)
