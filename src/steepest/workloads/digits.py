"""Handwritten digits: 1,797 images of 8 x 8 pixels, ten classes, a network with 32 hidden units."""

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor, nn

about_zh = "手写数字：1797 张 8×8 像素的图像，十个类别，一个 32 个隐藏单元的网络。"
metric_name = "accuracy"
target = 0.95
batch_size = 64
steps = 400

loss = nn.functional.cross_entropy


def data() -> tuple[Tensor, ...]:
    """The pixels in 0..1; a fifth of the images is held out."""
    images, digits = load_digits(return_X_y=True)
    images = (images / 16).astype("float32")
    train, held_out, train_digits, held_out_digits = train_test_split(
        images, digits, test_size=360, stratify=digits, random_state=0
    )
    return tuple(torch.tensor(part) for part in (train, train_digits, held_out, held_out_digits))


def model() -> nn.Module:
    return nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))


def metric(output: Tensor, digits: Tensor) -> Tensor:
    return (output.argmax(dim=1) == digits).float().mean()
