"""Trainings without a mistake: on them the doctor must be silent, at any learning rate about the best."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

import steepest

from .parts import (
    Autoencoder,
    Transformer,
    Watch,
    batches,
    chain,
    cnn,
    digits,
    language_loss,
    loop,
    mlp,
    squared,
    table,
)

STEPS = 250

OPTIMIZERS: dict[str, tuple[Callable[..., torch.optim.Optimizer], float]] = {
    "SGD": (torch.optim.SGD, 0.1),
    "momentum": (partial(torch.optim.SGD, momentum=0.9), 0.03),
    "Adam": (torch.optim.Adam, 2e-3),
    "AdamW": (torch.optim.AdamW, 2e-3),
    "RMSprop": (torch.optim.RMSprop, 1e-3),
    "Adagrad": (torch.optim.Adagrad, 0.03),
    "Lion": (steepest.Lion, 5e-4),  # type: ignore[attr-defined]
    "Adamax": (steepest.Adamax, 3e-3),  # type: ignore[attr-defined]
}
"""Each optimizer with the learning rate about which it is tried."""

FACTORS = (0.1, 0.316, 1.0, 3.16, 10.0)
"""Factors of that learning rate; the best of them is the one that ends lowest."""


@dataclass(frozen=True)
class Workload:
    """A model, its data, its loss, and what the loop does beside."""

    model: Callable[[], nn.Module]
    data: Callable[[int], Any]
    loss: Callable[[Tensor, Tensor], Tensor] = functional.cross_entropy
    clip: float | None = None
    schedule: bool = False
    steps: int = STEPS


def _images(seed: int) -> Any:
    return batches(*digits(), seed)


def _codes(seed: int) -> Any:
    images, _ = digits()
    return batches(images, images.flatten(1), seed)


def _inks(seed: int) -> Any:
    images, _ = digits()
    inks = (images * 6.02 + 4.88) / 16
    return batches(inks, inks.flatten(1).clamp(0, 1), seed)


def _evens(seed: int) -> Any:
    images, labels = digits()
    return batches(images, (labels % 2).float(), seed)


def _rows(seed: int) -> Any:
    return batches(*table(), seed)


def _symbols(seed: int) -> Any:
    return batches(*chain(), seed)


class Recurrent(nn.Module):
    """A gated recurrent network over symbols."""

    def __init__(self) -> None:
        super().__init__()
        self.symbols, self.cells, self.head = nn.Embedding(24, 16), nn.GRU(16, 32, batch_first=True), nn.Linear(32, 24)

    def forward(self, symbols: Tensor) -> Tensor:
        return self.head(self.cells(self.symbols(symbols))[0])


def _binary(outputs: Tensor, targets: Tensor) -> Tensor:
    return functional.binary_cross_entropy_with_logits(outputs.squeeze(-1), targets)


def _huber(outputs: Tensor, targets: Tensor) -> Tensor:
    return functional.huber_loss(outputs.squeeze(-1), targets)


WORKLOADS = {
    "logistic": Workload(lambda: mlp(64, 10), _images),
    "mlp": Workload(lambda: mlp(64, 64, 10), _images),
    "mlp, tanh": Workload(lambda: mlp(64, 48, 48, 10, activation=nn.Tanh), _images),
    "mlp, norm and dropout": Workload(lambda: mlp(64, 48, 48, 10, norm=True, drop=0.3), _images),
    "mlp, clipped": Workload(lambda: mlp(64, 64, 10), _images, clip=1.0),
    "mlp, cosine": Workload(lambda: mlp(64, 64, 10, activation=nn.GELU), _images, schedule=True),
    "mlp, smoothed labels": Workload(
        lambda: mlp(64, 64, 10), _images, partial(functional.cross_entropy, label_smoothing=0.1)
    ),
    "binary": Workload(lambda: mlp(64, 32, 1), _evens, _binary),
    "cnn": Workload(cnn, _images),
    "cnn, norm and dropout": Workload(lambda: cnn(norm=True, drop=0.2), _images),
    "linear regression": Workload(lambda: mlp(10, 1), _rows, squared),
    "regression": Workload(lambda: mlp(10, 32, 32, 1), _rows, squared),
    "huber": Workload(lambda: mlp(10, 48, 1, activation=nn.SiLU), _rows, _huber),
    "autoencoder": Workload(Autoencoder, _codes, squared),
    "autoencoder, sigmoid": Workload(lambda: Autoencoder(nn.Sigmoid()), _inks, squared),
    "transformer": Workload(Transformer, _symbols, language_loss, schedule=True),
    "recurrent": Workload(Recurrent, _symbols, language_loss, clip=1.0),
}  # fmt: skip


class Patches(nn.Module):
    """A small vision transformer: sixteen patches of a digit, their places, one block, their mean."""

    def __init__(self) -> None:
        super().__init__()
        self.cut, self.places = nn.Conv2d(1, 24, 2, 2), nn.Parameter(0.02 * torch.randn(16, 24))
        self.block = nn.TransformerEncoderLayer(24, 2, 48, 0.1, batch_first=True, norm_first=True)
        self.head = nn.Linear(24, 10)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.block(self.cut(images).flatten(2).mT + self.places).mean(1))


class Residual(nn.Module):
    """Normalized blocks that are added to their inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.head = nn.Linear(64, 32), nn.Linear(32, 10)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(32), nn.Linear(32, 64), nn.GELU(), nn.Linear(64, 32)) for _ in range(3)
        )

    def forward(self, images: Tensor) -> Tensor:
        hidden = self.first(images.flatten(1))
        for block in self.blocks:
            hidden = hidden + block(hidden)
        return self.head(hidden)


class Variational(nn.Module):
    """An autoencoder whose code is drawn; the divergence of its distribution goes along with the output."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = mlp(64, 48, 16), mlp(8, 48, 64)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        mean, log = self.encoder(images).chunk(2, 1)
        code = mean + (log / 2).exp() * torch.randn_like(mean)
        return self.decoder(code), (mean.square() + log.exp() - 1 - log).sum(1).mean() / 2


class Pairs(nn.Module):
    """Two encoders whose codes of the same digit, seen from the left and from the right, are to be alike."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = mlp(32, 48, 16), mlp(32, 48, 16)

    def forward(self, images: Tensor) -> Tensor:
        halves = (images[..., :4], images[..., 4:])
        codes = [
            functional.normalize(net(half), dim=1) for net, half in zip((self.left, self.right), halves, strict=True)
        ]
        return 5 * codes[0] @ codes[1].T


def _evidence(outputs: tuple[Tensor, Tensor], targets: Tensor) -> Tensor:
    return functional.mse_loss(outputs[0], targets) + 0.01 * outputs[1]


def _alike(scores: Tensor, targets: Tensor) -> Tensor:
    own = torch.arange(len(scores))
    return (functional.cross_entropy(scores, own) + functional.cross_entropy(scores.T, own)) / 2


def _counts(outputs: Tensor, targets: Tensor) -> Tensor:
    return functional.poisson_nll_loss(outputs.squeeze(-1), targets)


def _numbers(seed: int) -> Any:
    inputs, targets = table()
    return batches(inputs, torch.poisson((0.7 * targets).exp(), generator=torch.Generator().manual_seed(1)), seed)


def _rare(seed: int) -> Any:
    images, labels = digits()
    return batches(images, (labels == 8).long(), seed)


def _few(seed: int) -> Any:
    return batches(*table(), seed, size=2)


NEW = {
    "patches": Workload(Patches, _images, schedule=True),
    "residual": Workload(Residual, _images),
    "variational": Workload(Variational, _codes, _evidence),
    "pairs": Workload(Pairs, _images, _alike),
    "counts": Workload(lambda: mlp(10, 32, 1), _numbers, _counts),
    "rare class, weighted": Workload(
        lambda: mlp(64, 32, 2), _rare, partial(functional.cross_entropy, weight=torch.tensor([0.55, 5.0]))
    ),
    "regression, batches of two": Workload(lambda: mlp(10, 32, 1), _few, squared),
    "regression, longer": Workload(lambda: mlp(10, 32, 1), _rows, squared, steps=600),
}  # fmt: skip
"""Workloads that were added after all thresholds had been chosen."""

WORKLOADS |= NEW


def run(watch: Watch, workload: str, optimizer: str, factor: float, seed: int, steps: int | None = None) -> Any:
    """One training; its doctor is returned."""
    torch.manual_seed(seed)
    chosen, (make, rate) = WORKLOADS[workload], OPTIMIZERS[optimizer]
    steps = steps or chosen.steps
    model = chosen.model()
    stepped = make(model.parameters(), lr=rate * factor)
    after: Callable[[int], object] = lambda step: None  # noqa: E731
    if chosen.schedule:
        warm = torch.optim.lr_scheduler.LinearLR(stepped, 0.1, 1.0, 20)
        cool = torch.optim.lr_scheduler.CosineAnnealingLR(stepped, steps - 20)
        both = torch.optim.lr_scheduler.SequentialLR(stepped, [warm, cool], [20])
        after = lambda step: both.step()  # noqa: E731
    before: Callable[[int], object] = lambda step: None  # noqa: E731
    if chosen.clip is not None:
        before = lambda step: nn.utils.clip_grad_norm_(model.parameters(), chosen.clip)  # noqa: E731
    return loop(watch, model, stepped, chosen.data(seed), chosen.loss, steps, before, after)
