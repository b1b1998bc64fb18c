"""Programs of `fifth` about images."""

import copy
import math
from collections.abc import Iterable
from functools import cache
from typing import Any

import torch
from sklearn.datasets import load_digits, load_sample_image
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from .fifth_parts import epochs, loader, right
from .parts import Judged, Program, Watch, generator_of, mlp, register_judged

PROGRAMS: dict[str, Program] = {}
fault = register_judged(PROGRAMS)


@cache
def _spots() -> tuple[Tensor, Tensor]:
    """Images of 16 by 16 in changing light, and where their two bright discs are."""
    generator, grid = generator_of(38), torch.arange(16.0)
    down, along = 2 + 12 * torch.rand(2, 700, 2, 1, 1, generator=generator)
    masks = (((grid[:, None] - down) ** 2 + (grid - along) ** 2).amin(1) < 5).float()
    light = torch.randn(700, 1, 1, generator=generator)
    images = light + 1.5 * masks + 0.5 * torch.randn(700, 16, 16, generator=generator)
    return ((images - images.mean()) / images.std())[:, None], masks[:, None]


def _segmenter(norm: bool) -> nn.Sequential:
    def block(inputs: int) -> list[nn.Module]:
        return [nn.Conv2d(inputs, 8, 3, padding=1), *[nn.BatchNorm2d(8)] * norm, nn.ReLU()]

    return nn.Sequential(*block(1), *block(8), nn.Conv2d(8, 1, 3, padding=1))


def _segment(
    watch: Watch, model: nn.Module, optimizer: torch.optim.Optimizer, batches: Iterable[Any], steps: int
) -> Judged:
    doctor = watch(model, optimizer)
    model.train()
    for image, mask in epochs(batches, steps):
        optimizer.zero_grad()
        loss = functional.binary_cross_entropy_with_logits(model(image), mask)
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        model.eval()
        images, masks = _spots()
        with torch.no_grad():
            found = model(images[600:]) > 0
        return float((found & masks[600:].bool()).sum() / (found | masks[600:].bool()).sum())  # intersection over union

    return doctor, quality


@fault("batch_norm")
def loader_without_a_batch_size(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """The loader of a segmentation with batch normalization has no batch_size, which is then 1."""
    images, masks = _spots()
    data = TensorDataset(images[:600], masks[:600])
    batches = DataLoader(data, 16, shuffle=True) if fixed else DataLoader(data, shuffle=True)
    model = _segmenter(norm=True)
    return _segment(watch, model, torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9), batches, steps)


@fault("dead_units")
def prior_in_every_bias(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """The bias -4.6, which makes a detector's output start at one in a hundred, is given to its hidden layers, too."""
    images, masks = _spots()
    model = _segmenter(norm=False)
    layers = [layer for layer in model if isinstance(layer, nn.Conv2d)]
    for layer in layers[-1:] if fixed else layers:
        nn.init.constant_(layer.bias, -math.log(99))
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3)
    return _segment(watch, model, optimizer, loader(images[:600], masks[:600], size=16, seed=seed), steps)


@cache
def _written() -> tuple[Tensor, Tensor]:
    """Handwritten digits between 0 and 1, in the order of their classes; every fifth is held out by the programs."""
    bunch = load_digits()
    labels, order = torch.tensor(bunch.target).sort(stable=True)
    return torch.tensor(bunch.data, dtype=torch.float32)[order] / 16, labels


@fault("not_shuffled")
def slices_of_sorted_digits(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """A batch is a slice at a random place of images that lie class by class: it holds one digit or two."""
    pixels, labels = _written()
    held = torch.arange(len(labels)) % 5 == 0
    images, targets = (pixels[~held].reshape(-1, 1, 8, 8) - 0.3) / 0.37, labels[~held]
    generator = generator_of(seed)
    if fixed:
        order = torch.randperm(len(targets), generator=generator)
        images, targets = images[order], targets[order]
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3), nn.ReLU(), nn.Conv2d(16, 16, 3, stride=2), nn.ReLU(), nn.Flatten(), nn.Linear(64, 10)
    )
    optimizer = torch.optim.NAdam(model.parameters(), lr=3e-3)
    doctor = watch(model, optimizer)
    for _ in range(steps):
        begin = int(torch.randint(len(targets) - 32, (), generator=generator))
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(images[begin : begin + 32]), targets[begin : begin + 32])
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return right(model((pixels[held].reshape(-1, 1, 8, 8) - 0.3) / 0.37), labels[held])

    return doctor, quality


class Variational(nn.Module):
    """A variational autoencoder of digits with a code of 6 numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, 64), nn.ReLU())
        self.middle, self.spread = nn.Linear(64, 6), nn.Linear(64, 6)
        self.decoder = nn.Sequential(nn.Linear(6, 64), nn.ReLU(), nn.Linear(64, 64))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        hidden = self.encoder(images)
        middle, spread = self.middle(hidden), self.spread(hidden)
        return self.decoder(middle + torch.randn_like(middle) * torch.exp(spread / 2)), middle, spread


def _bound(model: nn.Module, images: Tensor) -> Tensor:
    rebuilt, middle, spread = model(images)
    miss = functional.binary_cross_entropy_with_logits(rebuilt, images, reduction="sum")
    return (miss - 0.5 * (1 + spread - middle**2 - spread.exp()).sum()) / len(images)


@fault("lr_vanished")
def decay_of_a_decayed_rate(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Each step divides the current learning rate, not the first, by 1 + 0.01 t: it is a hundredth after 30 steps."""
    pixels, _ = _written()
    held = torch.arange(len(pixels)) % 5 == 0
    model = Variational()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    doctor = watch(model, optimizer)
    for step, (images,) in enumerate(epochs(loader(pixels[~held], size=48, seed=seed), steps)):
        for group in optimizer.param_groups:
            group["lr"] = (5e-3 if fixed else group["lr"]) / (1 + 0.01 * step)
        optimizer.zero_grad()
        loss = _bound(model, images)
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return -float(_bound(model, pixels[held]))

    return doctor, quality


@cache
def _patches() -> Tensor:
    """Patches of 8 by 8 of a photograph, standardized."""
    image = torch.tensor(load_sample_image("china.jpg"), dtype=torch.float32).mean(2)
    patches = image.unfold(0, 8, 8).unfold(1, 8, 8).reshape(-1, 64)
    patches = patches[torch.randperm(len(patches), generator=generator_of(39))]
    return (patches - patches.mean()) / patches.std()


class Average:
    """An exponential moving average of a model's weights."""

    def __init__(self, model: nn.Module, keep: float, in_place: bool) -> None:
        self.model, self.keep, self.in_place = copy.deepcopy(model).requires_grad_(False), keep, in_place

    def update(self, model: nn.Module) -> None:
        for mean, now in zip(self.model.parameters(), model.parameters(), strict=True):
            if self.in_place:
                mean.data.mul_(self.keep).add_(now.data, alpha=1 - self.keep)
            else:
                mean.data.mul(self.keep).add(now.data, alpha=1 - self.keep)


@fault("average")
def average_without_underscores(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """The moving average is computed by mul and add, not mul_ and add_: nothing keeps the result."""
    patches = _patches()
    model = mlp(64, 48, 16, 48, 64, activation=nn.SiLU)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    average = Average(model, 0.95, in_place=fixed)
    doctor = watch(model, optimizer, averaged=average.model)
    for (clean,) in epochs(loader(patches[:3600], size=40, seed=seed), steps):
        loss = functional.mse_loss(model(clean + 0.3 * torch.randn_like(clean)), clean)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        average.update(model)
        doctor.step(loss)

    def quality() -> float:
        noise = 0.3 * torch.randn(patches[3600:].shape, generator=generator_of(0))
        return -float(functional.mse_loss(average.model(patches[3600:] + noise), patches[3600:]))

    return doctor, quality
