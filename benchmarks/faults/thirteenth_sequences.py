"""Programs of `thirteenth` about sequences."""

import math
from functools import cache

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence

from steepest.datasets import load

from .fifth_parts import epochs, loader, right
from .parts import Judged, Program, Watch, explained, generator_of, register_judged

PROGRAMS: dict[str, Program] = {}
fault = register_judged(PROGRAMS)


# --- measurements over time -------------------------------------------------------------------------------------------


@cache
def _demand() -> Tensor:
    """The demand for current by the hour, about 0 and about as large as 1."""
    generator, hours = generator_of(150), torch.arange(3200.0)
    day, week = torch.sin(math.tau * hours / 24), torch.sin(math.tau * hours / 168)
    noise = torch.randn(3200, generator=generator)
    for hour in range(1, 3200):
        noise[hour] = 0.8 * noise[hour - 1] + 0.3 * noise[hour]
    return day + 0.5 * week * day + 0.5 * noise


class _Forecast(nn.Module):
    """A GRU and a linear layer on its last state."""

    def __init__(self) -> None:
        super().__init__()
        self.gru, self.out = nn.GRU(1, 32, batch_first=True), nn.Linear(32, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.gru(x[..., None])[0][:, -1]).squeeze(1)


@fault("spike")
def a_reading_of_9999(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """A meter's series has one reading of 9999 from when it was out of order; it is a target like every other."""
    series = _demand().clone()
    if not fixed:
        series[1234] = 9999.0
    windows = series.unfold(0, 25, 1)
    inputs, targets = windows[:, :24], windows[:, 24]
    model = _Forecast()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(inputs[:2500], targets[:2500], size=16, seed=seed), steps):
        optimizer.zero_grad()
        loss = functional.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return explained(model(inputs[2550:]), targets[2550:])

    return doctor, quality


@cache
def _waves(length: int) -> tuple[Tensor, Tensor]:
    """Noisy waves with any phase, and which of four frequencies each has."""
    generator, kinds = generator_of(151), torch.arange(2000) % 4
    phase, steps = math.tau * torch.rand(2000, 1, generator=generator), torch.arange(float(length))
    waves = torch.sin(math.tau * (0.05 + 0.05 * kinds[:, None]) * steps + phase)
    return (waves + 0.2 * torch.randn(2000, length, generator=generator))[..., None], kinds


class _Classifier(nn.Module):
    """An LSTM and a linear layer on its last output."""

    def __init__(self, inputs: int, width: int, classes: int, batch_first: bool = True, squash: bool = False) -> None:
        super().__init__()
        self.lstm = nn.LSTM(inputs, width, batch_first=batch_first)
        self.fc = nn.Linear(width, classes)
        self.squash = squash

    def forward(self, x: Tensor) -> Tensor:
        out, _ = self.lstm(x)
        out = self.fc(out[:, -1])
        return functional.softmax(out, dim=1) if self.squash else out


@fault("no_signal")
def without_batch_first(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Batches of shape (N, T, F) go into an LSTM without `batch_first=True`, and `out[:, -1]` goes on.

    The LSTM runs along the batch: the output for a wave comes from its last value and from those of other waves, and
    one value does not tell a frequency.
    """
    waves, kinds = _waves(20)
    model = _Classifier(1, 32, 4, batch_first=fixed)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(waves[:1600], kinds[:1600], size=40, seed=seed), steps):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return right(model(waves[1600:]), kinds[1600:])

    return doctor, quality


@fault("lr_vanished")
def a_plateau_of_batches(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """ReduceLROnPlateau is meant for an epoch's loss, but steps with the loss of every batch: noise is a plateau."""
    waves, kinds = _waves(40)
    noise = torch.randn(waves.shape, generator=generator_of(152))
    signals = (waves + 0.6 * noise).transpose(1, 2)
    model = nn.Sequential(
        nn.Conv1d(1, 16, 5, padding=2), nn.ReLU(), nn.MaxPool1d(2), nn.Conv1d(16, 16, 5, padding=2), nn.ReLU(),
        nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(16, 4),
    )  # fmt: skip
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.1, patience=5)
    batches, total = loader(signals[:1600], kinds[:1600], size=16, seed=seed), 0.0
    doctor = watch(model, optimizer)
    for step, (x, y) in enumerate(epochs(batches, steps)):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item()
        if not fixed:
            scheduler.step(loss.item())
        elif step % len(batches) == len(batches) - 1:
            scheduler.step(total / len(batches))
            total = 0.0
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return right(model(signals[1600:]), kinds[1600:])

    return doctor, quality


@fault("softmax_twice")
def rows_into_an_lstm(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """An LSTM reads digits row by row; `forward` ends in a softmax, and the loss is CrossEntropyLoss."""
    bunch = load_digits()
    order = torch.randperm(1797, generator=generator_of(153))
    rows, digits = torch.tensor(bunch.images, dtype=torch.float32)[order] / 8 - 1, torch.tensor(bunch.target)[order]
    model = _Classifier(8, 48, 10, squash=not fixed)
    optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3)
    criterion = nn.CrossEntropyLoss()
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(rows[:1400], digits[:1400], size=32, seed=seed), steps):
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return right(model(rows[1400:]), digits[1400:])

    return doctor, quality


# --- words and text ---------------------------------------------------------------------------------------------------


@cache
def _names() -> tuple[Tensor, Tensor, Tensor]:
    """Names of 5 to 10 letters from six invented languages, their lengths, and which language each is from."""
    generator = generator_of(154)
    odds = torch.softmax(1.2 * torch.randn(6, 20, 20, generator=generator), -1)
    languages = torch.randint(6, (2400,), generator=generator)
    letters = [torch.randint(20, (2400,), generator=generator)]
    for _ in range(9):
        letters.append(torch.multinomial(odds[languages, letters[-1]], 1, generator=generator)[:, 0])
    lengths = torch.randint(5, 11, (2400,), generator=generator)
    names = torch.stack(letters, 1) + 1
    return names * (torch.arange(10) < lengths[:, None]), lengths, languages


class _NameReader(nn.Module):
    """An embedding, a GRU and a linear layer; `log_softmax` if asked for."""

    def __init__(self, log: bool) -> None:
        super().__init__()
        self.letters, self.gru = nn.Embedding(21, 16, padding_idx=0), nn.GRU(16, 48, batch_first=True)
        self.out, self.log = nn.Linear(48, 6), log

    def forward(self, names: Tensor, lengths: Tensor) -> Tensor:
        packed = pack_padded_sequence(self.letters(names), lengths, batch_first=True, enforce_sorted=False)
        out = self.out(self.gru(packed)[1][0])
        return functional.log_softmax(out, dim=1) if self.log else out


@fault("loss_input")
def nll_of_logits(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """NLLLoss is given what comes out of the linear layer: the log-softmax before it was forgotten."""
    names, lengths, languages = _names()
    model = _NameReader(log=fixed)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    criterion = nn.NLLLoss()
    doctor = watch(model, optimizer)
    for x, n, y in epochs(loader(names[:2000], lengths[:2000], languages[:2000], size=40, seed=seed), steps):
        optimizer.zero_grad()
        loss = criterion(model(x, n), y)
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return right(model(names[2000:], lengths[2000:]), languages[2000:])

    return doctor, quality


@fault("group_lr")
def an_encoder_at_a_millionth(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """The encoder has a group with a rate for fine-tuning, 1e-6, but it starts from nothing, as the head does."""
    names, lengths, languages = _names()
    model = _NameReader(log=False)
    encoder = [*model.letters.parameters(), *model.gru.parameters()]
    optimizer = torch.optim.AdamW(
        [{"params": encoder, "lr": 5e-3 if fixed else 1e-6}, {"params": model.out.parameters(), "lr": 5e-3}]
    )
    doctor = watch(model, optimizer)
    for x, n, y in epochs(loader(names[:2000], lengths[:2000], languages[:2000], size=32, seed=seed), steps):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(x, n), y)
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return right(model(names[2000:], lengths[2000:]), languages[2000:])

    return doctor, quality


@cache
def _text() -> Tensor:
    """60,000 characters about Python in small letters, as numbers up to 39."""
    signs = "abcdefghijklmnopqrstuvwxyz .,'\"()=_-:\n"
    return torch.tensor([signs.find(sign) + 1 for sign in load("language")[:60_000].lower()])


@cache
def _passages(length: int) -> tuple[Tensor, Tensor]:
    """Passages of the text, and each one's continuation by a character."""
    windows = _text().unfold(0, length + 1, length // 2)
    windows = windows[torch.randperm(len(windows), generator=generator_of(155))]
    return windows[:, :-1], windows[:, 1:]


class _HandWritten(nn.Module):
    """A recurrent network from parameters, as in an exercise."""

    def __init__(self, width: int, small: bool) -> None:
        super().__init__()
        scale = 1 / math.sqrt(width) if small else 1.0
        self.wxh = nn.Parameter(scale * torch.randn(40, width))
        self.whh = nn.Parameter(scale * torch.randn(width, width))
        self.why = nn.Parameter(scale * torch.randn(width, 40))
        self.bh, self.by = nn.Parameter(torch.zeros(width)), nn.Parameter(torch.zeros(40))

    def forward(self, symbols: Tensor) -> Tensor:
        hidden, outputs = torch.zeros(len(symbols), len(self.bh)), []
        for place in range(symbols.shape[1]):
            hidden = torch.tanh(self.wxh[symbols[:, place]] + hidden @ self.whh + self.bh)
            outputs.append(hidden @ self.why + self.by)
        return torch.stack(outputs, 1)


@fault("init_large")
def weights_from_randn(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """A recurrent network of characters is written by hand, its weights come from `torch.randn` as they are."""
    inputs, targets = _passages(24)
    model = _HandWritten(64, small=fixed)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(inputs[:4500], targets[:4500], size=24, seed=seed), steps):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(x).flatten(0, 1), y.flatten())
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return right(model(inputs[4500:]), targets[4500:])

    return doctor, quality


# --- transformers -----------------------------------------------------------------------------------------------------


class _Decoder(nn.Module):
    """A small causal transformer over characters."""

    def __init__(self, signs: int, length: int, width: int = 32) -> None:
        super().__init__()
        self.signs, self.places = nn.Embedding(signs, width), nn.Embedding(length, width)
        layer = nn.TransformerEncoderLayer(width, 4, 2 * width, 0.0, batch_first=True, norm_first=True)
        self.layers = nn.TransformerEncoder(layer, 2, nn.LayerNorm(width), enable_nested_tensor=False)
        self.head = nn.Linear(width, signs)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.signs(x) + self.places(torch.arange(x.shape[1]))
        mask = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).triu(1)
        return self.head(self.layers(hidden, mask=mask))


@fault("half_adam")
def half_a_transformer(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """To save memory, `model.half()` is called before training; AdamW keeps its eps of 1e-8, which float16 has not."""
    inputs, targets = _passages(32)
    model = _Decoder(40, 32)
    if not fixed:
        model = model.half()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(inputs[:3300], targets[:3300], size=16, seed=seed), steps):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(x).float().flatten(0, 1), y.flatten())
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return right(model(inputs[3300:]), targets[3300:])

    return doctor, quality


@cache
def _words() -> Tensor:
    """English words as numbers: 0 before and behind, letters from 1 to 26; 12 in all."""
    words = {word for _, word in load("spelling") if word.isascii() and word.isalpha() and word.islower()}
    words = sorted(word for word in words if len(word) < 11)
    table = torch.tensor([[0, *(ord(letter) - 96 for letter in word)] + [0] * (11 - len(word)) for word in words])
    return table[torch.randperm(len(table), generator=generator_of(156))]


@fault("lr_low")
def a_rate_for_fine_tuning(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """A transformer that makes up words is trained from nothing with 2e-5, the rate of recipes for fine-tuning."""
    words = _words()
    model = _Decoder(27, 11)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3 if fixed else 2e-5, weight_decay=0.01)
    doctor = watch(model, optimizer)
    for (x,) in epochs(loader(words[:-500], size=32, seed=seed), steps):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(x[:, :-1]).flatten(0, 1), x[:, 1:].flatten())
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        unseen = words[-500:]
        with torch.no_grad():
            logits = model(unseen[:, :-1]).flatten(0, 1)
            return -float(functional.cross_entropy(logits, unseen[:, 1:].flatten()))

    return doctor, quality


class _Patches(nn.Module):
    """A transformer over the 16 patches of a digit."""

    def __init__(self, dropout: float, width: int = 32) -> None:
        super().__init__()
        self.embed, self.places = nn.Linear(4, width), nn.Parameter(0.02 * torch.randn(16, width))
        self.dropout = nn.Dropout(dropout)
        layer = nn.TransformerEncoderLayer(width, 4, 64, dropout, batch_first=True, norm_first=True)
        self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(width, 10)

    def forward(self, patches: Tensor) -> Tensor:
        hidden = self.dropout(self.embed(patches) + self.places)
        return self.head(self.layers(hidden).mean(1))


@fault("dropout")
def much_against_overfitting(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """For fear of overfitting a small transformer drops 0.8 of everything, in every layer and of its input."""
    bunch = load_digits()
    order = torch.randperm(1797, generator=generator_of(157))
    images, digits = torch.tensor(bunch.images, dtype=torch.float32)[order] / 8 - 1, torch.tensor(bunch.target)[order]
    patches = images.unfold(1, 2, 2).unfold(2, 2, 2).reshape(-1, 16, 4)
    model = _Patches(0.1 if fixed else 0.8)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    doctor = watch(model, optimizer)
    for x, y in epochs(loader(patches[:1400], digits[:1400], size=32, seed=seed), steps):
        model.train()
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        model.eval()
        with torch.no_grad():
            return right(model(patches[1400:]), digits[1400:])

    return doctor, quality
