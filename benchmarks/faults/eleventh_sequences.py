"""Programs of `eleventh` about sequences and text."""

import math
from collections.abc import Iterator
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from steepest import datasets

from .fifth_parts import epochs, loader, right
from .parts import Judged, Program, Watch, digits, explained, generator_of, register_judged

PROGRAMS: dict[str, Program] = {}
fault = register_judged(PROGRAMS)


# --- waves ------------------------------------------------------------------------------------------------------------


@cache
def _waves() -> tuple[Tensor, Tensor]:
    """40 noisy values of waves of six forms, shape (3000, 40, 1), and the number of the form."""
    generator = generator_of(1108)
    kinds = torch.randint(6, (3000,), generator=generator)
    speed = 2 + 3 * torch.rand(3000, 1, generator=generator)
    turns = speed * torch.linspace(0, 1, 40) + torch.rand(3000, 1, generator=generator)
    part = turns % 1
    forms = torch.stack(
        [
            torch.sin(math.tau * turns),
            torch.sign(torch.sin(math.tau * turns)),
            2 * part - 1,
            4 * (part - 0.5).abs() - 1,
            2.5 * (part < 0.2) - 0.5,
            torch.sin(math.tau * turns * torch.linspace(0.3, 1.5, 40)),
        ]
    )
    waves = forms[kinds, torch.arange(3000)]
    return (waves + 0.2 * torch.randn(waves.shape, generator=generator))[..., None], kinds


@fault("vanishing")
def six_lstm_on_one_another(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Six LSTM on one another without a way around them: about a thousandth of the gradient comes to the first."""
    waves, kinds = _waves()

    class Tower(nn.Module):
        def __init__(self, width: int = 24) -> None:
            super().__init__()
            self.start, self.name = nn.Linear(1, width), nn.Linear(width, 6)
            self.floors = nn.ModuleList(nn.LSTM(width, width, batch_first=True) for _ in range(6))

        def forward(self, waves: Tensor) -> Tensor:
            hidden = self.start(waves)
            for floor in self.floors:
                above, _ = floor(hidden)
                hidden = hidden + above if fixed else above
            return self.name(hidden[:, -1])

    model = Tower()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(waves[:2400], kinds[:2400], size=32, seed=seed), steps):
        loss = functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return right(model(waves[2400:]), kinds[2400:])

    return doctor, quality


@fault("not_shuffled")
def split_by_hand_class_after_class(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """A split draws a share of each class, one class after another; the loader takes the rows for shuffled already."""
    waves, kinds = _waves()
    waves = waves.transpose(1, 2)
    generator = generator_of(seed)
    train_rows, test_rows = [], []
    for kind in kinds.unique():
        rows = (kinds == kind).nonzero().flatten()
        rows = rows[torch.randperm(len(rows), generator=generator)]
        held = len(rows) // 5
        train_rows.append(rows[held:])
        test_rows.append(rows[:held])
    train, test = torch.cat(train_rows), torch.cat(test_rows)
    model = nn.Sequential(
        nn.Conv1d(1, 16, 7, padding=3), nn.ReLU(), nn.MaxPool1d(2), nn.Conv1d(16, 32, 5, padding=2), nn.ReLU(),
        nn.AdaptiveMaxPool1d(4), nn.Flatten(), nn.Linear(128, 6),
    )  # fmt: skip
    optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3)
    data = DataLoader(TensorDataset(waves[train], kinds[train]), 32, shuffle=fixed, generator=generator)
    doctor = watch(model, optimizer)
    for x, y in epochs(data, steps):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return right(model(waves[test]), kinds[test])

    return doctor, quality


# --- series -----------------------------------------------------------------------------------------------------------


@cache
def _weather() -> tuple[Tensor, Tensor]:
    """Ten days of temperature (K), pressure (hPa) and humidity (%), shape (2400, 10, 3); whether it rains then."""
    generator = generator_of(1109)
    state, days = torch.zeros(2400, 3), []
    pull = torch.tensor([[0.8, 0.0, 0.1], [-0.1, 0.85, 0.0], [0.0, -0.2, 0.7]])
    for _ in range(30):
        state = state @ pull.T + 0.5 * torch.randn(2400, 3, generator=generator)
        days.append(state)
    window = torch.stack(days[-10:], 1)
    falling = window[:, -4, 1] - window[:, -1, 1]
    wet = falling + 0.8 * window[:, -3:, 2].mean(1) - 0.3 * window[:, -1, 0] ** 2
    rain = wet + 0.2 * torch.randn(2400, generator=generator) > 0
    return window * torch.tensor([6.0, 8.0, 12.0]) + torch.tensor([284.0, 1013.0, 65.0]), rain.float()


@fault("input_scale")
def kelvin_and_hectopascal(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """A recurrent network is given temperature and pressure in kelvin and hectopascal: its gates are saturated."""
    days, rain = _weather()
    if fixed:
        days = (days - days[:1900].mean((0, 1))) / days[:1900].std((0, 1))

    class Forecast(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gru, self.head = nn.GRU(3, 24, batch_first=True), nn.Linear(24, 1)

        def forward(self, days: Tensor) -> Tensor:
            _, last = self.gru(days)
            return self.head(last[0])[:, 0]

    model = Forecast()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    criterion = nn.BCEWithLogitsLoss()
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(days[:1900], rain[:1900], size=32, seed=seed), steps):
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return float(((model(days[1900:]) > 0) == rain[1900:].bool()).float().mean())

    return doctor, quality


@cache
def _signals() -> tuple[Tensor, Tensor]:
    """48 values of two waves whose strength depends on one another, shape (2000, 1, 48), and the value that follows."""
    generator = generator_of(1110)
    time = torch.arange(49.0)
    slow = math.tau * (time / 16 + torch.rand(2000, 1, generator=generator))
    fast = math.tau * (time / 5 + torch.rand(2000, 1, generator=generator))
    values = torch.sin(slow) + (0.6 + 0.5 * torch.sin(slow + 1)) * torch.sin(fast)
    values = values + 0.05 * torch.randn(values.shape, generator=generator)
    return values[:, None, :-1], values[:, -1]


@fault("clip")
def the_rate_in_the_place_of_the_norm(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """`clip_grad_norm_` is given the learning rate of the settings, 0.02, where their `clip`, 2, was meant."""
    signals, following = _signals()
    signals = signals.transpose(1, 2)
    settings = {"lr": 0.02, "momentum": 0.9, "clip": 2.0, "width": 32}

    class Forecast(nn.Module):
        def __init__(self, width: int) -> None:
            super().__init__()
            self.gru, self.head = nn.GRU(1, width, batch_first=True), nn.Linear(width, 1)

        def forward(self, signal: Tensor) -> Tensor:
            states, _ = self.gru(signal)
            return self.head(states[:, -1])[:, 0]

    model = Forecast(int(settings["width"]))
    optimizer = torch.optim.SGD(model.parameters(), settings["lr"], momentum=settings["momentum"], nesterov=True)
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(signals[:1600], following[:1600], size=32, seed=seed), steps):
        optimizer.zero_grad()
        loss = functional.mse_loss(model(x), y)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), settings["clip" if fixed else "lr"])
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return explained(model(signals[1600:]), following[1600:])

    return doctor, quality


@fault("foreign_params", "missing_params")
def norms_of_weights_after_the_optimizer(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """`weight_norm` puts new parameters into layers of which the optimizer already has the old weights.

    The old weights are in the optimizer and in no model, the new ones in the model and in no optimizer: both are true.
    """
    signals, following = _signals()
    model = nn.Sequential(
        nn.Conv1d(1, 24, 3), nn.ReLU(), nn.Conv1d(24, 24, 3, dilation=2), nn.ReLU(),
        nn.Conv1d(24, 24, 3, dilation=4), nn.ReLU(), nn.Conv1d(24, 1, 3, dilation=8),
    )  # fmt: skip

    def normalize() -> None:
        for layer in model:
            if isinstance(layer, nn.Conv1d):
                nn.utils.parametrizations.weight_norm(layer)

    if fixed:
        normalize()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    if not fixed:
        normalize()
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(signals[:1600], following[:1600], size=32, seed=seed), steps):
        optimizer.zero_grad()
        loss = functional.mse_loss(model(x)[:, 0, -1], y)
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return explained(model(signals[1600:])[:, 0, -1], following[1600:])

    return doctor, quality


# --- text and tokens --------------------------------------------------------------------------------------------------


@cache
def _letters() -> tuple[Tensor, int]:
    """Python's documentation as numbers of its letters, and how many letters there are."""
    text = datasets.load("language")[:120_000]
    letters = sorted(set(text))
    number = {letter: place for place, letter in enumerate(letters)}
    return torch.tensor([number[letter] for letter in text]), len(letters)


def _extracts(text: Tensor, seed: int, count: int, length: int = 32) -> Iterator[tuple[Tensor, Tensor]]:
    """Extracts at chance places, and the same one letter later."""
    generator = generator_of(seed)
    while True:
        begin = torch.randint(len(text) - length - 1, (count, 1), generator=generator) + torch.arange(length)
        yield text[begin], text[begin + 1]


class _Letters(nn.Module):
    """A recurrent model of letters."""

    def __init__(self, letters: int, width: int, hidden: int, layers: int = 1, drop: float = 0.0) -> None:
        super().__init__()
        self.embedding, self.drop = nn.Embedding(letters, width), nn.Dropout(drop)
        self.rnn = nn.GRU(width, hidden, layers, batch_first=True, dropout=drop if layers > 1 else 0.0)
        self.norm, self.output = nn.LayerNorm(hidden), nn.Linear(hidden, letters)

    def forward(self, letters: Tensor) -> Tensor:
        return self.output(self.drop(self.norm(self.rnn(self.drop(self.embedding(letters)))[0])))


def _nats(model: nn.Module, text: Tensor) -> float:
    """The log-likelihood of a letter that was not seen, in nats, in evaluation mode."""
    x, y = next(_extracts(text[100_000:], 3, 200))
    model.eval()
    with torch.no_grad():
        return -float(functional.cross_entropy(model(x).flatten(0, 1), y.flatten()))


@fault("missing_params")
def groups_by_the_ends_of_names(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Groups with and without decay go by names that end in `weight` and `bias`; those of a GRU end in `_l0`."""
    text, letters = _letters()
    model = _Letters(letters, 32, 64)
    named = list(model.named_parameters())
    decay = [p for name, p in named if (p.ndim > 1 if fixed else name.endswith("weight") and "norm" not in name)]
    rest = [p for name, p in named if (p.ndim < 2 if fixed else name.endswith("bias") or name == "norm.weight")]
    optimizer = torch.optim.AdamW(
        [{"params": decay, "weight_decay": 0.01}, {"params": rest, "weight_decay": 0.0}], 4e-3
    )
    doctor = watch(model, optimizer)
    for _, (x, y) in zip(range(steps), _extracts(text[:100_000], seed, 16), strict=False):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(x).flatten(0, 1), y.flatten())
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: _nats(model, text)


@fault("dropout")
def shares_of_a_model_of_fifteen_hundred_units(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Dropout of 0.65 at three places, from the large model of a paper with 1500 units, in one of 32."""
    text, letters = _letters()
    model = _Letters(letters, 32, 32, layers=2, drop=0.05 if fixed else 0.65)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    doctor = watch(model, optimizer)
    for _, (x, y) in zip(range(steps), _extracts(text[:100_000], seed, 16), strict=False):
        loss = functional.cross_entropy(model(x).transpose(1, 2), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        doctor.step(loss)
    return doctor, lambda: _nats(model, text)


@fault("lr_high")
def the_formula_of_the_transformer_at_width_32(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """width^-0.5 min(step^-0.5, step warmup^-1.5), made for 512 and 4000 steps, peaks at 0.04 with 32 and 20."""
    images, kinds = digits()
    patches = images.unfold(2, 2, 2).unfold(3, 2, 2).reshape(-1, 16, 4)

    class Small(nn.Module):
        def __init__(self, width: int = 32) -> None:
            super().__init__()
            self.patch, self.place = nn.Linear(4, width), nn.Parameter(0.02 * torch.randn(16, width))
            layer = nn.TransformerEncoderLayer(width, 4, 64, dropout=0.0, batch_first=True)
            self.encoder, self.head = nn.TransformerEncoder(layer, 3, enable_nested_tensor=False), nn.Linear(width, 10)

        def forward(self, patches: Tensor) -> Tensor:
            return self.head(self.encoder(self.patch(patches) + self.place).mean(1))

    model = Small()
    factor, warmup = 0.15 if fixed else 1.0, 20
    optimizer = torch.optim.Adam(model.parameters(), lr=1.0, betas=(0.9, 0.98), eps=1e-9)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: factor * 32**-0.5 * min((step + 1) ** -0.5, (step + 1) * warmup**-1.5)
    )
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(patches[:1400], kinds[:1400], size=32, seed=seed), steps):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        schedule.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return right(model(patches[1400:]), kinds[1400:])

    return doctor, quality
