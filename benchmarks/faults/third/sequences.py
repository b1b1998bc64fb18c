"""Sequences: forecasts, votes, tags, a chaotic series, sentences."""

import math
import warnings
from functools import cache
from itertools import islice

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from ..parts import Judged, Program, Watch, endless, explained, generator_of, register_judged

PROGRAMS: dict[str, Program] = {}
fault = register_judged(PROGRAMS)


@cache
def _windows() -> tuple[Tensor, Tensor]:
    """Windows of 20 values of two beating waves in noise, and the value after each."""
    time = torch.arange(1400.0)
    series = torch.sin(0.31 * time) + 0.6 * torch.sin(0.083 * time + 1)
    series += 0.1 * torch.randn(1400, generator=generator_of(5))
    windows = series.unfold(0, 21, 1)
    return windows[:, :20, None], windows[:, 20]


class Forecaster(nn.Module):
    """The next value from the last state of an LSTM."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.head = nn.LSTM(1, 24, batch_first=True), nn.Linear(24, 1)

    def forward(self, windows: Tensor) -> Tensor:
        outputs, _ = self.lstm(windows)
        return self.head(outputs[:, -1])


@fault("shape")
def forecast_in_a_column(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Forecasts of shape (32, 1) are compared with values of shape (32,) by a smooth L1 loss."""
    windows, values = _windows()
    model = Forecaster()
    optimizer = torch.optim.RMSprop(model.parameters(), lr=3e-3)
    criterion = nn.SmoothL1Loss()
    doctor = watch(model, optimizer)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch says what is wrong, among all else that scripts print
        for window, value in islice(endless(windows[:1100], values[:1100], seed=seed, size=32), steps):
            optimizer.zero_grad()
            forecast = model(window)
            loss = criterion(forecast.squeeze(-1) if fixed else forecast, value)
            loss.backward()
            optimizer.step()
            doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return explained(model.eval()(windows[1100:]), values[1100:])

    return doctor, quality


@cache
def _arrivals() -> tuple[Tensor, Tensor]:
    """Arrivals in 12 hours as counts, with the hour of the day as sine and cosine, and those of the hour after."""
    hours = torch.arange(1600.0)
    rates = torch.exp(1.2 * torch.sin(hours * math.tau / 24) - 0.5 + 0.5 * torch.sin(hours * math.tau / 168))
    counts = torch.poisson(rates, generator=generator_of(6))
    features = torch.stack([counts, torch.sin(hours * math.tau / 24), torch.cos(hours * math.tau / 24)], 1)
    return features.unfold(0, 13, 1)[..., :12].mT.contiguous(), counts[12:]


class Arrivals(nn.Module):
    """The rate of the next hour, positive by a softplus."""

    def __init__(self) -> None:
        super().__init__()
        self.gru, self.head = nn.GRU(3, 20, batch_first=True), nn.Linear(20, 1)

    def forward(self, features: Tensor) -> Tensor:
        _, state = self.gru(features)
        return functional.softplus(self.head(state[-1])).squeeze(-1)


@fault("loss_input", "output_range")
def rates_taken_for_logarithms(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """A network gives rates, but PoissonNLLLoss takes logarithms of them unless told otherwise."""
    features, counts = _arrivals()
    model = Arrivals()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    criterion = nn.PoissonNLLLoss(log_input=False) if fixed else nn.PoissonNLLLoss()
    doctor = watch(model, optimizer)
    for feature, count in islice(endless(features[:1300], counts[:1300], seed=seed, size=32), steps):
        optimizer.zero_grad()
        loss = criterion(model(feature), count)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        """Likelihood of held-out counts, the outputs read as the loss reads them."""
        with torch.no_grad():
            rates = model.eval()(features[1300:])
        rates = rates if fixed else rates.exp()
        return float((counts[1300:] * (rates + 1e-8).log() - rates).mean())

    return doctor, quality


@cache
def _votes() -> tuple[Tensor, Tensor]:
    """Sequences of 12 of 6 symbols, and how often the first one occurs again: never, once, or more."""
    symbols = torch.randint(6, (6000, 12), generator=generator_of(8))
    return symbols, (symbols[:, 1:] == symbols[:, :1]).sum(1).clamp(max=2)


class Encoder(nn.Module):
    """A transformer encoder with a token for the class in front."""

    def __init__(self, first: bool = True) -> None:
        super().__init__()
        self.symbols, self.places = nn.Embedding(7, 32), nn.Parameter(0.1 * torch.randn(13, 32))
        layer = nn.TransformerEncoderLayer(32, 4, 64, dropout=0.0, batch_first=True, norm_first=first)
        self.layers, self.head = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False), nn.Linear(32, 3)

    def forward(self, symbols: Tensor) -> Tensor:
        symbols = torch.cat([torch.full_like(symbols[:, :1], 6), symbols], 1)
        return self.head(self.layers(self.symbols(symbols) + self.places)[:, 0])


@fault("zero_grad")
def zeroed_once_an_epoch(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Gradients are accumulated over four batches, and zeroed at the beginning of an epoch only."""
    symbols, votes = _votes()
    loader = DataLoader(TensorDataset(symbols[:5600], votes[:5600]), 16, shuffle=True, generator=generator_of(seed))
    model = Encoder()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9, nesterov=True)
    criterion, accumulate, done = nn.CrossEntropyLoss(), 4, 0
    doctor = watch(model, optimizer)
    while done < steps // 3:
        optimizer.zero_grad()
        for i, (x, y) in enumerate(loader):
            loss = criterion(model(x), y) / accumulate
            loss.backward()
            if (i + 1) % accumulate == 0:
                optimizer.step()
                if fixed:
                    optimizer.zero_grad()
                doctor.step(loss)
                done += 1
                if done == steps // 3:
                    break

    def quality() -> float:
        with torch.no_grad():
            return -float(criterion(model.eval()(symbols[5600:]), votes[5600:]).nan_to_num(99.0))

    return doctor, quality


@cache
def _shifted() -> tuple[Tensor, Tensor]:
    """Sequences of 12 of 8 symbols, and for each place the sum of the symbols here and one place before, modulo 8."""
    symbols = torch.randint(8, (2400, 12), generator=generator_of(9))
    return symbols, (symbols + symbols.roll(1, 1)) % 8


class Tagger(nn.Module):
    """A transformer as in the paper: sines as places, norms behind."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        angles = torch.arange(12.0)[:, None] * torch.exp(-math.log(1e4) * torch.arange(0, width, 2) / width)
        self.register_buffer("places", torch.stack([angles.sin(), angles.cos()], -1).flatten(1))
        self.symbols, self.width = nn.Embedding(8, width), width
        layer = nn.TransformerEncoderLayer(width, 4, 4 * width, dropout=0.0, batch_first=True)
        self.layers, self.head = nn.TransformerEncoder(layer, 2), nn.Linear(width, 8)

    def forward(self, symbols: Tensor) -> Tensor:
        return self.head(self.layers(self.symbols(symbols) + self.places))


@fault("lr_low")
def warm_up_of_the_paper_times_a_rate(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """The schedule of Vaswani et al. gives the rate itself, but LambdaLR multiplies the optimizer's by it."""
    symbols, tags = _shifted()
    model = Tagger()
    optimizer = torch.optim.Adam(model.parameters(), lr=1.0 if fixed else 1e-3, betas=(0.9, 0.98), eps=1e-9)
    rate = lambda step: model.width**-0.5 * min((step + 1) ** -0.5, (step + 1) * 400**-1.5)  # noqa: E731
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
    criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
    doctor = watch(model, optimizer)
    for x, y in islice(endless(symbols[:2000], tags[:2000], seed=seed, size=32), steps):
        loss = criterion(model(x).flatten(0, 1), y.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return float((model.eval()(symbols[2000:]).argmax(-1) == tags[2000:]).float().mean())

    return doctor, quality


@cache
def _chaos() -> tuple[Tensor, Tensor]:
    """Pieces of 48 values of two coupled logistic maps, one of them seen, and its value three steps on."""
    one, other = 0.1 + 0.8 * torch.rand(2, 900, generator=generator_of(12))
    seen = []
    for _ in range(90):
        seen.append(one)
        mixed = 0.9 * one + 0.1 * other
        one, other = 3.6 * mixed * (1 - mixed), 3.7 * other * (1 - other)
    series = (torch.stack(seen[38:], 1) - 0.64) / 0.2
    return series[:, None, :48], series[:, None, 3:51]


class Convolved(nn.Module):
    """Dilated causal convolutions, each added to its input."""

    def __init__(self, width: int = 24) -> None:
        super().__init__()
        self.first, self.head = nn.Conv1d(1, width, 1), nn.Conv1d(width, 1, 1)
        self.layers = nn.ModuleList(nn.Conv1d(width, width, 3, dilation=2**i) for i in range(3))

    def forward(self, series: Tensor) -> Tensor:
        hidden = self.first(series)
        for layer in self.layers:
            padded = functional.pad(hidden, (2 * layer.dilation[0], 0))
            hidden = hidden + torch.relu(layer(padded))
        return self.head(hidden)


@fault("foreign_params", "missing_params")
def weights_normalized_after(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """Weight normalization, which makes new parameters, is put on the layers after the optimizer was made."""
    series, later = _chaos()
    model = Convolved()

    def normalize() -> None:
        for module in model.modules():
            if isinstance(module, nn.Conv1d):
                nn.utils.parametrizations.weight_norm(module)

    if fixed:
        normalize()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    if not fixed:
        normalize()
    criterion = nn.HuberLoss()
    doctor = watch(model, optimizer)
    for x, y in islice(endless(series[:700], later[:700], seed=seed, size=16), steps):
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        with torch.no_grad():
            return -float((model.eval()(series[700:]) - later[700:]).square().mean())

    return doctor, quality


@cache
def _sentences() -> tuple[Tensor, int]:
    """A text of 40 letters, in which a letter depends on the two before it."""
    generator = generator_of(13)
    odds = torch.softmax(2.5 * torch.randn(40, 40, generator=generator), -1)
    shift = torch.randint(40, (40,), generator=generator)
    letters = [0, 1]
    draws = torch.rand(12_000, generator=generator)
    sums = odds.cumsum(-1)
    for draw in draws:
        before, last = letters[-2:]
        letter = int(torch.searchsorted(sums[last], draw).clamp(max=39))
        letters.append(int((letter + shift[before] * (before % 3 == 0)) % 40))
    return torch.tensor(letters), 40


class Tied(nn.Module):
    """A causal transformer whose last layer has the weights of its embedding."""

    def __init__(self, letters: int, width: int = 48, block: int = 24) -> None:
        super().__init__()
        self.tokens, self.places = nn.Embedding(letters, width), nn.Embedding(block, width)
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(width, 4, 2 * width, 0.0, batch_first=True, norm_first=True) for _ in range(2)
        )
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, letters, bias=False)
        self.head.weight = self.tokens.weight

    def forward(self, letters: Tensor) -> Tensor:
        count = letters.shape[1]
        hidden = self.tokens(letters) + self.places(torch.arange(count))
        mask = nn.Transformer.generate_square_subsequent_mask(count)
        for layer in self.layers:
            hidden = layer(hidden, src_mask=mask, is_causal=True)
        return self.head(self.norm(hidden))


@fault("init_large")
def tied_to_a_wide_embedding(watch: Watch, seed: int, fixed: bool, steps: int) -> Judged:
    """The last layer shares the weights of an embedding, which start with deviation 1, and logits are in the tens."""
    text, letters = _sentences()
    model = Tied(letters)
    if fixed:
        for module in model.modules():
            if isinstance(module, nn.Embedding):
                nn.init.normal_(module.weight, std=0.02)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)
    generator = generator_of(seed)
    doctor = watch(model, optimizer)
    pieces = text.unfold(0, 25, 1)
    for _ in range(int(0.7 * steps)):
        chosen = pieces[torch.randint(10_000, (24,), generator=generator)]
        logits = model(chosen[:, :-1])
        loss = functional.cross_entropy(logits.reshape(-1, letters), chosen[:, 1:].reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        doctor.step(loss)

    def quality() -> float:
        held = pieces[10_200::24]
        with torch.no_grad():
            logits = model.eval()(held[:, :-1])
        return -float(functional.cross_entropy(logits.flatten(0, 1), held[:, 1:].flatten()))

    return doctor, quality
