"""Programs of `ninth` about images."""

import io
from functools import cache

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional

from .fifth_parts import epochs, loader, right
from .parts import Judged, Program, Watch, generator_of, register_judged

PROGRAMS: dict[str, Program] = {}
fault = register_judged(PROGRAMS)


@cache
def _digits() -> tuple[Tensor, Tensor]:
    """Handwritten digits from 0 to 1, and their labels."""
    bunch = load_digits()
    order = torch.randperm(1797, generator=generator_of(91))
    images = torch.tensor(bunch.images, dtype=torch.float32)[order].unsqueeze(1) / 16
    return images, torch.tensor(bunch.target)[order]


@fault("foreign_params")
def checkpoint_assigned_after_the_optimizer(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """load_state_dict(assign=True) puts other tensors into the model than those that the optimizer was given."""
    images, _ = _digits()

    def denoiser() -> nn.Sequential:
        return nn.Sequential(
            nn.Conv2d(1, 12, 3, padding=1), nn.GELU(), nn.Conv2d(12, 12, 3, padding=1), nn.GELU(),
            nn.Conv2d(12, 1, 3, padding=1),
        )  # fmt: skip

    file = io.BytesIO()
    torch.save(denoiser().state_dict(), file)  # The same start for all variants of the experiment.
    file.seek(0)
    model = denoiser()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    model.load_state_dict(torch.load(file), assign=not fixed)
    doctor = watch(model, optimizer)
    noise = generator_of(seed)
    for (clean,) in epochs(loader(images[:1400], size=32, seed=seed), steps):
        noisy = clean + 0.4 * torch.randn(clean.shape, generator=noise)
        loss = functional.mse_loss(model(noisy), clean)
        model.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        clean = images[1400:]
        with torch.no_grad():
            outputs = model(clean + 0.4 * torch.randn(clean.shape, generator=generator_of(1)))
        return float(1 - (outputs - clean).square().mean() / clean.var())

    return doctor, quality


@cache
def _discs() -> tuple[Tensor, Tensor]:
    """Grey images of 16 by 16 with a bright disc on an uneven ground, and masks: bytes, 1 in the disc."""
    generator = generator_of(92)
    rows, columns = torch.meshgrid(torch.arange(16.0), torch.arange(16.0), indexing="ij")
    place = 4 + 8 * torch.rand(500, 2, 1, 1, generator=generator)
    radius = 2 + 3 * torch.rand(500, 1, 1, generator=generator)
    masks = (rows - place[:, 0]) ** 2 + (columns - place[:, 1]) ** 2 < radius**2
    slope = torch.randn(500, 2, 1, 1, generator=generator)
    ground = (slope[:, 0] * (rows - 8) + slope[:, 1] * (columns - 8)) / 16
    images = ground + 0.8 * masks + 0.3 * torch.randn(500, 16, 16, generator=generator)
    return images.unsqueeze(1), masks.to(torch.uint8)


@fault("labels")
def masks_scaled_like_images(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Masks are read like images, divided by 255; as whole numbers all of them are then 0."""
    images, masks = _discs()
    targets = masks.long() if fixed else (masks / 255).long()
    model = nn.Sequential(
        nn.Conv2d(1, 16, 5, padding=2), nn.BatchNorm2d(16), nn.ReLU(),
        nn.Conv2d(16, 16, 5, padding=2), nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 2, 1),
    )  # fmt: skip
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(images[:400], targets[:400], size=10, seed=seed), steps):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        model.eval()
        with torch.no_grad():
            found, truth = model(images[400:]).argmax(1).bool(), masks[400:].bool()
        return float((found & truth).sum() / (found | truth).sum())

    return doctor, quality


@fault("vanishing")
def weights_of_a_gan_in_a_plain_network(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Weights drawn from N(0, 0.02), as for a DCGAN with its batch norm, in nine convolutions without any norm."""
    images, labels = _digits()
    images = (images - 0.305) / 0.376
    layers: list[nn.Module] = [nn.Conv2d(1, 16, 3, padding=1), nn.LeakyReLU(0.2)]
    for depth in range(8):
        layers += [nn.Conv2d(16, 16, 3, padding=1, stride=2 if depth in (2, 5) else 1), nn.LeakyReLU(0.2)]
    model = nn.Sequential(*layers, nn.Flatten(), nn.Linear(64, 10))
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            if fixed:
                nn.init.kaiming_normal_(module.weight, 0.2)
            else:
                nn.init.normal_(module.weight, 0.0, 0.02)
            assert module.bias is not None
            nn.init.zeros_(module.bias)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(images[:1400], labels[:1400], size=32, seed=seed), steps):
        loss = functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return right(model(images[1400:]), labels[1400:])

    return doctor, quality


class _Quantized(nn.Module):
    """A digit as four vectors of a codebook, and back."""

    def __init__(self, straight: bool) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 4 * 4))
        self.codebook = nn.Embedding(32, 4)
        self.decoder = nn.Sequential(nn.Linear(4 * 4, 64), nn.ReLU(), nn.Linear(64, 64))
        self.straight = straight

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        encoded = self.encoder(images).reshape(-1, 4)
        codes = self.codebook(torch.cdist(encoded, self.codebook.weight).argmin(1))
        distance = functional.mse_loss(codes, encoded.detach())
        if self.straight:
            distance = distance + 0.25 * functional.mse_loss(encoded, codes.detach())
            codes = encoded + (codes - encoded).detach()
        return self.decoder(codes.reshape(-1, 16)).reshape(images.shape), distance


@fault("no_grad")
def codebook_without_straight_through(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """A vector-quantized autoencoder decodes the nearest codes; argmin passes no gradient on to the encoder."""
    images, _ = _digits()
    model = _Quantized(straight=fixed)
    optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
    doctor = watch(model, optimizer)
    for (batch,) in epochs(loader(images[:1400], size=64, seed=seed), steps):
        outputs, distance = model(batch)
        loss = functional.mse_loss(outputs, batch) + distance
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        new = images[1400:]
        with torch.no_grad():
            return float(1 - (model(new)[0] - new).square().mean() / (new - new.mean(0)).square().mean())

    return doctor, quality
