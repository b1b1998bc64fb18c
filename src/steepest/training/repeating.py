"""Whether a run comes out the same when it is done again: its first steps twice, compared to the last bit."""

import struct
from hashlib import sha256

import torch

from ..rules import Rule
from ..workloads import Problem
from ..workloads.digest import add_tensors, digest
from ..workloads.seeding import seeded
from ..workloads.supervised import Supervised
from .trainer import Trainer

__all__ = ["PREFIX", "first_difference"]

PREFIX = 5
"""Steps that are done twice. A draw that no seed decides shows early: data, weights, the order of the first epoch,
dropout and noise are drawn in the first step."""

MOST_DATA = 1 << 28
"""Bytes of data that are made a second time; of more, only what is made of them for each run is compared."""


def first_difference(
    problem: Problem, rule: Rule, seed: int, steps: int, batch_size: int | None = None, schedule: str = "constant",
    device: torch.device | str = "cpu",
) -> str:  # fmt: skip
    """The first part of a run that differs the second time, or empty if none does.

    "data", or "batches" where a file gives these, "model", "measure" or "training".

    Args:
        problem, rule, seed, batch_size, schedule, device: of the run.
        steps: its length, of which the first few are done.
    """
    first, second = (
        _prefix(problem, rule, seed, steps, batch_size, schedule, device, again) for again in (False, True)
    )
    return next((part for part, value in first.items() if second[part] != value), "")


def _prefix(
    problem: Problem, rule: Rule, seed: int, steps: int, batch_size: int | None, schedule: str,
    device: torch.device | str, again: bool,
) -> dict[str, bytes]:  # fmt: skip
    """Digests of the parts of a run's first steps; `again`: data are made anew, which are kept otherwise."""
    with seeded(seed, device):
        trainer = Trainer(problem, rule, seed, steps, batch_size, schedule, device)
        session = trainer.session
        parts = {
            problem.data_part: session.fingerprint(),
            "model": _weights(session.model),
            "measure": _measured(trainer),
        }
        loss = trainer.advance(min(PREFIX, steps))
        parts["training"] = struct.pack("<d", loss) + _weights(session.model) + _measured(trainer)
    if again and isinstance(problem, Supervised) and problem.size() <= MOST_DATA:
        with seeded(0):
            parts["data"] = digest(problem.made_data())
    return parts


def _measured(trainer: Trainer) -> bytes:
    return struct.pack("<2d", *trainer.measure())


def _weights(model: torch.nn.Module) -> bytes:
    made = sha256()
    add_tensors(made, (value for value in model.state_dict().values() if isinstance(value, torch.Tensor)))
    return made.digest()
