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


def run(watch: Watch, workload: str, optimizer: str, factor: float, seed: int, steps: int = STEPS) -> Any:
    """One training; its doctor is returned."""
    torch.manual_seed(seed)
    chosen, (make, rate) = WORKLOADS[workload], OPTIMIZERS[optimizer]
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
