"""Programs of `twelfth` about sequences."""

import io
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from steepest.datasets import load

from .fifth_parts import epochs, loader, right
from .parts import Judged, Program, Transformer, Watch, chain, explained, generator_of, language_loss, register_judged

PROGRAMS: dict[str, Program] = {}
fault = register_judged(PROGRAMS)


@cache
def _tides() -> tuple[Tensor, Tensor]:
    """Windows of 24 values of sums of two waves with noise, and what follows 4 values later."""
    generator = generator_of(140)
    time = torch.arange(28.0)
    speed = torch.tensor([0.25, 0.7]) + 0.1 * torch.rand(2600, 2, generator=generator)
    phase = 6.28 * torch.rand(2600, 2, generator=generator)
    waves = torch.sin(speed.unsqueeze(-1) * time + phase.unsqueeze(-1)).sum(1)
    waves = waves + 0.1 * torch.randn(2600, 28, generator=generator)
    return waves[:, :24].unsqueeze(-1), waves[:, 27]


class _Forecaster(nn.Module):
    """A GRU and a linear layer on its last state."""

    def __init__(self) -> None:
        super().__init__()
        self.gru, self.out = nn.GRU(1, 24, batch_first=True), nn.Linear(24, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.gru(x)[0][:, -1]).squeeze(-1)


@fault("foreign_params")
def checkpoint_loaded_after_the_optimizer(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """To resume, `model = torch.load(...)` follows the optimizer, which keeps the model that was there before.

    Repaired, the checkpoint's weights are loaded into the model that the optimizer has.
    """
    waves, later = _tides()
    model = _Forecaster()
    optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
    for x, y in epochs(loader(waves[:2000], later[:2000], size=50, seed=seed), 20):
        optimizer.zero_grad()
        functional.mse_loss(model(x), y).backward()
        optimizer.step()
    file = io.BytesIO()
    torch.save(model, file)
    file.seek(0)

    model = _Forecaster()
    optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
    loaded = torch.load(file, weights_only=False)
    if fixed:
        model.load_state_dict(loaded.state_dict())
    else:
        model = loaded
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(waves[:2000], later[:2000], size=50, seed=seed + 1), steps):
        model.zero_grad()
        loss = functional.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return explained(model(waves[2000:]), later[2000:])

    return doctor, quality


@cache
def _names() -> tuple[Tensor, int]:
    """Names of emoji as rows of 21 letters, 0 where there is none, and the number of letters."""
    names = sorted({name.lower()[:20] for name in load("emoji")[1]})
    letters = sorted(set("".join(names)))
    rows = torch.zeros(len(names), 21, dtype=torch.long)
    for place, name in enumerate(names):
        rows[place, : len(name)] = torch.tensor([letters.index(letter) + 1 for letter in name])
    return rows[torch.randperm(len(rows), generator=generator_of(141))], len(letters) + 1


class _Speller(nn.Module):
    """A language model of letters: an LSTM of two layers."""

    def __init__(self, letters: int) -> None:
        super().__init__()
        self.letters, self.lstm = nn.Embedding(letters, 24), nn.LSTM(24, 64, 2, batch_first=True)
        self.out = nn.Linear(64, letters)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.lstm(self.letters(x))[0])


@fault("lr_high")
def lstm_with_a_rate_of_a_tenth(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """An LSTM language model with Adam(lr=0.1), a rate as for SGD; repaired 1e-2."""
    rows, letters = _names()
    model = _Speller(letters)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2 if fixed else 0.1)
    doctor = watch(model, optimizer)

    def loss_of(batch: Tensor) -> Tensor:
        return functional.cross_entropy(model(batch[:, :-1]).flatten(0, 1), batch[:, 1:].flatten(), ignore_index=0)

    for (batch,) in epochs(loader(rows[:-500], size=32, seed=seed), steps):
        optimizer.zero_grad()
        loss = loss_of(batch)
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return -float(loss_of(rows[-500:]))

    return doctor, quality


@cache
def _signals() -> tuple[Tensor, Tensor]:
    """Noisy waves of four forms, any frequency and phase, 64 values each."""
    generator = generator_of(142)
    form = torch.randint(4, (5000,), generator=generator)
    turns = 1.5 + 2.5 * torch.rand(5000, 1, generator=generator)
    phase = (turns * torch.linspace(0, 1, 64) + torch.rand(5000, 1, generator=generator)) % 1
    forms = torch.stack(
        [torch.sin(6.283 * phase), (phase < 0.5) * 2.0 - 1, 1.7 * (2 * phase - 1), 1.7 * (4 * (phase - 0.5).abs() - 1)]
    )
    return (forms[form, torch.arange(5000)] + 0.5 * torch.randn(5000, 64, generator=generator)).unsqueeze(1), form


@fault("accumulation", "lr_high")
def eight_small_batches_without_division(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """`loss.backward()` of eight small batches before each step, without `loss / 8`: SGD's step is eight times as long.

    The sum is what is wrong; that SGD's rate is thereby too high is as true.
    """
    waves, form = _signals()
    model = nn.Sequential(
        nn.Conv1d(1, 16, 7, padding=3), nn.ReLU(), nn.MaxPool1d(2), nn.Conv1d(16, 24, 5, padding=2), nn.ReLU(),
        nn.MaxPool1d(4), nn.Flatten(), nn.Linear(192, 4),
    )  # fmt: skip
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    accumulation_steps, total = 8, 0.0
    doctor = watch(model, optimizer)
    batches = loader(waves[:4000], form[:4000], size=8, seed=seed)
    for step, (x, y) in enumerate(epochs(batches, steps * accumulation_steps)):
        loss = functional.cross_entropy(model(x), y)
        total += loss.item() / accumulation_steps
        (loss / accumulation_steps if fixed else loss).backward()
        if (step + 1) % accumulation_steps == 0:
            optimizer.step()
            optimizer.zero_grad()
            doctor.step(total)
            total = 0.0

    def quality() -> float:
        with torch.no_grad():
            return right(model(waves[4000:]), form[4000:])

    return doctor, quality


@fault("eps_large")
def transformer_with_a_large_eps(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """AdamW(eps=0.1), from another configuration: a transformer's small gradients drown in it; repaired 1e-8."""
    symbols, following = chain()
    model = Transformer()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, eps=1e-8 if fixed else 0.1)
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(symbols[:400], following[:400], size=16, seed=seed), steps):
        optimizer.zero_grad()
        loss = language_loss(model(x), y)
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return -float(language_loss(model(symbols[400:]), following[400:]))

    return doctor, quality


@cache
def _reviews() -> tuple[Tensor, Tensor]:
    """Reviews of 20 words of 150, of which 12 are rather kind and 12 rather unkind; and which are kind."""
    generator = generator_of(143)
    kind = torch.randint(2, (2600,), generator=generator)
    words = torch.randint(24, 150, (2600, 20), generator=generator)
    telling = torch.rand(2600, 20, generator=generator) < 0.3
    honest = torch.rand(2600, 20, generator=generator) < 0.75
    side = torch.where(honest, kind.unsqueeze(1), 1 - kind.unsqueeze(1))
    return torch.where(telling, 12 * side + words % 12, words), kind


class _Reader(nn.Module):
    """A GRU that reads a review."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.gru, self.out = nn.Embedding(150, 16), nn.GRU(16, 24, batch_first=True), nn.Linear(24, 2)

    def forward(self, words: Tensor) -> Tensor:
        return self.out(self.gru(self.words(words))[0].mean(1))


@fault("not_shuffled")
def unkind_reviews_first(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Reviews are read from the folder `neg`, then from `pos`, and the DataLoader does not shuffle them."""
    words, kind = _reviews()
    order = kind[:2000].argsort(stable=True)
    data = TensorDataset(words[:2000][order], kind[:2000][order])
    batches = DataLoader(data, 32, shuffle=fixed, drop_last=True, generator=generator_of(seed))
    model = _Reader()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    doctor = watch(model, optimizer)
    for x, y in epochs(batches, steps):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return right(model(words[2000:]), kind[2000:])

    return doctor, quality


class _Bag(nn.Module):
    """The mean of words' vectors, and two layers."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(150, 32)
        self.layers = nn.Sequential(nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 2))

    def forward(self, words: Tensor) -> Tensor:
        return self.layers(self.words(words).mean(1))


@fault("half_adam")
def half_the_memory(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """`model.half()` to save memory, with Adam's eps of 1e-8, 0 in float16: 0 / 0 for absent words."""
    words, kind = _reviews()
    model = _Bag()
    if not fixed:
        model = model.half()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3, foreach=False)
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(words[:2000], kind[:2000], size=16, seed=seed), steps):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return right(model(words[2000:]), kind[2000:])

    return doctor, quality


@fault("rounding")
def transformer_all_in_bfloat16(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """`model.to(torch.bfloat16)` and AdamW(lr=1e-4): most updates are rounded away; repaired float32."""
    words, kind = _reviews()
    model = nn.Sequential(
        nn.Embedding(150, 64),
        nn.TransformerEncoderLayer(64, 4, 128, dropout=0.0, batch_first=True, norm_first=True),
        nn.Flatten(),
        nn.Linear(20 * 64, 2),
    )
    if not fixed:
        model = model.to(torch.bfloat16)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(words[:2000], kind[:2000], size=32, seed=seed), steps):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return right(model(words[2000:]), kind[2000:])

    return doctor, quality
