"""Images: segmentation, codes, orientations."""

import math
from functools import cache
from itertools import islice

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.distributions import Normal, kl_divergence
from torch.nn import functional

from ..parts import Judged, Program, Watch, endless, generator_of, register_judged

PROGRAMS: dict[str, Program] = {}
fault = register_judged(PROGRAMS)


# --- segmentation: discs in noise -------------------------------------------------------------------------------------


@cache
def _discs() -> tuple[Tensor, Tensor]:
    """Images of 16 by 16 with one bright disc in noise, and masks of 0 and 1."""
    generator = generator_of(11)
    centres = 3 + 10 * torch.rand(600, 2, 1, 1, generator=generator)
    radii = 2 + 2.5 * torch.rand(600, 1, 1, generator=generator)
    rows, columns = torch.arange(16.0)[None, :, None], torch.arange(16.0)[None, None]
    masks = ((rows - centres[:, 0]).square() + (columns - centres[:, 1]).square() < radii.square()).float()
    images = masks + 0.8 * torch.randn(600, 16, 16, generator=generator)
    return images[:, None], masks[:, None]


def _twice(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU(),
        nn.Conv2d(outputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU(),
    )  # fmt: skip


class UNet(nn.Module):
    """Down once, up once, and a bridge."""

    def __init__(self) -> None:
        super().__init__()
        self.down, self.middle, self.up = _twice(1, 8), _twice(8, 16), nn.ConvTranspose2d(16, 8, 2, 2)
        self.out, self.last = _twice(16, 8), nn.Conv2d(8, 1, 1)

    def forward(self, images: Tensor) -> Tensor:
        fine = self.down(images)
        coarse = self.middle(functional.max_pool2d(fine, 2))
        return self.last(self.out(torch.cat([fine, self.up(coarse)], 1)))


def _overlap(model: UNet) -> float:
    """Intersection over union of held-out masks."""
    images, masks = (tensor[500:] for tensor in _discs())
    model.eval()
    with torch.no_grad():
        found = model(images) > 0
    wanted = masks > 0.5
    return float((found & wanted).sum() / (found | wanted).sum())


@fault("labels")
def masks_all_empty(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Masks of 0 and 1 are cut at 127, as if they were of 0 to 255, and are empty."""
    images, masks = (tensor[:500] for tensor in _discs())
    masks = (masks > (0.5 if fixed else 127)).float()
    model = UNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    criterion = nn.BCEWithLogitsLoss()
    doctor = watch(model, optimizer)
    for image, mask in islice(endless(images, masks, seed=seed, size=16), steps // 2):
        optimizer.zero_grad()
        loss = criterion(model(image), mask)
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: _overlap(model)


# --- images and codes -------------------------------------------------------------------------------------------------


@cache
def _bars() -> Tensor:
    """Images of 8 by 8 with some rows and columns lit."""
    generator = generator_of(16)
    rows = torch.rand(2000, 8, 1, generator=generator) < 0.2
    columns = torch.rand(2000, 1, 8, generator=generator) < 0.2
    return (rows | columns).float().flatten(1)


class Discrete(nn.Module):
    """An autoencoder whose code is 12 choices of one out of 4."""

    def __init__(self, soft: bool) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 48))
        self.decoder = nn.Sequential(nn.Linear(48, 96), nn.ReLU(), nn.Linear(96, 64))
        self.soft = soft

    def forward(self, images: Tensor) -> Tensor:
        logits = self.encoder(images).unflatten(1, (12, 4))
        if self.soft and self.training:
            code = functional.gumbel_softmax(logits, tau=1.0, hard=True)
        else:
            code = functional.one_hot(logits.argmax(-1), 4).float()
        return self.decoder(code.flatten(1))


@fault("no_grad")
def codes_by_argmax(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """The code of an autoencoder is the argmax of logits, through which no gradient comes to the encoder."""
    images = _bars()
    model = Discrete(soft=fixed)
    optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
    criterion = nn.BCEWithLogitsLoss()
    doctor = watch(model, optimizer)
    for (image,) in islice(endless(images[:1600], seed=seed, size=64), steps):
        optimizer.zero_grad()
        loss = criterion(model(image), image)
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return -float(criterion(model.eval()(images[1600:]), images[1600:]))

    return doctor, quality


class Variational(nn.Module):
    """A variational autoencoder of digits; returns the image and the distribution of its code."""

    def __init__(self, fixed: bool) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, 64), nn.ReLU())
        self.mean, self.logarithm = nn.Linear(64, 8), nn.Linear(64, 8)
        self.decoder = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 64))
        self.fixed = fixed

    def forward(self, images: Tensor) -> tuple[Tensor, Normal]:
        hidden = self.encoder(images)
        code = Normal(self.mean(hidden), torch.exp(0.5 * self.logarithm(hidden)))
        return self.decoder(code.rsample() if self.fixed else code.sample()), code


@fault("no_rsample")
def drawn_by_sample(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """A variational autoencoder draws its code by sample() instead of rsample(): no error comes to the encoder."""
    images = torch.tensor(load_digits().data, dtype=torch.float32) / 16
    images = images[torch.randperm(len(images), generator=generator_of(0))]
    model = Variational(fixed)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    prior = Normal(0.0, 1.0)
    doctor = watch(model, optimizer)
    for (image,) in islice(endless(images[:1500], seed=seed, size=64), steps):
        output, code = model(image)
        error = functional.binary_cross_entropy_with_logits(output, image, reduction="none").sum(1).mean()
        loss = error + kl_divergence(code, prior).sum(1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        held = images[1500:]
        with torch.no_grad():
            output, code = model.eval()(held)
            error = functional.binary_cross_entropy_with_logits(output, held, reduction="none").sum(1).mean()
            return -float(error + kl_divergence(code, prior).sum(1).mean())

    return doctor, quality


@cache
def _gratings() -> tuple[Tensor, Tensor]:
    """Stripes of 12 by 12 in four orientations, in noise."""
    generator = generator_of(17)
    classes = torch.randint(4, (1200,), generator=generator)
    angles = classes * math.pi / 4 + 0.1 * torch.randn(1200, generator=generator)
    phases = math.tau * torch.rand(1200, generator=generator)
    rows, columns = torch.arange(12.0)[None, :, None], torch.arange(12.0)[None, None]
    along = rows * angles.cos()[:, None, None] + columns * angles.sin()[:, None, None]
    images = 1.4 * torch.sin(1.3 * along + phases[:, None, None])
    return (images + 0.6 * torch.randn(1200, 12, 12, generator=generator))[:, None], classes


class ResidualBlock(nn.Module):
    """Two convolutions; `skip` adds the input."""

    def __init__(self, width: int, skip: bool) -> None:
        super().__init__()
        self.conv1, self.conv2 = (nn.Conv2d(width, width, 3, padding=1) for _ in range(2))
        self.skip = skip

    def forward(self, x: Tensor) -> Tensor:
        out = self.conv2(torch.relu(self.conv1(x)))
        return torch.relu(out + x) if self.skip else torch.relu(out)


class ResNet(nn.Module):
    """Seven blocks behind a convolution with stride."""

    def __init__(self, skip: bool) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 12, 3, stride=2, padding=1)
        self.blocks = nn.Sequential(*(ResidualBlock(12, skip) for _ in range(7)))
        self.fc = nn.Linear(12, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.blocks(torch.relu(self.stem(x))).mean((2, 3)))


@fault("vanishing")
def blocks_without_their_skip(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """The blocks of a residual network do not add their input, which leaves 14 plain convolutions."""
    images, classes = _gratings()
    model = ResNet(skip=fixed)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9, weight_decay=1e-4)
    criterion = nn.CrossEntropyLoss()
    doctor = watch(model, optimizer)
    for x, y in islice(endless(images[:1000], classes[:1000], seed=seed, size=32), steps):
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return float((model.eval()(images[1000:]).argmax(-1) == classes[1000:]).float().mean())

    return doctor, quality
