"""Programs of `ninth` about sequences."""

import math
from functools import cache
from pydoc_data.topics import topics

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional

from .fifth_parts import epochs, loader, right
from .parts import Judged, Program, Watch, explained, generator_of, register_judged

PROGRAMS: dict[str, Program] = {}
fault = register_judged(PROGRAMS)


@cache
def _rows() -> tuple[Tensor, Tensor]:
    """Digits as sequences of eight rows of eight standardized pixels, and their labels."""
    bunch = load_digits()
    order = torch.randperm(1797, generator=generator_of(93))
    return (torch.tensor(bunch.images, dtype=torch.float32)[order] - 4.88) / 6.02, torch.tensor(bunch.target)[order]


class _Recurrent(nn.Module):
    """A recurrent network with ReLU, whose recurrent matrix starts as the identity."""

    def __init__(self, width: int, random: bool) -> None:
        super().__init__()
        self.into = nn.Parameter(torch.full((8, width), 0.05))
        self.through = nn.Parameter(torch.eye(width))
        self.bias = nn.Parameter(torch.zeros(width))
        self.out = nn.Parameter(torch.full((width, 10), 0.05))
        if random:
            nn.init.normal_(self.into, std=0.3)
            nn.init.normal_(self.out, std=0.1)

    def forward(self, rows: Tensor) -> Tensor:
        hidden = rows.new_zeros(len(rows), len(self.bias))
        for row in rows.unbind(1):
            hidden = torch.relu(row @ self.into + hidden @ self.through + self.bias)
        return hidden @ self.out


@fault("symmetry")
def recurrent_cell_filled_with_a_number(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """A cell written by hand fills its matrices with 0.05: all hidden units see and say the same."""
    rows, labels = _rows()
    model = _Recurrent(48, random=fixed)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(rows[:1400], labels[:1400], size=32, seed=seed), steps):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(x), y)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 10.0)
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return right(model(rows[1400:]), labels[1400:])

    return doctor, quality


@fault("zero_grad")
def method_named_but_not_called(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """`optimizer.zero_grad` without parentheses is an expression that does nothing."""
    rows, labels = _rows()

    class Reader(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gru, self.head = nn.GRU(8, 32, batch_first=True), nn.Linear(32, 10)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.gru(x)[1][0])

    model = Reader()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(rows[:1400], labels[:1400], size=32, seed=seed), steps):
        loss = functional.cross_entropy(model(x), y)
        if fixed:
            optimizer.zero_grad()
        else:
            optimizer.zero_grad  # noqa: B018
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return right(model(rows[1400:]), labels[1400:])

    return doctor, quality


@cache
def _prose() -> tuple[Tensor, int]:
    """The characters of Python's help, small, as numbers, and how many kinds there are."""
    text = "\n".join(topics[name] for name in sorted(topics))[:120_000].lower()
    kinds = {sign: number for number, sign in enumerate(sorted(set(text)))}
    return torch.tensor([kinds[sign] for sign in text]), len(kinds)


def _contexts(length: int, seed: int, size: int, steps: int) -> list[Tensor]:
    """Random pieces of the first 100,000 characters, one batch for each step."""
    text, _ = _prose()
    starts = torch.randint(100_000 - length, (steps, size, 1), generator=generator_of(seed))
    return list(text[starts + torch.arange(length)])


@fault("half_adam")
def language_model_in_half(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """All weights of a model of four characters are float16, under AdamW with its eps of 1e-8."""
    text, kinds = _prose()
    model = nn.Sequential(
        nn.Embedding(kinds, 16), nn.Flatten(), nn.Linear(64, 96), nn.LayerNorm(96), nn.ReLU(), nn.Linear(96, kinds)
    )
    if not fixed:
        model = model.half()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    doctor = watch(model, optimizer)
    for pieces in _contexts(5, seed, 64, steps):
        loss = functional.cross_entropy(model(pieces[:, :4]), pieces[:, 4])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        pieces = text[100_000 + torch.arange(0, 15_000, 5).unsqueeze(1) + torch.arange(5)]
        with torch.no_grad():
            return right(model(pieces[:, :4]).float(), pieces[:, 4])

    return doctor, quality


class _Writer(nn.Module):
    """A causal transformer of one block over characters."""

    def __init__(self, kinds: int, length: int) -> None:
        super().__init__()
        self.signs, self.places = nn.Embedding(kinds, 32), nn.Embedding(length, 32)
        self.block = nn.TransformerEncoderLayer(32, 4, 64, 0.0, batch_first=True, norm_first=True)
        self.head = nn.Sequential(nn.LayerNorm(32), nn.Linear(32, kinds))

    def forward(self, signs: Tensor) -> Tensor:
        length = signs.shape[1]
        hidden = self.signs(signs) + self.places(torch.arange(length))
        mask = torch.full((length, length), -math.inf).triu(1)
        return self.head(self.block(hidden, src_mask=mask))


@fault("lr_vanished")
def plateau_of_a_loss_with_mode_max(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """ReduceLROnPlateau has mode="max", as for an accuracy, and is given the loss: the better, the smaller the rate."""
    text, kinds = _prose()
    model = _Writer(kinds, 24)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, "min" if fixed else "max", 0.1, patience=1)
    doctor = watch(model, optimizer)
    recent = []
    for pieces in _contexts(25, seed, 16, steps):
        logits = model(pieces[:, :-1])
        loss = functional.cross_entropy(logits.flatten(0, 1), pieces[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)
        recent.append(loss.item())
        if len(recent) == 20:
            scheduler.step(sum(recent) / 20)
            recent = []

    def quality() -> float:
        pieces = text[100_000 + torch.arange(0, 15_000, 25).unsqueeze(1) + torch.arange(25)]
        with torch.no_grad():
            logits = model(pieces[:, :-1])
        return -float(functional.cross_entropy(logits.flatten(0, 1), pieces[:, 1:].flatten()))

    return doctor, quality


@cache
def _loads() -> tuple[Tensor, Tensor]:
    """36 hours of standardized weather for 900 buildings, and the heat that each needs in every hour, standardized."""
    generator = generator_of(94)
    weather = torch.randn(900, 36, 3, generator=generator)
    store, heats = torch.zeros(900), []
    for cold, sun, wind in (hour.unbind(1) for hour in weather.unbind(1)):
        store = 0.8 * store + 0.6 * cold - 0.3 * sun.relu()
        heats.append(torch.exp(0.7 * store) * (1 + 0.3 * wind.sigmoid()))
    heat = torch.stack(heats, 1)
    return weather, (heat - heat.mean()) / heat.std()


@fault("output_range")
def hidden_state_as_forecast(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """The last LSTM has one unit, whose state, between -1 and 1, is the forecast; there is no linear layer behind."""
    weather, heat = _loads()

    class Forecast(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.LSTM(3, 24, batch_first=True)
            self.last = nn.Linear(24, 1) if fixed else nn.LSTM(24, 1, batch_first=True)

        def forward(self, hours: Tensor) -> Tensor:
            hidden, _ = self.first(hours)
            outputs = self.last(hidden)
            return (outputs if fixed else outputs[0]).squeeze(-1)

    model = Forecast()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    doctor = watch(model, optimizer)
    for hours, target in epochs(loader(weather[:700], heat[:700], size=20, seed=seed), steps):
        optimizer.zero_grad()
        loss = functional.mse_loss(model(hours), target)
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: explained(model(weather[700:]).detach().flatten(), heat[700:].flatten())


@cache
def _chirps() -> tuple[Tensor, Tensor]:
    """Noisy tones of 64 samples that rise, fall, stay, or rise and fall, and which of them they do."""
    generator = generator_of(96)
    kind = torch.randint(4, (1600,), generator=generator)
    time = torch.linspace(0, 1, 64)
    courses = torch.stack([time, 1 - time, torch.full((64,), 0.5), 1 - (2 * time - 1).abs()])[kind]
    pitch = 0.25 + 0.3 * torch.rand(1600, 1, generator=generator) + 0.7 * courses
    phase = torch.cumsum(pitch, 1) + math.tau * torch.rand(1600, 1, generator=generator)
    return (phase.sin() + 0.3 * torch.randn(1600, 64, generator=generator)).unsqueeze(1), kind


@fault("missing_params")
def unfrozen_behind_the_optimizer(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """The optimizer was made of what required gradients while the body was frozen; later the body is unfrozen."""
    sounds, kinds = _chirps()
    body = nn.Sequential(
        nn.Conv1d(1, 12, 7, stride=2), nn.ReLU(), nn.Conv1d(12, 12, 5, stride=2), nn.ReLU(),
        nn.Conv1d(12, 8, 5, stride=2), nn.ReLU(), nn.AdaptiveAvgPool1d(3), nn.Flatten(),
    )  # fmt: skip
    model = nn.Sequential(body, nn.Linear(24, 4))
    body.requires_grad_(False)
    optimizer = torch.optim.Adam((p for p in model.parameters() if p.requires_grad), lr=3e-3)
    doctor = watch(model, optimizer)
    for step, (x, y) in enumerate(epochs(loader(sounds[:1200], kinds[:1200], size=32, seed=seed), steps)):
        if step == 30:
            body.requires_grad_(True)
            if fixed:
                optimizer.add_param_group({"params": body.parameters()})
        loss = functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return right(model(sounds[1200:]), kinds[1200:])

    return doctor, quality
