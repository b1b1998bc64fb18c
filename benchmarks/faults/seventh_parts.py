"""Data and measures that programs of `seventh` share."""

import math
from functools import cache
from importlib.resources import files

import torch
from sklearn.datasets import load_sample_images
from torch import Tensor, nn

from .parts import generator_of


def accuracy(model: nn.Module, inputs: Tensor, targets: Tensor) -> float:
    """The share of rows whose largest output is the target's, in eval mode."""
    model.eval()
    with torch.no_grad():
        return float((model(inputs).argmax(-1) == targets).float().mean())


def fit_share(outputs: Tensor, targets: Tensor) -> float:
    """The share of the targets' variance that outputs of the same shape explain; -1 where it is less or NaN."""
    assert outputs.shape == targets.shape
    outputs, targets = outputs.detach().double(), targets.double()
    return max(-1.0, float(1 - (outputs - targets).square().mean() / targets.var(correction=0)))


@cache
def tiles() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Tiles of 12 by 12 from the left and from the right part of two photographs, and which of 4 halves each is of."""
    images = torch.tensor(load_sample_images().images[0]), torch.tensor(load_sample_images().images[1])
    generator = generator_of(70)
    seen: tuple[list[Tensor], list[Tensor]] = [], []
    unseen: tuple[list[Tensor], list[Tensor]] = [], []
    for place in range(2000):
        half = int(torch.randint(4, (), generator=generator))
        held = place % 4 == 3
        row = int(torch.randint(200, (), generator=generator)) + 213 * (half % 2)
        column = int(torch.randint(110 if held else 460, (), generator=generator)) + 500 * held
        inputs, labels = unseen if held else seen
        inputs.append(images[half // 2][row : row + 12, column : column + 12].permute(2, 0, 1))
        labels.append(torch.tensor(half))
    return torch.stack(seen[0]), torch.stack(seen[1]), torch.stack(unseen[0]), torch.stack(unseen[1])


@cache
def gratings() -> tuple[Tensor, Tensor]:
    """2,000 noisy pictures of stripes, 16 by 16, and which of 6 directions they have."""
    generator = generator_of(71)
    labels = torch.randint(6, (2000,), generator=generator)
    angle = math.pi * labels / 6 + 0.08 * torch.randn(2000, generator=generator)
    wave = 0.7 + 0.6 * torch.rand(2000, generator=generator)
    phase = math.tau * torch.rand(2000, generator=generator)
    rows, columns = torch.meshgrid(torch.arange(16.0), torch.arange(16.0), indexing="ij")
    across = angle.cos()[:, None, None] * rows + angle.sin()[:, None, None] * columns
    pictures = torch.sin(wave[:, None, None] * across + phase[:, None, None])
    pictures = pictures + 0.8 * torch.randn(pictures.shape, generator=generator)
    return pictures[:, None], labels


@cache
def descriptions() -> tuple[Tensor, tuple[int, ...], int]:
    """The texts about scikit-learn's data sets as numbers of characters, where each begins, and how many characters."""
    folder = files("sklearn.datasets") / "descr"
    names = ("breast_cancer", "diabetes", "digits", "iris", "kddcup99", "lfw", "twenty_newsgroups", "wine_data")
    texts = [(folder / f"{name}.rst").read_text(encoding="utf-8").lower() for name in names]
    characters = {character: number for number, character in enumerate(sorted(set("".join(texts))))}
    begins = [0]
    for text in texts:
        begins.append(begins[-1] + len(text))
    numbers = torch.tensor([characters[character] for text in texts for character in text])
    return numbers, tuple(begins), len(characters)


@cache
def waves() -> tuple[Tensor, Tensor]:
    """2,000 series of 24 numbers, and which of 5 generators each is from: sine, square, saw, chirp, or beats."""
    generator = generator_of(72)
    labels = torch.randint(5, (2000,), generator=generator)
    time = torch.arange(24.0)
    phase = math.tau * torch.rand(2000, 1, generator=generator)
    turn = (0.5 + 0.4 * torch.rand(2000, 1, generator=generator)) * time + phase
    kinds = torch.stack(
        [
            turn.sin(),
            turn.sin().sign(),
            2 * (turn / math.tau % 1) - 1,
            torch.sin(turn * (0.4 + time / 24)),
            1.4 * turn.sin() * torch.sin(turn / 4),
        ]
    )
    series = kinds[labels, torch.arange(2000)] + 0.15 * torch.randn(2000, 24, generator=generator)
    return series[:, :, None], labels
