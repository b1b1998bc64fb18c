"""Rings by a network with a matrix inside: `--optimizers muon,adamw` sends it to Muon, and all else to AdamW."""

import torch
from dataloader import batch_size, batches, evaluate, loss, metric_name, target  # noqa: F401


def model():
    layers = torch.nn.Linear(2, 16), torch.nn.ReLU(), torch.nn.Linear(16, 16), torch.nn.ReLU(), torch.nn.Linear(16, 2)
    return torch.nn.Sequential(*layers)
