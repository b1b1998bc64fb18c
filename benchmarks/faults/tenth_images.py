"""The programs of `tenth` about images."""

from functools import cache
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from steepest.datasets import load

from .fifth_parts import epochs, loader, right
from .parts import Judged, Program, Watch, digits, explained, generator_of, mlp, register_judged

PROGRAMS: dict[str, Program] = {}
fault = register_judged(PROGRAMS)


@cache
def _emoji() -> Tensor:
    """Emoji of 16 by 16 pixels in random order, 0 to 1, channels first."""
    order = torch.randperm(3812, generator=generator_of(111))
    pictures = torch.tensor(load("emoji").pictures)[order].permute(0, 3, 1, 2).float() / 255
    return functional.avg_pool2d(pictures, 2)


@fault("eval_mode")
def guesses_shown_every_fifty_steps(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """A network tells how emoji were turned; showing its guesses, at once and every 50 steps, leaves eval mode on."""
    pictures = (_emoji() - 0.75) / 0.3
    layers: list[nn.Module] = []
    for place, (before, behind) in enumerate(pairwise((3, 16, 16, 24, 24, 32, 32))):
        stride = 1 + place % 2
        layers += [nn.Conv2d(before, behind, 3, stride, 1, bias=False), nn.BatchNorm2d(behind), nn.ReLU()]
    model = nn.Sequential(*layers, nn.Flatten(), nn.Linear(128, 4))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9)

    def turned(images: Tensor, quarters: Tensor) -> Tensor:
        return torch.stack([image.rot90(int(quarter), (1, 2)) for image, quarter in zip(images, quarters, strict=True)])

    def show() -> list[int]:
        model.eval()
        with torch.no_grad():
            guesses = model(pictures[3400:3410]).argmax(1).tolist()
        if fixed:
            model.train()
        return guesses

    generator = generator_of(seed + 1)
    doctor = watch(model, optimizer)
    model.train()
    for step, (images,) in enumerate(epochs(loader(pictures[:3400], size=32, seed=seed), steps)):
        if step % 50 == 0:
            show()
        quarters = torch.randint(4, (32,), generator=generator)
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(turned(images, quarters)), quarters)
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        quarters = torch.arange(412) % 4
        model.eval()
        with torch.no_grad():
            return right(model(turned(pictures[3400:], quarters)), quarters)

    return doctor, quality


@cache
def _cells() -> tuple[Tensor, Tensor]:
    """500 noisy pictures of 40 by 40 with brighter cells, and their masks."""
    generator = generator_of(112)
    row, column = torch.meshgrid(torch.arange(40.0), torch.arange(40.0), indexing="ij")
    centers = 40 * torch.rand(500, 5, 2, 1, 1, generator=generator)
    radius = 3 + 3 * torch.rand(500, 5, 1, 1, generator=generator)
    inside = (row - centers[:, :, 0]) ** 2 + (column - centers[:, :, 1]) ** 2 < radius**2
    masks = inside.any(1, keepdim=True).float()
    pictures = torch.randn(500, 1, 40, 40, generator=generator) + 1.5 * masks
    return (pictures - pictures.mean()) / pictures.std(), masks


@fault("no_signal")
def picture_and_mask_cropped_apart(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """A random crop is called for the picture and once more for its mask: each draws a corner of its own."""
    pictures, masks = _cells()
    generator = generator_of(seed + 1)

    def corner() -> tuple[int, int]:
        top, left = torch.randint(21, (2,), generator=generator).tolist()
        return top, left

    def crop(picture: Tensor, corner: tuple[int, int]) -> Tensor:
        top, left = corner
        return picture[:, top : top + 20, left : left + 20]

    def cropped(picture: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        place = corner()
        return crop(picture, place), crop(mask, place if fixed else corner())

    model = nn.Sequential(
        nn.Conv2d(1, 12, 5, padding=2), nn.ReLU(), nn.Conv2d(12, 12, 5, padding=2), nn.ReLU(), nn.Conv2d(12, 1, 1)
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    doctor = watch(model, optimizer)
    for batch in epochs(loader(torch.arange(400), size=16, seed=seed), steps):
        pairs = [cropped(pictures[number], masks[number]) for number in batch[0]]
        x, y = (torch.stack(part) for part in zip(*pairs, strict=True))
        optimizer.zero_grad()
        loss = functional.binary_cross_entropy_with_logits(model(x), y)
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            found, true = model(pictures[400:]) > 0, masks[400:] > 0
        return float((found & true).sum() / (found | true).sum())

    return doctor, quality


@fault("labels")
def same_or_not_as_one_or_zero(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """`CosineEmbeddingLoss` takes 1 and -1; pairs that differ are labelled 0, which costs nothing wherever they are."""
    images, labels = digits()
    kinds = [(labels[:1400] == digit).nonzero()[:, 0] for digit in range(10)]
    encoder = nn.Sequential(
        nn.Conv2d(1, 12, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(12, 24, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(384, 16),
    )  # fmt: skip
    optimizer = torch.optim.Adam(encoder.parameters(), lr=2e-3)
    criterion = nn.CosineEmbeddingLoss(margin=0.2)
    generator = generator_of(seed)

    def pick(digit: int) -> int:
        return int(kinds[digit][torch.randint(len(kinds[digit]), (), generator=generator)])

    doctor = watch(encoder, optimizer)
    for _ in range(steps):
        first = torch.randint(10, (48,), generator=generator)
        same = (torch.rand(48, generator=generator) < 0.5).long()
        second = (first + (1 - same) * torch.randint(1, 10, (48,), generator=generator)) % 10
        left = encoder(images[[pick(digit) for digit in first.tolist()]])
        right_ = encoder(images[[pick(digit) for digit in second.tolist()]])
        loss = criterion(left, right_, 2 * same - 1 if fixed else same)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        """How often a cosine above 0.6 says "same", on pairs of which half are."""
        test, kind = images[1400:], labels[1400:]
        with torch.no_grad():
            codes = functional.normalize(encoder(test))
        said, same = codes @ codes.T > 0.6, kind[:, None] == kind
        return float(said[same].float().mean() + (~said[~same]).float().mean()) / 2

    return doctor, quality


@fault("eps_large")
def epsilon_against_a_jumpy_loss(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Someone set NAdam's eps to 0.1 when a loss had jumped; gradients of a mean over 768 pixels are far smaller."""
    pictures = ((_emoji() - 0.75) / 0.3).flatten(1)
    model = nn.Sequential(mlp(768, 128, 32), nn.ReLU(), mlp(32, 128, 768))
    optimizer = torch.optim.NAdam(model.parameters(), lr=2e-3, eps=1e-8 if fixed else 0.1)
    doctor = watch(model, optimizer)
    for (batch,) in epochs(loader(pictures[:3400], size=64, seed=seed), steps):
        optimizer.zero_grad()
        loss = functional.mse_loss(model(batch), batch)
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return explained(model(pictures[3400:]), pictures[3400:].flatten())

    return doctor, quality


class _VisionTransformer(nn.Module):
    """Digits as 16 patches of 2 by 2."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.patches = nn.Linear(4, width)
        self.places = nn.Parameter(0.02 * torch.randn(16, width))
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(width, 4, 2 * width, 0.0, nn.functional.gelu, batch_first=True, norm_first=True)
            for _ in range(3)
        )
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 10)

    def forward(self, images: Tensor) -> Tensor:
        tokens = self.patches(functional.unfold(images, 2, stride=2).transpose(1, 2)) + self.places
        for block in self.blocks:
            tokens = block(tokens)
        return self.head(self.norm(tokens).mean(1))


@fault("init_large")
def trunc_normal_without_its_std(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Linear layers of a vision transformer are set by `trunc_normal_(weight)`: without `std=0.02` it is 1."""
    images, labels = digits()
    model = _VisionTransformer()
    for module in model.modules():
        if isinstance(module, nn.Linear):
            if fixed:
                nn.init.trunc_normal_(module.weight, std=0.02)
            else:
                nn.init.trunc_normal_(module.weight)
            nn.init.zeros_(module.bias)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.01)
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(images[:1400], labels[:1400], size=50, seed=seed), steps):
        loss = functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return right(model(images[1400:]), labels[1400:])

    return doctor, quality
