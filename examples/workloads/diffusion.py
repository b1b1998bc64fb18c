"""A diffusion model of points on a circle: the loss draws times and noise, the same for every optimizer."""

import torch

target, metric_name, higher_is_better = 0.25, "distance", False


def model():
    return torch.nn.Sequential(torch.nn.Linear(3, 64), torch.nn.SiLU(), torch.nn.Linear(64, 2))


def circle(count):
    angle = 6.2832 * torch.rand(count)
    return torch.stack([angle.cos(), angle.sin()], dim=1)


def batches():
    while True:
        yield circle(64)


def loss(model, points):
    time, noise = torch.rand_like(points[:, :1]), torch.randn_like(points)
    mixed = (1 - time) * points + time * noise
    return (model(torch.cat([mixed, time], dim=1)) - (noise - points)).square().mean()


def evaluate(model, device):
    """Draws, too: the same numbers each time."""
    points = torch.randn(200, 2, device=device)
    for step in range(20, 0, -1):
        points = points - model(torch.cat([points, torch.full_like(points[:, :1], step / 20)], dim=1)) / 20
    return {"loss": loss(model, circle(500).to(device)), "distance": (points.norm(dim=1) - 1).abs().mean()}
