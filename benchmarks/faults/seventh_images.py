"""Programs of `seventh` about pictures: classification, segmentation, reconstruction."""

import copy
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn import functional

from .parts import Judged, Program, Watch, digits, endless, generator_of, loop, mlp, register_judged
from .seventh_parts import accuracy, fit_share, gratings, tiles

PROGRAMS: dict[str, Program] = {}
fault = register_judged(PROGRAMS)


@fault("foreign_params")
def a_copy_after_the_range_test(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """After a test of learning rates the untouched model is brought back as a copy; the optimizer has the used one."""
    x, labels, unseen, truth = tiles()
    x, unseen = x / 127.5 - 1, unseen / 127.5 - 1
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 16, 3, stride=2), nn.ReLU(), nn.Flatten(), nn.Linear(256, 4)
    )
    untouched = copy.deepcopy(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5)
    data = endless(x, labels, seed=seed, size=32)
    for _, (inputs, targets) in zip(range(20), data, strict=False):
        functional.cross_entropy(model(inputs), targets).backward()
        optimizer.step()
        optimizer.zero_grad()
        optimizer.param_groups[0]["lr"] *= 1.8
    if fixed:
        model.load_state_dict(untouched.state_dict())
        optimizer = torch.optim.AdamW(model.parameters())
    else:
        model = untouched
    optimizer.param_groups[0]["lr"] = 2e-3
    doctor = watch(model, optimizer)
    for _, (inputs, targets) in zip(range(steps), data, strict=False):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(inputs), targets)
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: accuracy(model, unseen, truth)


def _tower(depth: int, width: int, normalized: bool, inputs: int = 1) -> nn.Sequential:
    """Convolutions of one width, each with batch normalization and ReLU."""
    layers: list[nn.Module] = []
    for place in range(depth):
        layers.append(nn.Conv2d(inputs if place == 0 else width, width, 3, padding=1))
        layers += [*([nn.BatchNorm2d(width)] if normalized else []), nn.ReLU()]
    return nn.Sequential(*layers)


@fault("eval_mode")
def sanity_check_before_the_first_epoch(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """A validation before the first epoch sets the model to eval, and `train()` was called before it."""
    images, labels = digits()
    model = nn.Sequential(*_tower(7, 12, True), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(48, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

    def validate() -> float:
        model.eval()
        with torch.no_grad():
            return float(functional.cross_entropy(model(images[1400:1500]), labels[1400:1500]))

    model.train()
    validate()
    if fixed:
        model.train()
    doctor = watch(model, optimizer)
    data = endless(images[:1400], labels[:1400], seed=seed, size=32)
    for _, (inputs, targets) in zip(range(steps), data, strict=False):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(inputs), targets)
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: accuracy(model, images[1500:], labels[1500:])


@fault("output_range")
def sigmoid_for_pixels_from_minus_one(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Pixels are normalized to [-1, 1], and the decoder still ends in a sigmoid."""
    x, _, unseen, _ = tiles()
    x, unseen = (x / 255 - 0.5) / 0.5, (unseen / 255 - 0.5) / 0.5
    model = nn.Sequential(
        nn.Conv2d(3, 16, 4, stride=2, padding=1), nn.ReLU(), nn.Conv2d(16, 8, 4, stride=2, padding=1), nn.ReLU(),
        nn.ConvTranspose2d(8, 16, 4, stride=2, padding=1), nn.ReLU(),
        nn.ConvTranspose2d(16, 3, 4, stride=2, padding=1), nn.Tanh() if fixed else nn.Sigmoid(),
    )  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    doctor = watch(model, optimizer)
    for _, (pixels,) in zip(range(steps), endless(x, seed=seed, size=32), strict=False):
        optimizer.zero_grad()
        loss = functional.mse_loss(model(pixels), pixels)
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: fit_share(model(unseen), unseen)


@cache
def _discs() -> tuple[Tensor, Tensor]:
    """900 pictures of 20 by 20 with a brighter disc in noise, and masks of uint8 in which a disc is 255."""
    generator = generator_of(11)
    middle, radius = 4 + 12 * torch.rand(900, 2, generator=generator), 2 + 3 * torch.rand(900, generator=generator)
    rows, columns = torch.meshgrid(torch.arange(20.0), torch.arange(20.0), indexing="ij")
    apart = (rows - middle[:, :1, None]) ** 2 + (columns - middle[:, 1:, None]) ** 2
    inside = apart < radius[:, None, None] ** 2
    pictures = inside + 0.7 * torch.randn(900, 20, 20, generator=generator)
    return pictures[:, None] - 0.1, (255 * inside).to(torch.uint8)[:, None]


@fault("labels")
def masks_of_255(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Masks are read from PNG files, where an object is 255; the cross-entropy takes it as the odds of 1."""
    pictures, masks = _discs()
    targets = masks.float() / 255 if fixed else masks.float()
    model = nn.Sequential(
        nn.Conv2d(1, 8, 5, padding=2), nn.ReLU(), nn.Conv2d(8, 8, 5, padding=2), nn.ReLU(), nn.Conv2d(8, 1, 1)
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    data = endless(pictures[:700], targets[:700], seed=seed, size=10)
    doctor = loop(watch, model, optimizer, data, nn.BCEWithLogitsLoss(), steps)

    def quality() -> float:
        found, truth = model(pictures[700:]) > 0, masks[700:] > 0
        return float((found & truth).sum() / (found | truth).sum())

    return doctor, quality


def _stripes(*inside: nn.Module) -> nn.Sequential:
    """A small network for `gratings`, with modules before its last layer."""
    return nn.Sequential(
        nn.Conv2d(1, 12, 5, stride=2), nn.ReLU(), nn.Conv2d(12, 16, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        *inside, nn.Linear(64, 6),
    )  # fmt: skip


@fault("eps_large")
def epsilon_of_the_inception_paper(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """RMSprop with the epsilon of 1 that a paper used, without the paper's learning rate."""
    pictures, labels = gratings()
    model = _stripes()
    optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3, alpha=0.9, eps=1e-8 if fixed else 1.0)
    data = endless(pictures[:1600], labels[:1600], seed=seed, size=32)
    doctor = loop(watch, model, optimizer, data, nn.CrossEntropyLoss(), steps)
    return doctor, lambda: accuracy(model, pictures[1600:], labels[1600:])


@fault("dropout")
def whole_channels_after_each_convolution(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """`Dropout2d(0.8)` behind each of three convolutions of a dozen channels: two or three survive."""
    images, labels = digits()
    drop = 0.05 if fixed else 0.8
    model = nn.Sequential(
        nn.Conv2d(1, 12, 3, padding=1), nn.ReLU(), nn.Dropout2d(drop), nn.MaxPool2d(2),
        nn.Conv2d(12, 12, 3, padding=1), nn.ReLU(), nn.Dropout2d(drop),
        nn.Conv2d(12, 12, 3, padding=1), nn.ReLU(), nn.Dropout2d(drop), nn.Flatten(), nn.Linear(192, 10),
    )  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    data = endless(images[:1400], labels[:1400], seed=seed, size=32)
    doctor = loop(watch, model, optimizer, data, nn.CrossEntropyLoss(), steps)
    return doctor, lambda: accuracy(model, images[1400:], labels[1400:])


@fault("vanishing")
def ten_convolutions_from_a_hundredth(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Ten plain convolutions start from N(0, 0.01), as one did for five: each halves what comes through, and more."""
    pictures, labels = gratings()
    model = nn.Sequential(
        *_tower(3, 12, False), nn.MaxPool2d(2), *_tower(7, 12, False, inputs=12), nn.AdaptiveAvgPool2d(2),
        nn.Flatten(), nn.Linear(48, 6),
    )  # fmt: skip
    for layer in model:
        if isinstance(layer, nn.Conv2d):
            if fixed:
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            else:
                nn.init.normal_(layer.weight, std=0.01)
            nn.init.zeros_(layer.bias)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    data = endless(pictures[:1600], labels[:1600], seed=seed, size=32)
    doctor = loop(watch, model, optimizer, data, nn.CrossEntropyLoss(), steps)
    return doctor, lambda: accuracy(model, pictures[1600:], labels[1600:])


@fault("accumulation", "lr_high")
def sixteen_parts_added_up(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Gradients of 16 small batches are added, and none is divided by 16.

    The cause is the accumulation, and what it does is a learning rate of 16 times the size: both names are right.
    """
    pictures, labels = gratings()
    model = _stripes()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    data = endless(pictures[:1600], labels[:1600], seed=seed, size=4)
    doctor = watch(model, optimizer)
    for _ in range(steps // 2):
        optimizer.zero_grad()
        total = 0.0
        for _ in range(16):
            inputs, targets = next(data)
            loss = functional.cross_entropy(model(inputs), targets)
            (loss / 16 if fixed else loss).backward()
            total += loss.item()
        optimizer.step()
        doctor.step(total / 16)
    return doctor, lambda: accuracy(model, pictures[1600:], labels[1600:])


@fault("lr_high")
def rate_of_sgd_kept_for_adamw(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """An autoencoder's optimizer was exchanged from SGD to AdamW, and `lr=0.1` stayed."""
    images, _ = digits()
    flat = images.flatten(1)
    model = nn.Sequential(mlp(64, 48, 10), mlp(10, 48, 64))
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3 if fixed else 0.1)
    doctor = watch(model, optimizer)
    for _, (pixels,) in zip(range(steps), endless(flat[:1400], seed=seed, size=50), strict=False):
        loss = functional.mse_loss(model(pixels), pixels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: fit_share(model(flat[1400:]), flat[1400:])


@fault("rounding")
def fine_tuned_in_bfloat16(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """A network is cast to bfloat16 to save memory, then fine-tuned to turned pictures with a rate of 1e-4."""
    images, labels = digits()
    model = mlp(64, 256, 256, 10)
    adam = torch.optim.Adam(model.parameters(), lr=2e-3)
    for _, (inputs, targets) in zip(range(150), endless(images[:600], labels[:600], seed=seed, size=32), strict=False):
        adam.zero_grad()
        functional.cross_entropy(model(inputs), targets).backward()
        adam.step()
    kind = torch.float32 if fixed else torch.bfloat16
    model, turned = model.to(kind), images.rot90(1, (2, 3)).to(kind)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)
    data = endless(turned[600:1400], labels[600:1400], seed=seed + 1, size=32)
    doctor = loop(watch, model, optimizer, data, nn.CrossEntropyLoss(), steps)
    return doctor, lambda: accuracy(model, turned[1400:], labels[1400:])


class _Patches(nn.Module):
    """Digits as 16 patches of 2 by 2 through a transformer."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.places = nn.Linear(4, 32), nn.Parameter(0.02 * torch.randn(16, 32))
        layer = nn.TransformerEncoderLayer(32, 4, 64, dropout=0.0, batch_first=True, norm_first=True)
        self.blocks = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(32, 10)

    def forward(self, images: Tensor) -> Tensor:
        patches = images.unfold(2, 2, 2).unfold(3, 2, 2).reshape(-1, 16, 4)
        return self.head(self.blocks(self.embed(patches) + self.places).mean(1))


@fault("lr_vanished")
def plateau_of_the_wrong_direction(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """`ReduceLROnPlateau` was set up for accuracies, `mode="max"`, and is told the loss: each fall is a plateau."""
    images, labels = digits()
    model = _Patches()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, mode="min" if fixed else "max", factor=0.1, patience=1
    )
    doctor = watch(model, optimizer)
    total = 0.0
    data = endless(images[:1200], labels[:1200], seed=seed, size=48)
    for step, (inputs, targets) in zip(range(steps), data, strict=False):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(inputs), targets)
        loss.backward()
        optimizer.step()
        total += loss.item()
        if step % 25 == 24:
            plateau.step(total / 25)
            total = 0.0
        doctor.step(loss)
    return doctor, lambda: accuracy(model, images[1200:], labels[1200:])
