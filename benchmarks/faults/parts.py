"""Data, small models and the plain loop of the programs; everything runs on one core in about a second."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

import torch
from sklearn.datasets import load_digits, make_friedman1
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

Watch = Callable[..., Any]
Judged = tuple[Any, Callable[[], float]]
"""What `Program.judged` returns."""
Batches = Iterator[tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Program:
    """A training with a mistake.

    Attributes:
        truth: the codes of which the first finding must be one.
        run: takes `watch`, a seed, whether the mistake is mended, and the number of steps; returns the doctor.
        about: the mistake.
        held: whether the program was written to try thresholds that had been chosen without it.
        judged: like `run`; returns the doctor, and a function that gives how good the trained model is on data
            that it has not seen (more is better), in the same unit with and without the mistake.
    """

    truth: tuple[str, ...]
    run: Callable[[Watch, int, bool, int], Any]
    about: str
    held: bool = False
    judged: Callable[[Watch, int, bool, int], Judged] | None = None


def register(programs: dict[str, Program]) -> Callable[..., Any]:
    """A decorator, `fault(code, ...)`, that adds programs to a table."""

    def fault(*truth: str, held: bool = False) -> Callable[[Any], Any]:
        def add(run: Any) -> Any:
            def seeded(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
                torch.manual_seed(seed)
                return run(watch, seed, fixed, steps)

            programs[run.__name__] = Program(truth, seeded, (run.__doc__ or "").strip(), held)
            return run

        return add

    return fault


def register_judged(programs: dict[str, Program]) -> Callable[..., Any]:
    """A decorator, `fault(code, ...)`, for held programs that return `Program.judged`'s pair."""

    def fault(*truth: str) -> Callable[[Any], Any]:
        def add(run: Any) -> Any:
            def seeded(watch: Watch, seed: int, fixed: bool, steps: int) -> Any:
                torch.manual_seed(seed)
                return run(watch, seed, fixed, steps)

            programs[run.__name__] = Program(
                truth, lambda *given: seeded(*given)[0], (run.__doc__ or "").strip(), True, seeded
            )
            return run

        return add

    return fault


# --- data -------------------------------------------------------------------------------------------------------------


@cache
def digits() -> tuple[Tensor, Tensor]:
    """Handwritten digits, standardized, as images of 8 by 8."""
    bunch = load_digits()
    order = torch.randperm(len(bunch.target), generator=torch.Generator().manual_seed(0))
    images = (torch.tensor(bunch.data, dtype=torch.float32)[order] - 4.88) / 6.02
    return images.reshape(-1, 1, 8, 8), torch.tensor(bunch.target)[order]


@cache
def table() -> tuple[Tensor, Tensor]:
    """Friedman's first function with noise, standardized."""
    inputs, targets = make_friedman1(1600, 10, noise=1.0, random_state=0)
    x, y = torch.tensor(inputs, dtype=torch.float32), torch.tensor(targets, dtype=torch.float32)
    return (x - x.mean(0)) / x.std(0), (y - y.mean()) / y.std()


@cache
def chain() -> tuple[Tensor, Tensor]:
    """Sequences of 16 from a random chain of 24 symbols, and each one's continuation."""
    generator = torch.Generator().manual_seed(7)
    odds = torch.softmax(3 * torch.randn(24, 24, generator=generator), -1)
    state, symbols = torch.zeros(512, dtype=torch.long), []
    for _ in range(17):
        state = torch.multinomial(odds[state], 1, generator=generator).squeeze(-1)
        symbols.append(state)
    sequences = torch.stack(symbols, 1)
    return sequences[:, :-1], sequences[:, 1:]


def batches(inputs: Tensor, targets: Tensor, seed: int, size: int = 32, order: Tensor | None = None) -> Batches:
    """Batches without end: shuffled anew each epoch, or always in one order."""
    generator = torch.Generator().manual_seed(seed)
    while True:
        places = torch.randperm(len(inputs), generator=generator) if order is None else order
        for begin in range(0, len(inputs) - size + 1, size):
            chosen = places[begin : begin + size]
            yield inputs[chosen], targets[chosen]


def generator_of(seed: int) -> torch.Generator:
    """A generator of its own."""
    return torch.Generator().manual_seed(seed)


def endless(*tensors: Tensor, seed: int, size: int, shuffle: bool = True) -> Iterator[list[Tensor]]:
    """Batches without end from a DataLoader, as people write it; what is left of an epoch is dropped."""
    loader = DataLoader(TensorDataset(*tensors), size, shuffle, drop_last=True, generator=generator_of(seed))
    while True:
        yield from loader


def explained(outputs: Tensor, targets: Tensor) -> float:
    """The share of the targets' variance that outputs explain."""
    return float(1 - (outputs.flatten() - targets).square().mean() / targets.var())


# --- models -----------------------------------------------------------------------------------------------------------


def mlp(
    *sizes: int, activation: Callable[[], nn.Module] = nn.ReLU, norm: bool = False, drop: float = 0.0
) -> nn.Sequential:
    """Linear layers with an activation between."""
    layers: list[nn.Module] = [nn.Flatten()]
    for place, (inputs, outputs) in enumerate(pairwise(sizes)):
        layers.append(nn.Linear(inputs, outputs))
        if place < len(sizes) - 2:
            layers += [nn.BatchNorm1d(outputs)] * norm + [activation()] + [nn.Dropout(drop)] * (drop > 0)
    return nn.Sequential(*layers)


def cnn(norm: bool = False, drop: float = 0.0) -> nn.Sequential:
    """Two convolutions and a linear layer for digits."""
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8) if norm else nn.Identity(), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1), nn.BatchNorm2d(16) if norm else nn.Identity(), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Dropout(drop), nn.Linear(64, 10),
    )  # fmt: skip


class Autoencoder(nn.Module):
    """Digits through 12 numbers and back."""

    def __init__(self, last: nn.Module | None = None, cut: bool = False) -> None:
        super().__init__()
        self.encoder, self.decoder = mlp(64, 32, 12), mlp(12, 32, 64)
        self.last, self.cut = last or nn.Identity(), cut

    def forward(self, images: Tensor) -> Tensor:
        code = self.encoder(images)
        return self.last(self.decoder(code.detach() if self.cut else code))


class Transformer(nn.Module):
    """A small causal transformer over the symbols of `chain`."""

    def __init__(
        self, width: int = 24, depth: int = 2, drop: float = 0.0, first: bool = True, cut: bool = False
    ) -> None:
        super().__init__()
        self.symbols, self.places = nn.Embedding(24, width), nn.Parameter(0.02 * torch.randn(16, width))
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(width, 2, 2 * width, drop, batch_first=True, norm_first=first)
            for _ in range(depth)
        )
        self.head, self.cut = nn.Linear(width, 24), cut

    def forward(self, symbols: Tensor) -> Tensor:
        if self.cut:
            with torch.no_grad():
                hidden = self.symbols(symbols) + self.places
        else:
            hidden = self.symbols(symbols) + self.places
        mask = torch.full((16, 16), -math.inf).triu(1)
        for block in self.blocks:
            hidden = block(hidden, src_mask=mask)
        return self.head(hidden)


def language_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy of each symbol's continuation."""
    return functional.cross_entropy(logits.reshape(-1, 24), targets.reshape(-1))


def squared(outputs: Tensor, targets: Tensor) -> Tensor:
    """Mean squared error, shapes mended."""
    return functional.mse_loss(outputs.reshape(targets.shape), targets)


def loop(
    watch: Watch,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    data: Batches,
    loss: Callable[[Tensor, Tensor], Tensor],
    steps: int,
    before: Callable[[int], object] = lambda step: None,
    after: Callable[[int], object] = lambda step: None,
    zero: Callable[[int], bool] = lambda step: True,
    sign: float = 1.0,
) -> Any:
    """The plain loop; `before` is called between backward pass and step, `after` behind the step."""
    doctor = watch(model, optimizer)
    for step, (inputs, targets) in zip(range(steps), data, strict=False):
        if zero(step):
            optimizer.zero_grad()
        value = loss(model(inputs), targets)
        (sign * value).backward()
        before(step)
        optimizer.step()
        after(step)
        doctor.step(value)
    return doctor
