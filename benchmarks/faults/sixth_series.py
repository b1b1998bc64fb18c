"""Programs of `sixth` about series."""

from functools import cache

import torch
from torch import Tensor, nn
from torch.nn import functional

from .fifth_parts import epochs, loader
from .parts import Judged, Program, Watch, endless, generator_of, register_judged
from .sixth_parts import accuracy, fit

PROGRAMS: dict[str, Program] = {}
fault = register_judged(PROGRAMS)


class _Reader(nn.Module):
    """A recurrent network whose last state is read."""

    def __init__(self, kind: type[nn.RNNBase], inputs: int, width: int, outputs: int) -> None:
        super().__init__()
        self.body, self.head = kind(inputs, width, batch_first=True), nn.Linear(width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x)[0][:, -1])


@cache
def _load() -> tuple[Tensor, Tensor]:
    """24 hours of a grid's load, standardized, and that of the hour after, in MW."""
    generator = generator_of(80)
    hours = torch.arange(2100.0)
    swing = torch.zeros(2100)
    for hour in range(1, 2100):
        swing[hour] = 0.9 * swing[hour - 1] + 0.2 * torch.randn((), generator=generator)
    series = torch.sin(0.2618 * hours) + 0.5 * torch.sin(0.5236 * hours + 1) + swing
    windows = series.unfold(0, 25, 1)
    return windows[:, :24, None], 42000 + 6000 * windows[:, 24]


@fault("target_scale")
def load_in_megawatts(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """The inputs of a forecast are standardized, its targets are megawatts around 42000."""
    windows, load = _load()
    if fixed:
        load = (load - load.mean()) / load.std()
    model = _Reader(nn.GRU, 1, 20, 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(windows[:1600], load[:1600], size=32, seed=seed), steps):
        loss = functional.mse_loss(model(x)[:, 0], y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: fit(model, windows[1600:], load[1600:])


@cache
def _motors() -> tuple[Tensor, Tensor]:
    """Vibrations of 32 samples, shape (1800, 1, 32), of three kinds of motors, one kind after another."""
    generator = generator_of(81)
    kind = torch.arange(3).repeat_interleave(600)
    phase = 6.2832 * torch.rand(1800, 1, generator=generator)
    pitch = torch.tensor([0.5, 0.8, 1.1])[kind][:, None] + 0.06 * torch.randn(1800, 1, generator=generator)
    waves = torch.sin(pitch * torch.arange(32) + phase) + 0.5 * torch.randn(1800, 32, generator=generator)
    return waves[:, None], kind


def _filters() -> nn.Sequential:
    """Two convolutions along time."""
    return nn.Sequential(
        nn.Conv1d(1, 12, 7, padding=3), nn.ReLU(), nn.MaxPool1d(2), nn.Conv1d(12, 16, 5, padding=2), nn.ReLU(),
        nn.AdaptiveMaxPool1d(1), nn.Flatten(), nn.Linear(16, 3),
    )  # fmt: skip


@fault("not_shuffled")
def one_recording_after_another(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Recordings of three motors are joined by cat(), and the batches are taken in that order."""
    waves, kind = _motors()
    train = torch.arange(1800) % 6 != 0
    model = _filters()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    batches = endless(waves[train], kind[train], seed=seed, size=20, shuffle=fixed)
    doctor = watch(model, optimizer)
    for _ in range(steps):
        x, y = next(batches)
        loss = functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: accuracy(model, waves[~train], kind[~train])


@cache
def _markers() -> tuple[Tensor, Tensor]:
    """12 steps of two noisy channels; the target is the first one's value where the second one is marked."""
    generator = generator_of(82)
    values = torch.randn(2000, 12, generator=generator)
    places = torch.randint(12, (2000,), generator=generator)
    return torch.stack([values, functional.one_hot(places, 12).float()], -1), values.gather(1, places[:, None])[:, 0]


@fault("lr_vanished")
def plateau_of_single_batches(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """ReduceLROnPlateau, meant for the mean loss of an epoch, is given the loss of each batch."""
    inputs, targets = _markers()
    model = _Reader(nn.LSTM, 2, 16, 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=8e-3)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.2, patience=2)
    losses: list[float] = []
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(inputs[:1600], targets[:1600], size=32, seed=seed), steps):
        loss = functional.mse_loss(model(x)[:, 0], y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if not fixed:
            scheduler.step(losses[-1])
        elif len(losses) % 50 == 0:
            scheduler.step(sum(losses[-50:]) / 50)
        doctor.step(loss)
    return doctor, lambda: fit(model, inputs[1600:], targets[1600:])


@fault("clip")
def values_clipped_to_nothing(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Each value of the gradient is clipped at 1e-4; SGD has a rate for gradients of usual size."""
    inputs, targets = _markers()
    model = _Reader(nn.GRU, 2, 24, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.15, momentum=0.9)
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(inputs[:1600], targets[:1600], size=32, seed=seed), steps):
        loss = functional.mse_loss(model(x)[:, 0], y)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_value_(model.parameters(), 0.5 if fixed else 1e-4)
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: fit(model, inputs[1600:], targets[1600:])


@fault("symmetry")
def every_parameter_a_tenth(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """All parameters start at 0.1, "so that runs can be repeated": the units of the GRU are one unit."""
    inputs, targets = _markers()
    model = _Reader(nn.GRU, 2, 24, 1)
    if not fixed:
        for parameter in model.parameters():
            nn.init.constant_(parameter, 0.1)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(inputs[:1600], targets[:1600], size=32, seed=seed), steps):
        loss = functional.mse_loss(model(x)[:, 0], y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: fit(model, inputs[1600:], targets[1600:])


@fault("lr_high")
def warm_up_without_end(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """The warm-up's factor is step / 4 and is not cut at 1: the rate grows all the time."""
    inputs, targets = _markers()
    model = _Reader(nn.GRU, 2, 24, 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    warm_up = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1.0, (step + 1) / 4) if fixed else (step + 1) / 4
    )
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(inputs[:1600], targets[:1600], size=32, seed=seed), steps):
        loss = functional.mse_loss(model(x)[:, 0], y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        warm_up.step()
        doctor.step(loss)
    return doctor, lambda: fit(model, inputs[1600:], targets[1600:])


@fault("accumulation")
def sixteen_sums(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """The gradients of 16 small batches are added up and not averaged, at the rate that was found for one batch."""
    waves, kind = _motors()
    train = torch.arange(1800) % 6 != 0
    model = _filters()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    batches = endless(waves[train], kind[train], seed=seed, size=4)
    doctor = watch(model, optimizer)
    for _ in range(steps // 2):
        optimizer.zero_grad()
        total = 0.0
        for _ in range(16):
            x, y = next(batches)
            loss = functional.cross_entropy(model(x), y)
            (loss / 16 if fixed else loss).backward()
            total += loss.item() / 16
        optimizer.step()
        doctor.step(total)
    return doctor, lambda: accuracy(model, waves[~train], kind[~train])
