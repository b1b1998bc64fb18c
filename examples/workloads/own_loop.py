"""A wave from a stream of noisy points: a training loop of its own, with accumulated and clipped gradients."""

import torch
from torch import nn

from steepest.workloads import Problem, Session

loss_of = nn.functional.mse_loss


class Wave(Problem):
    metric_name = "largest error"  # a number that `measure` returns
    higher_is_better = False
    target = 0.1
    steps = 400

    def begin(self, seed, device):
        """A fresh training; torch's own generator, which the initial weights come from, is seeded already."""
        return Training(seed, device)


class Training(Session):
    def __init__(self, seed, device):
        self.model = nn.Sequential(nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, 1)).to(device)
        self.device, self.stream = device, torch.Generator().manual_seed(seed)

    def batch(self):
        """Points that were never seen before; their order follows from the seed alone, whatever the optimizer."""
        points, noise = torch.rand(2, 32, 1, generator=self.stream).to(self.device)
        return 6 * points - 3, torch.sin(6 * points - 3) + 0.2 * (noise - 0.5)

    def advance(self, optimizer, steps):
        """Each step: the gradients of two batches, clipped to a length of 1."""
        losses = []
        for _ in range(steps):
            optimizer.zero_grad()
            for points, values in (self.batch(), self.batch()):
                loss = loss_of(self.model(points), values)
                (loss / 2).backward()
            nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            optimizer.step()
            losses.append(loss.detach())
        return losses

    @torch.no_grad()
    def measure(self):
        """Without noise, on a grid of points."""
        points = torch.linspace(-3, 3, 61, device=self.device)[:, None]
        output, wave = self.model(points), torch.sin(points)
        return {"loss": loss_of(output, wave), "largest error": (output - wave).abs().max()}
