"""Handwritten digits: 1,797 images of 8 x 8 pixels, ten classes, a network with 32 hidden units."""

import numpy as np
import torch
from torch import Tensor, nn

from .. import datasets

about_zh = "手写数字：1797 张 8×8 像素的图像，十个类别，一个 32 个隐藏单元的网络。"
metric_name = "accuracy"
target = 0.95
batch_size = 64
steps = 400

loss = nn.functional.cross_entropy


def data() -> tuple[Tensor, ...]:
    """The pixels in 0..1; every fifth image is held out, of each digit a random fifth."""
    shuffled = np.random.default_rng(0).permutation(datasets.load("digits"))
    table = torch.tensor(shuffled[np.argsort(shuffled[:, -1], kind="stable")])
    images, digits = (table[:, :-1] / 16).float(), table[:, -1].long()
    held_out = torch.arange(len(table)) % 5 == 0
    return images[~held_out], digits[~held_out], images[held_out], digits[held_out]


def model() -> nn.Module:
    return nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))


def metric(output: Tensor, digits: Tensor) -> Tensor:
    return (output.argmax(dim=1) == digits).float().mean()
