"""Two rings of points around each other, told apart by a network with two hidden layers."""

import torch
from torch import nn

about_zh = "两个同心圆环上的点，由两个隐藏层的网络区分。"
metric_name = "accuracy"
target = 0.95
batch_size = 32
steps = 200


def data():
    random = torch.Generator().manual_seed(0)
    angle = 2 * torch.pi * torch.rand(400, generator=random)
    outer = torch.arange(400) % 2
    radius = 1 + outer + 0.2 * torch.randn(400, generator=random)
    points = torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1)
    return points[:300], outer[:300], points[300:], outer[300:]


def model():
    return nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 2))


loss = nn.functional.cross_entropy


def metric(output, targets):
    return (output.argmax(dim=1) == targets).float().mean()
