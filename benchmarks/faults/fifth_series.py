"""Programs of `fifth` about series and other sequences."""

import math
from collections.abc import Iterable
from functools import cache
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader

from .fifth_parts import epochs, loader, right
from .parts import Judged, Program, Watch, generator_of, register_judged

PROGRAMS: dict[str, Program] = {}
fault = register_judged(PROGRAMS)


# --- series -----------------------------------------------------------------------------------------------------------


@cache
def _tides() -> tuple[Tensor, Tensor]:
    """16 values of a sum of two waves with noise, as multiples of its standard deviation, and the next value."""
    generator = generator_of(45)
    time = torch.arange(17.0)
    periods = torch.tensor([6.0, 9.5]) * (1 + 0.1 * torch.randn(2400, 2, generator=generator))
    angles = math.tau * (time[:, None] / periods[:, None] + torch.rand(2400, 1, 2, generator=generator))
    series = angles.sin() @ torch.tensor([1.0, 0.7]) + 0.1 * torch.randn(2400, 17, generator=generator)
    series = series / series.std()
    return series[:, :-1, None], series[:, -1]


class Forecast(nn.Module):
    """An LSTM over the values so far, and one more layer that gives the next."""

    def __init__(self, last: nn.Module) -> None:
        super().__init__()
        self.lstm, self.last = nn.LSTM(1, 24, batch_first=True), last

    def forward(self, series: Tensor) -> Tensor:
        hidden, _ = self.lstm(series)
        given = self.last(hidden)
        return (given[0] if isinstance(given, tuple) else given)[:, -1, 0]


@fault("output_range")
def forecast_by_a_cell(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """The forecast is the state of an LSTM of one unit, which stays between -1 and 1 where the series does not."""
    series, following = _tides()
    model = Forecast(nn.Linear(24, 1) if fixed else nn.LSTM(24, 1, batch_first=True))
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    order = generator_of(seed)
    doctor = watch(model, optimizer)
    for _ in range(steps):
        rows = torch.randint(2000, (32,), generator=order)
        loss = functional.mse_loss(model(series[rows]), following[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return -float(functional.mse_loss(model(series[2000:]), following[2000:]))

    return doctor, quality


@cache
def _motions() -> tuple[Tensor, Tensor]:
    """Three accelerations in 48 moments, by someone who rests, walks, runs, climbs or cycles."""
    generator = generator_of(46)
    doing = torch.randint(5, (1800,), generator=generator)
    pace = torch.tensor([0.5, 1.8, 2.6, 1.6, 1.3])[doing] * (1 + 0.1 * torch.randn(1800, generator=generator))
    force = torch.tensor([[0.1, 0.1, 0.1], [0.4, 0.9, 0.3], [0.7, 1.3, 0.5], [0.6, 0.7, 0.8], [0.5, 0.4, 0.9]])[doing]
    time = torch.linspace(0, 2, 48)
    angles = math.tau * (pace[:, None, None] * time + torch.rand(1800, 3, 1, generator=generator))
    motion = force[:, :, None] * (angles.sin() + 0.5 * (2 * angles).sin())
    motion = motion + 0.6 * torch.randn(motion.shape, generator=generator)
    return motion / motion.std(), doing


def _activity(*widths: int, norm: bool = False, drop: float = 0.0) -> nn.Sequential:
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise((3, *widths)):
        layers += [nn.Conv1d(inputs, outputs, 5, stride=2, padding=2), *[nn.BatchNorm1d(outputs)] * norm, nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool1d(3), nn.Flatten(), nn.Dropout(drop), nn.Linear(3 * widths[-1], 5))


class Trainer:
    """A loop as one writes it once and copies ever after."""

    def __init__(self, model: nn.Module, optimizer: torch.optim.Optimizer, doctor: Any, once: bool) -> None:
        self.model, self.optimizer, self.doctor, self.once = model, optimizer, doctor, once

    def train_epoch(self, batches: Iterable[Any]) -> float:
        total = 0.0
        self.optimizer.zero_grad()
        for inputs, targets in batches:
            if not self.once:
                self.optimizer.zero_grad()
            loss = functional.cross_entropy(self.model(inputs), targets)
            loss.backward()
            self.optimizer.step()
            self.doctor.step(loss)
            total += loss.item()
        return total

    def fit(self, batches: DataLoader[Any], steps: int) -> None:
        for _ in range(0, steps, len(batches)):
            self.train_epoch(batches)


@fault("zero_grad")
def zeroed_once_an_epoch(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """The trainer zeroes gradients before its loop over an epoch's batches instead of in it."""
    motions, doing = _motions()
    model = _activity(24, 32)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    trainer = Trainer(model, optimizer, watch(model, optimizer), once=not fixed)
    trainer.fit(loader(motions[:1400], doing[:1400], size=28, seed=seed), steps)

    def quality() -> float:
        with torch.no_grad():
            return right(model.eval()(motions[1400:]), doing[1400:])

    return trainer.doctor, quality


@fault("eval_mode")
def a_look_before_training(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """The model is tried on held-out data before training, in evaluation mode, in which it then stays."""
    motions, doing = _motions()
    model = _activity(16, 16, 24, 24, norm=True, drop=0.3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)

    def held_out() -> float:
        model.eval()
        with torch.no_grad():
            return right(model(motions[1400:]), doing[1400:])

    held_out()  # fails now rather than after an epoch, if it does
    if fixed:
        model.train()
    doctor = watch(model, optimizer)
    for motion, target in epochs(loader(motions[:1400], doing[:1400], size=32, seed=seed), steps):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(motion), target)
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, held_out


@fault("weight_decay")
def decay_of_a_transformer_in_sgd(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """AdamW was replaced by SGD at fifty times its rate, and its weight decay of 0.05 was kept."""
    motions, doing = _motions()
    model = _activity(24, 32)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4 if fixed else 0.05)
    doctor = watch(model, optimizer)
    for motion, target in epochs(loader(motions[:1400], doing[:1400], size=32, seed=seed), steps):
        loss = functional.cross_entropy(model(motion), target)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return right(model(motions[1400:]), doing[1400:])

    return doctor, quality


# --- marks in a sequence ----------------------------------------------------------------------------------------------


@cache
def _ballots() -> tuple[Tensor, Tensor]:
    """Sequences of 15 symbols, and which of the first four is the most frequent."""
    ballots = torch.randint(8, (3000, 15), generator=generator_of(47))
    return ballots, functional.one_hot(ballots, 8)[..., :4].sum(1).argmax(1)


class Counter(nn.Module):
    """A transformer encoder whose mean is classified."""

    def __init__(self) -> None:
        super().__init__()
        self.symbols = nn.Embedding(8, 32)
        self.encoder = nn.TransformerEncoderLayer(32, 2, 64, 0.0, batch_first=True)
        self.classes = nn.Linear(32, 4)

    def forward(self, ballots: Tensor) -> Tensor:
        return self.classes(self.encoder(self.symbols(ballots)).mean(1))


@fault("scheduler", "lr_low")
def warmup_counted_in_epochs(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """A schedule that warms up for 60 steps, as transformers have it, is stepped once an epoch."""
    ballots, winners = _ballots()
    batches = loader(ballots[:2400], winners[:2400], size=48, seed=seed)
    model = Counter()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3, betas=(0.9, 0.98))
    scheduler = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / 60, (60 / (step + 1)) ** 0.5)
    )
    doctor = watch(model, optimizer)
    for _ in range(0, steps, len(batches)):
        for ballot, winner in batches:
            optimizer.zero_grad()
            loss = functional.cross_entropy(model(ballot), winner)
            loss.backward()
            optimizer.step()
            doctor.step(loss)
            if fixed:
                scheduler.step()
        if not fixed:
            scheduler.step()

    def quality() -> float:
        with torch.no_grad():
            return right(model.eval()(ballots[2400:]), winners[2400:])

    return doctor, quality
