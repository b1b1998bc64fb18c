"""Rows of a file that need not fit into memory: it is mapped, and a batch reads only its own rows."""

import tempfile
from pathlib import Path

import numpy as np
import torch

target = 0.05
file = Path(tempfile.gettempdir()) / "steepest-rows.npy"  # yours lies somewhere already
if not file.exists():
    rows = np.random.default_rng(0).normal(size=(20_000, 8)).astype(np.float32)
    rows[:, -1] = rows[:, :-1].sum(axis=1)
    np.save(partial := file.with_name(f"{np.random.default_rng().integers(2**60)}.npy"), rows)
    partial.replace(file)
rows = np.load(file, mmap_mode="r")


def model():
    return torch.nn.Linear(7, 1)


def batches(seed):
    draw = np.random.default_rng(seed)
    while True:
        yield rows[np.sort(draw.integers(19_000, size=64))]


def loss(model, batch):
    return torch.nn.functional.mse_loss(model(batch[:, :-1]), batch[:, -1:])


def evaluate(model, device):
    pieces = (torch.tensor(rows[first : first + 100], device=device) for first in range(19_000, 20_000, 100))
    return {"loss": torch.stack([loss(model, piece) for piece in pieces]).mean()}
