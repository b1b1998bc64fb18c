"""Programs of `thirteenth` about images."""

from functools import cache

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from steepest.datasets import load

from .fifth_parts import epochs, loader, right
from .parts import Judged, Program, Watch, generator_of, mlp, register_judged

PROGRAMS: dict[str, Program] = {}
fault = register_judged(PROGRAMS)


@cache
def _digits() -> tuple[Tensor, Tensor]:
    """Digits with pixels from 0 to 1 in random order, and which they are."""
    bunch = load_digits()
    order = torch.randperm(1797, generator=generator_of(140))
    return torch.tensor(bunch.data, dtype=torch.float32)[order] / 16, torch.tensor(bunch.target)[order]


@fault("zero_grad")
def cleared_before_the_step(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """An autoencoder: `zero_grad()` stands between `backward()` and `step()`, so that no step has a gradient."""
    images, _ = _digits()
    images = images.reshape(-1, 1, 8, 8)
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(16, 8, 3, stride=2, padding=1), nn.ReLU(),
        nn.ConvTranspose2d(8, 16, 2, stride=2), nn.ReLU(), nn.ConvTranspose2d(16, 1, 2, stride=2), nn.Sigmoid(),
    )  # fmt: skip
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    doctor = watch(model, optimizer)
    for (x,) in epochs(loader(images[:1400], size=32, seed=seed), steps):
        if fixed:
            optimizer.zero_grad()
        loss = functional.mse_loss(model(x), x)
        loss.backward()
        if not fixed:
            optimizer.zero_grad()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return -float(functional.mse_loss(model(images[1400:]), images[1400:]))

    return doctor, quality


@fault("accumulation", "lr_high")
def sixteen_summed_batches(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """A denoising autoencoder whose gradients are accumulated over 16 batches, and the loss is not divided by 16.

    What that does to SGD is to take steps that are 16 times as long: that the rate is too high is as true.
    """
    images, _ = _digits()
    generator = generator_of(seed)
    model = mlp(64, 96, 24, 96, 64)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0, momentum=0.9)
    accumulate, total, count = 16, 0.0, 0
    doctor = watch(model, optimizer)
    optimizer.zero_grad()
    for (x,) in epochs(loader(images[:1400], size=8, seed=seed), accumulate * (steps // 2)):
        noisy = x + 0.3 * torch.randn(x.shape, generator=generator)
        loss = functional.binary_cross_entropy_with_logits(model(noisy), x)
        (loss / accumulate if fixed else loss).backward()
        total, count = total + loss.item(), count + 1
        if count % accumulate == 0:
            optimizer.step()
            optimizer.zero_grad()
            doctor.step(total / accumulate)
            total = 0.0

    def quality() -> float:
        noisy = images[1400:] + 0.3 * torch.randn(397, 64, generator=generator_of(141))
        with torch.no_grad():
            return -float(functional.mse_loss(torch.sigmoid(model(noisy)), images[1400:]))

    return doctor, quality


@cache
def _shapes() -> tuple[Tensor, Tensor]:
    """Noisy images of 16 by 16 with a disc, a square, a cross or a ring somewhere, and which of them."""
    generator, grid = generator_of(142), torch.arange(16.0)
    kinds = torch.arange(2000) % 4
    centre = 4 + 8 * torch.rand(2, 2000, 1, 1, generator=generator)
    down, along = (grid[:, None] - centre[0]).abs(), (grid - centre[1]).abs()
    far = (down**2 + along**2).sqrt()
    masks = torch.stack(
        [
            far < 3.2,
            torch.maximum(down, along) < 2.8,
            (torch.minimum(down, along) < 1) & (torch.maximum(down, along) < 4),
            (far < 4) & (far > 2.4),
        ],
        1,
    )
    images = masks[torch.arange(2000), kinds].float() + 0.4 * torch.randn(2000, 16, 16, generator=generator)
    return ((images - images.mean()) / images.std())[:, None], kinds


class _Net(nn.Module):
    """Three convolutions as a backbone, and a head."""

    def __init__(self, channels: int, size: int, classes: int) -> None:
        super().__init__()
        self.backbone = nn.Sequential(
            nn.Conv2d(channels, 12, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(12, 24, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(24, 24, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(size), nn.Flatten(),
        )  # fmt: skip
        self.fc = nn.Linear(24 * size**2, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.backbone(x))


@fault("no_grad")
def frozen_without_weights(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """The backbone is frozen as a tutorial about fine-tuning says, but no trained weights were loaded into it."""
    images, kinds = _shapes()
    model = _Net(1, 1, 4)
    if not fixed:
        for parameter in model.backbone.parameters():
            parameter.requires_grad = False
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(images[:1600], kinds[:1600], size=32, seed=seed), steps):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return right(model(images[1600:]), kinds[1600:])

    return doctor, quality


@cache
def _emoji() -> tuple[Tensor, Tensor]:
    """Pictures of people, 16 by 16, as numbers from -1 to 1, and which of five tones their skin has."""
    emoji = load("emoji")
    tones = ["light", "medium-light", "medium", "medium-dark", "dark"]
    chosen, labels = [], []
    for place, name in enumerate(emoji[1]):
        words = name.replace("_", " ").replace(",", " ").split()
        if words.count("tone") == 1:
            chosen.append(place)
            labels.append(tones.index(words[words.index("tone") - 2]))
    order = torch.randperm(len(chosen), generator=generator_of(143))
    images = torch.tensor(emoji[0][chosen], dtype=torch.float32).permute(0, 3, 1, 2) / 127.5 - 1
    return functional.avg_pool2d(images, 2)[order], torch.tensor(labels)[order]


@fault("not_shuffled")
def a_folder_for_each_class(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Images are read folder by folder, a class in each, and the loader of the training data does not shuffle."""
    images, tones = _emoji()
    unseen = len(images) - 250
    listed = tones[:unseen].argsort(stable=True)
    data = TensorDataset(images[listed], tones[listed])
    batches = DataLoader(data, batch_size=32, shuffle=fixed, generator=generator_of(seed))
    model = _Net(3, 2, 5)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    doctor = watch(model, optimizer)
    for x, y in epochs(batches, steps):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return right(model(images[unseen:]), tones[unseen:])

    return doctor, quality


@cache
def _cells() -> tuple[Tensor, Tensor]:
    """Noisy images of 24 by 24 with three bright cells, and masks of them, 0 or 255."""
    generator, grid = generator_of(144), torch.arange(24.0)
    centre = 24 * torch.rand(2, 500, 3, 1, 1, generator=generator)
    radius = 2 + 2 * torch.rand(500, 3, 1, 1, generator=generator)
    masks = ((grid[:, None] - centre[0]) ** 2 + (grid - centre[1]) ** 2 < radius**2).any(1)
    images = 0.3 + 0.4 * masks + 0.2 * torch.randn(500, 24, 24, generator=generator)
    return ((images - 0.3) / 0.3)[:, None], 255 * masks[:, None].to(torch.uint8)


@fault("labels")
def masks_of_0_and_255(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Masks are read from image files, where what is marked is 255, and go to binary cross-entropy like that."""
    images, masks = _cells()
    targets = masks.float() / 255 if fixed else masks.float()
    model = nn.Sequential(
        nn.Conv2d(1, 12, 3, padding=1), nn.BatchNorm2d(12), nn.ReLU(),
        nn.Conv2d(12, 12, 3, padding=1), nn.BatchNorm2d(12), nn.ReLU(), nn.Conv2d(12, 1, 1),
    )  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    criterion = nn.BCEWithLogitsLoss()
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(images[:400], targets[:400], size=8, seed=seed), steps):
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        model.eval()
        with torch.no_grad():
            found, truth = model(images[400:]) > 0, masks[400:] > 0
        return float((found & truth).sum() / (found | truth).sum())

    return doctor, quality
