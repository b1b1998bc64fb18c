"""Two moons: 1,200 points in two interleaved half-circles, told apart by a network with 32 hidden units."""

import torch
from sklearn.datasets import make_moons

target = 0.97  # accuracy that counts as having arrived; a straight line gets 0.88, the best network about 0.98
metric_name = "accuracy"
batch_size = 32
steps = 300

loss = torch.nn.functional.cross_entropy  # any loss(output, targets) to minimize


def data():
    """Training inputs and targets, then the held-out ones that the metric is measured on."""
    points, moons = make_moons(1200, noise=0.18, random_state=0)
    inputs, targets = torch.tensor(points, dtype=torch.float32), torch.tensor(moons)
    return inputs[:800], targets[:800], inputs[800:], targets[800:]


def model():
    """A fresh model; its initial weights come from torch's generator, which every run seeds."""
    return torch.nn.Sequential(torch.nn.Linear(2, 32), torch.nn.ReLU(), torch.nn.Linear(32, 2))


def metric(output, targets):
    """Higher is better; for one that is not, write `higher_is_better = False`."""
    return (output.argmax(dim=1) == targets).float().mean()
