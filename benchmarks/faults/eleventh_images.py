"""Programs of `eleventh` about images."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn import functional

from steepest import datasets

from .fifth_parts import epochs, loader, right
from .parts import Judged, Program, Watch, digits, endless, explained, generator_of, register_judged

PROGRAMS: dict[str, Program] = {}
fault = register_judged(PROGRAMS)


# --- digits -----------------------------------------------------------------------------------------------------------


@fault("labels")
def pairs_marked_with_nought_and_one(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Pairs of different digits are marked 0, but CosineEmbeddingLoss knows 1 and -1: only equal ones have a loss."""
    images, kinds = digits()
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 24))
    optimizer = torch.optim.Adam(encoder.parameters(), lr=1e-3)
    criterion = nn.CosineEmbeddingLoss(margin=0.2)

    def pairs(first: int, last: int, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        a = torch.randint(first, last, (count,), generator=generator)
        b = torch.randint(first, last, (count,), generator=generator)
        for place in range(0, count, 2):
            same = first + (kinds[first:last] == kinds[a[place]]).nonzero().flatten()
            b[place] = same[torch.randint(len(same), (1,), generator=generator)]
        return images[a], images[b], (kinds[a] == kinds[b]).float()

    doctor = watch(encoder, optimizer)
    generator = generator_of(seed)
    for _ in range(steps):
        a, b, same = pairs(0, 1400, 48, generator)
        loss = criterion(encoder(a), encoder(b), 2 * same - 1 if fixed else same)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        a, b, same = pairs(1400, 1797, 1000, generator_of(1))
        with torch.no_grad():
            alike = functional.cosine_similarity(encoder(a), encoder(b)) > 0.6
        return float((alike == same.bool()).float().mean())

    return doctor, quality


@contextmanager
def _evaluating(model: nn.Module, restored: bool) -> Iterator[None]:
    """Evaluation mode inside; behind it the mode of before, or the one that was read too late."""
    before = model.training
    model.eval()
    was = before if restored else model.training
    with torch.no_grad():
        yield
    model.train(was)


@fault("eval_mode")
def the_mode_is_read_after_it_was_set(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """A context for the evaluation keeps `model.training` to restore it, but keeps it only after `model.eval()`."""
    images, kinds = digits()

    def block(inputs: int, outputs: int) -> nn.Sequential:
        return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU())

    model = nn.Sequential(
        block(1, 16), block(16, 16), block(16, 16), nn.MaxPool2d(2), block(16, 32), block(32, 32), block(32, 32),
        block(32, 32), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2), nn.Linear(32, 10),
    )  # fmt: skip
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9, weight_decay=1e-4)
    doctor = watch(model, optimizer)
    for step, (x, y) in enumerate(epochs(loader(images[:1200], kinds[:1200], size=32, seed=seed), steps)):
        if step % 50 == 0:
            with _evaluating(model, fixed):
                functional.cross_entropy(model(images[1200:1400]), kinds[1200:1400])
        loss = functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with _evaluating(model, True):
            return right(model(images[1400:]), kinds[1400:])

    return doctor, quality


@fault("group_lr", "lr_high")
def the_rate_of_linear_probing_for_the_head(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """The head's group has the rate of 30 with which MoCo probes frozen features, but the network is trained whole.

    Whoever reads that the rate is too high is told the truth as well: it is the one of the head.
    """
    images, kinds = digits()
    backbone = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
    )  # fmt: skip
    head = nn.Linear(128, 10)
    model = nn.Sequential(backbone, head)
    optimizer = torch.optim.SGD(
        [{"params": backbone.parameters()}, {"params": head.parameters(), "lr": 0.03 if fixed else 30.0}],
        lr=0.03,
        momentum=0.9,
    )
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(images[:1400], kinds[:1400], size=50, seed=seed), steps):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        model.eval()
        with torch.no_grad():
            return right(model(images[1400:]), kinds[1400:])

    return doctor, quality


@fault("ascent")
def the_divergence_of_the_code_with_its_sign_lost(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """A variational autoencoder adds 0.5 * sum(1 + logvar - mu^2 - exp(logvar)), of which the divergence is minus."""
    images, _ = digits()
    pixels = images.flatten(1)

    class VAE(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = nn.Sequential(nn.Linear(64, 64), nn.ReLU())
            self.mu, self.logvar = nn.Linear(64, 6), nn.Linear(64, 6)
            self.decoder = nn.Sequential(nn.Linear(6, 64), nn.ReLU(), nn.Linear(64, 64))

        def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            hidden = self.encoder(x)
            mu, logvar = self.mu(hidden), self.logvar(hidden)
            return self.decoder(mu + torch.randn_like(mu) * torch.exp(0.5 * logvar)), mu, logvar

    model = VAE()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    doctor = watch(model, optimizer)
    for (x,) in epochs(loader(pixels[:1400], size=64, seed=seed), steps):
        optimizer.zero_grad()
        output, mu, logvar = model(x)
        reconstruction = functional.mse_loss(output, x, reduction="none").sum(1).mean()
        kld = 0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp(), dim=1).mean()
        loss = reconstruction - kld if fixed else reconstruction + kld
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            output, _, _ = model(pixels[1400:])
        return max(-1.0, explained(output, pixels[1400:].flatten()))

    return doctor, quality


# --- pictures ---------------------------------------------------------------------------------------------------------


@cache
def _emoji() -> Tensor:
    """Emoji of 16 by 16 pixels in colours, standardized."""
    pictures = torch.tensor(datasets.load("emoji").pictures).permute(0, 3, 1, 2).float() / 255
    pictures = functional.avg_pool2d(pictures, 2)[torch.randperm(len(pictures), generator=generator_of(1106))]
    return (pictures - pictures.mean()) / pictures.std()


@fault("zero_grad")
def cleared_between_backward_and_step(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Which way an emoji was turned; the gradient is cleared after the backward pass and before the step."""
    pictures = _emoji()
    model = nn.Sequential(
        nn.Conv2d(3, 24, 3, padding=1), nn.GELU(), nn.MaxPool2d(2), nn.Conv2d(24, 48, 3, padding=1), nn.GELU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(768, 64), nn.GELU(), nn.Linear(64, 4),
    )  # fmt: skip
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)

    def turned(x: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        quarters = torch.randint(4, (len(x),), generator=generator)
        return torch.stack([torch.rot90(a, int(q), (1, 2)) for a, q in zip(x, quarters, strict=True)]), quarters

    doctor = watch(model, optimizer)
    generator = generator_of(seed)
    for (x,) in epochs(loader(pictures[:3200], size=32, seed=seed), steps):
        images, quarters = turned(x, generator)
        if fixed:
            optimizer.zero_grad()
        loss = functional.cross_entropy(model(images), quarters)
        loss.backward()
        if not fixed:
            optimizer.zero_grad()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            images, quarters = turned(pictures[3200:], generator_of(2))
            return right(model(images), quarters)

    return doctor, quality


@fault("lr_low")
def a_rate_for_sums_with_the_mean_over_pixels(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """An autoencoder by SGD has a rate that fits a loss summed over pixels, but MSELoss takes the mean of 768."""
    pictures = _emoji()
    model = nn.Sequential(
        nn.Conv2d(3, 16, 4, 2, 1), nn.ELU(), nn.Conv2d(16, 32, 4, 2, 1), nn.ELU(), nn.Flatten(),
        nn.Linear(512, 48), nn.Linear(48, 512), nn.Unflatten(1, (32, 4, 4)), nn.ELU(),
        nn.ConvTranspose2d(32, 16, 4, 2, 1), nn.ELU(), nn.ConvTranspose2d(16, 3, 4, 2, 1),
    )  # fmt: skip
    optimizer = torch.optim.SGD(model.parameters(), lr=0.4 if fixed else 5e-4, momentum=0.9)
    criterion = nn.MSELoss()
    doctor = watch(model, optimizer)
    for (x,) in epochs(loader(pictures[:3200], size=32, seed=seed), steps):
        loss = criterion(model(x), x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return explained(model(pictures[3200:]), pictures[3200:].flatten())

    return doctor, quality


@cache
def _cells() -> tuple[Tensor, Tensor]:
    """Noisy images of 24 by 24 with bright discs and dark squares; the mask of the discs."""
    generator = generator_of(1107)
    rows, columns = torch.meshgrid(torch.arange(24.0), torch.arange(24.0), indexing="ij")
    images, masks = torch.zeros(900, 1, 24, 24), torch.zeros(900, 1, 24, 24)
    for image, mask in zip(images, masks, strict=True):
        for kind in range(4):
            y, x, radius = [*(24 * torch.rand(2, generator=generator)).tolist(), 2.0 + 2.5 * (kind % 2)]
            disc = (rows - y).square() + (columns - x).square() < radius**2
            square = torch.maximum((rows - y).abs(), (columns - x).abs()) < radius
            image[0] += (1.0 * disc) if kind < 2 else (0.8 * square)
            if kind < 2:
                mask[0][disc] = 1.0
    return images + 0.4 * torch.randn(images.shape, generator=generator) - 0.3, masks


@fault("accumulation", "lr_high")
def ten_small_batches_for_one_that_did_not_fit(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """A batch of 40 did not fit into memory: ten of 4 are added up, and the rate stays that of their mean.

    A sum of ten is a rate ten times as high: both names say what is wrong.
    """
    images, masks = _cells()
    model = nn.Sequential(
        nn.Conv2d(1, 12, 3, padding=1), nn.ReLU(), nn.Conv2d(12, 12, 3, padding=2, dilation=2), nn.ReLU(),
        nn.Conv2d(12, 12, 3, padding=4, dilation=4), nn.ReLU(), nn.Conv2d(12, 1, 1),
    )  # fmt: skip
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3, momentum=0.9)
    criterion = nn.BCEWithLogitsLoss()
    data = endless(images[:700], masks[:700], seed=seed, size=4)
    doctor = watch(model, optimizer)
    for _ in range(steps // 2):
        optimizer.zero_grad()
        total = 0.0
        for _ in range(10):
            x, mask = next(data)
            loss = criterion(model(x), mask)
            (loss / 10 if fixed else loss).backward()
            total += loss.item() / 10
        optimizer.step()
        doctor.step(total)

    def quality() -> float:
        with torch.no_grad():
            found = model(images[700:]) > 0
        return float(2 * (found * masks[700:]).sum() / (found.sum() + masks[700:].sum()))

    return doctor, quality
