"""Rings with two groups of parameters: weight decay for the matrices, none for biases and norms."""

import torch
from dataloader import batches, evaluate, loss, metric_name, target  # the file beside this one  # noqa: F401

batch_size = 32


def model():
    layers = torch.nn.Linear(2, 16), torch.nn.LayerNorm(16), torch.nn.ReLU(), torch.nn.Linear(16, 2)
    return torch.nn.Sequential(*layers)


def groups(model):
    """As for torch.optim. What a group sets is the same for all trials; the rest is searched."""
    matrices = [param for param in model.parameters() if param.ndim > 1]
    others = [param for param in model.parameters() if param.ndim < 2]
    return [{"params": matrices}, {"params": others, "weight_decay": 0.0}]
