"""What the programs of `eighth` share: data that several of them use, and measures of quality."""

import argparse
import csv
import json
import re
import statistics
import tarfile
from functools import cache
from pathlib import Path

import torch
from sklearn.datasets import load_sample_image
from torch import Tensor, nn

import steepest.datasets

from .parts import generator_of

MODULES = (argparse, csv, json, statistics, tarfile)
"""The modules of Python's library whose sources are texts here."""


@torch.no_grad()
def answers(model: nn.Module, inputs: Tensor) -> Tensor:
    """A model's outputs as it is used after training."""
    model.eval()
    return model(inputs).float()


def accuracy(model: nn.Module, inputs: Tensor, targets: Tensor) -> float:
    """The share of rows whose largest output is the target's."""
    return float((answers(model, inputs).argmax(-1) == targets).float().mean())


def fit(outputs: Tensor, targets: Tensor) -> float:
    """The share of variance that outputs explain; at least -1, so that a network of NaN or of 1e30 has a number."""
    share = 1 - (outputs.reshape(targets.shape) - targets).square().mean() / targets.var()
    return max(-1.0, float(share.nan_to_num(-1.0, -1.0, -1.0)))


# --- pictures ---------------------------------------------------------------------------------------------------------


@cache
def tones() -> tuple[Tensor, Tensor]:
    """Emoji of people as pictures 3 by 16 by 16 in [-1, 1], and which of five skin tones they have."""
    emoji = steepest.datasets.load("emoji")
    names = ["light", "medium-light", "medium", "medium-dark", "dark"]
    found = [re.fullmatch(r"(?:(?!skin_tone).)*?_(medium-light|medium-dark|light|medium|dark)_skin_tone", name)
             for name in emoji.english]  # fmt: skip
    rows = [row for row, match in enumerate(found) if match]
    labels = torch.tensor([names.index(found[row][1]) for row in rows])  # type: ignore[index]
    pictures = torch.tensor(emoji.pictures[rows]).permute(0, 3, 1, 2).float() / 127.5 - 1
    order = torch.randperm(len(rows), generator=generator_of(80))
    return nn.functional.avg_pool2d(pictures, 2)[order], labels[order]


@cache
def photograph() -> Tensor:
    """The grey values of scikit-learn's picture of a Chinese palace, standardized, shape (213, 320)."""
    grey = torch.tensor(load_sample_image("china.jpg")).float().mean(-1)
    grey = nn.functional.avg_pool2d(grey[None, :426], 2)[0]
    return (grey - grey.mean()) / grey.std()


@cache
def tiles(size: int = 8, count: int = 3000) -> Tensor:
    """Squares cut out of the photograph, shape (count, 1, size, size)."""
    picture, generator = photograph(), generator_of(81)
    tops = torch.randint(picture.shape[0] - size, (count,), generator=generator).tolist()
    lefts = torch.randint(picture.shape[1] - size, (count,), generator=generator).tolist()
    return torch.stack([picture[t : t + size, s : s + size] for t, s in zip(tops, lefts, strict=True)])[:, None]


@cache
def spectra(count: int = 4000) -> tuple[Tensor, Tensor]:
    """Reflectances of four minerals at 60 wavelengths around 0, and which mineral each one is."""
    generator = generator_of(82)
    wavelengths = torch.linspace(0, 1, 60)
    minerals = torch.randint(4, (count,), generator=generator)
    centres = torch.tensor([[0.2, 0.55], [0.25, 0.8], [0.4, 0.62], [0.35, 0.9]])[minerals]
    centres = centres + 0.02 * torch.randn(count, 2, generator=generator)
    depths = 0.5 + torch.rand(count, 2, generator=generator)
    bands = depths[..., None] * torch.exp(-(((wavelengths - centres[..., None]) / 0.06) ** 2))
    slopes = 0.8 * torch.randn(count, 1, generator=generator) * (wavelengths - 0.5)
    noise = 0.15 * torch.randn(count, 60, generator=generator)
    return 2 * (0.2 + slopes - bands.sum(1) + noise), minerals


# --- texts ------------------------------------------------------------------------------------------------------------


def sources() -> list[str]:
    """The text of each module, its first 60,000 characters, ASCII only."""
    texts = [Path(str(module.__file__)).read_text(encoding="utf-8")[:60_000] for module in MODULES]
    return [text.encode("ascii", "ignore").decode() for text in texts]


@cache
def letters() -> tuple[Tensor, int]:
    """All sources as one sequence of symbols, and how many symbols there are."""
    text = "".join(sources())
    symbols = {letter: number for number, letter in enumerate(sorted(set(text)))}
    return torch.tensor([symbols[letter] for letter in text]), len(symbols)


def passages(length: int, count: int, seed: int) -> tuple[Tensor, Tensor]:
    """So many pieces of the sources, and each symbol's successor, both of shape (count, length)."""
    text, _ = letters()
    starts = torch.randint(len(text) - length - 1, (count, 1), generator=generator_of(seed))
    places = starts + torch.arange(length)
    return text[places], text[places + 1]


@cache
def lines() -> tuple[Tensor, Tensor]:
    """Lines of the sources as 32 bytes each, filled up with 0, and which module each line is from."""
    rows, labels = [], []
    for label, text in enumerate(sources()):
        for line in dict.fromkeys(line.strip() for line in text.splitlines()):
            if len(line) >= 12:
                rows.append(list(line[:32].ljust(32, "\0").encode()))
                labels.append(label)
    order = torch.randperm(len(rows), generator=generator_of(83))
    return torch.tensor(rows)[order], torch.tensor(labels)[order]
